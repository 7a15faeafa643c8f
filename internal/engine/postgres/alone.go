package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"slipway"
	"slipway/internal/engine"
	"slipway/internal/sqltext"
)

// tidyTimeout bounds the removal of what a failed statement left behind: it
// waits for every older transaction of the database.
const tidyTimeout = time.Minute

// runAlone runs a statement that cannot be in a transaction. The journal says
// before it that it begins, with what the catalog held, and after it that it is
// done; both are committed by themselves, so that no transaction is open while
// it runs: CREATE INDEX CONCURRENTLY would wait for that for ever.
func (a *application) runAlone(ctx context.Context, seg engine.Segment) error {
	var st sqltext.Statement
	for st = range a.script.Statements(seg) {
	}
	p := probeOf(st)
	if en := a.journal[seg.Index]; en.intent {
		settled, err := a.settle(ctx, seg, st, p, en)
		if err != nil || settled {
			return err
		}
	}
	for {
		err := a.tryAlone(ctx, seg, st, p)
		// A deadlock may have come in the middle of what no transaction undoes.
		if err == nil || !a.again(ctx, err, lockNotAvailable) {
			return err
		}
	}
}

func (a *application) tryAlone(ctx context.Context, seg engine.Segment, st sqltext.Statement, p probe) error {
	before, err := p.look(ctx, a.conn)
	if err != nil {
		return a.fileError(ctx, err)
	}
	if err := a.holds(ctx); err != nil {
		return a.fileError(ctx, err)
	}
	if err := a.write(ctx, seg, entry{intent: true, before: before}); err != nil {
		return a.fileError(ctx, err)
	}
	wait := a.e.cfg.LockTimeout
	if patient(st) {
		wait = a.e.cfg.AloneWait
	}
	if err := exec(ctx, a.conn, fmt.Sprintf("SET lock_timeout = %d", wait.Milliseconds())); err != nil {
		return a.fileError(ctx, err)
	}
	watch := a.watchBlockers(ctx)
	_, rows, err := runBatch(ctx, a.conn, st.Text)
	waitedFor := watch()
	said := ""
	if err != nil {
		said = words(err)
	}
	l := a.script.Log(st, st, said)
	l.Ended, l.Rows = a.e.cfg.Now(), at(rows, 0)
	a.tell(slipway.LogEntry{Statement: l})
	if err != nil {
		return a.failAlone(ctx, seg, st, p, before, a.statementError(ctx, st, positionOf(st, err), err, waitedFor))
	}
	if err := a.write(ctx, seg, entry{done: true}); err != nil {
		// It took effect: the intent makes the next session ask the catalog.
		e := a.fileError(ctx, err)
		e.Class = engine.InDoubt
		return e
	}
	return nil
}

// patient reports whether the statement blocks nobody while it waits.
func patient(st sqltext.Statement) bool {
	return strings.Contains(strings.ToUpper(plain(st)), "CONCURRENTLY")
}

func positionOf(st sqltext.Statement, err error) int {
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok && pg.Position > 0 {
		return byteOffset(st.Text, int(pg.Position)-1)
	}
	return -1
}

// failAlone takes away what a failed statement left, and its intent with it. An
// intent that stays makes the next session settle it first.
func (a *application) failAlone(ctx context.Context, seg engine.Segment, st sqltext.Statement, p probe, before string, e *engine.StatementError) error {
	if a.conn.IsClosed() {
		e.Class = engine.InDoubt
		e.Failure.Message = "the connection was lost while the statement ran outside a transaction; the next run asks the database what became of it"
		e.Err = slipway.Errorf(slipway.Unavailable, "%s", e.Failure.Message).Because(e.Err)
		return e
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), tidyTimeout)
	defer cancel()
	left, err := p.carcasses(ctx, a.conn, before)
	if err == nil {
		err = a.drop(ctx, left)
	}
	if err == nil {
		err = a.strike(ctx, seg)
	}
	if err != nil {
		e.Failure.Message += "; it left an invalid index, which the next run removes first (" + words(err) + ")"
	} else if len(left) > 0 {
		e.Failure.Message += "; the invalid index that it left, " + strings.Join(left, ", ") + ", was dropped"
	}
	return e
}

func (a *application) drop(ctx context.Context, indexes []string) error {
	for _, name := range indexes {
		if err := exec(ctx, a.conn, "DROP INDEX CONCURRENTLY IF EXISTS "+name); err != nil {
			return fmt.Errorf("drop the invalid index %s: %w", name, err)
		}
	}
	return nil
}

