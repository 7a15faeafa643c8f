package console_test

import (
	"net/http"
	"net/url"
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

// furnishOffice fills a world with everything that IAM & Admin shows.
func furnishOffice(w *world) {
	w.t.Helper()
	staff(w)
	past(w)
	grace := slipway.Principal{Kind: slipway.UserKind, Email: "grace@example.com", Title: "Grace Hopper"}
	if err := w.access.DeleteUser(w.t.Context(), grace, adminEmail); slipway.KindOf(err) != slipway.Denied {
		w.t.Fatal(err)
	}
	blue := slipway.Color{Red: .09, Green: .34, Blue: .72}
	if _, err := w.things.SetEnvironments(w.t.Context(), w.admin, []slipway.Environment{
		{ID: "test", Title: "Test"}, {ID: "staging", Title: "Staging", Color: &blue}, {ID: "prod", Title: "Prod", Color: &slipway.Color{Red: .7, Green: .15, Blue: .12}},
	}, false); err != nil {
		w.t.Fatal(err)
	}
	if _, err := w.access.AskIssuer(w.t.Context(), w.admin, w.gitlab.URL()); err != nil {
		w.t.Fatal(err)
	}
	if _, err := w.access.CreateRole(w.t.Context(), w.admin, slipway.Role{ID: "sql-reviewer", Title: "SQL reviewer", Description: "Reviews merge requests and changes nothing.", Permissions: []string{string(iam.ReleasesCheck)}}); err != nil {
		w.t.Fatal(err)
	}
}

// adminScenes are the pages of IAM & Admin beside accounts, in the world of
// furnishOffice.
var adminScenes = []scene{
	{name: "users-groups", at: "/users?kind=groups", see: "3 members"},
	{name: "group", at: teamURL, see: "GitLab Deploy"},
	{name: "group-new", at: "/groups/new", see: "Add Group"},
	{name: "group-edit", at: teamURL + "/edit", see: "Description"},
	{name: "group-add", at: teamURL + "/members", see: "Emails"},
	{name: "group-member", at: teamURL + "/members/user:grace@example.com", see: "In the group"},
	{name: "group-delete", at: teamURL + "/delete", see: "gone for good"},
	{name: "members", at: "/members", see: "until the end of"},
	{name: "members-by-role", at: "/members?by=role", see: "1 member"},
	{name: "members-grant", at: "/members/grant", see: "Grant Access"},
	{name: "members-revoke", at: "/members/revoke?role=roles/workspaceDBA&member=group:" + teamEmail, see: "Revoke Workspace DBA?"},
	{name: "roles", at: "/roles", see: "GitOps Service Agent"},
	{name: "role", at: "/roles/projectReleaser", see: "What it permits"},
	{name: "role-new", at: "/roles/new?from=projectReleaser", see: "You can give what you hold"},
	{name: "settings", at: "/settings", see: "Staging"},
	{name: "settings-new", at: "/settings/environments/new", see: "Mark it with a colour"},
	{name: "settings-edit", at: "/settings/environments/staging/edit", see: "Colour"},
	{name: "settings-delete", at: "/settings/environments/prod/delete", see: "Rollouts have no stage"},
	{name: "settings-issuers", at: "/settings/issuers", see: "Answers"},
	{name: "audit", at: "/audit", see: "Create release"},
	{name: "audit-filtered", at: "/audit?who=deploy@workload.bytebase.com", see: "Create release"},
	{name: "audit-entry", at: "/audit/{refusal}", see: "Permission"},
	{name: "audit-nothing", at: "/audit?who=nobody@example.com", see: "Nothing fits"},
	{name: "role-own", at: "/roles/sql-reviewer", see: "Reviews merge requests"},
	{name: "role-edit", at: "/roles/sql-reviewer/edit", see: "Confirm"},
	{name: "role-delete", at: "/roles/sql-reviewer/delete", see: "Delete the role SQL reviewer?"},
	{
		name: "group-new-wrong", at: "/groups/new", see: "not an e-mail address", press: "Confirm", status: http.StatusBadRequest,
		fill: url.Values{"email": {"team@example.com"}, "title": {"Team"}, "members": {"ann@example.com\nnot an address"}},
	},
	{name: "members-grant-wrong", at: "/members/grant", see: "Write whose role", press: "Confirm", status: http.StatusBadRequest, fill: url.Values{"member": {""}}},
	{
		name: "settings-new-wrong", at: "/settings/environments/new", see: "lower-case letters", press: "Confirm", status: http.StatusBadRequest,
		fill: url.Values{"id": {"Not an id"}, "title": {"Staging"}},
	},
}
