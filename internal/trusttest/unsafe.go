package trusttest

import "slipway"

// An Unsafe is a configuration that is refused when it is written.
type Unsafe struct {
	ID, Name string
	Trust    slipway.Trust
	Field    string // that is wrong
	Reason   string // code; "" where there is none
}

// String returns the name of the case's test.
func (u Unsafe) String() string { return u.ID + " " + u.Name }

// Configurations returns the unsafe configurations.
func (p Place) Configurations() []Unsafe {
	with := func(change func(*slipway.Trust)) slipway.Trust {
		t := p.Trust()
		change(&t)
		return t
	}
	issuer := func(u string) slipway.Trust { return with(func(t *slipway.Trust) { t.Issuer = u }) }
	audience := func(list ...string) slipway.Trust { return with(func(t *slipway.Trust) { t.Audiences = list }) }
	ref := func(pattern string) slipway.Trust {
		return p.refs(slipway.RefRule{Type: slipway.Branch, Pattern: pattern})
	}
	const another, unsafe = "issuer_belongs_to_other_platform", "audience_unsafe"
	return []Unsafe{
		{ID: "C04", Name: "GitHub's issuer", Field: "issuer", Reason: another, Trust: issuer("https://token.actions.githubusercontent.com")},
		{ID: "C04", Name: "GitHub's issuer in capitals", Field: "issuer", Reason: another, Trust: issuer("https://Token.Actions.GitHubusercontent.com/org")},
		{ID: "C04", Name: "GitHub Enterprise", Field: "issuer", Reason: another, Trust: issuer("https://ghe.corp/_services/token")},
		{ID: "C04", Name: "Buildkite", Field: "issuer", Reason: another, Trust: issuer("https://agent.buildkite.com")},
		{ID: "C05", Name: "generic platform", Field: "platform", Trust: with(func(t *slipway.Trust) { t.Platform, t.Issuer = "GENERIC", "https://gitlab.com" })},
		{ID: "U08", Name: "no audience", Field: "audiences", Reason: unsafe, Trust: audience()},
		{ID: "U08", Name: "empty audience", Field: "audiences", Reason: unsafe, Trust: audience(Audience, " ")},
		{ID: "U08", Name: "audience of AWS", Field: "audiences", Reason: unsafe, Trust: audience("sts.amazonaws.com")},
		{ID: "U08", Name: "audience of Azure", Field: "audiences", Reason: unsafe, Trust: audience("api://AzureADTokenExchange")},
		{ID: "U08", Name: "audience of Vault", Field: "audiences", Reason: unsafe, Trust: audience("vault")},
		{ID: "U08", Name: "audience of Google", Field: "audiences", Reason: unsafe, Trust: audience("//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/x")},
		{ID: "U08", Name: "any audience", Field: "audiences", Reason: unsafe, Trust: audience("*")},
		{ID: "P07", Name: "nested group typed into project", Field: "gitlab.project", Trust: with(func(t *slipway.Trust) { t.GitLab.Project = "sub/app" })},
		{ID: "B12", Name: "any branch by a wildcard", Field: "gitlab.refs", Trust: ref("*")},
		{ID: "B12", Name: "any branch by two wildcards", Field: "gitlab.refs", Trust: ref("**")},
		{ID: "N01", Name: "no issuer", Field: "issuer", Trust: issuer("")},
		{ID: "N01", Name: "http", Field: "issuer", Trust: issuer("http://gitlab.example.com")},
		{ID: "N01", Name: "query", Field: "issuer", Trust: issuer("https://gitlab.example.com?x=1")},
		{ID: "N01", Name: "empty query", Field: "issuer", Trust: issuer("https://gitlab.example.com?")},
		{ID: "N01", Name: "fragment", Field: "issuer", Trust: issuer("https://gitlab.example.com#x")},
		{ID: "N01", Name: "empty fragment", Field: "issuer", Trust: issuer("https://gitlab.example.com#")},
		{ID: "N01", Name: "user", Field: "issuer", Trust: issuer("https://u:p@gitlab.example.com")},
		{ID: "N01", Name: "no host", Field: "issuer", Trust: issuer("https:///x")},
		{ID: "N01", Name: "opaque", Field: "issuer", Trust: issuer("https:gitlab.example.com")},
		{ID: "N01", Name: "file", Field: "issuer", Trust: issuer("file:///etc/passwd")},
		{ID: "N01", Name: "no scheme", Field: "issuer", Trust: issuer("gitlab.example.com")},
	}
}
