package trust_test

import (
	"encoding/json"
	"testing"
	"time"

	"slipway"
	"slipway/internal/idtokentest"
	"slipway/internal/trust"
)

const (
	gitlabURL = "https://gitlab.example.com"
	ours      = "https://db.example.com/wif/ci-app"
)

// noon is the moment at which all of these tokens are judged.
var noon = time.Date(2026, 1, 15, 12, 0, 0, 0, time.UTC)

// pushes returns the configuration that most cases begin with: branch main of
// my-group/app.
func pushes() slipway.Trust {
	return slipway.Trust{
		Platform: slipway.GitLab, Issuer: gitlabURL, Audiences: []string{ours},
		GitLab: &slipway.GitLabTrust{Group: "my-group", Project: "app", Refs: []slipway.RefRule{{Type: slipway.Branch, Pattern: "main"}}},
	}
}

// anyRef returns the configuration that trusts every ref of project, or of all
// of group where project is "".
func anyRef(group, project string) slipway.Trust {
	t := pushes()
	t.GitLab = &slipway.GitLabTrust{Group: group, Project: project}
	return t
}

// refs returns the configuration that trusts those refs of my-group/app.
func refs(rules ...slipway.RefRule) slipway.Trust {
	t := pushes()
	t.GitLab.Refs = rules
	return t
}

// only returns the configuration that has a subject pattern and no fields.
func only(pattern string) slipway.Trust {
	t := pushes()
	t.GitLab, t.SubjectPattern = nil, pattern
	return t
}

// job returns the claims of a job, ten seconds after it was picked up.
func job(j idtokentest.Job) map[string]any {
	j.Audience = ours
	return idtokentest.Claims(gitlabURL, j, noon.Add(-10*time.Second))
}

// read passes claims through JSON into the form that decisions are made on.
func read(claims map[string]any) (trust.Claims, error) {
	data, err := json.Marshal(claims)
	if err != nil {
		return trust.Claims{}, err
	}
	all, err := trust.ParseObject(data)
	if err != nil {
		return trust.Claims{}, err
	}
	return trust.ReadClaims(all, "RS256")
}

// reason decides on claims and returns the code, "" for let in. Claims that
// cannot be read count as claims_malformed, as package idtoken reports them.
func reason(t testing.TB, config slipway.Trust, claims map[string]any) string {
	t.Helper()
	m, err := trust.Compile(config)
	if err != nil {
		t.Fatalf("Compile: %v", err)
	}
	c, err := read(claims)
	if err != nil {
		return "claims_malformed"
	}
	d := m.Decide(c, noon)
	if d.Allowed != (d.Reason == "") {
		t.Fatalf("Allowed is %v with reason %q", d.Allowed, d.Reason)
	}
	return d.Reason
}
