package storetest

import (
	"context"
	"fmt"
	"slices"
	"strings"
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

// testPages walks every list in pages of two and expects each item once, in
// order. Several rows share a time, as writes of one instant do.
func testPages(t *testing.T, s *store.Store) {
	ctx := t.Context()
	ref := slipway.DatabaseRef{Instance: "i0", Database: "d"}
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
				"audit":    tx.AddAudit(ctx, slipway.AuditEntry{Resource: "projects/p/releases/" + id, Reference: id, Time: when}),
				"release":  tx.CreateRelease(ctx, slipway.Release{Project: "default", ID: id, Created: when}, "t", i),
				"revision": tx.PutRevision(ctx, slipway.Revision{Database: ref, ID: id, Applied: when}),
			} {
				if err != nil {
					return fmt.Errorf("%s: %w", what, err)
				}
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
	up := []string{"i0", "i1", "i2", "i3", "i4"}
	down := []string{"i4", "i3", "i2", "i1", "i0"}
	for _, tc := range []struct {
		name string
		want []string
		got  func(size int) []string
	}{
		{"users", up, func(n int) []string {
			return names(walk(t, n, func(p slipway.Page) ([]slipway.User, string, error) {
				return s.Users(ctx, store.UserQuery{}, p)
			}), func(u slipway.User) string { return u.Email })
		}},
		{"service accounts", up, func(n int) []string {
			return names(walk(t, n, func(p slipway.Page) ([]slipway.ServiceAccount, string, error) {
				return s.ServiceAccounts(ctx, store.AccountQuery{}, p)
			}), func(a slipway.ServiceAccount) string { return a.Email })
		}},
		{"workload identities", up, func(n int) []string {
			return names(walk(t, n, func(p slipway.Page) ([]slipway.WorkloadIdentity, string, error) {
				return s.WorkloadIdentities(ctx, store.AccountQuery{}, p)
			}), func(w slipway.WorkloadIdentity) string { return w.Email })
		}},
		{"projects", append([]string{"default"}, up...), func(n int) []string {
			return names(walk(t, n, func(p slipway.Page) ([]slipway.Project, string, error) {
				return s.Projects(ctx, store.ProjectQuery{}, p)
			}), func(p slipway.Project) string { return p.ID })
		}},
		{"instances", up, func(n int) []string {
			return names(walk(t, n, func(p slipway.Page) ([]slipway.Instance, string, error) {
				return s.Instances(ctx, store.InstanceQuery{}, p)
			}), func(i slipway.Instance) string { return i.ID })
		}},
		{"databases", []string{"i0.d/0", "i0.d/2", "i0.d/4", "i1.d/1", "i1.d/3"}, func(n int) []string {
			return names(walk(t, n, func(p slipway.Page) ([]slipway.Database, string, error) {
				return s.Databases(ctx, store.DatabaseQuery{}, p)
			}), databaseName)
		}},
		{"exchanges", down, func(n int) []string {
			return names(walk(t, n, func(p slipway.Page) ([]slipway.Exchange, string, error) {
				return s.Exchanges(ctx, store.ExchangeQuery{}, p)
			}), func(e slipway.Exchange) string { return e.Reference })
		}},
		{"audit entries", down, func(n int) []string {
			return names(walk(t, n, func(p slipway.Page) ([]slipway.AuditEntry, string, error) {
				return s.AuditEntries(ctx, store.AuditQuery{}, p)
			}), reference)
		}},
		{"audit entries of a resource", down, func(n int) []string {
			return names(walk(t, n, func(p slipway.Page) ([]slipway.AuditEntry, string, error) {
				return s.AuditEntries(ctx, store.AuditQuery{Resource: "projects/p"}, p)
			}), reference)
		}},
		{"releases", down, func(n int) []string {
			return names(walk(t, n, func(p slipway.Page) ([]slipway.Release, string, error) {
				return s.Releases(ctx, store.ReleaseQuery{Project: "default"}, p)
			}), func(r slipway.Release) string { return r.ID })
		}},
		{"plans", down, func(n int) []string {
			return names(walk(t, n, func(p slipway.Page) ([]slipway.Plan, string, error) {
				return s.Plans(ctx, "default", p)
			}), func(p slipway.Plan) string { return p.Title })
		}},
		{"rollouts", down, func(n int) []string {
			return names(walk(t, n, func(p slipway.Page) ([]slipway.Rollout, string, error) {
				return s.Rollouts(ctx, "default", p)
			}), func(r slipway.Rollout) string { return r.Title })
		}},
		{"revisions", down, func(n int) []string {
			return names(walk(t, n, func(p slipway.Page) ([]slipway.Revision, string, error) {
				return s.Revisions(ctx, ref, false, p)
			}), func(v slipway.Revision) string { return v.ID })
		}},
	} {
		for _, size := range []int{1, 2, 5, 100} {
			if diff := cmp.Diff(tc.want, tc.got(size)); diff != "" {
				t.Errorf("%s in pages of %d (-want +got):\n%s", tc.name, size, diff)
			}
		}
	}
}

func reference(e slipway.AuditEntry) string { return e.Reference }

func databaseName(d slipway.Database) string { return d.Instance + "." + d.DatabaseRef.Database }

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

func testSearch(t *testing.T, s *store.Store) {
	update(t, s, func(ctx context.Context, tx *store.Tx) error {
		for email, title := range map[string]string{
			"ann@example.com": "Ann Überall", "bob@example.com": "100% Bob", "c_d@example.com": `back\slash`, "cxd@example.com": "",
		} {
			if err := tx.CreateUser(ctx, slipway.User{Email: email, Title: title}); err != nil {
				return err
			}
		}
		return nil
	})
	for _, tc := range []struct{ why, search, want string }{
		{"part of an address", "EXAMPLE", "ann@example.com bob@example.com c_d@example.com cxd@example.com"},
		{"any case, beyond ASCII too", "überALL", "ann@example.com"},
		{"a percent sign is itself", "0%", "bob@example.com"},
		{"a percent sign stands for nothing", "a%n", ""},
		{"an underscore is itself", "c_d", "c_d@example.com"},
		{"a backslash is itself", `k\s`, "c_d@example.com"},
		{"a quote ends nothing", `'`, ""},
	} {
		users, _, err := s.Users(t.Context(), store.UserQuery{Search: tc.search}, slipway.Page{})
		got := strings.Join(names(users, func(u slipway.User) string { return u.Email }), " ")
		same(t, tc.why, tc.want, got, err)
	}
}

func testDeleted(t *testing.T, s *store.Store) {
	ctx := t.Context()
	update(t, s, func(ctx context.Context, tx *store.Tx) error {
		for what, err := range map[string]error{
			"user":     tx.CreateUser(ctx, slipway.User{Email: "gone", Deleted: true}),
			"account":  tx.CreateServiceAccount(ctx, slipway.ServiceAccount{Email: "gone", Deleted: true}),
			"identity": tx.CreateWorkloadIdentity(ctx, slipway.WorkloadIdentity{Email: "gone", Deleted: true}),
			"project":  tx.CreateProject(ctx, slipway.Project{ID: "gone", Deleted: true}),
			"instance": tx.CreateInstance(ctx, slipway.Instance{ID: "gone", Deleted: true}),
			"release":  tx.CreateRelease(ctx, slipway.Release{Project: "default", ID: "gone", Deleted: true, Digest: "x"}, "t", 0),
		} {
			if err != nil {
				return fmt.Errorf("%s: %w", what, err)
			}
		}
		return nil
	})
	for _, show := range []bool{false, true} {
		users, _, err1 := s.Users(ctx, store.UserQuery{ShowDeleted: show, Search: "gone"}, slipway.Page{})
		accounts, _, err2 := s.ServiceAccounts(ctx, store.AccountQuery{ShowDeleted: show}, slipway.Page{})
		identities, _, err3 := s.WorkloadIdentities(ctx, store.AccountQuery{ShowDeleted: show}, slipway.Page{})
		projects, _, err4 := s.Projects(ctx, store.ProjectQuery{ShowDeleted: show, Search: "GONE"}, slipway.Page{})
		instances, _, err5 := s.Instances(ctx, store.InstanceQuery{ShowDeleted: show}, slipway.Page{})
		releases, _, err6 := s.Releases(ctx, store.ReleaseQuery{ShowDeleted: show, Project: "default"}, slipway.Page{})
		for what, n := range map[string]int{
			"users": len(users), "accounts": len(accounts), "identities": len(identities), "projects": len(projects), "instances": len(instances), "releases": len(releases),
		} {
			if want := map[bool]int{false: 0, true: 1}[show]; n != want {
				t.Errorf("%s with ShowDeleted %t: %d, want %d", what, show, n, want)
			}
		}
		for _, err := range []error{err1, err2, err3, err4, err5, err6} {
			if err != nil {
				t.Error(err)
			}
		}
	}
	n, err := s.CountUsers(ctx)
	same(t, "count of users, the deleted one too", 1, n, err)
	_, err = s.ReleaseByDigest(ctx, "default", "x")
	wantKind(t, "deleted release by digest", err, slipway.NotFound)
	update(t, s, func(ctx context.Context, tx *store.Tx) error {
		return tx.SetReleaseDeleted(ctx, "default", "gone", false)
	})
	back, err := s.ReleaseByDigest(ctx, "default", "x")
	same(t, "release brought back", "gone", back.ID, err)
}

func testAccountQueries(t *testing.T, s *store.Store) {
	update(t, s, func(ctx context.Context, tx *store.Tx) error {
		for email, project := range map[string]string{"a": "shop", "b": "", "c": "pay"} {
			if err := tx.CreateServiceAccount(ctx, slipway.ServiceAccount{Email: email, Project: project, Title: "T" + email}); err != nil {
				return err
			}
			if err := tx.CreateWorkloadIdentity(ctx, slipway.WorkloadIdentity{Email: email, Project: project, Title: "T" + email}); err != nil {
				return err
			}
		}
		return nil
	})
	for _, tc := range []struct {
		why  string
		q    store.AccountQuery
		want []string
	}{
		{"everything", store.AccountQuery{}, []string{"a", "b", "c"}},
		{"one project", store.AccountQuery{Project: "shop"}, []string{"a"}},
		{"the workspace's own", store.AccountQuery{WorkspaceOnly: true}, []string{"b"}},
		{"by title", store.AccountQuery{Search: "tc"}, []string{"c"}},
		{"by title in another project", store.AccountQuery{Search: "tc", Project: "shop"}, []string{}},
	} {
		accounts, _, err := s.ServiceAccounts(t.Context(), tc.q, slipway.Page{})
		same(t, "service accounts: "+tc.why, tc.want, names(accounts, func(a slipway.ServiceAccount) string { return a.Email }), err)
		identities, _, err := s.WorkloadIdentities(t.Context(), tc.q, slipway.Page{})
		same(t, "workload identities: "+tc.why, tc.want, names(identities, func(w slipway.WorkloadIdentity) string { return w.Email }), err)
	}
}

func testDatabaseQueries(t *testing.T, s *store.Store) {
	update(t, s, func(ctx context.Context, tx *store.Tx) error {
		for what, err := range map[string]error{
			"shop": tx.CreateProject(ctx, slipway.Project{ID: "shop"}),
			"pay":  tx.CreateProject(ctx, slipway.Project{ID: "pay"}),
			"a":    tx.CreateInstance(ctx, slipway.Instance{ID: "a", Environment: "test"}),
			"b":    tx.CreateInstance(ctx, slipway.Instance{ID: "b", Environment: "prod"}),
			"c":    tx.CreateInstance(ctx, slipway.Instance{ID: "c", Deleted: true}),
		} {
			if err != nil {
				return fmt.Errorf("%s: %w", what, err)
			}
		}
		for _, d := range []slipway.Database{
			{DatabaseRef: slipway.DatabaseRef{Instance: "a", Database: "Orders"}, Project: "shop", Labels: map[string]string{"tier": "1", "x": `"tier":"2"`}},
			{DatabaseRef: slipway.DatabaseRef{Instance: "a", Database: "stray"}, Project: "default", Environment: "prod"},
			{DatabaseRef: slipway.DatabaseRef{Instance: "b", Database: "ledger"}, Project: "pay", Labels: map[string]string{"Tier": "1"}},
			{DatabaseRef: slipway.DatabaseRef{Instance: "b", Database: "old"}, Project: "shop", Deleted: true},
			{DatabaseRef: slipway.DatabaseRef{Instance: "c", Database: "lost"}, Project: "shop"},
		} {
			if err := tx.PutDatabase(ctx, d); err != nil {
				return err
			}
		}
		return nil
	})
	for _, tc := range []struct {
		why  string
		q    store.DatabaseQuery
		want string
	}{
		{"what is there", store.DatabaseQuery{}, "a.Orders a.stray b.ledger"},
		{"what is gone too", store.DatabaseQuery{ShowDeleted: true}, "a.Orders a.stray b.ledger b.old c.lost"},
		{"a project", store.DatabaseQuery{Project: "shop"}, "a.Orders"},
		{"projects that the caller sees", store.DatabaseQuery{Only: []string{"pay", "default"}}, "a.stray b.ledger"},
		{"a caller who sees none", store.DatabaseQuery{Only: []string{}}, ""},
		{"an instance", store.DatabaseQuery{Instance: "a"}, "a.Orders a.stray"},
		{"an environment, own before inherited", store.DatabaseQuery{Environment: "prod"}, "a.stray b.ledger"},
		{"a name in any case", store.DatabaseQuery{Search: "order"}, "a.Orders"},
		{"a label", store.DatabaseQuery{Labels: map[string]string{"tier": "1"}}, "a.Orders"},
		{"a label in its case", store.DatabaseQuery{Labels: map[string]string{"Tier": "1"}}, "b.ledger"},
		{"no label inside another's value", store.DatabaseQuery{Labels: map[string]string{"tier": "2"}}, ""},
		{"two labels", store.DatabaseQuery{Labels: map[string]string{"tier": "1", "y": "z"}}, ""},
		{"the default project's", store.DatabaseQuery{UnassignedOnly: true}, "a.stray"},
		{"the others'", store.DatabaseQuery{AssignedOnly: true}, "a.Orders b.ledger"},
	} {
		found, _, err := s.Databases(t.Context(), tc.q, slipway.Page{})
		same(t, tc.why, tc.want, strings.Join(names(found, databaseName), " "), err)
	}
	projects, _, err := s.Projects(t.Context(), store.ProjectQuery{Only: []string{"shop", "nope"}}, slipway.Page{})
	same(t, "only some projects", []string{"shop"}, names(projects, func(p slipway.Project) string { return p.ID }), err)
	instances, _, err := s.Instances(t.Context(), store.InstanceQuery{Environment: "prod", Engine: ""}, slipway.Page{})
	same(t, "instances of an environment", []string{"b"}, names(instances, func(i slipway.Instance) string { return i.ID }), err)
}

func testExchangeQueries(t *testing.T, s *store.Store) {
	update(t, s, func(ctx context.Context, tx *store.Tx) error {
		for i := range 6 {
			e := slipway.Exchange{
				Reference: fmt.Sprint(i), Time: epoch.Add(time.Duration(i) * time.Second), Identity: []string{"x", "y"}[i%2], Allowed: i%3 == 0,
			}
			if err := tx.AddExchange(ctx, e); err != nil {
				return err
			}
		}
		return nil
	})
	for _, tc := range []struct {
		why  string
		q    store.ExchangeQuery
		want string
	}{
		{"all", store.ExchangeQuery{}, "5 4 3 2 1 0"},
		{"an identity", store.ExchangeQuery{Identity: "x"}, "4 2 0"},
		{"allowed", store.ExchangeQuery{Outcome: "allowed"}, "3 0"},
		{"refused of an identity", store.ExchangeQuery{Outcome: "refused", Identity: "y"}, "5 1"},
		{"since, that moment included", store.ExchangeQuery{Since: epoch.Add(4 * time.Second)}, "5 4"},
	} {
		found, _, err := s.Exchanges(t.Context(), tc.q, slipway.Page{})
		same(t, tc.why, tc.want, strings.Join(names(found, func(e slipway.Exchange) string { return e.Reference }), " "), err)
	}
	_, _, err := s.Exchanges(t.Context(), store.ExchangeQuery{Outcome: "perhaps"}, slipway.Page{})
	wantKind(t, "an outcome that is none", err, slipway.Invalid)
}

func testAuditQueries(t *testing.T, s *store.Store) {
	ann := slipway.Principal{Kind: slipway.UserKind, Email: "ann@x"}
	bot := slipway.Principal{Kind: slipway.WorkloadIdentityKind, Email: "bot@x"}
	entries := []slipway.AuditEntry{
		{Caller: ann, Method: "/a", Permission: "p.x", Resource: "projects/shop", Project: "shop"},
		{Caller: bot, Method: "/a", Permission: "p.y", Resource: "projects/shop/releases/r/files/f", Project: "shop", Message: "no", Kind: slipway.Denied},
		{Caller: ann, Method: "/b", Permission: "p.x", Resource: "projects/shopping", Project: "shopping"},
		{Caller: bot, Method: "/b", Permission: "p.y", Resource: "instances/pg/databases/d"},
	}
	update(t, s, func(ctx context.Context, tx *store.Tx) error {
		for i, e := range slices.Backward(entries) { // written late, listed by time
			e.Reference, e.Time = fmt.Sprint(i), epoch.Add(time.Duration(i)*time.Second)
			if err := tx.AddAudit(ctx, e); err != nil {
				return err
			}
		}
		return nil
	})
	for _, tc := range []struct {
		why  string
		q    store.AuditQuery
		want string
	}{
		{"all", store.AuditQuery{}, "3 2 1 0"},
		{"a caller", store.AuditQuery{Caller: "user:ann@x"}, "2 0"},
		{"a method", store.AuditQuery{Method: "/a"}, "1 0"},
		{"a permission", store.AuditQuery{Permission: "p.y"}, "3 1"},
		{"a project", store.AuditQuery{Project: "shop"}, "1 0"},
		{"a resource and what is in it, not its namesakes", store.AuditQuery{Resource: "projects/shop"}, "1 0"},
		{"a resource in the middle", store.AuditQuery{Resource: "projects/shop/releases/r"}, "1"},
		{"a whole resource", store.AuditQuery{Resource: "projects/shop/releases/r/files/f"}, "1"},
		{"since, that moment included", store.AuditQuery{Since: epoch.Add(2 * time.Second)}, "3 2"},
		{"until, that moment excluded", store.AuditQuery{Until: epoch.Add(2 * time.Second)}, "1 0"},
		{"failures", store.AuditQuery{OnlyFailed: true}, "1"},
		{"a resource with all other conditions", store.AuditQuery{
			Resource: "projects/shop", Caller: "workloadIdentity:bot@x", Method: "/a", Permission: "p.y", Project: "shop", OnlyFailed: true,
			Since: epoch, Until: epoch.Add(time.Hour),
		}, "1"},
		{"conditions that exclude each other", store.AuditQuery{Caller: "user:ann@x", OnlyFailed: true}, ""},
	} {
		found, _, err := s.AuditEntries(t.Context(), tc.q, slipway.Page{})
		same(t, tc.why, tc.want, strings.Join(names(found, reference), " "), err)
	}
}
