package store

import (
	"context"
	"fmt"
	"time"

	"slipway"
)

// maxRuns bounds the lists of task runs that have no pages.
const maxRuns = 10_000

const runColumns = `task, attempt, status, detail, failure, creator, job, created, updated, started, run_time, holder, fence, expires, session, files_done, files_all`

// selectRun reads task runs with their tasks.
const selectRun = `
	SELECT r.id, r.attempt, r.status, r.detail, r.failure, r.creator, r.job, r.created, r.updated, r.started, r.run_time,
		r.holder, r.fence, r.expires, r.session, r.files_done, r.files_all, ` + taskColumns + `
	FROM task_run r JOIN task t ON t.id = r.task`

func scanRun(r row) (n slipway.TaskRun, err error) {
	into := []any{
		&n.ID, &n.Attempt, &n.Status, &n.Detail, fromJSON(&n.Failure), &n.Creator, fromJSON(&n.Job), at(&n.Created), at(&n.Updated), at(&n.Started), at(&n.RunTime),
		&n.Lease.Holder, &n.Lease.Fence, at(&n.Lease.Expires), &n.Session, &n.FilesDone, &n.FilesAll,
	}
	err = r.Scan(append(into, taskInto(&n.Task)...)...)
	return n, err
}

func runWhat(id int64) string { return fmt.Sprintf("task run %d", id) }

// TaskRun returns a task run with its task.
func (r Reader) TaskRun(ctx context.Context, id int64) (slipway.TaskRun, error) {
	return one(ctx, r, runWhat(id), scanRun, ask(selectRun+` WHERE r.id = $1`, id))
}

// TaskRuns returns the runs of a rollout, of one environment unless env is "",
// of one task unless taskID is 0, in the order in which they were made.
func (r Reader) TaskRuns(ctx context.Context, project string, plan int64, env string, taskID int64) ([]slipway.TaskRun, error) {
	var w where
	w.and("t.plan = " + w.arg(plan))
	w.and("t.project = " + w.arg(project))
	w.eq("t.environment", env)
	if taskID != 0 {
		w.and("t.id = " + w.arg(taskID))
	}
	text := selectRun + w.String() + " ORDER BY r.id LIMIT " + w.arg(maxRuns)
	return all(ctx, r, "list task runs", scanRun, stmt{text, w.args})
}

// OwedTaskRuns returns the runs that nobody works on and somebody should: those
// that are pending, also with a RunTime to come, and those whose holder let the
// lease expire. The oldest come first.
func (r Reader) OwedTaskRuns(ctx context.Context, now time.Time) ([]slipway.TaskRun, error) {
	return all(ctx, r, "list the task runs that are owed", scanRun, ask(selectRun+`
		WHERE r.status IN ('PENDING', 'RUNNING') AND (r.status = 'PENDING' OR r.expires < $1)
		ORDER BY r.id LIMIT $2`, now, maxRuns))
}

// CreateTaskRun adds a run of run.Task.ID, pending, and returns it whole with
// the next attempt's number. It is a Conflict unless the task is not started,
// failed or cancelled: of two callers at the same instant one wins.
func (tx *Tx) CreateTaskRun(ctx context.Context, run slipway.TaskRun) (slipway.TaskRun, error) {
	now := tx.now()
	// The task's row lock keeps a second caller from the same attempt.
	n, err := tx.exec(ctx, fmt.Sprintf("start task %d", run.Task.ID), ask(`
		UPDATE task SET status = $2, updated = $3
		WHERE id = $1 AND status IN ($4, $5, $6)`,
		run.Task.ID, slipway.Pending, now, slipway.NotStarted, slipway.Failed, slipway.Aborted))
	if err != nil {
		return slipway.TaskRun{}, err
	}
	if n == 0 {
		t, err := tx.Task(ctx, run.Task.ID)
		if err != nil {
			return slipway.TaskRun{}, err
		}
		return slipway.TaskRun{}, slipway.Errorf(slipway.Conflict, "task %d is %s and cannot be run", t.ID, t.Status)
	}
	if run.Created.IsZero() {
		run.Created = now
	}
	id, err := one(ctx, tx.Reader, "the new task run", scanned[int64], ask(`
		INSERT INTO task_run (`+runColumns+`, cancel, log_size)
		VALUES ($1, (SELECT COALESCE(MAX(attempt), 0) + 1 FROM task_run WHERE task = $1), $2, $3, $4, $5, $6, $7, $8, 0, $9, '', 0, 0, '', 0, $10, 0, 0)
		RETURNING id`,
		run.Task.ID, slipway.Pending, run.Detail, asJSON(run.Failure), run.Creator, asJSON(run.Job), run.Created, now, run.RunTime, run.FilesAll))
	if err != nil {
		return slipway.TaskRun{}, err
	}
	return tx.TaskRun(ctx, id)
}

