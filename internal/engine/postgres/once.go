package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/jackc/pgx/v5/pgconn"

	"slipway"
	"slipway/internal/engine"
	"slipway/internal/sqltext"
)

// Bounds of a file that goes to the server in one message.
const (
	maxOnceBytes      = 256 << 10
	maxOnceStatements = 100
)

// SQLSTATEs of steps that stop a message.
const (
	divisionByZero   = "22012"
	outOfTransaction = "25P01"
	uniqueViolation  = "23505"
)

// once reports whether the segment is the whole of a small file that nothing
// was run of before.
func (a *application) once(seg engine.Segment) bool {
	return seg.Index == 0 && !seg.Alone && len(a.script.Segments) == 1 && len(a.journal) == 0 &&
		seg.End-seg.Start <= maxOnceBytes && seg.Statements <= maxOnceStatements
}

// A receipt is what the server answered to the steps that record a file.
type receipt struct {
	row    written   // zero if none was
	ledger ledgerSum // as the transaction leaves it
	hash   string    // of the row, at that time
}

// tryOnce is try for a small file, with all of it in one message: on a long way
// a file takes one round trip. Whatever try would look at before it commits is a
// step that fails where try would stop, so that the server skips the COMMIT.
func (a *application) tryOnce(ctx context.Context, seg engine.Segment) error {
	if ctx.Err() != nil {
		return a.fileError(ctx, ctx.Err())
	}
	statements := slices.Collect(a.script.Statements(seg))
	var r receipt
	steps := a.beginSteps(ctx)
	first := len(steps)
	for _, st := range statements {
		steps = append(steps, step{sql: st.Text, live: true, done: func(tag pgconn.CommandTag, _ [][]string) { a.logOne(st, tag.RowsAffected()) }})
	}
	steps = append(steps, a.recordSteps(ctx, statements, &r)...)
	commit := len(steps)
	steps = append(steps, a.commitStep(ctx))
	steps = append(steps, a.resetSteps()...)

	watch := a.watchBlockers(ctx)
	n, err := deliver(ctx, a.conn, steps)
	blockers := watch()
	a.clean = err == nil
	_, answered := errors.AsType[*pgconn.PgError](err)
	if lost := a.conn.IsClosed() || answered && fatal(err); lost && n <= commit {
		// The COMMIT was on its way too.
		rev, landed, asked := a.landed(ctx, seg, true)
		switch {
		case asked != nil:
			return a.doubt(err, asked)
		case landed:
			a.tell(slipway.LogEntry{Control: &slipway.ControlLog{Type: "COMMIT"}})
			a.rev.Applied, a.rev.Took = rev.Applied, rev.Took
			return nil
		case n < first || n >= first+len(statements):
			return a.notLanded(err)
		}
	}
	switch {
	case n > commit:
		return a.settleOnce(r)
	case n >= first && n < first+len(statements):
		return a.failOne(ctx, statements[n-first], err, blockers)
	}
	return steps[n].fail(err)
}

// settleOnce takes over what is committed now.
func (a *application) settleOnce(r receipt) error {
	want := a.ledger.plus(r.row)
	if r.ledger != want || r.hash != r.row.hash {
		// unreachable unless a trigger of the ledger changed when the row was
		// applied: the rest of it the server has looked at before the commit.
		return a.script.FailFile(engine.Attention, "", slipway.Errorf(slipway.Precondition,
			"the file is committed, and so is what something else wrote to its row of slipway_revision at the same time: look at the ledger before anything else runs"))
	}
	a.rev.Applied, a.rev.Took, a.ledger = r.row.applied, r.row.took, want
	return nil
}

func (a *application) beginSteps(ctx context.Context) []step {
	fail := func(err error) error { return a.fileError(ctx, err) }
	steps := []step{{sql: "BEGIN", fail: fail, done: func(pgconn.CommandTag, [][]string) {
		a.tell(slipway.LogEntry{Control: &slipway.ControlLog{Type: "BEGIN"}})
	}}}
	if _, own := a.src.Extra["lock_timeout"]; !own {
		steps = append(steps, step{sql: fmt.Sprintf("SET LOCAL lock_timeout = %d", a.e.cfg.LockTimeout.Milliseconds()), fail: fail})
	}
	return steps
}

func (a *application) logOne(st sqltext.Statement, rows int64) {
	l := a.script.Log(st, st, "")
	l.Ended, l.Rows = a.e.cfg.Now(), rows
	a.tell(slipway.LogEntry{Statement: l})
}

func (a *application) failOne(ctx context.Context, st sqltext.Statement, err error, blockers string) error {
	offset := -1
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok && pg.Position > 0 {
		offset = byteOffset(st.Text, int(pg.Position)-1)
	}
	l := a.script.Log(st, st, words(err))
	l.Ended = a.e.cfg.Now()
	a.tell(slipway.LogEntry{Statement: l})
	return a.statementError(ctx, st, offset, err, blockers)
}

