package access_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"slipway"
	"slipway/internal/access"
	"slipway/internal/iam"
	"slipway/internal/idtokentest"
)

func TestAccountsOfAllKinds(t *testing.T) {
	p := newPipeline(t, access.Config{})
	ctx := t.Context()
	for _, email := range []string{"ann@example.com", "zoe@example.com"} {
		p.person(email)
	}
	if _, _, err := p.CreateServiceAccount(ctx, p.admin, "", "terraform", "Terraform"); err != nil {
		t.Fatal(err)
	}
	if _, err := p.exchange(ctx, p.gitlab.Token(t, idtokentest.Job{}), deploy); err != nil {
		t.Fatal(err)
	}
	exchanged := p.clock
	if _, err := p.CreateGroup(ctx, p.admin, slipway.Group{Email: "team@example.com", Title: "Terra team"}); err != nil {
		t.Fatal(err)
	}
	if err := p.DeleteUser(ctx, p.admin, "ann@example.com"); err != nil {
		t.Fatal(err)
	}

	var emails []string
	page := slipway.Page{Size: 2}
	for {
		list, next, err := p.Accounts(ctx, p.admin, access.AnyoneQuery{ShowDeleted: true}, page)
		if err != nil {
			t.Fatal(err)
		}
		if len(list) > 2 {
			t.Fatalf("a page of 2 holds %d", len(list))
		}
		for _, a := range list {
			emails = append(emails, a.Email)
			if a.Email == deploy && (a.Kind != slipway.WorkloadIdentityKind || !a.Seen.Equal(exchanged) || a.Trust == nil) {
				t.Errorf("the identity is %+v, want last seen at %s", a, exchanged)
			}
		}
		if page.After = next; next == "" {
			break
		}
	}
	want := []string{adminEmail, "ann@example.com", deploy, "team@example.com", "terraform@service.bytebase.com", "zoe@example.com"}
	if diff := cmp.Diff(want, emails); diff != "" {
		t.Errorf("accounts over pages (-want +got):\n%s", diff)
	}

	one, next, err := p.Accounts(ctx, p.admin, access.AnyoneQuery{Search: "TERRA"}, slipway.Page{Size: 2})
	if err != nil || len(one) != 2 || next != "" {
		t.Errorf("search: %v, next %q, %v", one, next, err)
	}
	live, _, err := p.Accounts(ctx, p.admin, access.AnyoneQuery{Kind: slipway.UserKind}, slipway.Page{})
	if err != nil || len(live) != 2 {
		t.Errorf("people that are active: %v, %v", live, err)
	}
}

func TestAccountsShowWhatTheCallerMayList(t *testing.T) {
	p := newPipeline(t, access.Config{})
	ctx := t.Context()
	bob := p.person("bob@example.com")
	_, _, err := p.Accounts(ctx, bob, access.AnyoneQuery{}, slipway.Page{})
	want(t, "a person without roles", err, slipway.Denied, "bb.users.list")

	_, err = p.CreateRole(ctx, p.admin, slipway.Role{ID: "phone-book", Title: "Phone book", Permissions: []string{string(iam.UsersList)}})
	if err != nil {
		t.Fatal(err)
	}
	p.grant(slipway.WorkspaceName, "roles/phone-book", bob.Member())
	list, _, err := p.Accounts(ctx, bob, access.AnyoneQuery{}, slipway.Page{})
	if err != nil || len(list) != 2 {
		t.Errorf("who lists people sees %v, %v; want the two people", list, err)
	}
	_, _, err = p.Accounts(ctx, bob, access.AnyoneQuery{Kind: slipway.WorkloadIdentityKind}, slipway.Page{})
	want(t, "a kind that may not be listed", err, slipway.Denied, "bb.workloadIdentities.list")
}

