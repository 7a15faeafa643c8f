package console_test

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"slipway"
	"slipway/internal/access"
	"slipway/internal/console"
	"slipway/internal/engine"
	"slipway/internal/engine/postgres"
	"slipway/internal/engine/sqlite"
	"slipway/internal/gate"
	"slipway/internal/idtoken"
	"slipway/internal/idtokentest"
	"slipway/internal/inventory"
	"slipway/internal/release"
	"slipway/internal/rollout"
	"slipway/internal/signer"
	"slipway/internal/store"
)

const (
	adminEmail = "admin@example.com"
	password   = "correct horse battery" // of everybody in tests
)

// A world is a console on real verbs and a real store, with an administrator
// and a stand-in GitLab. Tests set it up through the verbs.
type world struct {
	t        testing.TB
	url      string
	st       *store.Store
	access   *access.Service
	things   *inventory.Service
	releases *release.Service
	rollouts *rollout.Service
	gitlab   *idtokentest.Issuer
	data     string // folder of the store
	root     string // folder that SQLite instances may lie in
	admin    slipway.Principal
}

// newWorld starts a console that stops when the test ends. Issuers beside its
// GitLab that may be on this machine are named.
func newWorld(t testing.TB, issuers ...string) *world {
	t.Helper()
	w := start(t, access.Config{AdminEmail: adminEmail, AdminPassword: password}, issuers...)
	if _, _, err := w.access.Setup(t.Context()); err != nil {
		t.Fatal(err)
	}
	title := "Ada Admin"
	w.admin = slipway.Principal{Kind: slipway.UserKind, Email: adminEmail, Title: title}
	if _, err := w.access.UpdateUser(t.Context(), w.admin, adminEmail, access.UserChange{Title: &title}); err != nil {
		t.Fatal(err)
	}
	return w
}

// newEmptyWorld is a world that nobody can sign in to before the setup page has
// been filled in, and the token of that page.
func newEmptyWorld(t testing.TB) (*world, string) {
	t.Helper()
	w := start(t, access.Config{})
	token, needed, err := w.access.Setup(t.Context())
	if err != nil || !needed {
		t.Fatalf("setup: needed %v, %v", needed, err)
	}
	return w, token
}

func start(t testing.TB, cfg access.Config, issuers ...string) *world {
	t.Helper()
	w := &world{t: t, data: t.TempDir(), root: t.TempDir(), gitlab: idtokentest.New(t, nil)}
	lg := slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
	var err error
	w.st, err = store.Open(t.Context(), lg, store.Config{Dir: w.data, Key: make([]byte, 32)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.st.Close(); err != nil {
			t.Error(err)
		}
	})
	g := gate.New(lg, w.st, nil)
	tokens := idtoken.New(lg, idtoken.Config{PrivateIssuers: append(issuers, w.gitlab.URL()), RootCAs: w.gitlab.Roots()})
	w.access, err = access.New(lg, w.st, g, tokens, signer.New(keyring{w.st}, nil), cfg)
	if err != nil {
		t.Fatal(err)
	}
	engines := map[slipway.Engine]engine.Engine{
		slipway.SQLite: sqlite.New(lg, sqlite.Config{}), slipway.Postgres: postgres.New(lg, postgres.Config{}),
	}
	w.things = inventory.New(lg, w.st, g, engines, inventory.Config{SQLiteRoots: []string{w.root}})
	w.releases = release.New(lg, w.st, g, engines, release.Config{})
	w.rollouts = rollout.New(lg, w.st, g, engines, rollout.Config{Replica: "test"})
	if err := w.things.Prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(nil)
	w.url = "http://" + server.Listener.Addr().String()
	server.Config.Handler, err = console.New(lg, console.Deps{
		Access: w.access, Inventory: w.things, Releases: w.releases, Rollouts: w.rollouts,
	}, console.Config{URL: w.url})
	if err != nil {
		t.Fatal(err)
	}
	server.Start()
	t.Cleanup(server.Close)
	return w
}

// keyring keeps the signer's keys in the store.
type keyring struct{ st *store.Store }

func (k keyring) SigningKeys(ctx context.Context) ([]signer.Key, error) {
	list, err := k.st.SigningKeys(ctx)
	out := make([]signer.Key, len(list))
	for i, key := range list {
		out[i] = signer.Key(key)
	}
	return out, err
}

func (k keyring) AddSigningKey(ctx context.Context, key signer.Key) error {
	return k.st.Update(ctx, func(tx *store.Tx) error { return tx.AddSigningKey(ctx, store.SigningKey(key)) })
}

