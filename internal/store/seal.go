package store

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"fmt"

	"slipway"
)

// A box seals secrets: AES-256-GCM with a random nonce, under a key derived from
// the master key, so that the master key itself encrypts nothing and can serve
// other purposes by other derivations. The resource that a secret belongs to is
// associated data: a sealed value moved to another row does not open.
type box struct{ gcm cipher.AEAD }

// KeySize is the size of a master key in bytes.
const KeySize = 32

func newBox(master []byte) (box, error) {
	if len(master) != KeySize {
		return box{}, slipway.Errorf(slipway.Invalid, "master key: it has %d bytes, not %d", len(master), KeySize)
	}
	key, err := hkdf.Key(sha256.New, master, nil, "slipway store secrets 1", 32)
	if err != nil {
		return box{}, fmt.Errorf("derive the key of the store: %w", err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return box{}, fmt.Errorf("use the key of the store: %w", err)
	}
	gcm, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return box{}, fmt.Errorf("use the key of the store: %w", err)
	}
	return box{gcm}, nil
}

// seal encrypts secret for resource. No secret stays none, so that a row tells
// whether there is one.
func (b box) seal(secret []byte, resource string) []byte {
	if len(secret) == 0 {
		return nil
	}
	return b.gcm.Seal(nil, nil, secret, []byte(resource))
}

// open decrypts what seal returned for resource.
func (b box) open(sealed []byte, resource string) ([]byte, error) {
	if len(sealed) == 0 {
		return nil, nil
	}
	secret, err := b.gcm.Open(nil, nil, sealed, []byte(resource))
	if err != nil {
		return nil, fmt.Errorf("unseal a secret of %s: %w", resource, err)
	}
	return secret, nil
}

// checkKey makes sure that the store was made with the master key at hand, by a
// row that only that key opens. A new store gets the row.
func (tx *Tx) checkKey(ctx context.Context) error {
	const resource, song = "canary", "slipway"
	if _, err := tx.exec(ctx, "mark the master key", ask(`
		INSERT INTO canary (id, sealed) VALUES (1, $1)
		ON CONFLICT DO NOTHING`, tx.box.seal([]byte(song), resource))); err != nil {
		return err
	}
	sealed, err := one(ctx, tx.Reader, "the mark of the master key", scanned[[]byte], ask(`
		SELECT sealed FROM canary WHERE id = 1`))
	if err != nil {
		return err
	}
	if got, err := tx.box.open(sealed, resource); err != nil || string(got) != song {
		return slipway.Errorf(slipway.Precondition,
			"wrong master key: this store was made with another one, and without it the secrets in it cannot be read; start with the key it was made with")
	}
	return nil
}
