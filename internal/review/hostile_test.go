package review_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"slipway"
	"slipway/internal/review"
)

// Each of these takes a process down that hands it to the parser's C code, or
// costs it minutes; whoever may check a release may send them.
func TestHostileText(t *testing.T) {
	const n = 300_000
	tests := []struct {
		name, text string
		unread     bool // too deep for the parser, and said to be
	}{
		{"sum", "SELECT 1" + strings.Repeat("+1", n), true},
		{"casts", "SELECT 1" + strings.Repeat("::a", n), true},
		{"negations", "SELECT " + strings.Repeat("- ", n) + "1", true},
		{"joins", "SELECT 1 FROM a" + strings.Repeat(" CROSS JOIN a", n/10), true},
		{"unions with commas", "SELECT 1, 2" + strings.Repeat(" UNION SELECT 1,2", n/10), true},
		{"unions in parentheses", "SELECT f((SELECT 1, 2" + strings.Repeat(" EXCEPT SELECT 1,2", n/10) + "))", true},
		{"parentheses", "SELECT " + strings.Repeat("(1,", n) + "1" + strings.Repeat(")", n), true},
		{"selects", strings.Repeat("(SELECT 1,", n/10) + "1" + strings.Repeat(")", n/10), true},
		{"closing more than is open", "SELECT 1" + strings.Repeat(")", n) + strings.Repeat("+1", n), true},
		{"body", "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1" + strings.Repeat("+1", n) + "; END", true},
		{"open parentheses and brackets", "SELECT " + strings.Repeat("f(1, 2 + (a[1, ", n/20), true},
		{"columns", "CREATE TABLE t (" + strings.Repeat("a int,\n", n/2) + "b int)", false},
		{"tables", strings.Repeat("CREATE TABLE t (a int);\n", n/10), false},
		{"nothing", strings.Repeat(";", n), false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			review.Check(review.Input{Engine: slipway.SQLite, Text: []byte(tt.text)})
			out := review.Check(review.Input{Engine: slipway.Postgres, Text: []byte(tt.text)})
			unread := false
			for _, a := range out.Advices {
				unread = unread || a.Code == 258
			}
			if unread != tt.unread {
				t.Errorf("said to be unread: %v, want %v; %.500v", unread, tt.unread, out.Advices)
			}
		})
	}
}

// What people write is read, however long it is.
func TestLongText(t *testing.T) {
	for name, text := range map[string]string{
		"rows":         "INSERT INTO t (a, b, c) VALUES " + strings.Repeat("(1, 'x', now() + interval '1 day'),\n", 20_000) + "(1, 'x', now())",
		"list":         "DELETE FROM t WHERE id IN (" + strings.Repeat("1, ", 50_000) + "1)",
		"alternatives": "DELETE FROM t WHERE a = 1" + strings.Repeat(" OR a = 2", 500),
		"select rows":  "INSERT INTO t (a, b) SELECT 1, 2" + strings.Repeat(" UNION ALL SELECT 1, 2", 700),
		"function":     "CREATE FUNCTION f() RETURNS void LANGUAGE plpgsql AS $$ BEGIN " + strings.Repeat("PERFORM 1 + 1;\n", 20_000) + " END $$",
	} {
		if out := review.Check(review.Input{Engine: slipway.Postgres, Text: []byte(text)}); len(out.Advices) > 0 {
			t.Errorf("%s: %.300v", name, out.Advices[0])
		}
	}
}

// Reviews run side by side in a server; each must see its own file alone.
func TestSideBySide(t *testing.T) {
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for range 200 {
				out := review.Check(review.Input{Engine: slipway.Postgres, Text: fmt.Appendf(nil, "CREATE TABLE t%d (id int PRIMARY KEY); CREATE TABEL t;", i)})
				if len(out.Advices) != 1 || out.Advices[0].Code != 201 || !slices.Equal(out.Created, []string{fmt.Sprintf(`"public"."t%d"`, i)}) {
					t.Errorf("review %d: %+v", i, out)
					return
				}
			}
		})
	}
	wg.Wait()
}

// Whatever the text: no panic, and each advice has a level, a title, words and
// a line of the text.
func FuzzCheck(f *testing.F) {
	f.Add(true, []byte("CREATE TABLE t (a int, PRIMARY KEY (a)); DROP TABLE t;"))
	f.Add(false, []byte("WITH x AS (SELECT * FROM t) INSERT INTO u SELECT * FROM x; ALTER TABLE t ADD b"))
	f.Add(false, []byte("CREATE TABLE [t] (`a` INTEGER, PRIMARY KEY (a)) WITHOUT ROWID; REPLACE INTO t AS x VALUES (1)"))
	f.Add(true, []byte("ALTER TABLE t ADD c int DEFAULT random(), ALTER d SET NOT NULL; SELECT '\\' \\c"))
	f.Fuzz(func(t *testing.T, postgres bool, text []byte) {
		engine := slipway.SQLite
		if postgres {
			engine = slipway.Postgres
		}
		lines := strings.Count(string(text), "\n") + 1
		for _, a := range review.Check(review.Input{Engine: engine, Text: text}).Advices {
			if a.Level == "" || a.Title == "" || a.Content == "" || a.Start.Line > lines || a.Start.Line < 1 && a.Title != "MORE_FINDINGS" {
				t.Errorf("advice %+v", a)
			}
		}
	})
}
