// Package trusttest lists the cases by which it is tested that nobody gets in
// by mistake: each is a token, a configuration or a deed of an issuer, with what
// has to come of it. Every case is written once and played twice: on the pure
// decision (packages trust and idtoken) and through a running server (e2e).
//
// A case has the id of its row in the corpus of trust cases ("B07"). Waiting
// lists the rows that cannot be played yet.
package trusttest

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"slipway"
	"slipway/internal/idtokentest"
)

// Audience is what the cases' identities expect in aud.
const Audience = "https://db.example.com/wif/ci-app"

// A Place is where cases are played.
type Place struct {
	Issuer string    // whom the identities trust; tokens are signed with Keys
	Other  string    // an issuer whom nobody trusts and nobody may ask
	Now    time.Time // when the tokens are judged
	Keys   Keys      // needed by cases that sign a token in a way of their own
}

// Keys are the key pairs of the cases.
type Keys struct {
	K1    idtokentest.Key // published, signs jobs' tokens
	Login idtokentest.Key // published, signs the tokens of "Sign in with GitLab"
	EC    idtokentest.Key // published, P-256
	Evil  idtokentest.Key // not published, and goes by the name of K1
}

// Publish makes the keys of an issuer and has it publish those that are public.
func Publish(t testing.TB, i *idtokentest.Issuer) Keys {
	t.Helper()
	k := Keys{K1: i.Key(), Login: idtokentest.NewRSA(t, "kSignIn"), EC: idtokentest.NewEC(t, "kEC"), Evil: idtokentest.NewRSA(t, i.Key().ID)}
	i.Publish(append(i.Published(), k.Login.JWK(), k.EC.JWK())...)
	return k
}

// A Case is one token before one identity.
type Case struct {
	ID     string // row of the corpus
	Name   string // what is particular about this one
	Trust  slipway.Trust
	Job    idtokentest.Job
	Claims map[string]any // changes to what the job's token says; nil takes a claim out
	// Raw makes the token; nil signs the claims as GitLab does.
	Raw func(t testing.TB, p Place, claims map[string]any) string

	Reason string // code of the refusal; "" is let in
	Check  string // name of the check that refuses; "" is the usual one of Reason

	Quiet  bool          // nothing may be asked of any issuer
	Within time.Duration // the outcome turns that long after Place.Now; 0: not soon
	Status int           // of the server's answer, where it is not the usual one of Reason
	Stored bool          // no request of the API can make such an identity: it has to be put into the store
}

// String returns the name of the case's test.
func (c Case) String() string { return c.ID + " " + c.Name }

// Token returns the case's token.
func (c Case) Token(t testing.TB, p Place) string {
	t.Helper()
	claims := c.All(p)
	if c.Raw != nil {
		return c.Raw(t, p, claims)
	}
	return p.Keys.K1.Sign(t, claims)
}

// All returns what the case's token says. The job was picked up ten seconds ago.
func (c Case) All(p Place) map[string]any {
	job := c.Job
	job.Audience = Audience
	return idtokentest.With(idtokentest.Claims(p.Issuer, job, p.Now.Add(-10*time.Second)), c.Claims)
}

// usual names the check that a code belongs to.
var usual = map[string]string{
	"bad_request": "form", "token_too_large": "form", "malformed_token": "form", "crit_unsupported": "form", "typ_not_allowed": "form",
	"alg_not_allowed": "algorithm", "issuer_mismatch": "issuer", "kid_missing": "key", "kid_unknown": "key", "key_unusable": "key",
	"signature_invalid": "signature", "jwks_unavailable": "keys", "claims_malformed": "claims",
	"expired": "expires", "issued_in_future": "issued_at", "not_yet_valid": "not_before", "lifetime_too_long": "lifetime",
	"audience_missing": "audience", "audience_multiple": "audience", "audience_mismatch": "audience",
	"not_a_job_token": "token_class", "claim_missing": "required_claims",
	"project_mismatch": "project_path", "namespace_mismatch": "namespace_path",
	"ref_type_mismatch": "ref_type", "ref_mismatch": "ref", "sub_inconsistent": "subject",
	"pipeline_source_denied": "pipeline_source", "fork_denied": "fork", "environment_mismatch": "environment",
	"environment_action_denied": "environment_action", "runner_denied": "runner_environment", "user_level": "user_access_level",
}

// Cases returns every case.
func Cases(p Place) []Case {
	all := slices.Concat(
		forms(), headers(p), algorithms(), signatures(), payloads(), issuers(p), classes(p),
		times(p), audiences(p), types(), projects(p), refs(p), jobs(p),
	)
	for i := range all {
		c := &all[i]
		if c.Trust.Platform == "" {
			c.Trust = p.Trust()
		}
		if c.Check == "" {
			c.Check = usual[c.Reason]
		}
	}
	return all
}

// Trust returns the configuration that most cases have: branch main of
// my-group/app.
func (p Place) Trust() slipway.Trust {
	return slipway.Trust{
		Platform: slipway.GitLab, Issuer: p.Issuer, Audiences: []string{Audience},
		GitLab: &slipway.GitLabTrust{Group: "my-group", Project: "app", Refs: []slipway.RefRule{{Type: slipway.Branch, Pattern: "main"}}},
	}
}

// anyRef returns the configuration that trusts every ref of project, or of all
// of group where project is "".
func (p Place) anyRef(group, project string) slipway.Trust {
	t := p.Trust()
	t.GitLab = &slipway.GitLabTrust{Group: group, Project: project}
	return t
}

// refs returns the configuration that trusts those refs of my-group/app.
func (p Place) refs(rules ...slipway.RefRule) slipway.Trust {
	t := p.Trust()
	t.GitLab.Refs = rules
	return t
}

// at returns the Unix time that many seconds after p.Now.
func (p Place) at(seconds int64) int64 { return p.Now.Unix() + seconds }

// claim changes one claim.
func claim(name string, v any) map[string]any { return map[string]any{name: v} }

// null is a claim that is there and says nothing.
var null = json.RawMessage("null")

// FirstFailed returns the check that a decision ended with, if one failed.
func FirstFailed(checks []slipway.TrustCheck) (slipway.TrustCheck, bool) {
	for _, c := range checks {
		if !c.OK {
			return c, true
		}
	}
	return slipway.TrustCheck{}, false
}
