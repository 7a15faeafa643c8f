package dbtest_test

import (
	"errors"
	"os"
	"os/exec"
	"strings"
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

// again runs the first test here in a process of its own, whose environment has
// more in it, and returns what it prints.
func again(t *testing.T, env ...string) string {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.v", "-test.run", "^TestPostgresLendsSeparateDatabases$")
	cmd.Env = append(os.Environ(), env...)
	out, err := cmd.CombinedOutput()
	if _, failed := errors.AsType[*exec.ExitError](err); err != nil && !failed {
		t.Fatal(err)
	}
	return string(out)
}

func TestPostgresUsesTheServerItIsGiven(t *testing.T) {
	d := dbtest.Postgres(t)
	// With nowhere to put a server of its own, it can only be the given one.
	out := again(t, "CI=true", "TMPDIR=/nonexistent", "SLIPWAY_TEST_POSTGRES="+d.AdminURL)
	if !strings.Contains(out, "--- PASS") {
		t.Errorf("got %s", out)
	}
}

func TestWithoutAServerOnlyALaptopSkips(t *testing.T) {
	for ci, want := range map[string]string{"": "--- SKIP", "true": "--- FAIL"} {
		if out := again(t, "CI="+ci, "TMPDIR=/nonexistent", "SLIPWAY_TEST_POSTGRES="); !strings.Contains(out, want) {
			t.Errorf("CI=%q: got %s, want %s", ci, out, want)
		}
	}
}
