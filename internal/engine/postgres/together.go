package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"slipway"
	"slipway/internal/engine"
	"slipway/internal/sqltext"
)

// Bounds of one message to the server. Measured on 500,000 INSERTs: one by one
// they take a round trip each.
const (
	maxBatchBytes      = 1 << 20
	maxBatchStatements = 1000
)

// loggedSingly is how many statements of a file get a log entry of their own;
// of the rest each message to the server gets one.
const loggedSingly = 1000

// runTogether runs a segment in one transaction, again and again while it loses
// against other transactions. Index -1 is no segment: the ledger row alone.
func (a *application) runTogether(ctx context.Context, seg engine.Segment, last bool) error {
	for {
		try := a.try
		if last && a.once(seg) {
			try = func(ctx context.Context, seg engine.Segment, _ bool) error { return a.tryOnce(ctx, seg) }
		}
		err := try(ctx, seg, last)
		if err == nil {
			return nil
		}
		if !a.conn.IsClosed() {
			if err := a.rollback(ctx); err != nil {
				a.e.lg.WarnContext(ctx, "roll back", "database", a.db, "err", err)
			}
		}
		if !a.again(ctx, err, lockNotAvailable, deadlockDetected, serializationFailure) {
			return err
		}
	}
}

func (a *application) try(ctx context.Context, seg engine.Segment, last bool) error {
	begin := fmt.Sprintf("BEGIN; SET LOCAL lock_timeout = %d", a.e.cfg.LockTimeout.Milliseconds())
	if _, own := a.src.Extra["lock_timeout"]; own {
		begin = "BEGIN"
	}
	if err := exec(ctx, a.conn, begin); err != nil {
		return a.fileError(ctx, err)
	}
	a.tell(slipway.LogEntry{Control: &slipway.ControlLog{Type: "BEGIN"}})
	if seg.Index >= 0 {
		if err := a.send(ctx, seg); err != nil {
			return err
		}
	}
	rev, ledger := a.rev, a.ledger
	if err := a.record(ctx, seg, last, &rev, &ledger); err != nil {
		return a.fileError(ctx, err)
	}
	if err := a.commit(ctx, seg, last); err != nil {
		return err
	}
	a.rev, a.ledger = rev, ledger
	return nil
}

// ownRole makes the session its own again within a file's transaction, after the
// work that the file left for the commit.
var ownRole = []string{
	"SET CONSTRAINTS ALL IMMEDIATE", "SET SESSION AUTHORIZATION DEFAULT", "RESET ROLE", "SET LOCAL search_path = pg_catalog",
}

// record writes what the commit shall make true: the file's revision, or that
// this segment of it is done; rev and ledger become what they will be then. The
// file may have changed role and search_path, and left work for the commit,
// which is done before anything is recorded so that it cannot undo the record.
func (a *application) record(ctx context.Context, seg engine.Segment, last bool, rev *slipway.Revision, ledger *ledgerSum) error {
	if err := exec(ctx, a.conn, strings.Join(ownRole, "; ")); err != nil {
		return fmt.Errorf("take the session's own role: %w", err)
	}
	if err := a.holds(ctx); err != nil {
		return err
	}
	if last {
		rev.Took = a.e.cfg.Now().Sub(a.began)
		w, err := addRevision(ctx, a.conn, a.schema, *rev)
		if err != nil {
			return err
		}
		rev.Applied, *ledger = w.applied, ledger.plus(w)
		if err := a.forget(ctx); err != nil {
			return err
		}
		return a.intact(ctx, *ledger, rev.ID, w.hash)
	}
	if err := a.write(ctx, seg, entry{done: true}); err != nil {
		return err
	}
	return a.intact(ctx, *ledger, "", "")
}

// send runs a segment's statements, small DML many to a message.
func (a *application) send(ctx context.Context, seg engine.Segment) error {
	var b batch
	for st := range a.script.Statements(seg) {
		if len(b.statements) > 0 && !b.takes(st) {
			if err := a.flush(ctx, &b); err != nil {
				return err
			}
		}
		b.add(st)
	}
	return a.flush(ctx, &b)
}

