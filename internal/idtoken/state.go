package idtoken

import (
	"context"
	"slices"
	"strings"
	"time"

	"slipway"
)

// A State is what a Verifier knows of an issuer. The zero State is of one that
// no token was verified of since the server started.
type State struct {
	Fetched  time.Time // when the keys that are used were fetched; zero: there are none
	Tried    time.Time // when the last fetch began; zero: never
	Used     time.Time // when a token last needed the keys
	Failure  string    // why the last fetch failed; "" if it did not. For administrators: it names addresses
	Keys     []Key     // those that can be used, by id
	Unusable []Key     // those with an id that cannot, by id
}

// A Key is a key that an issuer publishes.
type Key struct {
	ID     string // kid; may be ""
	Family string // of signatures that it verifies: "RSA", "P-256" …
	Wrong  string // why it cannot be used; "" if it can
}

// State returns what is known of an issuer. It fetches nothing.
func (v *Verifier) State(issuer string) State {
	c := v.cache
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.issuers[issuer]
	if !ok {
		return State{}
	}
	s := State{Fetched: e.fetched, Tried: e.tried, Used: e.used}
	if e.failure != nil {
		s.Failure = e.failure.Error()
	}
	if e.set == nil {
		return s
	}
	for _, k := range e.set.usable {
		s.Keys = append(s.Keys, Key{ID: k.id, Family: string(k.family)})
	}
	for id, why := range e.set.broken {
		s.Unusable = append(s.Unusable, Key{ID: id, Wrong: why})
	}
	byID := func(a, b Key) int { return strings.Compare(a.ID, b.ID) }
	slices.SortFunc(s.Keys, byID)
	slices.SortFunc(s.Unusable, byID)
	return s
}

// Ask fetches the keys of an issuer now, unless that was tried a moment ago,
// and returns what is known then. It is for administrators who look why an
// issuer does not answer; callers make sure that an identity trusts it.
func (v *Verifier) Ask(ctx context.Context, issuer string) (State, error) {
	_, err := v.cache.refetch(ctx, issuer, func(e *entry, now time.Time) bool {
		return e.tried.IsZero() || now.Sub(e.tried) >= retryAfter
	})
	if err != nil && ctx.Err() != nil {
		return State{}, slipway.Errorf(slipway.Canceled, "gave up waiting for the issuer's keys").Because(ctx.Err())
	}
	return v.State(issuer), nil
}
