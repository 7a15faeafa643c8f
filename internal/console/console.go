package console

import (
	"errors"
	"html/template"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"slipway"
	"slipway/internal/access"
	"slipway/internal/inventory"
	"slipway/internal/release"
	"slipway/internal/rollout"
)

// Deps is what the pages call.
type Deps struct {
	Access    *access.Service
	Inventory *inventory.Service
	Releases  *release.Service
	Rollouts  *rollout.Service
}

// Config is what New can be told.
type Config struct {
	// URL is how pipelines and browsers reach the server, without a slash at
	// its end: "https://slipway.example.com". Cookies are Secure behind https.
	URL string
	// TrustedProxies are whose X-Forwarded-For is believed.
	TrustedProxies slipway.Proxies
	Now            func() time.Time // nil is time.Now
}

// A Console serves the pages.
type Console struct {
	Deps
	lg     *slog.Logger
	cfg    Config
	secure bool // browsers come by https
	now    func() time.Time
	assets *assets
	pages  map[string]func() (*template.Template, error) // :: name → page with the layout around it
	needs  map[string]string                             // :: pattern → permission, of routes that a GET reaches

	zips    sync.Pool     // of *gzip.Writer: a new one costs more than most pages
	streams chan struct{} // one in it for each page that follows a rollout
}

// New returns the handler of every page and asset. Requests that change
// something and come from another origin are refused before any page sees them.
func New(lg *slog.Logger, deps Deps, cfg Config) (http.Handler, error) {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	c := &Console{Deps: deps, lg: lg, cfg: cfg, secure: isHTTPS(cfg.URL), now: cfg.Now, streams: make(chan struct{}, maxStreams), zips: sync.Pool{New: newZipper}}
	var err error
	if c.assets, err = loadAssets(); err != nil {
		return nil, err
	}
	if c.pages, err = loadTemplates(c.functions()); err != nil {
		return nil, err
	}
	return headers(c.secure, http.NewCrossOriginProtection().Handler(c.handler())), nil
}

// policy allows what the console itself serves and nothing inline.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; " +
	"connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

func headers(secure bool, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
		if secure {
			h.Set("Strict-Transport-Security", "max-age=31536000")
		}
		next.ServeHTTP(w, r)
	})
}

// denialOf returns what permission err says was missing, or nil.
func denialOf(err error) *slipway.Denial {
	if e, ok := errors.AsType[*slipway.Error](err); ok {
		return e.Denial
	}
	return nil
}
