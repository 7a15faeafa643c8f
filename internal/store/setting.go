package store

import "context"

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
