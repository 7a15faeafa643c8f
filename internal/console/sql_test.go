package console_test

import (
	"strings"
	"testing"

	"slipway"
	"slipway/internal/console"
	"slipway/internal/sqltext"
)

func TestColour(t *testing.T) {
	for _, tc := range []struct {
		why, text    string
		line, column int
		want, caret  string
	}{
		{"the kinds of pieces", "INSERT INTO t VALUES ('a', 1.5); -- done", 0, 0, "k(INSERT) k(INTO) t k(VALUES) (s('a'), n(1.5));c( -- done)", ""},
		{"keywords in any case, not inside names", "create table creates", 0, 0, "k(create) k(table) creates", ""},
		{"a comment over two lines", "/* a\nb */ SELECT", 0, 0, "c(/* a)\nc(b */ )k(SELECT)", ""},
		{"a string over two lines", "SELECT 'a\nb'", 0, 0, "k(SELECT) s('a)\ns(b')", ""},
		{"Windows line ends", "SELECT\r\n1\r\n", 0, 0, "k(SELECT)\nn(1)", ""},
		{"a quote that is cut off is no comment", "SELECT 'a", 0, 0, "k(SELECT) 'a", ""},
		{"a wrong name", "ALTER TABLE custmer ADD", 1, 13, "k(ALTER) k(TABLE) [custmer] k(ADD)", "            ^^^^^^^"},
		{"a wrong keyword behind a tab", "\tADD x", 1, 2, "\t[ADD] x", "\t^^^"},
		{"characters, not bytes", "'üü' x", 1, 6, "s('üü') [x]", "     ^"},
		{"a whole line", "SELECT\n1", 2, 0, "k(SELECT)\nn(1) !", ""},
		{"a column behind the line", "SELECT", 1, 99, "k(SELECT) !", ""},
		{"a line that is not there", "SELECT", 9, 1, "k(SELECT)", ""},
	} {
		got, caret := console.Colour(slipway.Postgres, tc.text, tc.line, tc.column)
		if got != tc.want || caret != tc.caret {
			t.Errorf("%s: %q with caret %q, want %q with %q", tc.why, got, caret, tc.want, tc.caret)
		}
	}
	if got, _ := console.Colour(slipway.SQLite, "SELECT [a b]", 0, 0); got != "k(SELECT) [a b]" {
		t.Errorf("an identifier of SQLite in brackets: %q", got)
	}
}

// No text makes the colouring lose or add anything.
func FuzzColour(f *testing.F) {
	for _, seed := range []string{"SELECT 1", "'", "$$", "/*", "--\n", "a\r\nb", "\x00\xff", "E'\\"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if strings.ContainsAny(text, "()[]\r") || strings.HasSuffix(text, "\n") {
			return // the notation of the test has these
		}
		got, _ := console.Colour(slipway.Postgres, text, 0, 0)
		for _, class := range []string{"k(", "s(", "n(", "c("} {
			got = strings.ReplaceAll(got, class, "")
		}
		if got = strings.ReplaceAll(got, ")", ""); got != text {
			t.Errorf("%q became %q", text, got)
		}
	})
}

func TestSpot(t *testing.T) {
	const text = "-- ü\nALTER TABLE custmer ADD COLUMN custmers int;\nSELECT 'long and longer', /* x */ custmer;\n"
	const statement = "ALTER TABLE custmer ADD COLUMN custmers int"
	for _, tc := range []struct {
		why          string
		f            slipway.Failure
		line, column int
	}{
		{"a name in quotes", slipway.Failure{Line: 2, Column: 1, Statement: statement, Message: `relation "custmer" does not exist`}, 2, 13},
		{"a longer name is not it", slipway.Failure{Line: 2, Column: 1, Statement: statement, Message: `column "custmers" exists`}, 2, 32},
		{"a name behind the last colon", slipway.Failure{Line: 2, Column: 1, Statement: statement, Message: "no such table: custmer"}, 2, 13},
		{"a name that does not occur", slipway.Failure{Line: 2, Column: 1, Statement: statement, Message: "no such table: other"}, 2, 1},
		{"a name with what patterns mind", slipway.Failure{Line: 2, Column: 1, Statement: statement, Message: `bad "a(*"`}, 2, 1},
		{"the place is told", slipway.Failure{Line: 2, Column: 21, Statement: statement, Message: `syntax error at or near "custmer"`}, 2, 21},
		{"a place outside", slipway.Failure{Line: 9, Column: 1, Statement: statement, Message: `"custmer"`}, 9, 1},
		{"behind a constant that is not told", slipway.Failure{Line: 3, Column: 1, Statement: "SELECT '…', custmer", Message: `column "custmer" does not exist`}, 3, 35},
		{"another statement than the file has", slipway.Failure{Line: 3, Column: 1, Statement: "SELECT custmer", Message: `column "custmer" does not exist`}, 3, 1},
		{"no column", slipway.Failure{Line: 2, Statement: statement, Message: `"custmer"`}, 2, 13},
	} {
		if line, column := console.Spot([]byte(text), tc.f, sqltext.Postgres); line != tc.line || column != tc.column {
			t.Errorf("%s: %d:%d, want %d:%d", tc.why, line, column, tc.line, tc.column)
		}
	}
}
