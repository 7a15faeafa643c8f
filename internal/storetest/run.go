package storetest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"slipway"
	"slipway/internal/store"
)

// newRun starts a task and returns its run.
func newRun(t testing.TB, s *store.Store, task int64) slipway.TaskRun {
	t.Helper()
	var run slipway.TaskRun
	update(t, s, func(ctx context.Context, tx *store.Tx) (err error) {
		run, err = tx.CreateTaskRun(ctx, slipway.TaskRun{Task: slipway.Task{ID: task}, Creator: "users/ann"})
		return err
	})
	return run
}

// claim takes a run for holder until a moment that is d from now.
func claim(t testing.TB, s *store.Store, id int64, holder string, d time.Duration) (run slipway.TaskRun, claimed bool) {
	t.Helper()
	update(t, s, func(ctx context.Context, tx *store.Tx) (err error) {
		run, claimed, err = tx.ClaimTaskRun(ctx, id, holder, time.Now().Add(d).UTC().Truncate(time.Microsecond))
		return err
	})
	return run, claimed
}

// taskStatus returns where a task stands.
func taskStatus(t testing.TB, s *store.Store, id int64) slipway.Status {
	t.Helper()
	task, err := s.Task(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return task.Status
}

// testRunLife takes a run through the whole of its life, with the task beside it.
func testRunLife(t *testing.T, s *store.Store) {
	ctx := t.Context()
	o := newRollout(t, s)
	task := o.Stages[0].Tasks[0].ID
	given := filled[slipway.TaskRun]()
	given.Task.ID = task
	var run slipway.TaskRun
	update(t, s, func(ctx context.Context, tx *store.Tx) (err error) {
		run, err = tx.CreateTaskRun(ctx, given)
		return err
	})
	want := slipway.TaskRun{
		ID: run.ID, Task: run.Task, Attempt: 1, Status: slipway.Pending, Detail: given.Detail, Failure: given.Failure, Creator: given.Creator, Job: given.Job,
		Created: given.Created, Updated: run.Updated, RunTime: given.RunTime, FilesAll: given.FilesAll,
	}
	same(t, "new run", want, run, nil)
	if run.Task.ID != task || run.Task.Target.Database != "a" || run.Task.Status != slipway.Pending || taskStatus(t, s, task) != slipway.Pending {
		t.Errorf("task of the new run: %+v", run.Task)
	}

	held, ok := claim(t, s, run.ID, "w1", time.Minute)
	if !ok || held.Status != slipway.Running || held.Lease.Holder != "w1" || held.Lease.Fence != 1 || held.Started.IsZero() {
		t.Fatalf("claim: %t, %+v", ok, held)
	}
	if got := taskStatus(t, s, task); got != slipway.Running {
		t.Errorf("task of a claimed run is %s", got)
	}
	update(t, s, func(ctx context.Context, tx *store.Tx) error {
		if err := tx.SetSession(ctx, run.ID, 1, "42/now"); err != nil {
			return err
		}
		if ok, err := tx.RenewLease(ctx, run.ID, 1, epoch.AddDate(9, 0, 0)); err != nil || !ok {
			return fmt.Errorf("renew: %t, %w", ok, err)
		}
		return tx.SetProgress(ctx, run.ID, 1, 2, 3)
	})
	got, err := s.TaskRun(ctx, run.ID)
	held.Session, held.Lease.Expires, held.FilesDone, held.FilesAll, held.Updated = "42/now", epoch.AddDate(9, 0, 0), 2, 3, got.Updated
	same(t, "run at work", held, got, err)

	failed := got
	failed.Status, failed.Detail, failed.Failure, failed.FilesDone = slipway.Failed, "no", &slipway.Failure{Path: "1.sql", Line: 3}, 2
	update(t, s, func(ctx context.Context, tx *store.Tx) error { return tx.MoveTaskRun(ctx, failed, slipway.Running) })
	got, err = s.TaskRun(ctx, run.ID)
	failed.Lease.Holder, failed.Lease.Expires, failed.Updated = "", time.Time{}, got.Updated
	failed.Task.Status, failed.Task.Updated = slipway.Failed, got.Task.Updated
	same(t, "failed run", failed, got, err)
}

// testRunsOfTask makes a second run of a task and lists the runs of a rollout.
func testRunsOfTask(t *testing.T, s *store.Store) {
	ctx := t.Context()
	o := newRollout(t, s)
	task := o.Stages[0].Tasks[0].ID
	run := newRun(t, s, task)
	run.Status = slipway.Aborted
	update(t, s, func(ctx context.Context, tx *store.Tx) error { return tx.MoveTaskRun(ctx, run, slipway.Pending) })
	second := newRun(t, s, task)
	if second.Attempt != 2 || second.ID == run.ID {
		t.Errorf("second run: attempt %d, id %d", second.Attempt, second.ID)
	}
	second, _ = claim(t, s, second.ID, "w1", time.Minute)
	second.Status = slipway.Done
	update(t, s, func(ctx context.Context, tx *store.Tx) error { return tx.MoveTaskRun(ctx, second, slipway.Running) })
	if got := taskStatus(t, s, task); got != slipway.Done {
		t.Errorf("task of a run that is done is %s", got)
	}
	err := try(t, s, func(ctx context.Context, tx *store.Tx) error {
		_, err := tx.CreateTaskRun(ctx, slipway.TaskRun{Task: slipway.Task{ID: task}})
		return err
	})
	wantKind(t, "run of a task that is done", err, slipway.Conflict)

	third := newRun(t, s, o.Stages[2].Tasks[0].ID)
	for _, tc := range []struct {
		why  string
		env  string
		task int64
		want []int64
	}{
		{"all of the rollout", "", 0, []int64{run.ID, second.ID, third.ID}},
		{"of an environment", "prod", 0, []int64{third.ID}},
		{"of a task", "test", task, []int64{run.ID, second.ID}},
		{"of a task in another environment", "prod", task, nil},
	} {
		runs, err := s.TaskRuns(ctx, "default", o.Plan, tc.env, tc.task)
		var ids []int64
		for _, r := range runs {
			ids = append(ids, r.ID)
		}
		same(t, tc.why, tc.want, ids, err)
	}
	runs, err := s.TaskRuns(ctx, "another", o.Plan, "", 0)
	same(t, "under another project's name", 0, len(runs), err)
}

func testRunsAtOnce(t *testing.T, s *store.Store) {
	o := newRollout(t, s)
	task := o.Stages[0].Tasks[0].ID
	wins := func(what string, outcomes []error) {
		t.Helper()
		n := 0
		for _, err := range outcomes {
			if err == nil {
				n++
				continue
			}
			wantKind(t, what, err, slipway.Conflict)
		}
		if n != 1 {
			t.Errorf("%s: %d of %d succeeded, want 1", what, n, len(outcomes))
		}
	}
	wins("start one task", atOnce(8, func(int) error {
		return try(t, s, func(ctx context.Context, tx *store.Tx) error {
			_, err := tx.CreateTaskRun(ctx, slipway.TaskRun{Task: slipway.Task{ID: task}})
			return err
		})
	}))
	runs, err := s.TaskRuns(t.Context(), "default", o.Plan, "", task)
	if err != nil || len(runs) != 1 {
		t.Fatalf("runs: %v, %v", runs, err)
	}
	id := runs[0].ID
	wins("claim one run", atOnce(8, func(i int) error {
		return try(t, s, func(ctx context.Context, tx *store.Tx) error {
			_, ok, err := tx.ClaimTaskRun(ctx, id, fmt.Sprint("w", i), time.Now().Add(time.Minute))
			if err == nil && !ok {
				return slipway.Errorf(slipway.Conflict, "not claimed")
			}
			return err
		})
	}))
	run, err := s.TaskRun(t.Context(), id)
	if err != nil || run.Lease.Fence != 1 {
		t.Fatalf("fence after eight claims: %d, %v, want 1", run.Lease.Fence, err)
	}
	run.Status = slipway.Done
	wins("end one run", atOnce(8, func(int) error {
		return try(t, s, func(ctx context.Context, tx *store.Tx) error { return tx.MoveTaskRun(ctx, run, slipway.Running) })
	}))
}

// testStaleFence lets a worker sleep through its lease and then write.
func testStaleFence(t *testing.T, s *store.Store) {
	ctx := t.Context()
	o := newRollout(t, s)
	run := newRun(t, s, o.Stages[0].Tasks[0].ID)
	err := try(t, s, func(ctx context.Context, tx *store.Tx) error {
		r := run
		r.Status = slipway.Done
		return tx.MoveTaskRun(ctx, r, slipway.Pending)
	})
	wantKind(t, "pending to done, which is no edge", err, slipway.Conflict)

	stale, ok := claim(t, s, run.ID, "w1", -time.Second) // expired as it is given
	if !ok {
		t.Fatal("a pending run was not given")
	}
	fresh, ok := claim(t, s, run.ID, "w2", time.Minute)
	if !ok || fresh.Lease.Fence != stale.Lease.Fence+1 || fresh.Lease.Holder != "w2" || !fresh.Started.Equal(stale.Started) {
		t.Fatalf("takeover: %t, %+v", ok, fresh)
	}
	if again, ok := claim(t, s, run.ID, "w3", time.Minute); ok || again.Lease.Holder != "w2" {
		t.Errorf("a held run was given to w3: %+v", again.Lease)
	}
	stale.Status = slipway.Done
	for what, write := range map[string]func(ctx context.Context, tx *store.Tx) error{
		"move": func(ctx context.Context, tx *store.Tx) error { return tx.MoveTaskRun(ctx, stale, slipway.Running) },
		"session": func(ctx context.Context, tx *store.Tx) error {
			return tx.SetSession(ctx, run.ID, stale.Lease.Fence, "x")
		},
		"progress": func(ctx context.Context, tx *store.Tx) error {
			return tx.SetProgress(ctx, run.ID, stale.Lease.Fence, 1, 1)
		},
	} {
		wantKind(t, what+" with a stale fence", try(t, s, write), slipway.Conflict)
	}
	update(t, s, func(ctx context.Context, tx *store.Tx) error {
		if ok, err := tx.RenewLease(ctx, run.ID, stale.Lease.Fence, epoch); ok || err != nil {
			t.Errorf("renew with a stale fence: %t, %v", ok, err)
		}
		return nil
	})
	got, err := s.TaskRun(ctx, run.ID)
	same(t, "run after all that", fresh, got, err)

	fresh.Status = slipway.Pending // its server stops
	update(t, s, func(ctx context.Context, tx *store.Tx) error { return tx.MoveTaskRun(ctx, fresh, slipway.Running) })
	next, ok := claim(t, s, run.ID, "w4", time.Minute)
	if !ok || next.Lease.Fence != fresh.Lease.Fence+1 {
		t.Errorf("claim after a release: %t, %+v", ok, next.Lease)
	}
	if asked, err := s.CancelRequested(ctx, run.ID); asked || err != nil {
		t.Errorf("cancel requested: %t, %v", asked, err)
	}
	update(t, s, func(ctx context.Context, tx *store.Tx) error { return tx.RequestCancel(ctx, run.ID) })
	asked, err := s.CancelRequested(ctx, run.ID)
	same(t, "cancel requested", true, asked, err)
	next.Status = slipway.Aborted
	update(t, s, func(ctx context.Context, tx *store.Tx) error { return tx.MoveTaskRun(ctx, next, slipway.Running) })
	if again, ok := claim(t, s, run.ID, "w5", time.Minute); ok {
		t.Errorf("a run that has ended was given: %+v", again)
	}
}

func testSkip(t *testing.T, s *store.Store) {
	o := newRollout(t, s)
	a, b := o.Stages[0].Tasks[0].ID, o.Stages[0].Tasks[1].ID
	skip := func(id int64, reason string) error {
		return try(t, s, func(ctx context.Context, tx *store.Tx) error { return tx.SkipTask(ctx, id, reason) })
	}
	run := newRun(t, s, a)
	wantKind(t, "skip of a pending task", skip(a, "x"), slipway.Conflict)
	run.Status = slipway.Aborted
	update(t, s, func(ctx context.Context, tx *store.Tx) error { return tx.MoveTaskRun(ctx, run, slipway.Pending) })
	if err := skip(a, "not needed"); err != nil {
		t.Errorf("skip of a cancelled task: %v", err)
	}
	if err := skip(a, "again"); err != nil {
		t.Errorf("skip again: %v", err)
	}
	if err := skip(b, "never"); err != nil {
		t.Errorf("skip of a task that is not started: %v", err)
	}
	task, err := s.Task(t.Context(), a)
	same(t, "reason", "not needed", task.SkippedReason, err)
	err = try(t, s, func(ctx context.Context, tx *store.Tx) error {
		_, err := tx.CreateTaskRun(ctx, slipway.TaskRun{Task: slipway.Task{ID: a}})
		return err
	})
	wantKind(t, "run of a skipped task", err, slipway.Conflict)
}

func testOwed(t *testing.T, s *store.Store) {
	o := newRollout(t, s)
	pending := newRun(t, s, o.Stages[0].Tasks[0].ID)
	held := newRun(t, s, o.Stages[0].Tasks[1].ID)
	claim(t, s, held.ID, "w", time.Minute)
	lost := newRun(t, s, o.Stages[2].Tasks[0].ID)
	claim(t, s, lost.ID, "w", -time.Second)
	ended := newRun(t, s, newRollout(t, s).Stages[0].Tasks[0].ID)
	ended.Status = slipway.Aborted
	update(t, s, func(ctx context.Context, tx *store.Tx) error { return tx.MoveTaskRun(ctx, ended, slipway.Pending) })
	owed, err := s.OwedTaskRuns(t.Context(), time.Now())
	var ids []int64
	for _, r := range owed {
		ids = append(ids, r.ID)
	}
	same(t, "owed", []int64{pending.ID, lost.ID}, ids, err)
}

func testLog(t *testing.T, s *store.Store) {
	ctx := t.Context()
	run := newRun(t, s, newRollout(t, s).Stages[0].Tasks[0].ID)
	none, err := s.Log(ctx, run.ID)
	same(t, "log of a new run", 0, len(none), err)
	entries := []slipway.LogEntry{
		filled[slipway.LogEntry](),
		{Time: epoch, File: &slipway.FileLog{Version: "1", Path: "1.sql"}},
		{Time: epoch, Statement: &slipway.StatementLog{Text: "SELECT '\x00'", Rows: 3}},
	}
	update(t, s, func(ctx context.Context, tx *store.Tx) error { return tx.AddLog(ctx, run.ID, entries[:1]) })
	update(t, s, func(ctx context.Context, tx *store.Tx) error { return tx.AddLog(ctx, run.ID, nil) })
	update(t, s, func(ctx context.Context, tx *store.Tx) error { return tx.AddLog(ctx, run.ID, entries[1:]) })
	got, err := s.Log(ctx, run.ID)
	same(t, "log", entries, got, err)

	for i, err := range atOnce(4, func(int) error {
		return try(t, s, func(ctx context.Context, tx *store.Tx) error {
			return tx.AddLog(ctx, run.ID, make([]slipway.LogEntry, store.MaxLog/4))
		})
	}) {
		if err != nil {
			t.Errorf("writer %d of 4 at once: %v", i, err)
		}
	}
	got, err = s.Log(ctx, run.ID)
	same(t, "length of a log that is too long", store.MaxLog, len(got), err)
	same(t, "its beginning", entries, got[:3], nil)
}
