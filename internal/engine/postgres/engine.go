// Package postgres changes PostgreSQL databases, version 13 and later.
package postgres

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"slipway"
	"slipway/internal/engine"
)

// An Engine reaches PostgreSQL servers.
type Engine struct {
	lg  *slog.Logger
	cfg Config
}

// Config tunes an Engine; each zero value is a useful one.
type Config struct {
	LockWait    time.Duration    // how long Lock asks again before it says Busy; 0 is 2 s
	LockTimeout time.Duration    // a statement's wait for a lock in a transaction, before the file is tried again; 0 is 5 s
	RetryBudget time.Duration    // how long a file is tried again on lock timeouts and deadlocks; 0 is 2 min
	AloneWait   time.Duration    // the wait for locks of what blocks nobody while it waits, such as CREATE INDEX CONCURRENTLY; 0 is 1 h
	LongOpen    time.Duration    // how long a transaction of somebody else is open before a check warns of it; 0 is 1 min
	ReachBudget time.Duration    // how long a lost connection is made anew to learn what became of a commit; 0 is 30 s
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
	def(&cfg.LockTimeout, 5*time.Second)
	def(&cfg.RetryBudget, 2*time.Minute)
	def(&cfg.AloneWait, time.Hour)
	def(&cfg.LongOpen, time.Minute)
	def(&cfg.ReachBudget, 30*time.Second)
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Engine{lg: lg, cfg: cfg}
}

var _ engine.Engine = (*Engine)(nil)

// hosted are databases that providers keep for themselves.
var hosted = []string{"rdsadmin", "cloudsqladmin", "azure_maintenance", "azure_sys"}

// Version implements engine.Engine.
func (e *Engine) Version(ctx context.Context, src slipway.Source) (string, error) {
	var version string
	err := e.visit(ctx, src, "", func(conn *pgconn.PgConn) error {
		row, err := queryRow(ctx, conn, "SELECT current_setting('server_version'), current_setting('server_version_num')::int < $1::int", fmt.Sprint(oldestVersion))
		if err != nil {
			return fmt.Errorf("ask for the version: %w", err)
		}
		version, _, _ = strings.Cut(row[0], " ") // "15.18 (Debian 15.18-0+deb12u1)"
		if row[1] == "t" {
			return slipway.Errorf(slipway.Precondition, "the server is PostgreSQL %s; 13 is the oldest that Slipway changes", version)
		}
		return nil
	})
	return version, err
}

// Databases implements engine.Engine.
func (e *Engine) Databases(ctx context.Context, src slipway.Source) ([]string, error) {
	var names []string
	err := e.visit(ctx, src, "", func(conn *pgconn.PgConn) error {
		rows, err := query(ctx, conn, `SELECT datname FROM pg_database WHERE datallowconn AND NOT datistemplate`)
		if err != nil {
			return fmt.Errorf("list the databases: %w", err)
		}
		for _, r := range rows {
			if !slices.Contains(hosted, r[0]) {
				names = append(names, r[0])
			}
		}
		slices.Sort(names) // the server's order depends on its collation
		return nil
	})
	return names, err
}

// Revisions implements engine.Engine.
func (e *Engine) Revisions(ctx context.Context, src slipway.Source, db string) ([]slipway.Revision, error) {
	var revs []slipway.Revision
	err := e.visit(ctx, src, db, func(conn *pgconn.PgConn) error {
		schema, err := findLedger(ctx, conn)
		if err != nil || schema == "" {
			return err
		}
		revs, err = readRevisions(ctx, conn, schema, "true")
		return err
	})
	return revs, err
}

// Baseline implements engine.Engine.
func (e *Engine) Baseline(ctx context.Context, src slipway.Source, db string, add []slipway.Revision) error {
	return e.amend(ctx, src, db, "baseline", func(s *session) error {
		for _, r := range add {
			if _, err := addRevision(ctx, s.conn, s.schema, r); err != nil {
				return err
			}
		}
		return nil
	})
}

// DeleteRevision implements engine.Engine.
func (e *Engine) DeleteRevision(ctx context.Context, src slipway.Source, db, id, deleter string, at time.Time) error {
	return e.amend(ctx, src, db, "delete revision", func(s *session) error {
		rows, err := query(ctx, s.conn, `UPDATE `+s.schema+`.slipway_revision
			SET deleted = coalesce(deleted, $2::timestamptz), deleter = CASE WHEN deleted IS NULL THEN $3 ELSE deleter END
			WHERE id = $1 RETURNING id`, id, at.UTC().Format(time.RFC3339Nano), deleter)
		if err != nil {
			return fmt.Errorf("delete revision %s: %w", id, err)
		}
		if len(rows) == 0 {
			return slipway.Errorf(slipway.NotFound, "revision %q is not in the ledger of database %q", id, db)
		}
		return nil
	})
}

// amend changes the ledger under the lock, in one transaction.
func (e *Engine) amend(ctx context.Context, src slipway.Source, db, what string, change func(*session) error) error {
	locked, err := e.Lock(ctx, src, db, engine.Holder{TaskRun: what})
	if err != nil {
		return err
	}
	defer func() { _ = locked.Close(ctx) }() // the server notices by itself
	s := locked.(*session)
	if err := exec(ctx, s.conn, "BEGIN"); err != nil {
		return classify(ctx, err)
	}
	if err := change(s); err != nil {
		return classify(ctx, err) // closing the session rolls back
	}
	return classify(ctx, mustEnd(ctx, s.conn, "COMMIT"))
}

// visit runs read on a connection of its own; db "" is the one that the source
// names for listing the others.
func (e *Engine) visit(ctx context.Context, src slipway.Source, db string, read func(*pgconn.PgConn) error) error {
	conn, err := e.dial(ctx, src, cmpOr(db, cmpOr(src.Database, "postgres")), "reads")
	if err != nil {
		return err
	}
	defer hangUp(ctx, conn)
	return classify(ctx, read(conn))
}
