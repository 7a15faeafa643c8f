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

// warm verifies one good token, so that the site's keys are known.
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

func TestK01Rotation(t *testing.T) {
	s := warm(t)
	s.Rotate(idtokentest.NewRSA(t, "k2"))
	s.want(t, s.token(t), "")
	s.wantFetches(t, 2)
	s.want(t, s.token(t), "")
	s.wantFetches(t, 2)
}

func TestK01RotationUnderLoad(t *testing.T) {
	s := warm(t)
	s.Rotate(idtokentest.NewRSA(t, "k2"))
	// The first to ask waits here until all others have come.
	const jobs = 8
	var arrived sync.WaitGroup
	arrived.Add(1)
	usual := s.Published()
	s.AnswerKeys(func(w http.ResponseWriter, r *http.Request) {
		arrived.Wait()
		idtokentest.Answer("application/json", marshal(t, map[string]any{"keys": usual}))(w, r)
	})
	raw := s.token(t)
	var wg sync.WaitGroup
	for n := range jobs {
		wg.Go(func() {
			if n == jobs-1 {
				arrived.Done()
			}
			s.want(t, raw, "")
		})
	}
	wg.Wait()
	s.wantFetches(t, 2)
}

func TestK02RandomKeyIDs(t *testing.T) {
	s := newSite(t)
	good := s.token(t)
	evil := s.Key()
	claims := s.claims()
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			k := evil
			for n := range 25 {
				k.ID = fmt.Sprintf("random-%d-%d", g, n)
				s.want(t, k.Sign(t, claims), "kid_unknown")
				s.clock.move(300 * time.Millisecond)
			}
			s.want(t, good, "")
		})
	}
	wg.Wait()
	if got := s.verifier.Counters().Fetches; got > 2 {
		t.Errorf("%d fetches for 200 random key ids within a minute, want at most 2", got)
	}
}

func TestUnknownKeyIDAsksAgainLater(t *testing.T) {
	s := warm(t)
	stray := idtokentest.NewEC(t, "stray").Sign(t, s.claims())
	s.want(t, stray, "kid_unknown")
	s.want(t, stray, "kid_unknown")
	s.wantFetches(t, 2)
	s.clock.move(time.Minute)
	s.want(t, stray, "kid_unknown")
	s.wantFetches(t, 3)
}

func TestK04BadSignatures(t *testing.T) {
	s := warm(t)
	forged := idtokentest.NewRSA(t, "k1").Sign(t, s.claims())
	for range 50 {
		s.want(t, forged, "signature_invalid")
	}
	s.wantFetches(t, 1)
}

func TestK05IssuerDown(t *testing.T) {
	for _, tc := range []struct {
		name  string
		after time.Duration
		want  string
		stale int64
	}{
		{"K05 keys within their freshness", 16 * time.Minute, "", 0},
		{"K05 keys past their freshness", 61 * time.Minute, "", 1},
		{"K05 keys of 23 hours", 23 * time.Hour, "", 1},
		{"K05 keys of 25 hours", 25 * time.Hour, "jwks_unavailable", 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := warm(t)
			s.AnswerDiscovery(idtokentest.Down)
			s.clock.move(tc.after)
			s.want(t, s.token(t), tc.want)
			if got := s.verifier.Counters().StaleUses; got != tc.stale {
				t.Errorf("%d stale uses, want %d", got, tc.stale)
			}
		})
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

func TestUnknownKeyIDWhileIssuerIsDown(t *testing.T) {
	s := warm(t)
	s.AnswerKeys(idtokentest.Down)
	stray := idtokentest.NewEC(t, "stray").Sign(t, s.claims())
	for range 20 {
		s.want(t, stray, "kid_unknown")
	}
	s.wantFetches(t, 2)
	s.want(t, s.token(t), "")
}

func TestK06WithdrawnKey(t *testing.T) {
	s := warm(t)
	old := s.Key()
	k2 := idtokentest.NewRSA(t, "k2")
	s.Rotate(k2)
	s.Publish(k2.JWK())
	s.clock.move(5 * time.Minute)
	s.verifier.Refresh(context.Background())
	s.want(t, old.Sign(t, s.claims()), "kid_unknown")
	s.want(t, s.token(t), "")
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

func TestK14Freshness(t *testing.T) {
	for _, tc := range []struct {
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
		t.Run("K14 "+tc.header, func(t *testing.T) {
			s := newSite(t)
			s.CacheControl(tc.header)
			s.want(t, s.token(t), "")
			s.clock.move(tc.fresh - time.Second)
			s.want(t, s.token(t), "")
			s.wantFetches(t, 1)
			s.clock.move(time.Second)
			s.want(t, s.token(t), "")
			s.wantFetches(t, 2)
		})
	}
}

func TestWhatIsFetchedIsBounded(t *testing.T) {
	big := `{"keys":[` + strings.Repeat(`{"kty":"XYZ"},`, 400000) + `{"kty":"XYZ"}]}`
	many := `{"keys":[` + strings.Repeat(`{"kty":"XYZ"},`, 100) + `{"kty":"XYZ"}]}`
	json := func(body string) http.HandlerFunc { return idtokentest.Answer("application/json", []byte(body)) }
	issuer := newSite(t)
	for _, tc := range []struct {
		name   string
		answer http.HandlerFunc // of the second fetch
	}{
		{"K11 5 MiB", json(big)},
		{"K11 101 keys", json(many)},
		{"K11 packed", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			json("\x1f\x8b\x08\x00")(w, r)
		}},
		{"K11 a byte at a time", trickle},
		{"K11 nothing at all", idtokentest.Stall},
		{"K11 wrong content type", idtokentest.Answer("text/plain", []byte(`{"keys":[]}`))},
		{"K11 a page", idtokentest.Answer("text/html", []byte("<html></html>"))},
		{"K11 a page that says it is JSON", json("<html></html>")},
		{"K12 no keys", json(`{"keys":[]}`)},
		{"K12 no usable keys", json(`{"keys":[{"kty":"XYZ","kid":"k1"}]}`)},
		{"keys in capitals", json(`{"Keys":[]}`)},
		{"keys an object", json(`{"keys":{}}`)},
		{"trailing garbage", json(`{"keys":[]}x`)},
		{"redirect", idtokentest.Redirect("/")},
		{"a fault", idtokentest.Down},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := issuer.fresh(t)
			s.verifier = verifier(t, s.Issuer, s.clock, func(c *idtoken.Config) { c.Timeout = 2 * time.Second })
			s.AnswerKeys(nil)
			s.want(t, s.token(t), "")
			s.AnswerKeys(tc.answer)
			s.clock.move(2 * time.Hour)
			s.want(t, s.token(t), "") // by the old set
			if got := s.verifier.Counters(); got.Failures != 1 || got.StaleUses != 1 {
				t.Errorf("counted %+v, want 1 failure and 1 stale use", got)
			}
		})
	}
}

