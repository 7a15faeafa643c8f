package server

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"slipway"
	"slipway/internal/access"
	"slipway/internal/api"
	"slipway/internal/console"
	"slipway/internal/engine"
	"slipway/internal/engine/postgres"
	"slipway/internal/engine/sqlite"
	"slipway/internal/gate"
	"slipway/internal/idtoken"
	"slipway/internal/inventory"
	"slipway/internal/oauth"
	"slipway/internal/release"
	"slipway/internal/rollout"
	"slipway/internal/secret"
	"slipway/internal/signer"
	"slipway/internal/store"
)

// Run serves until ctx ends, then drains: requests in flight end, running
// statements have cfg.Drain, and what is cut off goes on with the next start.
// An error of kind Invalid is about cfg.
func Run(ctx context.Context, lg *slog.Logger, cfg Config) (err error) {
	cfg, err = cfg.normalised()
	if err != nil {
		return err
	}
	ln, err := net.Listen("tcp", cfg.Listen)
	if err != nil {
		return fmt.Errorf("listen on %s: %w", cfg.Listen, err)
	}
	defer func() { _ = ln.Close() }() // closed already unless the start failed
	base := cfg.ExternalURL
	if base == "" {
		base = "http://" + ln.Addr().String()
	}

	key, err := secret.MasterKey(cfg.Data, cfg.MasterKeyFile)
	if err != nil {
		return err
	}
	st, err := store.Open(ctx, lg, store.Config{URL: cfg.DatabaseURL, Dir: cfg.Data, Key: key})
	if err != nil {
		return fmt.Errorf("open the store: %w", err)
	}
	defer func() { err = errors.Join(err, st.Close()) }()

	w, err := wire(lg, st, cfg, base)
	if err != nil {
		return err
	}
	if err := w.prepare(ctx, cfg, base); err != nil {
		return err
	}
	return w.run(ctx, ln, cfg, base)
}

// A whole is every part, joined.
type whole struct {
	lg       *slog.Logger
	st       *store.Store
	tokens   *idtoken.Verifier
	access   *access.Service
	things   *inventory.Service
	rollouts *rollout.Service
	front    front
}

func wire(lg *slog.Logger, st *store.Store, cfg Config, base string) (*whole, error) {
	proxies, err := cfg.proxies()
	if err != nil {
		return nil, err
	}
	issuers := idtoken.Config{PrivateIssuers: cfg.PrivateIssuers}
	if cfg.IssuerCAFile != "" {
		if issuers.RootCAs, err = idtoken.LoadCAs(cfg.IssuerCAFile); err != nil {
			return nil, fmt.Errorf("--issuer-ca-file: %w", err)
		}
	}
	// Adding an engine is a line here and a folder under engine.
	engines := map[slipway.Engine]engine.Engine{
		slipway.Postgres: postgres.New(lg, postgres.Config{}),
		slipway.SQLite:   sqlite.New(lg, sqlite.Config{}),
	}
	w := &whole{lg: lg, st: st, tokens: idtoken.New(lg, issuers)}
	g := gate.New(lg, st, nil)
	if cfg.AllowPasswords {
		lg.Warn("people may sign in with passwords, whatever the settings say", "flag", "--allow-passwords")
	}
	sign := signer.New(keyring{st}, nil)
	w.access, err = access.New(lg, st, g, w.tokens, sign, access.Config{
		AdminEmail: cfg.AdminEmail, AdminPassword: cfg.AdminPassword, AllowPasswords: cfg.AllowPasswords,
	})
	if err != nil {
		return nil, err
	}
	w.things = inventory.New(lg, st, g, engines, inventory.Config{SQLiteRoots: cfg.SQLiteRoots, Own: cfg.Data})
	releases := release.New(lg, st, g, engines, release.Config{})
	w.rollouts = rollout.New(lg, st, g, engines, rollout.Config{Replica: rand.Text(), Workers: cfg.Workers, Drain: cfg.Drain})

	w.front = front{lg: lg, ready: st.Ping, metrics: newMetrics(w.tokens)}
	w.front.keys = func(ctx context.Context) (any, error) { return sign.Keys(ctx) }
	w.front.oauth = oauth.New(lg, w.access, oauth.Config{URL: base, KeysURL: base + keysPath, TrustedProxies: proxies})
	w.front.api, err = api.New(lg, api.Deps{
		Authenticator: w.access, Access: w.access, Inventory: w.things, Releases: releases, Rollouts: w.rollouts,
	}, api.Config{ExternalURL: base, ExternalURLGiven: cfg.ExternalURL != "", Version: cfg.Version, Commit: cfg.Commit, TrustedProxies: proxies})
	if err != nil {
		return nil, err
	}
	w.front.console, err = console.New(lg, console.Deps{
		Access: w.access, Inventory: w.things, Releases: releases, Rollouts: w.rollouts,
	}, console.Config{URL: base, TrustedProxies: proxies})
	return w, err
}

// prepare makes what a first start needs.
func (w *whole) prepare(ctx context.Context, cfg Config, base string) error {
	if err := w.things.Prepare(ctx); err != nil {
		return fmt.Errorf("prepare the workspace: %w", err)
	}
	token, needed, err := w.access.Setup(ctx)
	if err != nil {
		return fmt.Errorf("prepare the first sign-in, by SLIPWAY_ADMIN_EMAIL and SLIPWAY_ADMIN_PASSWORD if they are set: %w", err)
	}
	if needed && cfg.SetupLink != nil {
		cfg.SetupLink(base + "/setup?token=" + url.QueryEscape(token))
	}
	return nil
}

// run runs the long-lived parts until ctx ends or one of them fails.
func (w *whole) run(ctx context.Context, ln net.Listener, cfg Config, base string) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return serve(ctx, w.lg, ln, w.front.handler()) })
	group.Go(func() error { return w.tokens.Run(ctx) })
	group.Go(func() error { return w.access.Run(ctx) })
	group.Go(func() error { return w.rollouts.Run(ctx) })
	if cfg.Ready != nil {
		cfg.Ready(base)
	}
	w.lg.InfoContext(ctx, "serving", "url", base, "data", filepath.Clean(cfg.Data), "version", cfg.Version)
	err := group.Wait()
	if errors.Is(err, context.Canceled) || errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// keyring keeps the signer's keys in the store.
type keyring struct{ st *store.Store }

func (k keyring) SigningKeys(ctx context.Context) ([]signer.Key, error) {
	stored, err := k.st.SigningKeys(ctx)
	keys := make([]signer.Key, len(stored))
	for i, s := range stored {
		keys[i] = signer.Key(s)
	}
	return keys, err
}

func (k keyring) AddSigningKey(ctx context.Context, key signer.Key) error {
	return k.st.Update(ctx, func(tx *store.Tx) error { return tx.AddSigningKey(ctx, store.SigningKey(key)) })
}

func (k keyring) DropSigningKeys(ctx context.Context, before time.Time) error {
	return k.st.Update(ctx, func(tx *store.Tx) error { return tx.DropSigningKeys(ctx, before) })
}
