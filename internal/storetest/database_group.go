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
