package sqlite_test

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"slipway"
	"slipway/internal/engine"
	"slipway/internal/enginetest"
)

// apply applies a file as version v and returns its error.
func apply(t *testing.T, s engine.Session, v, text string, log func(slipway.LogEntry)) error {
	t.Helper()
	if log == nil {
		log = func(slipway.LogEntry) {}
	}
	_, err := s.Apply(t.Context(), slipway.Revision{ID: "id" + v, Version: v, Path: v + ".sql", SHA256: text}, []byte(text), log)
	return err
}

func lock(t *testing.T, d enginetest.Database) engine.Session {
	t.Helper()
	s, err := newEngine().Lock(t.Context(), d.Source, d.Name, engine.Holder{TaskRun: "run", Fence: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close(context.WithoutCancel(t.Context())) })
	return s
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func message(err error) string {
	if e, ok := errors.AsType[*engine.StatementError](err); ok {
		return e.Failure.Message
	}
	return slipway.MessageOf(err)
}

func TestOnlyFilesOfTheFolderAreDatabases(t *testing.T) {
	d := lend(t)
	dir, outside := d.Source.Host, t.TempDir()
	query(t, filepath.Join(outside, "secret.db"), "PRAGMA user_version = 1")
	must(t, os.Symlink(filepath.Join(outside, "secret.db"), filepath.Join(dir, "leak.db")))
	must(t, os.Symlink(filepath.Join(dir, "shop.db"), filepath.Join(dir, "alias.db")))
	must(t, os.Mkdir(filepath.Join(dir, "folder.db"), 0o700))
	must(t, os.WriteFile(filepath.Join(dir, "notes.txt"), nil, 0o600))
	names, err := newEngine().Databases(t.Context(), d.Source)
	if want := []string{"alias", "shop"}; err != nil || !slices.Equal(names, want) {
		t.Errorf("got databases %q and error %v, want %q", names, err, want)
	}
	for _, name := range []string{"leak", "folder", "../" + filepath.Base(outside) + "/secret", "..", "", ".shop", "shop\x00", `a\b`, "a/b", strings.Repeat("x", 300)} {
		_, err := newEngine().Lock(t.Context(), d.Source, name, engine.Holder{})
		if k := slipway.KindOf(err); k != slipway.Invalid && k != slipway.Precondition {
			t.Errorf("name %q: got %v, want it refused", name, err)
		}
		if _, err := newEngine().Schema(t.Context(), d.Source, name); err == nil {
			t.Errorf("name %q can be read", name)
		}
	}
}

func TestAFolderThatDoesNotWorkSaysWhy(t *testing.T) {
	d := lend(t)
	link := filepath.Join(filepath.Dir(d.Source.Host), "link")
	must(t, os.Symlink(d.Source.Host, link))
	t.Cleanup(func() { _ = os.Remove(link) })
	for _, tc := range []struct {
		host string
		kind slipway.Kind
		word string
	}{
		{"relative/folder", slipway.Invalid, "absolute path"},
		{filepath.Join(d.Source.Host, "gone"), slipway.Unavailable, "no such file"},
		{filepath.Join(d.Source.Host, "shop.db"), slipway.Invalid, "is a file"},
		{link, slipway.Precondition, "leads through a link"},
	} {
		_, err := newEngine().Version(t.Context(), slipway.Source{Host: tc.host})
		if slipway.KindOf(err) != tc.kind || !strings.Contains(slipway.MessageOf(err), tc.word) {
			t.Errorf("host %q: got %v, want kind %d with %q", tc.host, err, tc.kind, tc.word)
		}
	}
}

func TestAFileThatIsNoDatabase(t *testing.T) {
	d := lend(t)
	must(t, os.WriteFile(filepath.Join(d.Source.Host, "text.db"), []byte(strings.Repeat("not a database ", 100)), 0o600))
	_, err := newEngine().Lock(t.Context(), d.Source, "text", engine.Holder{})
	if slipway.KindOf(err) != slipway.Precondition || !strings.Contains(slipway.MessageOf(err), "not a database") {
		t.Errorf("got %v", err)
	}
}

func TestChange42And43AChangeStaysInItsDatabase(t *testing.T) {
	out := filepath.Join(t.TempDir(), "out.db")
	for _, text := range []string{
		"ATTACH '" + out + "' AS other;",
		"VACUUM INTO '" + out + "';",
		"SELECT load_extension('" + out + "');",
		"CREATE TABLE a (b DEFAULT (load_extension('x'))); INSERT INTO a DEFAULT VALUES;",
		"PRAGMA temp_store_directory = '/';",
		"PRAGMA hard_heap_limit = 1;",
		"PRAGMA writable_schema = ON;",
	} {
		t.Run(text, func(t *testing.T) {
			d := lend(t)
			if err := apply(t, lock(t, d), "1", text, nil); err == nil {
				t.Error("it was run")
			}
			if _, err := os.Stat(out); err == nil {
				t.Error("it wrote a file")
			}
		})
	}
}

func TestForeignKeyPragmaWorksWhereItStands(t *testing.T) {
	d := lend(t)
	s := lock(t, d)
	must(t, apply(t, s, "1", `CREATE TABLE p (id INTEGER PRIMARY KEY); CREATE TABLE c (p INTEGER REFERENCES p (id) ON DELETE CASCADE);
		INSERT INTO p VALUES (1); INSERT INTO c VALUES (1);`, nil))
	// The table rebuild that SQLite's manual gives: with foreign keys on, the
	// DROP would empty c.
	must(t, apply(t, s, "2", `PRAGMA foreign_keys = OFF;
		CREATE TABLE p_new (id INTEGER PRIMARY KEY, name TEXT); INSERT INTO p_new (id) SELECT id FROM p;
		DROP TABLE p; ALTER TABLE p_new RENAME TO p;
		PRAGMA foreign_keys = ON;`, nil))
	if got := query(t, filepath.Join(d.Source.Host, "shop.db"), "SELECT count(*) FROM c")[0][0]; got != "1" {
		t.Errorf("table c has %s rows, want 1", got)
	}
	err := apply(t, s, "3", "PRAGMA foreign_keys = ON;\nINSERT INTO c VALUES (9);", nil)
	if !strings.Contains(message(err), "FOREIGN KEY constraint failed") {
		t.Errorf("got %v, want the foreign key to be enforced", err)
	}
	must(t, apply(t, s, "4", "INSERT INTO c VALUES (9);", nil)) // the setting ended with its file
}

func TestChange11AnotherWriterIsWaitedFor(t *testing.T) {
	d := lend(t)
	s := lock(t, d)
	db, err := sql.Open("sqlite", "file:"+filepath.Join(d.Source.Host, "shop.db"))
	must(t, err)
	defer db.Close()
	conn, err := db.Conn(t.Context())
	must(t, err)
	defer conn.Close()
	_, err = conn.ExecContext(t.Context(), "BEGIN IMMEDIATE")
	must(t, err)
	retries := 0
	must(t, apply(t, s, "1", "CREATE TABLE t (id INTEGER);", func(l slipway.LogEntry) {
		if l.Retry != nil {
			if retries++; retries == 1 {
				_, err := conn.ExecContext(t.Context(), "COMMIT")
				must(t, err)
			}
		}
	}))
	if retries != 1 {
		t.Errorf("%d retries, want 1", retries)
	}
}

func TestTheLockFileIsNoWayOut(t *testing.T) {
	d := lend(t)
	target := filepath.Join(t.TempDir(), "target")
	must(t, os.WriteFile(target, []byte("keep"), 0o600))
	must(t, os.Symlink(target, filepath.Join(d.Source.Host, ".shop.db.slipway-lock")))
	if _, err := newEngine().Lock(t.Context(), d.Source, d.Name, engine.Holder{}); err == nil {
		t.Error("a link was followed")
	}
	if text, err := os.ReadFile(target); err != nil || string(text) != "keep" {
		t.Errorf("the link's target is %q (%v)", text, err)
	}
}

func TestExamine(t *testing.T) {
	d := lend(t)
	must(t, apply(t, lock(t, d), "1", `CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT); CREATE VIRTUAL TABLE notes USING fts5(body);
		INSERT INTO users (email) VALUES ('a'), ('b'), ('c'), ('d');`, nil))
	type advice struct {
		code, line, column int
		content            string
	}
	for _, tc := range []struct {
		name  string
		files []string
		want  [][]advice
		rows  []int64
	}{
		{"files build on each other", []string{"CREATE TABLE a (x);", "ALTER TABLE a ADD COLUMN y;", "INSERT INTO a (y) VALUES (1); SELECT * FROM notes;"}, [][]advice{nil, nil, nil}, []int64{0, 0, 0}},
		{
			"a table that is not there",
			[]string{"SELECT 1;\n  INSERT INTO nowhere VALUES (1);\nUPDATE users SET nope = 1;"},
			[][]advice{{{260, 2, 15, "no such table: nowhere"}, {260, 3, 18, "no such column: nope"}}},
			[]int64{0},
		},
		{"a table that is there", []string{"CREATE TABLE users (id INTEGER);"}, [][]advice{{{260, 1, 14, "table users already exists"}}}, []int64{0}},
		{
			"a syntax error ends its file",
			[]string{"CREATE TABLE b (x);\nINSERT INTO users (email) VALUES ('ä',, 'b');\nINSERT INTO nowhere VALUES (1);", "INSERT INTO b VALUES (1);"},
			[][]advice{{{201, 2, 39, `near ",": syntax error`}}, nil},
			[]int64{0, 0},
		},
		{"an incomplete statement", []string{"CREATE TABLE b ("}, [][]advice{{{201, 1, 17, "incomplete input"}}}, []int64{0}},
		{
			"rows of plain statements",
			[]string{"UPDATE users SET email = (SELECT 'x' WHERE 1) WHERE id IN (SELECT 2 UNION SELECT 3); DELETE FROM users;", "UPDATE OR IGNORE users SET email = 'x'; DELETE FROM main.users AS u WHERE u.id = 1;"},
			[][]advice{nil, nil},
			[]int64{6, 1},
		},
		{
			"nothing reaches out",
			[]string{"ATTACH 'x' AS y; VACUUM INTO 'x'; CREATE TABLE big AS WITH RECURSIVE c(x) AS (SELECT zeroblob(1000000) UNION ALL SELECT x FROM c) SELECT x FROM c;"},
			[][]advice{{{260, 1, 35, "database or disk is full"}}},
			[]int64{0},
		},
		{
			"nothing fills the memory",
			[]string{"CREATE TABLE big AS SELECT hex(zeroblob(3000000)) AS x; DELETE FROM users WHERE length(hex(zeroblob(3000000))) > 0;"},
			[][]advice{{{260, 1, 1, "string or blob too big"}}},
			[]int64{0},
		},
		{
			"a long text is no large value",
			[]string{"INSERT INTO users (email) VALUES ('" + strings.Repeat("x", 8<<20) + "');"},
			[][]advice{nil},
			[]int64{0},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var files []engine.ExamineFile
			for _, f := range tc.files {
				files = append(files, engine.ExamineFile{Path: "f.sql", Statement: []byte(f)})
			}
			found, err := newEngine().Examine(t.Context(), d.Source, d.Name, files)
			must(t, err)
			for i, f := range found {
				var got []advice
				for _, a := range f.Advices {
					if a.Level != slipway.AdviceError || a.Rule {
						t.Errorf("got level %s, rule %t", a.Level, a.Rule)
					}
					got = append(got, advice{a.Code, a.Start.Line, a.Start.Column, a.Content})
				}
				if !slices.Equal(got, tc.want[i]) || f.Affected != tc.rows[i] {
					t.Errorf("file %d: got %+v and %d rows, want %+v and %d", i, got, f.Affected, tc.want[i], tc.rows[i])
				}
			}
		})
	}
}

// No room for the database: the file fails at once and is rolled back.
func TestChange17DiskFull(t *testing.T) {
	d := lend(t)
	s := lock(t, d)
	begun := 0
	err := apply(t, s, "1", "PRAGMA max_page_count = 30;\nCREATE TABLE big (t text);\nINSERT INTO big VALUES (zeroblob(1000000));", func(l slipway.LogEntry) {
		if l.Control != nil && l.Control.Type == "BEGIN" {
			begun++
		}
	})
	if slipway.KindOf(err) != slipway.Exhausted || begun != 1 || !strings.Contains(message(err), "full") {
		t.Errorf("%d tries, %v, want one and that it is full", begun, err)
	}
	if got, err := newEngine().Schema(t.Context(), d.Source, d.Name); err != nil || got != "" {
		t.Errorf("something stayed: %q, %v", got, err)
	}
}
