package console_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"slipway"
	"slipway/internal/access"
	"slipway/internal/iam"
	"slipway/internal/idtokentest"
)

func TestExchangesAreExplained(t *testing.T) {
	w := newWorld(t)
	identity, refused := settle(w)
	v := w.visitor(adminEmail)
	list := v.get("/workload-identities/" + identity).follow("Exchanges")
	list.expect(t, http.StatusOK, times(4, "tbody tr"), in("tbody", says("Let in", "Refused", "feature/new-login", "714a629c0b40", "sample")),
		in("tbody a.link", value("href", w.gitlab.URL()+"/my-group/app/-/pipelines/574")))
	list.submit("Show", url.Values{"outcome": {"refused"}}).expect(t, http.StatusOK, times(2, "tbody tr"), in("tbody", lacks("Let in")))
	v.get(list.url.Path+"?outcome=perhaps").expect(t, http.StatusBadRequest)

	p := v.get("/exchanges/" + strings.ToLower(refused))
	p.expect(t, http.StatusOK, in("h1", is("Exchange "+refused+" refused")),
		in(".crumbs", is("IAM & Admin / Users & Groups / GitLab Deploy / Exchanges / "+refused)),
		in(".says", says("The job runs for branch feature/new-login.", "expects branch main", "Nothing was issued")),
		in("tbody tr", says("Ref", "Refused", "feature/new-login", "branch main")),
		in(".facts", says("my-group/app", "574", "302", "push", "714a629c0b40", "sample")),
		in("details", says(`"project_path": "my-group/app"`)))
	allow := p.follow("Allow this branch…")
	allow.expect(t, http.StatusOK, in(".sheet", says("Branch main or branch feature/new-login of my-group/app")), in("#f-several", says("branch main branch feature/new-login")))
	if got := len(w.stored("gitlab-deploy").Trust.GitLab.Refs); got != 1 {
		t.Errorf("looking at the proposal saved it: %d refs", got)
	}
	allow.submit("Confirm", nil)
	w.exchange(identity, idtokentest.Job{Ref: "feature/new-login"})
	v.get("/workload-identities/"+identity+"/exchanges?outcome=allowed").expect(t, http.StatusOK, in("tbody", says("feature/new-login")))

	others, _, err := w.access.Exchanges(t.Context(), w.admin, access.ExchangeQuery{Identity: identity, Outcome: "refused"}, slipway.Page{})
	if err != nil || len(others) != 2 {
		t.Fatal(others, err)
	}
	v.get("/exchanges/"+others[0].Reference).expect(t, http.StatusOK,
		in(".says", says("The job runs in project my-group/other.", "expects my-group/app")), in(".actions", says("Change whom it trusts")))

	// Of an address that nobody has, the record is the audit log's readers'.
	w.exchange("ghost@workload.bytebase.com", idtokentest.Job{})
	ghosts, _, err := w.access.Exchanges(t.Context(), w.admin, access.ExchangeQuery{Identity: "ghost@workload.bytebase.com"}, slipway.Page{})
	if err != nil || len(ghosts) != 1 {
		t.Fatal(ghosts, err)
	}
	v.get("/exchanges/"+ghosts[0].Reference).expect(t, http.StatusOK, in(".says", says("No job is let in", "no workload identity of this address")), times(0, ".actions"))
}

func TestTestAToken(t *testing.T) {
	w := newWorld(t)
	identity := w.identity("deploy", "Deploy", w.trust())
	form := w.visitor(adminEmail).get("/workload-identities/" + identity).follow("Test a token")
	token := w.gitlab.Token(t, idtokentest.Job{})
	good := form.submit("Check", url.Values{"token": {token}})
	good.expect(t, http.StatusOK, in(".says", says("This token would be let in.", "Nothing was issued")), in("tbody", says("Signature", "Passed"), lacks("Refused")))
	if strings.Contains(good.body, token[:60]) {
		t.Error("the page shows the token again")
	}
	claims, err := json.Marshal(w.gitlab.Claims(idtokentest.Job{Ref: "dev"}))
	if err != nil {
		t.Fatal(err)
	}
	bad := form.submit("Check", url.Values{"token": {string(claims)}})
	bad.expect(t, http.StatusOK, in(".says", says("The job runs for branch dev.")), in("tbody", says("Not checked", "Refused", "branch main")),
		in("textarea", says("project_path")))
	form.submit("Check", url.Values{"token": {"what is this"}}).expect(t, http.StatusBadRequest, in("#f-token-error", says("neither")))
	list, _, err := w.access.Exchanges(t.Context(), w.admin, access.ExchangeQuery{}, slipway.Page{})
	if err != nil || len(list) != 0 {
		t.Errorf("trials left exchanges: %v, %v", list, err)
	}
}

