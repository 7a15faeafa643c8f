package rollout_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"slipway"
	"slipway/internal/rollout"
	"slipway/internal/store"
)

// Log entries, as an engine writes them for the file of TestUnderway.
func began(path string) slipway.LogEntry {
	return slipway.LogEntry{File: &slipway.FileLog{Path: path, Version: "1"}}
}

func ended(end int) slipway.LogEntry {
	return slipway.LogEntry{Statement: &slipway.StatementLog{End: end}}
}

func control(kind string) slipway.LogEntry {
	return slipway.LogEntry{Control: &slipway.ControlLog{Type: kind}}
}

func TestUnderway(t *testing.T) {
	w := newWorld(t)
	const first, second = "CREATE TABLE a (x int);\n", "CREATE TABLE b (x int);\n"
	const path = "migrations/1_x.sql"
	run := slipway.TaskRun{Status: slipway.Running, Task: w.rollout(files(first + second)).Stages[0].Tasks[0]}
	for _, tc := range []struct {
		why  string
		log  []slipway.LogEntry
		want string
	}{
		{"no file has begun", nil, ""},
		{"the file has begun", []slipway.LogEntry{began(path), control("BEGIN")}, "CREATE TABLE a (x int)"},
		{"one statement has ended", []slipway.LogEntry{began(path), control("BEGIN"), ended(len(first) - 2)}, "CREATE TABLE b (x int)"},
		{
			"it was rolled back and begins anew",
			[]slipway.LogEntry{began(path), control("BEGIN"), ended(len(first) - 2), control("ROLLBACK"), control("BEGIN")},
			"CREATE TABLE a (x int)",
		},
		{"all have ended", []slipway.LogEntry{began(path), ended(len(first + second))}, ""},
		{"the release has no such file", []slipway.LogEntry{began("migrations/2_x.sql")}, ""},
	} {
		got, err := w.rollouts.Underway(t.Context(), admin, run, tc.log)
		must(t, err)
		switch {
		case got == nil && tc.want != "":
			t.Errorf("%s: nothing, want %q", tc.why, tc.want)
		case got != nil && got.Statement != tc.want:
			t.Errorf("%s: %q, want %q", tc.why, got.Statement, tc.want)
		}
	}
	run.Status = slipway.Done
	if got, err := w.rollouts.Underway(t.Context(), admin, run, []slipway.LogEntry{began(path)}); got != nil || err != nil {
		t.Errorf("a run that has ended works at %v, %v", got, err)
	}
	_, err := w.rollouts.Underway(t.Context(), stranger, run, nil)
	wantKind(t, err, slipway.Denied)
}

// Summaries tell a stranger nothing, neither in lists nor by name.
func TestSummariesArePermitted(t *testing.T) {
	w := newWorld(t)
	plan := w.rollout(files("CREATE TABLE a (x int);")).Plan
	ctx, page := t.Context(), slipway.Page{}
	for _, project := range []string{"", "shop"} {
		list, _, err := w.rollouts.Summaries(ctx, pipeline, project, page)
		must(t, err)
		if len(list) != 1 || list[0].Plan != plan || list[0].Stages[0].Tasks[slipway.NotStarted] != 1 {
			t.Errorf("the pipeline's rollouts of %q: %+v", project, list)
		}
	}
	list, _, err := w.rollouts.Summaries(ctx, stranger, "", page)
	if err != nil || len(list) != 0 {
		t.Errorf("a stranger's rollouts: %+v, %v", list, err)
	}
	_, _, err = w.rollouts.Summaries(ctx, stranger, "shop", page)
	wantKind(t, err, slipway.Denied)
	_, err = w.rollouts.Summary(ctx, stranger, "shop", plan)
	wantKind(t, err, slipway.Denied)
	_, _, err = w.rollouts.TasksOf(ctx, stranger, rollout.TaskFilter{Project: "shop", Plan: plan}, page)
	wantKind(t, err, slipway.Denied)
	ref, err := slipway.ParseDatabase(w.targets[0])
	must(t, err)
	_, _, err = w.rollouts.History(ctx, stranger, rollout.Place{DatabaseRef: ref}, page)
	wantKind(t, err, slipway.Denied)
}

func TestTasksWithTheirRuns(t *testing.T) {
	w := newWorld(t)
	ro := w.rollout(files("CREATE TABLE a (x int);"))
	ctx, page, plan, task := t.Context(), slipway.Page{}, ro.Plan, ro.Stages[0].Tasks[0]
	w.start(ro, "test")
	list, _, err := w.rollouts.TasksOf(ctx, admin, rollout.TaskFilter{Project: "shop", Plan: plan}, page)
	must(t, err)
	var got []string
	for _, a := range list {
		s := a.Environment + " " + string(a.Status)
		if a.Run != nil {
			s += " run"
		}
		got = append(got, s)
	}
	if diff := cmp.Diff([]string{"test PENDING run", "prod NOT_STARTED"}, got); diff != "" {
		t.Errorf("tasks (-want +got):\n%s", diff)
	}
	run := list[0].Run
	must(t, w.st.Update(ctx, func(tx *store.Tx) error { return tx.AddLog(ctx, run.ID, []slipway.LogEntry{began("a"), began("b")}) }))
	in := rollout.Scope{Project: "shop", Plan: plan}
	tail, before, err := w.rollouts.LogTail(ctx, admin, in, run.ID, 1)
	must(t, err)
	if len(tail) != 1 || tail[0].File.Path != "b" || before != 1 {
		t.Errorf("the end of the log: %+v after %d", tail, before)
	}
	_, _, err = w.rollouts.LogTail(ctx, admin, rollout.Scope{Project: "shop", Plan: plan + 1}, run.ID, 1)
	wantKind(t, err, slipway.NotFound)
	runs, _, err := w.rollouts.History(ctx, admin, rollout.Place{DatabaseRef: task.Target}, page)
	must(t, err)
	if len(runs) != 1 || runs[0].ID != run.ID {
		t.Errorf("what was done to the database: %+v", runs)
	}
}

func wantKind(t testing.TB, err error, k slipway.Kind) {
	t.Helper()
	if err == nil || slipway.KindOf(err) != k {
		t.Errorf("error %v of kind %d, want kind %d", err, slipway.KindOf(err), k)
	}
}
