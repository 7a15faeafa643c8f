package storetest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"slipway"
	"slipway/internal/store"
)

// epoch is when the tests' things happen.
var epoch = time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)

// walk reads a list to its end in pages of the given size.
func walk[T any](t testing.TB, size int, list func(slipway.Page) ([]T, string, error)) []T {
	t.Helper()
	var out []T
	page := slipway.Page{Size: size}
	for range 1000 {
		items, next, err := list(page)
		if err != nil {
			t.Fatal(err)
		}
		if len(items) > size {
			t.Fatalf("a page of %d holds %d items", size, len(items))
		}
		out = append(out, items...)
		if next == "" {
			return out
		}
		page.After = next
	}
	t.Fatal("the list does not end")
	return nil
}

// names maps items to what tells them apart.
func names[T any](items []T, name func(T) string) []string {
	out := make([]string, len(items))
	for i, item := range items {
		out[i] = name(item)
	}
	return out
}

// fillLists writes five of everything that is listed. Several rows share a time,
// as writes of one instant do.
func fillLists(t *testing.T, s *store.Store, ref slipway.DatabaseRef) {
	update(t, s, func(ctx context.Context, tx *store.Tx) error {
		for i := range 5 {
			id, when := fmt.Sprintf("i%d", i), epoch.Add(time.Duration(i/3)*time.Second)
			for what, err := range map[string]error{
				"user":     tx.CreateUser(ctx, slipway.User{Email: id}),
				"account":  tx.CreateServiceAccount(ctx, slipway.ServiceAccount{Email: id}),
				"identity": tx.CreateWorkloadIdentity(ctx, slipway.WorkloadIdentity{Email: id}),
				"project":  tx.CreateProject(ctx, slipway.Project{ID: id}),
				"instance": tx.CreateInstance(ctx, slipway.Instance{ID: id}),
				"exchange": tx.AddExchange(ctx, slipway.Exchange{Reference: id, Time: when}),
				"audit":    tx.AddAudit(ctx, slipway.AuditEntry{Resource: "projects/p/releases/" + id, Reference: id, Time: when, Message: "no"}),
				"release":  tx.CreateRelease(ctx, slipway.Release{Project: "default", ID: id, Created: when}, "t", i),
				"revision": tx.PutRevision(ctx, slipway.Revision{Database: ref, ID: id, Applied: when}),
			} {
				if err != nil {
					return fmt.Errorf("%s: %w", what, err)
				}
			}
			if _, err := tx.SetPolicy(ctx, id, slipway.Policy{}); err != nil {
				return err
			}
			p, err := tx.CreatePlan(ctx, slipway.Plan{Project: "default", Title: id})
			if err != nil {
				return err
			}
			if _, err := tx.CreateRollout(ctx, slipway.Rollout{Project: "default", Plan: p.ID, Title: id, Created: when}); err != nil {
				return err
			}
		}
		for i := range 5 {
			d := slipway.Database{DatabaseRef: slipway.DatabaseRef{Instance: fmt.Sprintf("i%d", i%2), Database: fmt.Sprintf("d/%d", i)}, Project: "default"}
			if err := tx.PutDatabase(ctx, d); err != nil {
				return err
			}
		}
		return nil
	})
}

// pages walks a list in pages of several sizes and expects each item once, in
// order.
func pages[T any](t *testing.T, want []string, name func(T) string, list func(slipway.Page) ([]T, string, error)) {
	t.Helper()
	for _, size := range []int{1, 2, 5, 100} {
		if diff := cmp.Diff(want, names(walk(t, size, list), name)); diff != "" {
			t.Errorf("%T in pages of %d (-want +got):\n%s", *new(T), size, diff)
		}
	}
}

