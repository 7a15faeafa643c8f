// Package sqlite changes SQLite databases: an instance is a folder, and each
// NAME.db in it is the database NAME.
//
// A database is never made here, and none outside the folder is reached: not by
// its name, not through a symbolic link, not by ATTACH. The lock is an flock on
// a file beside the database, which the system takes back when its holder dies.
package sqlite

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"slipway"
	"slipway/internal/engine"
)

// An Engine reaches folders of SQLite files.
type Engine struct {
	lg  *slog.Logger
	cfg Config

	mu   sync.Mutex          // guards open
	open map[string]*session // by ID: those of this Engine, for End
}

// Config tunes an Engine; each zero value is a useful one.
type Config struct {
	LockWait    time.Duration    // how long Lock asks again before it says Busy; 0 is 2 s
	BusyTimeout time.Duration    // a transaction's wait for other writers, before the file is tried again; 0 is 5 s
	RetryBudget time.Duration    // how long a file is tried again; 0 is 2 min
	EndWait     time.Duration    // how long End waits for a session of another process; 0 is 10 s
	Now         func() time.Time // nil is time.Now
}

// New returns an Engine that logs to lg what no caller is told.
func New(lg *slog.Logger, cfg Config) *Engine {
	def := func(d *time.Duration, v time.Duration) {
		if *d == 0 {
			*d = v
		}
	}
	def(&cfg.LockWait, 2*time.Second)
	def(&cfg.BusyTimeout, 5*time.Second)
	def(&cfg.RetryBudget, 2*time.Minute)
	def(&cfg.EndWait, 10*time.Second)
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Engine{lg: lg, cfg: cfg, open: map[string]*session{}}
}

var _ engine.Engine = (*Engine)(nil)

// Version implements engine.Engine: the version of the library, since a file
// has none.
func (e *Engine) Version(ctx context.Context, src slipway.Source) (string, error) {
	if _, err := folder(src); err != nil {
		return "", err
	}
	db, err := open(ctx, ":memory:", "", nil)
	if err != nil {
		return "", err
	}
	defer db.close()
	var version string
	if err := db.conn.QueryRowContext(ctx, "SELECT sqlite_version()").Scan(&version); err != nil {
		return "", classify(ctx, fmt.Errorf("ask for the version: %w", err))
	}
	return version, nil
}

// Revisions implements engine.Engine.
func (e *Engine) Revisions(ctx context.Context, src slipway.Source, db string) ([]slipway.Revision, error) {
	var revs []slipway.Revision
	err := e.visit(ctx, src, db, func(d *database) error {
		has, err := d.hasLedger(ctx)
		if err != nil || !has {
			return err
		}
		revs, err = d.revisions(ctx, "true")
		return err
	})
	return revs, err
}

// Baseline implements engine.Engine.
func (e *Engine) Baseline(ctx context.Context, src slipway.Source, db string, add []slipway.Revision) error {
	return e.amend(ctx, src, db, "baseline", func(d *database) error {
		for _, r := range add {
			r.Applied = e.cfg.Now()
			if err := d.addRevision(ctx, r); err != nil {
				return err
			}
		}
		return nil
	})
}

// DeleteRevision implements engine.Engine.
func (e *Engine) DeleteRevision(ctx context.Context, src slipway.Source, db, id, deleter string, at time.Time) error {
	return e.amend(ctx, src, db, "delete revision", func(d *database) error {
		res, err := d.conn.ExecContext(ctx, `UPDATE main.slipway_revision
			SET deleter = CASE WHEN deleted IS NULL THEN ?2 ELSE deleter END, deleted = coalesce(deleted, ?3)
			WHERE id = ?1`, id, deleter, at.UnixMicro())
		if err != nil {
			return fmt.Errorf("delete revision %s: %w", id, err)
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return slipway.Errorf(slipway.NotFound, "revision %q is not in the ledger of database %q", id, db)
		}
		return nil
	})
}

// amend changes the ledger under the lock, in one transaction.
func (e *Engine) amend(ctx context.Context, src slipway.Source, db, what string, change func(*database) error) error {
	locked, err := e.Lock(ctx, src, db, engine.Holder{TaskRun: what})
	if err != nil {
		return err
	}
	defer func() { _ = locked.Close(ctx) }() // the lock goes with the file
	d, err := open(ctx, locked.(*session).path, "rw", &e.cfg)
	if err != nil {
		return err
	}
	defer d.close()
	if err := d.exec(ctx, "BEGIN IMMEDIATE"); err != nil {
		return classify(ctx, err)
	}
	if err := change(d); err != nil {
		return classify(ctx, err) // closing rolls back
	}
	return classify(ctx, d.exec(ctx, "COMMIT"))
}

// visit runs read on a connection that cannot write.
func (e *Engine) visit(ctx context.Context, src slipway.Source, db string, read func(*database) error) error {
	path, err := locate(src, db)
	if err != nil {
		return err
	}
	d, err := open(ctx, path, "ro", &e.cfg)
	if err != nil {
		return err
	}
	defer d.close()
	return classify(ctx, read(d))
}
