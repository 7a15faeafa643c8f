package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"

	"slipway/internal/oauth"
)

const keysPath = "/.well-known/jwks.json"

// A front is what the one port serves.
type front struct {
	lg      *slog.Logger
	api     http.Handler
	console http.Handler
	oauth   http.Handler
	keys    func(context.Context) (any, error) // the public keys of our tokens, as a JWK set
	ready   func(context.Context) error        // nil when requests can be served
	metrics *metrics
}

// handler routes by path: what the API answers to begins with /v1/ or is a
// procedure ("/bytebase.v1.AuthService/Login"); all the rest is the console's.
// The API is not behind the ServeMux, which would redirect a name with an
// escaped slash to another resource's.
func (f front) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { plain(w, http.StatusOK, "ok") })
	mux.HandleFunc("GET /readyz", f.readyz)
	mux.Handle("GET /metrics", f.metrics)
	mux.HandleFunc("GET "+keysPath, f.jwks)
	mux.Handle(oauth.TokenPath, f.metrics.count("api", f.oauth))
	mux.Handle(oauth.MetadataPath, f.oauth)
	mux.Handle("/", f.metrics.count("console", f.console))
	api := f.metrics.count("api", f.api)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if ofAPI(r.URL.Path) {
			api.ServeHTTP(w, r)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

// ofAPI reports whether path is REST ("/v1/users/me") or a procedure, whose
// first segment is a service's full name and so has a dot in it.
func ofAPI(path string) bool {
	first, _, more := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	return more && (first == "v1" || strings.Contains(first, ".") && !strings.HasPrefix(first, "."))
}

func plain(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	fmt.Fprintln(w, text)
}

// readyz answers 503 while the store can't be reached. It tells no more: it
// needs no credential.
func (f front) readyz(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), 2*time.Second)
	defer cancel()
	if err := f.ready(ctx); err != nil {
		f.lg.WarnContext(ctx, "not ready", "err", err)
		plain(w, http.StatusServiceUnavailable, "not ready: the store does not answer")
		return
	}
	plain(w, http.StatusOK, "ok")
}

func (f front) jwks(w http.ResponseWriter, r *http.Request) {
	keys, err := f.keys(r.Context())
	if err != nil {
		f.lg.ErrorContext(r.Context(), "read public keys", "err", err)
		plain(w, http.StatusInternalServerError, "the keys can't be read; the server's log has the details")
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "public, max-age=300")
	_ = json.NewEncoder(w).Encode(keys) // the client went away
}

// serve answers on ln until ctx ends and then lets requests in flight end for
// up to five seconds.
func serve(ctx context.Context, lg *slog.Logger, ln net.Listener, h http.Handler) error {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(true) // gRPC clients inside a network speak it without TLS
	srv := &http.Server{
		Handler:           h,
		Protocols:         protocols,
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(lg.Handler(), slog.LevelWarn),
	}
	done := make(chan error, 1)
	go func() { done <- srv.Serve(ln) }()
	select {
	case err := <-done:
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
	}
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if err := srv.Shutdown(bounded); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("stop serving: %w", err)
	}
	return srv.Close()
}
