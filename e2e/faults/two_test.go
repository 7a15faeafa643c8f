package faults_test

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"slipway/internal/servertest"
)

const (
	twoAtOnce = "two servers, two rollouts on one database at once"
	twoKilled = "the same, one of the servers killed"
)

// TestTwo has two servers with the same data run two rollouts on one database at
// the same time, the second of one file more. With kill, one server dies and
// the other takes its run over.
func TestTwo(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		fault  string
		rounds int
		kill   bool
	}{
		{twoAtOnce, rounds(1, 12), false},
		{twoKilled, rounds(0, 12), true},
	} {
		if tc.rounds == 0 {
			continue // each waits for a lease to end
		}
		t.Run(fmt.Sprint("kill ", tc.kill), func(t *testing.T) {
			t.Parallel()
			lanes(t, min(4, tc.rounds), func(t *testing.T) *world {
				return newWorld(t, setting{"postgres", "postgres"}, "--workers", "1")
			}, func(t *testing.T, w *world, i int) bool {
				if i > tc.rounds {
					return false
				}
				w.twoAtOnce(t, tc.fault, tc.kill)
				return true
			})
		})
	}
}

func (w *world) twoAtOnce(t *testing.T, fault string, kill bool) {
	a := w.subject(t)
	more := file{version: fmt.Sprint(count() + 1), path: "more.sql", whole: true}
	several(&more)
	b := &subject{w: w, name: a.name, url: a.url, files: append(a.files[:count():count()], more)}
	b.task, a.others = b.plan(w.releaseOf(b.files)), []file{more}
	// One worker each: each server has one of the runs.
	other := servertest.New(t, "--database-url", w.store, "--workers", "1", "--drain", "1s",
		"--master-key-file", filepath.Join(w.Data, "master.key"))
	other.Start()
	a.run()
	b.run()
	if kill {
		<-time.After(rand.N(time.Duration(count()) * 50 * time.Millisecond))
		other.Stop(syscall.SIGKILL)
	}
	var c score
	for _, s := range []*subject{a, b} {
		if r, _ := s.await(nil); r.Status == "FAILED" {
			s.said = append(s.said, r.Detail)
		}
	}
	a.finish(&c)
	b.finish(&c)
	other.Stop(syscall.SIGTERM)
	results.add(t, fault, c, b)
}
