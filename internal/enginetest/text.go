package enginetest

import (
	"strings"
	"testing"

	"slipway"
	"slipway/internal/engine"
)

func testText(t *testing.T, kit Kit) {
	t.Run("change 31, 34: a byte order mark and CRLF are no obstacle", func(t *testing.T) {
		b := newBench(t, kit)
		s := b.lock()
		text := "\ufeff" + shelf + "\r\n-- comment\r\nINSERT INTO shelf (book)\r\n  VALUES ('x');\r\n"
		var starts []int
		if _, err := s.Apply(t.Context(), revision("1", text), []byte(text), func(l slipway.LogEntry) {
			if l.Statement != nil {
				starts = append(starts, l.Statement.Start)
			}
		}); err != nil {
			t.Fatal(err)
		}
		if len(starts) != 2 || starts[0] != 3 || starts[1] != strings.Index(text, "INSERT") {
			t.Errorf("statements start at %v, want 3 and %d: offsets are those of the file", starts, strings.Index(text, "INSERT"))
		}
		b.wantQuery("SELECT count(*) FROM shelf", "1")
	})

	for _, tc := range []struct{ name, text, word string }{
		{"change 33: NUL", "CREATE TABLE a (id INTEGER);\nINSERT INTO a VALUES (1\x00);", "NUL"},
		{"change 32: latin1 at the end", shelf + "\n-- caf\xe9", "UTF-8"},
		{"change 32: bytes that are not UTF-8", shelf + "\nINSERT INTO shelf (book) VALUES ('caf\xe9');", "UTF-8"},
		{"an open quote", shelf + "\nINSERT INTO shelf (book) VALUES ('open);", "closed"},
	} {
		t.Run(tc.name+" is refused before anything runs", func(t *testing.T) {
			b := newBench(t, kit)
			e := b.fail(b.lock(), "1", tc.text)
			if e.Class != engine.Failed || e.Failure.Line != 2 || !strings.Contains(e.Failure.Message, tc.word) || slipway.KindOf(e) != slipway.Invalid {
				t.Errorf("got %v at line %d: %q, want Invalid at line 2 about %q", e.Class, e.Failure.Line, e.Failure.Message, tc.word)
			}
			if got, err := b.eng.Schema(t.Context(), b.Source, b.Name); err != nil || got != "" {
				t.Errorf("the file was begun: %q, %v", got, err)
			}
		})
	}
}