// trickle sends a byte at a time and never ends.
func trickle(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-r.Context().Done():
			return
		case <-tick.C:
			_, _ = w.Write([]byte(" "))
			_ = http.NewResponseController(w).Flush()
		}
	}
}

func TestDiscovery(t *testing.T) {
	s := newSite(t)
	other := idtokentest.New(t, nil)
	const keys = "/oauth/discovery/keys"
	discovery := func(doc string) func() {
		return func() {
			s.AnswerDiscovery(idtokentest.Answer("application/json", []byte(strings.ReplaceAll(doc, "URL", s.URL()))))
		}
	}
	for _, tc := range []struct {
		name  string
		spoil func()
		words string // of the explanation
	}{
		{"I04 discovery of another issuer", func() { s.Claim("https://gitlab.com", "") }, "belongs to issuer"},
		{"I04 discovery with a slash more", func() { s.Claim(s.URL()+"/", "") }, "belongs to issuer"},
		{"redirect", func() { s.AnswerDiscovery(idtokentest.Redirect(other.URL() + "/.well-known/openid-configuration")) }, "status 302"},
		{"N04 keys over http", func() { s.Claim("", strings.Replace(s.URL(), "https", "http", 1)) }, "no https URL"},
		{"N04 keys in a file", func() { s.Claim("", "file:///etc/passwd") }, "no https URL"},
		{"N04 keys on port 22", func() { s.Claim("", "https://127.0.0.1:22/keys") }, "port 22 is neither"},
		{"N04 keys on port 6379", func() { s.Claim("", "https://127.0.0.1:6379/keys") }, "port 6379 is neither"},
		{"N04 keys on a live server's other port", func() { s.Claim("", other.URL()+keys) }, "is neither 443 nor"},
		{"N04 keys with a user", func() { s.Claim("", strings.Replace(s.URL(), "https://", "https://u@", 1)+keys) }, "user name"},
		{"N04 keys on another private host", func() { s.Claim("", strings.Replace(s.URL(), "127.0.0.1", "localhost", 1)+keys) }, "not on the public internet"},
		{"N04 keys at an address in disguise", func() { s.Claim("", strings.Replace(s.URL(), "127.0.0.1", "2130706433", 1)+keys) }, "in disguise"},
		{"no keys named", discovery(`{"issuer":"URL"}`), "no https URL"},
		{"issuer twice", discovery(`{"issuer":"x","issuer":"URL","jwks_uri":"URL/oauth/discovery/keys"}`), "twice"},
		{"Issuer in capitals", discovery(`{"Issuer":"URL","jwks_uri":"URL/oauth/discovery/keys"}`), "belongs to issuer"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := s.fresh(t)
			s.AnswerDiscovery(nil)
			s.Claim("", "")
			tc.spoil()
			_, checks, err := s.verifier.Verify(t.Context(), s.URL(), s.token(t))
			if slipway.KindOf(err) != slipway.Unavailable || !strings.Contains(checks[0].Got, tc.words) {
				t.Errorf("Verify = %v with %+v, want words %q", err, checks, tc.words)
			}
			if got := s.Requests().Keys; got != 0 {
				t.Errorf("%d requests for keys", got)
			}
		})
	}
	if got := other.Requests(); got != (idtokentest.Requests{}) {
		t.Errorf("requests went to another server: %+v", got)
	}
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
