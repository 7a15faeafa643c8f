package access_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"slipway"
	"slipway/internal/access"
	"slipway/internal/iam"
)

func bind(role string, members ...string) slipway.Binding {
	return slipway.Binding{Role: role, Members: members}
}

func TestSetPolicy(t *testing.T) {
	h := moveIn(t)
	ctx := t.Context()
	owner := h.person("owner@example.com")
	h.person("dev@example.com")
	h.person("left@example.com")
	if err := h.DeleteUser(ctx, h.admin, "left@example.com"); err != nil {
		t.Fatal(err)
	}
	if _, err := h.CreateWorkloadIdentity(ctx, h.admin, access.NewWorkloadIdentity{ID: "deploy", Trust: gitlabTrust()}); err != nil {
		t.Fatal(err)
	}
	if _, err := h.CreateRole(ctx, h.admin, slipway.Role{ID: "instance-keeper", Title: "Instances", Permissions: []string{"bb.instances.update"}}); err != nil {
		t.Fatal(err)
	}
	h.project("shop", bind(iam.ProjectOwner, owner.Member()))
	keep := bind(iam.ProjectOwner, owner.Member())
	admins := []slipway.Binding{bind(iam.WorkspaceAdmin, h.admin.Member()), bind(iam.WorkspaceMember, iam.AllUsers)}
	tests := []struct {
		because, resource string
		who               slipway.Principal
		bindings          []slipway.Binding
		kind              slipway.Kind
		words             string
	}{
		{"an owner grants what it holds", "projects/shop", owner, []slipway.Binding{keep, bind(iam.GitOpsServiceAgent, "workloadIdentity:deploy@workload.bytebase.com")}, 0, ""},
		{"an owner grants a workspace role", "projects/shop", owner, []slipway.Binding{keep, bind(iam.WorkspaceAdmin, owner.Member())}, slipway.Invalid, "on the workspace only"},
		{"L03 an owner grants more than it holds", "projects/shop", owner, []slipway.Binding{keep, bind("roles/instance-keeper", owner.Member())}, slipway.Denied, `lacks "bb.instances.update"`},
		{"the administrator grants the same", "projects/shop", h.admin, []slipway.Binding{keep, bind("roles/instance-keeper", "user:dev@example.com")}, 0, ""},
		{"an owner leaves it standing", "projects/shop", owner, []slipway.Binding{keep, bind("roles/instance-keeper", "user:dev@example.com")}, 0, ""},
		{"an owner takes it away", "projects/shop", owner, []slipway.Binding{keep}, 0, ""},
		{"on the workspace, by an owner", slipway.WorkspaceName, owner, admins, slipway.Denied, "bb.workspaces.setIamPolicy"},
		{"for nobody who exists", "projects/shop", owner, []slipway.Binding{keep, bind(iam.ProjectViewer, "user:typo@example.com")}, slipway.Invalid, "no such user"},
		{"for an identity that does not exist", "projects/shop", owner, []slipway.Binding{keep, bind(iam.ProjectViewer, "workloadIdentity:typo@workload.bytebase.com")}, slipway.Invalid, "no such workloadIdentity"},
		{"for a group that is not there", "projects/shop", h.admin, []slipway.Binding{bind(iam.ProjectViewer, "group:devs@example.com")}, slipway.Invalid, "there is no such group"},
		{"of an unknown role", "projects/shop", owner, []slipway.Binding{keep, bind("roles/none", "user:dev@example.com")}, slipway.Invalid, "there is no role"},
		{"of a project that is not", "projects/none", h.admin, nil, slipway.NotFound, "none"},
		{"of something else", "instances/pg", h.admin, nil, slipway.Invalid, "has no IAM policy"},
		{"workspaces/- is the workspace", "workspaces/-", h.admin, admins, 0, ""},
		{"another workspace", "workspaces/other", h.admin, admins, slipway.Invalid, "workspaces/-"},
		{"no administrator left", slipway.WorkspaceName, h.admin, []slipway.Binding{bind(iam.WorkspaceMember, iam.AllUsers)}, slipway.Precondition, "without an administrator"},
		{"only a deactivated one", slipway.WorkspaceName, h.admin, []slipway.Binding{bind(iam.WorkspaceAdmin, "user:left@example.com")}, slipway.Precondition, "without an administrator"},
		{"only for a while", slipway.WorkspaceName, h.admin, []slipway.Binding{{Role: iam.WorkspaceAdmin, Members: []string{h.admin.Member()}, Condition: `request.time < timestamp("2027-01-01T00:00:00Z")`}}, slipway.Precondition, "without an administrator"},
		{"by a job", "projects/shop", slipway.Principal{Kind: slipway.WorkloadIdentityKind, Email: "deploy@workload.bytebase.com"}, []slipway.Binding{keep}, slipway.Denied, "bb.projects.setIamPolicy"},
	}
	for _, tt := range tests {
		t.Run(tt.because, func(t *testing.T) {
			_, err := h.SetPolicy(ctx, tt.who, tt.resource, slipway.Policy{Bindings: tt.bindings})
			want(t, "SetPolicy", err, tt.kind, tt.words)
			a := h.lastAudit()
			if scoped := tt.kind != slipway.Invalid || a.Resource == tt.resource; scoped && (a.OK() != (tt.words == "") || a.Caller.Member() != tt.who.Member()) {
				t.Errorf("audit entry: %+v", a)
			}
		})
	}
}

