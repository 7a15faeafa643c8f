package signer

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"fmt"
	"slices"
	"sync"
	"time"
)

// A Key is a signing key.
type Key struct {
	ID      string
	Private ed25519.PrivateKey
	Created time.Time
}

// A Keyring is where signing keys are kept: the store, joined in server. Its
// keys are those of all replicas.
type Keyring interface {
	SigningKeys(ctx context.Context) ([]Key, error) // newest first
	AddSigningKey(ctx context.Context, k Key) error
	DropSigningKeys(ctx context.Context, before time.Time) error // those created before it
}

const (
	// signFor is how long a key signs.
	signFor = 30 * 24 * time.Hour
	// verifyFor is how long it verifies after its successor came: longer than
	// any token lives.
	verifyFor = 48 * time.Hour
	// warmUp is how long a key waits before it signs if another one can: until
	// every replica has read it.
	warmUp = 5 * time.Minute
	// rereadAfter is how old the copy of the keyring may get.
	rereadAfter = time.Minute
	// missAfter is how long an unknown key id may not cause a read again.
	missAfter = time.Second
)

// keys is a copy of the keyring that follows it.
type keys struct {
	ring Keyring
	now  func() time.Time

	mu   sync.Mutex // guards what follows, and serialises reads and rotation
	list []Key      // newest first
	read time.Time
}

// signing returns the key to sign with, making one when the newest is too old.
func (k *keys) signing(ctx context.Context) (Key, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if err := k.reread(ctx, rereadAfter); err != nil {
		return Key{}, err
	}
	now := k.now()
	if len(k.list) == 0 || now.Sub(k.list[0].Created) >= signFor {
		if err := k.rotate(ctx, now); err != nil {
			return Key{}, err
		}
	}
	for _, key := range k.list {
		if now.Sub(key.Created) >= warmUp {
			return key, nil
		}
	}
	// All are young: the oldest is the one that other replicas know.
	return k.list[len(k.list)-1], nil
}

// verifying returns the key with that id if it still verifies.
func (k *keys) verifying(ctx context.Context, id string) (Key, bool, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if err := k.reread(ctx, rereadAfter); err != nil {
		return Key{}, false, err
	}
	if key, ok := k.find(id); ok {
		return key, true, nil
	}
	if err := k.reread(ctx, missAfter); err != nil {
		return Key{}, false, err
	}
	key, ok := k.find(id)
	return key, ok, nil
}

// find returns a key that verifies now. The lock is held.
func (k *keys) find(id string) (Key, bool) {
	now := k.now()
	for i, key := range k.list {
		if key.ID == id {
			return key, i == 0 || now.Sub(k.list[i-1].Created) < verifyFor
		}
	}
	return Key{}, false
}

// reread reads the keyring if the copy is older than age. The lock is held.
func (k *keys) reread(ctx context.Context, age time.Duration) error {
	now := k.now()
	if !k.read.IsZero() && now.Sub(k.read) < age {
		return nil
	}
	list, err := k.ring.SigningKeys(ctx)
	if err != nil {
		return fmt.Errorf("read signing keys: %w", err)
	}
	k.list, k.read = list, now
	return nil
}

// rotate adds a key and drops those that verify nothing any more. The lock is
// held. Replicas that rotate at once add a key each, which does no harm.
func (k *keys) rotate(ctx context.Context, now time.Time) error {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return fmt.Errorf("make signing key: %w", err)
	}
	if err := k.ring.AddSigningKey(ctx, Key{ID: rand.Text(), Private: private, Created: now}); err != nil {
		return fmt.Errorf("keep signing key: %w", err)
	}
	if err := k.reread(ctx, 0); err != nil {
		return err
	}
	if len(k.list) == 0 {
		return fmt.Errorf("keep signing key: the keyring lost it")
	}
	// The newest key whose successors may verify alone: what is older than it
	// had a successor for long enough.
	i := slices.IndexFunc(k.list, func(key Key) bool { return now.Sub(key.Created) >= verifyFor })
	if i < 0 {
		return nil
	}
	if err := k.ring.DropSigningKeys(ctx, k.list[i].Created); err != nil {
		return fmt.Errorf("drop signing keys: %w", err)
	}
	return nil
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

// Keys returns the public keys that verify tokens now, newest first.
func (s *Signer) Keys(ctx context.Context) (JWKS, error) {
	k := s.keys
	k.mu.Lock()
	defer k.mu.Unlock()
	if err := k.reread(ctx, rereadAfter); err != nil {
		return JWKS{}, err
	}
	set := JWKS{Keys: []JWK{}}
	for _, key := range k.list {
		if _, ok := k.find(key.ID); ok {
			set.Keys = append(set.Keys, JWK{
				Type: "OKP", Curve: "Ed25519", X: encode(key.Private.Public().(ed25519.PublicKey)),
				ID: key.ID, Use: "sig", Algorithm: "EdDSA",
			})
		}
	}
	return set, nil
}
