package idtoken_test

import (
	"bytes"
	"log/slog"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"slipway"
	"slipway/internal/idtoken"
	"slipway/internal/idtokentest"
	"slipway/internal/trusttest"
)

// TestCases verifies and decides on the token of every case. Those that may
// cause no request come first, while the verifier knows no keys.
func TestCases(t *testing.T) {
	s := newSite(t)
	other := idtokentest.New(t, s.clock.now)
	place := trusttest.Place{Issuer: s.URL(), Other: other.URL(), Now: s.clock.now(), Keys: trusttest.Publish(t, s.Issuer)}
	cases := trusttest.Cases(place)
	play := func(quiet bool) {
		for _, c := range cases {
			if c.Quiet == quiet {
				t.Run(c.String(), func(t *testing.T) { s.wantBy(t, c.Trust, c.Token(t, place), c.Check, c.Reason) })
			}
		}
	}
	play(true)
	if got := s.Requests(); got != (idtokentest.Requests{}) {
		t.Errorf("tokens that are not worth it led to requests: %+v", got)
	}
	play(false)
	if got := other.Requests(); got != (idtokentest.Requests{}) {
		t.Errorf("what tokens say of themselves led to requests: %+v", got)
	}
}

func TestKeySets(t *testing.T) {
	s := newSite(t)
	for _, k := range trusttest.KeySets(t, s.Key()) {
		t.Run(k.String(), func(t *testing.T) {
			s, log := s.fresh(t), new(bytes.Buffer)
			s.verifier = idtoken.New(slog.New(slog.NewTextHandler(log, nil)), config(s.Issuer, s.clock))
			s.Publish(k.Keys...)
			s.wantBy(t, s.trust(), k.Sign.Sign(t, s.claims()), k.Check, k.Reason)
			if got := s.verifier.Counters().JunkKeys; got != k.Junk {
				t.Errorf("%d junk keys counted, want %d", got, k.Junk)
			}
			if got := strings.Contains(log.String(), "issuer publishes secret keys"); got != k.Secret {
				t.Errorf("warned of secret keys: %v, want %v", got, k.Secret)
			}
		})
	}
}

func TestRelapses(t *testing.T) {
	issuer := newSite(t)
	for _, a := range trusttest.Relapses() {
		t.Run(a.String(), func(t *testing.T) {
			s := issuer.fresh(t)
			s.verifier = verifier(t, s.Issuer, s.clock, func(c *idtoken.Config) { c.Timeout = 2 * time.Second })
			s.AnswerKeys(nil)
			s.want(t, s.token(t), "")
			a.Do(s.Issuer, nil)
			s.clock.move(2 * time.Hour)
			s.want(t, s.token(t), "") // by the old set
			if got := s.verifier.Counters(); got.Failures != 1 || got.StaleUses != 1 {
				t.Errorf("counted %+v, want 1 failure and 1 stale use", got)
			}
			if got := s.verifier.State(s.URL()).Failure; !strings.Contains(got, a.Words) {
				t.Errorf("failure %q, want words %q", got, a.Words)
			}
		})
	}
}

func TestMisleads(t *testing.T) {
	issuer := newSite(t)
	other := idtokentest.New(t, nil)
	for _, a := range trusttest.Misleads() {
		t.Run(a.String(), func(t *testing.T) {
			s := issuer.fresh(t)
			s.AnswerDiscovery(nil)
			s.Claim("", "")
			a.Do(s.Issuer, other)
			_, checks, err := s.verifier.Verify(t.Context(), s.URL(), s.token(t))
			if slipway.KindOf(err) != slipway.Unavailable || !strings.Contains(checks[0].Got, a.Words) {
				t.Errorf("Verify = %v with %+v, want words %q", err, checks, a.Words)
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

func TestPlays(t *testing.T) {
	first := idtokentest.New(t, nil)
	for _, p := range trusttest.Plays() {
		t.Run(p.String(), func(t *testing.T) {
			c := newClock()
			i := first.Twin(t, c.now)
			p.Run(t, actor{&site{Issuer: i, clock: c, verifier: verifier(t, i, c, nil)}})
		})
	}
}

func TestAddresses(t *testing.T) {
	for _, address := range slices.Sorted(maps.Keys(trusttest.Addresses)) {
		t.Run("N02 "+address, func(t *testing.T) {
			err := idtoken.CheckAddress(netip.MustParseAddr(address))
			if want := trusttest.Addresses[address]; (err == nil) != want {
				t.Errorf("CheckAddress = %v, want allowed %v", err, want)
			}
		})
	}
	for _, host := range slices.Sorted(maps.Keys(trusttest.Numbers)) {
		t.Run("N02 "+host, func(t *testing.T) {
			if got, want := idtoken.Numeric(host), trusttest.Numbers[host]; got != want {
				t.Errorf("Numeric = %v, want %v", got, want)
			}
		})
	}
}

// An actor plays a site's part as a trusttest.Stage.
type actor struct{ *site }

func (a actor) Issuer() *idtokentest.Issuer { return a.site.Issuer }
func (a actor) Token(t testing.TB) string   { return a.token(t) }
func (a actor) Claims() map[string]any      { return a.claims() }
func (a actor) Move(d time.Duration)        { a.clock.move(d) }
func (a actor) Refresh(t testing.TB)        { a.verifier.Refresh(t.Context()) }
func (a actor) StaleUses() int64            { return a.verifier.Counters().StaleUses }

func (a actor) Want(t testing.TB, raw, check, reason string) {
	t.Helper()
	a.wantBy(t, a.trust(), raw, check, reason)
}
