// Package rollout carries changes out: plans say what shall change, a rollout
// is a plan on its way through the environments, a task is a release's way to
// one database and a task run one attempt at it.
//
// A worker may die at any line. What it did is known from the target: the
// ledger in that database says which files are in, and the lock there lets one
// session work. The server's rows are written around that and never decide
// whether a file runs: when they disagree, the ledger wins. Nothing runs before
// the session that worked last is known to be gone, and no run is called failed
// whose file committed.
//
// The stages' order is kept here, not by clients: a stage runs when every task
// before it is done or skipped.
package rollout
