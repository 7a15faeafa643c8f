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

// remainder closes the document: what the costs are that are left.
const remainder = `
## What the rest is

To be written.
`
