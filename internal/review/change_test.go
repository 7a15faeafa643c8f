package review_test

import (
	"testing"

	"slipway"
	"slipway/internal/review"
)

// What a check finds for the change cases that are about the text of a file:
// the rules at their defaults, an error on the line of the statement.
func TestChangeCasesOfText(t *testing.T) {
	for _, tc := range []struct {
		name   string
		engine slipway.Engine
		text   string
		title  string
		line   int
	}{
		{"change 21: a file that commits", slipway.Postgres, "SELECT 1;\nCOMMIT;", "STATEMENT_DISALLOW_COMMIT", 2},
		{"change 21: a file that begins", slipway.SQLite, "SELECT 1;\nBEGIN;", "STATEMENT_DISALLOW_COMMIT", 2},
		{"change 32: latin1", slipway.SQLite, "SELECT 1;\nSELECT 'caf\xe9';", "FILE_ENCODING", 2},
		{"change 33: NUL", slipway.Postgres, "SELECT 1;\nSELECT '\x00';", "FILE_ENCODING", 2},
		{"change 35: a variable of psql", slipway.Postgres, "SELECT 1;\n\\set a 1\n", "PSQL_META_COMMAND", 2},
		{"change 35: a file of psql", slipway.Postgres, "SELECT 1;\n\\i other.sql\n", "PSQL_META_COMMAND", 2},
		{"change 35: a copy of psql", slipway.Postgres, "SELECT 1;\n\\copy t from 'x'\n", "PSQL_META_COMMAND", 2},
		{"change 35: a file of the sqlite3 shell", slipway.SQLite, "SELECT 1;\n.read other.sql\n", "SHELL_COMMAND", 2},
		{"change 37: DELIMITER is of MySQL's client", slipway.Postgres, "SELECT 1;\nDELIMITER //\nSELECT 2//\n", "Syntax error", 2},
		{"change 42: another database of psql", slipway.Postgres, "SELECT 1;\n\\c other\n", "PSQL_META_COMMAND", 2},
		{"change 42: USE", slipway.Postgres, "SELECT 1;\nUSE other;", "OTHER_DATABASE", 2},
		{"change 42: another file", slipway.SQLite, "SELECT 1;\nATTACH 'x' AS y;", "OTHER_DATABASE", 2},
		{"change 43: the database itself", slipway.Postgres, "SELECT 1;\nDROP DATABASE shop;", "STATEMENT_DISALLOW_SERVER_ACCESS", 2},
		{"change 43: the server's settings", slipway.Postgres, "SELECT 1;\nALTER SYSTEM SET work_mem = '1GB';", "STATEMENT_DISALLOW_SERVER_ACCESS", 2},
		{"change 43: a program", slipway.Postgres, "SELECT 1;\nCOPY t FROM PROGRAM 'x';", "STATEMENT_DISALLOW_SERVER_ACCESS", 2},
		{"change 43: code to load", slipway.SQLite, "SELECT 1;\nSELECT load_extension('x');", "STATEMENT_DISALLOW_SERVER_ACCESS", 2},
	} {
		t.Run(tc.name, func(t *testing.T) {
			out := review.Check(review.Input{Engine: tc.engine, Text: []byte(tc.text)})
			for _, a := range out.Advices {
				if a.Title == tc.title && a.Level == slipway.AdviceError && a.Start.Line == tc.line {
					return
				}
			}
			t.Errorf("got %+v, want %s on line %d", out.Advices, tc.title, tc.line)
		})
	}
}
