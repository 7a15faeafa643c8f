package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"

	"slipway"
)

const (
	// poolSize is the number of connections where the URL does not say
	// (pool_max_conns): the queue keeps one for listening and takes some for its
	// own upkeep.
	poolSize       = 20
	connectTimeout = 10 * time.Second
	// migrationLock is the advisory lock under which one of several servers that
	// start at once migrates.
	migrationLock = 0x736c6970776179 // "slipway"
)

// openPostgres opens the store in the database of cfg.URL: one pool, seen
// through database/sql by the reads and writes and as it is by the queue.
func openPostgres(ctx context.Context, lg *slog.Logger, cfg Config) (*backend, error) {
	pc, err := pgxpool.ParseConfig(cfg.URL)
	if err != nil {
		// The cause is left out: it may quote the URL, which holds a password.
		return nil, slipway.Errorf(slipway.Invalid, "store URL: it is not one of the form postgres://user:password@host:port/database")
	}
	if !strings.Contains(cfg.URL, "pool_max_conns") {
		pc.MaxConns = poolSize
	}
	if pc.ConnConfig.ConnectTimeout == 0 {
		pc.ConnConfig.ConnectTimeout = connectTimeout
	}
	if pc.ConnConfig.RuntimeParams["application_name"] == "" {
		pc.ConnConfig.RuntimeParams["application_name"] = "slipway"
	}
	pool, err := pgxpool.NewWithConfig(ctx, pc)
	if err != nil {
		return nil, fmt.Errorf("make the pool of connections: %w", err)
	}
	db := stdlib.OpenDBFromPool(pool)
	b := &backend{
		read: db, write: db,
		rewrite:  func(q string) string { return q },
		classify: classifyPostgres,
		queue:    &riverQueue[pgx.Tx]{lg, riverpgxv5.New(pool), insertPostgres},
	}
	b.migrate = func(ctx context.Context) error { return b.migratePostgres(ctx, pool, lg) }
	b.close = func() error {
		err := db.Close()
		pool.Close()
		return err
	}
	return b, nil
}

func (b *backend) migratePostgres(ctx context.Context, pool *pgxpool.Pool, lg *slog.Logger) error {
	conn, err := pool.Acquire(ctx)
	if err != nil {
		return b.failed("reach the store", err)
	}
	defer func() {
		_ = conn.Conn().Close(context.WithoutCancel(ctx)) // lets go of the lock, however this ends
		conn.Release()
	}()
	if _, err := conn.Exec(ctx, "SELECT pg_advisory_lock($1)", int64(migrationLock)); err != nil {
		return b.failed("wait for another server's migration", err)
	}
	return migrate(ctx, goose.DialectPostgres, b.write, riverpgxv5.New(pool), lg)
}

// classifyPostgres gives SQLSTATEs and lost connections their Kinds.
func classifyPostgres(err error) slipway.Kind {
	// First, as it may hold a SQLSTATE: why the server lets nobody in.
	if _, ok := errors.AsType[*pgconn.ConnectError](err); ok {
		return slipway.Unavailable
	}
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		switch e.Code {
		case "23505": // unique_violation
			return slipway.Exists
		case "23503": // foreign_key_violation
			return slipway.Precondition
		case "40001", "40P01", "55P03": // serialization_failure, deadlock_detected, lock_not_available
			return slipway.Conflict
		case "53100": // disk_full
			return slipway.Exhausted
		case "57014": // query_canceled
			return slipway.Canceled
		}
		switch e.Code[:2] {
		case "08", "53", "57": // connection, resources, operator intervention
			return slipway.Unavailable
		}
		return slipway.Internal
	}
	if _, ok := errors.AsType[net.Error](err); ok || pgconn.SafeToRetry(err) || errors.Is(err, net.ErrClosed) {
		return slipway.Unavailable
	}
	return slipway.Internal
}

// insertPostgres lets the queue insert over the connection that tx's transaction
// is on.
func insertPostgres(tx *Tx, insert func(pgx.Tx) error) error {
	return tx.conn.Raw(func(c any) error {
		conn, ok := c.(*stdlib.Conn)
		if !ok {
			return fmt.Errorf("reach the connection of the transaction: it is a %T", c) // unreachable unless the driver changes
		}
		return insert(joinedTx{conn.Conn()})
	})
}

// A joinedTx shows a transaction that database/sql began as a pgx.Tx. It cannot
// end it, nor nest another: who began it does.
type joinedTx struct{ conn *pgx.Conn }

var errNotOurs = errors.New("the transaction is another's to nest and to end")

func (t joinedTx) Begin(context.Context) (pgx.Tx, error) { return nil, errNotOurs }
func (t joinedTx) Commit(context.Context) error          { return errNotOurs }
func (t joinedTx) Rollback(context.Context) error        { return errNotOurs }
func (t joinedTx) Conn() *pgx.Conn                       { return t.conn }
func (t joinedTx) LargeObjects() pgx.LargeObjects        { return pgx.LargeObjects{} }

func (t joinedTx) Exec(ctx context.Context, text string, args ...any) (pgconn.CommandTag, error) {
	return t.conn.Exec(ctx, text, args...)
}

func (t joinedTx) Query(ctx context.Context, text string, args ...any) (pgx.Rows, error) {
	return t.conn.Query(ctx, text, args...)
}

func (t joinedTx) QueryRow(ctx context.Context, text string, args ...any) pgx.Row {
	return t.conn.QueryRow(ctx, text, args...)
}

func (t joinedTx) SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults {
	return t.conn.SendBatch(ctx, b)
}

func (t joinedTx) Prepare(ctx context.Context, name, text string) (*pgconn.StatementDescription, error) {
	return t.conn.Prepare(ctx, name, text)
}

func (t joinedTx) CopyFrom(ctx context.Context, table pgx.Identifier, columns []string, rows pgx.CopyFromSource) (int64, error) {
	return t.conn.CopyFrom(ctx, table, columns, rows)
}
