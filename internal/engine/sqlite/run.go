package sqlite

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"slipway"
	"slipway/internal/engine"
	"slipway/internal/sqltext"
)

// loggedSingly is how many statements of a file get a log entry of their own;
// of the rest every so many get one.
const (
	loggedSingly   = 1000
	loggedTogether = 1000
)

// run goes through the segments in the file's order. The ledger row is written
// in the last transaction behind which nothing stands but settings of the
// connection, or in one of its own.
func (a *application) run(ctx context.Context) error {
	segments := a.script.Segments
	last := len(segments) - 1
	for last >= 0 && segments[last].Alone && a.fleeting(segments[last]) {
		last--
	}
	if last >= 0 && (segments[last].Alone || a.journal[last]) {
		last = -1 // its own transaction
	}
	for _, seg := range segments {
		var err error
		switch {
		case seg.Alone:
			err = a.runAlone(ctx, seg)
		case !a.journal[seg.Index]:
			err = a.runTogether(ctx, seg, seg.Index == last)
		}
		if err != nil {
			return err
		}
	}
	if last >= 0 {
		return nil
	}
	return a.runTogether(ctx, engine.Segment{Index: -1}, true)
}

// fleeting reports whether the segment sets what ends with the connection.
func (a *application) fleeting(seg engine.Segment) bool {
	for st := range a.script.Statements(seg) {
		if !slices.Contains([]string{"FOREIGN_KEYS", "SYNCHRONOUS", "TEMP_STORE", "LOCKING_MODE"}, pragma(st)) {
			return false
		}
	}
	return true
}

// pragma is the upper-case name of the pragma that st is, "" if it is none.
func pragma(st sqltext.Statement) string {
	if st.Kind != "PRAGMA" {
		return ""
	}
	words := strings.Fields(strings.ToUpper(string(sqltext.Normalize(sqltext.SQLite, []byte(st.Text)))))
	if len(words) > 3 && words[2] == "." {
		return strings.TrimSuffix(words[3], ";")
	}
	if len(words) < 2 {
		return ""
	}
	return strings.TrimSuffix(words[1], ";")
}

// runAlone runs what SQLite refuses or ignores in a transaction: pragmas and
// VACUUM. They need no journal: run twice they do what they did once, and the
// settings among them are lost with the connection, so that a file which goes
// on has to make them again.
func (a *application) runAlone(ctx context.Context, seg engine.Segment) error {
	for st := range a.script.Statements(seg) {
		a.d.guard.vacuum = st.Kind == "VACUUM"
		err := a.exec(ctx, st, true)
		a.d.guard.vacuum = false
		if err != nil {
			return err
		}
	}
	return nil
}

// runTogether runs a segment in one transaction, again and again while other
// writers are in the way. Index -1 is no segment: the ledger row alone.
func (a *application) runTogether(ctx context.Context, seg engine.Segment, last bool) error {
	for {
		err := a.try(ctx, seg, last)
		if err == nil || !a.again(ctx, err) {
			return err
		}
	}
}

func (a *application) try(ctx context.Context, seg engine.Segment, last bool) error {
	// Immediate, because a transaction that reads first cannot always go on to
	// write, and then all of it has to be done again.
	if err := a.d.exec(ctx, "BEGIN IMMEDIATE"); err != nil {
		return a.fileError(ctx, err)
	}
	a.tell(slipway.LogEntry{Control: &slipway.ControlLog{Type: "BEGIN"}})
	if seg.Index >= 0 {
		if err := a.send(ctx, seg); err != nil {
			a.rollback(ctx)
			return err
		}
	}
	rev, ledger := a.rev, a.ledger
	if err := a.record(ctx, seg, last, &rev, &ledger); err != nil {
		a.rollback(ctx)
		return a.fileError(ctx, err)
	}
	if err := a.commit(ctx, seg, last); err != nil {
		return err
	}
	a.rev, a.ledger = rev, ledger
	return nil
}

// send runs a segment's statements one by one.
func (a *application) send(ctx context.Context, seg engine.Segment) error {
	n := 0
	for st := range a.script.Statements(seg) {
		n++
		if err := a.exec(ctx, st, n <= loggedSingly || n%loggedTogether == 0); err != nil {
			return err
		}
	}
	return nil
}

// exec runs one statement of the file and tells the log, if it is to be told.
func (a *application) exec(ctx context.Context, st sqltext.Statement, tell bool) error {
	res, err := a.d.conn.ExecContext(ctx, st.Text)
	if err != nil || tell {
		said := ""
		if err != nil {
			said = words(err)
		}
		l := a.script.Log(st, st, said)
		l.Ended = a.e.cfg.Now()
		if err == nil && changesRows(st.Kind) {
			l.Rows, _ = res.RowsAffected() // of other statements it would be the last one's
		}
		a.tell(slipway.LogEntry{Statement: l})
	}
	if err != nil {
		return a.statementError(ctx, st, err)
	}
	return nil
}

