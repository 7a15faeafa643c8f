package access_test

import (
	"fmt"
	"testing"

	"slipway"
	"slipway/internal/access"
	"slipway/internal/iam"
)

// TestNobodyBecomesMore: whoever manages a project's accounts cannot use them
// to do what others granted the accounts elsewhere.
func TestNobodyBecomesMore(t *testing.T) {
	h := moveIn(t)
	ctx := t.Context()
	h.project("shop", slipway.Binding{Role: iam.ProjectOwner, Members: []string{"user:owner@example.com"}})
	h.project("bank")
	owner := h.person("owner@example.com")
	robot, _, err := h.CreateServiceAccount(ctx, owner, "shop", "robot", "")
	if err != nil {
		t.Fatal(err)
	}
	deploy, err := h.CreateWorkloadIdentity(ctx, owner, access.NewWorkloadIdentity{ID: "deploy", Project: "shop", Trust: gitlabTrust()})
	if err != nil {
		t.Fatal(err)
	}
	another := 0
	anotherProject := func(stored slipway.Trust) (slipway.Trust, error) {
		another++
		stored.GitLab = &slipway.GitLabTrust{Group: "my-group", Project: fmt.Sprintf("app-%d", another)}
		return stored, nil
	}
	title := "another"
	acts := []struct {
		what string
		act  func(who slipway.Principal) error
		free bool // hands nobody a right
	}{
		{"a new key", func(who slipway.Principal) error {
			_, _, err := h.UpdateServiceAccount(ctx, who, robot.Email, access.ServiceAccountChange{NewKey: true})
			return err
		}, false},
		{"a title of the service account", func(who slipway.Principal) error {
			_, _, err := h.UpdateServiceAccount(ctx, who, robot.Email, access.ServiceAccountChange{Title: &title})
			return err
		}, true},
		{"deactivating the service account", func(who slipway.Principal) error { return h.DeleteServiceAccount(ctx, who, robot.Email) }, true},
		{"restoring the service account", func(who slipway.Principal) error {
			_, err := h.UndeleteServiceAccount(ctx, who, robot.Email)
			return err
		}, false},
		{"another trust", func(who slipway.Principal) error {
			_, err := h.UpdateWorkloadIdentity(ctx, who, deploy.Email, access.WorkloadIdentityChange{Trust: anotherProject})
			return err
		}, false},
		{"a title of the identity", func(who slipway.Principal) error {
			_, err := h.UpdateWorkloadIdentity(ctx, who, deploy.Email, access.WorkloadIdentityChange{Title: &title})
			return err
		}, true},
		{"deactivating the identity", func(who slipway.Principal) error { return h.DeleteWorkloadIdentity(ctx, who, deploy.Email) }, true},
		{"restoring the identity", func(who slipway.Principal) error {
			_, err := h.UndeleteWorkloadIdentity(ctx, who, deploy.Email)
			return err
		}, false},
	}
	members := []string{"serviceAccount:" + robot.Email, "workloadIdentity:" + deploy.Email}
	places := []struct{ what, resource, role string }{
		{"on the workspace", slipway.WorkspaceName, iam.WorkspaceDBA},
		{"in another project", "projects/bank", iam.GitOpsServiceAgent},
	}
	for _, place := range places {
		old, err := h.st.Policy(ctx, place.resource)
		if err != nil {
			t.Fatal(err)
		}
		h.grant(place.resource, place.role, members...)
		for _, a := range acts {
			err := a.act(owner)
			if a.free {
				want(t, a.what+" of an account with a role "+place.what, err, 0, "")
				continue
			}
			want(t, a.what+" of an account with a role "+place.what, err, slipway.Denied, "which holds "+place.role)
			want(t, a.what+" by who holds that role too", a.act(h.admin), 0, "")
		}
		old.Etag = ""
		if _, err := h.SetPolicy(ctx, h.admin, place.resource, old); err != nil {
			t.Fatal(err)
		}
	}
	h.grant("projects/shop", iam.GitOpsServiceAgent, members...)
	for _, a := range acts {
		want(t, a.what+" of an account with a role that its owner holds", a.act(owner), 0, "")
	}
}

// TestNobodyBecomesMoreThroughAGroup: a role that an account has from a group
// counts like one of its own.
func TestNobodyBecomesMoreThroughAGroup(t *testing.T) {
	h := moveIn(t)
	ctx := t.Context()
	h.project("shop", slipway.Binding{Role: iam.ProjectOwner, Members: []string{"user:owner@example.com"}})
	owner := h.person("owner@example.com")
	robot, _, err := h.CreateServiceAccount(ctx, owner, "shop", "robot", "")
	if err != nil {
		t.Fatal(err)
	}
	_, err = h.CreateGroup(ctx, h.admin, slipway.Group{Email: "bots@example.com", Members: []slipway.GroupMember{
		{Member: "serviceAccount:" + robot.Email, Role: slipway.GroupMemberOnly},
	}})
	if err != nil {
		t.Fatal(err)
	}
	h.grant(slipway.WorkspaceName, iam.WorkspaceDBA, "group:bots@example.com")
	_, _, err = h.UpdateServiceAccount(ctx, owner, robot.Email, access.ServiceAccountChange{NewKey: true})
	want(t, "a new key of a member of a group with a role", err, slipway.Denied, "which holds "+iam.WorkspaceDBA)
}
