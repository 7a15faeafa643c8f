package gate_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"slipway"
	"slipway/internal/gate"
	"slipway/internal/iam"
	"slipway/internal/store"
	"slipway/internal/storetest"
)

var (
	ann   = slipway.Principal{Kind: slipway.UserKind, Email: "ann@example.com"}
	owner = slipway.Principal{Kind: slipway.UserKind, Email: "olga@example.com"}
	admin = slipway.Principal{Kind: slipway.UserKind, Email: "root@example.com"}
	bot   = slipway.Principal{Kind: slipway.WorkloadIdentityKind, Email: "bot@workload.bytebase.com", Job: &slipway.Job{ProjectPath: "g/p"}}
)

// newGate returns a gate over a store in which admin administers the workspace,
// olga owns the projects shop and pay, and the bot is shop's service agent.
func newGate(t *testing.T) (*gate.Gate, *store.Store) {
	t.Helper()
	st := storetest.SQLite(t)
	grant := func(role string, who ...slipway.Principal) slipway.Policy {
		b := slipway.Binding{Role: role}
		for _, w := range who {
			b.Members = append(b.Members, w.Member())
		}
		return slipway.Policy{Bindings: []slipway.Binding{b}}
	}
	shop := grant(iam.ProjectOwner, owner)
	shop.Bindings = append(shop.Bindings, grant(iam.GitOpsServiceAgent, bot).Bindings...)
	err := st.Update(t.Context(), func(tx *store.Tx) error {
		for resource, p := range map[string]slipway.Policy{
			slipway.WorkspaceName: grant(iam.WorkspaceAdmin, admin), "projects/shop": shop, "projects/pay": grant(iam.ProjectOwner, owner),
		} {
			if _, err := tx.SetPolicy(t.Context(), resource, p); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return gate.New(storetest.Log(t), st, nil), st
}

func audit(t *testing.T, st *store.Store) []slipway.AuditEntry {
	t.Helper()
	entries, _, err := st.AuditEntries(t.Context(), store.AuditQuery{}, slipway.Page{Size: 100})
	if err != nil {
		t.Fatal(err)
	}
	return entries
}

func TestCan(t *testing.T) {
	for _, tc := range []struct {
		why     string
		who     slipway.Principal
		p       iam.Permission
		project string
		want    slipway.Kind
		ok      bool
	}{
		{"the workspace's grants count in a project", admin, iam.ProjectsGet, "shop", 0, true},
		{"a project's grants count in it", owner, iam.ProjectsGet, "shop", 0, true},
		{"and not in another", owner, iam.ProjectsGet, "default", slipway.Denied, false},
		{"and not in the workspace", owner, iam.ProjectsCreate, "", slipway.Denied, false},
		{"an agent checks releases", bot, iam.ReleasesCheck, "shop", 0, true},
		{"and does not change the policy", bot, iam.ProjectsGetIamPolicy, "shop", slipway.Denied, false},
		{"a user with an agent's address is not it", slipway.Principal{Kind: slipway.UserKind, Email: bot.Email}, iam.ReleasesCheck, "shop", slipway.Denied, false},
		{"a stranger may nothing", ann, iam.ProjectsGet, "shop", slipway.Denied, false},
		{"nobody is asked to sign in", slipway.Principal{}, iam.ProjectsGet, "shop", slipway.Unauthenticated, false},
		{"the server itself may everything", slipway.System(), iam.ProjectsCreate, "", 0, true},
		{"a permission that does not exist is nobody's", admin, "bb.moon.fly", "", slipway.Denied, false},
	} {
		g, st := newGate(t)
		err := g.Can(t.Context(), gate.Act{Who: tc.who, Permission: tc.p, Project: tc.project, Resource: "projects/" + tc.project, Method: "/m"})
		if tc.ok {
			if err != nil {
				t.Errorf("%s: %v", tc.why, err)
			}
			if n := len(audit(t, st)); n != 0 {
				t.Errorf("%s: a read that was allowed left %d audit entries", tc.why, n)
			}
			continue
		}
		if err == nil || slipway.KindOf(err) != tc.want {
			t.Errorf("%s: %v, want kind %d", tc.why, err, tc.want)
		}
		entries := audit(t, st)
		if len(entries) != 1 || entries[0].OK() || entries[0].Kind != tc.want {
			t.Errorf("%s: audit %+v, want one entry of the refusal", tc.why, entries)
		}
	}
}

func TestDenial(t *testing.T) {
	g, st := newGate(t)
	err := g.Can(t.Context(), gate.Act{Who: bot, Permission: iam.ReleasesCheck, Project: "pay", Resource: "projects/pay", Method: "/m"})
	const want = `permission denied: workloadIdentity:bot@workload.bytebase.com lacks "bb.releases.check" on projects/pay`
	if got := slipway.MessageOf(err); got != want {
		t.Errorf("message %q, want %q", got, want)
	}
	e, ok := errors.AsType[*slipway.Error](err)
	if !ok || e.Denial == nil {
		t.Fatalf("%v has no denial", err)
	}
	if diff := cmp.Diff(slipway.Denial{Permission: "bb.releases.check", Resource: "projects/pay", Caller: bot.Member()}, *e.Denial); diff != "" {
		t.Error(diff)
	}
	entries := audit(t, st)
	if len(entries) != 1 || entries[0].Message != want || entries[0].Caller.Member() != bot.Member() || entries[0].Caller.Job == nil {
		t.Errorf("audit %+v", entries)
	}
}

func TestDo(t *testing.T) {
	boom := slipway.Errorf(slipway.Precondition, "not now")
	for _, tc := range []struct {
		why     string
		who     slipway.Principal
		fails   error
		want    slipway.Kind
		message string
		written bool
	}{
		{"allowed", owner, nil, 0, "", true},
		{"allowed and failed", owner, boom, slipway.Precondition, "not now", false},
		{"failed in a way that is not for show", owner, errors.New("disk 7 is on fire"), slipway.Internal, "something went wrong inside", false},
		{"refused", ann, nil, slipway.Denied, "permission denied", false},
	} {
		g, st := newGate(t)
		ran := false
		act := gate.Act{
			Who: tc.who, Permission: iam.ProjectsUpdate, Project: "shop", Resource: "projects/shop", Method: "/m",
			Request: struct{ Password slipway.Secret }{"hunter2"},
		}
		err := g.Do(t.Context(), act, func(tx *store.Tx) error {
			ran = true
			if err := tx.PutSetting(t.Context(), "k", []byte("v")); err != nil {
				return err
			}
			return tc.fails
		})
		if (err == nil) != tc.written || err != nil && slipway.KindOf(err) != tc.want {
			t.Errorf("%s: %v, want kind %d", tc.why, err, tc.want)
		}
		if ran == (tc.want == slipway.Denied) {
			t.Errorf("%s: ran is %t", tc.why, ran)
		}
		if _, err := st.Setting(t.Context(), "k"); (err == nil) != tc.written {
			t.Errorf("%s: the write: %v", tc.why, err)
		}
		entries := audit(t, st)
		if len(entries) != 1 {
			t.Errorf("%s: %d audit entries, want 1", tc.why, len(entries))
			continue
		}
		e := entries[0]
		if e.OK() != tc.written || !strings.HasPrefix(e.Message, tc.message) || e.Project != "shop" || e.Method != "/m" || e.Permission != string(iam.ProjectsUpdate) {
			t.Errorf("%s: audit entry %+v", tc.why, e)
		}
		if strings.Contains(e.Request, "hunter2") || !strings.Contains(e.Request, "REDACTED") {
			t.Errorf("%s: the request on record is %s", tc.why, e.Request)
		}
		if strings.Contains(e.Message, "fire") {
			t.Errorf("%s: the message on record tells the inside: %s", tc.why, e.Message)
		}
	}
}

// TestRecordOutlivesCaller hangs up on a refusal.
func TestRecordOutlivesCaller(t *testing.T) {
	g, st := newGate(t)
	ctx, cancel := context.WithCancel(t.Context())
	err := g.Do(ctx, gate.Act{Who: owner, Permission: iam.ProjectsUpdate, Project: "shop", Resource: "projects/shop", Method: "/m"}, func(tx *store.Tx) error {
		cancel()
		return tx.PutSetting(ctx, "k", nil)
	})
	if slipway.KindOf(err) != slipway.Canceled {
		t.Errorf("act of a caller who hung up: %v", err)
	}
	if entries := audit(t, st); len(entries) != 1 || entries[0].OK() {
		t.Errorf("audit %+v, want the failure on record", entries)
	}
}

func TestLargeRequest(t *testing.T) {
	g, st := newGate(t)
	g.Note(t.Context(), gate.Act{Who: owner, Method: "/m", Request: strings.Repeat("x", 1<<20)}, nil)
	g.Note(t.Context(), gate.Act{Who: owner, Method: "/m", Request: func() {}}, fmt.Errorf("inside: %w", slipway.Errorf(slipway.Exists, "there")))
	entries := audit(t, st)
	if len(entries) != 2 {
		t.Fatalf("%d audit entries, want 2", len(entries))
	}
	for _, e := range entries {
		if len(e.Request) > 16<<10 || !strings.Contains(e.Request, "not_recorded") {
			t.Errorf("request on record: %d bytes, %.80s", len(e.Request), e.Request)
		}
	}
	if !entries[1].OK() || entries[0].OK() || entries[0].Message != "there" || entries[0].Kind != slipway.Exists {
		t.Errorf("outcomes on record: %+v, %+v", entries[1], entries[0])
	}
}

// A password in a URL, where a form asks for no more than an address, is not
// kept: neither as it was sent nor in what was answered.
func TestPasswordInURL(t *testing.T) {
	g, st := newGate(t)
	request := map[string]string{"issuer": "https://u:hunter2<&@gitlab.example.com/a@b", "by": "ann@example.com", "page": "https://example.com/a@b"}
	g.Note(t.Context(), gate.Act{Who: owner, Method: "/m", Request: request}, slipway.Errorf(slipway.Invalid, "issuer https://u:hunter2@x is no URL"))
	e := audit(t, st)[0]
	want := `{"by":"ann@example.com","issuer":"https://…@gitlab.example.com/a@b","page":"https://example.com/a@b"}`
	if e.Request != want || e.Message != "issuer https://…@x is no URL" {
		t.Errorf("on record: %s and %q", e.Request, e.Message)
	}
}

func TestProjects(t *testing.T) {
	g, st := newGate(t)
	for _, tc := range []struct {
		why string
		who slipway.Principal
		all bool
		ids []string
	}{
		{"the server itself", slipway.System(), true, nil},
		{"an administrator", admin, true, nil},
		{"an owner of two", owner, false, []string{"pay", "shop"}},
		{"an agent, whose role does not let it look at projects", bot, false, []string{}},
		{"a stranger gets an empty list, not nil", ann, false, []string{}},
		{"nobody", slipway.Principal{}, false, []string{}},
	} {
		all, ids, err := g.Projects(t.Context(), tc.who, iam.ProjectsGet)
		if err != nil || all != tc.all {
			t.Errorf("%s: all %t, %v", tc.why, all, err)
		}
		if diff := cmp.Diff(tc.ids, ids); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tc.why, diff)
		}
	}
	if _, ids, err := g.Projects(t.Context(), bot, iam.ReleasesCheck); err != nil || !slices.Equal(ids, []string{"shop"}) {
		t.Errorf("where an agent may check releases: %v, %v", ids, err)
	}
	if n := len(audit(t, st)); n != 0 {
		t.Errorf("filtering left %d audit entries", n)
	}
}

// TestConditionsEnd lets a grant run out between two calls.
func TestConditionsEnd(t *testing.T) {
	st := storetest.SQLite(t)
	now := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	err := st.Update(t.Context(), func(tx *store.Tx) error {
		_, err := tx.SetPolicy(t.Context(), "projects/shop", slipway.Policy{Bindings: []slipway.Binding{{
			Role: iam.ProjectOwner, Members: []string{ann.Member()}, Condition: `request.time < timestamp("2026-11-22T11:00:00Z")`,
		}}})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	g := gate.New(storetest.Log(t), st, func() time.Time { return now })
	for _, want := range []bool{true, false} {
		if ok, err := g.May(t.Context(), ann, iam.ProjectsGet, "shop"); err != nil || ok != want {
			t.Errorf("at %v: %t, %v, want %t", now, ok, err, want)
		}
		now = now.Add(time.Hour)
	}
}
