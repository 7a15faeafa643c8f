package idtoken_test

import (
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
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

func TestAddresses(t *testing.T) {
	for address, allowed := range map[string]bool{
		"127.0.0.1": false, "127.8.8.8": false, "::1": false, "::ffff:127.0.0.1": false, "0.0.0.0": false, "::": false,
		"169.254.169.254": false, "fd00::1": false, "fd00:ec2::254": false, "fe80::1": false, "fe80::1%eth0": false,
		"10.1.2.3": false, "172.16.0.1": false, "172.31.255.255": false, "192.168.1.1": false, "::ffff:10.0.0.1": false, "::ffff:100.64.0.1": false,
		"100.64.0.1": false, "100.127.255.255": false, "192.0.0.8": false, "198.18.0.1": false, "198.19.255.255": false,
		"224.0.0.1": false, "255.255.255.255": false, "240.0.0.1": false, "ff02::1": false, "::7f00:1": false,
		"64:ff9b::7f00:1": false, "64:ff9b::a00:1": false, "64:ff9b:1::1": false, "2002:7f00:1::": false, "2001::1": false,
		"192.0.2.1": false, "203.0.113.9": false, "2001:db8::1": false,
		"::ffff:0:7f00:1": false, "::ffff:0:808:808": false, "4000::1": false, "fe00::1": false, "1::1": false, "3ffe::1": true,
		"172.64.1.1": true, "172.15.255.255": true, "100.128.0.1": true, "8.8.8.8": true, "198.20.0.1": true,
		"::ffff:8.8.8.8": true, "64:ff9b::808:808": true, "2606:4700::1111": true, "192.0.1.1": true,
	} {
		t.Run("N02 "+address, func(t *testing.T) {
			err := idtoken.CheckAddress(netip.MustParseAddr(address))
			if (err == nil) != allowed {
				t.Errorf("CheckAddress = %v, want allowed %v", err, allowed)
			}
		})
	}
}

func TestNumericHosts(t *testing.T) {
	for host, want := range map[string]bool{
		"2130706433": true, "0x7f.1": true, "0177.1": true, "127.1": true, "0x7f000001": true, "1.2.3.4.": true, "127.0.0.0x1": true,
		"10.example.com": false, "127.0.0.1": false, "::1": false, "gitlab.com": false, "0xample.com": false, "a.b1": false, "localhost": false,
	} {
		t.Run("N02 "+host, func(t *testing.T) {
			if got := idtoken.Numeric(host); got != want {
				t.Errorf("Numeric = %v, want %v", got, want)
			}
		})
	}
}

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
