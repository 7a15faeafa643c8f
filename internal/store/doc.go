// Package store is all that the server remembers, on SQLite or PostgreSQL. It
// knows no rules: who may write what, and what a write means, is the verbs'
// business. What it does hold are the facts that only a database can hold
// against two callers at the same instant: a name is given once, a task has one
// active run, a stale holder's writes change nothing.
//
// Every SQL text is written once, by hand, for both databases: parameters are
// $1, $2 …, which the SQLite side reads as ?1, ?2 …; no JSON operators, no
// arrays, no FOR UPDATE. Conditions that a query does not ask for are left out
// of its text (see where), because SQLite plans before it knows the parameters.
// Tables come from migrations, a folder per dialect with the same numbers.
// Times are microseconds, truth values 0 and 1, JSON is text.
//
// Reads are methods of Reader. The one in a Store reads what is committed; the
// one in a Tx sees the transaction. Store.Update is the only way to write. On
// SQLite there is one writer at a time, so f in Update(ctx, f) must never wait
// for another Update, nor for the network.
//
// Errors say what is missing, taken or lost by their Kind (NotFound, Exists,
// Conflict); the drivers' own errors are classified in sqlite.go and
// postgres.go and nowhere else.
//
// Secrets (passwords and keys of data sources, signing keys) are sealed with a
// key derived from the master key before they are written; see box. A store
// refuses to open with another master key than it was made with.
//
// The package has a file per noun, more than a room usually has: each is the
// columns, the reads and the writes of one table, and they share sql.go and
// list.go alone.
package store