// settle finds out what became of a statement that an earlier session began and
// did not end, and reports whether it is done.
func (a *application) settle(ctx context.Context, seg engine.Segment, st sqltext.Statement, p probe, en entry) (bool, error) {
	verdict, err := p.judge(ctx, a.conn, en.before)
	if err != nil {
		return false, a.fileError(ctx, err)
	}
	switch verdict {
	case tookEffect:
		if err := a.write(ctx, seg, entry{done: true}); err != nil {
			return false, a.fileError(ctx, err)
		}
		return true, nil
	case mayRun:
		left, err := p.carcasses(ctx, a.conn, en.before)
		if err == nil {
			err = a.drop(ctx, left)
		}
		if err == nil {
			err = a.strike(ctx, seg)
		}
		if err != nil {
			return false, a.fileError(ctx, err)
		}
		return false, nil
	}
	e := a.script.Fail(st, -1, slipway.Failure{Message: "an earlier run was cut off in the middle of this statement, which runs outside a transaction, and the catalog does not tell whether it took effect: " +
		"look, and either finish it by hand and record the version as a baseline, or undo it and delete its rows from " + a.schema + ".slipway_journal"}, nil)
	e.Err, e.Class = slipway.Errorf(slipway.Precondition, "%s", e.Failure.Message), engine.Attention
	return false, e
}

// A verdict is what a probe makes of a statement that was cut off.
type verdict int

const (
	unknown    verdict = iota
	tookEffect         // do not run it again
	mayRun             // it left nothing, or running it again is harmless
)

// A probe asks the catalog about one statement: what it says before, and what
// follows from the difference to what it says later.
type probe struct {
	kind  probeKind
	table string // of indexed: as the statement spells it
	name  string // of existence: the object as the statement spells it
	sql   string // of existence: yields 't' while the object is there
	gone  bool   // of existence: the statement takes the object away
}

type probeKind int

const (
	opaque    probeKind = iota // the catalog does not tell
	harmless                   // may run twice
	indexed                    // makes an index
	existence                  // makes an object, or takes it away, at one instant
)

// look returns what the catalog says now.
func (p probe) look(ctx context.Context, conn *pgconn.PgConn) (string, error) {
	switch p.kind {
	case indexed:
		rows, err := query(ctx, conn, `SELECT indexrelid FROM pg_index WHERE indrelid = to_regclass($1) ORDER BY 1`, p.table)
		if err != nil {
			return "", fmt.Errorf("look at the indexes of %s: %w", p.table, err)
		}
		var oids []string
		for _, r := range rows {
			oids = append(oids, r[0])
		}
		return strings.Join(oids, ","), nil
	case existence:
		row, err := queryRow(ctx, conn, p.sql, p.name)
		if err != nil {
			return "", fmt.Errorf("look for %s: %w", p.name, err)
		}
		return row[0], nil
	}
	return "", nil
}

// judge decides about a statement that was cut off after before was looked at.
func (p probe) judge(ctx context.Context, conn *pgconn.PgConn, before string) (verdict, error) {
	switch p.kind {
	case harmless:
		return mayRun, nil
	case indexed:
		valid, invalid, err := p.fresh(ctx, conn, before)
		switch {
		case err != nil || len(valid)+len(invalid) > 1:
			return unknown, err
		case len(valid) == 1:
			return tookEffect, nil
		}
		return mayRun, nil
	case existence:
		now, err := p.look(ctx, conn)
		if err != nil {
			return unknown, err
		}
		if now != before && (now == "t") != p.gone {
			return tookEffect, nil
		}
		return mayRun, nil
	}
	return unknown, nil
}

// fresh lists the indexes of the table that were not there before.
func (p probe) fresh(ctx context.Context, conn *pgconn.PgConn, before string) (valid, invalid []string, err error) {
	rows, err := query(ctx, conn, `SELECT i.indexrelid, i.indisvalid AND i.indisready,
		quote_ident(n.nspname) || '.' || quote_ident(c.relname)
		FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE i.indrelid = to_regclass($1)`, p.table)
	if err != nil {
		return nil, nil, fmt.Errorf("look at the indexes of %s: %w", p.table, err)
	}
	old := strings.Split(before, ",")
	for _, r := range rows {
		switch {
		case slices.Contains(old, r[0]):
		case r[1] == "t":
			valid = append(valid, r[2])
		default:
			invalid = append(invalid, r[2])
		}
	}
	return valid, invalid, nil
}

// carcasses lists the invalid indexes that the statement left.
func (p probe) carcasses(ctx context.Context, conn *pgconn.PgConn, before string) ([]string, error) {
	if p.kind != indexed {
		return nil, nil
	}
	_, invalid, err := p.fresh(ctx, conn, before)
	return invalid, err
}
