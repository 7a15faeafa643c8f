package console_test

import (
	"net/http"
	"net/url"
	"testing"

	"slipway"
	"slipway/internal/access"
	"slipway/internal/iam"
)

const teamEmail = "dba@example.com"

// team makes a group that somebody owns.
func (w *world) team(owner slipway.Principal, members ...string) {
	w.t.Helper()
	g := slipway.Group{Email: teamEmail, Title: "Database people", Members: []slipway.GroupMember{{Member: owner.Member(), Role: slipway.GroupOwner}}}
	for _, m := range members {
		g.Members = append(g.Members, slipway.GroupMember{Member: m, Role: slipway.GroupMemberOnly})
	}
	if _, err := w.access.CreateGroup(w.t.Context(), w.admin, g); err != nil {
		w.t.Fatal(err)
	}
}

func TestAddGroup(t *testing.T) {
	w := newWorld(t)
	w.person("ann@example.com")
	deploy := w.identity("deploy", "Deploy", w.trust())
	v := w.visitor(adminEmail)
	p := v.get("/groups/new")
	p.expect(t, http.StatusOK, in(".sheet h2", is("Add Group")), in("table"))

	p = p.submit("Confirm", url.Values{"email": {"nonsense"}, "title": {"Team"}, "members": {"ann@example.com\nnot an address"}})
	p.expect(t, http.StatusBadRequest,
		in("#f-email-error", says("not an e-mail address")), in("#f-members-error", says(`"not an address" is not an e-mail address`)),
		in("#f-title", value("value", "Team")), in("#f-members", says("ann@example.com", "not an address")))
	p = p.submit("Confirm", url.Values{"email": {teamEmail}, "members": {"nobody@example.com"}})
	p.expect(t, http.StatusBadRequest, in(".says.bad", says("there is no such user")))
	p = p.submit("Confirm", url.Values{"members": {"Ann@example.com\r\n" + deploy + ", ann@example.com"}, "own": {"yes"}})
	p.expect(t, http.StatusOK, in("h1", is("Team")), in(".toast", says("Team was added.")), times(3, "table tbody tr"),
		in("table tbody", says("Ada Admin", "Owner", "ann@example.com", "Deploy", "Workload Identity")))
	if p.url.Path != "/groups/"+teamEmail {
		t.Errorf("the new group is at %s", p.url)
	}
	v.get("/groups/new").submit("Confirm", url.Values{"email": {teamEmail}}).expect(t, http.StatusConflict, in("#f-email-error", says("is taken")))
}

func TestGroupPage(t *testing.T) {
	w := newWorld(t)
	ann, bob := w.person("ann@example.com"), w.person("bob@example.com")
	w.team(ann, bob.Member())
	w.grant(slipway.WorkspaceName, iam.WorkspaceDBA, "group:"+teamEmail)
	at := "/groups/" + teamEmail

	// An owner who holds nothing else may change it, and not delete it.
	own := w.visitor(ann.Email)
	p := own.get(at)
	p.expect(t, http.StatusOK, in("h1", is("Database people")), lacks("Delete"))
	p = p.follow("Edit").submit("Confirm", url.Values{"title": {"DBAs"}, "description": {"They keep <b>order</b>."}})
	p.expect(t, http.StatusOK, in("h1", is("DBAs")), in(".lead", is("They keep <b>order</b>.")), in(".toast", says("was changed")))
	p.follow("Edit").submit("Confirm", url.Values{"title": {""}}).expect(t, http.StatusBadRequest, in("#f-title-error", says("1 to 200")))
	p = p.follow("Add Members").submit("Confirm", url.Values{"members": {adminEmail}})
	p.expect(t, http.StatusOK, in(".toast", is("1 member was added.")), says("admin@example.com"))
	p.follow("Add Members").submit("Confirm", nil).expect(t, http.StatusBadRequest, in("#f-members-error", says("at least one address")))
	p = own.get(at+"/members/user:bob@example.com").submit("Confirm", url.Values{"role": {"OWNER"}})
	p.expect(t, http.StatusOK, in(".toast", says("is an owner")))
	p = own.get(at+"/members/user:bob@example.com").submit("Remove", nil)
	p.expect(t, http.StatusOK, in(".toast", says("was removed")), in("table", lacks("bob@example.com")))
	own.get(at+"/members/user:bob@example.com").expect(t, http.StatusNotFound)

	// Whoever takes themselves out is not left before a closed door.
	p = own.get(at+"/members/user:ann@example.com").submit("Remove", nil)
	p.expect(t, http.StatusOK, in(".toast", says("was removed")))
	if p.url.Path != "/" {
		t.Errorf("taken out, ann is sent to %s", p.url)
	}
	own.get(at).expect(t, http.StatusForbidden, says("bb.groups.get"))

	admin := w.visitor(adminEmail)
	admin.get(at).expect(t, http.StatusOK, says("Workspace DBA", "Workspace, in every project"))
	admin.get("/users/ann@example.com").expect(t, http.StatusOK, in("main", says("No role yet"))) // she is out
	if _, err := w.access.UpdateGroup(t.Context(), w.admin, teamEmail, access.GroupChange{
		Members: func([]slipway.GroupMember) ([]slipway.GroupMember, error) {
			return []slipway.GroupMember{{Member: bob.Member(), Role: slipway.GroupMemberOnly}}, nil
		},
	}); err != nil {
		t.Fatal(err)
	}
	admin.get("/users/bob@example.com").expect(t, http.StatusOK, in("main table", says("Workspace DBA", "through DBAs")))
	p = admin.get(at).follow("Delete").submit("Delete", nil)
	p.expect(t, http.StatusConflict, in(".says.bad", says("holds a role on workspaces/default")))
	if err := w.access.Revoke(t.Context(), w.admin, slipway.WorkspaceName, iam.Grant{Role: iam.WorkspaceDBA, Member: "group:" + teamEmail}); err != nil {
		t.Fatal(err)
	}
	p = p.submit("Delete", nil)
	p.expect(t, http.StatusOK, in(".toast", says("was deleted")))
	admin.get(at).expect(t, http.StatusNotFound)
}
