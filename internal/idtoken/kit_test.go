package idtoken_test

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"time"

	"slipway"
	"slipway/internal/idtoken"
	"slipway/internal/idtokentest"
	"slipway/internal/trust"
	"slipway/internal/trusttest"
)

const ours = trusttest.Audience

// A clock stands still until it is moved.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func newClock() *clock { return &clock{at: time.Date(2026, 1, 15, 12, 0, 0, 0, time.UTC)} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) move(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// A site is an issuer with a verifier that may reach it.
type site struct {
	*idtokentest.Issuer
	clock    *clock
	verifier *idtoken.Verifier
}

func newSite(t testing.TB) *site {
	t.Helper()
	c := newClock()
	i := idtokentest.New(t, c.now)
	return &site{Issuer: i, clock: c, verifier: verifier(t, i, c, nil)}
}

// verifier returns a verifier for i after change of its configuration.
func verifier(t testing.TB, i *idtokentest.Issuer, c *clock, change func(*idtoken.Config)) *idtoken.Verifier {
	t.Helper()
	cfg := config(i, c)
	if change != nil {
		change(&cfg)
	}
	return idtoken.New(slog.New(slog.NewTextHandler(t.Output(), nil)), cfg)
}

// config lets a verifier reach i.
func config(i *idtokentest.Issuer, c *clock) idtoken.Config {
	return idtoken.Config{PrivateIssuers: []string{i.URL()}, RootCAs: i.Roots(), Now: c.now}
}

// fresh returns the site with a verifier that knows no keys yet.
func (s *site) fresh(t testing.TB) *site {
	return &site{Issuer: s.Issuer, clock: s.clock, verifier: verifier(t, s.Issuer, s.clock, nil)}
}

// claims returns what a job's token says at the site's time.
func (s *site) claims() map[string]any { return s.Issuer.Claims(idtokentest.Job{Audience: ours}) }

// token returns a good token, signed now.
func (s *site) token(t testing.TB) string { return s.Token(t, idtokentest.Job{Audience: ours}) }

// trust returns the configuration that most tests decide by.
func (s *site) trust() slipway.Trust { return trusttest.Place{Issuer: s.URL()}.Trust() }

// judge does with raw what an exchange does: verify, then decide. It returns
// the check that failed, or none for let in.
func (s *site) judge(t testing.TB, config slipway.Trust, raw string) slipway.TrustCheck {
	t.Helper()
	m, err := trust.Compile(config)
	if err != nil {
		t.Fatal(err)
	}
	claims, checks, err := s.verifier.Verify(context.Background(), s.URL(), raw)
	if err == nil {
		d := m.Decide(claims, s.clock.now())
		check, failed := trusttest.FirstFailed(append(checks, d.Checks...))
		if d.Allowed == failed || check.Reason != d.Reason {
			t.Errorf("decided %+v, and the first failed check is %+v", d, check)
		}
		return check
	}
	r, ok := errors.AsType[*idtoken.Refusal](err)
	if !ok {
		t.Fatalf("Verify: %v is no Refusal", err)
	}
	if len(checks) != 1 || checks[0].OK || checks[0].Reason != r.Reason || checks[0].Name == "" || checks[0].Advice == "" {
		t.Errorf("checks of a refusal for %s: %+v", r.Reason, checks)
	}
	return checks[0]
}

// exchange judges raw by the usual configuration and returns the code of the
// refusal, "" for let in.
func (s *site) exchange(t testing.TB, raw string) string {
	t.Helper()
	return s.judge(t, s.trust(), raw).Reason
}

// want fails the test if raw is not decided as code says, "" for let in.
func (s *site) want(t testing.TB, raw, code string) {
	t.Helper()
	if got := s.exchange(t, raw); got != code {
		t.Errorf("reason %q, want %q", got, code)
	}
}

// wantBy fails the test if raw is not refused by that check with that code, or
// for "" let in.
func (s *site) wantBy(t testing.TB, config slipway.Trust, raw, check, code string) {
	t.Helper()
	if got := s.judge(t, config, raw); got.Name != check || got.Reason != code {
		t.Errorf("refused by %q with %q, want by %q with %q: %+v", got.Name, got.Reason, check, code, got)
	}
}
