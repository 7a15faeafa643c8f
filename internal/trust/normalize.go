package trust

import (
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"slipway"
)

const (
	maxAudiences = 10
	maxAudience  = 1024
)

// Normalize returns t in the one spelling that is stored and shown: spaces and
// slashes that a form brings along are gone, a pasted URL of a group is its
// path. What cannot be trusted safely is refused as by Compile. Normalising
// twice changes nothing more.
func Normalize(t slipway.Trust) (slipway.Trust, error) {
	p, err := platformOf(t.Platform)
	if err != nil {
		return t, err
	}
	if t.Issuer, err = issuerURL(t.Issuer); err != nil {
		return t, err
	}
	if t.Audiences, err = audiences(t.Audiences); err != nil {
		return t, err
	}
	if t.MaxLifetime < 0 || t.MaxLifetime > longestLifetime {
		return t, problem("max_lifetime", "", "longest lifetime of an ID token: between 0 (24 hours) and %v", longestLifetime)
	}
	return p.normalize(t)
}

// issuerURL checks what iss has to be. A trailing slash goes only where the
// platform's normalize takes it off: it is part of some issuers' names.
func issuerURL(raw string) (string, error) {
	raw = strings.TrimSpace(raw)
	if raw == "" {
		return "", problem("issuer", "", "issuer: say which URL signs the tokens, such as https://gitlab.com")
	}
	u, err := url.Parse(raw)
	switch {
	case err != nil || len(raw) > maxIssuer || strings.ContainsAny(raw, " \\\"<>") || !utf8.ValidString(raw):
		return "", problem("issuer", "", "issuer %.200q is not a URL", raw)
	case u.Scheme != "https":
		return "", problem("issuer", "", "issuer %.200q: only https is trusted; over %s anyone on the way could replace the keys", raw, schemeWord(u.Scheme))
	case u.Hostname() == "" || u.Opaque != "":
		return "", problem("issuer", "", "issuer %.200q names no host", raw)
	case u.User != nil:
		return "", problem("issuer", "", "issuer: a user name or password is no part of an issuer's URL")
	case u.RawQuery != "" || u.ForceQuery:
		return "", problem("issuer", "", "issuer %.200q: a query (after ?) is no part of an issuer's URL", raw)
	case strings.Contains(raw, "#"):
		return "", problem("issuer", "", "issuer %.200q: a fragment (after #) is no part of an issuer's URL", raw)
	case u.Port() == "443" || strings.HasSuffix(u.Host, ":"):
		return "", problem("issuer", "", "issuer %.200q: leave out the port; tokens never name the usual one", raw)
	}
	if other := foreignIssuer(strings.ToLower(u.Hostname()), strings.TrimRight(u.Path, "/")); other != "" {
		return "", problem("issuer", "issuer_belongs_to_other_platform", "issuer %.200q belongs to %s, not to a GitLab instance", raw, other)
	}
	return raw, nil
}

func schemeWord(scheme string) string {
	if scheme == "" {
		return "anything else"
	}
	return scheme
}

// audiences returns list trimmed and without repetitions. The issuer's own URL
// may be among them: it is what GitLab puts in where a job names none, and what
// this product's guide has people write.
func audiences(list []string) ([]string, error) {
	var out []string
	for _, a := range list {
		a = strings.TrimSpace(a)
		switch {
		case a == "":
			return nil, problem("audiences", "audience_unsafe", "audience: an empty one would let in tokens made for anybody")
		case len(a) > maxAudience || !utf8.ValidString(a) || strings.ContainsFunc(a, func(r rune) bool { return r <= ' ' || r == 0x7f }):
			return nil, problem("audiences", "", "audience %.80q: at most %d bytes without spaces and control characters", a, maxAudience)
		case strings.Contains(a, "*"):
			return nil, problem("audiences", "audience_unsafe", "audience %.80q: audiences are compared as they stand; * is not a wildcard in one", a)
		case sharedAudience(a):
			return nil, problem("audiences", "audience_unsafe", "audience %.80q is what tokens for another service carry: anyone there could bring them here; choose one of your own, such as this server's URL", a)
		}
		if !slices.Contains(out, a) {
			out = append(out, a)
		}
	}
	if len(out) == 0 {
		return nil, problem("audiences", "audience_unsafe", "audience: name at least one; without it any token of the job, made for whichever service, would be let in")
	}
	if len(out) > maxAudiences {
		return nil, problem("audiences", "", "audiences: at most %d, not %d", maxAudiences, len(out))
	}
	return out, nil
}

// sharedAudience reports whether a is the fixed audience of a service that
// many CI jobs talk to.
func sharedAudience(a string) bool {
	a = strings.ToLower(a)
	return slices.Contains([]string{
		"sts.amazonaws.com", "sts.amazonaws.com.cn", "api://azureadtokenexchange", "sigstore", "vault", "conjur",
		"pypi", "testpypi", "rubygems.org", "npm:registry.npmjs.org", "https://kubernetes.default.svc",
	}, a) || strings.HasPrefix(a, "//iam.googleapis.com/") || strings.HasPrefix(a, "https://iam.googleapis.com/")
}

// Sentence says in plain words who may sign in: "Any branch or tag of
// my-group/my-project on gitlab.com may sign in". It has no full stop. Of a
// configuration that Compile refuses it says that nobody may, and why.
func Sentence(t slipway.Trust) string {
	n, err := Normalize(t)
	if err != nil {
		return "Nobody may sign in: " + slipway.MessageOf(err)
	}
	p, err := platformOf(n.Platform)
	if err != nil {
		return "Nobody may sign in: " + slipway.MessageOf(err)
	}
	return p.sentence(n)
}

// Pattern returns the subject pattern of t for clients that know nothing else:
// the one that was written, or else the one that says the same as the fields.
// It is "" where no single pattern does (several refs, subgroups left out) and
// where t is refused, so that writing it back alone never widens t.
func Pattern(t slipway.Trust) string {
	n, err := Normalize(t)
	if err != nil {
		return ""
	}
	p, err := platformOf(n.Platform)
	if err != nil {
		return ""
	}
	return p.pattern(n)
}
