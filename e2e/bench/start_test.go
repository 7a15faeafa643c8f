package bench_test

import (
	"path/filepath"
	"slices"
	"testing"
	"time"

	"slipway/internal/dbtest"
)

// measureStart has a server start on the data of an earlier one, some times.
func measureStart(t *testing.T, r *report) {
	s := r.section("Start and rest", startText)
	s.columns("server's data on", "cold start to ready (goal under 150 ms)", "first start, with all tables to make", "resident memory at rest (goal under 60 MiB)")
	for _, metadata := range []string{"SQLite", "PostgreSQL"} {
		data := filepath.Join(t.TempDir(), "data")
		var args []string
		if metadata == "PostgreSQL" {
			args = []string{"--database-url", dbtest.Durable(t).URL}
		}
		first := serve(t, data, args...)
		first.stop()
		var took []time.Duration
		var idle int64
		for range 5 {
			again := serve(t, data, args...)
			took = append(took, again.ready)
			if len(took) == 5 {
				time.Sleep(3 * time.Second)
				idle = again.memory("VmRSS")
			}
			again.stop()
		}
		slices.Sort(took)
		s.row(metadata, under(took[len(took)/2], 150*time.Millisecond), first.ready, under(mebibytes(idle), 60<<20))
	}
}
