package e2e_test

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"slipway/internal/idtokentest"
	"slipway/internal/servertest"
	"slipway/internal/trusttest"
)

// ofIssuer makes an identity that trusts an issuer.
func (d *door) ofIssuer(t testing.TB, url string) string {
	t.Helper()
	return d.identity(t, trusttest.Place{Issuer: url}.Trust())
}

var job = idtokentest.Job{Audience: trusttest.Audience}

// keySets has an issuer publish each set before its first token comes.
func (d *door) keySets(t *testing.T, sets []trusttest.KeySet, twin func() *idtokentest.Issuer, log *servertest.Buffer) {
	junk, before := int64(0), d.metric(t, "slipway_issuer_unusable_keys_total")
	for _, k := range sets {
		i := twin()
		junk += k.Junk
		t.Run(k.String(), func(t *testing.T) {
			i.Publish(k.Keys...)
			email := d.ofIssuer(t, i.URL())
			d.want(t, d.exchange(t, k.Sign.Sign(t, i.Claims(job)), email), email, k.Check, k.Reason)
			if got := warned(log, "issuer publishes secret keys", i.URL()) != ""; got != k.Secret {
				t.Errorf("the log warns of secret keys: %v, want %v", got, k.Secret)
			}
		})
	}
	if got := d.metric(t, "slipway_issuer_unusable_keys_total") - before; got != junk {
		t.Errorf("%d unusable keys are counted, want %d", got, junk)
	}
}

// warned returns the line of the log that has both words, or "".
func warned(log *servertest.Buffer, words, more string) string {
	for line := range strings.Lines(log.String()) {
		if strings.Contains(line, words) && strings.Contains(line, more) {
			return line
		}
	}
	return ""
}

func (d *door) metric(t testing.TB, name string) int64 {
	t.Helper()
	for line := range strings.Lines(d.ask(t, "", "GET", "/metrics", nil).text) {
		if value, ok := strings.CutPrefix(line, name+" "); ok {
			f, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
			if err != nil {
				t.Fatal(err)
			}
			return int64(f)
		}
	}
	t.Fatalf("no metric %s", name)
	return 0
}

// relapse has the keys of an issuer fetched, then makes it misbehave and has
// them fetched again, which an unknown kid brings about: the old ones serve on.
func (d *door) relapse(t *testing.T, a trusttest.Answer, i *idtokentest.Issuer, log *servertest.Buffer) {
	email := d.ofIssuer(t, i.URL())
	d.want(t, d.exchange(t, i.Token(t, job), email), email, "", "")
	a.Do(i, d.other)
	began := time.Now()
	stray := idtokentest.NewEC(t, "stray").Sign(t, i.Claims(job))
	d.want(t, d.exchange(t, stray, email), email, "key", "kid_unknown")
	if took := time.Since(began); a.Slow && took < 4*time.Second {
		t.Errorf("the server gave up after %s", took)
	}
	if i.Requests().Discovery != 2 {
		t.Errorf("the issuer was asked %+v, want twice", i.Requests())
	}
	d.want(t, d.exchange(t, i.Token(t, job), email), email, "", "")
	if line := warned(log, "fetch issuer keys", i.URL()); !strings.Contains(line, a.Words) {
		t.Errorf("the log says %q, want words %q", line, a.Words)
	}
}

// mislead has the first token of an issuer come that leads nowhere good. What is
// wrong with it is for the administrator.
func (d *door) mislead(t *testing.T, a trusttest.Answer, i *idtokentest.Issuer) {
	email := d.ofIssuer(t, i.URL())
	a.Do(i, d.other)
	got := d.exchange(t, i.Token(t, job), email)
	if why := d.want(t, got, email, "keys", "jwks_unavailable"); !strings.Contains(why, a.Words) {
		t.Errorf("on record is %q, want words %q", why, a.Words)
	}
	for _, inside := range []string{a.Words, "upstream", i.URL(), "127.0.0.1"} {
		if strings.Contains(got.text, inside) {
			t.Errorf("N07 a stranger is told %q: %s", inside, got.text)
		}
	}
	if got := i.Requests().Keys; got != 0 {
		t.Errorf("%d requests for keys", got)
	}
}

// addresses has identities trust issuers at hosts that may not be dialled. The
// others are left out here: they would be.
func (d *door) addresses(t *testing.T) {
	refused := func(host, words string) {
		t.Run("N02 "+host, func(t *testing.T) {
			t.Parallel()
			iss := "https://" + host
			email := d.ofIssuer(t, iss)
			claims := idtokentest.Claims(iss, job, time.Now())
			got := d.exchange(t, d.issuer.Key().Sign(t, claims), email)
			if why := d.want(t, got, email, "keys", "jwks_unavailable"); !strings.Contains(why, words) {
				t.Errorf("on record is %q, want words %q", why, words)
			}
		})
	}
	for _, address := range slices.Sorted(maps.Keys(trusttest.Addresses)) {
		host := address
		if strings.Contains(host, ":") {
			host = "[" + host + "]"
		}
		if !trusttest.Addresses[address] {
			refused(host, "is not on the public internet")
		}
	}
	for _, host := range slices.Sorted(maps.Keys(trusttest.Numbers)) {
		if trusttest.Numbers[host] {
			refused(host, "a number in disguise")
		}
	}
}

// A player plays a door's part as a trusttest.Stage. Its clock cannot be
// turned.
type player struct {
	*door
	own    *idtokentest.Issuer
	emails []string // of identities that trust it; each has a rate of its own
	next   *atomic.Int64
}

func newPlayer(t testing.TB, d *door, i *idtokentest.Issuer) player {
	t.Helper()
	a := player{door: d, own: i, next: new(atomic.Int64)}
	for range 4 {
		a.emails = append(a.emails, d.ofIssuer(t, i.URL()))
	}
	return a
}

func (a player) Issuer() *idtokentest.Issuer { return a.own }
func (a player) Token(t testing.TB) string   { t.Helper(); return a.own.Token(t, job) }
func (a player) Claims() map[string]any      { return a.own.Claims(job) }
func (a player) Move(time.Duration)          {}
func (a player) Refresh(t testing.TB)        { t.Fatal("nothing can be made due here") }
func (a player) StaleUses() int64            { return 0 }

func (a player) Want(t testing.TB, raw, check, reason string) {
	t.Helper()
	email := a.emails[int(a.next.Add(1))%len(a.emails)]
	a.want(t, a.exchange(t, raw, email), email, check, reason)
}
