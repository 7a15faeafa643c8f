package e2e_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/google/go-cmp/cmp"

	"slipway/internal/idtokentest"
	"slipway/internal/servertest"
)

// TestGuide runs the guide's pipeline, its own script lines in a shell with
// curl and jq, for each combination of stores: a merge request is reviewed,
// its migrations are rolled out when they are merged, and running the pipeline
// again changes nothing.
func TestGuide(t *testing.T) {
	t.Parallel()
	for _, s := range settings {
		t.Run(s.String(), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, s)
			w.trust()
			w.grant()
			repo := writeRepository(t)

			review := idtokentest.Job{Project: "my-group/my-project", Ref: "add-purchases", Source: "merge_request_event"}
			out, err := w.job(t, repo, "sql-review", review)
			if err != nil {
				t.Fatalf("sql-review of good migrations: %v\n%s", err, out)
			}
			if !strings.Contains(out, "users/"+identity) {
				t.Errorf("users/me did not tell who the job is:\n%s", out)
			}

			main := idtokentest.Job{Project: "my-group/my-project"}
			if out, err := w.job(t, repo, "rollout", main); err != nil {
				t.Fatalf("rollout: %v\n%s", err, out)
			}
			for _, env := range []string{"test", "prod"} {
				got := w.rows(t, env, "SELECT email FROM customer ORDER BY id")
				if diff := cmp.Diff([][]string{{"ada@example.com"}}, got); diff != "" {
					t.Errorf("customers in %s (-want +got):\n%s", env, diff)
				}
				got = w.rows(t, env, "SELECT version, path FROM slipway_revision ORDER BY version")
				want := [][]string{
					{"001", "migrations/001_create_customer.sql"},
					{"1.9", "migrations/shop/v1.9_create_purchase.sql"},
					{"1.10", "migrations/shop/v1.10_first_customer.sql"},
				}
				if diff := cmp.Diff(sorted(want), sorted(got)); diff != "" {
					t.Errorf("revisions in %s (-want +got):\n%s", env, diff)
				}
			}

			out, err = w.job(t, repo, "rollout", main)
			if err != nil {
				t.Fatalf("rollout of the same content again: %v\n%s", err, out)
			}
			if !strings.Contains(out, "nothing to do") {
				t.Errorf("the second rollout does not say that there is nothing to do:\n%s", out)
			}
			if got := w.rows(t, "prod", "SELECT count(*) FROM customer"); got[0][0] != "1" {
				t.Errorf("the second rollout ran something: %s customers in prod", got[0][0])
			}
		})
	}
}

// TestReviewFindings has the guide's review fail on a bad migration and leave a
// code-quality report.
func TestReviewFindings(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setting{"sqlite", "sqlite"})
	w.trust()
	w.grant()
	repo := writeRepository(t)
	write(t, repo, "migrations/2_forget.sql", "-- everyone\nDELETE FROM customer;\n")
	out, err := w.job(t, repo, "sql-review", idtokentest.Job{Project: "my-group/my-project", Ref: "bad", Source: "merge_request_event"})
	if code := servertest.ExitCode(err); code != 1 {
		t.Fatalf("sql-review of a DELETE without WHERE: exit code %d (%v), want 1\n%s", code, err, out)
	}
	report, err := os.ReadFile(filepath.Join(repo, "bytebase_codequality.json"))
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{"STATEMENT_WHERE_REQUIRE_UPDATE_DELETE", "migrations/2_forget.sql", `"begin": 2`} {
		if !strings.Contains(string(report), part) {
			t.Errorf("the code-quality report lacks %s:\n%s", part, report)
		}
	}
}

// job runs the script of a job in the guide's pipeline file as a runner does.
func (w *world) job(t *testing.T, repo, name string, job idtokentest.Job) (string, error) {
	t.Helper()
	return w.runScript(t, repo, name, w.issuer.Token(t, job))
}

// runScript runs the lines of a job's script in one shell, which stops at the
// first failure, with that ID token. It returns all output.
func (w *world) runScript(t *testing.T, repo, name, idToken string) (string, error) {
	t.Helper()
	cmd := exec.Command("bash", "-eo", "pipefail", "-c", strings.Join(scriptOf(t, name), "\n"))
	cmd.Dir = repo
	cmd.Env = []string{
		"PATH=" + servertest.Bin() + ":" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "CI=true", "GITLAB_CI=true",
		"CI_PROJECT_DIR=" + repo, "CI_PROJECT_URL=" + w.issuer.URL() + "/my-group/my-project", "CI_COMMIT_SHA=" + commit,
		"BYTEBASE_URL=" + w.URL, "WORKLOAD_IDENTITY_EMAIL=" + identity, "TARGETS=" + strings.Join(w.targets, ","),
		"GITLAB_OIDC_TOKEN=" + idToken,
	}
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// scriptOf reads the script of a job from the guide's pipeline file.
func scriptOf(t *testing.T, name string) []string {
	t.Helper()
	text, err := os.ReadFile("testdata/gitlab-ci.yml")
	if err != nil {
		t.Fatal(err)
	}
	var jobs map[string]yaml.Node // the file has other things than jobs
	if err := yaml.Unmarshal(text, &jobs); err != nil {
		t.Fatal(err)
	}
	var job struct {
		Script []string `yaml:"script"`
	}
	node := jobs[name]
	if err := node.Decode(&job); err != nil || len(job.Script) == 0 {
		t.Fatalf("job %s has no script: %v", name, err)
	}
	return job.Script
}

// writeRepository returns a folder with migrations that SQLite and PostgreSQL
// both take, one of them in a subfolder and two whose versions sort wrongly as
// text.
func writeRepository(t testing.TB) string {
	t.Helper()
	repo := t.TempDir()
	write(t, repo, "migrations/001_create_customer.sql", "CREATE TABLE customer (id INTEGER NOT NULL PRIMARY KEY, email TEXT NOT NULL);\n")
	write(t, repo, "migrations/shop/v1.9_create_purchase.sql", "CREATE TABLE purchase (id INTEGER NOT NULL PRIMARY KEY, customer_id INTEGER NOT NULL);\nCREATE INDEX purchase_customer ON purchase (customer_id);\n")
	write(t, repo, "migrations/shop/v1.10_first_customer.sql", "INSERT INTO customer (id, email) VALUES (1, 'ada@example.com');\n")
	return repo
}

func write(t testing.TB, dir, name, text string) {
	t.Helper()
	file := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func sorted(rows [][]string) map[string]bool {
	set := map[string]bool{}
	for _, r := range rows {
		set[strings.Join(r, " ")] = true
	}
	return set
}
