package e2e_test

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5/pgconn"

	"slipway/internal/idtokentest"
	"slipway/internal/servertest"
)

// TestKill kills the server with SIGKILL in the middle of a file and starts it
// again: every file is in the ledger once and took effect once, and the client
// that followed from the beginning ends well without knowing.
func TestKill(t *testing.T) {
	t.Parallel()
	for _, s := range []setting{{"sqlite", "sqlite"}, {"postgres", "postgres"}} {
		t.Run(s.String(), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, s)
			h := w.hold(t, s)
			client := w.follow(t, h.repo)
			first := h.inTheMiddle(t)
			w.Stop(syscall.SIGKILL)
			if got := w.ledger(t, "test"); got != "1" {
				t.Fatalf("before the restart the ledger has the versions %q, want 1 alone", got)
			}

			h.afterKill(t)
			w.Start()
			h.untilAgain(t, first)
			h.letGo(t)
			client.finish(t, 0)
			w.wantOnce(t, "1 2 3", "1", "2 begin", "2 end", "3")
		})
	}
}

// TestDrain ends the server with SIGTERM in the middle of a file: the file is
// finished, none is begun after it, and the next start does the rest.
func TestDrain(t *testing.T) {
	t.Parallel()
	s := setting{"sqlite", "postgres"}
	w := newWorld(t, s)
	h := w.hold(t, s)
	client := w.follow(t, h.repo)
	h.inTheMiddle(t)
	if err := w.Cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	servertest.Await(t, "the server takes no more requests", func() bool { return !w.Accepts() })
	h.letGo(t)
	if code := w.Stop(syscall.SIGCONT); code != 0 {
		t.Fatalf("the server ended with exit code %d, want 0", code)
	}
	if got := w.ledger(t, "test"); got != "1 2" {
		t.Errorf("after SIGTERM the ledger has the versions %q, want 1 and 2: the file that ran, and none after it", got)
	}
	w.Start()
	client.finish(t, 0)
	w.wantOnce(t, "1 2 3", "1", "2 begin", "2 end", "3")
}

// TestDrainRunsOut ends the server with a statement that takes longer than
// --drain: it is canceled, and the next start runs its file from the beginning.
func TestDrainRunsOut(t *testing.T) {
	t.Parallel()
	s := setting{"sqlite", "postgres"}
	w := newWorld(t, s, "--drain", "200ms")
	h := w.hold(t, s)
	client := w.follow(t, h.repo)
	first := h.inTheMiddle(t)
	if code := w.Stop(syscall.SIGTERM); code != 0 {
		t.Fatalf("the server ended with exit code %d, want 0", code)
	}
	if got := w.ledger(t, "test"); got != "1" {
		t.Errorf("the ledger has the versions %q, want 1 alone", got)
	}
	w.Start()
	h.untilAgain(t, first)
	h.letGo(t)
	client.finish(t, 0)
	w.wantOnce(t, "1 2 3", "1", "2 begin", "2 end", "3")
}

// A holder keeps the second of three files from ending, in the database of the
// environment test.
type holder struct {
	w    *world
	repo string
	conn *pgconn.PgConn // holds the advisory lock that the file waits for
	db   *sql.DB        // of the SQLite database, whose table says how long the file takes
}

// held is the key of the advisory lock.
const held = 4711

// hold writes a repository of three files and makes the second take for ever.
// On PostgreSQL it waits for an advisory lock that the test has, so that the
// session in the server outlives its client as it does with any statement that
// runs long; on SQLite it counts to a number in a table of the test's.
func (w *world) hold(t *testing.T, s setting) *holder {
	t.Helper()
	w.trust()
	w.grant()
	h := &holder{w: w, repo: t.TempDir()}
	write(t, h.repo, "1_first.sql", "CREATE TABLE effect (what TEXT NOT NULL);\nINSERT INTO effect (what) VALUES ('1');\n")
	write(t, h.repo, "3_last.sql", "INSERT INTO effect (what) VALUES ('3');\n")
	second := "INSERT INTO effect (what) VALUES ('2 begin');\n%s;\nINSERT INTO effect (what) VALUES ('2 end');\n"
	if s.target == "postgres" {
		write(t, h.repo, "2_long.sql", fmt.Sprintf(second, fmt.Sprintf("SELECT pg_advisory_xact_lock(%d)", held)))
		h.conn = h.lock(t, "test")
		return h
	}
	count := "CREATE TEMP TABLE counted AS WITH RECURSIVE c (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < (SELECT n FROM patience)) SELECT count(*) FROM c"
	write(t, h.repo, "2_long.sql", fmt.Sprintf(second, count))
	for env, n := range map[string]int{"prod": 1, "test": 2_000_000_000} {
		db, err := sql.Open("sqlite", filepath.Join(w.root, env, "mydb.db"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = db.Close() })
		if _, err := db.Exec("CREATE TABLE patience AS SELECT ? AS n", n); err != nil {
			t.Fatal(err)
		}
		if env == "test" {
			h.db = db
		}
	}
	return h
}

