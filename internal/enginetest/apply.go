package enginetest

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"slipway"
	"slipway/internal/engine"
)

func testApply(t *testing.T, kit Kit) {
	t.Run("a file that is recorded is not run again", func(t *testing.T) {
		b := newBench(t, kit)
		s := b.lock()
		const text = shelf + " INSERT INTO shelf (book) VALUES ('x');"
		first := b.apply(s, "1", text)
		if again := b.apply(s, "1", text); again.ID != first.ID {
			t.Errorf("got revision %s the second time, want %s", again.ID, first.ID)
		}
		b.give(s)
		if again := b.apply(b.lock(), "01", text); again.ID != first.ID {
			t.Errorf("got revision %s for 01, want %s: it is 1", again.ID, first.ID)
		}
		b.wantQuery("SELECT count(*) FROM shelf", "1")
	})

	t.Run("change 24: a recorded version with other content is refused", func(t *testing.T) {
		b := newBench(t, kit)
		s := b.lock()
		b.apply(s, "1", shelf)
		e := b.fail(s, "1", shelf+" -- edited")
		if slipway.KindOf(e) != slipway.Precondition || e.Class != engine.Failed {
			t.Errorf("got kind %d, class %v: %v", slipway.KindOf(e), e.Class, e)
		}
	})

	t.Run("the log tells file, transaction and statements with rows", func(t *testing.T) {
		b := newBench(t, kit)
		text := shelf + "\nINSERT INTO shelf (book) VALUES ('a'), ('b');\nUPDATE shelf SET book = 'c';"
		var got []string
		_, err := b.lock().Apply(t.Context(), revision("1", text), []byte(text), func(l slipway.LogEntry) {
			got = append(got, line(l))
			if l.Time.IsZero() || l.Replica != "here" {
				t.Errorf("entry %q has time %v and replica %q", line(l), l.Time, l.Replica)
			}
			if st := l.Statement; st != nil && constants.ReplaceAllString(text[st.Start:st.End], "'…'") != st.Text {
				t.Errorf("offsets %d to %d are %q, logged as %q", st.Start, st.End, text[st.Start:st.End], st.Text)
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		want := "file 1|BEGIN|CREATE 0|INSERT 2|UPDATE 2|COMMIT"
		if g := strings.Join(got, "|"); g != want {
			t.Errorf("logged %s, want %s", g, want)
		}
	})

	t.Run("a file without statements is recorded", func(t *testing.T) {
		b := newBench(t, kit)
		b.apply(b.lock(), "1", "-- nothing to do here\n")
		b.wantVersions("1")
	})

	t.Run("temporary tables and settings end with their file", func(t *testing.T) {
		b := newBench(t, kit)
		s := b.lock()
		b.apply(s, "1", "CREATE TEMPORARY TABLE slipway_revision (id INTEGER); CREATE TEMPORARY TABLE scratch (id INTEGER);")
		b.apply(s, "2", "CREATE TEMPORARY TABLE scratch (id INTEGER);")
		b.wantVersions("1 2")
	})

	t.Run("a big file goes in, and a statement far down is found", func(t *testing.T) {
		b := newBench(t, kit)
		s := b.lock()
		b.apply(s, "1", shelf)
		var text strings.Builder
		for i := 1; i <= 20_000; i++ {
			fmt.Fprintf(&text, "INSERT INTO shelf (id, book) VALUES (%d, 'book number %[1]d; nothing more');\n", i)
		}
		twice := text.String() + "INSERT INTO shelf (id) VALUES (20001);\nINSERT INTO shelf (id) VALUES (15000);\n"
		e := b.fail(s, "2", twice)
		if e.Failure.Line != 20_002 || !strings.Contains(e.Failure.Statement, "(15000)") {
			t.Errorf("failed at line %d, statement %q, want line 20002", e.Failure.Line, e.Failure.Statement)
		}
		b.wantQuery("SELECT count(*) FROM shelf", "0")
		logged := 0
		if _, err := s.Apply(t.Context(), revision("2", text.String()), []byte(text.String()), func(slipway.LogEntry) { logged++ }); err != nil {
			t.Fatal(err)
		}
		b.wantQuery("SELECT count(*) FROM shelf", "20000")
		if logged > 5000 {
			t.Errorf("%d log entries: a big file must not flood the log", logged)
		}
	})
}

// constants are the strings of a statement without quotes in them.
var constants = regexp.MustCompile(`'[^']+'`)

// line is a log entry in a word or two.
func line(l slipway.LogEntry) string {
	switch {
	case l.File != nil:
		return "file " + l.File.Version
	case l.Control != nil && l.Control.Error != "":
		return l.Control.Type + " failed"
	case l.Control != nil:
		return l.Control.Type
	case l.Retry != nil:
		return fmt.Sprintf("retry %d", l.Retry.Count)
	case l.Statement != nil && l.Statement.Error != "":
		return strings.Fields(l.Statement.Text)[0] + " failed"
	case l.Statement != nil:
		return fmt.Sprintf("%s %d", strings.Fields(l.Statement.Text)[0], l.Statement.Rows)
	}
	return "an empty entry"
}
