// Package storetest holds what every store must do, as a suite that runs on
// each database, and opens throw-away stores for the tests of other rooms.
package storetest

import (
	"bytes"
	"log/slog"
	"testing"

	"slipway/internal/dbtest"
	"slipway/internal/store"
)

// Key is the master key of the stores that this package opens.
func Key() []byte { return bytes.Repeat([]byte{7}, store.KeySize) }

// SQLite opens an empty store in a temporary folder; it is closed when t ends.
func SQLite(t testing.TB) *store.Store {
	t.Helper()
	return Open(t, store.Config{Dir: t.TempDir()})
}

// Postgres opens an empty store in a lent PostgreSQL database.
func Postgres(t testing.TB) *store.Store {
	t.Helper()
	return Open(t, store.Config{URL: dbtest.Postgres(t).URL})
}

// Open opens the store of cfg with Key unless cfg has another; it is closed when
// t ends.
func Open(t testing.TB, cfg store.Config) *store.Store {
	t.Helper()
	if cfg.Key == nil {
		cfg.Key = Key()
	}
	s, err := store.Open(t.Context(), Log(t), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close the store: %v", err)
		}
	})
	return s
}

// Log returns a logger that writes to t.
func Log(t testing.TB) *slog.Logger {
	return slog.New(slog.NewTextHandler(t.Output(), nil))
}
