package store_test

import (
	"slices"
	"testing"
	"time"

	"slipway"
	"slipway/internal/store"
	"slipway/internal/storetest"
)

// TestReopenVoidsLeases opens the store of a server that was killed while it
// had a run. On SQLite nobody else can have it and it is owed at once; on
// PostgreSQL its holder may be alive and is waited for.
func TestReopenVoidsLeases(t *testing.T) {
	for name, cfg := range places(t) {
		t.Run(name, func(t *testing.T) {
			cfg.Key = storetest.Key()
			s, err := store.Open(t.Context(), storetest.Log(t), cfg)
			if err != nil {
				t.Fatal(err)
			}
			run := claimed(t, s)
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}

			s = storetest.Open(t, cfg)
			owed, err := s.OwedTaskRuns(t.Context(), time.Now())
			if err != nil {
				t.Fatal(err)
			}
			got := slices.ContainsFunc(owed, func(r slipway.TaskRun) bool { return r.ID == run.ID && r.Status == slipway.Running })
			if want := name == "SQLite"; got != want {
				t.Errorf("the run is owed: %v, want %v", got, want)
			}
		})
	}
}

// claimed returns a run that a worker has for an hour.
func claimed(t *testing.T, s *store.Store) (run slipway.TaskRun) {
	t.Helper()
	ctx := t.Context()
	err := s.Update(ctx, func(tx *store.Tx) error {
		p, err := tx.CreatePlan(ctx, slipway.Plan{Project: "default"})
		if err != nil {
			return err
		}
		task := slipway.Task{SpecID: "s", Target: slipway.DatabaseRef{Instance: "pg", Database: "a"}, Release: "projects/default/releases/r"}
		ro, err := tx.CreateRollout(ctx, slipway.Rollout{
			Project: "default", Plan: p.ID, Title: "T", Creator: "users/ann", Created: time.Now(),
			Stages: []slipway.Stage{{Environment: "test", Tasks: []slipway.Task{task}}},
		})
		if err != nil {
			return err
		}
		if run, err = tx.CreateTaskRun(ctx, slipway.TaskRun{Task: ro.Stages[0].Tasks[0], Creator: "users/ann"}); err != nil {
			return err
		}
		run, _, err = tx.ClaimTaskRun(ctx, run.ID, "a replica", time.Now().Add(time.Hour))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return run
}
