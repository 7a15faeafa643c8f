package bench_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	pgquery "github.com/pganalyze/pg_query_go/v6"

	"slipway/internal/dbtest"
	"slipway/internal/sqltext"
)

// inserts is about size bytes of INSERTs.
func inserts(size int) string {
	const line = "INSERT INTO bench (id, name) VALUES (12345, 'Some O''Name and what else stands in a row of data');\n"
	return strings.Repeat(line, size/len(line))
}

// measureBig rolls one very large file out, with the server idle but for it.
func measureBig(t *testing.T, r *report) {
	s := r.section("One large file", bigText)
	s.columns("what", "resident at rest", "peak while it is uploaded and run", "peak over rest (goal under 150 MiB)", "wall")
	const size = 100 << 20
	text := inserts(size - 1000)
	for _, metadata := range []string{"SQLite", "PostgreSQL"} {
		var args []string
		if metadata == "PostgreSQL" {
			args = []string{"--database-url", dbtest.Durable(t).URL}
		}
		db := dbtest.Durable(t)
		dbtest.Exec(t, db.URL, benchTable)
		site := newSite(t, args...)
		target := site.adopt("big", db.Source.Port, db, db.Name)
		dir := site.files(map[string]string{"0001_big.sql": text})
		time.Sleep(3 * time.Second)
		idle := site.memory("VmRSS")
		site.forgetPeak()
		took, _ := site.rollout(dir, "a large file", target, 1)
		peak := site.memory("VmHWM")
		s.row("server, its data on "+metadata, mebibytes(idle), mebibytes(peak), under(mebibytes(peak-idle), 150<<20), took)
		site.stop()
	}
}

// measureCut cuts SQL without running it.
func measureCut(t *testing.T, r *report) {
	s := r.section("Cutting SQL", cutText)
	s.columns("what", "Slipway", "peer: the PostgreSQL scanner's split", "ratio")
	text := inserts(16 << 20)
	statements := 0
	ours := cost(t, 3, func() error {
		statements = 0
		for _, err := range sqltext.Split(sqltext.Postgres, []byte(text)) {
			if err != nil {
				return err
			}
			statements++
		}
		return nil
	})
	var split []string
	theirs := cost(t, 3, func() (err error) {
		split, err = pgquery.SplitWithScanner(text, false)
		return err
	})
	if len(split) != statements {
		t.Fatalf("cut into %d statements, the scanner into %d", statements, len(split))
	}
	rate := func(d time.Duration) string { return fmt.Sprintf("%.0f MB/s", float64(len(text))/1e6/d.Seconds()) }
	s.row(fmt.Sprintf("%s INSERTs, PostgreSQL dialect", thousands(statements)), rate(ours), rate(theirs), times(float64(ours)/float64(theirs)))
}
