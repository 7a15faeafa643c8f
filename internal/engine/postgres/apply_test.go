package postgres_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"slipway"
	"slipway/internal/dbtest"
	"slipway/internal/engine"
	"slipway/internal/engine/postgres"
)

const users = "CREATE TABLE users (id int, email text);"

func TestChange11LockTimeoutIsTriedAgainAndNamesTheBlocker(t *testing.T) {
	b := newBench(t, postgres.Config{LockTimeout: 2 * time.Second, RetryBudget: time.Minute}) // time to look on a busy machine
	s := b.lock()
	b.must(b.apply(s, "1", users, nil))
	other := b.stranger()
	other.do("BEGIN; LOCK TABLE users")
	var retried []slipway.RetryLog
	err := b.apply(s, "2", "CREATE TABLE kept_out (id int); ALTER TABLE users ADD COLUMN name text;", func(l slipway.LogEntry) {
		if l.Retry != nil {
			retried = append(retried, *l.Retry)
			other.do("COMMIT")
		}
	})
	b.must(err)
	if len(retried) != 1 || retried[0].Count != 1 || !strings.Contains(retried[0].Error, fmt.Sprintf("waited for process %d (user postgres", other.conn.PID())) {
		t.Errorf("got retries %+v, want one that names process %d", retried, other.conn.PID())
	}
	b.want("SELECT count(*) FROM slipway_revision", "2")
}

// What the server does not tell a role about others' sessions leaves no gap.
func TestABlockerOfAnotherRole(t *testing.T) {
	b := newBench(t, postgres.Config{LockTimeout: 2 * time.Second, RetryBudget: time.Millisecond}) // time to look on a busy machine
	other := b.stranger()                                                                          // of the superuser's
	b.Source = b.as("waiter")
	dbtest.Exec(t, b.URL, "GRANT CREATE ON SCHEMA public TO "+b.Source.Username)
	s := b.lock()
	b.must(b.apply(s, "1", users, nil))
	other.do("BEGIN; LOCK TABLE users")
	e := failure(t, b.apply(s, "2", "ALTER TABLE users ADD COLUMN name text;", nil))
	other.do("ROLLBACK") // or the role could not be dropped
	want := fmt.Sprintf("it waited for process %d (user postgres", other.conn.PID())
	if m := e.Failure.Message; !strings.Contains(m, want) || strings.Contains(m, ", )") || strings.Contains(m, "idle") {
		t.Errorf("got %q, want %q and no state", m, want)
	}
}

func TestChange11LockTimeoutEndsWithItsBudget(t *testing.T) {
	b := newBench(t, postgres.Config{LockTimeout: 50 * time.Millisecond, RetryBudget: 100 * time.Millisecond})
	s := b.lock()
	b.must(b.apply(s, "1", users, nil))
	other := b.stranger()
	other.do("BEGIN; LOCK TABLE users")
	e := failure(t, b.apply(s, "2", "ALTER TABLE users ADD COLUMN name text;", nil))
	if e.Failure.Code != "55P03" || slipway.KindOf(e) != slipway.Unavailable {
		t.Errorf("got code %s, kind %d", e.Failure.Code, slipway.KindOf(e))
	}
}

func TestChange14SerializationFailureIsTriedAgain(t *testing.T) {
	b := newBench(t, postgres.Config{})
	s := b.lock()
	// A sequence is not rolled back, so it counts the tries.
	b.must(b.apply(s, "1", "CREATE SEQUENCE tries; "+users, nil))
	text := `INSERT INTO users VALUES (1);
		DO $$ BEGIN IF nextval('tries') < 3 THEN RAISE EXCEPTION 'once more' USING ERRCODE = '40001'; END IF; END $$;`
	retries := 0
	b.must(b.apply(s, "2", text, func(l slipway.LogEntry) {
		if l.Retry != nil {
			retries++
		}
	}))
	if retries != 2 {
		t.Errorf("%d retries, want 2", retries)
	}
	b.want("SELECT count(*) FROM users", "1")
}

func TestChange13StatementTimeoutIsNotTriedAgain(t *testing.T) {
	b := newBench(t, postgres.Config{})
	tries := 0
	e := failure(t, b.apply(b.lock(), "1", "SET statement_timeout = '50ms'; SELECT pg_sleep(60);", func(l slipway.LogEntry) {
		if l.Control != nil && l.Control.Type == "BEGIN" {
			tries++
		}
	}))
	if tries != 1 || e.Failure.Code != "57014" || slipway.KindOf(e) != slipway.Timeout || !strings.Contains(e.Failure.Message, " after ") {
		t.Errorf("%d tries, failure %+v", tries, e.Failure)
	}
}

