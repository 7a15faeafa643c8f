// Package idtoken verifies ID tokens of foreign issuers.
package idtoken

import (
	"context"
	"crypto/x509"
	"log/slog"
	"time"

	"slipway"
	"slipway/internal/trust"
)

// Config says how issuers are reached. The zero Config reaches public issuers
// that the system's certificate authorities vouch for.
type Config struct {
	// PrivateIssuers are issuer URLs, byte for byte as in iss, that may live at
	// private or loopback addresses. A jwks_uri of theirs may do so too when
	// it is on the same host.
	PrivateIssuers []string
	RootCAs        *x509.CertPool   // nil: the system's; LoadCAs adds a file to those
	Now            func() time.Time // nil: time.Now
	Timeout        time.Duration    // of one fetch of discovery and keys together; 0: 5 s
}

// A Verifier verifies tokens of any number of issuers and keeps their keys.
type Verifier struct{}

// New returns a Verifier. It fetches nothing before the first token.
func New(lg *slog.Logger, cfg Config) *Verifier { return &Verifier{} }

// A Refusal is why a token was not verified. Its Kind is Unauthenticated, or
// Unavailable when Reason is "jwks_unavailable" and CI should retry.
type Refusal struct {
	Reason string // "signature_invalid"
	err    *slipway.Error
}

// Error returns the reason and, for the log, the cause.
func (r *Refusal) Error() string { return r.Reason + ": " + r.err.Error() }

// Unwrap returns the *slipway.Error, whose message may be shown to anyone.
func (r *Refusal) Unwrap() error { return r.err }

// Verify returns the claims of raw if issuer signed it. It says who speaks, not
// whether they may sign in: times and audience are trust's part. The checks
// tell what was looked at, whatever the outcome. A refusal is a *Refusal.
func (v *Verifier) Verify(ctx context.Context, issuer, raw string) (trust.Claims, []slipway.TrustCheck, error) {
	return trust.Claims{}, nil, slipway.Errorf(slipway.Unimplemented, "tokens are not verified yet")
}

// Run keeps the keys of issuers in use fresh until ctx ends.
func (v *Verifier) Run(ctx context.Context) error { <-ctx.Done(); return nil }

// Counters counts what a Verifier did since it was made.
type Counters struct {
	Fetches   int64 // of an issuer's keys, successful or not
	Failures  int64 // fetches that brought no usable set
	StaleUses int64 // tokens verified with keys past their freshness because the issuer was down
	JunkKeys  int64 // published keys that could not be used, per fetch
}

// Counters returns the counts so far.
func (v *Verifier) Counters() Counters { return Counters{} }

// LoadCAs returns the system's certificate authorities and those of a PEM file.
func LoadCAs(path string) (*x509.CertPool, error) {
	return nil, slipway.Errorf(slipway.Unimplemented, "CA files are not read yet")
}
