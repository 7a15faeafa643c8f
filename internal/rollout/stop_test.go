package rollout_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"slipway"
	"slipway/internal/inventory"
	"slipway/internal/rollout"
	"slipway/internal/store"
	"slipway/internal/storetest"
)

// endless runs until it is canceled, on each engine.
var endless = map[slipway.Engine]string{
	slipway.SQLite:   "CREATE TABLE n AS WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT count(*) AS n FROM c;",
	slipway.Postgres: "SELECT pg_sleep(600);",
}

func TestCancelRunning(t *testing.T) {
	for kind, statement := range endless {
		t.Run(string(kind), func(t *testing.T) {
			w := newWorldOn(t, storetest.SQLite(t), kind)
			ctx := t.Context()
			ro := w.rollout(files(oneTable, statement))
			run := w.start(ro, "test")
			worked := make(chan error, 1)
			go func() { worked <- w.rollouts.Work(ctx, run.ID) }()
			w.await(run.ID, func(r slipway.TaskRun) bool { return r.FilesDone == 1 })
			in := rollout.Scope{Project: "shop", Plan: ro.Plan}
			other := pipeline
			other.Job = &slipway.Job{Issuer: pipeline.Job.Issuer, ProjectID: "7", PipelineID: "2"}
			if err := w.rollouts.CancelRuns(ctx, other, in, []int64{run.ID}); slipway.KindOf(err) != slipway.Denied {
				t.Errorf("canceling another pipeline's run: %v, want Denied", err)
			}
			must(t, w.rollouts.CancelRuns(ctx, pipeline, in, []int64{run.ID}))
			must(t, <-worked)
			run = w.run(run.ID)
			w.is(run, slipway.Aborted)
			if run.FilesDone != 1 || run.FilesAll != 2 {
				t.Errorf("progress is %d of %d, want 1 of 2: %s", run.FilesDone, run.FilesAll, run.Detail)
			}
			again, err := w.st.Task(ctx, run.Task.ID)
			must(t, err)
			if again.Status != slipway.Aborted {
				t.Errorf("the task is %s, want CANCELED", again.Status)
			}
		})
	}
}

func TestCancelPending(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	ro := w.rollout(files(oneTable))
	run := w.start(ro, "test")
	in := rollout.Scope{Project: "shop", Plan: ro.Plan}
	must(t, w.rollouts.CancelRuns(ctx, admin, in, []int64{run.ID}))
	w.is(w.run(run.ID), slipway.Aborted)
	w.is(w.work(run), slipway.Aborted) // the job in the queue still comes
	in.Plan++
	if err := w.rollouts.CancelRuns(ctx, admin, in, []int64{run.ID}); slipway.KindOf(err) != slipway.NotFound {
		t.Errorf("canceling a run under another plan's name: %v, want NotFound", err)
	}
}

// The server stops within file 1: the file finishes, file 2 is not begun, and
// the next start goes on with it.
func TestDrain(t *testing.T) {
	w := newWorld(t)
	begun, release := make(chan struct{}), make(chan struct{})
	w.breakEngines(func(ctx context.Context, n int, really func() (slipway.Revision, error)) (slipway.Revision, error) {
		if n == 1 {
			close(begun)
			<-release
		}
		return really()
	})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- w.rollouts.Run(ctx) }()
	ro := w.rollout(files(oneTable, twoTable))
	run := w.start(ro, "test")
	<-begun
	cancel()
	<-w.rollouts.Draining()
	close(release)
	must(t, <-done)
	run = w.run(run.ID)
	w.is(run, slipway.Pending)
	if run.FilesDone != 1 {
		t.Errorf("%d files are done, want 1", run.FilesDone)
	}
	w.rollouts = w.service("replica-2")
	run = w.work(run)
	w.is(run, slipway.Done)
	if run.Attempt != 1 {
		t.Errorf("the run is attempt %d, want still the first", run.Attempt)
	}
}

// Another replica takes the run over while a file runs: the first one stops and
// writes nothing.
func TestChange9LeaseLost(t *testing.T) {
	w := newWorld(t)
	ro := w.rollout(files(oneTable, twoTable))
	run := w.start(ro, "test")
	f := w.breakEngines(func(ctx context.Context, n int, really func() (slipway.Revision, error)) (slipway.Revision, error) {
		rev, err := really()
		if n == 1 {
			must(t, w.st.Update(t.Context(), func(tx *store.Tx) error {
				if _, err := tx.RenewLease(ctx, run.ID, 1, time.Now().Add(-time.Minute)); err != nil {
					return err
				}
				_, _, err := tx.ClaimTaskRun(ctx, run.ID, "replica-9", time.Now().Add(time.Hour))
				return err
			}))
			<-ctx.Done() // the worker noticed
		}
		return rev, err
	})
	run = w.work(run)
	w.is(run, slipway.Running)
	if run.Lease.Holder != "replica-9" || run.Lease.Fence != 2 {
		t.Errorf("the lease is %+v, want replica-9's", run.Lease)
	}
	if f.n != 1 {
		t.Errorf("%d files were sent, want the first alone", f.n)
	}
}

// A project's bound of parallel tasks holds back the others until one ends.
func TestParallelTasks(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	inv := inventory.New(storetest.Log(t), w.st, w.gate, w.engines, inventory.Config{})
	_, err := inv.UpdateProject(ctx, admin, "shop", inventory.ProjectPatch{ParallelTasks: new(1)})
	must(t, err)
	d, err := w.st.Database(ctx, slipway.DatabaseRef{Instance: "on-prod", Database: "shop"})
	must(t, err)
	d.Environment = "test"
	must(t, w.put(d))
	begun, release := make(chan struct{}), make(chan struct{})
	w.breakEngines(func(ctx context.Context, n int, really func() (slipway.Revision, error)) (slipway.Revision, error) {
		if n == 1 {
			close(begun)
			<-release
		}
		return really()
	})
	rctx, cancel := context.WithCancel(ctx)
	defer cancel()
	done := make(chan error, 1)
	ro := w.rollout(files(oneTable))
	tasks := rollout.Tasks{Project: "shop", Plan: ro.Plan, Stage: "test", IDs: []int64{ro.Stages[0].Tasks[0].ID, ro.Stages[0].Tasks[1].ID}}
	must(t, w.rollouts.RunTasks(ctx, pipeline, tasks, time.Time{}))
	runs, err := w.rollouts.TaskRuns(ctx, pipeline, rollout.Scope{Project: "shop", Plan: ro.Plan})
	must(t, err)
	go func() { done <- w.rollouts.Run(rctx) }()
	<-begun
	for _, r := range runs {
		must(t, w.rollouts.Work(ctx, r.ID)) // neither the one that works nor the one that waits
	}
	statuses := []slipway.Status{w.run(runs[0].ID).Status, w.run(runs[1].ID).Status}
	slices.Sort(statuses)
	if !slices.Equal(statuses, []slipway.Status{slipway.Pending, slipway.Running}) {
		t.Errorf("the runs are %v, want one pending and one running", statuses)
	}
	close(release)
	for _, r := range runs {
		w.is(w.await(r.ID, func(r slipway.TaskRun) bool { return !r.Status.Active() }), slipway.Done)
	}
	cancel()
	must(t, <-done)
}
