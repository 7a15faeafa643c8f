package sqltext_test

import (
	"strings"
	"testing"

	pgquery "github.com/pganalyze/pg_query_go/v6"
	"pgregory.net/rapid"

	"slipway/internal/sqltext"
)

// The parser of PostgreSQL 17 is the judge of where its statements begin and
// end.

// nasty are pieces that valid SQL is strung together from.
var nasty = []string{
	"SELECT 1", "SELECT 'a;b'", `SELECT '\'`, `SELECT E'\';\\'`, "SELECT E'a'\n'\\''", "SELECT 'a'\n'b;'",
	"SELECT $$;$$", "SELECT $a$ $b$ ; $b$ $$ $a$", "SELECT $é1$;$é1$", `SELECT U&'\0061;' UESCAPE '!'`, `SELECT "a;""b", U&"x;"`, "SELECT a$1$b, $1 + $2",
	"SELECT B'01', X'ff', N'a;'", "SELECT 1 +-- ;\n 2", "SELECT 3 */* ; */ 4", "SELECT 1./* ; */+2", "SELECT 1e5, 1.5e-3, .5, 0x1F, 1_000",
	"SELECT 1 AS begin, 2 AS end, 3 AS case", "SELECT CASE WHEN a THEN 1 END FROM t", "VALUES (1, ';'), (2, $$;$$)", "(SELECT 1)",
	"DO $x$ BEGIN PERFORM ';'; END $x$", "DO LANGUAGE plpgsql 'BEGIN; END'",
	"CREATE FUNCTION f() RETURNS int LANGUAGE sql AS $$ SELECT 1; $$", "CREATE FUNCTION f(begin int) RETURNS int RETURN begin",
	"CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; SELECT CASE WHEN true THEN 2 END; END",
	"CREATE OR REPLACE PROCEDURE p() BEGIN ATOMIC INSERT INTO t VALUES (1); SELECT 1 AS end; END",
	"CREATE PROCEDURE p() LANGUAGE sql BEGIN ATOMIC END", "CREATE FUNCTION atomic() RETURNS int LANGUAGE sql BEGIN ATOMIC RETURN 1; END",
	"CREATE RULE r AS ON INSERT TO t DO ALSO (INSERT INTO a VALUES (1); DELETE FROM b)", "CREATE TABLE t (a int CHECK (a > 0), b text DEFAULT ';')",
	"CREATE VIEW v AS SELECT 1 AS \"a;b\"", "BEGIN", "END", "COMMIT", "SAVEPOINT s", "ALTER TABLE t ADD COLUMN c int", "SELECT a -> 'b', c #>> '{d;}', e @> f, g |/ 2, - -1",
	"SELECT 'x' || $q$y;$q$ || E'\\z;'", "COMMENT ON TABLE t IS 'it''s;'", "SELECT a[1], b[1:2] FROM t WHERE c = ANY ('{;}')",
}

var between = []string{";", ";;", "; \n", ";-- ; '\n", ";/* ; /* ' */ */", "\n;\r\n", "; /**/ ;", " -- x\r;", ";/*/*/ */ */"}

func TestChange38SplitEqualsParser(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var b strings.Builder
		for range rapid.IntRange(1, 8).Draw(t, "statements") {
			b.WriteString(rapid.SampledFrom(nasty).Draw(t, "statement"))
			b.WriteString(rapid.SampledFrom(between).Draw(t, "between"))
		}
		if !agree(t, b.String()) {
			t.Fatalf("the parser does not take %q: mend the pieces", b.String())
		}
	})
}