func (k keyring) DropSigningKeys(ctx context.Context, before time.Time) error {
	return k.st.Update(ctx, func(tx *store.Tx) error { return tx.DropSigningKeys(ctx, before) })
}

// person makes somebody who holds no role.
func (w *world) person(email string) slipway.Principal {
	w.t.Helper()
	if _, err := w.access.CreateUser(w.t.Context(), w.admin, access.NewUser{Email: email, Password: password}); err != nil {
		w.t.Fatal(err)
	}
	return slipway.Principal{Kind: slipway.UserKind, Email: email}
}

// project makes a project.
func (w *world) project(id string) {
	w.t.Helper()
	if _, err := w.things.CreateProject(w.t.Context(), w.admin, slipway.Project{ID: id, Title: strings.ToUpper(id[:1]) + id[1:]}); err != nil {
		w.t.Fatal(err)
	}
}

// database makes an SQLite instance in an environment, named as that, with one
// database that a project takes over.
func (w *world) database(env, name, project string) slipway.DatabaseRef {
	w.t.Helper()
	folder := filepath.Join(w.root, env)
	if err := os.MkdirAll(folder, 0o700); err != nil {
		w.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, name+".db"), nil, 0o600); err != nil {
		w.t.Fatal(err)
	}
	_, err := w.things.CreateInstance(w.t.Context(), w.admin, slipway.Instance{
		ID: env, Title: "SQLite " + env, Engine: slipway.SQLite, Environment: env,
		Sources: []slipway.Source{{ID: "admin", Type: slipway.AdminSource, Host: folder}},
	}, false)
	if err != nil {
		w.t.Fatal(err)
	}
	if _, err := w.things.SyncInstance(w.t.Context(), w.admin, env); err != nil {
		w.t.Fatal(err)
	}
	ref := slipway.DatabaseRef{Instance: env, Database: name}
	_, err = w.things.UpdateDatabases(w.t.Context(), w.admin, []inventory.DatabasePatch{{At: inventory.Place{DatabaseRef: ref}, Project: &project}})
	if err != nil {
		w.t.Fatal(err)
	}
	return ref
}

// grant adds a binding to the policy of a resource.
func (w *world) grant(resource, role, member string) {
	w.t.Helper()
	p, err := w.access.Policy(w.t.Context(), w.admin, resource)
	if err != nil {
		w.t.Fatal(err)
	}
	p.Bindings = append(p.Bindings, slipway.Binding{Role: role, Members: []string{member}})
	if _, err := w.access.SetPolicy(w.t.Context(), w.admin, resource, p); err != nil {
		w.t.Fatal(err)
	}
}

// trust is what an identity of branch main of my-group/app trusts.
func (w *world) trust() slipway.Trust {
	return slipway.Trust{
		Platform: slipway.GitLab, Issuer: w.gitlab.URL(), Audiences: []string{w.gitlab.URL()},
		GitLab: &slipway.GitLabTrust{Group: "my-group", Project: "app", Refs: []slipway.RefRule{{Type: slipway.Branch, Pattern: "main"}}},
	}
}

// identity makes a workload identity and returns its address.
func (w *world) identity(id, title string, trust slipway.Trust) string {
	w.t.Helper()
	made, err := w.access.CreateWorkloadIdentity(w.t.Context(), w.admin, access.NewWorkloadIdentity{ID: id, Title: title, Trust: trust})
	if err != nil {
		w.t.Fatal(err)
	}
	return made.Email
}

// session returns the token of a new session of a person.
func (w *world) session(email string) string {
	w.t.Helper()
	in, err := w.access.Login(w.t.Context(), access.SignIn{Email: email, Password: password, Web: true, Origin: slipway.Origin{IP: "192.0.2.1", UserAgent: "test"}})
	if err != nil {
		w.t.Fatal(err)
	}
	return in.Token.Reveal()
}

// A visitor is an HTTP client with cookies, as a browser without JavaScript.
type visitor struct {
	w      *world
	client *http.Client
}

// visitor returns somebody who is signed in; "" is a stranger.
func (w *world) visitor(email string) *visitor {
	w.t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		w.t.Fatal(err)
	}
	if email != "" {
		u, err := url.Parse(w.url)
		if err != nil {
			w.t.Fatal(err)
		}
		jar.SetCookies(u, []*http.Cookie{{Name: "slipway", Value: w.session(email), Path: "/"}})
	}
	return &visitor{w: w, client: &http.Client{Jar: jar, Transport: http.DefaultTransport}}
}
