package store_test

import (
	"database/sql"
	"path/filepath"
	"strings"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"

	"slipway"
	"slipway/internal/dbtest"
	"slipway/internal/store"
	"slipway/internal/storetest"
)

// auditFilters asks for one condition each, all with a place to go on from.
func auditFilters() map[string]store.AuditQuery {
	day := time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)
	return map[string]store.AuditQuery{
		"none":               {},
		"caller":             {Caller: "user:ann@example.com"},
		"method":             {Method: "/bytebase.v1.ProjectService/CreateProject"},
		"permission":         {Permission: "bb.projects.create"},
		"project":            {Project: "shop"},
		"resource":           {Resource: "projects/shop"},
		"failed":             {OnlyFailed: true},
		"since":              {Since: day},
		"until":              {Until: day},
		"caller and until":   {Caller: "user:ann@example.com", Until: day},
		"resource and until": {Resource: "projects/shop", Until: day},
	}
}

// TestAuditPlan expects each filter to be read from an index in the order of the
// list: no table is read whole and nothing is sorted, however large the log.
func TestAuditPlan(t *testing.T) {
	dir := t.TempDir()
	storetest.Open(t, store.Config{Dir: dir})
	lite := openSQL(t, "sqlite", filepath.Join(dir, "slipway.db"))
	url := dbtest.Postgres(t).URL
	storetest.Open(t, store.Config{URL: url})
	// An empty table is cheapest read whole and sorted; forbidding that shows
	// whether there is another way.
	post := openSQL(t, "pgx", url+"&enable_seqscan=off&enable_bitmapscan=off")
	for name, q := range auditFilters() {
		text, args, err := q.SQL(slipway.Page{After: "1700000000000000.42"})
		if err != nil {
			t.Fatal(err)
		}
		plan := explain(t, lite, "EXPLAIN QUERY PLAN "+strings.ReplaceAll(text, "$", "?"), args)
		if !strings.Contains(plan, "SEARCH") || strings.Contains(plan, "SCAN") || strings.Contains(plan, "TEMP B-TREE") {
			t.Errorf("%s on SQLite:\n%s", name, plan)
		}
		plan = explain(t, post, "EXPLAIN "+text, args)
		if !strings.Contains(plan, "Index") || strings.Contains(plan, "Seq Scan") || strings.Contains(plan, "Sort") {
			t.Errorf("%s on PostgreSQL:\n%s", name, plan)
		}
	}
}

func openSQL(t testing.TB, driver, dsn string) *sql.DB {
	t.Helper()
	db, err := sql.Open(driver, dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

// explain returns the rows of a plan, the last column of each.
func explain(t testing.TB, db *sql.DB, text string, args []any) string {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), text, args...)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	for rows.Next() {
		cells := make([]any, len(columns))
		for i := range cells {
			cells[i] = new(sql.NullString)
		}
		if err := rows.Scan(cells...); err != nil {
			t.Fatal(err)
		}
		out.WriteString(cells[len(cells)-1].(*sql.NullString).String + "\n")
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}
