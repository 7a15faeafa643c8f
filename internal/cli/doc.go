// Package cli is the client: what pipelines and people run against a server.
// It speaks the public API and nothing else, so whatever it can do, another
// client can do too.
//
// It never prints a token, never ends with exit code 0 unless what was asked
// for is done, and never waits without a bound for a server that refuses it.
// Everything that is typed may be wrong: flags, environment, file names and
// the server's address are checked before the first request is sent.
//
// The program answers to three names. As slipway it has all commands; as
// bytebase-action it has check and rollout; as sql-review it is check. A
// symbolic link makes the name, or a subcommand: slipway sql-review.
//
// Files: program.go has the names and commands, voice.go the rules of speech
// and the exit codes, options.go the flags and their environment, files.go the
// migration files, client.go and credential.go the way to the server, check.go
// and report.go the findings, rollout.go, follow.go, progress.go and failure.go
// the change, token.go a look into an ID token, account.go the rest.
package cli
