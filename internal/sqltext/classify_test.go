package sqltext_test

import (
	"strings"
	"testing"

	"slipway/internal/sqltext"
)

func TestClassify(t *testing.T) {
	const (
		pg, my, lite = sqltext.Postgres, sqltext.MySQL, sqltext.SQLite
	)
	tests := []struct {
		d       sqltext.Dialect
		text    string
		kind    sqltext.Kind
		alone   bool
		control sqltext.Control
	}{
		{pg, "select 1", "SELECT", false, ""},
		{pg, "((SELECT 1))", "SELECT", false, ""},
		{pg, "WITH a AS (DELETE FROM t RETURNING *), b (c) AS MATERIALIZED (SELECT 1) INSERT INTO u SELECT * FROM a", "INSERT", false, ""},
		{pg, "WITH RECURSIVE values AS (SELECT 1) VALUES (1)", "VALUES", false, ""},
		{pg, "CREATE UNLOGGED TABLE t (a int)", "CREATE TABLE", false, ""},
		{pg, "CREATE OR REPLACE TEMP RECURSIVE VIEW v (a) AS SELECT 1", "CREATE VIEW", false, ""},
		{pg, "DROP MATERIALIZED VIEW v", "DROP MATERIALIZED VIEW", false, ""},
		{pg, "CREATE FOREIGN TABLE t (a int) SERVER s", "CREATE FOREIGN TABLE", false, ""},
		{pg, "ALTER USER MAPPING FOR u SERVER s OPTIONS (SET a 'b')", "ALTER USER MAPPING", false, ""},
		{pg, "ALTER USER u CREATEDB", "ALTER USER", false, ""},
		{pg, "CREATE AGGREGATE a (int) (SFUNC = f, STYPE = int)", "CREATE AGGREGATE", false, ""},
		{pg, "CREATE UNIQUE INDEX concurrently_i ON t (a)", "CREATE INDEX", false, ""},
		{pg, "CREATE UNIQUE INDEX /* x */ concurrently IF NOT EXISTS i ON t (a)", "CREATE INDEX", true, ""},
		{pg, `CREATE INDEX "concurrently" ON t (a)`, "CREATE INDEX", false, ""},
		{pg, "DROP INDEX CONCURRENTLY i", "DROP INDEX", true, ""},
		{pg, "REINDEX TABLE t", "REINDEX", false, ""},
		{pg, "REINDEX (VERBOSE) TABLE CONCURRENTLY t", "REINDEX", true, ""},
		{pg, "REINDEX (CONCURRENTLY) INDEX i", "REINDEX", true, ""},
		{pg, "REINDEX SCHEMA s", "REINDEX", true, ""},
		{pg, "ALTER TABLE ONLY a.b DETACH PARTITION c CONCURRENTLY", "ALTER TABLE", true, ""},
		{pg, "ALTER TABLE a DETACH PARTITION c", "ALTER TABLE", false, ""},
		{pg, "ALTER TABLE a ADD COLUMN concurrently int", "ALTER TABLE", false, ""},
		{pg, "VACUUM ANALYZE t", "VACUUM", true, ""},
		{pg, "CREATE DATABASE d", "CREATE DATABASE", true, ""},
		{pg, "ALTER DATABASE d SET TABLESPACE x", "ALTER DATABASE", true, ""},
		{pg, "ALTER DATABASE d SET search_path TO x", "ALTER DATABASE", false, ""},
		{pg, "ALTER SYSTEM SET work_mem = '1MB'", "ALTER SYSTEM", true, ""},
		{pg, "CREATE SUBSCRIPTION s CONNECTION '' PUBLICATION p", "CREATE SUBSCRIPTION", true, ""},
		{pg, "CLUSTER", "CLUSTER", true, ""},
		{pg, "CLUSTER (VERBOSE)", "CLUSTER", true, ""},
		{pg, "CLUSTER VERBOSE t USING i", "CLUSTER", false, ""},
		{pg, "ALTER TYPE t ADD VALUE 'x'", "ALTER TYPE", false, ""},
		{pg, "DISCARD ALL", "DISCARD", true, ""},
		{pg, "BEGIN ISOLATION LEVEL SERIALIZABLE", "BEGIN", false, sqltext.Begin},
		{pg, "START TRANSACTION", "START", false, sqltext.Begin},
		{pg, "END WORK", "END", false, sqltext.Commit},
		{pg, "COMMIT AND CHAIN", "COMMIT", false, sqltext.Commit},
		{pg, "COMMIT PREPARED 'x'", "COMMIT", true, sqltext.Commit},
		{pg, "PREPARE TRANSACTION 'x'", "PREPARE", false, sqltext.Commit},
		{pg, "PREPARE p AS SELECT 1", "PREPARE", false, ""},
		{pg, "ABORT", "ABORT", false, sqltext.Rollback},
		{pg, "ROLLBACK WORK", "ROLLBACK", false, sqltext.Rollback},
		{pg, "ROLLBACK TRANSACTION TO s", "ROLLBACK", false, sqltext.Savepoint},
		{pg, "RELEASE s", "RELEASE", false, sqltext.Savepoint},
		{my, "CREATE DEFINER=`a`@`%` PROCEDURE p() SELECT 1", "CREATE PROCEDURE", true, ""},
		{my, "CREATE TEMPORARY TABLE t (a int)", "CREATE TABLE", false, ""},
		{my, "ALTER TABLE t ADD a int", "ALTER TABLE", true, ""},
		{my, "INSERT INTO t VALUES (1)", "INSERT", false, ""},
		{my, "/*!40101 SET a = 1 */", "SET", false, ""},
		{my, "BEGIN NOT ATOMIC SELECT 1", "BEGIN", false, ""},
		{my, "XA COMMIT 'x'", "XA", false, sqltext.Commit},
		{lite, "CREATE VIRTUAL TABLE t USING fts5(a)", "CREATE VIRTUAL TABLE", false, ""},
		{lite, "VACUUM INTO 'x'", "VACUUM", true, ""},
		{lite, "ATTACH 'x' AS y", "ATTACH", true, ""},
		{lite, "PRAGMA foreign_keys = ON", "PRAGMA", true, ""},
		{lite, "PRAGMA foreign_keys", "PRAGMA", false, ""},
		{lite, "PRAGMA main.journal_mode(WAL)", "PRAGMA", true, ""},
		{lite, "PRAGMA user_version = 3", "PRAGMA", false, ""},
		{lite, "END TRANSACTION", "END", false, sqltext.Commit},
		{lite, "", "", false, ""},
	}
	for _, tt := range tests {
		t.Run(tt.text, func(t *testing.T) {
			n := 0
			for st, err := range sqltext.Split(tt.d, []byte(tt.text+";")) {
				if err != nil {
					t.Fatal(err)
				}
				n++
				if st.Kind != tt.kind || st.NonTransactional != tt.alone || st.Control != tt.control {
					t.Errorf("kind %q, alone %v, control %q; want %q, %v, %q", st.Kind, st.NonTransactional, st.Control, tt.kind, tt.alone, tt.control)
				}
			}
			if n > 1 || n == 0 && tt.text != "" {
				t.Errorf("%d statements", n)
			}
		})
	}
}

func TestCopyStdin(t *testing.T) {
	for text, want := range map[string]bool{
		"COPY t FROM STDIN": true, "COPY s.t (a, b) FROM stdin WITH (FORMAT csv)": true, "COPY t (" + strings.Repeat("c, ", 500) + "d) FROM STDIN": true,
		"COPY t TO STDOUT": false, "COPY t FROM '/tmp/stdin'": false, "COPY (SELECT a FROM stdin) TO '/x'": false, "COPY t FROM PROGRAM 'cat'": false,
	} {
		for st, err := range sqltext.Split(sqltext.Postgres, []byte(text)) {
			if err != nil || st.CopyStdin != want {
				t.Errorf("%.40q: CopyStdin is %v, %v", text, st.CopyStdin, err)
			}
		}
	}
}
