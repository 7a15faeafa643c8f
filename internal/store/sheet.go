package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"

	"slipway"
)

// Sheet returns the whole of a piece of SQL by the hex SHA-256 of its bytes.
func (r Reader) Sheet(ctx context.Context, project, sha256 string) (slipway.Sheet, error) {
	s := slipway.Sheet{Project: project, SHA256: sha256}
	content, err := one(ctx, r, "sheet "+quote(s.Name()), scanned[[]byte], ask(`
		SELECT content FROM sheet WHERE project = $1 AND sha256 = $2`, project, sha256))
	s.Content, s.Size = content, int64(len(content))
	return s, err
}

// PutSheet keeps a piece of SQL for a project and returns the hex SHA-256 by
// which Sheet finds it. What is there already is left alone.
func (tx *Tx) PutSheet(ctx context.Context, project string, content []byte) (string, error) {
	sum := sha256.Sum256(content)
	name := hex.EncodeToString(sum[:])
	have, err := one(ctx, tx.Reader, "whether a sheet is there", scanned[int], ask(`
		SELECT count(*) FROM sheet WHERE project = $1 AND sha256 = $2`, project, name))
	if err != nil || have > 0 {
		return name, err // sending a hundred megabytes to be ignored is worth a look first
	}
	_, err = tx.exec(ctx, "put a sheet", ask(`
		INSERT INTO sheet (project, sha256, content) VALUES ($1, $2, $3)
		ON CONFLICT DO NOTHING`, project, name, content))
	return name, err
}

// SheetPart returns a sheet with at most size bytes of its content from an
// offset, without reading the rest out of the database.
func (r Reader) SheetPart(ctx context.Context, project, sha256 string, from, size int) (slipway.Sheet, error) {
	s := slipway.Sheet{Project: project, SHA256: sha256}
	return one(ctx, r, "sheet "+quote(s.Name()), func(row row) (slipway.Sheet, error) {
		err := row.Scan(&s.Content, &s.Size)
		return s, err
	}, ask(`
		SELECT substr(content, $3, $4), length(content) FROM sheet WHERE project = $1 AND sha256 = $2`, project, sha256, from+1, size))
}
