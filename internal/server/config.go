package server

import (
	"net"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"slipway"
)

// Config is all that can be said about a server when it starts. The zero
// value of a field is its default, as its comment says.
type Config struct {
	Listen      string // host:port; "127.0.0.1:8080". Port 0 takes a free one
	Data        string // folder for the embedded database, the master key and SQLite databases; "./slipway-data"
	DatabaseURL string // postgres://… keeps the server's own data there; "" is SQLite under Data
	ExternalURL string // how pipelines and browsers reach the server; "" is http:// and the address it listens on

	MasterKeyFile string // 32 bytes in base64; "" is Data/master.key, made when it is missing
	AdminEmail    string // with AdminPassword: the first Workspace Admin, made when there is nobody yet
	AdminPassword slipway.Secret

	// AllowPasswords lets people sign in with passwords where the settings have
	// switched that off.
	AllowPasswords bool

	PrivateIssuers []string // issuer URLs that may be on a private or loopback address
	IssuerCAFile   string   // PEM certificates of CAs to trust for issuers, beside the system's
	SQLiteRoots    []string // folders whose subfolders may be SQLite instances, beside Data/databases
	TrustedProxies []string // networks whose X-Forwarded-For is believed, "10.0.0.0/8"; none

	Workers int           // databases changed at a time; 4
	Drain   time.Duration // how long running statements may go on after SIGTERM; 30 s

	Version string // of this build
	Commit  string

	// Ready is called once with the URL that the server answers on; nil is nobody.
	Ready func(baseURL string)
	// SetupLink is called with the link by which the first administrator signs
	// up, when there is nobody yet and AdminEmail is empty; nil is nobody.
	SetupLink func(link string)
}

// normalised returns c with defaults filled in, or says which field is wrong,
// by its flag.
func (c Config) normalised() (Config, error) {
	if c.Listen == "" {
		c.Listen = "127.0.0.1:8080"
	}
	_, port, err := net.SplitHostPort(c.Listen)
	if err == nil {
		_, err = net.LookupPort("tcp", port)
	}
	if err != nil {
		return c, slipway.Errorf(slipway.Invalid, "--listen %q: want host:port, as in 127.0.0.1:8080", c.Listen)
	}
	if c.Data == "" {
		c.Data = "slipway-data"
	}
	abs, err := filepath.Abs(c.Data)
	if err != nil {
		return c, slipway.Errorf(slipway.Invalid, "--data %q: %w", c.Data, err)
	}
	c.Data = abs
	if c.DatabaseURL != "" {
		u, err := url.Parse(c.DatabaseURL)
		if err != nil || !slices.Contains([]string{"postgres", "postgresql"}, u.Scheme) {
			// The URL may hold a password, so it is not repeated.
			return c, slipway.Errorf(slipway.Invalid, "--database-url: want postgres://USER@HOST/DATABASE, or leave it out for SQLite under --data")
		}
	}
	if c.ExternalURL != "" {
		u, err := url.Parse(c.ExternalURL)
		if err == nil && u.User != nil {
			return c, slipway.Errorf(slipway.Invalid, "--external-url: a user name or password is no part of it; want https://HOST")
		}
		if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.RawQuery != "" || u.Fragment != "" {
			return c, slipway.Errorf(slipway.Invalid, "--external-url %q: want https://HOST", c.ExternalURL)
		}
		c.ExternalURL = strings.TrimSuffix(c.ExternalURL, "/")
	}
	for _, issuer := range c.PrivateIssuers {
		u, err := url.Parse(issuer)
		if err == nil && u.User != nil {
			return c, slipway.Errorf(slipway.Invalid, "--private-issuers: a user name or password is no part of an issuer's URL")
		}
		if err != nil || u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" {
			return c, slipway.Errorf(slipway.Invalid, "--private-issuers %q: want the issuer's URL as its tokens say it, https://HOST", issuer)
		}
	}
	if (c.AdminEmail == "") != (c.AdminPassword == "") {
		return c, slipway.Errorf(slipway.Invalid, "SLIPWAY_ADMIN_EMAIL and SLIPWAY_ADMIN_PASSWORD go together: give both or neither")
	}
	if c.Workers == 0 {
		c.Workers = 4
	}
	if c.Workers < 1 || c.Workers > 256 {
		return c, slipway.Errorf(slipway.Invalid, "--workers %d: want 1 to 256", c.Workers)
	}
	if c.Drain < 0 {
		return c, slipway.Errorf(slipway.Invalid, "--drain %s: it cannot be less than nothing", c.Drain)
	}
	if c.Drain == 0 {
		c.Drain = 30 * time.Second
	}
	roots := []string{filepath.Join(c.Data, "databases")}
	for _, r := range c.SQLiteRoots {
		abs, err := filepath.Abs(r)
		if err != nil {
			return c, slipway.Errorf(slipway.Invalid, "--sqlite-root %q: %w", r, err)
		}
		if info, err := os.Stat(abs); err != nil || !info.IsDir() {
			return c, slipway.Errorf(slipway.Invalid, "--sqlite-root %q is not a folder", r)
		}
		roots = append(roots, abs)
	}
	c.SQLiteRoots = roots
	return c, nil
}

// proxies returns the trusted networks.
func (c Config) proxies() (slipway.Proxies, error) {
	var out slipway.Proxies
	for _, s := range c.TrustedProxies {
		p, err := netip.ParsePrefix(s)
		if err != nil {
			return nil, slipway.Errorf(slipway.Invalid, "--trusted-proxy %q: want a network, as in 10.0.0.0/8", s)
		}
		out = append(out, p)
	}
	return out, nil
}
