package access_test

import (
	"testing"

	"slipway"
	"slipway/internal/access"
	"slipway/internal/iam"
)

func TestUsers(t *testing.T) {
	h := moveIn(t)
	ctx := t.Context()
	ann, bob := h.person("ann@example.com"), h.person("bob@example.com")
	title, password, weak := "Ann B.", slipway.Secret("a new password"), slipway.Secret("short")

	_, err := h.User(ctx, ann, "ann@example.com")
	want(t, "oneself", err, 0, "")
	_, err = h.User(ctx, ann, "bob@example.com")
	want(t, "somebody else", err, slipway.Denied, "bb.users.get")
	_, err = h.User(ctx, h.admin, "x@workload.bytebase.com")
	want(t, "a workload as a person", err, slipway.Invalid, "email for end users cannot end with workload.bytebase.com")
	_, _, err = h.Users(ctx, ann, access.UserQuery{}, slipway.Page{})
	want(t, "the list", err, slipway.Denied, "bb.users.list")
	_, err = h.CreateUser(ctx, ann, access.NewUser{Email: "eve@example.com", Password: password})
	want(t, "a new person, by a member", err, slipway.Denied, "bb.users.create")
	_, err = h.CreateUser(ctx, h.admin, access.NewUser{Email: "Ann@example.com", Password: password})
	want(t, "a taken address", err, slipway.Exists, "ann@example.com")
	_, err = h.CreateUser(ctx, h.admin, access.NewUser{Email: "eve@example.com", Password: weak})
	want(t, "a weak password", err, slipway.Invalid, "12 characters")
	_, err = h.CreateUser(ctx, h.admin, access.NewUser{Email: "eve@example.com"})
	want(t, "no password", err, slipway.Invalid, "needs one")

	u, err := h.UpdateUser(ctx, ann, "ann@example.com", access.UserChange{Title: &title, Password: &password})
	if err != nil || u.Title != title || u.MustResetPassword {
		t.Errorf("changing oneself: %+v, %v", u, err)
	}
	if a := h.lastAudit(); !a.OK() || a.Caller.Member() != ann.Member() || a.Resource != "users/ann@example.com" {
		t.Errorf("audit entry of changing oneself: %+v", a)
	}
	_, err = h.UpdateUser(ctx, bob, "ann@example.com", access.UserChange{Title: &title})
	want(t, "changing somebody else", err, slipway.Denied, "bb.users.update")

	if _, err := h.CreateRole(ctx, h.admin, slipway.Role{ID: "people", Title: "People", Permissions: []string{"bb.users.update"}}); err != nil {
		t.Fatal(err)
	}
	h.grant(slipway.WorkspaceName, "roles/people", bob.Member())
	_, err = h.UpdateUser(ctx, bob, "ann@example.com", access.UserChange{Title: &title})
	want(t, "a keeper of people changes a title", err, 0, "")
	_, err = h.UpdateUser(ctx, bob, adminEmail, access.UserChange{Password: &password})
	want(t, "and takes over the administrator", err, slipway.Denied, "cannot set the password of another person")
	u, err = h.UpdateUser(ctx, h.admin, "bob@example.com", access.UserChange{Password: &password})
	if err != nil || !u.MustResetPassword {
		t.Errorf("the administrator sets a password: %+v, %v", u, err)
	}
	want(t, "deactivating, by a member", h.DeleteUser(ctx, ann, "bob@example.com"), slipway.Denied, "bb.users.delete")
}

func TestServiceAccounts(t *testing.T) {
	h := moveIn(t)
	ctx := t.Context()
	h.project("shop", slipway.Binding{Role: iam.ProjectOwner, Members: []string{"user:owner@example.com"}})
	owner := h.person("owner@example.com")
	a, key, err := h.CreateServiceAccount(ctx, owner, "shop", "robot", "Robot")
	if err != nil || a.Email != "robot@service.bytebase.com" || key == "" {
		t.Fatalf("CreateServiceAccount = %+v, %v", a, err)
	}
	_, _, err = h.CreateServiceAccount(ctx, owner, "", "grab", "")
	want(t, "on the workspace, by an owner", err, slipway.Denied, "bb.serviceAccounts.create")
	_, _, err = h.CreateServiceAccount(ctx, h.admin, "shop", "robot", "")
	want(t, "a taken name", err, slipway.Exists, "robot")

	signIn := func(key slipway.Secret) (string, error) {
		in, err := h.Login(ctx, access.SignIn{Email: a.Email, Password: key})
		return in.Token.Reveal(), err
	}
	token, err := signIn(key)
	if err != nil {
		t.Fatal(err)
	}
	who, err := h.Authenticate(ctx, token, slipway.Origin{})
	if err != nil || who.Member() != "serviceAccount:robot@service.bytebase.com" {
		t.Fatalf("Authenticate = %+v, %v", who, err)
	}
	self, err := h.Self(ctx, who)
	if err != nil || self.Email != a.Email || self.Title != "Robot" {
		t.Errorf("Self = %+v, %v", self, err)
	}
	if ok, err := h.gate.May(ctx, who, iam.RolesList, ""); err != nil || ok {
		t.Errorf("a service account is no member by itself: %t, %v", ok, err)
	}

	_, fresh, err := h.UpdateServiceAccount(ctx, owner, a.Email, access.ServiceAccountChange{NewKey: true})
	if err != nil || fresh == "" || fresh == key {
		t.Fatalf("a new key: %v", err)
	}
	_, err = h.Authenticate(ctx, token, slipway.Origin{})
	want(t, "the session of the old key", err, slipway.Unauthenticated, "has ended")
	_, err = signIn(key)
	want(t, "the old key", err, slipway.Unauthenticated, "invalid email or password")
	token, err = signIn(fresh)
	want(t, "the new key", err, 0, "")
	want(t, "deactivated", h.DeleteServiceAccount(ctx, owner, a.Email), 0, "")
	_, err = h.Authenticate(ctx, token, slipway.Origin{})
	want(t, "a session of a deactivated account", err, slipway.Unauthenticated, "has ended")
	_, err = signIn(fresh)
	want(t, "its key", err, slipway.Unauthenticated, "invalid email or password")
	_, err = h.UndeleteServiceAccount(ctx, owner, a.Email)
	want(t, "restored", err, 0, "")
	_, err = signIn(fresh)
	want(t, "its key again", err, 0, "")
}
