package access_test

import (
	"encoding/json"
	"strings"
	"testing"

	"slipway"
	"slipway/internal/access"
	"slipway/internal/idtoken"
	"slipway/internal/idtokentest"
	"slipway/internal/store"
)

var noTokens = idtoken.Config{}

func TestTestToken(t *testing.T) {
	p := newPipeline(t, access.Config{})
	ctx := t.Context()
	claims := func(job idtokentest.Job, changes map[string]any) string {
		b, err := json.MarshalIndent(idtokentest.With(p.gitlab.Claims(job), changes), "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	good := p.gitlab.Token(t, idtokentest.Job{})
	stranger := idtokentest.NewRSA(t, "k1")
	for _, tt := range []struct {
		because, text   string
		allowed, signed bool
		reason          string
		failed          string // name of a check that has to be among the failed
	}{
		{"a job's token", good, true, true, "", ""},
		{"with a line break around it", "\n  " + good + "\n", true, true, "", ""},
		{"claims that would pass", claims(idtokentest.Job{}, nil), true, false, "", ""},
		{"another branch", p.gitlab.Token(t, idtokentest.Job{Ref: "dev"}), false, true, "ref_mismatch", "ref"},
		{"claims of a tag", claims(idtokentest.Job{Ref: "main", RefType: "tag"}, nil), false, false, "ref_type_mismatch", "ref_type"},
		{"somebody else's signature: the rest is judged all the same", stranger.Sign(t, p.gitlab.Claims(idtokentest.Job{Ref: "dev"})), false, false, "signature_invalid", "ref"},
		{"claims that are none", `{"sub": 5}`, false, false, "claims_malformed", "claims"},
		{"broken JSON", `{"sub": `, false, false, "claims_malformed", "claims"},
	} {
		got, err := p.TestToken(ctx, p.admin, deploy, tt.text)
		if err != nil {
			t.Errorf("%s: %v", tt.because, err)
			continue
		}
		if got.Allowed != tt.allowed || got.Signed != tt.signed || got.Reason != tt.reason {
			t.Errorf("%s: allowed %t, signed %t, reason %q; want %t, %t, %q", tt.because, got.Allowed, got.Signed, got.Reason, tt.allowed, tt.signed, tt.reason)
		}
		found := tt.failed == ""
		for _, c := range got.Checks {
			found = found || c.Name == tt.failed && !c.OK
		}
		if !found {
			t.Errorf("%s: the check %s did not fail: %+v", tt.because, tt.failed, got.Checks)
		}
	}
	for text, words := range map[string]string{
		"":                          "neither",
		"a.b":                       "neither",
		"a.!.c":                     "base64url",
		strings.Repeat("x", 70<<10): "KiB",
	} {
		_, err := p.TestToken(ctx, p.admin, deploy, text)
		want(t, "text "+text[:min(len(text), 20)], err, slipway.Invalid, words)
	}

	list, _, err := p.st.Exchanges(ctx, store.ExchangeQuery{}, slipway.Page{})
	if err != nil || len(list) != 0 {
		t.Errorf("trials are no exchanges, but %d are on record, %v", len(list), err)
	}
	entry := p.lastAudit()
	if !strings.HasSuffix(entry.Method, "/TestToken") || entry.Resource != "workloadIdentities/"+deploy {
		t.Errorf("the trial is on record as %+v", entry)
	}
	_, err = p.TestToken(ctx, p.admin, deploy, good)
	if err != nil {
		t.Fatal(err)
	}
	if entry := p.lastAudit(); strings.Contains(entry.Request, good[:40]) || !strings.Contains(entry.Request, `"allowed":true`) {
		t.Errorf("the entry of a trial says %s", entry.Request)
	}
	_, err = p.TestToken(ctx, p.person("bob@example.com"), deploy, good)
	want(t, "a person without roles", err, slipway.Denied, "bb.workloadIdentities.get")

	if err := p.DeleteWorkloadIdentity(ctx, p.admin, deploy); err != nil {
		t.Fatal(err)
	}
	got, err := p.TestToken(ctx, p.admin, deploy, good)
	if err != nil || got.Allowed || got.Reason != "identity_deactivated" {
		t.Errorf("at a deactivated identity: %+v, %v", got, err)
	}
}
