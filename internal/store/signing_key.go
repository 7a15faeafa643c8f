package store

import (
	"context"
	"crypto/ed25519"
	"time"

	"slipway"
)

// A SigningKey signs the tokens that the server mints. The private part is
// sealed in the database.
type SigningKey struct {
	ID      string
	Private ed25519.PrivateKey
	Created time.Time
}

func (k SigningKey) resource() string { return "signingKeys/" + k.ID }

// SigningKeys returns the signing keys, newest first.
func (r Reader) SigningKeys(ctx context.Context) ([]SigningKey, error) {
	scan := func(row row) (k SigningKey, err error) {
		var sealed []byte
		if err := row.Scan(&k.ID, &sealed, at(&k.Created)); err != nil {
			return k, err
		}
		seed, err := r.box.open(sealed, k.resource())
		if err != nil {
			return k, err
		}
		if len(seed) != ed25519.SeedSize {
			return k, slipway.Errorf(slipway.Internal, "signing key %s has a seed of %d bytes", k.ID, len(seed))
		}
		k.Private = ed25519.NewKeyFromSeed(seed)
		return k, nil
	}
	return all(ctx, r, "list signing keys", scan, ask(`
		SELECT id, sealed, created FROM signing_key ORDER BY created DESC, id DESC LIMIT $1`, slipway.MaxPageSize))
}

// AddSigningKey adds a signing key.
func (tx *Tx) AddSigningKey(ctx context.Context, k SigningKey) error {
	return tx.create(ctx, "signing key "+quote(k.ID), ask(`
		INSERT INTO signing_key (id, sealed, created) VALUES ($1, $2, $3)`,
		k.ID, tx.box.seal(k.Private.Seed(), k.resource()), k.Created))
}

// DropSigningKeys deletes the keys that were made before a moment.
func (tx *Tx) DropSigningKeys(ctx context.Context, before time.Time) error {
	_, err := tx.exec(ctx, "drop old signing keys", ask(`DELETE FROM signing_key WHERE created < $1`, before))
	return err
}
