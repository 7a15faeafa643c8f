package access_test

import (
	"testing"

	"slipway"
	"slipway/internal/access"
	"slipway/internal/iam"
	"slipway/internal/idtokentest"
)

func TestIssuers(t *testing.T) {
	p := newPipeline(t, access.Config{})
	ctx := t.Context()
	ann := p.person("ann@example.com")
	p.grant(slipway.WorkspaceName, iam.WorkspaceDBA, ann.Member())
	list, err := p.Issuers(ctx, ann)
	if err != nil || len(list) != 1 || list[0].Issuer != p.gitlab.URL() || list[0].Active != 1 || !list[0].State.Tried.IsZero() {
		t.Fatalf("Issuers = %+v, %v", list, err)
	}
	_, err = p.AskIssuer(ctx, ann, p.gitlab.URL())
	want(t, "who may look and no more", err, slipway.Denied, "bb.settings.set")
	asked, err := p.AskIssuer(ctx, p.admin, p.gitlab.URL())
	if err != nil || len(asked.State.Keys) != 2 || asked.State.Failure != "" || asked.Active != 1 {
		t.Errorf("AskIssuer = %+v, %v", asked, err)
	}
	if a := p.lastAudit(); !a.OK() || a.Method != "/slipway.v1.IssuerService/AskIssuer" {
		t.Errorf("on record: %+v", a)
	}
	before := p.gitlab.Requests()
	other := idtokentest.New(t, nil)
	_, err = p.AskIssuer(ctx, p.admin, other.URL())
	want(t, "an issuer that nobody trusts", err, slipway.NotFound, "no workload identity trusts")
	if other.Requests().Discovery != 0 || p.gitlab.Requests() != before {
		t.Error("it was asked all the same")
	}
	_, err = p.Issuers(ctx, p.person("bob@example.com"))
	want(t, "who may not look", err, slipway.Denied, "bb.settings.get")
}
