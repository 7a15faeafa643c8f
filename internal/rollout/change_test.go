package rollout_test

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"slipway"
	"slipway/internal/inventory"
	"slipway/internal/release"
	"slipway/internal/rollout"
	"slipway/internal/storetest"
)

// set changes the settings of the project.
func (w *world) set(patch inventory.ProjectPatch) {
	w.t.Helper()
	inv := inventory.New(storetest.Log(w.t), w.st, w.gate, w.engines, inventory.Config{})
	_, err := inv.UpdateProject(w.t.Context(), admin, "shop", patch)
	must(w.t, err)
}

// A version below one that is applied already does what its project says.
func TestChange25OutOfOrder(t *testing.T) {
	for policy, want := range map[slipway.OutOfOrder]slipway.Status{
		"": slipway.Failed, slipway.LateRefused: slipway.Failed, slipway.LateWarned: slipway.Done, slipway.LateAllowed: slipway.Done,
	} {
		t.Run("policy "+string(policy), func(t *testing.T) {
			w := newWorld(t)
			w.set(inventory.ProjectPatch{OutOfOrder: &policy})
			both := files(oneTable, twoTable)
			w.is(w.work(w.start(w.rollout(both[1:]), "test")), slipway.Done)
			run := w.work(w.start(w.rollout(both), "test"))
			w.is(run, want)
			made := w.query(0, `SELECT name FROM sqlite_master WHERE name = 'a'`)
			if want == slipway.Done {
				if len(made) != 1 || !strings.Contains(run.Detail, "out of order: 1 after 2") {
					t.Errorf("the table is %v, detail %q: want that it ran and is told", made, run.Detail)
				}
				return
			}
			if len(made) != 0 || run.Failure == nil || run.Failure.Path != "migrations/1_x.sql" || !strings.Contains(run.Detail, "out of order: migrations/1_x.sql (version 1) comes before version 2") {
				t.Errorf("the table is %v, failure %+v, detail %q: want nothing run and the file named", made, run.Failure, run.Detail)
			}
		})
	}
}

// One lease in the control plane and one lock in the target: two rollouts of one
// database work one after the other, whoever works them.
func TestChange5TwoRolloutsOfOneDatabase(t *testing.T) {
	w := newWorld(t)
	both := files(oneTable, twoTable)
	first, second := w.start(w.rollout(both[:1]), "test"), w.start(w.rollout(both[1:]), "test")
	var inside, most atomic.Int64
	w.breakEngines(func(_ context.Context, _ int, really func() (slipway.Revision, error)) (slipway.Revision, error) {
		most.Store(max(most.Load(), inside.Add(1)))
		defer inside.Add(-1)
		time.Sleep(20 * time.Millisecond)
		return really()
	})
	w.set(inventory.ProjectPatch{OutOfOrder: new(slipway.LateAllowed)}) // either may be first
	done := make(chan error, 2)
	for i, run := range []slipway.TaskRun{first, second} {
		s := w.serviceWith(rollout.Config{Replica: fmt.Sprintf("replica-%d", i), LockWait: time.Minute})
		go func() { done <- s.Work(t.Context(), run.ID) }()
	}
	must(t, <-done)
	must(t, <-done)
	w.is(w.run(first.ID), slipway.Done)
	w.is(w.run(second.ID), slipway.Done)
	if most.Load() != 1 {
		t.Errorf("%d files were in the database at a time, want one", most.Load())
	}
}

// Of 200 databases the third failure stops the stage; the rest is not started,
// and running again starts what is not done alone.
func TestChange53FailuresStopTheStage(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	w.set(inventory.ProjectPatch{MaxFailures: new(3)})
	on, err := w.st.Instance(ctx, "on-test")
	must(t, err)
	var targets []string
	var open []*sql.DB
	for i := range 200 {
		name := fmt.Sprintf("d%03d", i)
		if i < 5 { // the others are never reached
			db, err := sql.Open("sqlite", filepath.Join(on.Sources[0].Host, name+".db"))
			must(t, err)
			t.Cleanup(func() { db.Close() })
			_, err = db.ExecContext(ctx, map[bool]string{true: "CREATE TABLE other (id int)", false: "CREATE TABLE a (id int)"}[i == 0])
			must(t, err)
			open = append(open, db)
		}
		ref := slipway.DatabaseRef{Instance: "on-test", Database: name}
		must(t, w.put(slipway.Database{DatabaseRef: ref, Project: "shop"}))
		targets = append(targets, ref.Name())
	}
	rel, _, err := w.releases.Create(ctx, pipeline, release.Draft{Project: "shop", Files: files(oneTable)})
	must(t, err)
	p, _, err := w.rollouts.CreatePlan(ctx, pipeline, slipway.Plan{Project: "shop", Title: "x", Specs: []slipway.Spec{{Targets: targets, Release: rel.Name()}}})
	must(t, err)
	ro, err := w.rollouts.CreateRollout(ctx, pipeline, "shop", p.ID, "")
	must(t, err)
	tasks := rollout.Tasks{Project: "shop", Plan: p.ID, Stage: "test"}
	for _, task := range ro.Stages[0].Tasks {
		tasks.IDs = append(tasks.IDs, task.ID)
	}
	must(t, w.rollouts.RunTasks(ctx, pipeline, tasks, time.Time{}))
	all := func() []slipway.TaskRun {
		runs, err := w.st.TaskRuns(ctx, "shop", p.ID, "test", 0)
		must(t, err)
		return runs
	}
	runs := all()
	slices.SortFunc(runs, func(a, b slipway.TaskRun) int { return strings.Compare(a.Task.Target.Database, b.Task.Target.Database) })
	w.is(w.work(runs[0]), slipway.Done)
	for i, run := range runs[1:4] {
		if waits := w.run(runs[4].ID); waits.Status != slipway.Pending {
			t.Fatalf("after %d failures the rest is %s", i, waits.Status)
		}
		w.is(w.work(run), slipway.Failed)
	}
	for _, run := range runs[4:] {
		run = w.run(run.ID)
		w.is(run, slipway.Aborted)
		if want := `not started: 3 of 200 databases of stage "test" failed, and the project stops at 3`; run.Detail != want || !run.Started.IsZero() {
			t.Fatalf("%s has detail %q, started %v, want %q", run.Name(), run.Detail, run.Started, want)
		}
	}

	for _, db := range open[1:] {
		_, err := db.ExecContext(ctx, "DROP TABLE a")
		must(t, err)
	}
	must(t, w.rollouts.RunTasks(ctx, pipeline, tasks, time.Time{}))
	again := slices.DeleteFunc(all(), func(r slipway.TaskRun) bool { return r.Attempt == 1 })
	if len(again) != 199 {
		t.Errorf("%d databases are tried again, want all but the one that is done", len(again))
	}
	for _, run := range again {
		if i := slices.Index(targets, run.Task.Target.Name()); i < len(open) {
			w.is(w.work(run), slipway.Done)
		}
	}
}
