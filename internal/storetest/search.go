package storetest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"slipway"
	"slipway/internal/store"
)

func testFindReleases(t *testing.T, s *store.Store) {
	ctx := t.Context()
	update(t, s, func(ctx context.Context, tx *store.Tx) error {
		if err := tx.CreateProject(ctx, slipway.Project{ID: "shop"}); err != nil {
			return err
		}
		for i, o := range []slipway.Release{
			{Project: "default", ID: "Alpha_1", Category: "night"},
			{Project: "shop", ID: "alpha_2"},
			{Project: "shop", ID: "alpha_3", Deleted: true},
			{Project: "shop", ID: "beta"},
		} {
			o.Created = epoch.Add(time.Duration(i) * time.Second)
			if err := tx.CreateRelease(ctx, o, "t", i); err != nil {
				return err
			}
		}
		return nil
	})
	for _, tc := range []struct {
		why, text string
		only      []string
		most      int
		want      []string
	}{
		{"any case, newest first, none that is deleted", "ALPHA", nil, 9, []string{"alpha_2", "Alpha_1"}},
		{"no more than asked for", "a", nil, 1, []string{"beta"}},
		{"one project", "alpha", []string{"default"}, 9, []string{"Alpha_1"}},
		{"no project", "alpha", []string{}, 9, []string{}},
		{"by category", "night", nil, 9, []string{"Alpha_1"}},
		{"an underscore is itself", "a_2", nil, 9, []string{"alpha_2"}},
	} {
		found, err := s.FindReleases(ctx, tc.only, tc.text, tc.most)
		same(t, tc.why, tc.want, names(found, func(f store.ReleaseRef) string { return f.ID }), err)
	}
	found, err := s.FindReleases(ctx, nil, "beta", 1)
	same(t, "what is found", []store.ReleaseRef{{Project: "shop", ID: "beta", Created: epoch.Add(3 * time.Second)}}, found, err)
}

func testFindRollouts(t *testing.T, s *store.Store) {
	plans := map[string]int64{}
	update(t, s, func(ctx context.Context, tx *store.Tx) error {
		for _, title := range []string{"Release One", "release two"} {
			p, err := tx.CreatePlan(ctx, slipway.Plan{Project: "default", Title: title})
			if err != nil {
				return err
			}
			plans[title] = p.ID
			if _, err := tx.CreateRollout(ctx, slipway.Rollout{Project: "default", Plan: p.ID, Title: title, Created: epoch.Add(time.Duration(p.ID))}); err != nil {
				return err
			}
		}
		return nil
	})
	for _, tc := range []struct {
		why  string
		q    store.RolloutQuery
		want []string
	}{
		{"part of the title", store.RolloutQuery{Search: "RELEASE"}, []string{"release two", "Release One"}},
		{"of one", store.RolloutQuery{Search: "one"}, []string{"Release One"}},
		{"the plan's number", store.RolloutQuery{Search: fmt.Sprint(plans["release two"])}, []string{"release two"}},
		{"another project's", store.RolloutQuery{Search: "one", Only: []string{"shop"}}, []string{}},
	} {
		found, _, err := s.RolloutSummaries(t.Context(), tc.q, slipway.Page{})
		same(t, tc.why, tc.want, names(found, func(r store.RolloutSummary) string { return r.Title }), err)
	}
}
