package idtoken_test

import (
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"slipway"
	"slipway/internal/idtoken"
	"slipway/internal/idtokentest"
)

// TestLoopbackIsNotDialled uses a server that would answer well.
func TestLoopbackIsNotDialled(t *testing.T) {
	for name, change := range map[string]func(*idtoken.Config, string){
		"N02 no private issuers":        func(c *idtoken.Config, _ string) { c.PrivateIssuers = nil },
		"N06 another issuer is private": func(c *idtoken.Config, url string) { c.PrivateIssuers = []string{url + "/x", "https://127.0.0.1"} },
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			s.verifier = verifier(t, s.Issuer, s.clock, func(c *idtoken.Config) { change(c, s.URL()) })
			s.want(t, s.token(t), "jwks_unavailable")
			if got := s.Requests(); got != (idtokentest.Requests{}) {
				t.Errorf("the server was asked: %+v", got)
			}
		})
	}
}

// TestN08Proxies runs itself in a process whose environment names a proxy: the
// standard library reads it once, and never for loopback addresses.
func TestN08Proxies(t *testing.T) {
	const child = "SLIPWAY_TEST_IN_CHILD"
	if os.Getenv(child) != "" {
		v := idtoken.New(slog.New(slog.DiscardHandler), idtoken.Config{PrivateIssuers: []string{"https://gitlab.invalid"}})
		const iss = "https://gitlab.invalid" // RFC 6761: resolves nowhere
		_, _, err := v.Verify(t.Context(), iss, idtokentest.NewEC(t, "k").Sign(t, map[string]any{"iss": iss}))
		if r, ok := errors.AsType[*idtoken.Refusal](err); !ok || r.Reason != "jwks_unavailable" {
			t.Errorf("Verify: %v, want jwks_unavailable", err)
		}
		return
	}
	var asked atomic.Int64
	proxy := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	defer proxy.Close()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestN08Proxies$")
	cmd.Env = append(os.Environ(), child+"=1", "HTTPS_PROXY="+proxy.URL, "HTTP_PROXY="+proxy.URL, "ALL_PROXY="+proxy.URL, "NO_PROXY=")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if n := asked.Load(); n != 0 {
		t.Errorf("the proxy was asked %d times", n)
	}
}

func TestLoadCAs(t *testing.T) {
	s := newSite(t)
	dir := t.TempDir()
	good, bad := filepath.Join(dir, "ca.pem"), filepath.Join(dir, "bad.pem")
	for name, content := range map[string][]byte{good: s.CA(), bad: []byte("no certificate")} {
		if err := os.WriteFile(name, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	roots, err := idtoken.LoadCAs(good)
	if err != nil {
		t.Fatal(err)
	}
	s.verifier = verifier(t, s.Issuer, s.clock, func(c *idtoken.Config) { c.RootCAs = roots })
	s.want(t, s.token(t), "")
	if _, err := idtoken.LoadCAs(bad); slipway.KindOf(err) != slipway.Invalid || !strings.Contains(err.Error(), bad) {
		t.Errorf("LoadCAs of no certificate: %v", err)
	}
	if _, err := idtoken.LoadCAs(filepath.Join(dir, "none.pem")); err == nil {
		t.Error("LoadCAs of no file succeeded")
	}
}
