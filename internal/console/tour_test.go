package console_test

import (
	"testing"

	"slipway"
	"slipway/internal/access"
	"slipway/internal/iam"
	"slipway/internal/idtokentest"
)

// settle fills a world with what people would have after some weeks.
func settle(w *world) (identity string, refused string) {
	w.t.Helper()
	ctx := w.t.Context()
	w.project("shop")
	w.database("test", "shop", "shop")
	w.database("prod", "shop", "shop")
	identity = w.identity("gitlab-deploy", "GitLab Deploy", w.trust())
	w.grant("projects/shop", iam.GitOpsServiceAgent, "workloadIdentity:"+identity)
	wide := w.trust()
	wide.GitLab = &slipway.GitLabTrust{Group: "my-group"}
	w.identity("release-train", "Release Train", wide)
	review := w.trust()
	review.GitLab = &slipway.GitLabTrust{Group: "my-group", Project: "app"}
	w.identity("gitlab-review", "GitLab Review", review)
	old := w.trust()
	old.GitLab = &slipway.GitLabTrust{Group: "my-group", Project: "legacy", Refs: []slipway.RefRule{{Type: slipway.Tag, Pattern: "v*"}}}
	legacy := w.identity("legacy-ci", "Old Pipeline", old)
	if err := w.access.DeleteWorkloadIdentity(ctx, w.admin, legacy); err != nil {
		w.t.Fatal(err)
	}
	name := "Grace Hopper"
	grace := w.person("grace@example.com")
	if _, err := w.access.UpdateUser(ctx, w.admin, grace.Email, access.UserChange{Title: &name}); err != nil {
		w.t.Fatal(err)
	}
	w.grant(slipway.WorkspaceName, iam.WorkspaceDBA, grace.Member())
	if _, _, err := w.access.CreateServiceAccount(ctx, w.admin, "", "terraform", "Terraform"); err != nil {
		w.t.Fatal(err)
	}
	for _, job := range []idtokentest.Job{{}, {Ref: "feature/new-login"}, {Project: "my-group/other"}, {}} {
		w.exchange(identity, job)
	}
	list, _, err := w.access.Exchanges(ctx, w.admin, access.ExchangeQuery{Identity: identity, Outcome: "refused"}, slipway.Page{})
	if err != nil || len(list) != 2 {
		w.t.Fatalf("refused exchanges: %v, %v", list, err)
	}
	return identity, list[1].Reference
}

// exchange has a job try to become an identity, in vain or not.
func (w *world) exchange(identity string, job idtokentest.Job) {
	w.t.Helper()
	_, err := w.access.Exchange(w.t.Context(), access.TokenRequest{
		Token: slipway.Secret(w.gitlab.Token(w.t, job)), Email: identity, Origin: slipway.Origin{IP: "203.0.113.7"},
	})
	if err != nil && slipway.KindOf(err) != slipway.Unauthenticated {
		w.t.Fatal(err)
	}
}

// TestPagesOfAccountsLookRight shows every page about accounts to axe, and to
// people who keep pictures.
func TestPagesOfAccountsLookRight(t *testing.T) {
	w := newWorld(t)
	identity, refused := settle(w)
	at := "/workload-identities/" + identity
	b := w.tab(t, adminEmail)
	for _, p := range []struct{ name, path, see string }{
		{"users", "/users?deactivated=yes", "Old Pipeline"},
		{"users-empty", "/users?q=nobody", "Nobody fits"},
		{"user-new", "/users/new", "Add User"},
		{"user-new-workload", "/users/new?type=workload-identity&title=GitLab+Deploy&id=gitlab-deploy&group=my-group&project=my-project&roles=roles%2FgitopsServiceAgent", "Any branch or tag of my-group/my-project"},
		{"person", "/users/grace@example.com", "Workspace DBA"},
		{"person-edit", "/users/grace@example.com/edit", "New password"},
		{"service-account", "/service-accounts/terraform@service.bytebase.com", "Terraform"},
		{"service-account-reset", "/service-accounts/terraform@service.bytebase.com/reset-key", "The old key"},
		{"identity", at, "Branch main of my-group/app"},
		{"identity-edit", at + "/edit", "Allowed Branches/Tags"},
		{"identity-exchanges", at + "/exchanges", "Refused"},
		{"identity-test", at + "/test", "ID token or claims"},
		{"identity-pipeline", at + "/pipeline", "sql-review:"},
		{"identity-deactivate", at + "/deactivate", "worth nothing"},
		{"identity-deactivated", "/workload-identities/legacy-ci@workload.bytebase.com", "Restore"},
		{"exchange", "/exchanges/" + refused, "feature/new-login"},
		{"account", "/account", "Sign out everywhere"},
	} {
		t.Run(p.name, func(t *testing.T) {
			b := b.in(t)
			b.open(p.path)
			b.see(p.see)
			b.look(p.name)
		})
	}
}
