package rollout

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"slipway"
	"slipway/internal/engine"
	"slipway/internal/sqltext"
	"slipway/internal/store"
)

// doubts bounds how often in a row a connection may be lost within a file.
const doubts = 3

// carry does the run's work. In the order of its steps: the target must still
// be the one that was planned; sessions that worked on it for this task must be
// gone; it is locked; the ledger says what is pending; each pending file is
// applied. When a connection is lost with a file in doubt, that begins anew and
// the ledger decides.
func (w *worker) carry(ctx context.Context) outcome {
	err := w.creator(ctx)
	if err != nil {
		return w.outcomeOf(ctx, nil, err)
	}
	files, err := w.prepare(ctx)
	if err != nil {
		return w.outcomeOf(ctx, files, err)
	}
	lost := 0
	for {
		before := w.done
		err := w.round(ctx, files)
		if err == nil {
			return outcome{status: slipway.Done, detail: w.progress()}
		}
		if !inDoubt(ctx, err) {
			return w.outcomeOf(ctx, files, err)
		}
		if w.done > before {
			lost = 0
		}
		if lost++; lost > doubts {
			return w.outcomeOf(ctx, files, failed("the connection to the database was lost %d times in a row, last: %s. Running again finds out what became of the file", lost, words(err)))
		}
		w.log.add(slipway.LogEntry{Retry: &slipway.RetryLog{Error: words(err), Count: lost, Maximum: doubts}})
		w.unsure = true
		w.unlock(ctx)
		w.pause(ctx, lost)
	}
}

// round locks the target and applies what is pending.
func (w *worker) round(ctx context.Context, files []slipway.File) error {
	if err := w.lock(ctx); err != nil {
		return err
	}
	pending, err := w.pending(ctx, files)
	if err != nil {
		return err
	}
	return w.applyAll(ctx, pending)
}

// prepare finds the files and the target, without touching it.
func (w *worker) prepare(ctx context.Context) ([]slipway.File, error) {
	task := w.run.Task
	var rel slipway.Release
	err := w.retry(ctx, func() (err error) {
		p, err := w.s.st.Project(ctx, task.Project)
		if err != nil {
			return err
		}
		if p.Deleted {
			return slipway.Errorf(slipway.Precondition, "project %q is deleted", p.ID)
		}
		w.project = p
		if rel, err = w.s.release(ctx, task.Project, task.Release); err != nil {
			return err
		}
		w.t, err = w.s.target(ctx, task.Project, task.Target)
		return err
	})
	if k := slipway.KindOf(err); err != nil && (k == slipway.NotFound || k == slipway.Precondition || k == slipway.Invalid) {
		return nil, failed("nothing was run: the target is not what was planned any more: %s", slipway.MessageOf(err))
	}
	if err != nil {
		return nil, cause(ctx)
	}
	if env := w.t.environment(); env != task.Environment {
		return nil, failed("nothing was run: %s has moved from environment %q to %q since the rollout was made; make a new plan", task.Target.Name(), task.Environment, env)
	}
	return rel.Files, nil
}

// cause says why the server's own database could not be used: because the work
// was stopped, or because it is away.
func cause(ctx context.Context) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return errLetGo
}

// lock makes sure that the sessions that worked for this task before are gone,
// and locks the target, waiting for others.
func (w *worker) lock(ctx context.Context) error {
	deadline := w.s.now().Add(w.s.cfg.LockWait)
	for n := 0; ; n++ {
		if err := w.mayBegin(ctx); err != nil {
			return err
		}
		err := w.tryLock(ctx)
		if err == nil || ctx.Err() != nil || errors.Is(err, errLetGo) {
			return err
		}
		if k := slipway.KindOf(err); k != slipway.Unavailable && k != slipway.Timeout {
			return failed("the database could not be locked: %s", words(err))
		}
		if w.s.now().After(deadline) {
			return failed("waited %s for the database in vain: %s", w.s.cfg.LockWait, words(err))
		}
		w.log.add(slipway.LogEntry{Retry: &slipway.RetryLog{Error: words(err), Count: n + 1}})
		w.pause(ctx, n)
	}
}