// recordSteps are record's and its checks, as steps that fail.
func (a *application) recordSteps(ctx context.Context, statements []sqltext.Statement, r *receipt) []step {
	fileError := func(act string) func(error) error {
		return func(err error) error { return a.fileError(ctx, fmt.Errorf("%s: %w", act, err)) }
	}
	ended := func(err error) error {
		if !hasCode(err, outOfTransaction) {
			return a.fileError(ctx, err)
		}
		return a.endedTransaction(statements[len(statements)-1])
	}
	// A savepoint outside a transaction is an error, on every server.
	steps := []step{{sql: "SAVEPOINT slipway", fail: ended}, {sql: "RELEASE SAVEPOINT slipway", fail: ended}}
	for _, sql := range ownRole {
		steps = append(steps, step{sql: sql, fail: fileError("take the session's own role")})
	}
	return append(steps,
		step{
			sql: `SELECT 1 / (SELECT pg_catalog.count(*) FROM (` + a.heldQuery() + `) held)`, args: []string{a.id},
			fail: func(err error) error {
				if hasCode(err, divisionByZero) {
					return a.fileError(ctx, a.lostLock())
				}
				return fileError("check the database's lock")(err)
			},
		},
		step{
			sql:  insertRevision(a.schema, `(extract(epoch FROM clock_timestamp() - transaction_timestamp()) * 1000000)::bigint + $9::bigint`),
			args: revisionArgs(a.rev, a.e.cfg.Now().Sub(a.began)),
			done: func(_ pgconn.CommandTag, rows [][]string) {
				if len(rows) == 1 {
					r.row = readWritten(rows[0])
				}
			},
			fail: func(err error) error { return a.fileError(ctx, a.recordError(err)) },
		},
		a.intactStep(ctx, r))
}

// intactStep fails unless the ledger is what it was before the file, and the new
// row.
func (a *application) intactStep(ctx context.Context, r *receipt) step {
	args := revisionArgs(a.rev, 0)
	return step{
		sql: `SELECT pg_catalog.count(*), pg_catalog.sum(` + rowWriter + `), pg_catalog.max(` + rowHash + `) FILTER (WHERE id = $1),
			1 / (CASE WHEN pg_catalog.count(*) = $9::bigint + 1
				AND coalesce(pg_catalog.sum(` + rowWriter + `) FILTER (WHERE id <> $1), 0) = $10::bigint
				AND pg_catalog.count(*) FILTER (WHERE id = $1 AND version = $2 AND version_key = $3 AND path = $4 AND sha256 = $5
					AND text_sha = $6 AND release = $7 AND task_run = $8 AND deleted IS NULL AND deleter = '') = 1
				AND (` + ledgersThere + `) = 1 THEN 1 ELSE 0 END)
			FROM ` + a.schema + `.slipway_revision`,
		args: append(args[:8], strconv.FormatInt(a.ledger.rows, 10), strconv.FormatInt(a.ledger.writers, 10)),
		done: func(_ pgconn.CommandTag, rows [][]string) {
			r.ledger, _ = readSum(rows[0]) // the server writes numbers
			r.hash = rows[0][2]
		},
		fail: func(err error) error {
			switch {
			case hasCode(err, divisionByZero) && r.row.hash == "":
				return a.fileError(ctx, a.recordError(errNoRow))
			case hasCode(err, divisionByZero):
				return a.fileError(ctx, errTampered())
			}
			return a.fileError(ctx, fmt.Errorf("sum up the ledger: %w", err))
		},
	}
}

func (a *application) recordError(err error) error { return recordError(a.rev.Version, err) }

func (a *application) commitStep(ctx context.Context) step {
	tell := func(words string) {
		a.tell(slipway.LogEntry{Control: &slipway.ControlLog{Type: "COMMIT", Error: words}})
	}
	return step{
		sql:  "COMMIT",
		done: func(pgconn.CommandTag, [][]string) { tell("") },
		fail: func(err error) error {
			tell(words(err))
			return a.fileError(ctx, err)
		},
	}
}

// resetSteps reset the session for the next file, in a transaction of their own.
// An error of theirs leaves the session to tidy.
func (a *application) resetSteps() []step {
	ignored := func(error) error { return nil }
	var steps []step
	for _, sql := range a.resets() {
		steps = append(steps, step{sql: sql, fail: ignored})
	}
	return steps
}

func hasCode(err error, code string) bool {
	pg, ok := errors.AsType[*pgconn.PgError](err)
	return ok && pg.Code == code
}
