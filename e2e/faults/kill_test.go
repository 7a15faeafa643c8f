package faults_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

const (
	killStatementPostgres  = "`kill -9` at a message to or from PostgreSQL"
	killStatementSQLite    = "`kill -9` at a change of SQLite's files"
	killRandomPostgres     = "`kill -9` at random, PostgreSQL"
	killRandomPostgresBoth = "`kill -9` at random, PostgreSQL, the server's own data too"
	killRandomSQLite       = "`kill -9` at random, SQLite"
)

// lanes runs several worlds side by side. Each is given rounds by number until
// round says that there is no more.
func lanes(t *testing.T, n int, fresh func(*testing.T) *world, round func(*testing.T, *world, int) bool) {
	t.Helper()
	var next atomic.Int64
	var stop atomic.Bool
	for lane := range n {
		t.Run(fmt.Sprint("world ", lane+1), func(t *testing.T) {
			t.Parallel()
			w := fresh(t)
			for !stop.Load() && !t.Failed() {
				i := int(next.Add(1))
				t.Run(fmt.Sprint("round ", i), func(t *testing.T) {
					if !round(t, w, i) {
						stop.Store(true)
					}
				})
			}
			w.T = t
		})
	}
}

// spread returns the place of round i of n among all, at random within the
// round's share.
func spread(i, n, all int) int {
	from, to := (i-1)*all/n, i*all/n
	return from + 1 + rand.IntN(max(to-from, 1))
}

// TestKillAtMessages kills the server at messages between it and PostgreSQL all
// over a rollout: before one that begins a statement has arrived, or before the
// server hears the answer to one that has run. Then it kills it once more in
// the midst of finding out what had happened.
func TestKillAtMessages(t *testing.T) {
	t.Parallel()
	all, n := 0, rounds(1, *wanted)
	fresh := func(t *testing.T) *world { return newWorld(t, setting{"sqlite", "postgres"}) }
	t.Run("unharmed", func(t *testing.T) {
		w := fresh(t)
		s := w.subject(t)
		w.proxy.at(s.name, 0, 0, nil)
		s.run()
		var c score
		s.finish(&c)
		all = w.proxy.seen(s.name)
		if !c.whole() || c.retries > 0 || all < 10*count() {
			t.Fatalf("%d messages, %d retries, %s", all, c.retries, c.say())
		}
		t.Logf("a rollout has %d messages", all)
	})
	lanes(t, min(3, n), fresh, func(t *testing.T, w *world, i int) bool {
		if i > n {
			return false
		}
		s := w.subject(t)
		var c score
		gone := s.killAt(spread(i, n, all))
		s.run()
		_, over := s.await(gone)
		if over {
			t.Fatalf("the rollout ended before message %d", spread(i, n, all))
		}
		s.look(&c)
		again := s.killAt(1 + rand.IntN(40))
		w.Start()
		if _, over := s.await(again); !over {
			s.revive(&c)
		}
		s.finish(&c)
		results.add(t, killStatementPostgres, c, s)
		return true
	})
}

// killAt kills the server at message n from now on.
func (s *subject) killAt(n int) <-chan struct{} {
	gone := make(chan struct{})
	process := func() *os.Process { return s.w.Cmd.Process }
	s.w.proxy.at(s.name, n, 0, func(*link) {
		_ = process().Kill()
		close(gone)
		<-time.After(50 * time.Millisecond) // what is held back is not sent
	})
	return gone
}

// TestKillAtChanges kills the server before system calls that change the files
// of an SQLite database, all over a rollout.
func TestKillAtChanges(t *testing.T) {
	t.Parallel()
	if !canTrace {
		results.skip(t, killStatementSQLite, "it needs ptrace as Linux has it on amd64")
	}
	all, n := 0, rounds(1, *wanted)
	fresh := func(t *testing.T) *world {
		w := newWorld(t, setting{"sqlite", "sqlite"})
		w.kill()
		return w
	}
	t.Run("unharmed", func(t *testing.T) {
		w := fresh(t)
		s := w.database(t)
		gone, seen := w.under(s, 0)
		s.adopt()
		s.run()
		var c score
		s.finish(&c)
		w.Stop(syscall.SIGTERM)
		<-gone
		all = seen()
		if !c.whole() || c.retries > 0 || all < 10*count() {
			t.Fatalf("%d changes, %d retries, %s", all, c.retries, c.say())
		}
		t.Logf("a rollout has %d changes of files", all)
	})
	lanes(t, min(3, n), fresh, func(t *testing.T, w *world, i int) bool {
		if i > n {
			return false
		}
		s := w.database(t)
		var c score
		gone, _ := w.under(s, spread(i, n, all))
		s.adopt()
		s.run()
		if _, over := s.await(gone); over {
			t.Fatal("the rollout ended before its end")
		}
		s.look(&c)
		again, _ := w.under(s, 1+rand.IntN(40))
		if _, over := s.await(again); !over {
			s.look(&c)
			w.Start()
		}
		s.finish(&c)
		w.kill()
		results.add(t, killStatementSQLite, c, s)
		return true
	})
}

// look takes the server that was killed away and looks at what it left.
func (s *subject) look(c *score) {
	s.w.T.Helper()
	s.w.kill()
	c.judge(s.all(), s.facts())
}

// revive starts the server that was killed, once what it left behind was
// looked at.
func (s *subject) revive(c *score) {
	s.w.T.Helper()
	s.look(c)
	s.w.Start()
}

// TestKillAtRandom kills the server at random moments, up to three times in a
// rollout.
func TestKillAtRandom(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		fault   string
		setting setting
		rounds  int
		lanes   int
	}{
		{killRandomPostgres, setting{"sqlite", "postgres"}, rounds(1, *wanted), 2},
		{killRandomPostgresBoth, setting{"postgres", "postgres"}, rounds(0, *wanted), 6},
		{killRandomSQLite, setting{"sqlite", "sqlite"}, rounds(1, *wanted), 2},
	} {
		if tc.rounds == 0 {
			continue // each waits for leases to end
		}
		t.Run(tc.setting.String(), func(t *testing.T) {
			t.Parallel()
			lanes(t, min(tc.lanes, tc.rounds), func(t *testing.T) *world {
				return newWorld(t, tc.setting)
			}, func(t *testing.T, w *world, i int) bool {
				if i > tc.rounds {
					return false
				}
				s := w.subject(t)
				var c score
				s.run()
				for range 1 + rand.IntN(3) {
					gone := make(chan struct{})
					time.AfterFunc(rand.N(time.Duration(count())*50*time.Millisecond), func() {
						_ = w.Cmd.Process.Signal(syscall.SIGKILL)
						close(gone)
					})
					_, over := s.await(gone)
					<-gone
					s.revive(&c)
					if over {
						break
					}
				}
				s.finish(&c)
				results.add(t, tc.fault, c, s)
				return true
			})
		})
	}
}
