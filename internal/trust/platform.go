package trust

import (
	"slices"
	"strings"

	"slipway"
)

// A platform knows the tokens of one CI platform.
type platform interface {
	// normalize returns t with the platform's own fields in their one spelling.
	normalize(t slipway.Trust) (slipway.Trust, error)
	// conditions returns what must hold of the platform's claims, t being normal.
	conditions(t slipway.Trust) ([]condition, error)
	// algorithms returns the signature algorithms that the platform uses.
	algorithms() []string
	job(c Claims) slipway.Job
	sentence(t slipway.Trust) string
	pattern(t slipway.Trust) string
}

// platformOf returns the platform of that name. Adding one is a line here.
func platformOf(name slipway.Platform) (platform, error) {
	switch name {
	case slipway.GitLab:
		return gitlab{}, nil
	case "GITHUB":
		return nil, problem("platform", "", "platform: GitHub Actions cannot be trusted yet; GitLab CI (GITLAB) can")
	case "":
		return nil, problem("platform", "", "platform: say which CI platform signs the tokens: GITLAB")
	}
	return nil, problem("platform", "", "platform %.40q is not known; GITLAB is", string(name))
}

// foreignIssuer returns the CI platform, other than a GitLab instance, whose
// issuer has that host and path, or "". Their tokens are of another kind, and
// most of these issuers serve the whole world.
func foreignIssuer(host, path string) string {
	for _, f := range []struct {
		name    string
		hosts   []string // ".x" is every host below x
		pathEnd string
	}{
		{name: "GitHub Actions", hosts: []string{"token.actions.githubusercontent.com", ".ghe.com", "github.com"}},
		{name: "GitHub Actions", pathEnd: "/_services/token"},
		{name: "Bitbucket Pipelines", hosts: []string{"api.bitbucket.org"}},
		{name: "Azure DevOps", hosts: []string{"vstoken.dev.azure.com", "login.microsoftonline.com", "sts.windows.net"}},
		{name: "CircleCI", hosts: []string{"oidc.circleci.com"}},
		{name: "Buildkite", hosts: []string{"agent.buildkite.com"}},
		{name: "Kubernetes", hosts: []string{"kubernetes.default.svc", "container.googleapis.com", ".oic.prod-aks.azure.com"}},
		{name: "Google", hosts: []string{"accounts.google.com"}},
	} {
		byHost := slices.ContainsFunc(f.hosts, func(h string) bool {
			return host == h || strings.HasPrefix(h, ".") && strings.HasSuffix(host, h)
		})
		if byHost || f.pathEnd != "" && strings.HasSuffix(path, f.pathEnd) {
			return f.name
		}
	}
	return ""
}
