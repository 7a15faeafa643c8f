package e2e_test

import (
	"context"
	"log/slog"
	"net/http/httptest"
	"net/netip"
	"sync"
	"testing"
	"time"

	"slipway"
	"slipway/internal/access"
	"slipway/internal/api"
	"slipway/internal/gate"
	"slipway/internal/idtoken"
	"slipway/internal/idtokentest"
	"slipway/internal/servertest"
	"slipway/internal/signer"
	"slipway/internal/store"
	"slipway/internal/trusttest"
)

// TestTrustOverTime plays the cases that take hours or a configuration that the
// API cannot say before the API of a server whose clock is turned by hand: all
// of it but the process.
func TestTrustOverTime(t *testing.T) {
	t.Parallel()
	c := &handClock{at: time.Date(2026, 1, 15, 12, 0, 0, 0, time.UTC)}
	first := idtokentest.New(t, c.now)
	cfg := idtoken.Config{PrivateIssuers: []string{first.URL()}, RootCAs: first.Roots(), Now: c.now}
	var twins []*idtokentest.Issuer
	plays := trusttest.Plays()
	for i := range plays {
		twins = append(twins, first.Twin(t, c.now))
		cfg.PrivateIssuers = append(cfg.PrivateIssuers, twins[i].URL())
	}
	d, st, verifier := composed(t, c, cfg)
	d.issuer = first
	for i, p := range plays {
		if p.Turns {
			t.Run(p.String(), func(t *testing.T) {
				p.Run(t, turner{newPlayer(t, d, twins[i]), c, verifier, verifier.Counters().StaleUses})
			})
		}
	}
	place := trusttest.Place{Issuer: first.URL(), Now: c.now(), Keys: trusttest.Keys{K1: first.Key()}}
	for _, k := range trusttest.Cases(place) {
		if k.Stored {
			t.Run(k.String(), func(t *testing.T) {
				email := d.identity(t, place.Trust())
				keep(t, st, email, k.Trust)
				d.want(t, d.exchange(t, k.Token(t, place), email), email, k.Check, k.Reason)
			})
		}
	}
}

// keep puts trust in the place of an identity's own.
func keep(t *testing.T, st *store.Store, email string, trust slipway.Trust) {
	t.Helper()
	err := st.Update(t.Context(), func(tx *store.Tx) error {
		w, err := tx.WorkloadIdentity(t.Context(), email)
		if err != nil {
			return err
		}
		from := w.Revision
		w.Trust, w.Revision = trust, from+1
		return tx.UpdateWorkloadIdentity(t.Context(), w, from)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// A handClock stands still until it is moved.
type handClock struct {
	mu sync.Mutex
	at time.Time
}

func (c *handClock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *handClock) move(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// composed serves the API over a store, at the time of c.
func composed(t *testing.T, c *handClock, cfg idtoken.Config) (*door, *store.Store, *idtoken.Verifier) {
	t.Helper()
	lg := slog.New(slog.DiscardHandler)
	st, err := store.Open(t.Context(), lg, store.Config{Dir: t.TempDir(), Key: make([]byte, 32), Now: c.now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	})
	verifier := idtoken.New(lg, cfg)
	service, err := access.New(lg, st, gate.New(lg, st, c.now), verifier, signer.New(signingKeys{st}, c.now), access.Config{
		AdminEmail: servertest.AdminEmail, AdminPassword: servertest.AdminPassword, Now: c.now,
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := service.Setup(t.Context()); err != nil {
		t.Fatal(err)
	}
	handler, err := api.New(lg, api.Deps{Authenticator: service, Access: service}, api.Config{
		TrustedProxies: slipway.Proxies{netip.MustParsePrefix("127.0.0.0/8")}, Now: c.now,
	})
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(handler)
	t.Cleanup(srv.Close)
	d := &door{t: t, url: srv.URL}
	signed, session := time.Time{}, ""
	d.token = func() string {
		if c.now().Sub(signed) > 12*time.Hour || session == "" { // an unused session ends after a day
			var in struct{ Token string }
			a := d.ask(t, "", "POST", "/v1/auth/login", object{"email": servertest.AdminEmail, "password": servertest.AdminPassword})
			a.into(t, &in)
			signed, session = c.now(), in.Token
		}
		return session
	}
	return d, st, verifier
}

// signingKeys keeps the signer's keys in the store.
type signingKeys struct{ st *store.Store }

func (k signingKeys) SigningKeys(ctx context.Context) ([]signer.Key, error) {
	list, err := k.st.SigningKeys(ctx)
	var out []signer.Key
	for _, key := range list {
		out = append(out, signer.Key(key))
	}
	return out, err
}

func (k signingKeys) AddSigningKey(ctx context.Context, key signer.Key) error {
	return k.st.Update(ctx, func(tx *store.Tx) error { return tx.AddSigningKey(ctx, store.SigningKey(key)) })
}

func (k signingKeys) DropSigningKeys(ctx context.Context, before time.Time) error {
	return k.st.Update(ctx, func(tx *store.Tx) error { return tx.DropSigningKeys(ctx, before) })
}

// A turner is a player whose clock can be turned.
type turner struct {
	player
	clock    *handClock
	verifier *idtoken.Verifier
	stale    int64 // uses of stale keys before its play began
}

func (a turner) Move(d time.Duration) { a.clock.move(d) }
func (a turner) Refresh(t testing.TB) { a.verifier.Refresh(t.Context()) }
func (a turner) StaleUses() int64     { return a.verifier.Counters().StaleUses - a.stale }
