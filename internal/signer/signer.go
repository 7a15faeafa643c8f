// Package signer mints and verifies the short-lived tokens that CI jobs call
// Slipway with.
package signer

import (
	"context"
	"crypto/ed25519"
	"time"

	"slipway"
)

// A Key is a signing key.
type Key struct {
	ID      string
	Private ed25519.PrivateKey
	Created time.Time
}

// A Keyring is where signing keys are kept: the store, joined in server.
type Keyring interface {
	SigningKeys(ctx context.Context) ([]Key, error) // newest first
	AddSigningKey(ctx context.Context, k Key) error
	DropSigningKeys(ctx context.Context, before time.Time) error // those created before it
}

// A Token is what one of our tokens says.
type Token struct {
	Identity string      // e-mail of the workload identity
	Revision int64       // of the identity when the token was minted
	Job      slipway.Job // that exchanged its ID token
	Issued   time.Time   // set by Mint
	Expires  time.Time   // whole seconds
	ID       string      // set by Mint, random
}

// A Signer mints and verifies tokens.
type Signer struct{}

// New returns a Signer with keys from ring. A nil now is time.Now.
func New(ring Keyring, now func() time.Time) *Signer { return &Signer{} }

// Mint returns t signed.
func (s *Signer) Mint(ctx context.Context, t Token) (string, error) {
	return "", slipway.Errorf(slipway.Unimplemented, "tokens are not minted yet")
}

// Verify returns what raw says if it is a token of ours that is still good.
// Anything else is Unauthenticated.
func (s *Signer) Verify(ctx context.Context, raw string) (Token, error) {
	return Token{}, slipway.Errorf(slipway.Unimplemented, "tokens are not verified yet")
}

// JWKS is a set of public keys as RFC 7517 §5 writes it.
type JWKS struct {
	Keys []JWK `json:"keys"`
}

// A JWK is one Ed25519 public key (RFC 8037 §2).
type JWK struct {
	Type      string `json:"kty"`
	Curve     string `json:"crv"`
	X         string `json:"x"`
	ID        string `json:"kid"`
	Use       string `json:"use"`
	Algorithm string `json:"alg"`
}

// Keys returns the public keys that verify tokens now.
func (s *Signer) Keys(ctx context.Context) (JWKS, error) { return JWKS{}, nil }
