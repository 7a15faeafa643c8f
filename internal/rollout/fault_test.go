package rollout_test

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"slipway"
	"slipway/internal/dbtest"
	"slipway/internal/engine"
	"slipway/internal/rollout"
	"slipway/internal/store"
	"slipway/internal/storetest"
)

const (
	oneTable = "CREATE TABLE a (id int PRIMARY KEY);"
	twoTable = "CREATE TABLE b (id int PRIMARY KEY);"
)

// A worker dies with file 1 applied, the target locked and its session open.
// The next server ends that session and goes on with file 2: change case 4.
func TestChange4Crash(t *testing.T) {
	for _, kind := range []slipway.Engine{slipway.SQLite, slipway.Postgres} {
		t.Run(string(kind), func(t *testing.T) {
			w := newWorldOn(t, storetest.SQLite(t), kind)
			ctx := t.Context()
			ro := w.rollout(files(oneTable, twoTable))
			run := w.start(ro, "test")
			rel, err := w.releases.Release(ctx, pipeline, "shop", strings.TrimPrefix(run.Task.Release, "projects/shop/releases/"))
			must(t, err)
			must(t, w.st.Update(ctx, func(tx *store.Tx) error {
				run, _, err = tx.ClaimTaskRun(ctx, run.ID, "dead", time.Now().Add(-time.Minute))
				return err
			}))
			session := w.lockAs(run, "dead")
			must(t, w.st.Update(ctx, func(tx *store.Tx) error {
				return tx.SetSession(ctx, run.ID, run.Lease.Fence, session.ID())
			}))
			_, err = session.Apply(ctx, slipway.Revision{
				ID: "11111111-1111-4111-8111-111111111111", Version: "1", Path: "migrations/1_x.sql",
				SHA256: rel.Files[0].SHA256, TaskRun: run.Name(), Release: run.Task.Release,
			}, []byte(oneTable), func(slipway.LogEntry) {})
			must(t, err)

			w.rollouts = w.service("replica-2")
			run = w.work(run)
			w.is(run, slipway.Done)
			if run.FilesDone != 2 || run.Lease.Fence != 2 {
				t.Errorf("%d files are done under fence %d, want 2 under fence 2", run.FilesDone, run.Lease.Fence)
			}
			revs, _, err := w.rollouts.Revisions(ctx, admin, rollout.Place{DatabaseRef: run.Task.Target}, true, slipway.Page{})
			must(t, err)
			if len(revs) != 2 {
				t.Errorf("the ledger has %d revisions, want each file once", len(revs))
			}
			if want := "2 of 2 files are applied, 2 of them by this run"; run.Detail != want {
				t.Errorf("the run says %q, want %q", run.Detail, want)
			}
			if got, want := w.commits(run), "1 2"; got != want {
				t.Errorf("the log has commits of the versions %q, want %q: the dead worker's too", got, want)
			}
			if _, err := session.Apply(ctx, slipway.Revision{ID: "x", Version: "9", Path: "9.sql", SHA256: "9"}, []byte("CREATE TABLE z (id int);"), func(slipway.LogEntry) {}); err == nil {
				t.Error("the dead worker's session can still change the database")
			}
		})
	}
}

// commits returns the versions of which the run's log has a commit, in its order.
func (w *world) commits(run slipway.TaskRun) string {
	w.t.Helper()
	log, err := w.st.Log(w.t.Context(), run.ID)
	must(w.t, err)
	var list []string
	version := ""
	for _, e := range log {
		if e.File != nil {
			version = e.File.Version
		}
		if e.Control != nil && e.Control.Type == "COMMIT" && e.Control.Error == "" {
			list = append(list, version)
		}
	}
	return strings.Join(list, " ")
}

// The log is written before the outcome: a server that is killed between the two
// would leave a run that is over with a log that never says how.
func TestLogBeforeOutcome(t *testing.T) {
	w := newWorld(t)
	run := w.start(w.rollout(files(oneTable, twoTable)), "test")
	var mu sync.Mutex // guards before: the run's watch asks for the time as well
	before := ""
	cfg := rollout.Config{Replica: "replica-1", Watch: time.Hour, Now: func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		if w.run(run.ID).Status == slipway.Running {
			before = w.commits(run) // the last time is when the outcome is being written
		}
		return time.Now()
	}}
	w.rollouts = rollout.New(storetest.Log(t), w.st, w.gate, w.engines, cfg)
	w.is(w.work(run), slipway.Done)
	if before != "1 2" {
		t.Errorf("before the outcome the log has commits of the versions %q, want 1 and 2", before)
	}
}

// lockAs locks a run's target as another worker would.
func (w *world) lockAs(run slipway.TaskRun, replica string) engine.Session {
	w.t.Helper()
	ctx := w.t.Context()
	i, err := w.st.Instance(ctx, run.Task.Target.Instance)
	must(w.t, err)
	src, _ := i.Admin()
	s, err := w.engines[i.Engine].Lock(ctx, src, run.Task.Target.Database, engine.Holder{TaskRun: run.Name(), Fence: run.Lease.Fence, Replica: replica})
	must(w.t, err)
	w.t.Cleanup(func() { s.Close(context.WithoutCancel(ctx)) })
	return s
}