func TestHoldings(t *testing.T) {
	p := newPipeline(t, access.Config{})
	ctx := t.Context()
	member := "workloadIdentity:" + deploy
	ann, bob := p.person("ann@example.com"), p.person("bob@example.com")
	p.project("shop", slipway.Binding{Role: iam.ProjectOwner, Members: []string{ann.Member()}})
	p.project("bank")
	for _, where := range []string{"projects/shop", "projects/bank", slipway.WorkspaceName} {
		if err := p.Grant(ctx, p.admin, where, member, []string{iam.GitOpsServiceAgent}); err != nil {
			t.Fatal(err)
		}
	}
	// Twice is once.
	if err := p.Grant(ctx, p.admin, "projects/shop", member, []string{iam.GitOpsServiceAgent, iam.ProjectViewer}); err != nil {
		t.Fatal(err)
	}
	held := func(who slipway.Principal) string {
		list, err := p.Holdings(ctx, who, member)
		if err != nil {
			t.Fatal(err)
		}
		var out []string
		for _, h := range list {
			out = append(out, strings.TrimPrefix(h.Role, "roles/")+" on "+h.Resource)
		}
		return strings.Join(out, ", ")
	}
	all := "gitopsServiceAgent on workspaces/default, gitopsServiceAgent on projects/bank, gitopsServiceAgent on projects/shop, projectViewer on projects/shop"
	if got := held(p.admin); got != all {
		t.Errorf("the administrator sees %s", got)
	}
	if got, want := held(ann), "gitopsServiceAgent on projects/shop, projectViewer on projects/shop"; got != want {
		t.Errorf("the owner of shop sees %s", got)
	}
	if got := held(bob); got != "" {
		t.Errorf("who belongs to no project sees %s", got)
	}
	err := p.Grant(ctx, ann, slipway.WorkspaceName, ann.Member(), []string{iam.WorkspaceAdmin})
	want(t, "granting oneself the workspace", err, slipway.Denied, "getIamPolicy")
}

func TestOwnSessions(t *testing.T) {
	h := moveIn(t)
	ctx := t.Context()
	ann := h.person("ann@example.com")
	login := func(email string, password slipway.Secret) string {
		t.Helper()
		in, err := h.Login(ctx, access.SignIn{Email: email, Password: password, Web: true, Origin: slipway.Origin{IP: "192.0.2.9"}})
		if err != nil {
			t.Fatal(err)
		}
		return in.Token.Reveal()
	}
	first := login(ann.Email, "quite long enough")
	h.clock = h.clock.Add(time.Hour)
	second := login(ann.Email, "quite long enough")
	other := login(adminEmail, adminPassword)

	list, err := h.Sessions(ctx, ann, second)
	if err != nil || len(list) != 2 || !list[0].Current || list[1].Current || list[1].Origin.IP != "192.0.2.9" {
		t.Fatalf("Sessions = %+v, %v", list, err)
	}
	theirs, err := h.Sessions(ctx, h.admin, other)
	if err != nil || len(theirs) != 1 {
		t.Fatal(theirs, err)
	}
	want(t, "ending somebody else's session", h.EndSession(ctx, ann, theirs[0].ID), slipway.NotFound, "session")
	if err := h.EndSession(ctx, ann, list[1].ID); err != nil {
		t.Fatal(err)
	}
	_, err = h.Authenticate(ctx, first, slipway.Origin{})
	want(t, "a session that was ended", err, slipway.Unauthenticated, "ended")
	if _, err := h.Authenticate(ctx, second, slipway.Origin{}); err != nil {
		t.Error(err)
	}
	if err := h.EndSessions(ctx, ann); err != nil {
		t.Fatal(err)
	}
	_, err = h.Authenticate(ctx, second, slipway.Origin{})
	want(t, "after ending all", err, slipway.Unauthenticated, "ended")
	if _, err := h.Authenticate(ctx, other, slipway.Origin{}); err != nil {
		t.Errorf("somebody else's session: %v", err)
	}
}

func TestChangePassword(t *testing.T) {
	h := open(t, access.Config{AdminEmail: adminEmail, AdminPassword: adminPassword, SignIn: access.Rate{Burst: 3, PerSecond: 0.001}}, noTokens)
	h.setUp()
	ctx := t.Context()
	ann := h.person("ann@example.com")
	want(t, "a weak one", h.ChangePassword(ctx, ann, "quite long enough", "short"), slipway.Invalid, "12 characters")
	if err := h.ChangePassword(ctx, ann, "quite long enough", "much longer now"); err != nil {
		t.Fatal(err)
	}
	_, err := h.Login(ctx, access.SignIn{Email: ann.Email, Password: "quite long enough"})
	want(t, "the old password", err, slipway.Unauthenticated, "invalid")
	for range 2 {
		want(t, "a wrong current one", h.ChangePassword(ctx, ann, "guess", "much longer now"), slipway.Unauthenticated, "current password")
	}
	want(t, "guessing on", h.ChangePassword(ctx, ann, "much longer now", "another one here"), slipway.Exhausted, "wait")
}
