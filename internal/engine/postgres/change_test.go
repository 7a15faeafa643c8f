package postgres_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"slipway"
	"slipway/internal/dbtest"
	"slipway/internal/engine"
	"slipway/internal/engine/postgres"
)

// psql beside it, with the key that the documents name, keeps a change out.
func TestChange6WhoeverTakesTheLockIsNamed(t *testing.T) {
	b := newBench(t, postgres.Config{})
	other := b.stranger()
	other.do("SET application_name = 'psql'; SELECT pg_advisory_lock(32488822435963257)")
	_, err := b.eng.Lock(t.Context(), b.Source, b.Name, engine.Holder{})
	want := fmt.Sprintf("process %d, user postgres, application psql, since ", other.conn.PID())
	if slipway.KindOf(err) != slipway.Unavailable || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v, want %q", err, want)
	}
}

// A lock timeout outside transactions: that statement alone is tried again.
func TestChange12LockTimeoutOutsideTransactions(t *testing.T) {
	b := newBench(t, postgres.Config{AloneWait: 200 * time.Millisecond, RetryBudget: time.Minute})
	s := b.lock()
	b.must(b.apply(s, "1", users, nil))
	other := b.stranger()
	var said []string
	b.must(b.apply(s, "2", "INSERT INTO users VALUES (1);\nCREATE INDEX CONCURRENTLY users_id ON users (id);\nINSERT INTO users VALUES (2);", func(l slipway.LogEntry) {
		switch {
		case l.Control != nil && l.Control.Type == "COMMIT" && !slices.Contains(said, "locked"):
			other.do("BEGIN; LOCK TABLE users IN SHARE UPDATE EXCLUSIVE MODE")
			said = append(said, "locked")
		case l.Retry != nil:
			other.do("COMMIT")
			said = append(said, "retry")
		case l.Statement != nil:
			said = append(said, strings.Fields(l.Statement.Text)[0])
		}
	}))
	if want := []string{"INSERT", "locked", "CREATE", "retry", "CREATE", "INSERT"}; !slices.Equal(said, want) {
		t.Errorf("got %v, want %v", said, want)
	}
	b.want("SELECT string_agg(id::text, ' ' ORDER BY id) FROM users", "1 2")
	b.want("SELECT count(*) FROM pg_index WHERE indrelid = 'users'::regclass AND indisvalid", "1")
}

// A deadlock in a transaction is tried again; outside of one it ends the file.
func TestChange14Deadlock(t *testing.T) {
	const waits = "SELECT count(*) = 1 FROM pg_stat_activity WHERE application_name = 'slipway run' AND wait_event_type = 'Lock' AND datname = current_database()"
	for _, tc := range []struct {
		name, text string
		hold, take string // what the other session has, and then wants
		again      bool
	}{
		{
			"in a transaction", "UPDATE one SET id = 2;\nUPDATE two SET id = 2;",
			"UPDATE two SET id = 3", "UPDATE one SET id = 3", true,
		},
		{
			"outside of one", "CREATE INDEX CONCURRENTLY one_id ON one (id);",
			"UPDATE one SET id = 3", "LOCK TABLE one IN SHARE UPDATE EXCLUSIVE MODE", false,
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			b := newBench(t, postgres.Config{LockTimeout: time.Minute, RetryBudget: time.Minute})
			// The other session never looks for the deadlock, so that ours loses.
			dbtest.Exec(t, b.URL, "ALTER DATABASE "+b.Name+" SET deadlock_timeout = '3s'")
			s := b.lock()
			b.must(b.apply(s, "1", "CREATE TABLE one (id int); CREATE TABLE two (id int); INSERT INTO one VALUES (1); INSERT INTO two VALUES (1);", nil))
			other := b.stranger()
			other.do("SET deadlock_timeout = '10min'; BEGIN; " + tc.hold)
			retries, ended := 0, make(chan error, 1)
			go func() {
				ended <- b.apply(s, "2", tc.text, func(l slipway.LogEntry) {
					if l.Retry != nil {
						retries++
					}
				})
			}()
			b.until(waits)
			other.do(tc.take) // returns when ours has lost
			other.do("COMMIT")
			err := <-ended
			if tc.again {
				b.must(err)
				if retries == 0 {
					t.Error("it was not tried again")
				}
				b.want("SELECT one.id || ' ' || two.id FROM one, two", "2 2")
				return
			}
			e := failure(t, err)
			if e.Failure.Code != "40P01" || e.Class != engine.Failed || retries != 0 {
				t.Errorf("got code %s, class %v after %d retries, want 40P01, failed, none", e.Failure.Code, e.Class, retries)
			}
			b.want("SELECT count(*) FROM pg_index WHERE indrelid = 'one'::regclass", "0")
			b.must(b.apply(s, "2", tc.text, nil))
		})
	}
}

