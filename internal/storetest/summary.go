package storetest

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"slipway"
	"slipway/internal/store"
)

// testSummaries holds the tallies against the tasks that they count.
func testSummaries(t *testing.T, s *store.Store) {
	ctx := t.Context()
	o, other := newRollout(t, s), newRollout(t, s)
	update(t, s, func(ctx context.Context, tx *store.Tx) error {
		return tx.SkipTask(ctx, o.Stages[0].Tasks[1].ID, "not needed")
	})
	run := newRun(t, s, o.Stages[0].Tasks[0].ID)
	run, _ = claim(t, s, run.ID, "w", time.Minute)
	got, err := s.RolloutSummary(ctx, "default", o.Plan)
	if err != nil {
		t.Fatal(err)
	}
	for i := range got.Stages {
		if i == 0 && (got.Stages[0].Updated.IsZero() || got.Stages[0].Updated.Equal(epoch)) {
			t.Errorf("the first stage was updated at %v", got.Stages[0].Updated)
		}
		got.Stages[i].Updated = time.Time{}
	}
	want := store.RolloutSummary{
		Project: "default", Plan: o.Plan, Title: "T", Release: "projects/default/releases/r", Creator: "users/ann", Created: epoch,
		Stages: []store.Tally{
			{Environment: "test", Tasks: map[slipway.Status]int{slipway.Running: 1, slipway.Skipped: 1}, Began: run.Started},
			{Environment: "staging", Tasks: map[slipway.Status]int{}},
			{Environment: "prod", Tasks: map[slipway.Status]int{slipway.NotStarted: 1}},
		},
	}
	same(t, "summary", want, got, nil)
	if n := got.Stages[0].All(); n != 2 {
		t.Errorf("the first stage has %d tasks, want 2", n)
	}
	_, err = s.RolloutSummary(ctx, "shop", o.Plan)
	wantKind(t, "another project's rollout", err, slipway.NotFound)

	for _, tc := range []struct {
		why  string
		q    store.RolloutQuery
		want []int64
	}{
		{"all", store.RolloutQuery{}, []int64{other.Plan, o.Plan}},
		{"some projects", store.RolloutQuery{Only: []string{"default", "shop"}}, []int64{other.Plan, o.Plan}},
		{"no project", store.RolloutQuery{Only: []string{}}, []int64{}},
		{"one plan", store.RolloutQuery{Plan: o.Plan}, []int64{o.Plan}},
	} {
		plans := []int64{}
		page := slipway.Page{Size: 1}
		for {
			found, next, err := s.RolloutSummaries(ctx, tc.q, page)
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range found {
				plans = append(plans, r.Plan)
			}
			if page.After = next; next == "" {
				break
			}
		}
		same(t, tc.why, tc.want, plans, nil)
	}
}