// TestNothingIsHandedOnForLonger: who holds a role for a time cannot make it
// last, neither for itself nor for somebody who would do it the favour.
func TestNothingIsHandedOnForLonger(t *testing.T) {
	h := moveIn(t)
	ctx := t.Context()
	june, july, august := h.clock.AddDate(0, 1, 0), h.clock.AddDate(0, 2, 0), h.clock.AddDate(0, 3, 0)
	guest, friend := h.person("guest@example.com"), h.person("friend@example.com")
	h.project("shop", slipway.Binding{Role: iam.ProjectOwner, Members: []string{guest.Member()}, Condition: iam.Until(july)})
	robot, _, err := h.CreateServiceAccount(ctx, guest, "shop", "robot", "")
	if err != nil {
		t.Fatal(err)
	}
	grant := func(who slipway.Principal, end time.Time) error {
		return h.GrantUntil(ctx, guest, "projects/shop", who.Member(), []string{iam.ProjectOwner}, end)
	}
	want(t, "for ever, to itself", grant(guest, time.Time{}), slipway.Denied, "for a shorter time itself")
	want(t, "for ever, to a friend", grant(friend, time.Time{}), slipway.Denied, "for a shorter time itself")
	want(t, "for longer", grant(friend, august), slipway.Denied, "for a shorter time itself")
	want(t, "for as long", grant(friend, july), 0, "")
	want(t, "for less long", grant(friend, june), 0, "")
	h.grant("projects/shop", iam.ProjectViewer, "serviceAccount:"+robot.Email)
	_, _, err = h.UpdateServiceAccount(ctx, guest, robot.Email, access.ServiceAccountChange{NewKey: true})
	want(t, "an account that holds a role for ever", err, slipway.Denied, "for a shorter time itself")
	h.grant("projects/shop", iam.ProjectOwner, guest.Member())
	want(t, "for ever, once it is held for ever", grant(friend, time.Time{}), 0, "")
}

func TestPolicyEtags(t *testing.T) {
	h := moveIn(t)
	ctx := t.Context()
	h.project("shop")
	p, err := h.Policy(ctx, h.admin, "projects/shop")
	if err != nil {
		t.Fatal(err)
	}
	p.Bindings = []slipway.Binding{bind(iam.ProjectOwner, h.admin.Member())}
	saved, err := h.SetPolicy(ctx, h.admin, "projects/shop", p)
	if err != nil || saved.Etag == p.Etag {
		t.Fatalf("SetPolicy = %+v, %v: want another etag than %q", saved, err, p.Etag)
	}
	_, err = h.SetPolicy(ctx, h.admin, "projects/shop", p)
	want(t, "the etag from before", err, slipway.Conflict, "there is concurrent update to the project iam policy, please refresh and try again")
	again, err := h.Policy(ctx, h.admin, "projects/shop")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(saved, again); diff != "" {
		t.Errorf("policy as read (-saved +read):\n%s", diff)
	}
}

