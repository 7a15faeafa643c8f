package rollout

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"slipway"
	"slipway/internal/engine"
	"slipway/internal/store"
)

// Why a worker stops before its run's end.
var (
	errCanceled  = errors.New("the run was canceled")
	errLeaseLost = errors.New("another worker holds the run")
	errDraining  = errors.New("the server is stopping")
	errLetGo     = errors.New("the server's own database is away")
)

// A worker carries one claimed run out.
type worker struct {
	s   *Service
	run slipway.TaskRun
	t   target
	log *recorder

	project slipway.Project

	session engine.Session // nil while the target is not locked
	begun   bool           // a file was sent to the target
	until   atomic.Int64   // when the lease ends, Unix nanoseconds
	all     int            // files of the release
	done    int            // of them in the ledger
	ran     int            // of them applied by this run
	late    []string       // versions that this worker applied out of order
	copies  copies
	stale   atomic.Bool // something of the server's copy could not be written
	unsure  bool        // the log may lack files that the ledger has
}

// An outcome is how a run ends. The zero status lets go of it: whoever claims
// it next finds out from the target.
type outcome struct {
	status  slipway.Status
	detail  string
	failure *slipway.Failure
}

// A verdict is an outcome on its way up as an error.
type verdict struct{ outcome }

func (v verdict) Error() string { return v.detail }

func failed(format string, args ...any) verdict {
	return verdict{outcome{status: slipway.Failed, detail: fmt.Sprintf(format, args...)}}
}

// Work carries task run id out, unless it is somebody else's or over. It
// returns when the run has ended or has been let go.
func (s *Service) Work(ctx context.Context, id int64) error {
	if s.stopping() {
		return nil // it stays pending for the next start
	}
	run, ok, err := s.claim(ctx, id)
	if err != nil || !ok {
		return err
	}
	w := &worker{s: s, run: run, unsure: run.Lease.Fence > 1, log: &recorder{st: s.st, run: run.ID, replica: s.cfg.Replica, now: s.now}}
	w.until.Store(s.now().Add(s.cfg.Lease).UnixNano())

	wctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	// The lease is kept beyond ctx, until the outcome is written.
	attended, leave := context.WithCancel(context.WithoutCancel(ctx))
	defer leave()
	var attending sync.WaitGroup
	attending.Go(func() { w.attend(attended, stop) })
	end := w.guarded(wctx)
	w.unlock(ctx)
	w.flushCopies(context.WithoutCancel(ctx))
	w.log.flush(ctx) // who sees the outcome sees what led to it
	err = w.finish(context.WithoutCancel(ctx), end)
	if w.stale.Load() {
		w.copyLedger(context.WithoutCancel(ctx))
	}
	leave()
	attending.Wait()
	w.log.flush(context.WithoutCancel(ctx))
	return err
}

// guarded is carry, with a defect of the server as one more outcome: a run that
// nobody ends would be taken up again for ever.
func (w *worker) guarded(ctx context.Context) (end outcome) {
	defer func() {
		if r := recover(); r != nil {
			w.s.lg.Error("task run panicked", "run", w.run.Name(), "panic", r, "stack", string(debug.Stack()))
			end = failed("a defect of the server ended the run; the server's log has the details. %s", capital(w.progress())).outcome
		}
	}()
	return w.carry(ctx)
}

func (s *Service) stopping() bool {
	select {
	case <-s.draining:
		return true
	default:
		return false
	}
}

// attend extends the lease, listens for a cancellation and writes the log,
// until ctx ends. It stops the work when the run is canceled or lost.
func (w *worker) attend(ctx context.Context, stop context.CancelCauseFunc) {
	tick := time.NewTicker(w.s.cfg.Watch)
	defer tick.Stop()
	renewed := w.s.now()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if w.s.now().Sub(renewed) >= w.s.cfg.Renew {
			held, err := w.renew(ctx)
			if err == nil && !held {
				stop(errLeaseLost)
				return
			}
			if err == nil {
				renewed = w.s.now()
			}
		}
		if yes, err := w.s.st.CancelRequested(ctx, w.run.ID); err == nil && yes {
			stop(errCanceled)
		}
		w.flushCopies(ctx)
		w.log.flush(ctx)
	}
}

func (w *worker) renew(ctx context.Context) (held bool, err error) {
	until := w.s.now().Add(w.s.cfg.Lease)
	err = w.s.st.Update(ctx, func(tx *store.Tx) error {
		held, err = tx.RenewLease(ctx, w.run.ID, w.run.Lease.Fence, until)
		return err
	})
	if err == nil && held {
		w.until.Store(until.UnixNano())
	}
	return held, err
}

