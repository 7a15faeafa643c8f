package rollout

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"slipway"
	"slipway/internal/sqltext"
	"slipway/internal/store"
)

// maxBuffered bounds the log entries that wait to be written. A statement never
// waits for its log: past this bound entries are counted instead of kept.
const maxBuffered = 5000

// flushTimeout bounds one write of a log.
const flushTimeout = 30 * time.Second

// A recorder writes a run's log in batches, off the way of the statements.
type recorder struct {
	st      *store.Store
	run     int64
	replica string
	now     func() time.Time

	writing sync.Mutex // held while a batch is written, so that batches keep their order

	mu      sync.Mutex // guards the fields below
	buffer  []slipway.LogEntry
	dropped int
}

// add takes an entry and returns at once.
func (r *recorder) add(e slipway.LogEntry) {
	if e.Time.IsZero() {
		e.Time = r.now()
	}
	e.Replica = r.replica
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.buffer) >= maxBuffered {
		r.dropped++
		return
	}
	r.buffer = append(r.buffer, e)
}

// flush writes what waits. What cannot be written waits on. It does not end with
// ctx: a batch that was written, but whose answer was not waited for, would be
// written twice.
func (r *recorder) flush(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), flushTimeout)
	defer cancel()
	r.writing.Lock()
	defer r.writing.Unlock()
	r.mu.Lock()
	batch, dropped := r.buffer, r.dropped
	r.buffer, r.dropped = nil, 0
	r.mu.Unlock()
	if dropped > 0 {
		text := fmt.Sprintf("-- %d entries are left out: statements ran faster than their log could be written", dropped)
		batch = append(batch, slipway.LogEntry{Time: r.now(), Replica: r.replica, Statement: &slipway.StatementLog{Text: text, Ended: r.now()}})
	}
	if len(batch) == 0 {
		return
	}
	err := r.st.Update(ctx, func(tx *store.Tx) error { return tx.AddLog(ctx, r.run, batch) })
	if err == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.buffer = append(batch, r.buffer...)
}

// recall tells the log of the files that this run applied and whose commit is
// not in the log: because an earlier worker took what it had not written yet
// with it, or because the connection was lost before the commit's answer. The
// ledger knows what and when.
func (w *worker) recall(ctx context.Context, ledger []slipway.Revision) error {
	if !w.unsure {
		return nil
	}
	w.log.flush(ctx)
	var log []slipway.LogEntry
	err := w.retry(ctx, func() (err error) {
		log, err = w.s.st.Log(ctx, w.run.ID)
		return err
	})
	if err != nil {
		return cause(ctx)
	}
	w.unsure = false
	told := committed(log)
	for _, rev := range ledger {
		if rev.TaskRun != w.run.Name() || told[rev.Version] {
			continue
		}
		w.log.add(slipway.LogEntry{Time: rev.Applied, File: &slipway.FileLog{Version: rev.Version, Path: rev.Path}})
		w.log.add(slipway.LogEntry{Time: rev.Applied, Control: &slipway.ControlLog{Type: "COMMIT"}})
	}
	return nil
}

// committed returns the versions that a log has to the end: a commit is the
// last that it has of them.
func committed(log []slipway.LogEntry) map[string]bool {
	told := map[string]bool{}
	now := map[string]string{} // the file that a replica was at
	for _, e := range log {
		switch {
		case e.File != nil:
			now[e.Replica] = e.File.Version
			told[e.File.Version] = false
		case now[e.Replica] != "":
			told[now[e.Replica]] = e.Control != nil && e.Control.Type == "COMMIT" && e.Control.Error == ""
		}
	}
	return told
}

// mirror keeps the server's copy of a ledger. Revisions that it did not know,
// after it was restored from an old backup, say, it knows from now on. The copy
// decides nothing, so a failure to write it stops nothing.
func (w *worker) mirror(ctx context.Context, ledger []slipway.Revision) {
	w.flushCopies(ctx) // before what may be newer
	ref := w.run.Task.Target
	for i := range ledger {
		ledger[i].Database = ref
	}
	if have, err := w.s.st.Ledger(ctx, ref); err == nil && slices.Equal(have, ledger) {
		return
	}
	w.try(ctx, "keep the copy of a ledger", func(tx *store.Tx) error { return tx.PutRevisions(ctx, ref, ledger) })
}

// copyLedger makes good what could not be copied while the run worked.
func (w *worker) copyLedger(ctx context.Context) {
	d, err := w.s.st.Database(ctx, w.run.Task.Target)
	if err == nil {
		err = w.s.refresh(ctx, d)
	}
	if err != nil {
		w.s.lg.Warn("keep the copy of a ledger", "run", w.run.Name(), "err", err)
	}
}

// keep has a revision copied and the progress told with the next batch: a file
// does not wait for the server's own disk, since the ledger is what counts.
func (w *worker) keep(rev slipway.Revision) {
	w.copies.mu.Lock()
	defer w.copies.mu.Unlock()
	w.copies.revs = append(w.copies.revs, rev)
	w.copies.done, w.copies.all = w.done, w.all
}

// copies are revisions that wait to be copied.
type copies struct {
	writing sync.Mutex // held while a batch is written

	mu   sync.Mutex // guards the fields below
	revs []slipway.Revision
	done int // files of the release that are in, with the last of revs
	all  int // files of the release
}

// flushCopies writes what waits.
func (w *worker) flushCopies(ctx context.Context) {
	w.copies.writing.Lock()
	defer w.copies.writing.Unlock()
	w.copies.mu.Lock()
	revs, done, all := w.copies.revs, w.copies.done, w.copies.all
	w.copies.revs = nil
	w.copies.mu.Unlock()
	if len(revs) == 0 {
		return
	}
	w.try(ctx, "keep the copy of revisions", func(tx *store.Tx) error {
		for _, rev := range revs {
			if err := tx.PutRevision(ctx, rev); err != nil {
				return err
			}
		}
		return tx.SetProgress(ctx, w.run.ID, w.run.Lease.Fence, done, all)
	})
}

func (w *worker) tellProgress(ctx context.Context) {
	w.try(ctx, "tell progress", func(tx *store.Tx) error {
		return tx.SetProgress(ctx, w.run.ID, w.run.Lease.Fence, w.done, w.all)
	})
}

func (w *worker) try(ctx context.Context, act string, f func(tx *store.Tx) error) {
	if err := w.s.st.Update(ctx, f); err != nil {
		w.stale.Store(true)
		w.s.lg.Warn(act, "run", w.run.Name(), "err", err)
	}
}

// dialects says how the files of an engine are cut.
var dialects = map[slipway.Engine]sqltext.Dialect{
	slipway.Postgres: sqltext.Postgres,
	slipway.SQLite:   sqltext.SQLite,
}

// textSHA tells an edit from a reformat: it is equal for texts that differ in
// comments and spacing alone.
func textSHA(e slipway.Engine, text []byte) string {
	sum := sha256.Sum256(sqltext.Normalize(dialects[e], text))
	return hex.EncodeToString(sum[:])
}

// words returns what may be shown of err. Engines say what is wrong with a
// target in words that hold no secret.
func words(err error) string { return slipway.MessageOf(err) }

func capital(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}
