package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
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

// A Store is all that the server remembers. It is safe for concurrent use.
type Store struct {
	Reader
	lg  *slog.Logger
	now func() time.Time
	db  *backend

	records recorder
}

// A Tx writes, all or nothing; see Store.Update. It is for one goroutine.
type Tx struct {
	Reader
	now  func() time.Time
	db   *backend
	conn *sql.Conn
	tx   *sql.Tx
}

// A backend is what differs between the two databases.
type backend struct {
	read, write *sql.DB                   // one and the same on PostgreSQL
	rewrite     func(query string) string // $n to what the driver understands
	classify    func(error) slipway.Kind
	migrate     func(context.Context) error
	queue       queue
	close       func() error
}

// Open opens the store that cfg describes and brings its tables up to date.
//
// The error is a Precondition with words for the operator when the folder is in
// use by another server, when the store was written by a newer Slipway, or when
// cfg.Key is not the key that the store was made with.
func Open(ctx context.Context, lg *slog.Logger, cfg Config) (*Store, error) {
	box, err := newBox(cfg.Key)
	if err != nil {
		return nil, err
	}
	now := cfg.Now
	if now == nil {
		now = time.Now
	}
	lg = slog.New(warnings{lg.Handler()})
	open := openPostgres
	if cfg.URL == "" {
		open = openSQLite
	}
	db, err := open(ctx, lg, cfg)
	if err != nil {
		return nil, fmt.Errorf("open the store: %w", err)
	}
	s := &Store{Reader: Reader{q: db.read, db: db, box: box}, lg: lg, now: now, db: db}
	if err := s.prepare(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("open the store: %w", err), s.Close())
	}
	return s, nil
}

func (s *Store) prepare(ctx context.Context) error {
	if err := s.db.migrate(ctx); err != nil {
		return fmt.Errorf("bring the tables up to date: %w", err)
	}
	return s.Update(ctx, func(tx *Tx) error { return tx.checkKey(ctx) })
}

// Close lets go of the database. The store is of no use afterwards.
func (s *Store) Close() error { return s.db.close() }

// Ping reports whether the database answers.
func (s *Store) Ping(ctx context.Context) error {
	if err := s.db.read.PingContext(ctx); err != nil {
		return s.db.failed("reach the store", err)
	}
	return nil
}

// Update runs f in one transaction: all of its writes happen, or, when f
// returns an error, none. It is the only way to write. f must use tx alone, not
// the Store, which on SQLite would wait for itself. An error of f is returned as
// it is. A Conflict says that nothing was written because of somebody else's
// write at the same time.
func (s *Store) Update(ctx context.Context, f func(tx *Tx) error) error {
	conn, err := s.db.write.Conn(ctx)
	if err != nil {
		return s.db.failed("begin a transaction", err)
	}
	defer func() { _ = conn.Close() }() // gives it back to the pool, which has nothing to say
	t, err := conn.BeginTx(ctx, nil)
	if err != nil {
		return s.db.failed("begin a transaction", err)
	}
	defer t.Rollback() // after a commit it does nothing
	tx := &Tx{Reader: Reader{q: t, db: s.db, box: s.box}, now: s.now, db: s.db, conn: conn, tx: t}
	if err := f(tx); err != nil {
		return err
	}
	if err := t.Commit(); err != nil {
		return s.db.failed("commit a transaction", err)
	}
	return nil
}

// Warnings lets warnings and worse through: the libraries below tell about
// their daily life at levels that are the operator's.
type warnings struct{ slog.Handler }

func (w warnings) Enabled(ctx context.Context, l slog.Level) bool {
	return l >= slog.LevelWarn && w.Handler.Enabled(ctx, l)
}

func (w warnings) WithAttrs(attrs []slog.Attr) slog.Handler {
	return warnings{w.Handler.WithAttrs(attrs)}
}

func (w warnings) WithGroup(name string) slog.Handler { return warnings{w.Handler.WithGroup(name)} }
