package idtoken_test

import (
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"slipway"
	"slipway/internal/idtoken"
	"slipway/internal/idtokentest"
	"slipway/internal/openidtest"
)

const redirect = "https://slipway.example.com/signin/callback"

// A desk is a client of a real provider, and a browser.
type desk struct {
	*openidtest.Provider
	verifier *idtoken.Verifier
	client   idtoken.Client
	flow     idtoken.Flow
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	p := openidtest.New(t, redirect)
	p.Next(openidtest.Person{Email: "ann@example.com", Verified: true, First: "Ann", Last: "Arbor", Groups: []string{"dba", "all"}})
	lg := slog.New(slog.NewTextHandler(t.Output(), nil))
	return &desk{
		Provider: p,
		verifier: idtoken.New(lg, idtoken.Config{PrivateIssuers: []string{p.URL()}, RootCAs: p.Roots()}),
		client: idtoken.Client{
			Issuer: p.URL(), ID: openidtest.ClientID, Secret: openidtest.ClientSecret, Redirect: redirect, Scopes: []string{"email", "profile"},
		},
		flow: idtoken.Flow{State: "state-1", Nonce: "nonce-1", Verifier: strings.Repeat("v", 43)},
	}
}

// code begins the flow and lets the provider's pages pass, up to where they send
// the browser back.
func (d *desk) code(t *testing.T) string {
	t.Helper()
	begin, err := d.verifier.SignInURL(t.Context(), d.client, d.flow)
	if err != nil {
		t.Fatal(err)
	}
	browser := d.Client()
	browser.CheckRedirect = func(req *http.Request, _ []*http.Request) error {
		if strings.HasPrefix(req.URL.String(), redirect) {
			return http.ErrUseLastResponse
		}
		return nil
	}
	res, err := browser.Get(begin)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	back, err := res.Location()
	if err != nil {
		t.Fatalf("the provider does not send the browser back: status %d", res.StatusCode)
	}
	if got := back.Query().Get("state"); got != d.flow.State {
		t.Errorf("state %q came back", got)
	}
	return back.Query().Get("code")
}

func reasonOf(err error) string {
	r, ok := errors.AsType[*idtoken.Refusal](err)
	if !ok {
		return ""
	}
	return r.Reason
}

func TestSignIn(t *testing.T) {
	for name, inID := range map[string]bool{"told by the userinfo endpoint": false, "told in the ID token": true} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			if inID {
				d.TellInIDToken()
			}
			login, err := d.verifier.SignIn(t.Context(), d.client, d.flow, d.code(t))
			if err != nil {
				t.Fatal(err)
			}
			if login.Email != "ann@example.com" || !login.EmailVerified || login.Name != "Ann Arbor" || login.Subject != "id-of-ann@example.com" {
				t.Errorf("signed in: %+v", login)
			}
			if diff := cmp.Diff([]string{"dba", "all"}, login.Strings("groups")); diff != "" {
				t.Errorf("groups (-want +got):\n%s", diff)
			}
			if login.Strings("absent") != nil || login.Strings("email_verified") != nil {
				t.Error("claims that are no strings are")
			}
		})
	}
}

// TestSignInIsBound takes what belongs together apart.
func TestSignInIsBound(t *testing.T) {
	for _, tc := range []struct {
		why    string
		change func(*desk)
		reason string
	}{
		{"another browser's verifier", func(d *desk) { d.flow.Verifier = strings.Repeat("w", 43) }, "code_refused"},
		{"another sign-in's nonce", func(d *desk) { d.flow.Nonce = "nonce-2" }, "nonce_mismatch"},
		{"no nonce", func(d *desk) { d.flow.Nonce = "" }, "nonce_mismatch"},
		{"a wrong secret", func(d *desk) { d.client.Secret = "guess" }, "code_refused"},
		{"no secret", func(d *desk) { d.client.Secret = "" }, "code_refused"},
		{"another redirect URL", func(d *desk) { d.client.Redirect += "x" }, "code_refused"},
	} {
		t.Run(tc.why, func(t *testing.T) {
			d := newDesk(t)
			code := d.code(t)
			tc.change(d)
			_, err := d.verifier.SignIn(t.Context(), d.client, d.flow, code)
			if got := reasonOf(err); got != tc.reason {
				t.Errorf("refused for %q, want %q: %v", got, tc.reason, err)
			}
			if err != nil && (strings.Contains(err.Error(), openidtest.ClientSecret) || strings.Contains(err.Error(), code)) {
				t.Errorf("the error tells a secret: %v", err)
			}
		})
	}
	d := newDesk(t)
	code := d.code(t)
	if _, err := d.verifier.SignIn(t.Context(), d.client, d.flow, code); err != nil {
		t.Fatal(err)
	}
	if _, err := d.verifier.SignIn(t.Context(), d.client, d.flow, code); reasonOf(err) != "code_refused" {
		t.Errorf("a code used twice: %v", err)
	}
}

