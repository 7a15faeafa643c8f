package postgres

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"slipway"
)

// ledgerTables is what Slipway keeps in a database it changes; %[1]s is the
// schema, quoted. A revision's key is its version spelled in the one way that
// equal versions share, so that 1 and 01 cannot both be in force.
const ledgerTables = `
CREATE TABLE IF NOT EXISTS %[1]s.slipway_revision (
	id text PRIMARY KEY, version text NOT NULL, version_key text NOT NULL, path text NOT NULL,
	sha256 text NOT NULL, text_sha text NOT NULL, release text NOT NULL, task_run text NOT NULL,
	applied timestamptz NOT NULL, took_us bigint NOT NULL,
	deleted timestamptz, deleter text NOT NULL DEFAULT '');
CREATE UNIQUE INDEX IF NOT EXISTS slipway_revision_in_force ON %[1]s.slipway_revision (version_key) WHERE deleted IS NULL;
CREATE TABLE IF NOT EXISTS %[1]s.slipway_journal (
	version_key text NOT NULL, segment int NOT NULL, digest text NOT NULL, state text NOT NULL CHECK (state IN ('intent', 'done')),
	before text NOT NULL, statement text NOT NULL, task_run text NOT NULL, session text NOT NULL,
	written timestamptz NOT NULL DEFAULT clock_timestamp(), PRIMARY KEY (version_key, segment));
CREATE TABLE IF NOT EXISTS %[1]s.slipway_owner (
	one boolean PRIMARY KEY DEFAULT true CHECK (one), session text NOT NULL, task_run text NOT NULL,
	fence bigint NOT NULL, replica text NOT NULL, since timestamptz NOT NULL DEFAULT clock_timestamp());
COMMENT ON TABLE %[1]s.slipway_revision IS 'Migrations that Slipway applied to this database';
`

// findLedger returns the quoted schema that holds the ledger, "" for none. Only
// two schemas are looked at, and only tables of a role that ours belongs to: a
// stranger's table of that name must not decide what runs.
func findLedger(ctx context.Context, conn *pgconn.PgConn) (string, error) {
	rows, err := query(ctx, conn, `
		SELECT quote_ident(n.nspname), pg_has_role(c.relowner, 'USAGE'), pg_get_userbyid(c.relowner)
		FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE c.relname = 'slipway_revision' AND c.relkind = 'r' AND n.nspname IN ('public', 'slipway')
		ORDER BY n.nspname`)
	if err != nil {
		return "", fmt.Errorf("look for the ledger: %w", err)
	}
	switch {
	case len(rows) == 0:
		return "", nil
	case len(rows) > 1:
		return "", slipway.Errorf(slipway.Precondition, "there are two ledgers, public.slipway_revision and slipway.slipway_revision: keep the one that is true")
	case rows[0][1] != "t":
		return "", slipway.Errorf(slipway.Precondition, "the ledger %s.slipway_revision belongs to %s, of which the data source's user is no member", rows[0][0], rows[0][2])
	}
	return rows[0][0], nil
}

// makeLedger returns the quoted schema that holds the ledger, having made what
// is missing: in public where the role may, otherwise in a schema of its own.
// The caller holds the lock.
func makeLedger(ctx context.Context, conn *pgconn.PgConn) (string, error) {
	schema, err := findLedger(ctx, conn)
	if err != nil {
		return "", err
	}
	sql := "BEGIN;"
	if schema != "" {
		whole, err := wholeLedger(ctx, conn, schema)
		if whole || err != nil {
			return schema, err
		}
	} else {
		may, err := queryRow(ctx, conn, `SELECT
			coalesce(has_schema_privilege(to_regnamespace('public'), 'CREATE'), false),
			coalesce(has_schema_privilege(to_regnamespace('slipway'), 'CREATE'), false),
			has_database_privilege(current_database(), 'CREATE')`)
		if err != nil {
			return "", fmt.Errorf("ask where the ledger may be: %w", err)
		}
		switch {
		case may[0] == "t":
			schema = "public"
		case may[1] == "t":
			schema = "slipway"
		case may[2] == "t":
			schema, sql = "slipway", "BEGIN; CREATE SCHEMA slipway;"
		default:
			return "", slipway.Errorf(slipway.Precondition, "the data source's user may create the ledger table neither in schema public nor in a schema of its own: GRANT CREATE ON SCHEMA public, or CREATE ON DATABASE, to it")
		}
	}
	sql += "SET LOCAL lock_timeout = '5s';" + fmt.Sprintf(ledgerTables, schema) + "COMMIT"
	if err := exec(ctx, conn, sql); err != nil {
		return "", fmt.Errorf("make the ledger: %w", err)
	}
	return schema, nil
}