func (w *worker) tryLock(ctx context.Context) error {
	db := w.run.Task.Target.Database
	sessions, err := w.sessions(ctx)
	if err != nil {
		return cause(ctx)
	}
	for _, session := range sessions {
		if err := w.t.engine.End(ctx, w.t.admin, db, session); err != nil {
			return slipway.Errorf(slipway.KindOf(err), "the session that worked here before is not known to be gone: %s", words(err)).Because(err)
		}
	}
	session, err := w.t.engine.Lock(ctx, w.t.admin, db, engine.Holder{
		TaskRun: w.run.Name(), Fence: w.run.Lease.Fence, Replica: w.s.cfg.Replica,
	})
	if err != nil {
		return err
	}
	w.session = session
	// Nothing may run in a session that the next worker could not find.
	err = w.retry(ctx, func() error {
		return w.s.st.Update(ctx, func(tx *store.Tx) error {
			return tx.SetSession(ctx, w.run.ID, w.run.Lease.Fence, session.ID())
		})
	})
	if err != nil {
		w.unlock(ctx)
		return cause(ctx)
	}
	w.run.Session = session.ID()
	return nil
}

// sessions lists the sessions that may still work on the target for this task:
// that of the run's last worker, and those of earlier runs that did not end
// well.
func (w *worker) sessions(ctx context.Context) (ids []string, err error) {
	if w.run.Session != "" {
		ids = append(ids, w.run.Session)
	}
	var runs []slipway.TaskRun
	task := w.run.Task
	err = w.retry(ctx, func() error {
		runs, err = w.s.st.TaskRuns(ctx, task.Project, task.Plan, task.Environment, task.ID)
		return err
	})
	for _, r := range runs {
		if r.ID != w.run.ID && r.Session != "" && r.Status != slipway.Done {
			ids = append(ids, r.Session)
		}
	}
	return ids, err
}

// unlock gives the target back, also when ctx has ended.
func (w *worker) unlock(ctx context.Context) {
	if w.session == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), w.s.cfg.Patience)
	defer cancel()
	if err := w.session.Close(ctx); err != nil {
		w.s.lg.Warn("close a session with a target", "run", w.run.Name(), "err", err)
	}
	w.session = nil
}

// pending reads the ledger, keeps the server's copy of it and returns what is to
// run. Nothing runs when a file that was applied has been edited.
func (w *worker) pending(ctx context.Context, files []slipway.File) ([]slipway.Standing, error) {
	ledger, err := w.session.Revisions(ctx)
	if err != nil {
		return nil, err
	}
	w.mirror(ctx, ledger)
	if err := w.recall(ctx, ledger); err != nil {
		return nil, err
	}
	standings, err := slipway.Stand(files, ledger)
	if err != nil {
		return nil, err
	}
	var pending []slipway.Standing
	w.ran = 0
	for _, st := range standings {
		if st.State != slipway.FilePending && st.Revision.TaskRun == w.run.Name() {
			w.ran++ // by an earlier worker, or before the connection was lost
		}
		switch st.State {
		case slipway.FilePending:
			if st.Late && w.project.OrderPolicy() == slipway.LateRefused {
				return nil, late(st)
			}
			pending = append(pending, st)
		case slipway.FileChanged:
			same, err := w.reformatted(ctx, st)
			if err != nil {
				return nil, err
			}
			if !same {
				return nil, edited(st)
			}
		}
	}
	w.all, w.done = len(files), len(files)-len(pending)
	w.tellProgress(ctx)
	return pending, nil
}

func late(st slipway.Standing) verdict {
	msg := fmt.Sprintf("out of order: %s (version %s) comes before version %s, which is applied already. Give the file a higher version, or let the project take versions out of order",
		st.File.Path, st.File.Version, st.Highest)
	return verdict{outcome{status: slipway.Failed, detail: msg + ". Nothing was run", failure: &slipway.Failure{Path: st.File.Path, Version: st.File.Version, Message: msg}}}
}

func edited(st slipway.Standing) verdict {
	msg := fmt.Sprintf("applied file has been modified: %s (version %s) was applied at %s with SHA-256 %s and has %s now. Restore the file and put the change into a new one",
		st.File.Path, st.File.Version, st.Revision.Applied.UTC().Format(time.RFC3339), st.Revision.SHA256, st.File.SHA256)
	return verdict{outcome{status: slipway.Failed, detail: msg + ". Nothing was run", failure: &slipway.Failure{Path: st.File.Path, Version: st.File.Version, Message: msg}}}
}

// reformatted reports whether a changed file differs from what was applied in
// comments and spacing alone.
func (w *worker) reformatted(ctx context.Context, st slipway.Standing) (bool, error) {
	if st.Revision.TextSHA == "" {
		return false, nil
	}
	_, text, err := w.text(ctx, st.File)
	if err != nil {
		return false, err
	}
	return textSHA(w.t.on.Engine, text) == st.Revision.TextSHA, nil
}

