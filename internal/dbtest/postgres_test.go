package dbtest_test

import (
	"testing"

	"slipway/internal/dbtest"
)

func TestPostgresLendsSeparateDatabases(t *testing.T) {
	a, b := dbtest.Postgres(t), dbtest.Postgres(t)
	dbtest.Exec(t, a.URL, "CREATE TABLE only_in_a (id int)")
	const count = "SELECT count(*) FROM pg_class WHERE relname = 'only_in_a'"
	if got := dbtest.Query(t, a.URL, count)[0][0]; got != "1" {
		t.Errorf("the first database has %s tables named only_in_a, want 1", got)
	}
	if got := dbtest.Query(t, b.URL, count)[0][0]; got != "0" {
		t.Errorf("the second database has %s tables named only_in_a, want 0", got)
	}
}

func TestPostgresDropsWhatItLent(t *testing.T) {
	keeper := dbtest.Postgres(t)
	var name string
	t.Run("borrower", func(t *testing.T) { name = dbtest.Postgres(t).Name })
	got := dbtest.Query(t, keeper.AdminURL, "SELECT count(*) FROM pg_database WHERE datname = '"+name+"'")
	if got[0][0] != "0" {
		t.Errorf("database %s is still there after its test", name)
	}
}
