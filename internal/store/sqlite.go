package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/pressly/goose/v3"
	"github.com/riverqueue/river/riverdriver/riversqlite"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"slipway"
)

// sqliteFile is the store's file in the data folder. SQLite puts "-wal" and
// "-shm" files with the same permissions next to it.
const sqliteFile = "slipway.db"

// openSQLite opens the store in cfg.Dir with one connection that writes, as
// SQLite has one writer anyway and waiting in Go is fairer than its busy loop,
// and a pool that reads.
func openSQLite(ctx context.Context, lg *slog.Logger, cfg Config) (*backend, error) {
	if cfg.Dir == "" {
		return nil, slipway.Errorf(slipway.Invalid, "data folder: name one, or a PostgreSQL URL")
	}
	dir, err := filepath.Abs(cfg.Dir)
	if err != nil {
		return nil, fmt.Errorf("find the data folder: %w", err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the data folder: %w", err)
	}
	unlock, err := lockFolder(dir)
	if err != nil {
		return nil, err
	}
	file := filepath.Join(dir, sqliteFile)
	f, err := os.OpenFile(file, os.O_CREATE|os.O_RDWR, 0o600) // SQLite itself would make it readable to all
	if err != nil {
		return nil, errors.Join(fmt.Errorf("make the store's file: %w", err), unlock())
	}
	if err := f.Close(); err != nil {
		return nil, errors.Join(fmt.Errorf("make the store's file: %w", err), unlock())
	}
	b := &backend{
		rewrite:  func(q string) string { return strings.ReplaceAll(q, "$", "?") },
		classify: classifySQLite,
	}
	b.write = sqlitePool(file, 1, "_txlock=immediate")
	b.read = sqlitePool(file, max(4, runtime.NumCPU()), "_pragma=query_only(1)")
	driver := riversqlite.New(b.write)
	b.queue = &riverQueue[*sql.Tx]{lg, driver, func(tx *Tx, insert func(*sql.Tx) error) error { return insert(tx.tx) }}
	b.migrate = func(ctx context.Context) error {
		if err := migrate(ctx, goose.DialectSQLite3, b.write, driver, lg); err != nil {
			return err
		}
		// Counts what is in the indexes where a table has grown tenfold since
		// the last count. Without it SQLite guesses which of two conditions
		// finds fewer rows: 0.4 s instead of 0.1 ms in a large audit log.
		if _, err := b.write.ExecContext(ctx, "PRAGMA optimize=0x10002"); err != nil {
			return err
		}
		// The folder is locked, so whoever holds a run is gone: its lease need not
		// be waited for. Between servers on PostgreSQL nothing else tells that.
		_, err := b.write.ExecContext(ctx, "UPDATE task_run SET expires = 0 WHERE status = 'RUNNING'")
		return err
	}
	b.close = func() error { return errors.Join(b.read.Close(), b.write.Close(), unlock()) }
	return b, nil
}

// sqlitePool returns a pool of at most n connections to file. synchronous(FULL)
// keeps every commit through a power cut; busy_timeout is for the checkpoint
// alone, as there is one writer.
func sqlitePool(file string, n int, more string) *sql.DB {
	u := url.URL{Scheme: "file", OmitHost: true, Path: filepath.ToSlash(file)}
	dsn := u.String() + "?_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=foreign_keys(1)&" + more
	db, err := sql.Open("sqlite", dsn)
	if err != nil {
		panic(fmt.Sprintf("store: %v", err)) // unreachable unless the driver's name changes
	}
	db.SetMaxOpenConns(n)
	db.SetMaxIdleConns(n)
	return db
}

// classifySQLite gives SQLite's result codes their Kinds.
func classifySQLite(err error) slipway.Kind {
	e, ok := errors.AsType[*sqlite.Error](err)
	if !ok {
		return slipway.Internal
	}
	switch e.Code() {
	case sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY, sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_ROWID:
		return slipway.Exists
	case sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY:
		return slipway.Precondition
	}
	switch e.Code() & 0xff { // the primary code
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		return slipway.Conflict
	case sqlite3.SQLITE_FULL:
		return slipway.Exhausted
	case sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN:
		return slipway.Unavailable
	case sqlite3.SQLITE_INTERRUPT:
		return slipway.Canceled
	}
	return slipway.Internal
}
