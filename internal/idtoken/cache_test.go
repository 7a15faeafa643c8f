package idtoken_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"slipway"
	"slipway/internal/idtoken"
	"slipway/internal/idtokentest"
)

// warm returns a site whose keys are known: one good token was verified.
func warm(t *testing.T) *site {
	t.Helper()
	s := newSite(t)
	s.want(t, s.token(t), "")
	return s
}

func (s *site) wantFetches(t *testing.T, n int64) {
	t.Helper()
	if got := s.verifier.Counters().Fetches; got != n {
		t.Errorf("%d fetches, want %d", got, n)
	}
	if got := int64(s.Requests().Discovery); got != n {
		t.Errorf("the issuer counts %d fetches, want %d", got, n)
	}
}

func TestFailuresAreNotRepeatedAtOnce(t *testing.T) {
	s := newSite(t)
	s.AnswerDiscovery(idtokentest.Down)
	raw := s.token(t)
	for range 50 {
		s.want(t, raw, "jwks_unavailable")
	}
	s.wantFetches(t, 1)
	s.AnswerDiscovery(nil)
	s.clock.move(15 * time.Second)
	s.want(t, raw, "")
}

func TestBackgroundRefresh(t *testing.T) {
	s := warm(t)
	refresh := func() { s.verifier.Refresh(context.Background()) }
	refresh()
	s.wantFetches(t, 1) // too early
	s.clock.move(5 * time.Minute)
	refresh()
	refresh()
	s.wantFetches(t, 2)
	s.AnswerKeys(idtokentest.Down)
	s.clock.move(5 * time.Minute)
	refresh()
	s.clock.move(time.Minute)
	refresh() // a failure is tried again sooner
	s.wantFetches(t, 4)
	s.clock.move(24 * time.Hour)
	refresh() // nobody came for a day
	s.wantFetches(t, 4)
}

// TestK17PrivateCA is the case without the CA; every other test has it.
func TestK17PrivateCA(t *testing.T) {
	s := newSite(t)
	s.verifier = verifier(t, s.Issuer, s.clock, func(c *idtoken.Config) { c.RootCAs = nil })
	_, checks, err := s.verifier.Verify(context.Background(), s.URL(), s.token(t))
	r, ok := errors.AsType[*idtoken.Refusal](err)
	if !ok || r.Reason != "jwks_unavailable" || !strings.Contains(checks[0].Got, "unknown authority") {
		t.Fatalf("Verify = %+v, %v", checks, err)
	}
}

// TestN07UpstreamAnswersStayInside: what went wrong is for whoever configured
// the identity, a stranger hears nothing of it.
func TestN07UpstreamAnswersStayInside(t *testing.T) {
	s := newSite(t)
	s.AnswerDiscovery(idtokentest.Down)
	_, _, err := s.verifier.Verify(context.Background(), s.URL(), s.token(t))
	if slipway.KindOf(err) != slipway.Unavailable {
		t.Errorf("kind %v, want Unavailable", slipway.KindOf(err))
	}
	for _, word := range []string{"503", "upstream", s.URL()} {
		if strings.Contains(slipway.MessageOf(err), word) {
			t.Errorf("message %q holds %q", slipway.MessageOf(err), word)
		}
	}
}

func TestGivingUpWaiting(t *testing.T) {
	s := newSite(t)
	asked := make(chan struct{})
	s.AnswerDiscovery(func(w http.ResponseWriter, r *http.Request) {
		close(asked)
		idtokentest.Stall(w, r)
	})
	raw := s.token(t)
	var wg sync.WaitGroup
	s.verifier = verifier(t, s.Issuer, s.clock, func(c *idtoken.Config) { c.Timeout = 2 * time.Second })
	wg.Go(func() { s.want(t, raw, "jwks_unavailable") })
	<-asked
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, _, err := s.verifier.Verify(ctx, s.URL(), raw); slipway.KindOf(err) != slipway.Canceled {
		t.Errorf("Verify = %v, want Canceled", err)
	}
	wg.Wait()
}

func TestManyIssuers(t *testing.T) {
	s := warm(t)
	for n := range 1100 {
		s.clock.move(time.Millisecond)
		iss := fmt.Sprintf("https://127.0.0.%d:1%03d", n%250+1, n/250+1)
		raw := idtokentest.Unsigned(t, "RS256", map[string]any{"iss": iss})
		if _, _, err := s.verifier.Verify(context.Background(), iss, raw); err == nil {
			t.Fatal("verified a token of nobody")
		}
	}
	before := s.verifier.Counters().Fetches
	s.want(t, s.token(t), "")
	if got := s.verifier.Counters().Fetches - before; got != 1 {
		t.Errorf("%d fetches for an issuer that 1100 others came after, want 1: the cache grows without bound", got)
	}
}
