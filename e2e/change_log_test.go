package e2e_test

import (
	"bytes"
	"strings"
	"syscall"
	"testing"

	"slipway/internal/idtokentest"
	"slipway/internal/servertest"
)

// What a statement's constants hold, and the rows that PostgreSQL quotes in an
// error, get into no log: not the task's, not the audit's, not the server's.
func TestChange59NoConstantIsLogged(t *testing.T) {
	t.Parallel()
	for _, s := range []setting{{"sqlite", "sqlite"}, {"sqlite", "postgres"}} {
		t.Run(s.String(), func(t *testing.T) {
			t.Parallel()
			const secret = "Recognisable-Constant-1"
			w := newWorld(t, s)
			w.trust()
			w.grant()
			repo := t.TempDir()
			write(t, repo, "migrations/1_first.sql", "-- "+secret+"\nCREATE TABLE person (email TEXT NOT NULL UNIQUE);\nINSERT INTO person (email) VALUES ('"+secret+"'); -- "+secret+"\n")
			write(t, repo, "migrations/2_second.sql", "INSERT INTO person (email) SELECT lower('"+secret+"');\nINSERT INTO person (email)\n  VALUES ('"+secret+"');\n")
			out, err := w.job(t, repo, "rollout", idtokentest.Job{Project: "my-group/my-project", Ref: "main"})
			if code := servertest.ExitCode(err); code != 1 {
				t.Fatalf("exit code %d, want 1 of the second file:\n%s", code, out)
			}
			var said bytes.Buffer
			for _, path := range []string{"/v1/projects/my-project/plans/1/rollout/stages/-/tasks/-/taskRuns", "/v1/projects/my-project/plans/1/rollout/stages/test/tasks/1/taskRuns/1/log"} {
				status, text := w.Call(w.AdminToken(), "GET", path, nil)
				if status != 200 || !bytes.Contains(text, []byte("INSERT INTO person (email)")) {
					t.Errorf("GET %s answered %d without the statement: %s", path, status, text)
				}
				said.Write(text)
			}
			status, text := w.Call(w.AdminToken(), "POST", "/v1/auditLogs:search", object{"pageSize": 1000})
			if status != 200 || !bytes.Contains(text, []byte("BatchRunTasks")) {
				t.Errorf("the audit log answered %d: %.300s", status, text)
			}
			said.Write(text)
			for _, row := range w.rows(t, "test", "SELECT statement FROM slipway_journal") {
				said.WriteString(row[0])
			}
			w.Stop(syscall.SIGTERM)
			said.WriteString(w.Log.String())
			for line := range strings.Lines(said.String()) {
				if strings.Contains(strings.ToLower(line), strings.ToLower(secret)) {
					t.Errorf("the constant is in: %.2000s", line)
				}
			}
		})
	}
}
