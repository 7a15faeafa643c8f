package storetest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"slipway"
	"slipway/internal/store"
)

func testTroubles(t *testing.T, s *store.Store) {
	ctx := t.Context()
	update(t, s, func(ctx context.Context, tx *store.Tx) error {
		for _, i := range []slipway.Instance{
			{ID: "fine"}, {ID: "down", Title: "Down", SyncError: "connection refused"}, {ID: "gone", Deleted: true, SyncError: "x"}, {ID: "half", Title: "Half"},
		} {
			if err := tx.CreateInstance(ctx, i); err != nil {
				return err
			}
		}
		for name, d := range map[string]slipway.Database{
			"a": {SyncError: "no such role"}, "b": {SyncError: "permission denied"}, "c": {}, "d": {SyncError: "x", Deleted: true},
		} {
			d.Project, d.DatabaseRef = slipway.DefaultProject, slipway.DatabaseRef{Instance: "half", Database: name}
			if err := tx.PutDatabase(ctx, d); err != nil {
				return err
			}
		}
		return tx.PutDatabase(ctx, slipway.Database{Project: slipway.DefaultProject, DatabaseRef: slipway.DatabaseRef{Instance: "fine", Database: "a"}})
	})
	want := []store.Trouble{
		{Instance: "down", Title: "Down", Error: "connection refused"},
		{Instance: "half", Title: "Half", Error: "no such role", Databases: 2},
	}
	got, err := s.Troubles(ctx, 10)
	same(t, "instances in trouble", want, got, err)
	got, err = s.Troubles(ctx, 1)
	same(t, "the first in trouble", want[:1], got, err)
}

func testPerDay(t *testing.T, s *store.Store) {
	ctx := t.Context()
	const us = time.Microsecond
	at := func(days int, d time.Duration) time.Time { return epoch.AddDate(0, 0, days).Add(d) }
	update(t, s, func(ctx context.Context, tx *store.Tx) error {
		for i, e := range []slipway.Exchange{
			{Time: at(0, -us), Allowed: true}, // the day before the first
			{Time: at(0, 0), Allowed: true},
			{Time: at(1, -us), Allowed: false},
			{Time: at(1, -us), Allowed: true},
			{Time: at(1, 0), Allowed: false},
			{Time: at(2, 23*time.Hour), Allowed: false},
			{Time: at(3, 0), Allowed: true}, // the day after the last
		} {
			e.Reference = fmt.Sprint(i)
			if err := tx.AddExchange(ctx, e); err != nil {
				return err
			}
		}
		if err := tx.CreateProject(ctx, slipway.Project{ID: "shop"}); err != nil {
			return err
		}
		for project, times := range map[string][]time.Time{
			"default": {at(0, -us), at(0, 0), at(2, time.Hour)}, "shop": {at(0, time.Hour), at(1, -us), at(3, 0)},
		} {
			for _, when := range times {
				p, err := tx.CreatePlan(ctx, slipway.Plan{Project: project})
				if err != nil {
					return err
				}
				if _, err := tx.CreateRollout(ctx, slipway.Rollout{Project: project, Plan: p.ID, Created: when}); err != nil {
					return err
				}
			}
		}
		return nil
	})
	exchanges, err := s.ExchangesPerDay(ctx, epoch, 3)
	same(t, "exchanges per day", []store.ExchangeDay{{Allowed: 2, Refused: 1}, {Refused: 1}, {Refused: 1}}, exchanges, err)
	for _, tc := range []struct {
		why  string
		only []string
		want []int
	}{
		{"all projects", nil, []int{3, 0, 1}}, {"one", []string{"shop"}, []int{2, 0, 0}}, {"none", []string{}, []int{0, 0, 0}},
	} {
		got, err := s.RolloutsPerDay(ctx, tc.only, epoch, 3)
		same(t, "rollouts per day of "+tc.why, tc.want, got, err)
	}
}
