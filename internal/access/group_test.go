package access_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"slipway"
	"slipway/internal/access"
	"slipway/internal/iam"
)

// team is the group of the tests.
const team = "dba@example.com"

func in(role slipway.GroupRole, who slipway.Principal) slipway.GroupMember {
	return slipway.GroupMember{Member: who.Member(), Role: role}
}

// add takes somebody into the group.
func (h *house) add(by slipway.Principal, m slipway.GroupMember) error {
	_, err := h.UpdateGroup(h.t.Context(), by, team, access.GroupChange{
		Members: func(stored []slipway.GroupMember) ([]slipway.GroupMember, error) { return append(stored, m), nil },
	})
	return err
}

func TestGroupHoldsRoles(t *testing.T) {
	h := moveIn(t)
	ctx := t.Context()
	ann, bob := h.person("ann@example.com"), h.person("bob@example.com")
	g, err := h.CreateGroup(ctx, h.admin, slipway.Group{Email: "DBA@example.com", Title: "DBAs", Members: []slipway.GroupMember{in(slipway.GroupMemberOnly, ann)}})
	if err != nil {
		t.Fatal(err)
	}
	want := slipway.Group{
		Email: team, Title: "DBAs", Created: h.clock, Revision: 1,
		Members: []slipway.GroupMember{{Member: "user:ann@example.com", Role: slipway.GroupMemberOnly}},
	}
	if diff := cmp.Diff(want, g); diff != "" {
		t.Errorf("the new group (-want +got):\n%s", diff)
	}
	may := func(who slipway.Principal, project string) bool {
		t.Helper()
		ok, err := h.gate.May(ctx, who, iam.ReleasesGet, project)
		if err != nil {
			t.Fatal(err)
		}
		held, err := h.Held(ctx, who, project)
		if err != nil || held[iam.ReleasesGet] != ok {
			t.Errorf("Held says %t of %s in %q, and May %t: %v", held[iam.ReleasesGet], who.Member(), project, ok, err)
		}
		return ok
	}
	h.project("shop")
	if _, err := h.SetPolicy(ctx, h.admin, "projects/shop", slipway.Policy{Bindings: []slipway.Binding{bind(iam.ProjectViewer, g.Member())}}); err != nil {
		t.Fatal(err)
	}
	if !may(ann, "shop") || may(bob, "shop") || may(ann, "") {
		t.Errorf("of a group bound on shop its member may %t, another person %t, and its member on the workspace %t", may(ann, "shop"), may(bob, "shop"), may(ann, ""))
	}
	all, ids, err := h.gate.Projects(ctx, ann, iam.ReleasesGet)
	if err != nil || all || !slices.Equal(ids, []string{"shop"}) {
		t.Errorf("projects of a member: %t, %v, %v", all, ids, err)
	}
	if err := h.add(h.admin, in(slipway.GroupMemberOnly, bob)); err != nil || !may(bob, "shop") {
		t.Errorf("whom an administrator takes in: %v", err)
	}
	_, err = h.UpdateGroup(ctx, h.admin, team, access.GroupChange{Members: func([]slipway.GroupMember) ([]slipway.GroupMember, error) { return nil, nil }})
	if err != nil || may(ann, "shop") || may(bob, "shop") {
		t.Errorf("a group emptied still lets in: %v", err)
	}
}

func TestGroupOwners(t *testing.T) {
	h := moveIn(t)
	ctx := t.Context()
	ann, bob, eve := h.person("ann@example.com"), h.person("bob@example.com"), h.person("eve@example.com")
	if _, err := h.CreateGroup(ctx, h.admin, slipway.Group{Email: team, Members: []slipway.GroupMember{in(slipway.GroupOwner, ann), in(slipway.GroupMemberOnly, bob)}}); err != nil {
		t.Fatal(err)
	}
	h.grant(slipway.WorkspaceName, iam.WorkspaceDBA, "group:"+team)
	h.grant(slipway.WorkspaceName, "roles/group-keeper", eve.Member())
	if _, err := h.CreateRole(ctx, h.admin, slipway.Role{ID: "group-keeper", Title: "Groups", Permissions: []string{"bb.groups.update", "bb.groups.get"}}); err != nil {
		t.Fatal(err)
	}

	want(t, "a member changes the group", h.add(bob, in(slipway.GroupMemberOnly, eve)), slipway.Denied, "bb.groups.update")
	if a := h.lastAudit(); a.OK() || a.Resource != "groups/"+team {
		t.Errorf("audit entry of the refusal: %+v", a)
	}
	want(t, "a keeper of groups takes herself into one that holds more than she does", h.add(eve, in(slipway.GroupMemberOnly, eve)), slipway.Denied, "cannot grant roles/workspaceDBA by way of groups/"+team)
	title := "Admins of databases"
	_, err := h.UpdateGroup(ctx, eve, team, access.GroupChange{Title: &title})
	want(t, "a keeper gives a title", err, 0, "")
	want(t, "an owner takes somebody in", h.add(ann, in(slipway.GroupMemberOnly, eve)), 0, "")
	if a := h.lastAudit(); !a.OK() || a.Caller.Member() != ann.Member() || a.Method != "/bytebase.v1.GroupService/UpdateGroup" {
		t.Errorf("audit entry of the owner's change: %+v", a)
	}
	if _, err := h.Group(ctx, ann, team); err != nil {
		t.Errorf("an owner reads the group: %v", err)
	}
	_, err = h.Group(ctx, bob, team)
	want(t, "a member reads it", err, slipway.Denied, "bb.groups.get")
	_, err = h.Group(ctx, bob, "nope@example.com")
	want(t, "and one that is not there reads the same", err, slipway.Denied, "bb.groups.get")
	want(t, "an owner deletes it", h.DeleteGroup(ctx, ann, team), slipway.Denied, "bb.groups.delete")
	mine, _, err := h.Groups(ctx, bob, access.GroupQuery{Member: bob.Member()}, slipway.Page{})
	if err != nil || len(mine) != 1 || mine[0].Title != title {
		t.Errorf("one's own groups: %+v, %v", mine, err)
	}
	_, _, err = h.Groups(ctx, bob, access.GroupQuery{Member: ann.Member()}, slipway.Page{})
	want(t, "another's groups", err, slipway.Denied, "bb.groups.list")
}

