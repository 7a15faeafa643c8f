package enginetest

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"slipway"
	"slipway/internal/engine"
)

func testLedger(t *testing.T, kit Kit) {
	t.Run("a fresh database has no revisions and reading makes none", func(t *testing.T) {
		b := newBench(t, kit)
		before, err := b.eng.Schema(t.Context(), b.Source, b.Name)
		if err != nil {
			t.Fatal(err)
		}
		if revs, err := b.eng.Revisions(t.Context(), b.Source, b.Name); err != nil || len(revs) != 0 {
			t.Errorf("got revisions %v and error %v, want none", revs, err)
		}
		if after, err := b.eng.Schema(t.Context(), b.Source, b.Name); err != nil || after != before {
			t.Errorf("the schema became %q (error %v), want %q", after, err, before)
		}
	})

	t.Run("the server is known by version and databases", func(t *testing.T) {
		b := newBench(t, kit)
		v, err := b.eng.Version(t.Context(), b.Source)
		if err != nil || !strings.Contains(v, ".") || strings.Trim(v, "0123456789.") != "" {
			t.Errorf("got version %q and error %v, want numbers with dots", v, err)
		}
		names, err := b.eng.Databases(t.Context(), b.Source)
		if err != nil || !slices.Contains(names, b.Name) || !slices.IsSorted(names) {
			t.Errorf("got databases %q and error %v, want a sorted list with %q", names, err, b.Name)
		}
	})

	t.Run("a database that is not there is not found, and not made", func(t *testing.T) {
		b := newBench(t, kit)
		for _, db := range []string{b.Name + "_gone"} {
			_, err := b.eng.Lock(t.Context(), b.Source, db, engine.Holder{})
			if slipway.KindOf(err) != slipway.NotFound || !strings.Contains(err.Error(), db) {
				t.Errorf("Lock: got %v, want a NotFound that names %q", err, db)
			}
		}
		if names, err := b.eng.Databases(t.Context(), b.Source); err != nil || slices.Contains(names, b.Name+"_gone") {
			t.Errorf("got databases %q and error %v: one was made", names, err)
		}
	})

	t.Run("a revision comes back as it was recorded", func(t *testing.T) {
		b := newBench(t, kit)
		s := b.lock()
		want := b.apply(s, "1.2", shelf)
		if want.Applied.IsZero() || time.Since(want.Applied).Abs() > time.Hour || want.Took < 0 || want.Took > time.Minute {
			t.Errorf("applied at %v, took %v", want.Applied, want.Took)
		}
		revs, err := s.Revisions(t.Context())
		if err != nil || len(revs) != 1 {
			t.Fatalf("got revisions %v and error %v, want one", revs, err)
		}
		got := revs[0]
		if !got.Applied.Equal(want.Applied.Truncate(time.Microsecond)) {
			t.Errorf("read applied %v, want %v", got.Applied, want.Applied)
		}
		got.Applied, got.Took = want.Applied, want.Took
		if got != want {
			t.Errorf("read %+v, want %+v", got, want)
		}
	})

	t.Run("the schema shows what files made, and not what Slipway keeps", func(t *testing.T) {
		b := newBench(t, kit)
		b.apply(b.lock(), "1", shelf)
		got, err := b.eng.Schema(t.Context(), b.Source, b.Name)
		if err != nil || !strings.Contains(got, "shelf") || strings.Contains(got, "slipway_") {
			t.Errorf("got schema %q and error %v", got, err)
		}
	})

	t.Run("a baseline is recorded and not run", func(t *testing.T) {
		b := newBench(t, kit)
		base := []slipway.Revision{revision("1", shelf), revision("2", "CREATE TABLE other (id INTEGER);")}
		if err := b.eng.Baseline(t.Context(), b.Source, b.Name, base); err != nil {
			t.Fatal(err)
		}
		b.wantVersions("1 2")
		s := b.lock()
		if got := b.apply(s, "1", shelf); got.ID != base[0].ID {
			t.Errorf("applying a baselined file gave revision %s, want the baseline's %s", got.ID, base[0].ID)
		}
		b.apply(s, "3", shelf) // would fail if version 1 had been run
	})

	t.Run("a baseline is recorded as a whole or not at all", func(t *testing.T) {
		b := newBench(t, kit)
		if err := b.eng.Baseline(t.Context(), b.Source, b.Name, []slipway.Revision{revision("2", "a")}); err != nil {
			t.Fatal(err)
		}
		err := b.eng.Baseline(t.Context(), b.Source, b.Name, []slipway.Revision{revision("1", "b"), revision("02", "c")})
		if slipway.KindOf(err) != slipway.Exists {
			t.Errorf("got %v, want Exists: 02 is 2", err)
		}
		b.wantVersions("2")
	})

	t.Run("a deleted revision lets its version run again", func(t *testing.T) {
		b := newBench(t, kit)
		s := b.lock()
		b.apply(s, "1", shelf)
		const fill = "INSERT INTO shelf (book) VALUES ('one more');"
		first := b.apply(s, "2", fill)
		b.give(s)
		at := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
		for range 2 {
			if err := b.eng.DeleteRevision(t.Context(), b.Source, b.Name, first.ID, "users/ann@example.com", at); err != nil {
				t.Fatal(err)
			}
		}
		b.wantVersions("1")
		second := b.apply(b.lock(), "2", fill)
		if second.ID == first.ID {
			t.Error("the file was not run again")
		}
		b.wantQuery("SELECT count(*) FROM shelf", "2")
		revs, err := b.eng.Revisions(t.Context(), b.Source, b.Name)
		if err != nil || len(revs) != 3 {
			t.Fatalf("got %d revisions and error %v, want 3 with the deleted one", len(revs), err)
		}
		if r := revs[1]; !r.Deleted.Equal(at) || r.Deleter != "users/ann@example.com" {
			t.Errorf("deleted at %v by %q", r.Deleted, r.Deleter)
		}
		if err := b.eng.DeleteRevision(t.Context(), b.Source, b.Name, "no-such", "x", at); slipway.KindOf(err) == slipway.NotFound {
			return
		} else if _, busy := errors.AsType[*engine.Busy](err); !busy {
			t.Errorf("got %v, want Busy while a session holds the lock", err)
		}
	})
}
