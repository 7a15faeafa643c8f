package storetest

import (
	"context"
	"fmt"
	"testing"

	"slipway"
	"slipway/internal/store"
)

func groupEmail(g slipway.Group) string { return g.Email }

func testGroups(t *testing.T, s *store.Store) {
	ctx := t.Context()
	g := filled[slipway.Group]()
	g.Members = []slipway.GroupMember{{Member: "user:ann@x", Role: slipway.GroupOwner}, {Member: "user:bob@x", Role: slipway.GroupMemberOnly}}
	update(t, s, func(ctx context.Context, tx *store.Tx) error { return tx.CreateGroup(ctx, g) })
	got, err := s.Group(ctx, g.Email)
	same(t, "group", g, got, err)

	err = try(t, s, func(ctx context.Context, tx *store.Tx) error { return tx.CreateGroup(ctx, g) })
	wantKind(t, "a group made twice", err, slipway.Exists)
	_, err = s.Group(ctx, "nope")
	wantKind(t, "a group that is not there", err, slipway.NotFound)

	from := g.Revision
	g.Title, g.Description, g.Revision = "Another", "", from+1
	g.Members = g.Members[1:]
	update(t, s, func(ctx context.Context, tx *store.Tx) error { return tx.UpdateGroup(ctx, g, from) })
	got, err = s.Group(ctx, g.Email)
	same(t, "updated group", g, got, err)
	of, err := s.GroupsOf(ctx, "user:ann@x")
	same(t, "groups of whom the update took out", nil, of, err)
	of, err = s.GroupsOf(ctx, "user:bob@x")
	same(t, "groups of a member", []string{g.Email}, of, err)

	stale := g
	stale.Members = nil
	err = try(t, s, func(ctx context.Context, tx *store.Tx) error { return tx.UpdateGroup(ctx, stale, from) })
	wantKind(t, "update from a revision that is gone", err, slipway.Conflict)
	got, err = s.Group(ctx, g.Email)
	same(t, "group after a stale update", g, got, err)
	err = try(t, s, func(ctx context.Context, tx *store.Tx) error {
		return tx.UpdateGroup(ctx, slipway.Group{Email: "nope"}, 1)
	})
	wantKind(t, "update of no group", err, slipway.NotFound)

	update(t, s, func(ctx context.Context, tx *store.Tx) error { return tx.DeleteGroup(ctx, g.Email) })
	of, err = s.GroupsOf(ctx, "user:bob@x")
	same(t, "groups of a member of a deleted group", nil, of, err)
	n, err := s.CountGroups(ctx)
	same(t, "count of groups", 0, n, err)
	err = try(t, s, func(ctx context.Context, tx *store.Tx) error { return tx.DeleteGroup(ctx, g.Email) })
	wantKind(t, "delete of no group", err, slipway.NotFound)
}

func testGroupQueries(t *testing.T, s *store.Store) {
	ctx := t.Context()
	ann := []slipway.GroupMember{{Member: "user:ann@x", Role: slipway.GroupOwner}}
	update(t, s, func(ctx context.Context, tx *store.Tx) error {
		for _, g := range []slipway.Group{
			{Email: "c@x", Title: "DBAs", Members: ann},
			{Email: "a@x", Title: "Developers"},
			{Email: "b@x", Members: append(ann, slipway.GroupMember{Member: "workloadIdentity:w@x", Role: slipway.GroupMemberOnly})},
		} {
			if err := tx.CreateGroup(ctx, g); err != nil {
				return err
			}
		}
		return nil
	})
	for _, tc := range []struct {
		why  string
		q    store.GroupQuery
		want []string
	}{
		{"all", store.GroupQuery{}, []string{"a@x", "b@x", "c@x"}},
		{"by title", store.GroupQuery{Search: "dba"}, []string{"c@x"}},
		{"by member", store.GroupQuery{Member: "user:ann@x"}, []string{"b@x", "c@x"}},
		{"by both", store.GroupQuery{Search: "dev", Member: "user:ann@x"}, []string{}},
		{"a member of none", store.GroupQuery{Member: "user:w@x"}, []string{}},
	} {
		found, _, err := s.Groups(ctx, tc.q, slipway.Page{})
		same(t, tc.why, tc.want, names(found, groupEmail), err)
	}
	pages(t, []string{"a@x", "b@x", "c@x"}, groupEmail,
		func(p slipway.Page) ([]slipway.Group, string, error) { return s.Groups(ctx, store.GroupQuery{}, p) })
	found, _, err := s.Groups(ctx, store.GroupQuery{Search: "b@"}, slipway.Page{})
	if err != nil || len(found) != 1 || len(found[0].Members) != 2 {
		t.Errorf("a listed group with its members: %+v, %v", found, err)
	}

	// Of many who change the same revision one wins, whole.
	g := found[0]
	wins := 0
	for i, err := range atOnce(6, func(i int) error {
		next := g
		next.Revision++
		next.Members = []slipway.GroupMember{{Member: string(rune('a' + i)), Role: slipway.GroupOwner}}
		return try(t, s, func(ctx context.Context, tx *store.Tx) error { return tx.UpdateGroup(ctx, next, g.Revision) })
	}) {
		if err == nil {
			wins++
			continue
		}
		if slipway.KindOf(err) != slipway.Conflict {
			t.Errorf("write %d: %v, want a Conflict", i, err)
		}
	}
	last, err := s.Group(ctx, "b@x")
	if err != nil || wins != 1 || len(last.Members) != 1 {
		t.Errorf("%d of 6 concurrent changes of one revision succeeded and left %+v, %v; want one", wins, last, err)
	}
}

func testNames(t *testing.T, s *store.Store) {
	ctx := t.Context()
	update(t, s, func(ctx context.Context, tx *store.Tx) error {
		for what, err := range map[string]error{
			"user":     tx.CreateUser(ctx, slipway.User{Email: "a@x", Title: "Ann", Deleted: true}),
			"account":  tx.CreateServiceAccount(ctx, slipway.ServiceAccount{Email: "s@x", Title: "Robot"}),
			"identity": tx.CreateWorkloadIdentity(ctx, slipway.WorkloadIdentity{Email: "w@x", Title: "Deploy"}),
			"group":    tx.CreateGroup(ctx, slipway.Group{Email: "a@x", Title: "Team"}),
		} {
			if err != nil {
				return fmt.Errorf("%s: %w", what, err)
			}
		}
		return nil
	})
	asked := []string{"user:a@x", "serviceAccount:s@x", "workloadIdentity:w@x", "user:s@x", "user:nope@x", "allUsers"}
	for i := range 600 { // more than one statement takes
		asked = append(asked, fmt.Sprintf("user:%d@x", i))
	}
	got, err := s.Names(ctx, asked)
	same(t, "names", map[string]store.Named{
		"user:a@x":             {Member: "user:a@x", Title: "Ann", Deleted: true},
		"serviceAccount:s@x":   {Member: "serviceAccount:s@x", Title: "Robot"},
		"workloadIdentity:w@x": {Member: "workloadIdentity:w@x", Title: "Deploy"},
	}, got, err)
	got, err = s.Names(ctx, []string{"group:a@x"})
	same(t, "name of a group", map[string]store.Named{"group:a@x": {Member: "group:a@x", Title: "Team"}}, got, err)
	got, err = s.Names(ctx, nil)
	same(t, "names of nobody", map[string]store.Named{}, got, err)
}
