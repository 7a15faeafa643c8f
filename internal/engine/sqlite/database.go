package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"

	"slipway"
)

// ledgerTables is what Slipway keeps in a database it changes. A revision's key
// is its version spelled in the one way that equal versions share, so that 1
// and 01 cannot both be in force. Times are microseconds since 1970 UTC.
const ledgerTables = `
CREATE TABLE IF NOT EXISTS main.slipway_revision (
	id TEXT PRIMARY KEY, version TEXT NOT NULL, version_key TEXT NOT NULL, path TEXT NOT NULL,
	sha256 TEXT NOT NULL, text_sha TEXT NOT NULL, release TEXT NOT NULL, task_run TEXT NOT NULL,
	applied INTEGER NOT NULL, took_us INTEGER NOT NULL,
	deleted INTEGER, deleter TEXT NOT NULL DEFAULT '');
CREATE UNIQUE INDEX IF NOT EXISTS main.slipway_revision_in_force ON slipway_revision (version_key) WHERE deleted IS NULL;
CREATE TABLE IF NOT EXISTS main.slipway_journal (
	version_key TEXT NOT NULL, segment INTEGER NOT NULL, digest TEXT NOT NULL, statement TEXT NOT NULL,
	task_run TEXT NOT NULL, session TEXT NOT NULL, written INTEGER NOT NULL, PRIMARY KEY (version_key, segment));
CREATE TABLE IF NOT EXISTS main.slipway_owner (
	one INTEGER PRIMARY KEY CHECK (one = 1), session TEXT NOT NULL, task_run TEXT NOT NULL,
	fence INTEGER NOT NULL, replica TEXT NOT NULL, since INTEGER NOT NULL);
`

// A database is one connection to a file. Settings that a file of SQL makes end
// with it.
type database struct {
	pool  *sql.DB
	conn  *sql.Conn
	guard guard
}

// open connects to a file in mode "ro" or "rw"; neither makes one that is not
// there.
func open(ctx context.Context, path, mode string, cfg *Config) (*database, error) {
	dsn := path
	if path != ":memory:" {
		q := url.Values{"mode": {mode}, "_defensive": {"1"}}
		q.Add("_pragma", fmt.Sprintf("busy_timeout(%d)", cfg.BusyTimeout.Milliseconds()))
		if mode == "rw" {
			q.Add("_pragma", "synchronous(FULL)")
		}
		dsn = "file:" + (&url.URL{Path: path}).EscapedPath() + "?" + q.Encode()
	}
	pool, err := sql.Open("sqlite", dsn)
	if err != nil {
		return nil, slipway.Errorf(slipway.Internal, "open the database").Because(err)
	}
	pool.SetMaxOpenConns(1)
	d := &database{pool: pool}
	if d.conn, err = pool.Conn(ctx); err == nil {
		err = d.conn.Raw(func(c any) error {
			r, ok := c.(sqlite.AuthorizerRegisterer)
			if !ok {
				return errors.New("the driver has no authorizer") // unreachable unless the driver is another
			}
			return r.RegisterAuthorizer(d.guard.decide)
		})
	}
	if err != nil {
		d.close()
		return nil, classify(ctx, fmt.Errorf("open the database: %w", err))
	}
	return d, nil
}

// limitValues bounds every string, blob and row that is read or computed, in
// bytes.
func (d *database) limitValues(most int) error {
	if _, err := sqlite.Limit(d.conn, lib.SQLITE_LIMIT_LENGTH, most); err != nil {
		return fmt.Errorf("bound what is computed: %w", err)
	}
	return nil
}

// close rolls back what is open.
func (d *database) close() {
	if d.conn != nil {
		_ = d.conn.Close() // a file that could not be closed was synced by its commit
	}
	_ = d.pool.Close()
}

func (d *database) exec(ctx context.Context, sql string, args ...any) error {
	_, err := d.conn.ExecContext(ctx, sql, args...)
	return err
}

// A guard decides what statements may do beyond the database they are in.
type guard struct {
	vacuum bool // VACUUM runs, which attaches a nameless database of its own
}

// processWide are pragmas that would reach other databases of this process.
var processWide = map[string]bool{
	"temp_store_directory": true, "data_store_directory": true, "soft_heap_limit": true, "hard_heap_limit": true,
	"writable_schema": true, "trusted_schema": true,
}

func (g *guard) decide(action sqlite.AuthorizerActionCode, arg1, arg2, _, _ string) sqlite.AuthorizerReturnCode {
	switch {
	case action == sqlite.AuthAttach && !(g.vacuum && arg1 == ""),
		action == sqlite.AuthDetach && !g.vacuum,
		action == sqlite.AuthFunction && strings.EqualFold(arg2, "load_extension"),
		action == sqlite.AuthPragma && processWide[strings.ToLower(arg1)]:
		return sqlite.AuthorizerDeny
	}
	return sqlite.AuthorizerOK
}

func (d *database) hasLedger(ctx context.Context) (bool, error) {
	var n int
	err := d.conn.QueryRowContext(ctx, `SELECT count(*) FROM main.sqlite_schema WHERE type = 'table' AND name = 'slipway_revision'`).Scan(&n)
	if err != nil {
		return false, fmt.Errorf("look for the ledger: %w", err)
	}
	return n > 0, nil
}

// revisions returns the ledger, oldest first.
func (d *database) revisions(ctx context.Context, where string, args ...any) (revs []slipway.Revision, err error) {
	rows, err := d.conn.QueryContext(ctx, `SELECT id, version, path, sha256, text_sha, release, task_run, applied, took_us, deleted, deleter
		FROM main.slipway_revision WHERE `+where+` ORDER BY applied, rowid`, args...)
	if err != nil {
		return nil, fmt.Errorf("read the ledger: %w", err)
	}
	defer func() { _ = rows.Close() }() // rows.Err has told
	for rows.Next() {
		var r slipway.Revision
		var applied, took int64
		var deleted sql.NullInt64
		if err := rows.Scan(&r.ID, &r.Version, &r.Path, &r.SHA256, &r.TextSHA, &r.Release, &r.TaskRun, &applied, &took, &deleted, &r.Deleter); err != nil {
			return nil, fmt.Errorf("read the ledger: %w", err)
		}
		r.Applied, r.Took = time.UnixMicro(applied).UTC(), time.Duration(took)*time.Microsecond
		if deleted.Valid {
			r.Deleted = time.UnixMicro(deleted.Int64).UTC()
		}
		revs = append(revs, r)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read the ledger: %w", err)
	}
	return revs, nil
}

func (d *database) addRevision(ctx context.Context, r slipway.Revision) error {
	err := d.exec(ctx, `INSERT INTO main.slipway_revision
		(id, version, version_key, path, sha256, text_sha, release, task_run, applied, took_us) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		r.ID, r.Version, versionKey(r.Version), r.Path, r.SHA256, r.TextSHA, r.Release, r.TaskRun, r.Applied.UnixMicro(), r.Took.Microseconds())
	if constraint(err) {
		return slipway.Errorf(slipway.Exists, "version %s is recorded as applied already", r.Version).Because(err)
	}
	if err != nil {
		return fmt.Errorf("record version %s: %w", r.Version, err)
	}
	return nil
}

func versionKey(version string) string {
	v, err := slipway.ParseVersion(strings.TrimLeft(version, "vV"))
	if err != nil {
		return version
	}
	return v.String()
}