func TestChange59MessagesHoldNoRows(t *testing.T) {
	b := newBench(t, postgres.Config{})
	s := b.lock()
	b.must(b.apply(s, "1", "CREATE TABLE users (email text UNIQUE); INSERT INTO users VALUES ('ann@example.com');", nil))
	var logged strings.Builder
	err := b.apply(s, "2", "INSERT INTO users SELECT email FROM users;", func(l slipway.LogEntry) { fmt.Fprintf(&logged, "%+v %+v", l.Statement, l.Control) })
	e := failure(t, err)
	if e.Failure.Code != "23505" || !strings.Contains(e.Failure.Message, "users_email_key") {
		t.Errorf("got failure %+v", e.Failure)
	}
	for _, text := range []string{e.Failure.Message, slipway.MessageOf(err), logged.String()} {
		if strings.Contains(text, "ann@") {
			t.Errorf("a row's value is in %q", text)
		}
	}
}

func TestAnErrorIsPlacedInItsMessage(t *testing.T) {
	b := newBench(t, postgres.Config{})
	s := b.lock()
	b.must(b.apply(s, "1", users, nil))
	for _, tc := range []struct {
		name, text   string
		line, column int
	}{
		{"an unknown column in a batch", "INSERT INTO users VALUES (1, 'ü');\nINSERT INTO users VALUES (2, 'ü');\nINSERT INTO users (id, nope) VALUES (3, 4);", 3, 24},
		{"a syntax error in a batch, found before any of it runs", "INSERT INTO users VALUES (1, 'ü');\nINSERT INTO users VALUES (2, 'ü') FROM;\nINSERT INTO users VALUES (2);", 2, 35},
		{"no place given: the statement", "INSERT INTO users VALUES (1);\n  INSERT INTO users (id) VALUES (1 / 0);", 2, 3},
	} {
		t.Run(tc.name, func(t *testing.T) {
			e := failure(t, b.apply(s, "2", tc.text, nil))
			if e.Failure.Line != tc.line || e.Failure.Column != tc.column {
				t.Errorf("got %d:%d (%s), want %d:%d", e.Failure.Line, e.Failure.Column, e.Failure.Message, tc.line, tc.column)
			}
		})
	}
}

func TestChange9AFileThatGivesTheLockBackIsRolledBack(t *testing.T) {
	b := newBench(t, postgres.Config{})
	e := failure(t, b.apply(b.lock(), "1", users+"SELECT pg_advisory_unlock_all();", nil))
	if slipway.KindOf(e) != slipway.Unavailable || !strings.Contains(e.Failure.Message, "lost the lock") {
		t.Errorf("got %v", e)
	}
	b.want("SELECT to_regclass('users') IS NULL", "t")
	if e := failure(t, b.apply(b.lock(), "1", "DISCARD ALL;", nil)); slipway.KindOf(e) != slipway.Invalid {
		t.Errorf("DISCARD ALL: got %v, want it refused", e)
	}
}

func TestRoleAndSettingsEndWithTheirFile(t *testing.T) {
	b := newBench(t, postgres.Config{})
	role := b.Name + "_role"
	dbtest.Exec(t, b.URL, fmt.Sprintf("CREATE ROLE %s; CREATE SCHEMA elsewhere AUTHORIZATION %[1]s", role))
	t.Cleanup(func() { dbtest.Exec(t, b.URL, fmt.Sprintf("DROP OWNED BY %s CASCADE; DROP ROLE %[1]s", role)) })
	s := b.lock()
	b.must(b.apply(s, "1", "SET ROLE "+role+"; SET search_path = elsewhere; SET statement_timeout = '1h'; CREATE TABLE mine (id int);", nil))
	b.must(b.apply(s, "2", users+`DO $$ BEGIN
		ASSERT current_user = session_user, current_user;
		ASSERT current_setting('statement_timeout') = '0', current_setting('statement_timeout');
		ASSERT current_setting('client_connection_check_interval') = '1s' OR current_setting('server_version_num')::int < 140000;
	END $$;`, nil))
	b.want("SELECT string_agg(oid::regclass::text, ' ' ORDER BY 1) FROM pg_class WHERE relname IN ('mine', 'users') AND relkind = 'r'", "elsewhere.mine users")
	b.want("SELECT count(*) FROM public.slipway_revision", "2")
}

// What a done part set for the parts behind it is set again when another
// session goes on with the file: the rest would go elsewhere otherwise.
func TestAFileGoesOnWithItsSettings(t *testing.T) {
	const done = `CREATE SCHEMA app; SET search_path = app; SET LOCAL work_mem = '1MB'; CREATE TABLE users (id int);
		CREATE INDEX CONCURRENTLY ON users (id); `
	b := newBench(t, postgres.Config{})
	s := b.lock()
	b.must(b.apply(s, "1", users, nil)) // the same name in schema public
	failure(t, b.apply(s, "2", done+"INSERT INTO users VALUES (1 / 0);", nil))
	b.must(s.Close(t.Context()))
	b.must(b.apply(b.lock(), "2", done+"INSERT INTO users VALUES (1);", nil))
	b.want("SELECT count(*) FROM app.users", "1")
	b.want("SELECT count(*) FROM public.users", "0")
}