// A batch is statements that go to the server as one message.
type batch struct {
	text       strings.Builder
	statements []sqltext.Statement
	starts     []int // of each statement in text, in bytes
	sent       int   // statements of earlier batches
}

// takes reports whether st may go with what is there. The server answers a
// message when all of it has run, so what may take long goes alone.
func (b *batch) takes(st sqltext.Statement) bool {
	return short(st) && short(b.statements[0]) &&
		len(b.statements) < maxBatchStatements && b.text.Len()+len(st.Text) < maxBatchBytes
}

// short reports whether st is an INSERT of rows that it spells out. Spelled in
// mixed case, a SELECT passes; that costs the log its entry and no more.
func short(st sqltext.Statement) bool {
	return st.Kind == "INSERT" && len(st.Text) < 16<<10 && !strings.Contains(st.Text, "SELECT") && !strings.Contains(st.Text, "select")
}

func (b *batch) add(st sqltext.Statement) {
	b.starts = append(b.starts, b.text.Len())
	b.statements = append(b.statements, st)
	b.text.WriteString(st.Text)
	b.text.WriteString(";\n")
}

// flush sends the batch, tells the log and empties it.
func (a *application) flush(ctx context.Context, b *batch) error {
	if len(b.statements) == 0 {
		return nil
	}
	watch := a.watchBlockers(ctx)
	done, rows, err := runBatch(ctx, a.conn, b.text.String())
	blockers := watch()
	if err == nil && a.conn.TxStatus() != 'T' {
		return a.endedTransaction(b.statements[len(b.statements)-1])
	}
	if err != nil {
		return a.failBatch(ctx, b, done, err, blockers)
	}
	a.logBatch(b, rows)
	*b = batch{sent: b.sent + len(b.statements), statements: b.statements[:0], starts: b.starts[:0]}
	return nil
}

func (a *application) endedTransaction(st sqltext.Statement) error {
	e := a.script.Fail(st, -1, slipway.Failure{Message: "the statement ended the transaction that the file runs in: part of the file may be committed"}, nil)
	e.Err, e.Class = slipway.Errorf(slipway.Precondition, "%s", e.Failure.Message), engine.Attention
	return e
}

// runBatch returns how many statements the server answered, and with how many
// rows, and the error of the one behind them.
func runBatch(ctx context.Context, conn *pgconn.PgConn, text string) (int, []int64, error) {
	var rows []int64
	mrr := conn.Exec(ctx, text)
	for mrr.NextResult() {
		tag, err := mrr.ResultReader().Close()
		if err != nil {
			break // mrr.Close has it as well
		}
		rows = append(rows, tag.RowsAffected())
	}
	return len(rows), rows, mrr.Close()
}

func (a *application) logBatch(b *batch, rows []int64) {
	ended := a.e.cfg.Now()
	tell := func(first, last int, rows int64) {
		l := a.script.Log(b.statements[first], b.statements[last], "")
		l.Ended, l.Rows = ended, rows
		a.tell(slipway.LogEntry{Statement: l})
	}
	if b.sent < loggedSingly {
		for i := range b.statements {
			tell(i, i, at(rows, i))
		}
		return
	}
	var all int64
	for _, n := range rows {
		all += n
	}
	tell(0, len(b.statements)-1, all)
}

func at(rows []int64, i int) int64 {
	if i < len(rows) {
		return rows[i]
	}
	return 0
}

