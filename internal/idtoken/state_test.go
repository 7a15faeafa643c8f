package idtoken_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"slipway/internal/idtoken"
	"slipway/internal/idtokentest"
)

func TestState(t *testing.T) {
	s := newSite(t)
	if diff := cmp.Diff(idtoken.State{}, s.verifier.State(s.URL())); diff != "" {
		t.Errorf("before the first token (-want +got):\n%s", diff)
	}
	small := idtokentest.NewRSABits(t, "small", 1024).JWK()
	s.Publish(append(s.Published(), idtokentest.NewEC(t, "ec").JWK(), small)...)
	s.want(t, s.token(t), "")
	start := s.clock.now()
	got := s.verifier.State(s.URL())
	if len(got.Keys) != 3 || got.Keys[0].ID != "ec" || got.Keys[0].Family != "P-256" || got.Keys[1].Family != "RSA" {
		t.Errorf("keys %+v", got.Keys)
	}
	if len(got.Unusable) != 1 || got.Unusable[0].ID != "small" || !strings.Contains(got.Unusable[0].Wrong, "1024") {
		t.Errorf("unusable keys %+v", got.Unusable)
	}
	if !got.Fetched.Equal(start) || !got.Tried.Equal(start) || !got.Used.Equal(start) || got.Failure != "" {
		t.Errorf("state %+v", got)
	}

	// Asked for, it fetches, but not twice in a row; what fails is told, and the
	// keys stay.
	s.AnswerDiscovery(idtokentest.Down)
	ask := func() idtoken.State {
		t.Helper()
		got, err := s.verifier.Ask(t.Context(), s.URL())
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	if got = ask(); got.Failure != "" {
		t.Errorf("asked a moment after a fetch, it fetched: %+v", got)
	}
	s.wantFetches(t, 1)
	s.clock.move(time.Minute)
	got = ask()
	if !strings.Contains(got.Failure, s.URL()) || !got.Fetched.Equal(start) || !got.Tried.Equal(start.Add(time.Minute)) || len(got.Keys) != 3 {
		t.Errorf("after a failure: %+v", got)
	}
	if got.Used != start {
		t.Errorf("an administrator's look counts as use, at %s", got.Used)
	}
}

func TestAskUnknownIssuer(t *testing.T) {
	s := newSite(t)
	got, err := s.verifier.Ask(t.Context(), s.URL())
	if err != nil || len(got.Keys) != 2 || !got.Used.IsZero() {
		t.Errorf("the first look: %+v, %v", got, err)
	}
	// One that nobody uses is not kept fresh.
	s.clock.move(time.Hour)
	s.verifier.Refresh(t.Context())
	s.wantFetches(t, 1)
}
