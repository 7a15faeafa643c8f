package idtoken

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"slipway/internal/trust"
)

const (
	maxBody = 256 << 10 // bytes of a discovery document or a key set

	// Bounds of how long a key set is used without looking, whatever the
	// issuer's Cache-Control says: GitLab's says a day.
	minFresh = 5 * time.Minute
	maxFresh = time.Hour
)

// A fetcher gets key sets from issuers.
type fetcher struct {
	public  *http.Client // refuses addresses that are not on the public internet
	private *http.Client // dials whatever DNS answers
	allowed []string     // issuers that private may be used for
	timeout time.Duration
}

func newFetcher(lg *slog.Logger, cfg Config) *fetcher {
	return &fetcher{
		public:  client(cfg, &net.Dialer{Timeout: cfg.Timeout, ControlContext: guard}),
		private: client(cfg, &net.Dialer{Timeout: cfg.Timeout}),
		allowed: slices.Clone(cfg.PrivateIssuers),
		timeout: cfg.Timeout,
	}
}

func client(cfg Config, d *net.Dialer) *http.Client {
	return &http.Client{
		Transport: &http.Transport{
			Proxy:                  nil, // a proxy would resolve and dial where the guard cannot see
			DialContext:            d.DialContext,
			TLSClientConfig:        &tls.Config{RootCAs: cfg.RootCAs, MinVersion: tls.VersionTLS12},
			ForceAttemptHTTP2:      true,
			DisableKeepAlives:      true, // two requests in five minutes
			DisableCompression:     true, // the bound on a body is then a bound on what is read
			MaxResponseHeaderBytes: 64 << 10,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// fetched is what one fetch brought.
type fetched struct {
	set       *keySet
	fresh     time.Duration
	endpoints endpoints
}

// keys gets issuer's discovery document (OpenID Connect Discovery 1.0 §4) and
// the key set that it points to.
func (f *fetcher) keys(ctx context.Context, issuer string) (fetched, error) {
	ctx, cancel := context.WithTimeout(ctx, f.timeout)
	defer cancel()
	base, err := f.checkIssuer(issuer)
	if err != nil {
		return fetched{}, fmt.Errorf("read issuer %s: %w", issuer, err)
	}
	body, _, err := f.get(ctx, issuer, base, strings.TrimSuffix(issuer, "/")+"/.well-known/openid-configuration")
	if err != nil {
		return fetched{}, fmt.Errorf("fetch discovery document: %w", err)
	}
	doc, err := trust.ParseObject(body)
	if err != nil {
		return fetched{}, fmt.Errorf("read discovery document: %w", err)
	}
	if named, _ := doc["issuer"].(string); named != issuer {
		return fetched{}, fmt.Errorf("read discovery document: it belongs to issuer %.200q", named)
	}
	jwks, _ := doc["jwks_uri"].(string)
	if err := checkKeysURL(base, jwks); err != nil {
		return fetched{}, fmt.Errorf("read jwks_uri %.200q: %w", jwks, err)
	}
	body, header, err := f.get(ctx, issuer, base, jwks)
	if err != nil {
		return fetched{}, fmt.Errorf("fetch keys: %w", err)
	}
	set, err := parseKeys(body)
	if err != nil {
		return fetched{}, err
	}
	return fetched{set: set, fresh: freshness(header.Get("Cache-Control")), endpoints: readEndpoints(doc)}, nil
}

// get reads a JSON document of at most maxBody bytes.
func (f *fetcher) get(ctx context.Context, issuer string, base *url.URL, target string) ([]byte, http.Header, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, target, nil)
	if err != nil {
		return nil, nil, fmt.Errorf("read URL: %w", err)
	}
	body, resp, err := f.do(issuer, base, req)
	if err != nil {
		return nil, nil, err
	}
	if resp.status != http.StatusOK {
		return nil, nil, fmt.Errorf("%s answers with status %d", target, resp.status)
	}
	if err := checkJSON(target, resp.header); err != nil {
		return nil, nil, err
	}
	return body, resp.header, nil
}

// A reply is what an answer says beside its body.
type reply struct {
	status int
	header http.Header
}

// do sends req and reads the answer's body, of at most maxBody bytes. Only an
// issuer that may be private has its own host dialled without the guard.
func (f *fetcher) do(issuer string, base *url.URL, req *http.Request) ([]byte, reply, error) {
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", "slipway")
	c := f.public
	if slices.Contains(f.allowed, issuer) && strings.EqualFold(req.URL.Hostname(), base.Hostname()) {
		c = f.private
	}
	resp, err := c.Do(req)
	if err != nil {
		return nil, reply{}, err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxBody+1))
	if err != nil {
		return nil, reply{}, fmt.Errorf("read %s: %w", req.URL, err)
	}
	if len(body) > maxBody {
		return nil, reply{}, fmt.Errorf("read %s: more than %d bytes", req.URL, maxBody)
	}
	return body, reply{resp.StatusCode, resp.Header}, nil
}

func checkJSON(target string, header http.Header) error {
	media, _, _ := mime.ParseMediaType(header.Get("Content-Type"))
	if media != "application/json" && !(strings.HasPrefix(media, "application/") && strings.HasSuffix(media, "+json")) {
		return fmt.Errorf("%s answers with content type %.80q instead of JSON", target, media)
	}
	return nil
}

// checkIssuer refuses issuer URLs that trust would refuse as well, and ports of
// other well-known services.
func (f *fetcher) checkIssuer(issuer string) (*url.URL, error) {
	u, err := parseURL(issuer)
	if err != nil {
		return nil, err
	}
	if u.RawQuery != "" || u.ForceQuery {
		return nil, fmt.Errorf("a query is no part of an issuer's URL")
	}
	if n, err := strconv.Atoi(u.Port()); u.Port() != "" && !slices.Contains(f.allowed, issuer) && (err != nil || n != 443 && n < 1024) {
		return nil, fmt.Errorf("port %s is not one for https", u.Port())
	}
	return u, nil
}

// checkKeysURL lets a jwks_uri be on any host, as it is for an instance that has
// its issuer URL elsewhere, but on no port that the issuer itself is not on.
func checkKeysURL(issuer *url.URL, raw string) error {
	u, err := parseURL(raw)
	if err != nil {
		return err
	}
	if p := u.Port(); p != "" && p != "443" && p != issuer.Port() {
		return fmt.Errorf("port %s is neither 443 nor the issuer's", p)
	}
	return nil
}

func parseURL(raw string) (*url.URL, error) {
	u, err := url.Parse(raw)
	switch {
	case err != nil:
		return nil, fmt.Errorf("it is no URL")
	case u.Scheme != "https" || u.Opaque != "":
		return nil, fmt.Errorf("it is no https URL")
	case u.Hostname() == "":
		return nil, fmt.Errorf("it names no host")
	case u.User != nil:
		return nil, fmt.Errorf("it holds a user name")
	case strings.Contains(raw, "#"):
		return nil, fmt.Errorf("it has a fragment")
	case numeric(u.Hostname()):
		return nil, fmt.Errorf("its host is a number in disguise")
	}
	return u, nil
}

// freshness reads max-age (RFC 9111 §5.2.2.1) and keeps it within bounds.
func freshness(cacheControl string) time.Duration {
	age := minFresh
	for directive := range strings.SplitSeq(strings.ToLower(cacheControl), ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(directive), "=")
		switch name {
		case "no-store", "no-cache":
			return minFresh
		case "max-age":
			n, err := strconv.ParseInt(strings.Trim(value, `"`), 10, 32)
			if err != nil {
				return minFresh
			}
			age = time.Duration(n) * time.Second
		}
	}
	return min(max(age, minFresh), maxFresh)
}
