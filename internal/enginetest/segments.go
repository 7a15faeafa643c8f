package enginetest

import (
	"strings"
	"testing"

	"slipway"
	"slipway/internal/engine"
)

func testSegments(t *testing.T, kit Kit) {
	before := shelf + "\nINSERT INTO shelf (book) VALUES ('before');\n"
	after := "\nINSERT INTO shelf (book) VALUES ('after');"

	t.Run("change 20: statements outside transactions run where they stand", func(t *testing.T) {
		b := newBench(t, kit)
		text := before + kit.Alone + ";" + after
		var got []string
		_, err := b.lock().Apply(t.Context(), revision("1", text), []byte(text), func(l slipway.LogEntry) { got = append(got, line(l)) })
		if err != nil {
			t.Fatal(err)
		}
		want := "file 1|BEGIN|CREATE 0|INSERT 1|COMMIT|" + strings.Fields(kit.Alone)[0] + " 0|BEGIN|INSERT 1|COMMIT"
		if g := strings.Join(got, "|"); g != want {
			t.Errorf("logged %s, want %s", g, want)
		}
		b.wantVersions("1")
		b.wantQuery("SELECT count(*) FROM slipway_journal", "0")
	})

	t.Run("a file may end in one, or be nothing else", func(t *testing.T) {
		b := newBench(t, kit)
		s := b.lock()
		b.apply(s, "1", shelf)
		b.apply(s, "2", kit.Alone)
		b.apply(s, "3", "CREATE TABLE other (id INTEGER);"+strings.ReplaceAll(strings.ReplaceAll(kit.Alone, "shelf", "other"), "alone_", "other_"))
		b.wantVersions("1 2 3")
		b.wantQuery("SELECT count(*) FROM slipway_journal", "0")
	})

	t.Run("a file that failed behind one goes on there", func(t *testing.T) {
		b := newBench(t, kit)
		s := b.lock()
		e := b.fail(s, "1", before+kit.Alone+";\nINSERT INTO nowhere VALUES (1);")
		if e.Class != engine.Failed || e.Failure.Line != 4 {
			t.Errorf("got class %v at line %d, want failed at 4", e.Class, e.Failure.Line)
		}
		b.wantVersions("")
		b.wantQuery("SELECT book FROM shelf", "before")
		b.give(s)
		b.apply(b.lock(), "1", before+"-- mended below\n"+kit.Alone+";"+after)
		b.wantVersions("1")
		b.wantQuery("SELECT book FROM shelf ORDER BY book DESC", "before after")
	})

	t.Run("a half applied file that was edited where it has run needs a person", func(t *testing.T) {
		b := newBench(t, kit)
		s := b.lock()
		_ = b.fail(s, "1", before+kit.Alone+";\nINSERT INTO nowhere VALUES (1);")
		e := b.fail(s, "1", strings.Replace(before, "'before'", "'edited'", 1)+kit.Alone+";"+after)
		if e.Class != engine.Attention {
			t.Errorf("got class %v (%v), want attention", e.Class, e)
		}
		b.wantQuery("SELECT book FROM shelf", "before")
	})

	t.Run("one that fails is found and leaves no trace", func(t *testing.T) {
		b := newBench(t, kit)
		s := b.lock()
		b.apply(s, "1", shelf)
		e := b.fail(s, "2", "INSERT INTO shelf (book) VALUES ('kept');\n"+strings.ReplaceAll(kit.Alone, "shelf", "nowhere")+" nonsense;")
		if e.Class != engine.Failed || e.Failure.Line != 2 {
			t.Errorf("got class %v at line %d (%v), want failed at 2", e.Class, e.Failure.Line, e)
		}
		b.wantVersions("1")
		b.apply(s, "2", "INSERT INTO shelf (book) VALUES ('kept');\n"+kit.Alone+";")
		b.wantQuery("SELECT book FROM shelf", "kept")
	})
}
