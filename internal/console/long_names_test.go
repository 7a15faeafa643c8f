package console_test

import (
	"strings"
	"testing"

	"slipway"
	"slipway/internal/access"
	"slipway/internal/iam"
)

const (
	longID    = "a-project-whose-id-is-as-long-as-ids-of-projects-may-ever-be"
	longTitle = "Payments, refunds and chargebacks of the European subsidiaries including those that were acquired last year"
)

// newLongWorld has everything called by long names.
func newLongWorld(t testing.TB) *world {
	w := newWorld(t)
	ctx := t.Context()
	must := yard{world: w}.must
	_, err := w.things.CreateProject(ctx, w.admin, slipway.Project{ID: longID, Title: longTitle})
	must(err)
	name := strings.Repeat("customers_and_their_orders_", 3) + "eu_central"
	ref := w.database("test", name, longID)
	trust := w.trust()
	trust.GitLab = &slipway.GitLabTrust{
		Group: "european-subsidiaries/payments-and-refunds/platform-engineering", Project: "database-migrations-of-the-payment-platform",
		Refs: []slipway.RefRule{{Type: slipway.Branch, Pattern: "release/2026/payments-and-refunds/*"}},
	}
	email := w.identity("gitlab-deploy-of-the-payment-platform-in-production", "Deployments of the "+strings.ToLower(longTitle[:1])+longTitle[1:], trust)
	w.grant("projects/"+longID, iam.GitOpsServiceAgent, "workloadIdentity:"+email)
	title := "Wolfeschlegelsteinhausenbergerdorff the Elder of Hamburg and Altona"
	person := w.person("wolfeschlegelsteinhausenbergerdorff.the.elder@subsidiary.example.com")
	_, err = w.access.UpdateUser(ctx, w.admin, person.Email, access.UserChange{Title: &title})
	must(err)
	w.grant("projects/"+longID, iam.ProjectOwner, person.Member())
	ro := w.rollout(longID, map[string]string{
		"migrations/2026/payments-and-refunds/202611221930_create_table_of_chargebacks_that_nobody_has_settled.sql": "CREATE TABLE chargebacks_that_nobody_has_settled (id INTEGER PRIMARY KEY, amount_in_the_currency_of_the_account NUMERIC(20, 4) NOT NULL, reason_that_the_bank_of_the_customer_gave TEXT);\nCREATE TABLE;",
	}, ref)
	w.run(ro, "test")
	return w
}

const longAt = "/projects/" + longID

var longScenes = []scene{
	{name: "long-home", at: "/", see: "Home"},
	{name: "long-projects", at: "/projects", see: longTitle},
	{name: "long-project", at: longAt, see: longTitle},
	{name: "long-databases", at: longAt + "/databases", see: "eu_central"},
	{name: "long-members", at: longAt + "/members", see: "Wolfeschlegel"},
	{name: "long-releases", at: longAt + "/releases", see: "release_"},
	{name: "long-rollouts", at: "/rollouts", see: "release_"},
	{name: "long-rollout", at: longAt + "/rollouts/1", see: "Failed"},
	{name: "long-users", at: "/users", see: "Wolfeschlegel"},
	{name: "long-identity", at: "/workload-identities/gitlab-deploy-of-the-payment-platform-in-production@workload.bytebase.com", see: "release/2026"},
	{name: "long-search", at: "/search?q=payment", see: "payment-platform"},
	{name: "long-switch", at: "/switch?from=" + longID, see: longTitle},
	{name: "long-audit", at: "/audit", see: "Create release"},
}
