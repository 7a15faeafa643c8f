package storetest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"slipway"
	"slipway/internal/store"
)

func reference(e slipway.AuditEntry) string { return e.Reference }

func databaseName(d slipway.Database) string { return d.Instance + "." + d.DatabaseRef.Database }

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

func testLastSeen(t *testing.T, s *store.Store) {
	update(t, s, func(ctx context.Context, tx *store.Tx) error {
		for _, email := range []string{"x", "y", "z"} {
			if err := tx.CreateWorkloadIdentity(ctx, slipway.WorkloadIdentity{Email: email}); err != nil {
				return err
			}
		}
		for i, e := range []slipway.Exchange{{Identity: "x", Allowed: true}, {Identity: "x", Allowed: true}, {Identity: "x"}, {Identity: "y"}} {
			e.Reference, e.Time = fmt.Sprint(i), epoch.Add(time.Duration(i)*time.Second)
			if err := tx.AddExchange(ctx, e); err != nil {
				return err
			}
		}
		for i, hash := range []string{"a", "b"} {
			session := store.Session{Hash: hash, Email: "bot", Expires: time.Now().Add(time.Hour), Used: epoch.Add(time.Duration(i) * time.Hour)}
			if err := tx.CreateSession(ctx, session); err != nil {
				return err
			}
		}
		return nil
	})
	got, err := s.LastSeen(t.Context(), []string{"x", "y", "z", "bot", "nobody"})
	same(t, "who was let in, and who used a session", map[string]time.Time{"x": epoch.Add(time.Second), "bot": epoch.Add(time.Hour)}, got, err)
	got, err = s.LastSeen(t.Context(), nil)
	same(t, "nobody asked for", map[string]time.Time{}, got, err)
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
		{"all but failures", store.AuditQuery{OnlyDone: true}, "3 2 0"},
		{"all but failures of a caller", store.AuditQuery{OnlyDone: true, Caller: "workloadIdentity:bot@x"}, "3"},
		{"a resource with all other conditions", store.AuditQuery{
			Resource: "projects/shop", Caller: "workloadIdentity:bot@x", Method: "/a", Permission: "p.y", Project: "shop", OnlyFailed: true,
			Since: epoch, Until: epoch.Add(time.Hour),
		}, "1"},
		{"conditions that exclude each other", store.AuditQuery{Caller: "user:ann@x", OnlyFailed: true}, ""},
	} {
		found, _, err := s.AuditEntries(t.Context(), tc.q, slipway.Page{})
		same(t, tc.why, tc.want, strings.Join(names(found, reference), " "), err)
		for _, most := range []int{1, 100} {
			n, err := s.CountAudit(t.Context(), tc.q, most)
			same(t, fmt.Sprintf("%s, counted to %d", tc.why, most), min(len(found), most), n, err)
		}
	}
	methods, err := s.AuditMethods(t.Context())
	same(t, "methods", []string{"/a", "/b"}, methods, err)
	newest, _, err := s.AuditEntries(t.Context(), store.AuditQuery{}, slipway.Page{Size: 1})
	if err != nil {
		t.Fatal(err)
	}
	got, err := s.AuditEntry(t.Context(), newest[0].ID)
	same(t, "one entry", newest[0], got, err)
	_, err = s.AuditEntry(t.Context(), 1<<40)
	wantKind(t, "no entry", err, slipway.NotFound)
}
