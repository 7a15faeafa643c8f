package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"slipway"
	"slipway/internal/engine"
)

// lockKey is the advisory lock of a database; advisory locks are per database.
// It spells "slipway" in ASCII. Whoever wants to keep Slipway out for a while
// takes the same key.
const lockKey = 0x736c6970776179

// lockRow picks lockKey's row out of pg_locks, as the server splits a bigint.
var lockRow = fmt.Sprintf("l.locktype = 'advisory' AND l.classid = %d AND l.objid = %d AND l.objsubid = 1 AND l.granted",
	lockKey>>32, lockKey&0xffffffff)

const lockPoll = 100 * time.Millisecond

// endWait bounds how long End waits for a session to be gone.
const endWait = time.Minute

// Lock implements engine.Engine. The lock is asked for again and again rather
// than waited for: a session that waits in pg_advisory_lock holds a snapshot,
// and the holder's CREATE INDEX CONCURRENTLY waits for that: a deadlock.
func (e *Engine) Lock(ctx context.Context, src slipway.Source, db string, by engine.Holder) (engine.Session, error) {
	conn, err := e.dial(ctx, src, db, by.TaskRun)
	if err != nil {
		return nil, err
	}
	s := &session{e: e, src: src, db: db, conn: conn, by: by}
	if err := s.open(ctx); err != nil {
		hangUp(ctx, conn)
		return nil, classify(ctx, err)
	}
	return s, nil
}

func (s *session) open(ctx context.Context) error {
	if err := fit(ctx, s.conn, s.db); err != nil {
		return err
	}
	if err := s.take(ctx); err != nil {
		return err
	}
	row, err := queryRow(ctx, s.conn, `SELECT pid || '/' || coalesce((extract(epoch FROM backend_start) * 1000000)::bigint::text, '')
		FROM pg_stat_activity WHERE pid = pg_backend_pid()`)
	if err != nil {
		return fmt.Errorf("name the session: %w", err)
	}
	s.id = row[0]
	if s.schema, err = makeLedger(ctx, s.conn); err != nil {
		return err
	}
	if s.ledger, _, err = s.sumLedger(ctx, ""); err != nil {
		return err
	}
	if err := s.watchClient(ctx); err != nil {
		return err
	}
	s.clean = true
	return s.own(ctx)
}

// take polls for the advisory lock and names the holder when it stays taken.
func (s *session) take(ctx context.Context) error {
	deadline := time.Now().Add(s.e.cfg.LockWait)
	for {
		row, err := queryRow(ctx, s.conn, fmt.Sprintf("SELECT pg_try_advisory_lock(%d)", lockKey))
		if err != nil {
			return fmt.Errorf("take the database's lock: %w", err)
		}
		if row[0] == "t" {
			return nil
		}
		if time.Now().After(deadline) {
			return s.busy(ctx)
		}
		if err := pause(ctx, lockPoll); err != nil {
			return err
		}
	}
}

func (s *session) busy(ctx context.Context) error {
	b := &engine.Busy{Database: s.db}
	row, err := queryRow(ctx, s.conn, `SELECT a.pid, coalesce(a.usename, ''), coalesce(a.application_name, ''),
		(extract(epoch FROM a.backend_start) * 1000000)::bigint
		FROM pg_locks l JOIN pg_stat_activity a USING (pid)
		JOIN pg_database d ON d.oid = l.database AND d.datname = current_database()
		WHERE `+lockRow)
	if err == nil {
		b.Process, b.User, b.Application, b.Since = row[0], row[1], row[2], fromMicros(row[3])
	} else if !errors.Is(err, errNoRow) {
		return fmt.Errorf("ask who holds the database's lock: %w", err)
	}
	return b
}

