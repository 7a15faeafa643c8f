package store

import (
	"context"

	"slipway"
)

// Setting returns the value of a setting; it is NotFound until it is put.
func (r Reader) Setting(ctx context.Context, key string) ([]byte, error) {
	return one(ctx, r, "setting "+quote(key), scanned[[]byte], ask(`
		SELECT value FROM setting WHERE name = $1`, key))
}

// PutSetting sets a setting. Secrets do not belong here: it is not sealed.
func (tx *Tx) PutSetting(ctx context.Context, key string, value []byte) error {
	_, err := tx.exec(ctx, "put setting "+quote(key), ask(`
		INSERT INTO setting (name, value) VALUES ($1, $2)
		ON CONFLICT (name) DO UPDATE SET value = excluded.value`, key, value))
	return err
}

// SwapSetting is PutSetting if the value is still was, nil being none; otherwise
// it is a Conflict.
func (tx *Tx) SwapSetting(ctx context.Context, key string, was, value []byte) error {
	var n int64
	var err error
	if was == nil {
		n, err = tx.exec(ctx, "put setting "+quote(key), ask(`
			INSERT INTO setting (name, value) VALUES ($1, $2) ON CONFLICT DO NOTHING`, key, value))
	} else {
		n, err = tx.exec(ctx, "put setting "+quote(key), ask(`
			UPDATE setting SET value = $2 WHERE name = $1 AND value = $3`, key, value, was))
	}
	if err == nil && n == 0 {
		return slipway.Errorf(slipway.Conflict, "setting %s was changed by somebody else; read it again", quote(key))
	}
	return err
}