// failBatch finds the statement that an error belongs to: by its position in
// the message where the server gave one, which a syntax error anywhere in the
// message needs, and otherwise by how many had been answered.
func (a *application) failBatch(ctx context.Context, b *batch, done int, err error, blockers string) error {
	i, offset := min(done, len(b.statements)-1), -1
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok && pg.Position > 0 {
		at := byteOffset(b.text.String(), int(pg.Position)-1)
		for i = len(b.starts) - 1; i > 0 && b.starts[i] > at; i-- {
		}
		offset = at - b.starts[i]
	}
	st := b.statements[i]
	l := a.script.Log(st, st, words(err))
	l.Ended = a.e.cfg.Now()
	a.tell(slipway.LogEntry{Statement: l})
	return a.statementError(ctx, st, offset, err, blockers)
}

// byteOffset turns the server's count of characters into bytes.
func byteOffset(text string, chars int) int {
	for i := range text {
		if chars == 0 {
			return i
		}
		chars--
	}
	return len(text)
}

func (a *application) rollback(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
	defer cancel()
	if a.conn.TxStatus() == 'I' {
		return nil
	}
	err := mustEnd(ctx, a.conn, "ROLLBACK")
	c := &slipway.ControlLog{Type: "ROLLBACK"}
	if err != nil {
		c.Error = words(err)
	}
	a.tell(slipway.LogEntry{Control: c})
	return err
}

// commit ends the transaction, and finds out what became of it when the
// connection is lost on the way.
func (a *application) commit(ctx context.Context, seg engine.Segment, last bool) error {
	err := mustEnd(ctx, a.conn, "COMMIT")
	c := &slipway.ControlLog{Type: "COMMIT"}
	if err != nil {
		c.Error = words(err)
	}
	a.tell(slipway.LogEntry{Control: c})
	if err == nil {
		return nil
	}
	if _, answered := errors.AsType[*pgconn.PgError](err); answered && !fatal(err) || errors.Is(err, errNotCommitted) {
		return a.fileError(ctx, err)
	}
	_, landed, asked := a.landed(ctx, seg, last)
	if landed {
		a.tell(slipway.LogEntry{Control: &slipway.ControlLog{Type: "COMMIT"}})
	}
	switch {
	case asked != nil:
		return a.doubt(err, asked)
	case landed && last:
		return nil
	case landed:
		return a.script.FailFile(engine.Failed, "", slipway.Errorf(slipway.Unavailable,
			"the connection was lost; what the journal says is done will not run again").Because(err))
	}
	return a.notLanded(err)
}

func (a *application) notLanded(err error) error {
	return a.script.FailFile(engine.Failed, "", slipway.Errorf(slipway.Unavailable,
		"the connection was lost before the commit; the server rolled it back").Because(err))
}

func (a *application) doubt(err, asked error) error {
	return a.script.FailFile(engine.InDoubt, "", slipway.Errorf(slipway.Unavailable,
		"the connection was lost while the file was committed, and the server cannot be asked whether it was: %s", slipway.MessageOf(asked)).Because(errors.Join(err, asked)))
}

// landed asks the server over a new connection, once the old session is known
// to be gone, whether the commit took effect, and with which ledger row.
func (a *application) landed(ctx context.Context, seg engine.Segment, last bool) (slipway.Revision, bool, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), a.e.cfg.ReachBudget)
	defer cancel()
	var err error
	for wait := lockPoll; ; wait = min(2*wait, 2*time.Second) {
		if err = a.e.End(ctx, a.src, a.db, a.id); err == nil {
			break
		}
		if pause(ctx, wait) != nil {
			return slipway.Revision{}, false, err
		}
	}
	conn, err := a.e.dial(ctx, a.src, a.db, a.by.TaskRun)
	if err != nil {
		return slipway.Revision{}, false, err
	}
	defer hangUp(ctx, conn)
	if last {
		revs, err := readRevisions(ctx, conn, a.schema, "id = $1", a.rev.ID)
		if err != nil || len(revs) == 0 {
			return slipway.Revision{}, false, classify(ctx, err)
		}
		return revs[0], true, nil
	}
	journal, err := readJournal(ctx, conn, a.schema, a.rev.Version)
	return slipway.Revision{}, journal[seg.Index].done, classify(ctx, err)
}