func TestChange18ConcurrentIndexThatFailsIsTakenAway(t *testing.T) {
	b := newBench(t, postgres.Config{})
	s := b.lock()
	b.must(b.apply(s, "1", users+"INSERT INTO users VALUES (1, 'a'), (1, 'b');", nil))
	const text = "CREATE UNIQUE INDEX CONCURRENTLY users_id ON users (id);"
	e := failure(t, b.apply(s, "2", text, nil))
	if e.Failure.Code != "23505" || e.Class != engine.Failed || !strings.Contains(e.Failure.Message, "public.users_id, was dropped") || strings.Contains(e.Failure.Message, "(1)") {
		t.Errorf("got %v, %+v", e.Class, e.Failure)
	}
	b.want("SELECT count(*) FROM pg_index WHERE indrelid = 'users'::regclass", "0")
	b.want("SELECT count(*) FROM slipway_journal", "0")
	dbtest.Exec(t, b.URL, "DELETE FROM users WHERE email = 'b'")
	b.must(b.apply(s, "2", text, nil))
	b.want("SELECT count(*) FROM pg_index WHERE indrelid = 'users'::regclass AND indisvalid", "1")
}

func TestChange3ConcurrentIndexThatWasCutOff(t *testing.T) {
	const waiting = "SELECT count(*) = 1 FROM pg_stat_activity WHERE query LIKE 'CREATE INDEX CONCURRENTLY%' AND wait_event_type = 'Lock' AND datname = current_database()"
	for _, tc := range []struct {
		name, index string
		finished    bool // the index was made before the session went
	}{
		{"while it was built: it is built anew", "users_id", false},
		{"without a name while it was built", "", false},
		{"behind it: it is known to be done", "users_id", true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			b := newBench(t, postgres.Config{})
			s := b.lock()
			b.must(b.apply(s, "1", users, nil))
			text := "INSERT INTO users VALUES (1);\nCREATE INDEX CONCURRENTLY " + tc.index + " ON users (id);\nINSERT INTO users VALUES (2);"
			writer, gate := b.stranger(), b.stranger()
			writer.do("BEGIN; INSERT INTO users VALUES (9)")
			failed := make(chan error, 1)
			go func() { failed <- b.apply(s, "2", text, nil) }()
			b.until(waiting)
			if tc.finished {
				gate.do("BEGIN; LOCK TABLE slipway_journal IN EXCLUSIVE MODE")
				writer.do("COMMIT")
				b.until("SELECT count(*) = 1 FROM pg_stat_activity WHERE query LIKE 'INSERT INTO public.slipway_journal%' AND wait_event_type = 'Lock' AND datname = current_database()")
			}
			b.must(b.eng.End(t.Context(), b.Source, b.Name, s.ID()))
			if e := failure(t, <-failed); e.Class != engine.InDoubt {
				t.Errorf("got class %v (%v), want in doubt", e.Class, e)
			}
			if tc.finished {
				gate.do("COMMIT")
			} else {
				writer.do("COMMIT")
			}
			b.want("SELECT state FROM slipway_journal WHERE segment = 1", "intent")
			before := b.query("SELECT indexrelid || ' ' || indisvalid FROM pg_index WHERE indrelid = 'users'::regclass")
			b.must(b.apply(b.lock(), "2", text, nil))
			b.want("SELECT count(*) FROM pg_index WHERE indrelid = 'users'::regclass", "1")
			b.want("SELECT string_agg(id::text, ' ' ORDER BY id) FROM users", "1 2 9")
			b.want("SELECT count(*) FROM slipway_journal", "0")
			after := b.query("SELECT indexrelid || ' ' || indisvalid FROM pg_index WHERE indrelid = 'users'::regclass")
			if !strings.HasSuffix(after, " true") || tc.finished != (after == before) {
				t.Errorf("the index was %q and is %q", before, after)
			}
		})
	}
}

func TestChange3WhatTheCatalogDoesNotTellNeedsAPerson(t *testing.T) {
	b := newBench(t, postgres.Config{})
	s := b.lock()
	b.must(b.apply(s, "1", "CREATE TABLE p (id int) PARTITION BY LIST (id); CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1);", nil))
	if b.query("SELECT current_setting('server_version_num')::int < 140000") == "t" {
		t.Skip("DETACH CONCURRENTLY is of version 14")
	}
	reader := b.stranger()
	reader.do("BEGIN; SELECT * FROM p")
	failed := make(chan error, 1)
	const text = "ALTER TABLE p DETACH PARTITION p1 CONCURRENTLY;"
	go func() { failed <- b.apply(s, "2", text, nil) }()
	b.until("SELECT count(*) = 1 FROM pg_stat_activity WHERE query LIKE 'ALTER TABLE p DETACH%' AND wait_event_type = 'Lock' AND datname = current_database()")
	b.must(b.eng.End(t.Context(), b.Source, b.Name, s.ID()))
	<-failed
	reader.do("COMMIT")
	e := failure(t, b.apply(b.lock(), "2", text, nil))
	if e.Class != engine.Attention || !strings.Contains(e.Failure.Message, "slipway_journal") {
		t.Errorf("got class %v: %s, want attention and what to do", e.Class, e.Failure.Message)
	}
}
