package console_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"slipway"
	"slipway/internal/iam"
)

func TestRoles(t *testing.T) {
	w := newWorld(t)
	v := w.visitor(adminEmail)
	v.get("/roles").expect(t, http.StatusOK, in("h1", is("Roles")), times(8, "tbody tr"), in("tbody", says("GitOps Service Agent", "gitopsServiceAgent", "Predefined")))
	p := v.get("/roles").follow("GitOps Service Agent")
	p.expect(t, http.StatusOK, in("dl", says("10 of")), in("table", says("Releases", "check", "Task runs")), lacks("Edit"), times(10, "ul.verbs code"))

	p = p.follow("Copy")
	p.expect(t, http.StatusOK, in("#f-title", value("value", "Copy of GitOps Service Agent")), in("input[value=bb.releases.check]", value("checked", "")))
	p.submit("Confirm", url.Values{"id": {"Not An Id"}, "title": {""}, "permissions": nil}).expect(t, http.StatusBadRequest,
		in("#f-id-error", says("lower-case letters")), in("#f-title-error", says("1 to 200")), in("#f-permissions-error", says("at least one")))
	p.submit("Confirm", url.Values{"id": {"projectviewer"}}).expect(t, http.StatusBadRequest, in(".says.bad", says("predefined role")))
	p = p.submit("Confirm", url.Values{"id": {"bot"}, "title": {"Bot"}})
	p.expect(t, http.StatusOK, in("h1", is("Bot")), in(".toast", says("Bot was added")), times(10, "ul.verbs code"), in("dl", says("Custom")))
	v.get("/roles/new").submit("Confirm", url.Values{"id": {"bot"}, "title": {"Bot"}, "permissions": {"bb.plans.get"}}).
		expect(t, http.StatusConflict, in("#f-id-error", says("already")))

	p = p.follow("Edit").submit("Confirm", url.Values{"permissions": {"bb.plans.get"}, "description": {"Reads plans"}})
	p.expect(t, http.StatusOK, in(".toast", says("for everybody who holds it")), times(1, "ul.verbs code"), says("Reads plans"))
	w.grant(slipway.WorkspaceName, "roles/bot", w.admin.Member())
	p.follow("Delete").submit("Delete", nil).expect(t, http.StatusConflict, in(".says.bad", says("granted on workspaces/default")))
	if err := w.access.Revoke(t.Context(), w.admin, slipway.WorkspaceName, iam.Grant{Role: "roles/bot", Member: w.admin.Member()}); err != nil {
		t.Fatal(err)
	}
	p.follow("Delete").submit("Delete", nil).expect(t, http.StatusOK, in(".toast", says("was deleted")), times(8, "tbody tr"))
	v.get("/roles/bot").expect(t, http.StatusNotFound)
	v.get("/roles/projectOwner/edit").expect(t, http.StatusConflict, says("predefined"))
}

// TestRoleOffersWhatOneHolds: who makes roles is offered what they hold, and
// keeps what a role holds already.
func TestRoleOffersWhatOneHolds(t *testing.T) {
	w := newWorld(t)
	ann := w.person("ann@example.com")
	for _, r := range []slipway.Role{
		{ID: "keeper", Title: "Keeper", Permissions: []string{"bb.roles.create", "bb.roles.get", "bb.roles.list", "bb.roles.update"}},
		{ID: "strong", Title: "Strong", Permissions: []string{"bb.workspaces.setIamPolicy"}},
	} {
		if _, err := w.access.CreateRole(t.Context(), w.admin, r); err != nil {
			t.Fatal(err)
		}
	}
	w.grant(slipway.WorkspaceName, "roles/keeper", ann.Member())
	v := w.visitor(ann.Email)
	v.get("/roles/new").expect(t, http.StatusOK, in(".permits", says("Roles", "create"), lacks("Plans", "setIamPolicy")))
	p := v.get("/roles/strong/edit")
	p.expect(t, http.StatusOK, in(".permits", says("Roles", "Workspaces")), in("input[value=bb.workspaces.setIamPolicy]", value("checked", "")))
	p.submit("Confirm", url.Values{"title": {"Stronger"}}).expect(t, http.StatusOK, in("h1", is("Stronger")), in("table", says("setIamPolicy")))
	refused := v.get("/roles/new").submit("Confirm", url.Values{"id": {"mine"}, "title": {"Mine"}, "permissions": {"bb.plans.create"}})
	refused.expect(t, http.StatusForbidden, says("bb.plans.create"))
	if strings.Contains(text(v.get("/roles/strong").root), "Delete") {
		t.Error("who may not delete roles is offered to")
	}
}
