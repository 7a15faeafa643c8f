package store

import (
	"context"
	"log/slog"
	"time"

	"slipway"
)

// A Config says where a Store keeps what it remembers.
type Config struct {
	URL string           // "postgres://…"; "" is SQLite in Dir
	Dir string           // folder of the SQLite file; made if absent
	Key []byte           // master key, 32 random bytes, that seals secrets
	Now func() time.Time // nil is time.Now
}

// A Store is all that the server remembers.
type Store struct {
	Reader
}

// A Reader reads. The one in a Store reads what is committed, the one in a Tx
// sees that transaction's writes too.
type Reader struct{}

// A Tx writes, all or nothing; see Store.Update.
type Tx struct {
	Reader
}

// Open opens the store that cfg describes and brings its tables up to date.
func Open(ctx context.Context, lg *slog.Logger, cfg Config) (*Store, error) {
	return nil, slipway.Errorf(slipway.Unimplemented, "the store cannot be opened yet")
}

// Close lets go of the database. The store is of no use afterwards.
func (s *Store) Close() error {
	return slipway.Errorf(slipway.Unimplemented, "the store cannot be closed yet")
}

// Ping reports whether the database answers.
func (s *Store) Ping(ctx context.Context) error {
	return slipway.Errorf(slipway.Unimplemented, "the store cannot be reached yet")
}

// Update runs f in one transaction: all of its writes happen, or, when f
// returns an error, none. It is the only way to write. f must use tx alone, not
// the Store, which would wait for itself on SQLite.
func (s *Store) Update(ctx context.Context, f func(tx *Tx) error) error {
	return slipway.Errorf(slipway.Unimplemented, "the store cannot write yet")
}