// lock takes the lock that the file waits for in the database of env.
func (h *holder) lock(t *testing.T, env string) *pgconn.PgConn {
	t.Helper()
	conn, err := pgconn.Connect(t.Context(), h.w.urls[env])
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.WithoutCancel(t.Context())) })
	if _, err := conn.Exec(t.Context(), fmt.Sprintf("SELECT pg_advisory_lock(%d)", held)).ReadAll(); err != nil {
		t.Fatal(err)
	}
	return conn
}

func unlock(t *testing.T, conn *pgconn.PgConn) {
	t.Helper()
	if _, err := conn.Exec(t.Context(), fmt.Sprintf("SELECT pg_advisory_unlock(%d)", held)).ReadAll(); err != nil {
		t.Fatal(err)
	}
}

// inTheMiddle returns once the second file runs, with the session that it waits
// in where the database has such.
func (h *holder) inTheMiddle(t *testing.T) (session string) {
	t.Helper()
	servertest.Await(t, "the second file runs", func() bool {
		if h.conn != nil {
			session = h.waiting(t, "test")
			return session != ""
		}
		_, text := h.w.Call(h.w.AdminToken(), "GET", "/v1/projects/my-project/plans/1/rollout/stages/test/tasks/1/taskRuns/1/log", nil)
		return bytes.Contains(text, []byte(`"releaseFileExecute":{"version":"2"`))
	})
	return session
}

// waiting returns the process id of the session that waits for the lock in the
// database of env, "" for none.
func (h *holder) waiting(t *testing.T, env string) string {
	t.Helper()
	rows := h.w.rows(t, env, fmt.Sprintf(`SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND objid = %d AND NOT granted
		AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`, held))
	if len(rows) > 1 {
		t.Fatalf("%d sessions run the second file at a time", len(rows))
	}
	if len(rows) == 0 {
		return ""
	}
	return rows[0][0]
}

// afterKill makes the file short where it can't be let go while it runs.
func (h *holder) afterKill(t *testing.T) {
	t.Helper()
	if h.db == nil {
		return
	}
	if _, err := h.db.Exec("UPDATE patience SET n = 1"); err != nil {
		t.Fatal(err)
	}
}

// untilAgain returns once a session other than the first runs the file, which
// the first must be gone for.
func (h *holder) untilAgain(t *testing.T, first string) {
	t.Helper()
	if h.conn == nil {
		return
	}
	servertest.Await(t, "a new session runs the second file", func() bool {
		now := h.waiting(t, "test")
		return now != "" && now != first
	})
}

// letGo lets the second file end.
func (h *holder) letGo(t *testing.T) {
	t.Helper()
	if h.conn != nil {
		unlock(t, h.conn)
	}
}

// A following is a client that runs beside the test.
type following struct {
	cmd  *exec.Cmd
	out  *servertest.Buffer
	done chan error
}

// follow begins a rollout of the files in repo, as a CI job does.
func (w *world) follow(t *testing.T, repo string) *following {
	t.Helper()
	f := &following{out: new(servertest.Buffer), done: make(chan error, 1)}
	f.cmd = exec.Command(filepath.Join(servertest.Bin(), "slipway"), "rollout", "--file-pattern", "*.sql", "--targets", strings.Join(w.targets, ","))
	f.cmd.Dir = repo
	f.cmd.Env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "SLIPWAY_URL=" + w.URL, "SLIPWAY_PROJECT=my-project",
		"WORKLOAD_IDENTITY_EMAIL=" + identity, "GITLAB_OIDC_TOKEN=" + w.issuer.Token(t, idtokentest.Job{Project: "my-group/my-project"}),
	}
	f.cmd.Stdout, f.cmd.Stderr = f.out, f.out
	if err := f.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { f.done <- f.cmd.Wait() }()
	t.Cleanup(func() {
		_ = f.cmd.Process.Kill()
		if t.Failed() {
			t.Logf("client's output:\n%s", f.out)
		}
	})
	return f
}

// finish waits for the client's end.
func (f *following) finish(t *testing.T, want int) {
	t.Helper()
	select {
	case err := <-f.done:
		if got := servertest.ExitCode(err); got != want {
			t.Fatalf("the client ended with exit code %d, want %d:\n%s", got, want, f.out)
		}
	case <-time.After(2 * servertest.Patience):
		t.Fatalf("the client does not end:\n%s", f.out)
	}
}

// ledger returns the versions in the ledger of an environment's database in the
// order in which they went in.
func (w *world) ledger(t *testing.T, env string) string {
	t.Helper()
	var versions []string
	for _, row := range w.rows(t, env, "SELECT version FROM slipway_revision ORDER BY applied") {
		versions = append(versions, row[0])
	}
	return strings.Join(versions, " ")
}

// wantOnce checks that both databases have these versions, once each, and these
// effects, once each.
func (w *world) wantOnce(t *testing.T, versions string, effects ...string) {
	t.Helper()
	for _, env := range []string{"test", "prod"} {
		if got := w.ledger(t, env); got != versions {
			t.Errorf("the ledger in %s has the versions %q, want %q", env, got, versions)
		}
		var got []string
		for _, row := range w.rows(t, env, "SELECT what FROM effect ORDER BY what") {
			got = append(got, row[0])
		}
		if diff := cmp.Diff(effects, got); diff != "" {
			t.Errorf("effects in %s (-want +got):\n%s", env, diff)
		}
	}
}
