package sqltext_test

import (
	"strings"
	"testing"

	"slipway/internal/sqltext"
)

func only(t *testing.T, d sqltext.Dialect, text string) sqltext.Statement {
	t.Helper()
	var list []sqltext.Statement
	for st, err := range sqltext.Split(d, []byte(text)) {
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, st)
	}
	return list[len(list)-1]
}

// Change case 59: what a log keeps of a statement has no string constant in it.
func TestChange59Mask(t *testing.T) {
	for _, tc := range []struct {
		name    string
		dialect sqltext.Dialect
		text    string
		want    string
	}{
		{"a password", sqltext.Postgres, "ALTER ROLE app PASSWORD 'hunter2'", "ALTER ROLE app PASSWORD '…'"},
		{"names and numbers stay", sqltext.Postgres, `INSERT INTO "T" (a) VALUES (1, 'x', '')`, `INSERT INTO "T" (a) VALUES (1, '…', '')`},
		{"a quote inside", sqltext.Postgres, "SELECT 'it''s a secret', E'it\\'s'", "SELECT '…', E'…'"},
		{"lines stay", sqltext.SQLite, "INSERT INTO t VALUES (\n'one\ntwo',\n 2)", "INSERT INTO t VALUES (\n'…\n',\n 2)"},
		{"comments go", sqltext.Postgres, "SELECT 1 -- was 'hunter2'\n, /* hunter2 */ 2", "SELECT 1\n, 2"},
		{"dollar quotes that hold data", sqltext.Postgres, "INSERT INTO t VALUES ($x$hunter2$x$)", "INSERT INTO t VALUES ($x$…$x$)"},
		{"a function's code stays, its constants go", sqltext.Postgres, "CREATE FUNCTION f() RETURNS text LANGUAGE plpgsql AS $$ BEGIN RETURN 'hunter2'; END $$", "CREATE FUNCTION f() RETURNS text LANGUAGE plpgsql AS $$ BEGIN RETURN '…'; END $$"},
		{"an open quote in code", sqltext.Postgres, "DO $$ it's hunter2 $$", "DO $$ it…$$"},
		{"backslashes where the file says so", sqltext.Postgres, `SET standard_conforming_strings = off; SELECT 'a\'hunter2', 'b'`, "SELECT '…', '…'"},
		{"bytes", sqltext.SQLite, "INSERT INTO t VALUES (x'00ff')", "INSERT INTO t VALUES (x'…')"},
		{"MySQL's other quotes", sqltext.MySQL, `CREATE USER a IDENTIFIED BY "hunter2"`, `CREATE USER a IDENTIFIED BY "…"`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := sqltext.Mask(tc.dialect, only(t, tc.dialect, tc.text), 1000); got != tc.want {
				t.Errorf("got  %s\nwant %s", got, tc.want)
			}
		})
	}

	long := only(t, sqltext.Postgres, "SELECT '"+strings.Repeat("s", 10<<20)+"', "+strings.Repeat("ä", 100))
	if got, want := sqltext.Mask(sqltext.Postgres, long, 24), "SELECT '…', "+strings.Repeat("ä", 5)+"…"; got != want {
		t.Errorf("a long one: got %s, want %s", got, want)
	}
}

// Nor has what is shown of the server's message about it.
func TestChange59MaskIn(t *testing.T) {
	for _, tc := range []struct{ name, text, message, want string }{
		{"a value that does not fit", "INSERT INTO t (pin) VALUES ('hunter2')", `invalid input syntax for type integer: "hunter2"`, `invalid input syntax for type integer: "…"`},
		{"a syntax error at it", "ALTER ROLE app PASSWRD 'hunter2'", `syntax error at or near "'hunter2'"`, `syntax error at or near "'…'"`},
		{"a trigger that says it", "INSERT INTO t (pin) VALUES ('hunter2')", "hunter2 is too short", "… is too short"},
		{"with a quote inside", "SELECT 'it''s'::int", `invalid input syntax for type integer: "it's"`, `invalid input syntax for type integer: "…"`},
		{"a name of the same spelling stays", "INSERT INTO users SELECT 'users'", `relation "users" does not exist`, `relation "users" does not exist`},
		{"a short one only in quotes", "SELECT 'in'::int", `invalid input in "in"`, `invalid input in "…"`},
		{"code that raises it", "DO $$ BEGIN RAISE 'the shelf is full'; END $$", "the shelf is full", "the shelf is full"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := sqltext.MaskIn(sqltext.Postgres, only(t, sqltext.Postgres, tc.text), tc.message); got != tc.want {
				t.Errorf("got %s, want %s", got, tc.want)
			}
		})
	}
}