// mayBegin reports why no further file may be begun.
func (w *worker) mayBegin(ctx context.Context) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if w.s.stopping() {
		return errDraining
	}
	if w.s.now().UnixNano() >= w.until.Load() {
		return errLetGo // the lease could not be extended: another replica may be at it
	}
	return nil
}

// stopped is the outcome of a run that stops because of err rather than of what
// the target said.
func (w *worker) stopped(err error) outcome {
	switch {
	case errors.Is(err, errLeaseLost), errors.Is(err, errLetGo):
		w.s.lg.Warn("task run let go", "run", w.run.Name(), "fence", w.run.Lease.Fence, "err", err)
		return outcome{}
	case errors.Is(err, errCanceled):
		return outcome{status: slipway.Aborted, detail: fmt.Sprintf("canceled; %s", w.progress())}
	}
	return outcome{status: slipway.Pending, detail: "waiting for the server to come back; " + w.progress()}
}

// progress says in words how far the release has come on the target.
func (w *worker) progress() string {
	if len(w.late) > 0 {
		return w.count() + "; out of order: " + strings.Join(w.late, ", ")
	}
	return w.count()
}

func (w *worker) count() string {
	switch {
	case w.all == 0:
		return "nothing was run"
	case w.ran == 0 && w.done == w.all:
		return fmt.Sprintf("nothing to do: all %d files were applied before", w.all)
	case w.ran == 0:
		return fmt.Sprintf("no file was applied, %d of %d were before", w.done, w.all)
	}
	return fmt.Sprintf("%d of %d files are applied, %d of them by this run", w.done, w.all, w.ran)
}

// finish writes the outcome. A run that another worker holds by now is left to
// it.
func (w *worker) finish(ctx context.Context, end outcome) error {
	if end.status == "" {
		return nil
	}
	run := w.run
	run.Status, run.Detail, run.Failure = end.status, end.detail, end.failure
	run.FilesDone, run.FilesAll = w.done, w.all
	err := w.retry(ctx, func() error {
		err := w.s.st.Update(ctx, func(tx *store.Tx) error {
			run.Updated = w.s.now()
			if err := tx.MoveTaskRun(ctx, run, slipway.Running); err != nil {
				return err
			}
			if end.status == slipway.Done {
				if err := w.mark(ctx, tx); err != nil {
					return err
				}
			}
			if end.status == slipway.Failed {
				if err := w.s.halt(ctx, tx, run.Task); err != nil {
					return err
				}
			}
			return w.s.wakeNext(ctx, tx, run.Task)
		})
		if err != nil && slipway.KindOf(err) == slipway.Conflict && w.mine(ctx) {
			return fmt.Errorf("another transaction was in the way: %w", slipway.Errorf(slipway.Unavailable, "try again").Because(err))
		}
		return err
	})
	if slipway.KindOf(err) == slipway.Conflict && err != nil {
		w.s.lg.Warn("task run was taken over before its outcome was written", "run", run.Name(), "outcome", string(end.status))
		return nil
	}
	if err != nil {
		return fmt.Errorf("write the outcome %s of %s: %w", end.status, run.Name(), err)
	}
	return nil
}

// mine reports whether the run is still this worker's.
func (w *worker) mine(ctx context.Context) bool {
	now, err := w.s.st.TaskRun(ctx, w.run.ID)
	return err == nil && now.Status == slipway.Running && now.Lease.Fence == w.run.Lease.Fence
}

// mark notes on the database which release it has.
func (w *worker) mark(ctx context.Context, tx *store.Tx) error {
	d, err := tx.Database(ctx, w.run.Task.Target)
	if err != nil {
		return err
	}
	d.Release, d.Synced, d.SyncError = w.run.Task.Release, w.s.now(), ""
	return tx.PutDatabase(ctx, d)
}

// storeTries bounds how often the server's own database is tried before the run
// is let go: its lease ends and the next worker goes on from the ledger.
const storeTries = 10

// retry does op until it succeeds, fails for a reason that stays, or ctx ends.
func (w *worker) retry(ctx context.Context, op func() error) (err error) {
	for n := range storeTries {
		if err = op(); err == nil {
			return nil
		}
		if k := slipway.KindOf(err); k != slipway.Unavailable && k != slipway.Internal && k != slipway.Timeout {
			return err
		}
		if ctx.Err() != nil {
			return err
		}
		w.s.lg.Warn("the server's own database failed; trying again", "run", w.run.Name(), "err", err)
		w.pause(ctx, n)
	}
	return err
}

// pause waits before try n+1, longer each time and never exactly as long as
// others do.
func (w *worker) pause(ctx context.Context, n int) {
	d := w.s.cfg.Backoff << min(n, 5)
	d = d/2 + rand.N(d/2+1)
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}
