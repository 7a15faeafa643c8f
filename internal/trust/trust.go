// Package trust decides which ID tokens may become which workload identity.
//
// It is pure: it gets verified claims, a configuration and the time, and
// answers with a Decision that names every condition it held against the
// token. It fetches nothing, remembers nothing and never sees a signature;
// package idtoken verifies tokens before their claims come here.
//
// The invariant to keep: an absent field of the configuration never means
// "any", and an absent claim never satisfies a condition. Compile refuses a
// configuration that would let in everyone on an issuer, so a Matcher exists
// only for one that names whom it trusts. Decisions rest on the claims that
// the platform itself sets; sub, which a project's maintainers may reshape, has
// to agree with them and is never the only evidence.
//
// Each CI platform has a file that holds all its knowledge: a new platform is
// a file and a line in platformOf.
package trust

import (
	"time"

	"slipway"
)

// A Matcher is a checked trust configuration, ready to decide. It is immutable
// and may be used by many goroutines. The zero Matcher lets nobody in.
type Matcher struct {
	trust      slipway.Trust
	platform   platform
	conditions []condition
}

// A Decision says whether a token may become the identity, and why.
type Decision struct {
	Allowed bool
	Reason  string               // code of the first failed check, "ref_mismatch"; "" when allowed
	Checks  []slipway.TrustCheck // every condition held against the token, in order
	Job     slipway.Job          // what the claims tell about the job, whether it is let in or not
}

// A condition is one thing that must hold of the claims.
type condition struct {
	check func(c Claims) slipway.TrustCheck
	// gate marks a condition without which the later ones make no sense: the
	// decision ends when it fails.
	gate bool
}

// Compile checks t and makes it ready to decide. What it refuses is an Invalid
// that says which field is wrong and what to write instead; errors.AsType finds
// a *Problem with the field's name in it.
func Compile(t slipway.Trust) (*Matcher, error) {
	t, err := Normalize(t)
	if err != nil {
		return nil, err
	}
	p, err := platformOf(t.Platform)
	if err != nil {
		return nil, err
	}
	own, err := p.conditions(t)
	if err != nil {
		return nil, err
	}
	return &Matcher{trust: t, platform: p, conditions: append(common(t, p), own...)}, nil
}

// Trust returns the configuration that m was compiled from, normalised.
func (m *Matcher) Trust() slipway.Trust { return m.trust }

// Decide holds c against every condition at time now. All must hold.
func (m *Matcher) Decide(c Claims, now time.Time) Decision {
	if m.platform == nil {
		return Decision{Reason: "not_configured"}
	}
	d := Decision{Job: m.platform.job(c)}
	refuse := func(check slipway.TrustCheck) {
		d.Checks = append(d.Checks, check)
		if !check.OK && d.Reason == "" {
			d.Reason = check.Reason
		}
	}
	for _, check := range timeChecks(m.trust, c, now) {
		refuse(check)
	}
	for _, cond := range m.conditions {
		check := cond.check(c)
		refuse(check)
		if cond.gate && !check.OK {
			break
		}
	}
	d.Allowed = d.Reason == ""
	return d
}