func changesRows(k sqltext.Kind) bool {
	return slices.Contains([]sqltext.Kind{"INSERT", "UPDATE", "DELETE", "REPLACE"}, k)
}

// record writes what the commit shall make true: the file's revision, or that
// this segment of it is done; rev and ledger become what they will be then. It
// does so only while the session owns the database.
func (a *application) record(ctx context.Context, seg engine.Segment, last bool, rev *slipway.Revision, ledger *ledgerSum) error {
	var owner string
	if err := a.d.conn.QueryRowContext(ctx, `SELECT session FROM main.slipway_owner`).Scan(&owner); err != nil {
		return fmt.Errorf("check the database's lock: %w", err)
	}
	if owner != a.id {
		return slipway.Errorf(slipway.Unavailable, "the session has lost the lock of database %q, so what it did was rolled back", a.db)
	}
	if !last {
		err := a.d.exec(ctx, `INSERT OR REPLACE INTO main.slipway_journal
			(version_key, segment, digest, statement, task_run, session, written) VALUES (?, ?, ?, ?, ?, ?, ?)`,
			versionKey(a.rev.Version), seg.Index, seg.Digest, a.script.Begins(seg), a.rev.TaskRun, a.id, a.e.cfg.Now().UnixMicro())
		if err != nil {
			return fmt.Errorf("write the journal: %w", err)
		}
		return a.d.intact(ctx, *ledger)
	}
	rev.Applied = a.e.cfg.Now().UTC()
	rev.Took = rev.Applied.Sub(a.began)
	if err := a.d.addRevision(ctx, *rev); err != nil {
		return err
	}
	*ledger = ledger.plus(*rev)
	if err := a.d.exec(ctx, `DELETE FROM main.slipway_journal WHERE version_key = ?`, versionKey(rev.Version)); err != nil {
		return fmt.Errorf("clear the journal: %w", err)
	}
	return a.d.intact(ctx, *ledger)
}

// commit ends the transaction. Where the file's state is not known afterwards,
// because the disk failed on the way, it is opened anew and asked.
func (a *application) commit(ctx context.Context, seg engine.Segment, last bool) error {
	err := a.d.exec(ctx, "COMMIT")
	c := &slipway.ControlLog{Type: "COMMIT"}
	if err != nil {
		c.Error = words(err)
	}
	a.tell(slipway.LogEntry{Control: c})
	if err == nil {
		return nil
	}
	if constraint(err) || busy(err) || ctx.Err() != nil {
		a.rollback(ctx)
		return a.fileError(ctx, err)
	}
	landed, asked := a.landed(ctx, seg, last)
	switch {
	case asked != nil:
		return a.script.FailFile(engine.InDoubt, code(err), slipway.Errorf(slipway.Unavailable,
			"the commit failed (%s), and the file cannot be asked whether it took effect", words(err)).Because(errors.Join(err, asked)))
	case landed:
		a.tell(slipway.LogEntry{Control: &slipway.ControlLog{Type: "COMMIT"}})
		return nil
	}
	return a.fileError(ctx, err)
}

func (a *application) landed(ctx context.Context, seg engine.Segment, last bool) (bool, error) {
	ctx = context.WithoutCancel(ctx)
	a.d.close()
	d, err := open(ctx, a.path, "rw", &a.e.cfg)
	if err != nil {
		return false, err
	}
	a.d = d
	if last {
		revs, err := d.revisions(ctx, "id = ?", a.rev.ID)
		return len(revs) == 1, err
	}
	var n int
	err = d.conn.QueryRowContext(ctx, `SELECT count(*) FROM main.slipway_journal WHERE version_key = ? AND segment = ? AND session = ?`,
		versionKey(a.rev.Version), seg.Index, a.id).Scan(&n)
	return n == 1, err
}

// rollback undoes what is open; some errors have done so already.
func (a *application) rollback(ctx context.Context) {
	ctx = context.WithoutCancel(ctx)
	err := a.d.exec(ctx, "ROLLBACK")
	if err != nil && !strings.Contains(words(err), "no transaction is active") {
		a.e.lg.WarnContext(ctx, "roll back", "database", a.db, "err", err)
	}
	a.tell(slipway.LogEntry{Control: &slipway.ControlLog{Type: "ROLLBACK"}})
}
