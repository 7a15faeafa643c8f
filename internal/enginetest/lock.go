package enginetest

import (
	"context"
	"errors"
	"strings"
	"testing"

	"slipway"
	"slipway/internal/engine"
)

func testLock(t *testing.T, kit Kit) {
	t.Run("change 6: who comes second is told who is there", func(t *testing.T) {
		b := newBench(t, kit)
		s := b.lock()
		_, err := b.kit.New().Lock(t.Context(), b.Source, b.Name, engine.Holder{TaskRun: "other", Fence: 1})
		busy, ok := errors.AsType[*engine.Busy](err)
		if !ok || slipway.KindOf(err) != slipway.Unavailable {
			t.Fatalf("got %v, want a *Busy that is Unavailable", err)
		}
		if pid, _, _ := strings.Cut(s.ID(), "/"); busy.Process != pid || busy.User == "" || !strings.Contains(busy.Application, "taskRuns/3") || busy.Since.IsZero() {
			t.Errorf("got %+v, want process %s and its task run", busy, pid)
		}
		if err := s.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		b.lock()
	})

	t.Run("databases are locked each for itself", func(t *testing.T) {
		newBench(t, kit).lock()
		newBench(t, kit).lock()
	})

	t.Run("closing twice and ending what is gone are no errors", func(t *testing.T) {
		b := newBench(t, kit)
		s := b.lock()
		for range 2 {
			if err := s.Close(t.Context()); err != nil {
				t.Error(err)
			}
		}
		if err := b.eng.End(t.Context(), b.Source, b.Name, s.ID()); err != nil {
			t.Errorf("End of a closed session: %v", err)
		}
		b.lock()
		if err := b.eng.End(t.Context(), b.Source, b.Name, s.ID()); err != nil {
			t.Errorf("End of a closed session while another has the lock: %v", err)
		}
	})

	t.Run("change 9: a worker older than the last one is kept out", func(t *testing.T) {
		b := newBench(t, kit)
		s, err := b.eng.Lock(t.Context(), b.Source, b.Name, engine.Holder{TaskRun: "run", Fence: 2})
		if err != nil {
			t.Fatal(err)
		}
		b.give(s)
		if s, err := b.eng.Lock(t.Context(), b.Source, b.Name, engine.Holder{TaskRun: "run", Fence: 1}); slipway.KindOf(err) != slipway.Conflict {
			t.Errorf("got %v, %v, want a Conflict", s, err)
		}
		if s, err := b.eng.Lock(t.Context(), b.Source, b.Name, engine.Holder{TaskRun: "another", Fence: 1}); err != nil {
			t.Errorf("another task run: %v", err)
		} else {
			b.give(s)
		}
	})

	t.Run("End stops a session in the middle of a statement", func(t *testing.T) {
		b := newBench(t, kit)
		s := b.lock()
		b.apply(s, "1", shelf)
		text := "INSERT INTO shelf (book) VALUES ('x');" + kit.Slow + ";"
		running, failed := make(chan struct{}), make(chan error, 1)
		go func() {
			_, err := s.Apply(t.Context(), revision("2", text), []byte(text), func(l slipway.LogEntry) {
				if l.Statement != nil && l.Statement.Error == "" {
					close(running)
				}
			})
			failed <- err
		}()
		select {
		case <-running:
		case err := <-failed:
			t.Fatalf("the file ended before it was stopped: %v", err)
		}
		if err := b.eng.End(t.Context(), b.Source, b.Name, s.ID()); err != nil {
			t.Fatal(err)
		}
		if err := <-failed; slipway.KindOf(err) != slipway.Unavailable {
			t.Errorf("the ended session's file: got %v, want Unavailable", err)
		}
		b.wantQuery("SELECT count(*) FROM shelf", "0")
		next := b.lock()
		if _, err := s.Apply(t.Context(), revision("3", shelf), []byte(shelf), func(slipway.LogEntry) {}); slipway.KindOf(err) != slipway.Unavailable {
			t.Errorf("the ended session goes on: %v", err)
		}
		b.apply(next, "2", "INSERT INTO shelf (book) VALUES ('y');")
	})

	t.Run("change 9: a session whose ownership another took commits nothing more", func(t *testing.T) {
		b := newBench(t, kit)
		s := b.lock()
		b.Query(t, "UPDATE slipway_owner SET session = 'somebody else'")
		e := b.fail(s, "1", shelf)
		if slipway.KindOf(e) != slipway.Unavailable || !strings.Contains(e.Failure.Message, "lost the lock") {
			t.Errorf("got %v", e)
		}
		b.wantVersions("")
	})

	t.Run("waiting for the lock ends with its context", func(t *testing.T) {
		b := newBench(t, kit)
		b.lock()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := b.eng.Lock(ctx, b.Source, b.Name, engine.Holder{}); slipway.KindOf(err) != slipway.Canceled {
			t.Errorf("got %v, want Canceled", err)
		}
	})
}
