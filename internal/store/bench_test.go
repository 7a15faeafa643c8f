package store_test

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"slipway"
	"slipway/internal/dbtest"
	"slipway/internal/store"
	"slipway/internal/storetest"
)

// BenchmarkPointRead reads one project by the store and by database/sql alone,
// in turns, and reports the ratio of the two: what the layer costs, whatever the
// machine does meanwhile.
func BenchmarkPointRead(b *testing.B) {
	dir, url := b.TempDir(), dbtest.Postgres(b).URL
	for _, tc := range []struct {
		name        string
		cfg         store.Config
		driver, dsn string
		text        string
	}{
		{"SQLite", store.Config{Dir: dir}, "sqlite", filepath.Join(dir, "slipway.db"), "?1"},
		{"Postgres", store.Config{URL: url}, "pgx", url, "$1"},
	} {
		b.Run(tc.name, func(b *testing.B) {
			s := storetest.Open(b, tc.cfg)
			raw := openSQL(b, tc.driver, tc.dsn)
			text := "SELECT id, title, deleted, labels, created, parallel FROM project WHERE id = " + tc.text
			var ours, theirs time.Duration
			for b.Loop() {
				begin := time.Now()
				if _, err := s.Project(b.Context(), slipway.DefaultProject); err != nil {
					b.Fatal(err)
				}
				middle := time.Now()
				var id, title, labels string
				var deleted, created, parallel int64
				if err := raw.QueryRowContext(b.Context(), text, slipway.DefaultProject).Scan(&id, &title, &deleted, &labels, &created, &parallel); err != nil {
					b.Fatal(err)
				}
				ours, theirs = ours+middle.Sub(begin), theirs+time.Since(middle)
			}
			b.ReportMetric(float64(ours)/float64(theirs), "x-raw")
		})
	}
}

// BenchmarkAuditEntries lists a page of a log by each filter.
func BenchmarkAuditEntries(b *testing.B) {
	const rows = 20_000
	s := storetest.SQLite(b)
	for from := 0; from < rows; from += 1000 {
		err := s.Update(b.Context(), func(tx *store.Tx) error {
			for i := from; i < from+1000; i++ {
				e := slipway.AuditEntry{
					Time: time.UnixMicro(int64(i) * 1e6), Caller: slipway.Principal{Kind: slipway.UserKind, Email: fmt.Sprintf("u%d@example.com", i%5)},
					Method: fmt.Sprintf("/m%d", i%20), Permission: fmt.Sprintf("p%d", i%20), Resource: fmt.Sprintf("projects/p%d/releases/r%d", i%7, i),
					Project: fmt.Sprintf("p%d", i%7),
				}
				if i%1000 == 0 {
					e.Message = "no"
				}
				if err := tx.AddAudit(b.Context(), e); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	for name, q := range map[string]store.AuditQuery{
		"all":      {},
		"caller":   {Caller: "user:u3@example.com"},
		"resource": {Resource: "projects/p3"},
		"failed":   {OnlyFailed: true},
		"nobody":   {Caller: "user:nobody@example.com"},
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, _, err := s.AuditEntries(b.Context(), q, slipway.Page{Size: 50}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkQueueDelay measures from the return of the transaction that queues a
// job to the beginning of the job.
func BenchmarkQueueDelay(b *testing.B) {
	for name, s := range map[string]*store.Store{"SQLite": storetest.SQLite(b), "Postgres": storetest.Postgres(b)} {
		b.Run(name, func(b *testing.B) {
			ran := make(chan time.Time, 1)
			stop := storetest.Work(b, s, store.WorkConfig{Workers: 2, Run: func(context.Context, int64) error {
				ran <- time.Now()
				return nil
			}})
			defer stop()
			var total, worst time.Duration
			n := 0
			for b.Loop() {
				if err := s.Update(b.Context(), func(tx *store.Tx) error { return tx.Enqueue(b.Context(), 1, time.Time{}) }); err != nil {
					b.Fatal(err)
				}
				queued := time.Now()
				delay := max((<-ran).Sub(queued), 0)
				total, worst, n = total+delay, max(worst, delay), n+1
			}
			b.ReportMetric(float64(total.Microseconds())/float64(n)/1000, "ms-delay")
			b.ReportMetric(float64(worst.Microseconds())/1000, "ms-worst")
		})
	}
}
