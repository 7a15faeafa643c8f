// Package openidtest runs a real OpenID provider, zitadel's, for tests of
// signing in.
package openidtest

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/zitadel/oidc/v3/example/server/storage"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// Credentials of the one client that a Provider knows.
const (
	ClientID     = "slipway"
	ClientSecret = "s3cr3t with +/&%"
)

// A Person is whom a Provider signs in, without asking for a password.
type Person struct {
	Email    string
	Verified bool
	First    string
	Last     string
	Groups   []string // in the claim "groups"; nil leaves the claim out
	Subject  string   // "" is made of the address
}

// A Provider is an OpenID provider behind TLS.
type Provider struct {
	server  *httptest.Server
	storage *people
	client  *client

	mu     sync.Mutex
	person Person // whoever comes next
	outs   int    // how often somebody signed out
	inID   bool   // put who it is into the ID token, not only behind the userinfo endpoint
}

// New starts a Provider that knows a client with a redirect URL, and stops it
// when t ends.
func New(t testing.TB, redirect string) *Provider {
	t.Helper()
	p := &Provider{}
	mux := http.NewServeMux()
	p.server = httptest.NewTLSServer(mux)
	t.Cleanup(p.server.Close)
	p.client = newClient(p, redirect)
	p.storage = &people{Storage: storage.NewStorageWithClients(accounts{p}, map[string]*storage.Client{ClientID: p.client.Client}), p: p}
	provider, err := op.NewProvider(&op.Config{
		CryptoKey: sha256.Sum256([]byte("openidtest")), CryptoKeyId: "key1", CodeMethodS256: true,
	}, p.storage, op.StaticIssuer(p.URL()), op.WithLogger(slog.New(slog.DiscardHandler)))
	if err != nil {
		t.Fatal(err)
	}
	mux.Handle("GET /login/username", op.NewIssuerInterceptor(provider.IssuerFromRequest).HandlerFunc(p.login(provider)))
	mux.Handle("/", provider)
	return p
}

// URL returns the issuer.
func (p *Provider) URL() string { return p.server.URL }

// Roots returns what vouches for the certificate.
func (p *Provider) Roots() *x509.CertPool {
	roots := x509.NewCertPool()
	roots.AddCert(p.server.Certificate())
	return roots
}

// Client returns an HTTP client that trusts the certificate, as a browser would.
func (p *Provider) Client() *http.Client { return p.server.Client() }

// Allow registers another redirect URL in the place of the one before.
func (p *Provider) Allow(redirect string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.client = newClient(p, redirect)
}

// Next makes whoever signs in next this person.
func (p *Provider) Next(who Person) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.person = who
}

// TellInIDToken has the ID token say who it is.
func (p *Provider) TellInIDToken() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.inID = true
}

// SignOuts returns how often a browser signed out.
func (p *Provider) SignOuts() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.outs
}

func (p *Provider) next() Person {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.person
}

// login is the page on which people would type their password. It lets in
// whoever is next.
func (p *Provider) login(provider *op.Provider) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		id := r.URL.Query().Get("authRequestID")
		if err := p.storage.CheckUsernamePassword("anybody", "", id); err != nil {
			http.Error(w, err.Error(), http.StatusForbidden)
			return
		}
		http.Redirect(w, r, op.AuthCallbackURL(provider)(r.Context(), id), http.StatusFound)
	}
}

// Accounts has one account: whoever is next.
type accounts struct{ p *Provider }

func (a accounts) GetUserByID(string) *storage.User {
	who := a.p.next()
	id := who.Subject
	if id == "" {
		id = "id-of-" + strings.ToLower(who.Email)
	}
	return &storage.User{
		ID: id, Username: "anybody", FirstName: who.First, LastName: who.Last,
		Email: who.Email, EmailVerified: who.Verified,
	}
}

func (a accounts) GetUserByUsername(string) *storage.User { return a.GetUserByID("") }
func (a accounts) ExampleClientID() string                { return "example" }

// A client is the example's, which says where to tell who it is.
type client struct {
	*storage.Client
	p     *Provider
	after string // where browsers go that have signed out
}

// newClient returns the client that has the redirect URL …/signin/callback, and
// is at …/signin after a sign-out.
func newClient(p *Provider, redirect string) *client {
	return &client{storage.WebClient(ClientID, ClientSecret, redirect), p, strings.TrimSuffix(redirect, "/callback")}
}

// PostLogoutRedirectURIs returns where browsers may go that have signed out.
func (c *client) PostLogoutRedirectURIs() []string { return []string{c.after} }

// IDTokenUserinfoClaimsAssertion reports whether the ID token says who it is.
func (c *client) IDTokenUserinfoClaimsAssertion() bool {
	c.p.mu.Lock()
	defer c.p.mu.Unlock()
	return c.p.inID
}

// People is the example's storage with groups.
type people struct {
	*storage.Storage
	p *Provider
}

// GetClientByClientID returns the one client.
func (s *people) GetClientByClientID(ctx context.Context, id string) (op.Client, error) {
	if _, err := s.Storage.GetClientByClientID(ctx, id); err != nil {
		return nil, err
	}
	s.p.mu.Lock()
	defer s.p.mu.Unlock()
	return s.p.client, nil
}

// TerminateSession counts who signs out.
func (s *people) TerminateSession(ctx context.Context, user, client string) error {
	s.p.mu.Lock()
	s.p.outs++
	s.p.mu.Unlock()
	return s.Storage.TerminateSession(ctx, user, client)
}

// SetUserinfoFromRequest fills in what the ID token says.
func (s *people) SetUserinfoFromRequest(ctx context.Context, info *oidc.UserInfo, token op.IDTokenRequest, scopes []string) error {
	if err := s.Storage.SetUserinfoFromRequest(ctx, info, token, scopes); err != nil {
		return err
	}
	s.addGroups(info)
	return nil
}

// SetUserinfoFromToken fills in what the userinfo endpoint says.
func (s *people) SetUserinfoFromToken(ctx context.Context, info *oidc.UserInfo, tokenID, subject, origin string) error {
	if err := s.Storage.SetUserinfoFromToken(ctx, info, tokenID, subject, origin); err != nil {
		return err
	}
	s.addGroups(info)
	return nil
}

func (s *people) addGroups(info *oidc.UserInfo) {
	if groups := s.p.next().Groups; groups != nil {
		info.AppendClaims("groups", groups)
	}
}