func TestGroupIsRefused(t *testing.T) {
	h := moveIn(t)
	ctx := t.Context()
	ann := h.person("ann@example.com")
	for _, tc := range []struct {
		because string
		g       slipway.Group
		kind    slipway.Kind
		words   string
	}{
		{"no address", slipway.Group{Email: "dba"}, slipway.Invalid, "not an e-mail address"},
		{"a workload's address", slipway.Group{Email: "dba@workload.bytebase.com"}, slipway.Invalid, "cannot end with"},
		{"somebody twice", slipway.Group{Email: team, Members: []slipway.GroupMember{in(slipway.GroupOwner, ann), in(slipway.GroupMemberOnly, ann)}}, slipway.Invalid, "twice"},
		{"a group in a group", slipway.Group{Email: team, Members: []slipway.GroupMember{{Member: "group:x@example.com", Role: slipway.GroupMemberOnly}}}, slipway.Invalid, "no groups"},
		{"everybody in a group", slipway.Group{Email: team, Members: []slipway.GroupMember{{Member: "allUsers", Role: slipway.GroupMemberOnly}}}, slipway.Invalid, "a group holds people"},
		{"a job as owner", slipway.Group{Email: team, Members: []slipway.GroupMember{{Member: "workloadIdentity:a@workload.bytebase.com", Role: slipway.GroupOwner}}}, slipway.Invalid, "owners are people"},
		{"no role in it", slipway.Group{Email: team, Members: []slipway.GroupMember{{Member: ann.Member()}}}, slipway.Invalid, "OWNER or MEMBER"},
		{"a stranger", slipway.Group{Email: team, Members: []slipway.GroupMember{{Member: "user:nobody@example.com", Role: slipway.GroupOwner}}}, slipway.Invalid, "there is no such user"},
		{"a person's address", slipway.Group{Email: ann.Email}, slipway.Exists, "a person's or a group's"},
		{"a crowd", slipway.Group{Email: team, Members: make([]slipway.GroupMember, 501)}, slipway.Invalid, "at most 500 members"},
	} {
		_, err := h.CreateGroup(ctx, h.admin, tc.g)
		want(t, tc.because, err, tc.kind, tc.words)
	}
	_, err := h.CreateGroup(ctx, ann, slipway.Group{Email: team})
	want(t, "by nobody in particular", err, slipway.Denied, "bb.groups.create")
	_, err = h.SetPolicy(ctx, h.admin, slipway.WorkspaceName, slipway.Policy{Bindings: []slipway.Binding{
		bind(iam.WorkspaceAdmin, h.admin.Member()), bind(iam.WorkspaceDBA, "group:"+team),
	}})
	want(t, "a binding of a group that is not there", err, slipway.Invalid, "there is no such group")
}

func TestGroupStaysWhileBound(t *testing.T) {
	h := moveIn(t)
	ctx := t.Context()
	if _, err := h.CreateGroup(ctx, h.admin, slipway.Group{Email: team}); err != nil {
		t.Fatal(err)
	}
	_, err := h.CreateGroup(ctx, h.admin, slipway.Group{Email: team})
	want(t, "a name that is taken", err, slipway.Exists, "already exists")
	_, err = h.CreateUser(ctx, h.admin, access.NewUser{Email: team, Password: "quite long enough"})
	want(t, "a person of its address", err, slipway.Exists, "a person's or a group's")
	h.project("shop", bind(iam.ProjectViewer, "group:"+team))
	want(t, "bound on a project", h.DeleteGroup(ctx, h.admin, team), slipway.Precondition, "groups/dba@example.com holds a role on projects/shop")
	if _, err := h.SetPolicy(ctx, h.admin, "projects/shop", slipway.Policy{}); err != nil {
		t.Fatal(err)
	}
	_, err = h.UpdateGroup(ctx, h.admin, team, access.GroupChange{Revision: 7})
	want(t, "a change made from another revision", err, slipway.Conflict, "changed by somebody else")
	want(t, "no longer bound", h.DeleteGroup(ctx, h.admin, "DBA@example.com"), 0, "")
	want(t, "gone", h.DeleteGroup(ctx, h.admin, team), slipway.NotFound, "not found")
}
