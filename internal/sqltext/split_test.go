package sqltext_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"slipway/internal/sqltext"
)

// cut returns the texts of statements and, as "! …", of errors.
func cut(d sqltext.Dialect, text string) (got []string) {
	for st, err := range sqltext.Split(d, []byte(text)) {
		if err != nil {
			got = append(got, "! "+err.Error())
			continue
		}
		got = append(got, st.Text)
	}
	return got
}

func TestSplit(t *testing.T) {
	const (
		pg, my, lite = sqltext.Postgres, sqltext.MySQL, sqltext.SQLite
	)
	tests := []struct {
		name string
		d    sqltext.Dialect
		text string
		want []string
	}{
		{"nothing", pg, " \n-- only a comment\n;;", nil},
		{"delimiters and comments stay outside", pg, "/* a */ SELECT 1 -- b\n; SELECT 2", []string{"SELECT 1", "SELECT 2"}},
		{"comment inside", pg, "SELECT /* ; */ 1; SELECT 2", []string{"SELECT /* ; */ 1", "SELECT 2"}},
		{"string", pg, "SELECT 'a;''b'; SELECT 2", []string{"SELECT 'a;''b'", "SELECT 2"}},
		{"standard string: backslash is a character", pg, `SELECT '\'; SELECT 2`, []string{`SELECT '\'`, "SELECT 2"}},
		{"E string", pg, `SELECT E'\';', e'\\'; SELECT 2`, []string{`SELECT E'\';', e'\\'`, "SELECT 2"}},
		{"E string carried on keeps its escapes", pg, "SELECT E'a' -- x\n '\\';'; SELECT 2", []string{"SELECT E'a' -- x\n '\\';'", "SELECT 2"}},
		{"E at the end of a name is no prefix", pg, `SELECT nameE'\'; SELECT 2`, []string{`SELECT nameE'\'`, "SELECT 2"}},
		{"unicode and bit strings", pg, `SELECT U&'\0061;', U&"a;", B'1;', x'f'; SELECT 2`, []string{`SELECT U&'\0061;', U&"a;", B'1;', x'f'`, "SELECT 2"}},
		{
			"strings without standard conformance", pg, `SET standard_conforming_strings = off; SELECT '\';'; RESET standard_conforming_strings; SELECT '\'; SELECT 3`,
			[]string{"SET standard_conforming_strings = off", `SELECT '\';'`, "RESET standard_conforming_strings", `SELECT '\'`, "SELECT 3"},
		},
		{
			"setting in quotes", pg, `SET LOCAL standard_conforming_strings TO 'off'; SELECT '\';'; SET standard_conforming_strings TO DEFAULT; SELECT '\'`,
			[]string{"SET LOCAL standard_conforming_strings TO 'off'", `SELECT '\';'`, "SET standard_conforming_strings TO DEFAULT", `SELECT '\'`},
		},
		{"identifier", pg, `SELECT "a;""b"; SELECT 2`, []string{`SELECT "a;""b"`, "SELECT 2"}},
		{"dollar quotes in one another", pg, "DO $a$ BEGIN EXECUTE $b$ SELECT ';' $b$; END $a$; SELECT 2", []string{"DO $a$ BEGIN EXECUTE $b$ SELECT ';' $b$; END $a$", "SELECT 2"}},
		{"empty dollar tag", pg, "SELECT $$;$$; SELECT 2", []string{"SELECT $$;$$", "SELECT 2"}},
		{"tag with bytes above ASCII", pg, "SELECT $é$;$é$; SELECT 2", []string{"SELECT $é$;$é$", "SELECT 2"}},
		{"dollar in a name and a parameter are no quotes", pg, "SELECT a$b$c, $1; SELECT $2$;$2", []string{"SELECT a$b$c, $1", "SELECT $2$", "$2"}},
		{"number before a dollar quote", pg, "SELECT 1$$;$$; SELECT 2", []string{"SELECT 1$$;$$", "SELECT 2"}},
		{"nested comments", pg, "/* a /* b */ ; */ SELECT 1; /*/*/ */*/ SELECT 2", []string{"SELECT 1", "SELECT 2"}},
		{"comments begin inside operators", pg, "SELECT 1 +-- ;\n 2 */* ; */ 3", []string{"SELECT 1 +-- ;\n 2 */* ; */ 3"}},
		{"carriage return ends a comment", pg, "-- a\rSELECT 1", []string{"SELECT 1"}},
		{"CRLF", pg, "SELECT 1;\r\nSELECT 2;\r\n", []string{"SELECT 1", "SELECT 2"}},
		{"rule with statements in parentheses", pg, "CREATE RULE r AS ON INSERT TO t DO (DELETE FROM a; DELETE FROM b); SELECT 2", []string{"CREATE RULE r AS ON INSERT TO t DO (DELETE FROM a; DELETE FROM b)", "SELECT 2"}},
		{
			"routine with a body of SQL", pg, "CREATE OR REPLACE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT CASE WHEN true THEN 1 END; SELECT 1 AS end; END; SELECT 2",
			[]string{"CREATE OR REPLACE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT CASE WHEN true THEN 1 END; SELECT 1 AS end; END", "SELECT 2"},
		},
		{"empty body", pg, "CREATE PROCEDURE p() BEGIN ATOMIC END; SELECT 2", []string{"CREATE PROCEDURE p() BEGIN ATOMIC END", "SELECT 2"}},
		{"function named begin", pg, "CREATE FUNCTION begin() RETURNS int RETURN 1; SELECT 2", []string{"CREATE FUNCTION begin() RETURNS int RETURN 1", "SELECT 2"}},
		{"rows of COPY are no statements", pg, "COPY t (a) FROM stdin;\n1\tit's; so\n\\.\nSELECT 2;", []string{"COPY t (a) FROM stdin", "SELECT 2"}},
		{"COPY without rows", pg, "COPY t FROM STDIN", []string{"COPY t FROM STDIN"}},
		{"COPY from a file has no rows", pg, "COPY t (stdin) FROM '/x'; SELECT 2", []string{"COPY t (stdin) FROM '/x'", "SELECT 2"}},
		{"psql command", pg, "SELECT 1;\n\\c other\nSELECT 2", []string{"SELECT 1", `! line 2: \c is a command of psql, which a database server does not know: a file changes the database that it is rolled out to; put what is for another one into a release for that one`, "SELECT 2"}},
		{"psql command behind a statement", pg, `SELECT 1 \gexec`, []string{"SELECT 1", `! line 1: \gexec is a command of psql, which a database server does not know: take the line out`}},
		{"open string", pg, "SELECT 1;\nSELECT 'a", []string{"SELECT 1", "! line 2: the string that ' begins is never closed: add the closing ', and double it where it stands inside"}},
		{"open dollar quote", pg, "DO $x$ $y$", []string{"! line 1: the dollar quote $x$ is never closed: put $x$ behind the text that it begins"}},
		{"open comment", pg, "\n\n/* /* */", []string{"! line 3: the comment that /* begins is never closed: add the */"}},
		{"NUL", pg, "SELECT 1;\nSELECT \x00", []string{"SELECT 1", "! line 2: there is a NUL byte at offset 17, which no SQL text may hold: take it out"}},
		{"latin1 in a comment before a command", pg, "-- caf\xe9\n\\c x", []string{"! line 1: the byte 0xE9 at offset 6 is not UTF-8: save the file as UTF-8"}},
		{"latin1", pg, "SELECT 'caf\xe9'", []string{"! line 1: the byte 0xE9 at offset 11 is not UTF-8: save the file as UTF-8"}},

		{"backslashes in both quotes", my, `SELECT 'a\';', "b\";"; SELECT 2`, []string{`SELECT 'a\';', "b\";"`, "SELECT 2"}},
		{"backtick and hash", my, "SELECT `a;` # ;\n; SELECT 2", []string{"SELECT `a;`", "SELECT 2"}},
		{"two dashes want a space", my, "SELECT 5--1; SELECT 2 -- ;\n", []string{"SELECT 5--1", "SELECT 2"}},
		{"comments do not nest", my, "/* /* */ SELECT 1", []string{"SELECT 1"}},
		{"conditional comment is code", my, "/*!40101 SET a = ';' */; SELECT /*!80000 1; */ 2", []string{"/*!40101 SET a = ';' */", "SELECT /*!80000 1; */ 2"}},
		{"DELIMITER", my, "DELIMITER $$\nCREATE PROCEDURE p() BEGIN SELECT 1; END$$\ndelimiter ;\nSELECT 2; SELECT 3", []string{"CREATE PROCEDURE p() BEGIN SELECT 1; END", "SELECT 2", "SELECT 3"}},
		{"DELIMITER of slashes", my, "DELIMITER //\nSELECT 1 / 2; //\nSELECT 3//", []string{"SELECT 1 / 2;", "SELECT 3"}},
		{`\N is NULL`, my, `INSERT INTO t VALUES (\N); SELECT 2`, []string{`INSERT INTO t VALUES (\N)`, "SELECT 2"}},
		{`\N begins a statement and ends one`, my, `\N; SELECT\N`, []string{`\N`, `SELECT\N`}},
		{"mysql commands", my, "source other.sql\nSELECT 1\\G\n", []string{"! line 1: source is a command of mysql, which a database server does not know: put the SQL of that file here, or make it a migration of its own", "SELECT 1", `! line 2: \G is a command of mysql, which a database server does not know: take the line out`}},

		{
			"trigger", lite, "CREATE TEMP TRIGGER x AFTER INSERT ON t BEGIN UPDATE t SET a = CASE WHEN 1 THEN 2 END; DELETE FROM u; END; SELECT 2",
			[]string{"CREATE TEMP TRIGGER x AFTER INSERT ON t BEGIN UPDATE t SET a = CASE WHEN 1 THEN 2 END; DELETE FROM u; END", "SELECT 2"},
		},
		{"BEGIN that is no trigger", lite, "BEGIN; SELECT 1; END; SELECT 2", []string{"BEGIN", "SELECT 1", "END", "SELECT 2"}},
		{"brackets and backticks", lite, "SELECT [a;], `b;`, \"c;\"; SELECT 2", []string{"SELECT [a;], `b;`, \"c;\"", "SELECT 2"}},
		{"backslash is a character", lite, `SELECT '\'; SELECT 2`, []string{`SELECT '\'`, "SELECT 2"}},
		{"open comment at the end", lite, "SELECT 1; /* rest", []string{"SELECT 1"}},
		{"shell command", lite, "SELECT 1;\n.tables\nSELECT .5", []string{"SELECT 1", "! line 2: .tables is a command of the sqlite3 shell, which a database server does not know: take the line out", "SELECT .5"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, cut(tt.d, tt.text)); diff != "" {
				t.Errorf("statements (-want +got):\n%s", diff)
			}
		})
	}
}

