// Package engine says what Slipway asks of a database that it changes. Each
// kind of server is a child package; no room above names one but the wiring.
//
// The truth about what was applied is the ledger, the table slipway_revision
// in the target database. A file and its ledger row commit together; where a
// statement cannot run in a transaction, rows of slipway_journal say before and
// after it how far the file has come. Nothing is run unless the session holds
// the target's lock, and slipway_owner names the session that does: a session
// that lost the lock finds another name there and commits nothing more.
package engine

import (
	"context"
	"time"

	"slipway"
)

// An Engine reaches databases of one kind of server. It keeps no connection
// between calls and may be used by many goroutines.
//
// Errors are *slipway.Error, or have one in their tree: Unavailable where the
// server cannot be reached, Precondition where it is not fit for a change,
// NotFound where the database is not there.
type Engine interface {
	// Version connects and returns the server's version, "15.18".
	Version(ctx context.Context, src slipway.Source) (string, error)
	// Databases lists the names of the databases that a change can go to, sorted.
	Databases(ctx context.Context, src slipway.Source) ([]string, error)
	// Schema returns the structure of a database as DDL for people to read and
	// compare: the same structure gives the same text.
	Schema(ctx context.Context, src slipway.Source, db string) (string, error)
	// Revisions reads the ledger without a lock, oldest first and deleted ones
	// included; a database without a ledger has none.
	Revisions(ctx context.Context, src slipway.Source, db string) ([]slipway.Revision, error)
	// Baseline records files as applied without running them, all or none. It
	// takes the lock.
	Baseline(ctx context.Context, src slipway.Source, db string, add []slipway.Revision) error
	// DeleteRevision takes a revision out of force, so that its version runs
	// again. It takes the lock. It is no error if that is so already.
	DeleteRevision(ctx context.Context, src slipway.Source, db, id, deleter string, at time.Time) error
	// Examine tells what the engine itself can say of files before they run, in
	// the order given, each file seeing what the ones before it would have made.
	// It never changes the target. The findings are in the order of files.
	Examine(ctx context.Context, src slipway.Source, db string, files []ExamineFile) ([]Finding, error)
	// Lock opens the one session that may change the database. The error is a
	// *Busy if another session holds the lock.
	Lock(ctx context.Context, src slipway.Source, db string, by Holder) (Session, error)
	// End makes sure that a session, as its ID named it, no longer works in the
	// database: it ends it and waits until it is gone. It is no error if it is
	// gone already, or if session is "".
	End(ctx context.Context, src slipway.Source, db, session string) error
}

// A Session holds a database's lock. It is for one goroutine.
type Session interface {
	// ID names the session for End and holds no secret.
	ID() string
	// Revisions reads the ledger as Engine.Revisions does.
	Revisions(ctx context.Context) ([]slipway.Revision, error)
	// Apply runs a file and records rev in the ledger, both or neither. A file
	// of that version and content that is recorded already is not run again: its
	// revision is returned. A file that an earlier session left half done, which
	// only statements outside transactions can, goes on where that one stopped.
	//
	// The error is a *StatementError, unless the session could not begin with
	// the file at all. When ctx ends the running statement is canceled and its
	// transaction rolled back. What happens is told to log from the calling
	// goroutine.
	Apply(ctx context.Context, rev slipway.Revision, statement []byte, log func(slipway.LogEntry)) (slipway.Revision, error)
	// Close gives the lock back. It may be called again.
	Close(ctx context.Context) error
}

// A Holder is who holds a lock, for whoever finds it taken.
type Holder struct {
	TaskRun string // resource name
	Fence   int64  // of the task run's lease
	Replica string // the server process
}

// An ExamineFile is a file to look at before it runs.
type ExamineFile struct {
	Path      string
	Version   string
	Statement []byte
}

// A Finding is what an engine says of an ExamineFile.
type Finding struct {
	Path     string
	Advices  []slipway.Advice
	Affected int64 // rows that it would change, estimated; 0 when not known
}

// Codes and titles of the advices that engines give, as reports of this API
// number them.
const (
	SyntaxCode      = 201
	SyntaxTitle     = "Syntax error"
	SimulationCode  = 260
	SimulationTitle = "DDL simulation failed"

	LongTransactionCode  = 9006
	LongTransactionTitle = "Long transaction"
)