// text returns a file's bytes and the text that they are.
func (w *worker) text(ctx context.Context, f slipway.File) (raw, text []byte, err error) {
	var sheet slipway.Sheet
	err = w.retry(ctx, func() (err error) {
		sheet, err = w.s.st.Sheet(ctx, w.run.Task.Project, f.SHA256)
		return err
	})
	if k := slipway.KindOf(err); err != nil && k != slipway.NotFound {
		return nil, nil, cause(ctx)
	}
	if err != nil {
		return nil, nil, failed("the contents of %s are not to be had: %s", f.Path, words(err))
	}
	if text, err = sqltext.Prepare(sheet.Content); err != nil {
		return nil, nil, failed("%s cannot be run: %s", f.Path, err)
	}
	return sheet.Content, text, nil
}

// applyAll applies files in order and stops at the first that does not get in.
func (w *worker) applyAll(ctx context.Context, pending []slipway.Standing) error {
	for _, st := range pending {
		f := st.File
		if err := w.mayBegin(ctx); err != nil {
			return err
		}
		raw, text, err := w.text(ctx, f)
		if err != nil {
			return err
		}
		rev := slipway.Revision{
			ID: uuid.NewString(), Version: f.Version, Path: f.Path, SHA256: f.SHA256,
			TextSHA: textSHA(w.t.on.Engine, text), Release: w.run.Task.Release,
			TaskRun: w.run.Name(), Database: w.run.Task.Target,
		}
		w.begun = true
		rev, err = w.session.Apply(ctx, rev, raw, w.log.add)
		if err != nil {
			return err
		}
		w.done, w.ran = w.done+1, w.ran+1
		if st.Late {
			w.late = append(w.late, fmt.Sprintf("%s after %s", f.Version, st.Highest))
		}
		rev.Database = w.run.Task.Target
		w.keep(rev)
	}
	return nil
}

// outcomeOf turns what stopped the work into the run's outcome.
func (w *worker) outcomeOf(ctx context.Context, files []slipway.File, err error) outcome {
	if v, ok := errors.AsType[verdict](err); ok {
		return v.outcome
	}
	se, ran := errors.AsType[*engine.StatementError](err)
	if ran && se.Class == engine.Attention {
		return outcome{
			status: slipway.Failed, failure: &se.Failure,
			detail: fmt.Sprintf("this needs a person: %s. %s", se.Error(), capital(w.progress())),
		}
	}
	if ctx.Err() != nil {
		return w.settle(ctx, files, context.Cause(ctx))
	}
	if errors.Is(err, errDraining) || errors.Is(err, errLetGo) {
		return w.stopped(err)
	}
	if ran {
		return outcome{status: slipway.Failed, failure: &se.Failure, detail: fmt.Sprintf("%s. %s", se.Error(), capital(w.progress()))}
	}
	return failed("%s. %s", words(err), capital(w.progress())).outcome
}

// settle asks the target what became of a run that was stopped within a file:
// the file may have committed before it could be canceled.
func (w *worker) settle(ctx context.Context, files []slipway.File, cause error) outcome {
	if !w.begun || errors.Is(cause, errLeaseLost) {
		return w.stopped(cause)
	}
	w.unlock(ctx)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), w.s.cfg.Patience)
	defer cancel()
	ledger, err := w.t.engine.Revisions(ctx, w.t.admin, w.run.Task.Target.Database)
	if err != nil {
		return w.stopped(cause)
	}
	w.mirror(ctx, ledger)
	standings, err := slipway.Stand(files, ledger)
	if err != nil {
		return w.stopped(cause)
	}
	done := 0
	for _, st := range standings {
		if st.State != slipway.FilePending {
			done++
		}
	}
	w.ran, w.done = w.ran+done-w.done, done
	if done == w.all {
		return outcome{status: slipway.Done, detail: w.progress()}
	}
	return w.stopped(cause)
}

// inDoubt reports whether the target must be asked what became of a file.
func inDoubt(ctx context.Context, err error) bool {
	if ctx.Err() != nil || errors.Is(err, errDraining) || errors.Is(err, errLetGo) {
		return false
	}
	if se, ok := errors.AsType[*engine.StatementError](err); ok {
		return se.Class == engine.InDoubt
	}
	return slipway.KindOf(err) == slipway.Unavailable
}