// wholeLedger reports whether nothing of the ledger is missing, which saves its
// statements and their commit.
func wholeLedger(ctx context.Context, conn *pgconn.PgConn, schema string) (bool, error) {
	row, err := queryRow(ctx, conn, `SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE quote_ident(n.nspname) = $1 AND c.relname IN ('slipway_revision', 'slipway_revision_in_force', 'slipway_journal', 'slipway_owner')`, schema)
	if err != nil {
		return false, fmt.Errorf("look for the ledger: %w", err)
	}
	return row[0] == "4", nil
}

// readRevisions returns the ledger, oldest first.
func readRevisions(ctx context.Context, conn *pgconn.PgConn, schema, where string, args ...string) ([]slipway.Revision, error) {
	rows, err := query(ctx, conn, `SELECT id, version, path, sha256, text_sha, release, task_run,
		(extract(epoch FROM applied) * 1000000)::bigint, took_us,
		(extract(epoch FROM deleted) * 1000000)::bigint, deleter
		FROM `+schema+`.slipway_revision WHERE `+where+` ORDER BY applied, id`, args...)
	if err != nil {
		return nil, fmt.Errorf("read the ledger: %w", err)
	}
	revs := make([]slipway.Revision, len(rows))
	for i, r := range rows {
		took, _ := strconv.ParseInt(r[8], 10, 64)
		revs[i] = slipway.Revision{
			ID: r[0], Version: r[1], Path: r[2], SHA256: r[3], TextSHA: r[4], Release: r[5], TaskRun: r[6],
			Applied: fromMicros(r[7]), Took: time.Duration(took) * time.Microsecond,
			Deleted: fromMicros(r[9]), Deleter: r[10],
		}
	}
	return revs, nil
}

// addRevision writes a ledger row.
func addRevision(ctx context.Context, conn *pgconn.PgConn, schema string, r slipway.Revision) (written, error) {
	row, err := queryRow(ctx, conn, insertRevision(schema, "$9::bigint"), revisionArgs(r, r.Took)...)
	if err != nil {
		return written{}, recordError(r.Version, err)
	}
	return readWritten(row), nil
}

// insertRevision writes a ledger row with the parameters of revisionArgs; took is
// an expression for took_us.
func insertRevision(schema, took string) string {
	return `INSERT INTO ` + schema + `.slipway_revision
		(id, version, version_key, path, sha256, text_sha, release, task_run, took_us, applied)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, ` + took + `, clock_timestamp())
		RETURNING ` + returning
}

func revisionArgs(r slipway.Revision, took time.Duration) []string {
	return []string{
		r.ID, r.Version, versionKey(r.Version), r.Path, r.SHA256, r.TextSHA, r.Release, r.TaskRun,
		strconv.FormatInt(took.Microseconds(), 10),
	}
}

// recordError says why a ledger row could not be written.
func recordError(version string, err error) error {
	switch {
	case hasCode(err, uniqueViolation):
		return slipway.Errorf(slipway.Exists, "version %s is recorded as applied already", version).Because(err)
	case errors.Is(err, errNoRow):
		return slipway.Errorf(slipway.Precondition, "the ledger took no row for version %s: is there a trigger or a rule on slipway_revision?", version)
	}
	return fmt.Errorf("record version %s: %w", version, err)
}

func versionKey(version string) string {
	v, err := slipway.ParseVersion(strings.TrimLeft(version, "vV"))
	if err != nil {
		return version
	}
	return v.String()
}

func fromMicros(s string) time.Time {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return time.Time{} // NULL
	}
	return time.UnixMicro(n).UTC()
}
