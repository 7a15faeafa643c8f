package trust

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"slipway"
)

const (
	// Leeway is how far the clocks of an issuer and of the server may differ.
	Leeway = 30 * time.Second
	// defaultLifetime bounds exp − iat unless the configuration says otherwise.
	defaultLifetime = 24 * time.Hour
	// longestLifetime is the longest job timeout that GitLab takes, a month.
	longestLifetime = 31 * 24 * time.Hour
)

// timeChecks holds the dates of c against now. A date that is exactly the
// leeway ahead is accepted, an end that is exactly the leeway ago is not.
func timeChecks(t slipway.Trust, c Claims, now time.Time) []slipway.TrustCheck {
	at := now.UTC().Format(time.RFC3339)
	expires := slipway.TrustCheck{Name: "expires", Want: "after " + at, Got: c.Expires.Format(time.RFC3339)}
	expires = settle(expires, now.Before(c.Expires.Add(Leeway)), "expired",
		"The token is past its end. Let the job ask for a new one, or exchange it earlier in the job.")

	issued := slipway.TrustCheck{Name: "issued_at", Want: "not after " + at, Got: c.IssuedAt.Format(time.RFC3339)}
	if c.IssuedAt.After(c.Expires) {
		issued.Want = "not after its end"
		issued = settle(issued, false, "claims_malformed", "The token ends before it was issued: no CI platform makes such a token.")
	} else {
		issued = settle(issued, !c.IssuedAt.After(now.Add(Leeway)), "issued_in_future",
			"The token was issued later than now: compare the clocks of this server and of the CI platform.")
	}

	early := slipway.TrustCheck{Name: "not_before", Want: "not after " + at, Got: c.NotBefore.Format(time.RFC3339)}
	early = settle(early, !c.NotBefore.After(now.Add(Leeway)), "not_yet_valid",
		"The token is for later than now: compare the clocks of this server and of the CI platform.")

	most := defaultLifetime
	if t.MaxLifetime > 0 {
		most = t.MaxLifetime
	}
	span := slipway.TrustCheck{Name: "lifetime", Want: "at most " + most.String(), Got: c.Expires.Sub(c.IssuedAt).String()}
	span = settle(span, c.Expires.Sub(c.IssuedAt) <= most, "lifetime_too_long",
		"The token lives as long as the job's timeout. Shorten that, or let this identity accept longer ones.")
	return []slipway.TrustCheck{expires, issued, early, span}
}

// common returns the conditions that are the same on every platform.
func common(t slipway.Trust, p platform) []condition {
	return []condition{
		{check: func(c Claims) slipway.TrustCheck {
			check := slipway.TrustCheck{Name: "issuer", Want: t.Issuer, Got: cut(c.Issuer)}
			return settle(check, c.Issuer == t.Issuer, "issuer_mismatch",
				"The token comes from another issuer. The two are compared character by character.")
		}},
		{check: func(c Claims) slipway.TrustCheck {
			check := slipway.TrustCheck{Name: "algorithm", Want: strings.Join(p.algorithms(), " or "), Got: cut(c.Algorithm)}
			return settle(check, slices.Contains(p.algorithms(), c.Algorithm), "alg_not_allowed",
				"The platform never signs tokens in this way.")
		}},
		{check: func(c Claims) slipway.TrustCheck { return audienceCheck(t.Audiences, c.Audience) }},
	}
}

// audienceCheck wants exactly one audience, one of ours: a token for several
// can be replayed by each of them to all others.
func audienceCheck(want, got []string) slipway.TrustCheck {
	check := slipway.TrustCheck{Name: "audience", Want: strings.Join(want, " or "), Got: cut(strings.Join(got, ", "))}
	switch {
	case len(got) == 0 || len(got) == 1 && got[0] == "":
		return settle(check, false, "audience_missing", "The token names no audience: give the job's id_tokens entry an aud.")
	case len(got) > 1:
		return settle(check, false, "audience_multiple", "The token is for several audiences: give the job an id_tokens entry of its own with one aud.")
	}
	return settle(check, slices.Contains(want, got[0]), "audience_mismatch",
		"The job's id_tokens entry asks for another aud than this identity expects: make the two the same, character by character.")
}

// settle completes check: with its reason and advice when it failed.
func settle(check slipway.TrustCheck, ok bool, reason, advice string) slipway.TrustCheck {
	check.OK = ok
	if !ok {
		check.Reason, check.Advice = reason, advice
	}
	return check
}

// cut shortens s to what a TrustCheck may hold, at a character's border.
func cut(s string) string {
	const most = 256
	if len(s) <= most {
		return s
	}
	end := most - len("…")
	for end > 0 && !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end] + "…"
}

// A Problem names the field of a configuration that was refused, for forms and
// for machines. The words for people are in the slipway.Error around it.
type Problem struct {
	Field  string // "gitlab.group"
	Reason string // "audience_unsafe"; "" where no code exists
}

// Error returns the field and the code.
func (p *Problem) Error() string {
	if p.Reason == "" {
		return p.Field
	}
	return p.Field + " " + p.Reason
}

// problem refuses a field in words for the person who typed it.
func problem(field, reason, format string, args ...any) error {
	return slipway.Errorf(slipway.Invalid, "%s", fmt.Sprintf(format, args...)).Because(&Problem{Field: field, Reason: reason})
}
