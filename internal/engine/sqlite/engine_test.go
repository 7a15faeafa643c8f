package sqlite_test

import (
	"database/sql"
	"fmt"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"slipway"
	"slipway/internal/engine"
	"slipway/internal/engine/sqlite"
	"slipway/internal/enginetest"
)

func newEngine() engine.Engine {
	return sqlite.New(slog.New(slog.DiscardHandler), sqlite.Config{
		LockWait: 200 * time.Millisecond, BusyTimeout: 200 * time.Millisecond, RetryBudget: 5 * time.Second, EndWait: 5 * time.Second,
	})
}

func TestMain(m *testing.M) { enginetest.Main(m, newEngine) }

func TestEngine(t *testing.T) {
	enginetest.Run(t, enginetest.Kit{
		New: newEngine, Lend: lend,
		Alone:    "VACUUM",
		Slow:     "INSERT INTO shelf (book) WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT max(x) FROM c",
		Deferred: "/* PRAGMA foreign_keys is off by default */ CREATE TABLE child (shelf INTEGER REFERENCES shelf (id) DEFERRABLE INITIALLY DEFERRED);",
		Meddle:   "CREATE TRIGGER meddle AFTER INSERT ON slipway_revision BEGIN DELETE FROM slipway_revision WHERE version = '1'; END;",
		Moment:   "0",
	})
}

// lend makes a folder with the empty database "shop".
func lend(t testing.TB) enginetest.Database {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "shop.db")
	query(t, path, "PRAGMA user_version = 1")
	return enginetest.Database{
		Source: slipway.Source{ID: "admin", Type: slipway.AdminSource, Host: dir}, Name: "shop",
		Query: func(t testing.TB, sql string) [][]string { return query(t, path, sql) },
	}
}

func query(t testing.TB, path, text string) [][]string {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+path+"?_pragma=busy_timeout(5000)")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	rows, err := db.QueryContext(t.Context(), text)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	var all [][]string
	for rows.Next() {
		values, row := make([]any, len(columns)), make([]string, len(columns))
		for i := range values {
			values[i] = new(any)
		}
		if err := rows.Scan(values...); err != nil {
			t.Fatal(err)
		}
		for i, v := range values {
			row[i] = fmt.Sprint(*v.(*any))
		}
		all = append(all, row)
	}
	if err := rows.Err(); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return all
}