// own writes this session's name where every transaction of a change looks,
// learns which files the journal knows, and refuses when a newer worker of the same task run was here already.
func (s *session) own(ctx context.Context) error {
	rows, err := query(ctx, s.conn, `INSERT INTO `+s.schema+`.slipway_owner AS o (session, task_run, fence, replica)
		VALUES ($1, $2, $3::bigint, $4)
		ON CONFLICT (one) DO UPDATE SET session = excluded.session, task_run = excluded.task_run,
			fence = excluded.fence, replica = excluded.replica, since = clock_timestamp()
		WHERE o.task_run <> excluded.task_run OR o.fence <= excluded.fence
		RETURNING (SELECT coalesce(json_agg(DISTINCT version_key), '[]') FROM `+s.schema+`.slipway_journal)`, s.id, s.by.TaskRun, strconv.FormatInt(s.by.Fence, 10), s.by.Replica)
	if err != nil {
		return fmt.Errorf("write the owner of the database's lock: %w", err)
	}
	if len(rows) == 0 {
		return slipway.Errorf(slipway.Conflict, "a newer worker of %s has been in database %q", s.by.TaskRun, s.db)
	}
	var begun []string
	if err := json.Unmarshal([]byte(rows[0][0]), &begun); err != nil {
		return fmt.Errorf("read the journal: %w", err)
	}
	s.begun = make(map[string]bool, len(begun))
	for _, version := range begun {
		s.begun[version] = true
	}
	return nil
}

// holds reports, inside the transaction that is about to commit, why this
// session may no longer write: a pooler, a restart or the file itself took its
// lock away, or another session has become the owner.
func (s *session) holds(ctx context.Context) error {
	_, err := queryRow(ctx, s.conn, s.heldQuery(), s.id)
	if errors.Is(err, errNoRow) {
		return s.lostLock()
	}
	if err != nil {
		return fmt.Errorf("check the database's lock: %w", err)
	}
	return nil
}

// heldQuery finds a row while the session, whose ID is its parameter, is the
// owner and holds the lock.
func (s *session) heldQuery() string {
	return `SELECT 1 FROM ` + s.schema + `.slipway_owner o, pg_catalog.pg_locks l
		WHERE o.session = $1 AND l.pid = pg_catalog.pg_backend_pid() AND ` + lockRow + ` FOR SHARE OF o`
}

func (s *session) lostLock() error {
	return slipway.Errorf(slipway.Unavailable, "the session has lost the lock of database %q, so what it did was rolled back", s.db)
}

// End implements engine.Engine.
func (e *Engine) End(ctx context.Context, src slipway.Source, db, id string) error {
	if id == "" {
		return nil
	}
	pid, start, ok := strings.Cut(id, "/")
	if _, err := strconv.ParseUint(pid, 10, 31); !ok || err != nil {
		return slipway.Errorf(slipway.Invalid, "%q does not name a session of PostgreSQL", id)
	}
	conn, err := e.dial(ctx, src, db, "end of "+id)
	if err != nil {
		return err
	}
	defer hangUp(ctx, conn)
	ctx, cancel := context.WithTimeout(ctx, endWait)
	defer cancel()
	return classify(ctx, end(ctx, conn, pid, start))
}

// end terminates the backend and returns when it is gone: it may have to roll
// back first. A process id that another backend has taken over is left alone.
func end(ctx context.Context, conn *pgconn.PgConn, pid, start string) error {
	for {
		row, err := queryRow(ctx, conn, `SELECT CASE WHEN backend_start IS NOT NULL THEN pg_terminate_backend(pid) END, backend_start IS NULL FROM pg_stat_activity
			WHERE pid = $1::int AND pid <> pg_backend_pid()
			AND coalesce((extract(epoch FROM backend_start) * 1000000)::bigint::text, $2) = $2`, pid, start)
		if errors.Is(err, errNoRow) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("end session %s: %w", pid, err)
		}
		if row[1] == "t" {
			return slipway.Errorf(slipway.Precondition, "session %s belongs to another user of the server and cannot be told from a stranger's", pid)
		}
		if err := pause(ctx, lockPoll/2); err != nil {
			return slipway.Errorf(slipway.Unavailable, "session %s was told to end and is still there", pid).Because(err)
		}
	}
}

// pause waits for d or the end of ctx, whose cause it returns.
func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
