package console_test

import (
	"testing"
	"time"

	"slipway"
	"slipway/internal/access"
	"slipway/internal/iam"
)

// staff fills a world with a group, roles and members.
func staff(w *world) {
	w.t.Helper()
	name := "Grace Hopper"
	grace := w.person("grace@example.com")
	if _, err := w.access.UpdateUser(w.t.Context(), w.admin, grace.Email, access.UserChange{Title: &name}); err != nil {
		w.t.Fatal(err)
	}
	deploy := w.identity("gitlab-deploy", "GitLab Deploy", w.trust())
	w.team(w.admin, grace.Member(), "workloadIdentity:"+deploy)
	w.grant(slipway.WorkspaceName, iam.WorkspaceDBA, "group:"+teamEmail)
	w.grant(slipway.WorkspaceName, iam.GitOpsServiceAgent, "workloadIdentity:"+deploy)
	if err := w.access.GrantUntil(w.t.Context(), w.admin, slipway.WorkspaceName, grace.Member(), []string{iam.ProjectReleaser}, time.Now().AddDate(0, 1, 0).Truncate(24*time.Hour)); err != nil {
		w.t.Fatal(err)
	}
}

// TestPagesOfAdministrationLookRight shows every page of IAM & Admin beside
// accounts to axe, and to people who keep pictures.
func TestPagesOfAdministrationLookRight(t *testing.T) {
	w := newWorld(t)
	staff(w)
	past(w)
	if err := w.access.DeleteUser(t.Context(), slipway.Principal{Kind: slipway.UserKind, Email: "grace@example.com", Title: "Grace Hopper"}, adminEmail); slipway.KindOf(err) != slipway.Denied {
		t.Fatal(err)
	}
	blue := slipway.Color{Red: .09, Green: .34, Blue: .72}
	if _, err := w.things.SetEnvironments(t.Context(), w.admin, []slipway.Environment{
		{ID: "test", Title: "Test"}, {ID: "staging", Title: "Staging", Color: &blue}, {ID: "prod", Title: "Prod", Color: &slipway.Color{Red: .7, Green: .15, Blue: .12}},
	}, false); err != nil {
		t.Fatal(err)
	}
	if _, err := w.access.AskIssuer(t.Context(), w.admin, w.gitlab.URL()); err != nil {
		t.Fatal(err)
	}
	b := w.tab(t, adminEmail)
	for _, p := range []struct{ name, path, see string }{
		{"users-groups", "/users?kind=groups", "3 members"},
		{"group", teamURL, "GitLab Deploy"},
		{"group-new", "/groups/new", "Add Group"},
		{"group-edit", teamURL + "/edit", "Description"},
		{"group-add", teamURL + "/members", "Emails"},
		{"group-member", teamURL + "/members/user:grace@example.com", "In the group"},
		{"group-delete", teamURL + "/delete", "gone for good"},
		{"members", "/members", "until the end of"},
		{"members-by-role", "/members?by=role", "1 member"},
		{"members-grant", "/members/grant", "Grant Access"},
		{"members-revoke", "/members/revoke?role=roles/workspaceDBA&member=group:" + teamEmail, "Revoke Workspace DBA?"},
		{"roles", "/roles", "GitOps Service Agent"},
		{"role", "/roles/projectReleaser", "What it permits"},
		{"role-new", "/roles/new?from=projectReleaser", "You can give what you hold"},
		{"settings", "/settings", "Staging"},
		{"settings-new", "/settings/environments/new", "Mark it with a colour"},
		{"settings-edit", "/settings/environments/staging/edit", "Colour"},
		{"settings-delete", "/settings/environments/prod/delete", "Rollouts have no stage"},
		{"settings-issuers", "/settings/issuers", "Answers"},
		{"audit", "/audit", "Create release"},
		{"audit-entry", "/audit?who=deploy@workload.bytebase.com", "Create release"},
	} {
		b.open(p.path)
		b.see(p.see)
		if p.name == "audit-entry" {
			b.click("Create release")
			b.see("Permission")
		}
		b.look("admin-" + p.name)
	}
}
