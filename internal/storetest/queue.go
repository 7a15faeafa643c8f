package storetest

import (
	"context"
	"errors"
	"testing"
	"time"

	"slipway"
	"slipway/internal/store"
)

// patience bounds the waits for something that should happen at once.
const patience = 20 * time.Second

// Work runs s.Work in the background. Stop ends it and returns what it returned.
func Work(t testing.TB, s *store.Store, cfg store.WorkConfig) (stop func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Work(ctx, cfg) }()
	stopped := false
	stop = func() error {
		stopped = true
		cancel()
		return receive(t, "Work returns", done)
	}
	t.Cleanup(func() {
		if !stopped {
			if err := stop(); err != nil {
				t.Errorf("Work: %v", err)
			}
		}
	})
	return stop
}

// receive waits for a value.
func receive[T any](t testing.TB, what string, c <-chan T) (v T) {
	t.Helper()
	select {
	case v = <-c:
	case <-time.After(patience):
		t.Fatalf("%s: not within %v", what, patience)
	}
	return v
}

func enqueue(t testing.TB, s *store.Store, id int64, at time.Time) {
	t.Helper()
	update(t, s, func(ctx context.Context, tx *store.Tx) error { return tx.Enqueue(ctx, id, at) })
}

func testQueueRuns(t *testing.T, s *store.Store) {
	enqueue(t, s, 1, time.Time{}) // before anybody works
	ran := make(chan int64, 10)
	Work(t, s, store.WorkConfig{Workers: 2, Run: func(_ context.Context, id int64) error { ran <- id; return nil }})
	if got := receive(t, "job 1", ran); got != 1 {
		t.Errorf("first job %d, want 1", got)
	}
	enqueue(t, s, 2, time.Time{})
	if got := receive(t, "job 2", ran); got != 2 {
		t.Errorf("second job %d, want 2", got)
	}
	begin := time.Now()
	enqueue(t, s, 3, begin.Add(300*time.Millisecond))
	if got := receive(t, "job 3", ran); got != 3 || time.Since(begin) < 300*time.Millisecond {
		t.Errorf("job %d after %v, want 3 after 300ms", got, time.Since(begin))
	}
}

func testQueueIsTransactional(t *testing.T, s *store.Store) {
	boom := errors.New("boom")
	err := try(t, s, func(ctx context.Context, tx *store.Tx) error {
		if err := tx.Enqueue(ctx, 1, time.Time{}); err != nil {
			return err
		}
		return boom
	})
	if !errors.Is(err, boom) {
		t.Fatal(err)
	}
	ran := make(chan int64, 10)
	seen := make(chan error, 10)
	Work(t, s, store.WorkConfig{Workers: 1, Run: func(ctx context.Context, id int64) error {
		_, err := s.User(ctx, "with-job-2")
		seen <- err
		ran <- id
		return nil
	}})
	update(t, s, func(ctx context.Context, tx *store.Tx) error {
		if err := tx.Enqueue(ctx, 2, time.Time{}); err != nil {
			return err
		}
		return tx.CreateUser(ctx, slipway.User{Email: "with-job-2"})
	})
	if got := receive(t, "job 2", ran); got != 2 {
		t.Errorf("job %d ran, whose transaction was rolled back", got)
	}
	if err := receive(t, "what job 2 saw", seen); err != nil {
		t.Errorf("job 2 ran before its transaction was there: %v", err)
	}
}

func testQueueDrains(t *testing.T, s *store.Store) {
	started, finish, ended := make(chan int64, 10), make(chan struct{}), make(chan error, 10)
	stop := Work(t, s, store.WorkConfig{Workers: 1, Drain: patience, Run: func(ctx context.Context, id int64) error {
		started <- id
		<-finish
		ended <- ctx.Err()
		return nil
	}})
	enqueue(t, s, 1, time.Time{})
	receive(t, "job 1 starts", started)
	enqueue(t, s, 2, time.Time{})
	done := make(chan error, 1)
	go func() { done <- stop() }()
	select {
	case err := <-done:
		t.Fatalf("Work returned while a job ran: %v", err)
	case <-time.After(200 * time.Millisecond): // longer is no proof either
	}
	close(finish)
	if err := receive(t, "job 1 ends", ended); err != nil {
		t.Errorf("the context of a job that was let finish: %v", err)
	}
	if err := receive(t, "stop", done); err != nil {
		t.Errorf("Work: %v", err)
	}
	select {
	case id := <-started:
		t.Errorf("job %d was begun after the end", id)
	default:
	}
	// What was not begun is still there.
	Work(t, s, store.WorkConfig{Workers: 1, Run: func(_ context.Context, id int64) error { started <- id; return nil }})
	if got := receive(t, "job 2 starts", started); got != 2 {
		t.Errorf("job %d, want 2", got)
	}
}

func testQueueCancelsAfterDrain(t *testing.T, s *store.Store) {
	started, ended := make(chan int64, 1), make(chan error, 1)
	stop := Work(t, s, store.WorkConfig{Workers: 1, Drain: 50 * time.Millisecond, Run: func(ctx context.Context, id int64) error {
		started <- id
		<-ctx.Done()
		ended <- ctx.Err()
		return ctx.Err()
	}})
	enqueue(t, s, 1, time.Time{})
	receive(t, "job starts", started)
	if err := stop(); err != nil {
		t.Errorf("Work: %v", err)
	}
	if err := receive(t, "job ends", ended); !errors.Is(err, context.Canceled) {
		t.Errorf("the context of a job that outlived the drain: %v", err)
	}
}

// testQueueRunsOnce expects no second attempt of a job that failed or panicked.
func testQueueRunsOnce(t *testing.T, s *store.Store) {
	ran := make(chan int64, 10)
	stop := Work(t, s, store.WorkConfig{Workers: 1, Run: func(_ context.Context, id int64) error {
		ran <- id
		if id == 1 {
			panic("boom")
		}
		return errors.New("boom")
	}})
	for id := range int64(3) {
		enqueue(t, s, id+1, time.Time{})
		if got := receive(t, "job", ran); got != id+1 {
			t.Errorf("job %d, want %d", got, id+1)
		}
	}
	if err := stop(); err != nil {
		t.Errorf("Work: %v", err)
	}
	Work(t, s, store.WorkConfig{Workers: 1, Run: func(_ context.Context, id int64) error { ran <- id; return nil }})
	enqueue(t, s, 4, time.Now().Add(2*time.Second)) // River's second attempts come after one
	if got := receive(t, "job 4", ran); got != 4 {
		t.Errorf("job %d ran twice", got)
	}
}

// testQueueLetsWritesThrough writes while jobs that write run.
func testQueueLetsWritesThrough(t *testing.T, s *store.Store) {
	const jobs = 20
	ran := make(chan error, jobs)
	Work(t, s, store.WorkConfig{Workers: 4, Run: func(ctx context.Context, id int64) error {
		ran <- s.Update(ctx, func(tx *store.Tx) error { return tx.PutSetting(ctx, "job", []byte{byte(id)}) })
		return nil
	}})
	for id := range int64(jobs) {
		enqueue(t, s, id+1, time.Time{})
		begin := time.Now()
		update(t, s, func(ctx context.Context, tx *store.Tx) error { return tx.PutSetting(ctx, "k", []byte{byte(id)}) })
		if took := time.Since(begin); took > 2*time.Second {
			t.Errorf("a write beside the queue took %v", took)
		}
	}
	for range jobs {
		if err := receive(t, "job", ran); err != nil {
			t.Errorf("a job's write: %v", err)
		}
	}
}
