package faults_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"slipway/internal/dbtest"
	"slipway/internal/servertest"
)

const (
	stopInStatement = "PostgreSQL stopped within a statement and started again"
	cutReset        = "connection reset at a message"
	cutSilent       = "connection silent, then gone for the server alone"
	cutSlow         = "every message late, one by seconds"
	lockPostgres    = "table locked by another session, PostgreSQL"
	lockSQLite      = "database locked by another session, SQLite"
)

// each runs n rounds in worlds side by side.
func each(t *testing.T, fault string, n, worlds int, fresh func(*testing.T) *world, harm func(s *subject, c *score, i int)) {
	t.Helper()
	lanes(t, min(worlds, n), fresh, func(t *testing.T, w *world, i int) bool {
		if i > n {
			return false
		}
		s := w.subject(t)
		var c score
		harm(s, &c, i)
		s.finish(&c)
		results.add(t, fault, c, s)
		return true
	})
}

// TestStop stops PostgreSQL while a statement of the rollout runs: it waits for
// a lock that the test has. Every other time the sessions have no time to say
// that they end.
func TestStop(t *testing.T) {
	t.Parallel()
	each(t, stopInStatement, rounds(1, 12), 2, func(t *testing.T) *world {
		return worldOn(t, setting{"sqlite", "postgres"}, dbtest.Own(t, ""), t.TempDir())
	}, func(s *subject, _ *score, i int) {
		s.hold(func() {
			s.w.own.Stop([]string{"INT", "QUIT"}[i%2])
		})
		<-time.After(rand.N(2 * time.Second))
		if err := s.w.own.Start(); err != nil {
			s.w.T.Fatal(err)
		}
	})
}

// hold runs the task, has another session lock the table that the files write to, and calls
// then once a statement waits for it; the lock ends with the session.
func (s *subject) hold(then func()) {
	s.w.T.Helper()
	s.w.proxy.at(s.name, 0, 5*time.Millisecond, nil) // or the rollout may be over before
	s.run()
	servertest.Await(s.w.T, "there is something to lock", func() bool { return s.tables()["effect"] })
	conn := s.session()
	s.must(conn, "BEGIN; LOCK TABLE effect")
	servertest.Await(s.w.T, "a statement waits for the lock", func() bool {
		return len(s.ask("SELECT 1 FROM pg_locks WHERE NOT granted AND relation = 'effect'::regclass")) > 0
	})
	then()
	_ = conn.Close(s.w.T.Context()) // it may be gone
}

// TestCut breaks the connection between the server and PostgreSQL at messages
// all over a rollout.
func TestCut(t *testing.T) {
	t.Parallel()
	all := 30 * count() // messages that every rollout has; see TestKillAtMessages
	for _, tc := range []struct {
		fault string
		delay time.Duration
		harm  func(*link)
	}{
		{cutReset, 0, (*link).reset},
		{cutSilent, 0, func(l *link) { l.forsake(time.Second, 5*time.Second) }},
		{cutSlow, 2 * time.Millisecond, func(*link) { <-time.After(3 * time.Second) }},
	} {
		t.Run(tc.fault[:14], func(t *testing.T) {
			t.Parallel()
			n := rounds(1, 24)
			each(t, tc.fault, n, 2, func(t *testing.T) *world {
				return newWorld(t, setting{"sqlite", "postgres"})
			}, func(s *subject, _ *score, i int) {
				at := spread(i, n, all)
				s.w.proxy.at(s.name, at, tc.delay, tc.harm)
				s.run()
				servertest.Await(s.w.T, "the message comes", func() bool { return s.w.proxy.seen(s.name) >= at })
			})
		})
	}
}

// TestLock has another session lock what the rollout writes to, for longer than
// a statement waits every other time.
func TestLock(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		fault, engine string
		hold          func(*subject, time.Duration)
	}{
		{lockPostgres, "postgres", func(s *subject, d time.Duration) {
			s.hold(func() { <-time.After(d) })
		}},
		{lockSQLite, "sqlite", func(s *subject, d time.Duration) {
			s.run()
			servertest.Await(s.w.T, "there is something to lock", func() bool { return s.tables()["effect"] })
			unlock := s.exclude()
			<-time.After(d)
			unlock()
		}},
	} {
		t.Run(tc.engine, func(t *testing.T) {
			t.Parallel()
			each(t, tc.fault, rounds(1, 12), 2, func(t *testing.T) *world {
				return newWorld(t, setting{"sqlite", tc.engine})
			}, func(s *subject, _ *score, i int) {
				tc.hold(s, time.Duration(1+(i+1)%2*6)*time.Second)
			})
		})
	}
}