func testTaskQueries(t *testing.T, s *store.Store) {
	ctx := t.Context()
	o := newRollout(t, s)
	newRollout(t, s)
	a, b, c := o.Stages[0].Tasks[0].ID, o.Stages[0].Tasks[1].ID, o.Stages[2].Tasks[0].ID
	first := newRun(t, s, a)
	run, _ := claim(t, s, first.ID, "w", time.Minute)
	run.Status = slipway.Failed
	update(t, s, func(ctx context.Context, tx *store.Tx) error { return tx.MoveTaskRun(ctx, run, slipway.Running) })
	for _, tc := range []struct {
		why  string
		q    store.TaskQuery
		want []int64
	}{
		{"all of a plan", store.TaskQuery{}, []int64{a, b, c}},
		{"a stage", store.TaskQuery{Environment: "prod"}, []int64{c}},
		{"a status", store.TaskQuery{Status: []slipway.Status{slipway.Failed}}, []int64{a}},
		{"either status", store.TaskQuery{Status: []slipway.Status{slipway.Failed, slipway.NotStarted}}, []int64{a, b, c}},
		{"no status", store.TaskQuery{Status: []slipway.Status{}}, nil},
		{"by name", store.TaskQuery{Search: "PG/B"}, []int64{b}},
		{"by id", store.TaskQuery{IDs: []int64{c, a}}, []int64{a, c}},
	} {
		tc.q.Project, tc.q.Plan = "default", o.Plan
		var ids []int64
		page := slipway.Page{Size: 1}
		for {
			found, next, err := s.Tasks(ctx, tc.q, page)
			if err != nil {
				t.Fatalf("%s: %v", tc.why, err)
			}
			for _, t := range found {
				ids = append(ids, t.ID)
			}
			if page.After = next; next == "" {
				break
			}
		}
		if fmt.Sprint(ids) != fmt.Sprint(tc.want) {
			t.Errorf("%s: tasks %v, want %v", tc.why, ids, tc.want)
		}
	}
	found, _, err := s.Tasks(ctx, store.TaskQuery{Project: "shop", Plan: o.Plan}, slipway.Page{})
	same(t, "another project's tasks", 0, len(found), err)

	second := newRun(t, s, a)
	latest, err := s.LatestRuns(ctx, []int64{a, b})
	same(t, "tasks with a run", 1, len(latest), err)
	same(t, "latest run", second.ID, latest[a].ID, nil)

	runs, next, err := s.RunsOn(ctx, "default", slipway.DatabaseRef{Instance: "pg", Database: "a"}, slipway.Page{Size: 1})
	same(t, "newest run on a database", second.ID, runs[0].ID, err)
	runs, next, err = s.RunsOn(ctx, "default", slipway.DatabaseRef{Instance: "pg", Database: "a"}, slipway.Page{Size: 1, After: next})
	same(t, "run before it", first.ID, runs[0].ID, err)
	same(t, "end of the runs", "", next, nil)
	runs, _, err = s.RunsOn(ctx, "shop", slipway.DatabaseRef{Instance: "pg", Database: "a"}, slipway.Page{})
	same(t, "runs of another project", 0, len(runs), err)
}

func testLogTail(t *testing.T, s *store.Store) {
	o := newRollout(t, s)
	run := newRun(t, s, o.Stages[0].Tasks[0].ID)
	var entries []slipway.LogEntry
	for i := range 5 {
		entries = append(entries, slipway.LogEntry{Replica: fmt.Sprint(i)})
	}
	update(t, s, func(ctx context.Context, tx *store.Tx) error { return tx.AddLog(ctx, run.ID, entries) })
	for _, tc := range []struct {
		most, before int
		want         string
	}{{2, 3, "3 4"}, {5, 0, "0 1 2 3 4"}, {9, 0, "0 1 2 3 4"}} {
		tail, before, err := s.LogTail(t.Context(), run.ID, tc.most)
		got := strings.Join(names(tail, func(e slipway.LogEntry) string { return e.Replica }), " ")
		same(t, fmt.Sprintf("last %d entries", tc.most), tc.want, got, err)
		same(t, fmt.Sprintf("entries before the last %d", tc.most), tc.before, before, nil)
	}
}

func testDatabaseCounts(t *testing.T, s *store.Store) {
	update(t, s, func(ctx context.Context, tx *store.Tx) error {
		for _, i := range []slipway.Instance{{ID: "one", Environment: "prod"}, {ID: "two"}, {ID: "gone", Environment: "prod", Deleted: true}} {
			if err := tx.CreateInstance(ctx, i); err != nil {
				return err
			}
		}
		for _, d := range []slipway.Database{
			{DatabaseRef: slipway.DatabaseRef{Instance: "one", Database: "a"}},
			{DatabaseRef: slipway.DatabaseRef{Instance: "one", Database: "b"}, Environment: "test", SyncError: "away"},
			{DatabaseRef: slipway.DatabaseRef{Instance: "one", Database: "c"}, Deleted: true},
			{DatabaseRef: slipway.DatabaseRef{Instance: "two", Database: "a"}},
			{DatabaseRef: slipway.DatabaseRef{Instance: "two", Database: "b"}, Environment: "prod"},
			{DatabaseRef: slipway.DatabaseRef{Instance: "gone", Database: "a"}},
		} {
			d.Project = slipway.DefaultProject
			if err := tx.PutDatabase(ctx, d); err != nil {
				return err
			}
		}
		return nil
	})
	got, err := s.DatabaseCounts(t.Context(), slipway.DefaultProject)
	same(t, "databases by environment", []store.DatabaseCount{{All: 1}, {Environment: "prod", All: 2}, {Environment: "test", All: 1, Unreadable: 1}}, got, err)
}