func testPages(t *testing.T, s *store.Store) {
	type page = slipway.Page
	ctx := t.Context()
	ref := slipway.DatabaseRef{Instance: "i0", Database: "d"}
	fillLists(t, s, ref)
	up := []string{"i0", "i1", "i2", "i3", "i4"}
	down := []string{"i4", "i3", "i2", "i1", "i0"}
	pages(t, up, func(u slipway.User) string { return u.Email },
		func(p page) ([]slipway.User, string, error) { return s.Users(ctx, store.UserQuery{}, p) })
	pages(t, up, func(a slipway.ServiceAccount) string { return a.Email },
		func(p page) ([]slipway.ServiceAccount, string, error) {
			return s.ServiceAccounts(ctx, store.AccountQuery{}, p)
		})
	pages(t, up, func(w slipway.WorkloadIdentity) string { return w.Email },
		func(p page) ([]slipway.WorkloadIdentity, string, error) {
			return s.WorkloadIdentities(ctx, store.AccountQuery{}, p)
		})
	pages(t, append([]string{"default"}, up...), func(p slipway.Project) string { return p.ID },
		func(p page) ([]slipway.Project, string, error) { return s.Projects(ctx, store.ProjectQuery{}, p) })
	pages(t, up, func(i slipway.Instance) string { return i.ID },
		func(p page) ([]slipway.Instance, string, error) { return s.Instances(ctx, store.InstanceQuery{}, p) })
	pages(t, []string{"i0.d/0", "i0.d/2", "i0.d/4", "i1.d/1", "i1.d/3"}, databaseName,
		func(p page) ([]slipway.Database, string, error) { return s.Databases(ctx, store.DatabaseQuery{}, p) })
	pages(t, up, func(p store.ResourcePolicy) string { return p.Resource },
		func(p page) ([]store.ResourcePolicy, string, error) { return s.Policies(ctx, p) })
	pages(t, down, func(e slipway.Exchange) string { return e.Reference },
		func(p page) ([]slipway.Exchange, string, error) { return s.Exchanges(ctx, store.ExchangeQuery{}, p) })
	for _, q := range []store.AuditQuery{{}, {Resource: "projects/p"}, {OnlyFailed: true}} {
		pages(t, down, reference, func(p page) ([]slipway.AuditEntry, string, error) { return s.AuditEntries(ctx, q, p) })
	}
	pages(t, down, func(r slipway.Release) string { return r.ID },
		func(p page) ([]slipway.Release, string, error) {
			return s.Releases(ctx, store.ReleaseQuery{Project: "default"}, p)
		})
	pages(t, down, func(p slipway.Plan) string { return p.Title },
		func(p page) ([]slipway.Plan, string, error) { return s.Plans(ctx, "default", p) })
	pages(t, down, func(r slipway.Rollout) string { return r.Title },
		func(p page) ([]slipway.Rollout, string, error) { return s.Rollouts(ctx, "default", p) })
	pages(t, down, func(v slipway.Revision) string { return v.ID },
		func(p page) ([]slipway.Revision, string, error) { return s.Revisions(ctx, ref, false, p) })
}

func testBadPageTokens(t *testing.T, s *store.Store) {
	ctx := t.Context()
	for _, after := range []string{"x", "1", "1.", ".x", "-.-", "'; DROP TABLE plan; --"} {
		p := slipway.Page{After: after}
		_, _, err := s.AuditEntries(ctx, store.AuditQuery{}, p)
		wantKind(t, "audit entries after "+after, err, slipway.Invalid)
		_, _, err = s.Rollouts(ctx, "default", p)
		wantKind(t, "rollouts after "+after, err, slipway.Invalid)
		_, _, err = s.Exchanges(ctx, store.ExchangeQuery{}, p)
		wantKind(t, "exchanges after "+after, err, slipway.Invalid)
		_, _, err = s.Releases(ctx, store.ReleaseQuery{}, p)
		wantKind(t, "releases after "+after, err, slipway.Invalid)
		_, _, err = s.Revisions(ctx, slipway.DatabaseRef{}, false, p)
		wantKind(t, "revisions after "+after, err, slipway.Invalid)
		_, _, err = s.Databases(ctx, store.DatabaseQuery{}, p)
		wantKind(t, "databases after "+after, err, slipway.Invalid)
	}
	_, _, err := s.Plans(ctx, "default", slipway.Page{After: "x"})
	wantKind(t, "plans after x", err, slipway.Invalid)
}
