package bench_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"slipway/internal/dbtest"
)

const (
	tenants = 200
	atATime = 16
)

// measureMany changes many databases by one file, and then has nothing to do
// for many files.
func measureMany(t *testing.T, r *report) {
	s := r.section("Rollout to many databases", manyText)
	s.columns("what", "Slipway, whole command", "peer", "ratio or goal")
	db := dbtest.Durable(t)
	names := makeTenants(t, db)
	site := newSite(t, "--workers", fmt.Sprint(atATime))
	targets := site.adopt("many", db.Source.Port, db, names...)

	dir := site.files(map[string]string{"0000_add.sql": "CREATE TABLE added (id int);\n"})
	command, _ := site.rollout(dir, "one file", targets, 1)
	peer := psqlEach(t, db, names, "CREATE TABLE added_by_psql (id int);\n")
	s.row(fmt.Sprintf("one file, %d databases, %d at a time", tenants, atATime), command, "psql, as many at a time: "+spell(peer), atMost(float64(command)/float64(peer), 1))

	// Every database gets the files: one by a rollout, the others by a copy of
	// its ledger, which is what a restored server meets.
	many := lines(1000, "many")
	dir = site.files(many)
	dbtest.Exec(t, tenantURL(db, names[0]), benchTable)
	site.rollout(dir, "many files", targets[:1], 1000)
	copyLedger(t, db, names)

	out, took := site.client(dir, "rollout", "--file-pattern", "*.sql", "--targets", strings.Join(targets, ","))
	if !strings.Contains(out, "done") && !strings.Contains(out, "nothing to do") {
		t.Fatalf("the rollout says:\n%.3000s", out)
	}
	s.row("1,000 files that every ledger has, a new plan, ledgers that the server sees for the first time", took, "", under(took, 2*time.Second))
	out, took = site.client(dir, "rollout", "--file-pattern", "*.sql", "--targets", strings.Join(targets, ","))
	if !strings.Contains(out, "nothing to do") {
		t.Fatalf("the second rollout says:\n%.3000s", out)
	}
	s.row("the same command once more", took, "", under(took, 2*time.Second))
	delete(many, "1000_many.sql")
	_, took = site.client(site.files(many), "rollout", "--file-pattern", "*.sql", "--targets", strings.Join(targets, ","))
	s.row("999 of the files, a new plan, ledgers that the server knows", took, "", under(took, 2*time.Second))
}

// makeTenants makes the databases on the server of db.
func makeTenants(t *testing.T, db dbtest.Database) []string {
	t.Helper()
	var names []string
	for i := range tenants {
		names = append(names, fmt.Sprintf("%s_%03d", db.Name, i))
	}
	t.Cleanup(func() {
		for _, name := range names {
			dbtest.Exec(t, db.AdminURL, "DROP DATABASE IF EXISTS "+name+" WITH (FORCE)")
		}
	})
	for _, name := range names {
		dbtest.Exec(t, db.AdminURL, "CREATE DATABASE "+name+" TEMPLATE template0 ENCODING 'UTF8' STRATEGY file_copy")
	}
	return names
}

func tenantURL(db dbtest.Database, name string) string {
	return strings.Replace(db.URL, "/"+db.Name, "/"+name, 1)
}

// psqlEach runs a file on every database, some at a time.
func psqlEach(t *testing.T, db dbtest.Database, names []string, text string) time.Duration {
	t.Helper()
	file := filepath.Join(t.TempDir(), "add.sql")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	var group errgroup.Group
	group.SetLimit(atATime)
	begin := time.Now()
	for _, name := range names {
		group.Go(func() error {
			cmd := exec.Command("psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-f", file)
			at := db
			at.Name = name
			cmd.Env = psqlEnv(at, db.Source.Port)
			out, err := cmd.CombinedOutput()
			if err != nil {
				return fmt.Errorf("psql on %s: %w\n%s", name, err, out)
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	return time.Since(begin)
}

// copyLedger gives the other databases the ledger rows of the first.
func copyLedger(t *testing.T, db dbtest.Database, names []string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "ledger")
	run := func(name, sql string) error {
		cmd := exec.Command("psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-c", sql)
		at := db
		at.Name = name
		cmd.Env = psqlEnv(at, db.Source.Port)
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("psql on %s: %w\n%s", name, err, out)
		}
		return nil
	}
	if err := run(names[0], `\copy (SELECT * FROM slipway_revision WHERE path <> '0000_add.sql') TO '`+file+`'`); err != nil {
		t.Fatal(err)
	}
	var group errgroup.Group
	group.SetLimit(4)
	for _, name := range names[1:] {
		group.Go(func() error { return run(name, `\copy slipway_revision FROM '`+file+`'`) })
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
}
