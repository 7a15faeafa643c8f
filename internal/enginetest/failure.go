package enginetest

import (
	"context"
	"errors"
	"strings"
	"testing"

	"slipway"
	"slipway/internal/engine"
)

func testFailure(t *testing.T, kit Kit) {
	t.Run("a failed file leaves nothing and earlier files stay", func(t *testing.T) {
		b := newBench(t, kit)
		s := b.lock()
		b.apply(s, "1", shelf)
		const bad = "-- a comment\nCREATE TABLE half (id INTEGER);\n\n  INSERT INTO nowhere VALUES (1);\nCREATE TABLE other (id INTEGER);"
		e := b.fail(s, "2", bad)
		if e.Class != engine.Failed || e.Failure.Line != 4 || e.Failure.Column != 15 {
			t.Errorf("class %v at %d:%d, want failed at 4:15", e.Class, e.Failure.Line, e.Failure.Column)
		}
		if e.Failure.Statement != "INSERT INTO nowhere VALUES (1)" || !strings.Contains(e.Failure.Message, "nowhere") || e.Failure.Code == "" {
			t.Errorf("got failure %+v", e.Failure)
		}
		if slipway.KindOf(e) == slipway.Internal {
			t.Errorf("the error %v has no kind", e)
		}
		b.wantVersions("1")
		b.apply(s, "2", strings.Replace(bad, "INSERT INTO nowhere VALUES (1)", "INSERT INTO shelf (book) VALUES ('y')", 1))
		b.wantVersions("1 2")
	})

	t.Run("a syntax error is found where it is", func(t *testing.T) {
		b := newBench(t, kit)
		e := b.fail(b.lock(), "1", shelf+"\nINSERT INTO shelf (book)\n  VALUES ('ä', FROM);")
		if e.Failure.Line != 3 || e.Failure.Column != 16 || !strings.Contains(e.Failure.Message, "FROM") {
			t.Errorf("got %d:%d %q, want 3:16 about FROM", e.Failure.Line, e.Failure.Column, e.Failure.Message)
		}
	})

	t.Run("change 21: a file that would end its transaction is refused before it runs", func(t *testing.T) {
		for _, word := range []string{"COMMIT", "ROLLBACK", "BEGIN", "END"} {
			b := newBench(t, kit)
			e := b.fail(b.lock(), "1", shelf+"\n"+word+";\nCREATE TABLE other (id INTEGER);")
			if e.Failure.Line != 2 || slipway.KindOf(e) != slipway.Invalid {
				t.Errorf("%s: refused at line %d as kind %d, want line 2 and Invalid", word, e.Failure.Line, slipway.KindOf(e))
			}
			if got, err := b.eng.Schema(t.Context(), b.Source, b.Name); err != nil || strings.Contains(got, "shelf") {
				t.Errorf("%s: the file was begun: %q, %v", word, got, err)
			}
		}
	})

	t.Run("savepoints are a file's own affair", func(t *testing.T) {
		b := newBench(t, kit)
		b.apply(b.lock(), "1", shelf+"SAVEPOINT a; INSERT INTO shelf (book) VALUES ('no'); ROLLBACK TO a; RELEASE a;")
		b.wantQuery("SELECT count(*) FROM shelf", "0")
	})

	t.Run("change 23: what is checked at commit takes the revision with it", func(t *testing.T) {
		b := newBench(t, kit)
		s := b.lock()
		b.apply(s, "1", shelf+kit.Deferred)
		e := b.fail(s, "2", deferredOn(kit)+"CREATE TABLE with_it (id INTEGER); INSERT INTO child (shelf) VALUES (42);")
		if e.Class != engine.Failed || e.Failure.Code == "" {
			t.Errorf("got class %v, failure %+v", e.Class, e.Failure)
		}
		b.wantVersions("1")
		b.wantQuery("SELECT count(*) FROM child", "0")
	})

	t.Run("a file cannot say what was applied", func(t *testing.T) {
		for why, text := range map[string]string{
			"it would have another file run again":     "DELETE FROM slipway_revision;",
			"it would hide another file":               "UPDATE slipway_revision SET version_key = 'x';",
			"it would have a file passed over":         strings.ReplaceAll(forged, "TIME", kit.Moment),
			"it would do so at the next file's record": kit.Meddle,
			"it has nothing to write to":               "DROP TABLE slipway_revision;",
		} {
			b := newBench(t, kit)
			s := b.lock()
			b.apply(s, "1", shelf)
			e := b.fail(s, "2", "CREATE TABLE with_it (id INTEGER);\n"+text)
			if e.Class != engine.Failed || slipway.KindOf(e) != slipway.Precondition && why != "it has nothing to write to" {
				t.Errorf("%s: got class %v, kind %d, %v", why, e.Class, slipway.KindOf(e), e)
			}
			b.wantVersions("1")
			b.wantQuery("SELECT count(*) FROM slipway_revision WHERE version_key = '1'", "1")
			if got, err := b.eng.Schema(t.Context(), b.Source, b.Name); err != nil || strings.Contains(got, "with_it") {
				t.Errorf("%s: the rest of the file stayed: %q, %v", why, got, err)
			}
			b.apply(s, "3", "INSERT INTO shelf (book) VALUES ('z');")
			b.wantVersions("1 3")
		}
	})

	t.Run("cancel stops the statement and rolls back", func(t *testing.T) {
		b := newBench(t, kit)
		s := b.lock()
		b.apply(s, "1", shelf)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		text := "INSERT INTO shelf (book) VALUES ('gone');\n" + kit.Slow + ";"
		_, err := s.Apply(ctx, revision("2", text), []byte(text), func(l slipway.LogEntry) {
			if l.Statement != nil {
				cancel()
			}
		})
		if e, ok := errors.AsType[*engine.StatementError](err); !ok || slipway.KindOf(err) != slipway.Canceled || e.Class != engine.Failed {
			t.Errorf("got %v, want a Canceled *StatementError", err)
		}
		b.wantQuery("SELECT count(*) FROM shelf", "0")
		b.wantVersions("1")
		b.apply(s, "3", "INSERT INTO shelf (book) VALUES ('stays');")
	})
}

// forged is a ledger row that no file stands behind.
const forged = `INSERT INTO slipway_revision (id, version, version_key, path, sha256, text_sha, release, task_run, applied, took_us)
	VALUES ('x', '9', '9', 'x', 'x', 'x', '', '', TIME, 0);`

// deferredOn is what a file says first to have references checked.
func deferredOn(kit Kit) string {
	if strings.Contains(kit.Deferred, "PRAGMA") {
		return "PRAGMA foreign_keys = ON;"
	}
	return ""
}