func TestPipelineOfAnIdentity(t *testing.T) {
	w := newWorld(t)
	identity, _ := settle(w)
	v := w.visitor(adminEmail)
	p := v.get("/workload-identities/" + identity).follow("Pipeline")
	p.expect(t, http.StatusOK, in(".says", says("sql-review runs for merge requests of any branch", "Branch main of my-group/app")),
		in(".page", lacks("may not deploy to this project yet")))
	var file struct {
		Variables map[string]string
		Review    struct {
			Variables map[string]string
			IDTokens  map[string]struct{ Aud string } `yaml:"id_tokens"`
		} `yaml:"sql-review"`
	}
	read := func(p page) string {
		t.Helper()
		file.Review.Variables = nil
		found := find(p.root, "#yaml")
		if len(found) != 1 {
			t.Fatalf("no pipeline in: %s", excerpt(p.root))
		}
		text := raw(found[0])
		if err := yaml.Unmarshal([]byte(text), &file); err != nil {
			t.Fatalf("%v in:\n%s", err, text)
		}
		return text
	}
	text := read(p)
	if got := file.Variables["SLIPWAY_TARGETS"]; got != "instances/prod/databases/shop,instances/test/databases/shop" {
		t.Errorf("targets %s", got)
	}
	if file.Variables["SLIPWAY_URL"] != w.url || !strings.Contains(text, "slipway rollout") {
		t.Errorf("pipeline:\n%s", text)
	}
	p = p.submit("Show", url.Values{"flavour": {"curl"}, "db": {"instances/prod/databases/shop"}, "reviewer": {"gitlab-review@workload.bytebase.com"}})
	p.expect(t, http.StatusOK, in(".page", lacks("sql-review runs for")))
	text = read(p)
	if got := file.Variables["BYTEBASE_TARGETS"]; got != "instances/prod/databases/shop" {
		t.Errorf("chosen targets %s", got)
	}
	if got := file.Review.Variables["WORKLOAD_IDENTITY_EMAIL"]; got != "gitlab-review@workload.bytebase.com" {
		t.Errorf("reviews act as %q", got)
	}
	for _, want := range []string{"--fail-with-body", "--exit-status", "bytebase-action rollout", "sql-review --url"} {
		if !strings.Contains(text, want) {
			t.Errorf("the curl flavour lacks %s:\n%s", want, text)
		}
	}
	w.project("empty")
	p.submit("Show", url.Values{"project": {"empty"}}).expect(t, http.StatusOK, in(".empty", says("no database yet")), times(0, "#yaml"))
	v.get("/workload-identities/release-train@workload.bytebase.com/pipeline?project=shop").
		expect(t, http.StatusOK, in(".page", says("may not deploy to this project yet", "Grant it GitOps Service Agent")))
}

func TestPipelineOfAFreshServer(t *testing.T) {
	w := newWorld(t)
	identity := w.identity("deploy", "Deploy", w.trust())
	w.visitor(adminEmail).get("/workload-identities/"+identity+"/pipeline").
		expect(t, http.StatusOK, in(".empty", says("Make a project first")))
}

func TestDeactivatedIdentity(t *testing.T) {
	w := newWorld(t)
	identity := w.identity("deploy", "Deploy", w.trust())
	at := "/workload-identities/" + identity
	v := w.visitor(adminEmail)
	v.get(at).follow("Deactivate").submit("Deactivate", nil).
		expect(t, http.StatusOK, in("h1", says("Deactivated")), in(".toast", is("Deploy is deactivated.")), in(".says", says("This identity is deactivated")))
	w.exchange(identity, idtokentest.Job{})
	v.get(at+"/exchanges").expect(t, http.StatusOK, in("tbody", says("Refused", "Identity")))
	v.get(at).submit("Restore", nil).expect(t, http.StatusOK, in("h1", says("Active")))
	w.exchange(identity, idtokentest.Job{})
	v.get(at+"/exchanges").expect(t, http.StatusOK, in("tbody", says("Let in")))
}

// TestIdentityOfAProject shows an identity to its project's owner, who holds
// nothing on the workspace.
func TestIdentityOfAProject(t *testing.T) {
	w := newWorld(t)
	w.project("shop")
	olga := w.person("olga@example.com")
	w.grant("projects/shop", iam.ProjectOwner, olga.Member())
	made, err := w.access.CreateWorkloadIdentity(t.Context(), olga, access.NewWorkloadIdentity{ID: "shop-ci", Title: "Shop CI", Project: "shop", Trust: w.trust()})
	if err != nil {
		t.Fatal(err)
	}
	v := w.visitor(olga.Email)
	p := v.get("/workload-identities/" + made.Email)
	p.expect(t, http.StatusOK, in("h1", says("Shop CI")), in(".actions", says("Edit", "Deactivate")))
	for _, path := range []string{"/exchanges", "/test", "/pipeline", "/edit"} {
		v.get(p.url.Path+path).expect(t, http.StatusOK)
	}
	p.follow("Edit").submit("Confirm", url.Values{"title": {"Shop pipeline"}}).expect(t, http.StatusOK, in("h1", says("Shop pipeline")))
	other := w.identity("deploy", "Deploy", w.trust())
	v.get("/workload-identities/"+other).expect(t, http.StatusForbidden, says(string(iam.WorkloadIdentitiesGet)))
}
