package bench_test

// introduction opens the document; %s is the machine.
const introduction = `# Performance

What Slipway costs, each figure beside a peer or a limit that was measured in the
same run. ` + "`make bench`" + ` measures and writes this page; the figures are of its last run,
on %s.

The server is the real binary as a process of its own. "CPU" is the time that a
process spent on processors, in user and kernel mode together, and says nothing of
how busy the machine was otherwise; "wall" does. Every database keeps its commits
through a power cut (synchronous(FULL), fsync on). A goal that is missed is said
so: nothing here fails a build.
`

const startText = `
From the start of the process until ` + "`/readyz`" + ` says yes, the median of five, on data that
is there already; then three seconds of rest.
`

const exchangeText = `
A CI job's ID token is traded for a token of ours: the identity read, the signature
and every claim checked, our token signed, the exchange and its audit entry written
and synced to disk before the answer. Callers keep their connections. The limits on
exchanges are as they come; addresses and identities take turns.
`

const flatText = `
The same exchanges with few identities and with many, in RSA-2048 verifications.
`

const partsText = `
Each part alone, called in a loop by one goroutine of the measuring process.
`

const checkText = `
Review rules, the planner's estimates and the ledger's say, against PostgreSQL's own
parser, in the same form and with the same tree, on the same files.
`

const rolloutText = `
Each file is a line, and a transaction with its ledger row. The peer runs each file in
a transaction, in one session, and keeps no account of it. The whole command is what a
pipeline waits for: it uploads the files, makes plan and rollout, and asks how they
get on. A proxy counts the times that a client spoke after the server had.
`

const manyText = `
The client, from its start to its end. psql starts once a database.
`

const bigText = `
100 MiB of INSERTs in one file: uploaded, kept, read and run.
`

const cutText = `
Statements with their places in the file, without running or parsing them.
`

// remainder closes the document: what the costs are that are left, as profiles of
// the same loads show them.
const remainder = `
## What the rest is

**Exchange.** The signature is the smallest part. The largest is keeping the record:
two rows with their indexes, whose pages are written and synced to disk. Exchanges
that come at once share that commit, so it weighs less the more callers there are; a
caller who is alone pays it whole, since no answer leaves before its row is durable. Then come reading the identity and cutting its SQL, which
SQLite compiles anew each time; HTTP and JSON in both directions; the claims, written
twice, into the exchange and into the audit entry; collecting the garbage of all that.
A verification of the token costs about two bare ones: the header is read once by us, strictly,
and once by the library. The goal of three verifications for all of it is out of
reach of a design that keeps its records in SQL in the same process.

**Check.** What is not PostgreSQL's parser is going through its tree for
the rules, cutting the files, and one EXPLAIN for each statement that changes rows.

**Rollout.** One message per file. In it the server parses and runs some twenty short
statements around the file's own: the transaction, the session's own role, the lock,
the ledger row, a look at the ledger, whose every row is counted, and the reset of the
session for the next file. psql sends the file and nothing else. Where the way to the
server is long none of that shows. Of the whole command, up to a second is the client's
wait between two looks at the run.

**Many databases.** A rollout whose plan is known asks each ledger whether the files
are still there, sixteen at a time, and runs nothing. A plan that is new runs a task in
each database: a connection, the lock, the ledger read and held against the files, the
outcome written. Ledgers that the server sees for the first time are copied too, row by
row; the last row above is without that.

**One large file.** It is held whole several times: as the request's body, as the
message in it, as the row on its way into the store, and as the row on its way out.
Running it adds nothing to that, as statements go to the server in messages of a megabyte. Less takes
uploading a file in pieces and storing it in them.
`