// What is left in the queue's rows by a dead process is found again.
func TestResume(t *testing.T) {
	w := newWorld(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	run := w.start(w.rollout(files(oneTable)), "test")
	must(t, w.st.Update(ctx, func(tx *store.Tx) error {
		_, _, err := tx.ClaimTaskRun(ctx, run.ID, "dead", time.Now().Add(-time.Minute))
		return err
	}))
	done := make(chan error, 1)
	go func() { done <- w.service("replica-2").Run(ctx) }()
	w.is(w.await(run.ID, func(r slipway.TaskRun) bool { return !r.Status.Active() }), slipway.Done)
	cancel()
	must(t, <-done)
}

// A live worker's run is nobody else's.
func TestChange5ClaimedElsewhere(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	run := w.start(w.rollout(files(oneTable)), "test")
	must(t, w.st.Update(ctx, func(tx *store.Tx) error {
		_, _, err := tx.ClaimTaskRun(ctx, run.ID, "alive", time.Now().Add(time.Hour))
		return err
	}))
	run = w.work(run)
	w.is(run, slipway.Running)
	if run.Lease.Holder != "alive" || len(w.query(0, `SELECT name FROM sqlite_master`)) != 0 {
		t.Errorf("the run is held by %q and the target is not empty: somebody else worked it", run.Lease.Holder)
	}
}

// The connection is lost around a commit; the ledger decides: change case 2.
func TestChange2InDoubt(t *testing.T) {
	for name, committed := range map[string]bool{"the commit arrived": true, "it did not": false} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			f := w.breakEngines(func(ctx context.Context, n int, really func() (slipway.Revision, error)) (slipway.Revision, error) {
				if n > 1 {
					return really()
				}
				if committed {
					if rev, err := really(); err != nil {
						return rev, err
					}
				}
				return slipway.Revision{}, statementError(engine.InDoubt)
			})
			run := w.work(w.start(w.rollout(files(oneTable, twoTable)), "test"))
			w.is(run, slipway.Done)
			want := 3
			if committed {
				want = 2
			}
			if f.n != want {
				t.Errorf("%d files were sent, want %d", f.n, want)
			}
			if got := w.commits(run); got != "1 2" {
				t.Errorf("the log has commits of the versions %q, want 1 and 2", got)
			}
		})
	}
	t.Run("for good", func(t *testing.T) {
		w := newWorld(t)
		w.breakEngines(func(context.Context, int, func() (slipway.Revision, error)) (slipway.Revision, error) {
			return slipway.Revision{}, statementError(engine.InDoubt)
		})
		run := w.work(w.start(w.rollout(files(oneTable)), "test"))
		w.is(run, slipway.Failed)
		if !strings.Contains(run.Detail, "lost 4 times") {
			t.Errorf("detail is %q", run.Detail)
		}
	})
}

func TestNeedsAPerson(t *testing.T) {
	w := newWorld(t)
	w.breakEngines(func(context.Context, int, func() (slipway.Revision, error)) (slipway.Revision, error) {
		return slipway.Revision{}, statementError(engine.Attention)
	})
	run := w.work(w.start(w.rollout(files(oneTable)), "test"))
	w.is(run, slipway.Failed)
	if !strings.Contains(run.Detail, "needs a person") || run.Failure == nil {
		t.Errorf("detail is %q, failure %+v", run.Detail, run.Failure)
	}
}

func TestDefect(t *testing.T) {
	w := newWorld(t)
	w.breakEngines(func(_ context.Context, n int, really func() (slipway.Revision, error)) (slipway.Revision, error) {
		if n == 1 {
			panic("a defect of the test's making")
		}
		return really()
	})
	ro := w.rollout(files(oneTable))
	run := w.work(w.start(ro, "test"))
	w.is(run, slipway.Failed)
	if !strings.Contains(run.Detail, "defect of the server") || strings.Contains(run.Detail, "making") {
		t.Errorf("detail is %q, want a fixed sentence", run.Detail)
	}
	w.is(w.work(w.start(ro, "test")), slipway.Done)
}

// Somebody else holds the target's lock: the run waits, says for whom, and goes
// on when it is free or gives up after a while.
func TestChange6Busy(t *testing.T) {
	t.Run("until it is free", func(t *testing.T) {
		w := newWorld(t)
		ro := w.rollout(files(oneTable))
		run := w.start(ro, "test")
		other := w.lockAs(run, "psql")
		w.rollouts = w.serviceWith(rollout.Config{Replica: "replica-1", LockWait: time.Hour})
		worked := make(chan error, 1)
		go func() { worked <- w.rollouts.Work(t.Context(), run.ID) }()
		w.await(run.ID, func(slipway.TaskRun) bool { return slices.ContainsFunc(w.log(run.ID), isBusy) })
		must(t, other.Close(t.Context()))
		must(t, <-worked)
		w.is(w.run(run.ID), slipway.Done)
	})
	t.Run("in vain", func(t *testing.T) {
		w := newWorld(t)
		run := w.start(w.rollout(files(oneTable)), "test")
		w.lockAs(run, "psql")
		run = w.work(run)
		w.is(run, slipway.Failed)
		if !strings.Contains(run.Detail, "locked by another change") {
			t.Errorf("detail is %q, want that it was locked", run.Detail)
		}
	})
}

