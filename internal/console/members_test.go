package console_test

import (
	"fmt"
	"net/http"
	"net/url"
	"testing"
	"time"

	"slipway"
	"slipway/internal/iam"
)

func TestMembers(t *testing.T) {
	w := newWorld(t)
	ann := w.person("ann@example.com")
	w.team(ann)
	w.grant(slipway.WorkspaceName, iam.WorkspaceDBA, "group:"+teamEmail)
	w.grant(slipway.WorkspaceName, iam.ProjectViewer, ann.Member())
	v := w.visitor(adminEmail)
	v.get("/members").expect(t, http.StatusOK, in("h1", is("Members")),
		in("table tbody", says("Ada Admin", "Workspace Admin", "Database people", "Group", "Workspace DBA", "ann@example.com", "Project Viewer")))
	v.get("/members?q=DATABASE").expect(t, http.StatusOK, in("table tbody", says("Database people"), lacks("Ada Admin")))
	v.get("/members?q=nobody").expect(t, http.StatusOK, says("Nobody fits"))
	p := v.get("/members").follow("By role")
	p.expect(t, http.StatusOK, times(4, ".card"), in(".card", says("Workspace Admin", "1 member", "Ada Admin"), lacks("Database people")))
}

func TestGrantAccess(t *testing.T) {
	w := newWorld(t)
	ann := w.person("ann@example.com")
	w.team(w.admin)
	v := w.visitor(adminEmail)
	p := v.get("/members").follow("Grant Access")
	p.expect(t, http.StatusOK, in(".sheet h2", is("Grant Access")))
	p.submit("Confirm", nil).expect(t, http.StatusBadRequest, in("#f-member-error", says("Write whose role")), in("#f-roles-error", says("at least one")))
	p.submit("Confirm", url.Values{"member": {"typo@example.com"}, "roles": {iam.ProjectViewer}, "until": {"1999-12-31"}}).
		expect(t, http.StatusBadRequest, in("#f-until-error", says("over")), in("#f-member", value("value", "typo@example.com")))
	p.submit("Confirm", url.Values{"member": {"typo@example.com"}, "roles": {iam.ProjectViewer}}).
		expect(t, http.StatusBadRequest, in("#f-member-error", says("is nobody here")))

	day := time.Now().UTC().AddDate(0, 1, 0)
	p = p.submit("Confirm", url.Values{"member": {"Ann@example.com"}, "roles": {iam.ProjectViewer, iam.ProjectReleaser}, "until": {day.Format(time.DateOnly)}})
	p.expect(t, http.StatusOK, in(".toast", says("holds 2 roles on the workspace")), says("until the end of "+day.Format("2 Jan 2006")))
	policy, err := w.access.Policy(t.Context(), w.admin, slipway.WorkspaceName)
	if err != nil {
		t.Fatal(err)
	}
	end := time.Date(day.Year(), day.Month(), day.Day()+1, 0, 0, 0, 0, time.UTC)
	if last := policy.Bindings[len(policy.Bindings)-1]; last.Condition != iam.Until(end) || last.Members[0] != ann.Member() {
		t.Errorf("granted: %+v", policy.Bindings)
	}

	// An address that only a group has means the group.
	v.get("/members/grant").submit("Confirm", url.Values{"member": {teamEmail}, "roles": {iam.WorkspaceDBA}}).
		expect(t, http.StatusOK, says("Database people", "Workspace DBA"))

	p = v.get("/members?q=ann").follow("Revoke Project Releaser")
	p.expect(t, http.StatusOK, in("h1", is("Revoke Project Releaser?")), says("ann@example.com"))
	p = p.submit("Revoke", nil)
	p.expect(t, http.StatusOK, in(".toast", says("Project Releaser was revoked")), in("table", lacks("Project Releaser")), in("table", says("Project Viewer")))

	v.get("/members?q=ada").follow("Revoke Workspace Admin").submit("Revoke", nil).
		expect(t, http.StatusConflict, in(".says.bad", says("without an administrator")))
}

// TestGrantOffersWhatOneHolds: who manages members and little else cannot give
// more, and is not offered it.
func TestGrantOffersWhatOneHolds(t *testing.T) {
	w := newWorld(t)
	ann := w.person("ann@example.com")
	role := slipway.Role{ID: "doorman", Title: "Doorman", Permissions: []string{"bb.workspaces.getIamPolicy", "bb.workspaces.setIamPolicy", "bb.roles.list"}}
	if _, err := w.access.CreateRole(t.Context(), w.admin, role); err != nil {
		t.Fatal(err)
	}
	w.grant(slipway.WorkspaceName, "roles/doorman", ann.Member())
	v := w.visitor(ann.Email)
	p := v.get("/members/grant")
	p.expect(t, http.StatusOK, times(2, ".ticks label"), in(".ticks", says("Doorman", "Workspace Member")))
	p.submit("Confirm", url.Values{"member": {ann.Email}, "roles": {iam.WorkspaceAdmin}}).
		expect(t, http.StatusForbidden, says("cannot grant roles/workspaceAdmin"))
}

func TestMembersInPages(t *testing.T) {
	w := newWorld(t)
	policy, err := w.access.Policy(t.Context(), w.admin, slipway.WorkspaceName)
	if err != nil {
		t.Fatal(err)
	}
	binding := slipway.Binding{Role: iam.ProjectViewer}
	for i := range 70 {
		w.identity(fmt.Sprintf("w%03d", i), "", w.trust())
		binding.Members = append(binding.Members, fmt.Sprintf("workloadIdentity:w%03d@workload.bytebase.com", i))
	}
	policy.Bindings = append(policy.Bindings, binding)
	if _, err := w.access.SetPolicy(t.Context(), w.admin, slipway.WorkspaceName, policy); err != nil {
		t.Fatal(err)
	}
	v := w.visitor(adminEmail)
	p := v.get("/members")
	p.expect(t, http.StatusOK, times(50, "tbody tr"))
	p = p.follow("Next page")
	p.expect(t, http.StatusOK, times(22, "tbody tr"), in(".pager", lacks("Next page")))
	p = v.get("/members?by=role")
	p.expect(t, http.StatusOK, says("70 members"))
	p = p.follow("All of them")
	p.expect(t, http.StatusOK, times(50, "tbody tr"), in("table", lacks("Ada Admin")))
	v.get("/members?after=eA").expect(t, http.StatusBadRequest)
}