func TestLastAdministratorStays(t *testing.T) {
	h := moveIn(t)
	ctx := t.Context()
	want(t, "the only one", h.DeleteUser(ctx, h.admin, adminEmail), slipway.Precondition, "without an administrator")
	if u, err := h.st.User(ctx, adminEmail); err != nil || u.Deleted {
		t.Fatalf("refused, and done: %+v, %v", u, err)
	}
	second := h.person("second@example.com")
	h.grant(slipway.WorkspaceName, iam.WorkspaceAdmin, second.Member())
	want(t, "one of two", h.DeleteUser(ctx, second, adminEmail), 0, "")
	want(t, "the other", h.DeleteUser(ctx, second, "second@example.com"), slipway.Precondition, "without an administrator")
}

func TestCustomRoles(t *testing.T) {
	h := moveIn(t)
	ctx := t.Context()
	keeper := h.person("keeper@example.com")
	if _, err := h.CreateRole(ctx, h.admin, slipway.Role{ID: "role-keeper", Title: "Roles", Permissions: []string{"bb.roles.create", "bb.roles.update", "bb.roles.delete", "bb.roles.get"}}); err != nil {
		t.Fatal(err)
	}
	h.grant(slipway.WorkspaceName, "roles/role-keeper", keeper.Member())

	_, err := h.CreateRole(ctx, keeper, slipway.Role{ID: "mine", Title: "Mine", Permissions: []string{"bb.workspaces.setIamPolicy"}})
	want(t, "a role with more than its maker holds", err, slipway.Denied, `lacks "bb.workspaces.setIamPolicy"`)
	_, err = h.UpdateRole(ctx, keeper, "role-keeper", access.RoleChange{Permissions: []string{"bb.roles.get", "bb.users.update"}})
	want(t, "a role widened by who holds it", err, slipway.Denied, `lacks "bb.users.update"`)
	_, err = h.UpdateRole(ctx, h.admin, "role-keeper", access.RoleChange{Permissions: []string{}})
	want(t, "a role emptied", err, slipway.Invalid, "no permissions")
	_, err = h.UpdateRole(ctx, h.admin, "projectOwner", access.RoleChange{Permissions: []string{"bb.roles.get"}})
	want(t, "a predefined role changed", err, slipway.Precondition, "predefined")
	want(t, "a predefined role removed", h.DeleteRole(ctx, h.admin, "gitopsServiceAgent"), slipway.Precondition, "predefined")
	want(t, "a role in use", h.DeleteRole(ctx, h.admin, "role-keeper"), slipway.Precondition, "granted on workspaces/default")

	title := "Keeper of roles"
	got, err := h.UpdateRole(ctx, keeper, "role-keeper", access.RoleChange{Title: &title})
	if err != nil || got.Title != title || len(got.Permissions) != 4 {
		t.Errorf("a new title: %+v, %v", got, err)
	}
	h.project("shop", bind("roles/spare", h.admin.Member()))
	if _, err := h.CreateRole(ctx, h.admin, slipway.Role{ID: "spare", Title: "Spare", Permissions: []string{"bb.plans.get"}}); err != nil {
		t.Fatal(err)
	}
	want(t, "a role in use on a project", h.DeleteRole(ctx, h.admin, "spare"), slipway.Precondition, "granted on projects/shop")
	if _, err := h.SetPolicy(ctx, h.admin, "projects/shop", slipway.Policy{}); err != nil {
		t.Fatal(err)
	}
	want(t, "no longer in use", h.DeleteRole(ctx, h.admin, "spare"), 0, "")

	list, err := h.Roles(ctx, keeper)
	if err != nil || len(list) != len(iam.Predefined())+1 {
		t.Errorf("every person may list roles: %d, %v", len(list), err)
	}
}