func (w *world) log(run int64) []slipway.LogEntry {
	w.t.Helper()
	list, err := w.st.Log(w.t.Context(), run)
	must(w.t, err)
	return list
}

func isBusy(e slipway.LogEntry) bool {
	return e.Retry != nil && strings.Contains(e.Retry.Error, "locked by another change")
}

// The mirror was lost with the control plane's backup: it is made anew from the
// ledger and nothing runs twice, change case 48.
func TestChange48MirrorIsRecovered(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	w.is(w.work(w.start(w.rollout(files(oneTable)), "test")), slipway.Done)
	ref := slipway.DatabaseRef{Instance: "on-test", Database: "shop"}
	must(t, w.st.Update(ctx, func(tx *store.Tx) error { return tx.PutRevisions(ctx, ref, nil) }))
	run := w.work(w.start(w.rollout(files(oneTable, twoTable)), "test"))
	w.is(run, slipway.Done)
	if !strings.Contains(run.Detail, "1 of them by this run") {
		t.Errorf("detail is %q, want one file applied", run.Detail)
	}
	revs, _, err := w.st.Revisions(ctx, ref, false, slipway.Page{})
	must(t, err)
	if len(revs) != 2 {
		t.Errorf("the copy has %d revisions, want both", len(revs))
	}
}

func TestBaseline(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	w.query(0, oneTable)
	sheets, err := w.releases.CreateSheets(ctx, admin, "shop", [][]byte{[]byte(oneTable)})
	must(t, err)
	at := rollout.Place{DatabaseRef: slipway.DatabaseRef{Instance: "on-test", Database: "shop"}, Project: "shop"}
	_, err = w.rollouts.Baseline(ctx, admin, at, []rollout.Baseline{{Version: "v1", SHA256: sheets[0].SHA256, Path: "migrations/1_x.sql"}})
	must(t, err)
	run := w.work(w.start(w.rollout(files(oneTable, twoTable)), "test"))
	w.is(run, slipway.Done)
	at.Project = slipway.DefaultProject
	if _, _, err := w.rollouts.Revisions(ctx, admin, at, false, slipway.Page{}); slipway.KindOf(err) != slipway.NotFound {
		t.Errorf("the database's revisions through another project: %v, want NotFound", err)
	}
}

// The server's own database goes away while a file runs and comes back later:
// the change that committed is told as done, change case 47.
func TestChange47StoreAway(t *testing.T) {
	home := dbtest.Postgres(t)
	w := newWorldOn(t, storetest.Open(t, store.Config{URL: home.URL}), slipway.SQLite)
	run := w.start(w.rollout(files(oneTable)), "test")
	w.breakEngines(func(_ context.Context, _ int, really func() (slipway.Revision, error)) (slipway.Revision, error) {
		rev, err := really()
		dbtest.Exec(t, home.AdminURL, "ALTER DATABASE "+home.Name+" WITH ALLOW_CONNECTIONS false")
		dbtest.Exec(t, home.AdminURL, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '"+home.Name+"'")
		return rev, err
	})
	back := sync.OnceFunc(func() { dbtest.Exec(t, home.AdminURL, "ALTER DATABASE "+home.Name+" WITH ALLOW_CONNECTIONS true") })
	lg := slog.New(told{storetest.Log(t).Handler(), "the server's own database failed; trying again", back})
	w.rollouts = rollout.New(lg, w.st, w.gate, w.engines, rollout.Config{Replica: "replica-1", Watch: time.Hour, Backoff: 20 * time.Millisecond})
	if err := w.rollouts.Work(t.Context(), run.ID); err != nil {
		t.Fatal(err)
	}
	run = w.run(run.ID)
	w.is(run, slipway.Done)
	if len(w.log(run.ID)) == 0 {
		t.Error("the log of the run is lost")
	}
	copied, _, err := w.st.Revisions(t.Context(), run.Task.Target, false, slipway.Page{})
	must(t, err)
	if len(copied) != 1 {
		t.Errorf("the copy of the ledger has %d revisions, want the one that was applied", len(copied))
	}
}

// A told handler calls then when a message is logged.
type told struct {
	slog.Handler
	message string
	then    func()
}

func (h told) Handle(ctx context.Context, r slog.Record) error {
	if r.Message == h.message {
		h.then()
	}
	return h.Handler.Handle(ctx, r)
}