// A forger is a provider that answers as a test wants.
type forger struct {
	*httptest.Server
	key       idtokentest.Key
	claims    map[string]any
	discovery map[string]any // put over the usual document
	token     http.HandlerFunc
	userinfo  map[string]any
}

func newForger(t *testing.T) (*forger, *idtoken.Verifier, idtoken.Client) {
	t.Helper()
	f := &forger{key: idtokentest.NewEC(t, "k1")}
	answer := func(w http.ResponseWriter, doc any) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(doc)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		doc := map[string]any{
			"issuer": f.URL, "jwks_uri": f.URL + "/keys", "authorization_endpoint": f.URL + "/authorize", "token_endpoint": f.URL + "/token", "userinfo_endpoint": f.URL + "/userinfo",
		}
		for k, v := range f.discovery {
			doc[k] = v
		}
		answer(w, doc)
	})
	mux.HandleFunc("/keys", func(w http.ResponseWriter, _ *http.Request) { answer(w, map[string]any{"keys": []any{f.key.JWK()}}) })
	mux.HandleFunc("/token", func(w http.ResponseWriter, r *http.Request) {
		if f.token != nil {
			f.token(w, r)
			return
		}
		answer(w, map[string]any{"id_token": f.key.Sign(t, f.claims), "access_token": "access", "token_type": "Bearer"})
	})
	mux.HandleFunc("/userinfo", func(w http.ResponseWriter, _ *http.Request) { answer(w, f.userinfo) })
	f.Server = httptest.NewTLSServer(mux)
	t.Cleanup(f.Close)
	now := time.Now()
	f.claims = map[string]any{
		"iss": f.URL, "sub": "1", "aud": "slipway", "exp": now.Add(time.Minute).Unix(), "iat": now.Unix(), "nonce": "n", "email": "ann@example.com", "email_verified": true,
	}
	roots := f.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	v := idtoken.New(slog.New(slog.NewTextHandler(t.Output(), nil)), idtoken.Config{PrivateIssuers: []string{f.URL}, RootCAs: roots})
	return f, v, idtoken.Client{Issuer: f.URL, ID: "slipway", Secret: "secret", Redirect: redirect}
}

