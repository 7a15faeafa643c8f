package postgres_test

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"slipway"
	"slipway/internal/dbtest"
	"slipway/internal/engine"
	"slipway/internal/engine/postgres"
)

// A bench is a database of PostgreSQL with an engine for one test.
type bench struct {
	dbtest.Database
	t   *testing.T
	eng *postgres.Engine
}

func newBench(t *testing.T, cfg postgres.Config) *bench {
	t.Helper()
	return &bench{Database: dbtest.Postgres(t), t: t, eng: withConfig(cfg)}
}

func (b *bench) lock() engine.Session {
	b.t.Helper()
	s, err := b.eng.Lock(b.t.Context(), b.Source, b.Name, engine.Holder{TaskRun: "run", Fence: 1})
	if err != nil {
		b.t.Fatalf("lock: %v", err)
	}
	b.t.Cleanup(func() { s.Close(context.WithoutCancel(b.t.Context())) })
	return s
}

// apply applies a file, telling log, and returns its error.
func (b *bench) apply(s engine.Session, version, text string, log func(slipway.LogEntry)) error {
	if log == nil {
		log = func(slipway.LogEntry) {}
	}
	sum := sha256.Sum256([]byte(text))
	_, err := s.Apply(b.t.Context(), slipway.Revision{
		ID: rand.Text(), Version: version, Path: version + ".sql", SHA256: hex.EncodeToString(sum[:]),
	}, []byte(text), log)
	return err
}

func (b *bench) must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

func failure(t *testing.T, err error) *engine.StatementError {
	t.Helper()
	e, ok := errors.AsType[*engine.StatementError](err)
	if !ok {
		t.Fatalf("got %v, want a *StatementError", err)
	}
	return e
}

func (b *bench) query(sql string) string {
	b.t.Helper()
	rows := dbtest.Query(b.t, b.URL, sql)
	if len(rows) == 0 {
		return ""
	}
	return rows[0][0]
}

func (b *bench) want(sql, want string) {
	b.t.Helper()
	if got := b.query(sql); got != want {
		b.t.Errorf("%s: got %q, want %q", sql, got, want)
	}
}

// A stranger is a connection with a transaction of somebody else.
type stranger struct {
	t    *testing.T
	conn *pgconn.PgConn
}

func (b *bench) stranger() stranger {
	b.t.Helper()
	conn, err := pgconn.Connect(b.t.Context(), b.URL)
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { conn.Close(context.WithoutCancel(b.t.Context())) })
	return stranger{b.t, conn}
}

func (s stranger) do(sql string) {
	s.t.Helper()
	if _, err := s.conn.Exec(s.t.Context(), sql).ReadAll(); err != nil {
		s.t.Fatalf("%s: %v", sql, err)
	}
}

// until polls the server for a condition that a test waits for.
func (b *bench) until(sql string) {
	b.t.Helper()
	deadline := time.After(30 * time.Second)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for b.query(sql) != "t" {
		select {
		case <-deadline:
			b.t.Fatalf("waited 30 s for: %s", sql)
		case <-tick.C:
		}
	}
}
