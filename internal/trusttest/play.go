package trusttest

import (
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"slipway/internal/idtokentest"
)

// A Stage is an issuer, an identity that trusts it, and whoever judges its
// tokens, at a time that can be turned. It may be used by many goroutines.
type Stage interface {
	Issuer() *idtokentest.Issuer
	Token(t testing.TB) string                           // a good one, signed now
	Claims() map[string]any                              // what it says, to be changed and signed
	Want(t testing.TB, raw string, check, reason string) // fails t if raw is judged otherwise; "" is let in
	Move(d time.Duration)                                // turns the clock, where it can be turned
	Refresh(t testing.TB)                                // does what is due in the background by now
	StaleUses() int64                                    // tokens judged by keys that should have been fetched anew
}

// A Play is a case of several steps.
type Play struct {
	ID, Name string
	Turns    bool // it makes no sense where the clock cannot be turned
	Run      func(t *testing.T, s Stage)
}

// String returns the name of the case's test.
func (p Play) String() string { return p.ID + " " + p.Name }

// warm has a good token judged, so that the issuer's keys are known.
func warm(t testing.TB, s Stage) { t.Helper(); s.Want(t, s.Token(t), "", "") }

func wantFetches(t testing.TB, s Stage, n int) {
	t.Helper()
	if got := s.Issuer().Requests().Discovery; got != n {
		t.Errorf("the issuer counts %d fetches, want %d", got, n)
	}
}

// Plays returns the cases of several steps.
func Plays() []Play {
	plays := []Play{
		{"K01", "rotation", false, rotation},
		{"K01", "rotation under load", false, rotationUnderLoad},
		{"K02", "random key ids", false, randomKeyIDs},
		{"K02", "a key id is asked for again later", true, asksAgainLater},
		{"K02", "an unknown key id while the issuer is down", false, unknownWhileDown},
		{"K04", "bad signatures", false, badSignatures},
		{"K06", "a withdrawn key", true, withdrawnKey},
	}
	for _, d := range []struct {
		name   string
		after  time.Duration
		reason string
		stale  int64
	}{
		{"keys within their freshness", 16 * time.Minute, "", 0},
		{"keys past their freshness", 61 * time.Minute, "", 1},
		{"keys of 23 hours", 23 * time.Hour, "", 1},
		{"keys of 25 hours", 25 * time.Hour, "jwks_unavailable", 0},
	} {
		plays = append(plays, Play{"K05", d.name, true, func(t *testing.T, s Stage) {
			warm(t, s)
			s.Issuer().AnswerDiscovery(idtokentest.Down)
			s.Move(d.after)
			s.Want(t, s.Token(t), usual[d.reason], d.reason)
			if got := s.StaleUses(); got != d.stale {
				t.Errorf("%d stale uses, want %d", got, d.stale)
			}
		}})
	}
	for _, f := range []struct {
		header string
		fresh  time.Duration
	}{
		{"max-age=86400, public", time.Hour},
		{"max-age=1800", 30 * time.Minute},
		{"Max-Age=1800", 30 * time.Minute},
		{"no-store", 5 * time.Minute},
		{"no-store, max-age=1800", 5 * time.Minute},
		{"max-age=0", 5 * time.Minute},
		{"max-age=-60", 5 * time.Minute},
		{"max-age=9223372036854775807", 5 * time.Minute},
		{"max-age=soon", 5 * time.Minute},
		{"", 5 * time.Minute},
	} {
		plays = append(plays, Play{"K14", f.header, true, func(t *testing.T, s Stage) {
			s.Issuer().CacheControl(f.header)
			warm(t, s)
			s.Move(f.fresh - time.Second)
			s.Want(t, s.Token(t), "", "")
			wantFetches(t, s, 1)
			s.Move(time.Second)
			s.Want(t, s.Token(t), "", "")
			wantFetches(t, s, 2)
		}})
	}
	return plays
}

func rotation(t *testing.T, s Stage) {
	warm(t, s)
	s.Issuer().Rotate(idtokentest.NewRSA(t, "k2"))
	s.Want(t, s.Token(t), "", "")
	wantFetches(t, s, 2)
	s.Want(t, s.Token(t), "", "")
	wantFetches(t, s, 2)
}

func rotationUnderLoad(t *testing.T, s Stage) {
	warm(t, s)
	s.Issuer().Rotate(idtokentest.NewRSA(t, "k2"))
	// The first to ask waits here until all others have come.
	const jobs = 8
	var arrived sync.WaitGroup
	arrived.Add(1)
	usual := s.Issuer().Published()
	s.Issuer().AnswerKeys(func(w http.ResponseWriter, r *http.Request) {
		arrived.Wait()
		idtokentest.Answer("application/json", marshal(t, map[string]any{"keys": usual}))(w, r)
	})
	raw := s.Token(t)
	var wg sync.WaitGroup
	for n := range jobs {
		wg.Go(func() {
			if n == jobs-1 {
				arrived.Done()
			}
			s.Want(t, raw, "", "")
		})
	}
	wg.Wait()
	wantFetches(t, s, 2)
}

func randomKeyIDs(t *testing.T, s Stage) {
	good := s.Token(t)
	evil, claims := s.Issuer().Key(), s.Claims()
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			k := evil
			for n := range 25 {
				k.ID = fmt.Sprintf("random-%d-%d", g, n)
				s.Want(t, k.Sign(t, claims), "key", "kid_unknown")
				s.Move(300 * time.Millisecond)
			}
			s.Want(t, good, "", "")
		})
	}
	wg.Wait()
	if got := s.Issuer().Requests().Discovery; got > 2 {
		t.Errorf("%d fetches for 200 random key ids within a minute, want at most 2", got)
	}
}

func asksAgainLater(t *testing.T, s Stage) {
	warm(t, s)
	stray := idtokentest.NewEC(t, "stray").Sign(t, s.Claims())
	s.Want(t, stray, "key", "kid_unknown")
	s.Want(t, stray, "key", "kid_unknown")
	wantFetches(t, s, 2)
	s.Move(time.Minute)
	s.Want(t, stray, "key", "kid_unknown")
	wantFetches(t, s, 3)
}

func unknownWhileDown(t *testing.T, s Stage) {
	warm(t, s)
	s.Issuer().AnswerKeys(idtokentest.Down)
	stray := idtokentest.NewEC(t, "stray").Sign(t, s.Claims())
	for range 20 {
		s.Want(t, stray, "key", "kid_unknown")
	}
	wantFetches(t, s, 2)
	s.Want(t, s.Token(t), "", "")
}

func badSignatures(t *testing.T, s Stage) {
	warm(t, s)
	forged := idtokentest.NewRSA(t, s.Issuer().Key().ID).Sign(t, s.Claims())
	for range 50 {
		s.Want(t, forged, "signature", "signature_invalid")
	}
	wantFetches(t, s, 1)
}

func withdrawnKey(t *testing.T, s Stage) {
	warm(t, s)
	old := s.Issuer().Key()
	k2 := idtokentest.NewRSA(t, "k2")
	s.Issuer().Rotate(k2)
	s.Issuer().Publish(k2.JWK())
	s.Move(5 * time.Minute)
	s.Refresh(t)
	s.Want(t, old.Sign(t, s.Claims()), "key", "kid_unknown")
	s.Want(t, s.Token(t), "", "")
}