func TestSplitPositions(t *testing.T) {
	text := "é SELECT 1;\n\n  /* ü */ SELECT\n2; SELECT 'ß' ; SELECT 3"
	type at struct{ Start, End, Line, Column int }
	var got []at
	for st, err := range sqltext.Split(sqltext.Postgres, []byte(text)) {
		if err != nil {
			t.Fatal(err)
		}
		if text[st.Start:st.End] != st.Text {
			t.Errorf("text %q is not what stands at %d to %d", st.Text, st.Start, st.End)
		}
		if l, c := sqltext.Position([]byte(text), st.Start); l != st.Line || c != st.Column {
			t.Errorf("Position says %d:%d of the statement at %d:%d", l, c, st.Line, st.Column)
		}
		got = append(got, at{st.Start, st.End, st.Line, st.Column})
	}
	want := []at{{0, 11, 1, 1}, {25, 33, 3, 11}, {35, 46, 4, 4}, {49, 57, 4, 17}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("positions (-want +got):\n%s", diff)
	}
}

func TestSplitStops(t *testing.T) {
	for range sqltext.Split(sqltext.Postgres, []byte("SELECT 1; SELECT 2; \\c")) {
		break
	}
	n := 0
	for _, err := range sqltext.Split(sqltext.Postgres, []byte("\\c a\nSELECT 'x")) {
		var e *sqltext.Error
		if !errors.As(err, &e) {
			t.Fatalf("%v is no *Error", err)
		}
		if n++; n > 2 {
			t.Fatal("the iteration goes on behind an open string")
		}
	}
}