// The server ends the session while a statement runs: nothing of the file stays.
func TestChange15ConnectionLostInTheMiddle(t *testing.T) {
	b := newBench(t, postgres.Config{})
	s := b.lock()
	b.must(b.apply(s, "1", users, nil))
	ended := make(chan error, 1)
	go func() {
		ended <- b.apply(s, "2", "INSERT INTO users VALUES (1);\nSELECT pg_sleep(600);", nil)
	}()
	b.until("SELECT count(*) = 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = current_database()")
	pid, _, _ := strings.Cut(s.ID(), "/")
	dbtest.Exec(t, b.URL, "SELECT pg_terminate_backend("+pid+")")
	e := failure(t, <-ended)
	if e.Class != engine.Failed || slipway.KindOf(e) != slipway.Unavailable || e.Failure.Line != 2 {
		t.Errorf("got class %v, kind %d at line %d: %v", e.Class, slipway.KindOf(e), e.Failure.Line, e)
	}
	b.want("SELECT count(*) FROM users", "0")
	b.must(b.eng.End(t.Context(), b.Source, b.Name, s.ID()))
	b.must(b.apply(b.lock(), "2", "INSERT INTO users VALUES (1);", nil))
	b.want("SELECT count(*) FROM users", "1")
}

// The address leads to a replica now: nothing begins there. A transaction that
// turns out to be read only is not tried again.
func TestChange16Replica(t *testing.T) {
	server := dbtest.Own(t, "")
	d := server.Database(t)
	b := &bench{Database: d, t: t, eng: withConfig(postgres.Config{})}
	s := b.lock()
	b.must(b.apply(s, "1", users, nil))
	tries := 0
	e := failure(t, b.apply(s, "2", "SET TRANSACTION READ ONLY; INSERT INTO users VALUES (1);", func(l slipway.LogEntry) {
		if l.Control != nil && l.Control.Type == "BEGIN" {
			tries++
		}
	}))
	if e.Failure.Code != "25006" || e.Class != engine.Failed || tries != 1 {
		t.Errorf("read only: code %s, class %v, %d tries", e.Failure.Code, e.Class, tries)
	}
	b.must(s.Close(t.Context()))

	signal := filepath.Join(b.query("SHOW data_directory"), "standby.signal")
	server.Stop("INT")
	b.must(os.WriteFile(signal, nil, 0o600))
	t.Cleanup(func() { // the database is dropped behind this
		server.Stop("INT")
		_ = os.Remove(signal)
		b.must(server.Start())
	})
	if info, err := os.Stat(filepath.Dir(signal)); err == nil {
		owner := info.Sys().(*syscall.Stat_t)
		b.must(os.Chown(signal, int(owner.Uid), int(owner.Gid)))
	}
	b.must(server.Start())
	if _, err := b.eng.Lock(t.Context(), b.Source, b.Name, engine.Holder{}); slipway.KindOf(err) != slipway.Precondition || !strings.Contains(slipway.MessageOf(err), "replica in recovery") {
		t.Errorf("got %v, want a Precondition about the replica", err)
	}
	if revs, err := b.eng.Revisions(t.Context(), b.Source, b.Name); err != nil || len(revs) != 1 {
		t.Errorf("the ledger of the replica: %v, %v", revs, err)
	}
}

