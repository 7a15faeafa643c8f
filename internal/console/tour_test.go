package console_test

import (
	"net/http"
	"net/url"

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

// accountScenes are the pages about accounts, in the world of settle.
var accountScenes = []scene{
	{name: "users", at: "/users?deactivated=yes", see: "Old Pipeline"},
	{name: "users-empty", at: "/users?q=nobody", see: "Nobody fits"},
	{name: "user-new", at: "/users/new", see: "Add User"},
	{name: "user-new-workload", at: "/users/new?type=workload-identity&title=GitLab+Deploy&id=gitlab-deploy&group=my-group&project=my-project&roles=roles%2FgitopsServiceAgent", see: "Any branch or tag of my-group/my-project"},
	{name: "user-new-conditions", at: "/users/new?type=workload-identity&title=GitLab+Deploy&id=gitlab-deploy&group=my-group&project=my-project&refs=branch&branch=main&protected=yes&environments=production&runner=self-hosted&level=maintainer", see: "started by a maintainer or higher"},
	{name: "person", at: "/users/grace@example.com", see: "Workspace DBA"},
	{name: "person-edit", at: "/users/grace@example.com/edit", see: "New password"},
	{name: "service-account", at: "/service-accounts/terraform@service.bytebase.com", see: "Terraform"},
	{name: "service-account-reset", at: "/service-accounts/terraform@service.bytebase.com/reset-key", see: "The old key"},
	{name: "identity", at: "/workload-identities/gitlab-deploy@workload.bytebase.com", see: "Branch main of my-group/app"},
	{name: "identity-edit", at: "/workload-identities/gitlab-deploy@workload.bytebase.com/edit", see: "Allowed Branches/Tags"},
	{name: "identity-exchanges", at: "/workload-identities/gitlab-deploy@workload.bytebase.com/exchanges", see: "Refused"},
	{name: "identity-test", at: "/workload-identities/gitlab-deploy@workload.bytebase.com/test", see: "ID token or claims"},
	{name: "identity-pipeline", at: "/workload-identities/gitlab-deploy@workload.bytebase.com/pipeline", see: "sql-review:"},
	{name: "identity-deactivate", at: "/workload-identities/gitlab-deploy@workload.bytebase.com/deactivate", see: "worth nothing"},
	{name: "identity-deactivated", at: "/workload-identities/legacy-ci@workload.bytebase.com", see: "Restore"},
	{name: "exchange", at: "/exchanges/{refused}", see: "feature/new-login"},
	{name: "account", at: "/account", see: "Sign out everywhere"},
	{name: "person-deactivate", at: "/users/grace@example.com/deactivate", see: "Deactivate Grace Hopper?"},
	{name: "person-reset-link", at: "/users/grace@example.com/reset-link", see: "Grace Hopper"},
	{name: "service-account-edit", at: "/service-accounts/terraform@service.bytebase.com/edit", see: "Confirm"},
	{name: "service-account-deactivate", at: "/service-accounts/terraform@service.bytebase.com/deactivate", see: "Deactivate Terraform?"},
	{name: "exchange-let-in", at: "/exchanges/{allowed}", see: "Passed"},
	{
		name: "user-new-wrong", at: "/users/new", see: "12 characters", press: "Confirm", status: http.StatusBadRequest,
		fill: url.Values{"type": {"user"}, "email": {"grace"}, "password": {"short"}},
	},
	{
		name: "identity-new-wrong", at: "/users/new?type=workload-identity", see: "is not a wildcard here", press: "Confirm", status: http.StatusBadRequest,
		fill: url.Values{"title": {"GitLab Deploy"}, "id": {"Gitlab Deploy"}, "group": {"my*"}},
	},
	{name: "service-account-key", at: "/service-accounts/terraform@service.bytebase.com/reset-key", see: "shown once", press: "Reset key"},
	{
		name: "identity-test-refused", at: "/workload-identities/gitlab-deploy@workload.bytebase.com/test", see: "Refused", press: "Check",
		fill: url.Values{"token": {`{"iss": "https://gitlab.com", "sub": "project_path:my-group/app:ref_type:branch:ref:main"}`}},
	},
	{name: "account-wrong", at: "/account", see: "1 to 200", press: "Save", status: http.StatusBadRequest, fill: url.Values{"title": {" "}}},
	{name: "account-saved", at: "/account", see: "Saved.", press: "Save"},
}