// MoveTaskRun saves the status, detail, failure, session and progress of run if
// its stored status is still from and its stored fence is still that of
// run.Lease; otherwise, and where the graph of statuses has no such edge, it is
// a Conflict. The task gets the run's status. A run that is no longer running
// has no holder.
func (tx *Tx) MoveTaskRun(ctx context.Context, run slipway.TaskRun, from slipway.Status) error {
	if !from.CanBecome(run.Status) {
		return slipway.Errorf(slipway.Conflict, "task run %d is %s and cannot become %s", run.ID, from, run.Status)
	}
	if run.Status != slipway.Running {
		run.Lease.Holder, run.Lease.Expires = "", time.Time{}
	}
	now := tx.now()
	n, err := tx.exec(ctx, fmt.Sprintf("move task run %d to %s", run.ID, run.Status), ask(`
		UPDATE task_run SET status = $2, detail = $3, failure = $4, session = $5, files_done = $6, files_all = $7, started = $8,
			updated = $9, holder = $10, expires = $11
		WHERE id = $1 AND status = $12 AND fence = $13`,
		run.ID, run.Status, run.Detail, asJSON(run.Failure), run.Session, run.FilesDone, run.FilesAll, run.Started,
		now, run.Lease.Holder, run.Lease.Expires, from, run.Lease.Fence))
	if err != nil {
		return err
	}
	if n == 0 {
		return tx.lost(ctx, run.ID, run.Lease.Fence)
	}
	return tx.setTaskOf(ctx, run.ID, run.Status, now)
}

// setTaskOf gives the task of a run its status.
func (tx *Tx) setTaskOf(ctx context.Context, run int64, status slipway.Status, now time.Time) error {
	return tx.change(ctx, "task of "+runWhat(run), ask(`
		UPDATE task SET status = $2, updated = $3 WHERE id = (SELECT task FROM task_run WHERE id = $1)`, run, status, now))
}

// lost says why a write with a fence met no row.
func (tx *Tx) lost(ctx context.Context, id, fence int64) error {
	have, err := tx.TaskRun(ctx, id)
	if err != nil {
		return err
	}
	if have.Lease.Fence != fence {
		return slipway.Errorf(slipway.Conflict, "task run %d was taken over by another worker", id)
	}
	return slipway.Errorf(slipway.Conflict, "task run %d is %s by now", id, have.Status)
}

// ClaimTaskRun makes holder the worker of a run until a moment, and the run
// Running, if it is pending or its last holder's lease has expired. The fence
// that the returned run carries is the holder's proof: with a greater one given
// out, its writes are refused. Claimed is false, without an error, if somebody
// else holds the run or it has ended.
func (tx *Tx) ClaimTaskRun(ctx context.Context, id int64, holder string, until time.Time) (run slipway.TaskRun, claimed bool, err error) {
	now := tx.now()
	n, err := tx.exec(ctx, "claim "+runWhat(id), ask(`
		UPDATE task_run SET status = 'RUNNING', holder = $2, expires = $3, fence = fence + 1, updated = $4,
			started = CASE WHEN started = 0 THEN $4 ELSE started END
		WHERE id = $1 AND (status = 'PENDING' OR (status = 'RUNNING' AND expires < $4))`,
		id, holder, until, now))
	if err != nil {
		return slipway.TaskRun{}, false, err
	}
	if n == 1 {
		if err := tx.setTaskOf(ctx, id, slipway.Running, now); err != nil {
			return slipway.TaskRun{}, false, err
		}
	}
	run, err = tx.TaskRun(ctx, id)
	return run, n == 1 && err == nil, err
}

// RenewLease keeps a run for the holder with a fence until a moment, and reports
// whether it still was the holder's.
func (tx *Tx) RenewLease(ctx context.Context, id, fence int64, until time.Time) (bool, error) {
	n, err := tx.exec(ctx, "renew the lease of "+runWhat(id), ask(`
		UPDATE task_run SET expires = $3 WHERE id = $1 AND fence = $2 AND status = 'RUNNING'`, id, fence, until))
	return n == 1, err
}

// SetSession records the target's session that a run works in, before it does
// anything there. It is a Conflict if the fence is stale.
func (tx *Tx) SetSession(ctx context.Context, id, fence int64, session string) error {
	n, err := tx.exec(ctx, "record the session of "+runWhat(id), ask(`
		UPDATE task_run SET session = $3 WHERE id = $1 AND fence = $2 AND status = 'RUNNING'`, id, fence, session))
	if err == nil && n == 0 {
		return tx.lost(ctx, id, fence)
	}
	return err
}

// SetProgress records how many files of a run are done. It is a Conflict if the
// fence is stale.
func (tx *Tx) SetProgress(ctx context.Context, id, fence int64, done, all int) error {
	n, err := tx.exec(ctx, "record the progress of "+runWhat(id), ask(`
		UPDATE task_run SET files_done = $3, files_all = $4, updated = $5 WHERE id = $1 AND fence = $2 AND status = 'RUNNING'`,
		id, fence, done, all, tx.now()))
	if err == nil && n == 0 {
		return tx.lost(ctx, id, fence)
	}
	return err
}

// RequestCancel asks the worker of a run to stop; see CancelRequested.
func (tx *Tx) RequestCancel(ctx context.Context, id int64) error {
	return tx.change(ctx, runWhat(id), ask(`UPDATE task_run SET cancel = 1 WHERE id = $1`, id))
}

// CancelRequested reports whether somebody asked for a run to stop.
func (r Reader) CancelRequested(ctx context.Context, id int64) (bool, error) {
	return one(ctx, r, runWhat(id), scanned[bool], ask(`SELECT cancel FROM task_run WHERE id = $1`, id))
}
