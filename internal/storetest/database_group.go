package storetest

import (
	"context"
	"testing"

	"slipway"
	"slipway/internal/store"
)

func testDatabaseGroups(t *testing.T, s *store.Store) {
	ctx := t.Context()
	g := filled[slipway.DatabaseGroup]()
	g.Project = slipway.DefaultProject
	create := func(ctx context.Context, tx *store.Tx) error { return tx.CreateDatabaseGroup(ctx, g) }
	update(t, s, create)
	got, err := s.DatabaseGroup(ctx, g.Project, g.ID)
	same(t, "database group", g, got, err)
	wantKind(t, "a database group made twice", try(t, s, create), slipway.Exists)
	_, err = s.DatabaseGroup(ctx, "other", g.ID)
	wantKind(t, "a database group through another project", err, slipway.NotFound)

	g.Title, g.Expr = "Another", "false"
	update(t, s, func(ctx context.Context, tx *store.Tx) error { return tx.UpdateDatabaseGroup(ctx, g) })
	first := slipway.DatabaseGroup{Project: g.Project, ID: "A", Created: epoch}
	update(t, s, func(ctx context.Context, tx *store.Tx) error { return tx.CreateDatabaseGroup(ctx, first) })
	list, err := s.DatabaseGroups(ctx, g.Project)
	same(t, "database groups", []slipway.DatabaseGroup{first, g}, list, err)
	list, err = s.DatabaseGroups(ctx, "other")
	same(t, "database groups of another project", nil, list, err)

	wantKind(t, "a database group of no project", try(t, s, func(ctx context.Context, tx *store.Tx) error {
		return tx.CreateDatabaseGroup(ctx, slipway.DatabaseGroup{Project: "nope", ID: "a"})
	}), slipway.Precondition)
	wantKind(t, "update of no database group", try(t, s, func(ctx context.Context, tx *store.Tx) error {
		return tx.UpdateDatabaseGroup(ctx, slipway.DatabaseGroup{Project: g.Project, ID: "nope"})
	}), slipway.NotFound)
	remove := func(ctx context.Context, tx *store.Tx) error { return tx.DeleteDatabaseGroup(ctx, g.Project, g.ID) }
	update(t, s, remove)
	wantKind(t, "delete of no database group", try(t, s, remove), slipway.NotFound)
}

func testCandidates(t *testing.T, s *store.Store) {
	update(t, s, func(ctx context.Context, tx *store.Tx) error {
		for _, i := range []slipway.Instance{
			{ID: "a", Title: "Server A", Engine: slipway.SQLite, Environment: "test"},
			{ID: "b", Title: "Server B", Engine: slipway.SQLite},
			{ID: "gone", Engine: slipway.SQLite, Deleted: true},
		} {
			if err := tx.CreateInstance(ctx, i); err != nil {
				return err
			}
		}
		if err := tx.CreateProject(ctx, slipway.Project{ID: "shop"}); err != nil {
			return err
		}
		for _, d := range []slipway.Database{
			{DatabaseRef: slipway.DatabaseRef{Instance: "a", Database: "one"}, Project: "shop"},
			{DatabaseRef: slipway.DatabaseRef{Instance: "a", Database: "two"}, Project: "shop", Environment: "prod", Labels: map[string]string{"tier": "gold"}},
			{DatabaseRef: slipway.DatabaseRef{Instance: "a", Database: "three"}, Project: slipway.DefaultProject},
			{DatabaseRef: slipway.DatabaseRef{Instance: "b", Database: "one"}, Project: "shop"},
			{DatabaseRef: slipway.DatabaseRef{Instance: "b", Database: "two"}, Project: "shop", Deleted: true},
			{DatabaseRef: slipway.DatabaseRef{Instance: "gone", Database: "one"}, Project: "shop"},
		} {
			if err := tx.PutDatabase(ctx, d); err != nil {
				return err
			}
		}
		return nil
	})
	first, next, err := s.Candidates(t.Context(), "shop", slipway.Page{Size: 2})
	same(t, "candidates", []store.Candidate{
		{DatabaseRef: slipway.DatabaseRef{Instance: "a", Database: "one"}, On: "Server A", Environment: "test"},
		{DatabaseRef: slipway.DatabaseRef{Instance: "a", Database: "two"}, On: "Server A", Environment: "prod", Labels: map[string]string{"tier": "gold"}},
	}, first, err)
	rest, last, err := s.Candidates(t.Context(), "shop", slipway.Page{Size: 2, After: next})
	same(t, "the other candidates", []store.Candidate{{DatabaseRef: slipway.DatabaseRef{Instance: "b", Database: "one"}, On: "Server B"}}, rest, err)
	if next == "" || last != "" {
		t.Errorf("the list goes on after %q and then %q", next, last)
	}
}