func TestForgedLogins(t *testing.T) {
	now := time.Now()
	for _, tc := range []struct {
		why    string
		change func(f *forger)
		reason string // "" is let in
	}{
		{"as it should be", func(*forger) {}, ""},
		{"several audiences and azp", func(f *forger) { f.claims["aud"], f.claims["azp"] = []string{"other", "slipway"}, "slipway" }, ""},
		{"verified in a word", func(f *forger) { f.claims["email_verified"] = "true" }, ""},
		{"another issuer's", func(f *forger) { f.claims["iss"] = "https://evil.example.com" }, "issuer_mismatch"},
		{"no issuer", func(f *forger) { delete(f.claims, "iss") }, "issuer_mismatch"},
		{"no subject", func(f *forger) { delete(f.claims, "sub") }, "claims_malformed"},
		{"another client's", func(f *forger) { f.claims["aud"] = "other" }, "audience_mismatch"},
		{"no audience", func(f *forger) { delete(f.claims, "aud") }, "audience_mismatch"},
		{"several audiences and no azp", func(f *forger) { f.claims["aud"] = []string{"other", "slipway"} }, "audience_mismatch"},
		{"azp of another", func(f *forger) { f.claims["azp"] = "other" }, "audience_mismatch"},
		{"expired", func(f *forger) { f.claims["exp"] = now.Add(-2 * time.Minute).Unix() }, "token_expired"},
		{"without an end", func(f *forger) { delete(f.claims, "exp") }, "token_expired"},
		{"an end in words", func(f *forger) { f.claims["exp"] = "never" }, "token_expired"},
		{"of the future", func(f *forger) { f.claims["iat"] = now.Add(time.Hour).Unix() }, "issued_in_future"},
		{"not valid yet", func(f *forger) { f.claims["nbf"] = now.Add(time.Hour).Unix() }, "not_yet_valid"},
		{"no nonce", func(f *forger) { delete(f.claims, "nonce") }, "nonce_mismatch"},
		{"signed by a stranger", func(f *forger) {
			stranger := idtokentest.NewEC(t, "k1")
			f.token = func(w http.ResponseWriter, _ *http.Request) {
				_ = json.NewEncoder(w).Encode(map[string]any{"id_token": stranger.Sign(t, f.claims)})
			}
		}, "signature_invalid"},
		{"no ID token", func(f *forger) {
			f.token = func(w http.ResponseWriter, _ *http.Request) {
				_ = json.NewEncoder(w).Encode(map[string]any{"access_token": "x"})
			}
		}, "code_refused"},
		{"an ID token twice", func(f *forger) {
			f.token = func(w http.ResponseWriter, _ *http.Request) {
				_, _ = w.Write([]byte(`{"id_token":"a","id_token":"b"}`))
			}
		}, "code_refused"},
		{"userinfo of another", func(f *forger) {
			delete(f.claims, "email")
			f.userinfo = map[string]any{"sub": "2", "email": "boss@example.com", "email_verified": true}
		}, "claims_malformed"},
		{"a redirect of the token endpoint is not followed", func(f *forger) {
			f.token = func(w http.ResponseWriter, r *http.Request) {
				http.Redirect(w, r, "https://evil.example.com/", http.StatusTemporaryRedirect)
			}
		}, "code_refused"},
	} {
		t.Run(tc.why, func(t *testing.T) {
			f, v, client := newForger(t)
			tc.change(f)
			login, err := v.SignIn(t.Context(), client, idtoken.Flow{State: "s", Nonce: "n", Verifier: "v"}, "code")
			if got := reasonOf(err); got != tc.reason || tc.reason == "" && err != nil {
				t.Fatalf("refused for %q, want %q: %v", got, tc.reason, err)
			}
			if err == nil && (login.Email != "ann@example.com" || !login.EmailVerified) {
				t.Errorf("signed in: %+v", login)
			}
		})
	}
}

func TestSignInTellsTheSecretOnlyOnce(t *testing.T) {
	f, v, client := newForger(t)
	client.Secret = "a+b&c=d %"
	var got url.Values
	var user, password string
	f.token = func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		got = r.PostForm
		user, password, _ = r.BasicAuth()
		http.Error(w, "{}", http.StatusBadRequest)
	}
	flow := idtoken.Flow{Nonce: "n", Verifier: "v"}
	_, _ = v.SignIn(t.Context(), client, flow, "code")
	if user != "slipway" || password != url.QueryEscape("a+b&c=d %") || got.Get("client_secret") != "" || got.Get("code_verifier") != "v" || got.Get("redirect_uri") != redirect {
		t.Errorf("by header: %q, %q, %v", user, password, got)
	}
	f2, v2, client2 := newForger(t)
	f2.discovery = map[string]any{"token_endpoint_auth_methods_supported": []string{"client_secret_post"}}
	f2.token = f.token
	_, _ = v2.SignIn(t.Context(), client2, flow, "code")
	if user != "" || got.Get("client_secret") != "secret" || got.Get("client_id") != "slipway" {
		t.Errorf("by form: %q, %v", user, got)
	}
}

func TestSignInNeedsAProvider(t *testing.T) {
	for name, doc := range map[string]map[string]any{
		"no authorization endpoint": {"authorization_endpoint": nil}, "one without TLS": {"authorization_endpoint": "http://login.example.com/"},
		"a script": {"authorization_endpoint": "javascript:alert(1)"}, "no token endpoint": {"token_endpoint": ""},
	} {
		f, v, client := newForger(t)
		f.discovery = doc
		if _, err := v.SignInURL(t.Context(), client, idtoken.Flow{}); slipway.KindOf(err) != slipway.Precondition {
			t.Errorf("%s: %v, want a Precondition", name, err)
		}
	}
	f, v, client := newForger(t)
	f.Close()
	if _, err := v.SignInURL(t.Context(), client, idtoken.Flow{}); slipway.KindOf(err) != slipway.Unavailable {
		t.Errorf("a provider that is away: %v, want Unavailable", err)
	}
	// An internal address stays out of reach unless the operator lists it.
	g, _, inside := newForger(t)
	v = idtoken.New(slog.New(slog.DiscardHandler), idtoken.Config{RootCAs: g.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs})
	if _, err := v.SignInURL(t.Context(), inside, idtoken.Flow{}); slipway.KindOf(err) != slipway.Unavailable {
		t.Errorf("a provider at an internal address: %v, want Unavailable", err)
	}
}
