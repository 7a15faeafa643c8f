package access_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"slipway"
	"slipway/internal/access"
	"slipway/internal/gate"
	"slipway/internal/iam"
	"slipway/internal/idtoken"
	"slipway/internal/signer"
	"slipway/internal/store"
)

const (
	adminEmail    = "admin@example.com"
	adminPassword = "correct horse battery"
)

// A house is a Service on a real store, with a clock that tests turn.
type house struct {
	*access.Service
	t     *testing.T
	st    *store.Store
	gate  *gate.Gate
	clock time.Time
	admin slipway.Principal
}

var morning = time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)

// open returns a house that nobody has moved into yet.
func open(t *testing.T, cfg access.Config, tokens idtoken.Config) *house {
	t.Helper()
	h := &house{t: t, clock: morning}
	now := func() time.Time { return h.clock }
	lg := slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
	st, err := store.Open(t.Context(), lg, store.Config{Dir: t.TempDir(), Key: make([]byte, 32), Now: now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	})
	h.st, h.gate = st, gate.New(lg, st, now)
	cfg.Now, tokens.Now = now, now
	h.Service, err = access.New(lg, st, h.gate, idtoken.New(lg, tokens), signer.New(keys{st}, now), cfg)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// moveIn returns a house with an administrator.
func moveIn(t *testing.T) *house {
	t.Helper()
	h := open(t, access.Config{AdminEmail: adminEmail, AdminPassword: adminPassword}, idtoken.Config{})
	h.setUp()
	return h
}

func (h *house) setUp() {
	h.t.Helper()
	if _, needed, err := h.Setup(h.t.Context()); err != nil || needed {
		h.t.Fatalf("Setup: needed %t, %v", needed, err)
	}
	h.admin = slipway.Principal{Kind: slipway.UserKind, Email: adminEmail}
}

// keys keeps the signer's keys in the store.
type keys struct{ st *store.Store }

func (k keys) SigningKeys(ctx context.Context) ([]signer.Key, error) {
	list, err := k.st.SigningKeys(ctx)
	out := make([]signer.Key, 0, len(list))
	for _, key := range list {
		out = append(out, signer.Key(key))
	}
	return out, err
}

func (k keys) AddSigningKey(ctx context.Context, key signer.Key) error {
	return k.st.Update(ctx, func(tx *store.Tx) error { return tx.AddSigningKey(ctx, store.SigningKey(key)) })
}

func (k keys) DropSigningKeys(ctx context.Context, before time.Time) error {
	return k.st.Update(ctx, func(tx *store.Tx) error { return tx.DropSigningKeys(ctx, before) })
}

// person makes somebody without roles.
func (h *house) person(email string) slipway.Principal {
	h.t.Helper()
	if _, err := h.CreateUser(h.t.Context(), h.admin, access.NewUser{Email: email, Password: "quite long enough"}); err != nil {
		h.t.Fatal(err)
	}
	return slipway.Principal{Kind: slipway.UserKind, Email: email}
}

// project makes a project whose policy has the given bindings.
func (h *house) project(id string, bindings ...slipway.Binding) {
	h.t.Helper()
	ctx := h.t.Context()
	err := h.st.Update(ctx, func(tx *store.Tx) error {
		if err := tx.CreateProject(ctx, slipway.Project{ID: id, Title: id, Created: h.clock}); err != nil {
			return err
		}
		_, err := tx.SetPolicy(ctx, "projects/"+id, slipway.Policy{Bindings: bindings})
		return err
	})
	if err != nil {
		h.t.Fatal(err)
	}
}

// grant adds a binding to a policy, past all checks.
func (h *house) grant(resource, role string, members ...string) {
	h.t.Helper()
	ctx := h.t.Context()
	err := h.st.Update(ctx, func(tx *store.Tx) error {
		p, err := tx.Policy(ctx, resource)
		if err != nil {
			return err
		}
		p.Bindings = append(p.Bindings, slipway.Binding{Role: role, Members: members})
		_, err = tx.SetPolicy(ctx, resource, p)
		return err
	})
	if err != nil {
		h.t.Fatal(err)
	}
}

// lastAudit returns the newest audit entry.
func (h *house) lastAudit() slipway.AuditEntry {
	h.t.Helper()
	list, _, err := h.st.AuditEntries(h.t.Context(), store.AuditQuery{}, slipway.Page{Size: 1})
	if err != nil || len(list) != 1 {
		h.t.Fatalf("newest audit entry: %v, %v", list, err)
	}
	return list[0]
}

// want fails the test unless err is of kind and says words; "" with a nil err
// is success.
func want(t *testing.T, what string, err error, kind slipway.Kind, words string) {
	t.Helper()
	switch {
	case words == "" && err == nil:
	case words == "" && err != nil:
		t.Errorf("%s: %v", what, err)
	case err == nil || slipway.KindOf(err) != kind || !strings.Contains(slipway.MessageOf(err), words):
		t.Errorf("%s: %v (kind %d), want kind %d that says %q", what, err, slipway.KindOf(err), kind, words)
	}
}

func TestFirstAdminByConfig(t *testing.T) {
	h := moveIn(t)
	in, err := h.Login(t.Context(), access.SignIn{Email: "Admin@example.com", Password: adminPassword})
	if err != nil {
		t.Fatal(err)
	}
	who, err := h.Authenticate(t.Context(), in.Token.Reveal(), slipway.Origin{IP: "192.0.2.1"})
	if err != nil || who.Member() != "user:admin@example.com" || who.Origin.IP != "192.0.2.1" {
		t.Fatalf("Authenticate = %+v, %v", who, err)
	}
	if ok, err := h.gate.May(t.Context(), who, iam.WorkspacesSetIamPolicy, ""); err != nil || !ok {
		t.Errorf("the first administrator may not administer: %v", err)
	}
	// A second start changes nothing, whatever the Config says.
	if token, needed, err := h.Setup(t.Context()); token != "" || needed || err != nil {
		t.Errorf("second Setup = %q, %t, %v", token, needed, err)
	}
}

// TestFirstAdminAtOnce: servers that start together on one empty store make one
// administrator, and all of them start.
func TestFirstAdminAtOnce(t *testing.T) {
	h := open(t, access.Config{AdminEmail: adminEmail, AdminPassword: adminPassword}, idtoken.Config{})
	results := make(chan error)
	for range 4 {
		go func() {
			token, needed, err := h.Setup(t.Context())
			if err == nil && (needed || token != "") {
				err = errors.New("a link was asked for")
			}
			results <- err
		}()
	}
	for range 4 {
		if err := <-results; err != nil {
			t.Error(err)
		}
	}
	if n, err := h.st.CountUsers(t.Context()); err != nil || n != 1 {
		t.Errorf("%d people, %v, want one", n, err)
	}
	if _, err := h.Login(t.Context(), access.SignIn{Email: adminEmail, Password: adminPassword}); err != nil {
		t.Error(err)
	}
}

func TestFirstAdminByLink(t *testing.T) {
	h := open(t, access.Config{}, idtoken.Config{})
	ctx := t.Context()
	token, needed, err := h.Setup(ctx)
	if err != nil || !needed || token == "" {
		t.Fatalf("Setup = %q, %t, %v", token, needed, err)
	}
	later, _, err := h.Setup(ctx)
	if err != nil || later == token {
		t.Fatalf("a restart prints a new link: %v", err)
	}
	for _, wrong := range []string{"", "slpu_guess", token + "x"} {
		_, err := h.CompleteSetup(ctx, wrong, adminEmail, adminPassword, "Ann")
		want(t, "token "+wrong, err, slipway.Unauthenticated, "setup token")
	}
	_, err = h.CompleteSetup(ctx, token, adminEmail, "short", "Ann")
	want(t, "a weak password does not burn the link", err, slipway.Invalid, "12 characters")
	if _, err := h.CompleteSetup(ctx, token, adminEmail, adminPassword, "Ann"); err != nil {
		t.Fatal(err)
	}
	for _, used := range []string{token, later} {
		_, err := h.CompleteSetup(ctx, used, "eve@example.com", adminPassword, "Eve")
		want(t, "a second sign-up", err, slipway.Denied, "sign-up is closed")
	}
	if _, err := h.Login(ctx, access.SignIn{Email: adminEmail, Password: adminPassword}); err != nil {
		t.Error(err)
	}
}