// A file in one line must not cost the square of its length. A linear walk
// takes a tenth of a second here, a quadratic one minutes.
func TestSplitLongLine(t *testing.T) {
	text := []byte(strings.Repeat("DELETE FROM t;", 300_000))
	for _, d := range []sqltext.Dialect{sqltext.Postgres, sqltext.MySQL, sqltext.SQLite} {
		start, n := time.Now(), 0
		for st, err := range sqltext.Split(d, text) {
			if err != nil {
				t.Fatal(err)
			}
			n++
			if n != (st.Column-1)/14+1 {
				t.Fatalf("statement %d is said to stand in column %d", n, st.Column)
			}
			if time.Since(start) > 20*time.Second {
				t.Fatalf("dialect %d: %d statements took %v", d, n, time.Since(start))
			}
		}
	}
}

func walk(b *testing.B, d sqltext.Dialect, text string) {
	for b.Loop() {
		for _, err := range sqltext.Split(d, []byte(text)) {
			if err != nil {
				b.Fatal(err)
			}
		}
	}
}

// Cutting is to run at the speed of the disk: 40 MB/s is the floor that a
// 100 MB file was planned with.
func BenchmarkSplit(b *testing.B) {
	inserts := strings.Repeat("INSERT INTO customer (id, name, email, created) VALUES (12345, 'Some O''Name', 'mail@example.com', now());\n", 10_000)
	for _, bb := range []struct {
		name string
		d    sqltext.Dialect
		text string
	}{
		{"postgres inserts", sqltext.Postgres, inserts},
		{"mysql inserts", sqltext.MySQL, inserts},
		{"sqlite inserts", sqltext.SQLite, inserts},
		{"one large statement", sqltext.Postgres, "INSERT INTO t VALUES " + strings.Repeat("(1, 'abc', 2.5),\n", 60_000) + "(0)"},
		{"functions", sqltext.Postgres, strings.Repeat("CREATE FUNCTION f() RETURNS void LANGUAGE plpgsql AS $body$\nBEGIN\n  PERFORM 1;\n  -- and so on\nEND\n$body$;\n", 10_000)},
	} {
		b.Run(bb.name, func(b *testing.B) {
			b.SetBytes(int64(len(bb.text)))
			walk(b, bb.d, bb.text)
		})
	}
}

func ExampleSplit() {
	text := []byte("CREATE TABLE t (id int);\nCREATE INDEX CONCURRENTLY i ON t (id);")
	for st, err := range sqltext.Split(sqltext.Postgres, text) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(st.Line, st.Kind, st.NonTransactional)
	}
	// Output:
	// 1 CREATE TABLE false
	// 2 CREATE INDEX true
}
