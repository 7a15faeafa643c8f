// Package idtoken verifies ID tokens of foreign issuers: that the issuer whom
// the caller names signed them, with a key that it publishes now.
//
// It is the only room that fetches a URL that a user named, so it trusts
// nothing about it: https only, addresses checked after DNS at the moment of
// dialling, no redirects, no proxies, bounded bodies, few seconds. What a token
// says about itself never leads to a fetch: an unverified iss is compared and
// nothing more, jku and x5u are ignored.
//
// The invariant to keep: every step that costs something stands behind the
// cheaper ones, and nothing that a stranger can send makes an issuer be asked
// more often than the cooldowns allow.
package idtoken

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"log/slog"
	"os"
	"time"

	"github.com/go-jose/go-jose/v4"

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

// A Verifier verifies tokens of any number of issuers and keeps their keys. It
// may be used by many goroutines.
type Verifier struct {
	cache *cache
}

// New returns a Verifier. It fetches nothing before the first token.
func New(lg *slog.Logger, cfg Config) *Verifier {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Timeout <= 0 {
		cfg.Timeout = 5 * time.Second
	}
	return &Verifier{cache: newCache(lg, newFetcher(lg, cfg), cfg.Now)}
}

// Verify returns the claims of raw if issuer signed it. It says who speaks, not
// whether they may sign in: times, audience and everything else that the token
// says are for trust to judge. The checks tell what was looked at, whatever the
// outcome. A refusal is a *Refusal.
func (v *Verifier) Verify(ctx context.Context, issuer, raw string) (trust.Claims, []slipway.TrustCheck, error) {
	claims, err := v.verify(ctx, issuer, raw)
	if err == nil {
		return claims, []slipway.TrustCheck{
			{Name: "form", OK: true, Want: "a signed token in compact form", Got: "one"},
			{Name: "signature", OK: true, Want: "made by a key of " + issuer, Got: claims.Algorithm},
		}, nil
	}
	if r, ok := errors.AsType[*Refusal](err); ok {
		return trust.Claims{}, []slipway.TrustCheck{r.Check}, err
	}
	return trust.Claims{}, nil, err
}

func (v *Verifier) verify(ctx context.Context, issuer, raw string) (trust.Claims, error) {
	t, err := v.signed(ctx, issuer, raw)
	if err != nil {
		return trust.Claims{}, err
	}
	claims, err := trust.ReadClaims(t.claims, t.header.alg)
	if err != nil {
		return trust.Claims{}, refuse("claims_malformed", err).got(err.Error())
	}
	return claims, nil
}

// signed returns raw taken apart if a key that issuer publishes verifies it.
// Its claims are a JSON object, whatever they say.
func (v *Verifier) signed(ctx context.Context, issuer, raw string) (token, error) {
	t, err := parse(raw)
	if err != nil {
		return token{}, err
	}
	// Without a readable iss the signature decides first whether the token is
	// worth an explanation; the claims are refused below either way.
	if t.issuer != "" && t.issuer != issuer {
		return token{}, refuse("issuer_mismatch", nil).want(issuer).got(t.issuer)
	}
	k, err := v.cache.key(ctx, issuer, t.header)
	if err != nil {
		return token{}, err
	}
	payload, err := t.signed.Verify(k.public)
	if err != nil || !bytes.Equal(payload, t.payload) {
		return token{}, refuse("signature_invalid", err).want("made by a key of " + issuer).got("key " + k.id)
	}
	if t.malformed != nil {
		return token{}, refuse("claims_malformed", t.malformed).got(t.malformed.Error())
	}
	return t, nil
}

// Run keeps the keys of issuers in use fresh until ctx ends.
func (v *Verifier) Run(ctx context.Context) error {
	tick := time.NewTicker(lookAround)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			v.Refresh(ctx)
		}
	}
}

// Refresh fetches the keys of every issuer whose turn it is: those in use whose
// keys are some minutes old. Run calls it; it returns when all are done.
func (v *Verifier) Refresh(ctx context.Context) { v.cache.refreshDue(ctx) }

// Counters counts what a Verifier did since it was made.
type Counters struct {
	Fetches   int64 // of an issuer's keys, successful or not
	Failures  int64 // fetches that brought no usable set
	StaleUses int64 // tokens verified with keys past their freshness because the issuer was down
	JunkKeys  int64 // published keys that could not be used, counted at every fetch
}

// Counters returns the counts so far.
func (v *Verifier) Counters() Counters {
	return Counters{
		Fetches:   v.cache.fetches.Load(),
		Failures:  v.cache.failures.Load(),
		StaleUses: v.cache.staleUses.Load(),
		JunkKeys:  v.cache.junk.Load(),
	}
}

// LoadCAs returns the system's certificate authorities and those of a PEM file.
func LoadCAs(path string) (*x509.CertPool, error) {
	pem, err := os.ReadFile(path)
	if err != nil {
		return nil, slipway.Errorf(slipway.Invalid, "read certificate authorities: %w", err)
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if !pool.AppendCertsFromPEM(pem) {
		return nil, slipway.Errorf(slipway.Invalid, "%s holds no certificate in PEM form", path)
	}
	return pool, nil
}

// algorithms are the signatures that are verified at all; trust narrows them
// down for each platform. Neither none nor any HMAC will ever be among them:
// the keys are public.
var algorithms = []jose.SignatureAlgorithm{
	jose.RS256, jose.RS384, jose.RS512, jose.PS256, jose.ES256, jose.ES384, jose.EdDSA,
}