// Strings of any content, quoted in each way, must not disturb the cutting.
func TestChange38SplitEqualsParserOnStrings(t *testing.T) {
	content := rapid.StringOfN(rapid.RuneFrom([]rune("'\"\\;$-/*\n\rEe ab1é()")), 0, 20, -1)
	quote := []func(string) string{
		func(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" },
		func(s string) string {
			return "E'" + strings.NewReplacer("'", `\'`, `\`, `\\`).Replace(s) + "'"
		},
		func(s string) string { return "$t$" + strings.ReplaceAll(s, "$", "") + "$t$" },
		func(s string) string { return "/*" + strings.NewReplacer("/", "", "*", "").Replace(s) + "*/ 1" },
		func(s string) string { return "-- " + strings.NewReplacer("\n", "", "\r", "").Replace(s) + "\n1" },
		func(s string) string { return `x."` + strings.ReplaceAll(s, `"`, `""`) + `a"` },
	}
	rapid.Check(t, func(t *rapid.T) {
		var b strings.Builder
		for range rapid.IntRange(1, 6).Draw(t, "statements") {
			q := rapid.SampledFrom(quote).Draw(t, "quote")
			b.WriteString("SELECT " + q(content.Draw(t, "content")) + ";")
		}
		if !agree(t, b.String()) {
			t.Fatalf("the parser does not take %q: mend the quoting", b.String())
		}
	})
}

// On any text that the parser accepts, sense or nonsense, the cuts agree; and
// on any that its scanner accepts, the semicolons are the same.
func TestChange38SplitEqualsScannerOnNonsense(t *testing.T) {
	piece := rapid.SampledFrom([]string{
		"'", "''", `"`, `\`, ";", "$", "$$", "$a$", "$1", "--", "/*", "*/", "\n", "\r", " ", "E'", "e", "U&'", "u&\"", "a", "b", "1", "1.", "e5",
		"é", "(", ")", "+", "*", "/", "-", ".", ",", "::", "SELECT ", "BEGIN ATOMIC ", "END", "CREATE FUNCTION f() ",
	})
	rapid.Check(t, func(t *rapid.T) {
		text := strings.Join(rapid.SliceOfN(piece, 0, 25).Draw(t, "pieces"), "")
		if strings.Contains(text, "--") && strings.Contains(text, "E'") {
			return // the server joins strings over a comment, pg_query does not
		}
		agree(t, text)
		scan, err := pgquery.Scan(text)
		if err != nil {
			return
		}
		var want, got []int32
		for _, tok := range scan.Tokens {
			if tok.Token == pgquery.Token_ASCII_59 {
				want = append(want, tok.Start)
			}
		}
		for tok := range sqltext.Tokens(sqltext.Postgres, []byte(text)) {
			if tok.Kind == sqltext.Symbol && text[tok.Start] == ';' {
				got = append(got, int32(tok.Start))
			}
		}
		if len(want) != len(got) {
			t.Fatalf("%q: the scanner has semicolons at %v, we at %v", text, want, got)
		}
		for i := range want {
			if want[i] != got[i] {
				t.Fatalf("%q: the scanner has semicolons at %v, we at %v", text, want, got)
			}
		}
	})
}

// agree compares the cuts of text where the parser accepts it, and reports
// whether it does.
func agree(t interface{ Fatalf(string, ...any) }, text string) bool {
	tree, err := pgquery.Parse(text)
	if err != nil {
		return false
	}
	var got []sqltext.Statement
	for st, err := range sqltext.Split(sqltext.Postgres, []byte(text)) {
		if err != nil {
			t.Fatalf("%q: the parser takes it and we say %v", text, err)
		}
		got = append(got, st)
	}
	if len(got) != len(tree.Stmts) {
		t.Fatalf("%q: the parser sees %d statements, we %d", text, len(tree.Stmts), len(got))
	}
	for i, raw := range tree.Stmts {
		from, to := int(raw.StmtLocation), int(raw.StmtLocation+raw.StmtLen)
		if raw.StmtLen == 0 {
			to = len(text)
		}
		if got[i].Start < from || got[i].End > to {
			t.Fatalf("%q: statement %d is at %d to %d for the parser, at %d to %d for us", text, i, from, to, got[i].Start, got[i].End)
		}
	}
	return true
}