// No room on the disk: the file fails at once, is rolled back, and says where.
func TestChange17DiskFull(t *testing.T) {
	full := func(t *testing.T, b *bench, text, space string) {
		t.Helper()
		tries := 0
		e := failure(t, b.apply(b.lock(), "1", users+"\n"+text, func(l slipway.LogEntry) {
			if l.Control != nil && l.Control.Type == "BEGIN" {
				tries++
			}
		}))
		if e.Failure.Code != "53100" || slipway.KindOf(e) != slipway.Exhausted || tries != 1 || !strings.Contains(e.Failure.Message, "tablespace "+space+" is full") {
			t.Errorf("%d tries, %+v, want one and tablespace %s", tries, e.Failure, space)
		}
		b.want("SELECT to_regclass('users') IS NULL", "t")
		b.want("SELECT count(*) FROM slipway_revision", "0")
	}
	t.Run("as the server words it", func(t *testing.T) {
		full(t, newBench(t, postgres.Config{}), `DO $$ BEGIN RAISE EXCEPTION 'could not extend file "base/16384/16390": No space left on device' USING ERRCODE = 'disk_full'; END $$;`, "pg_default")
	})
	t.Run("for real", func(t *testing.T) {
		b := newBench(t, postgres.Config{})
		info, err := os.Stat(b.query("SHOW data_directory"))
		if err != nil {
			t.Skipf("the server is not on this machine: %v", err)
		}
		owner := info.Sys().(*syscall.Stat_t)
		dir, err := os.MkdirTemp("/tmp", "slipway-small-")
		b.must(err)
		t.Cleanup(func() { _ = os.Remove(dir) })
		size := fmt.Sprintf("size=256k,uid=%d,gid=%d,mode=700", owner.Uid, owner.Gid)
		if out, err := exec.Command("mount", "-t", "tmpfs", "-o", size, "tmpfs", dir).CombinedOutput(); err != nil {
			t.Skipf("no right to mount a small disk: %v: %s", err, out)
		}
		t.Cleanup(func() { _ = exec.Command("umount", dir).Run() })
		space := b.Name + "_small"
		dbtest.Exec(t, b.URL, "CREATE TABLESPACE "+space+" LOCATION '"+dir+"'")
		t.Cleanup(func() { dbtest.Exec(t, b.URL, "DROP TABLESPACE "+space) })
		full(t, b, "CREATE TABLE big (t text) TABLESPACE "+space+";\nALTER TABLE big ALTER t SET STORAGE PLAIN;\nINSERT INTO big SELECT repeat('x', 5000) FROM generate_series(1, 1000);", space)
	})
}

// A change stays in its database, by whatever it would leave it.
func TestChange42OtherDatabases(t *testing.T) {
	b := newBench(t, postgres.Config{})
	s := b.lock()
	for _, text := range []string{"\\c other\n", "USE other;", "CREATE TABLE other.public.t (id int);", "INSERT INTO other.public.t VALUES (1);"} {
		failure(t, b.apply(s, "1", users+"\n"+text, nil))
		b.want("SELECT to_regclass('users') IS NULL", "t")
	}
}

// Nor does it drop the database under itself, or reach the server's files.
func TestChange43TheDatabaseStays(t *testing.T) {
	b := newBench(t, postgres.Config{})
	failure(t, b.apply(b.lock(), "1", "DROP DATABASE "+b.Name+";", nil))
	b.want("SELECT current_database()", b.Name)

	b = newBench(t, postgres.Config{})
	b.Source = b.as("changer")
	dbtest.Exec(t, b.URL, "GRANT CREATE ON SCHEMA public TO "+b.Source.Username)
	s := b.lock()
	for _, text := range []string{"ALTER SYSTEM SET work_mem = '1GB';", "COPY (SELECT 1) TO PROGRAM 'true';"} {
		if e := failure(t, b.apply(s, "2", text, nil)); e.Failure.Code != "42501" {
			t.Errorf("%s: %s %s, want that the role may not", text, e.Failure.Code, e.Failure.Message)
		}
	}
}

// A check names the session that a change would wait for, with everybody else
// behind it.
func TestChange61LongTransactions(t *testing.T) {
	b := newBench(t, postgres.Config{LongOpen: 100 * time.Millisecond})
	dbtest.Exec(t, b.URL, users+` CREATE TABLE "Orders" (id int); CREATE TABLE free (id int);`)
	app := b.stranger()
	app.do(`SET application_name = 'shop'; BEGIN; SELECT * FROM users, "Orders"`)
	files := []engine.ExamineFile{
		{Path: "a.sql", Version: "1", Statement: []byte("INSERT INTO users VALUES (1);\nALTER TABLE free ADD x int;")},
		{Path: "b.sql", Version: "2", Statement: []byte("SELECT 1;\nALTER TABLE public.users ADD name text;\nDROP TABLE \"Orders\";")},
	}
	examine := func() []engine.Finding {
		t.Helper()
		got, err := b.eng.Examine(t.Context(), b.Source, b.Name, files)
		b.must(err)
		return got
	}
	time.Sleep(150 * time.Millisecond)
	got := examine()
	if len(got[0].Advices) != 0 || len(got[1].Advices) != 2 {
		t.Fatalf("got %+v, want two advices on b.sql", got)
	}
	for i, table := range []string{"users", "Orders"} {
		a := got[1].Advices[i]
		want := fmt.Sprintf("process %d (user postgres, application shop, idle in transaction) has a transaction open for ", app.conn.PID())
		if a.Level != slipway.AdviceWarning || a.Start.Line != i+2 || !strings.HasPrefix(a.Content, want) || !strings.Contains(a.Content, fmt.Sprintf("a lock on %q", table)) {
			t.Errorf("got %+v, want %q about %q", a, want, table)
		}
	}
	app.do("COMMIT")
	if got := examine(); len(got[1].Advices) != 0 {
		t.Errorf("after it ended: %+v", got[1].Advices)
	}
}
