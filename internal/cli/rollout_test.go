package cli_test

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"connectrpc.com/connect/v2"

	"slipway/internal/cli"
	"slipway/internal/pb"
)

var migrations = map[string]string{
	"migrations/1.10_b.sql":        "SELECT 2;\n",
	"migrations/v1.9_a.sql":        "SELECT 1;\n",
	"migrations/deep/er/2.0_c.sql": "CREATE TABLE t (\n\tname intt,\n\tid int\n);\n",
}

const (
	testDB = "instances/pg/databases/shop_test"
	prodDB = "instances/pg/databases/shop_prod"
)

func rolloutArgs(f *fake, more ...string) []string {
	return append([]string{
		"slipway", "rollout", "--url", f.url, "--token", "good", "--project", "shop",
		"--targets", testDB + "," + prodDB, "--file-pattern", "migrations/**/*.sql",
	}, more...)
}

func twoStages(f *fake) {
	f.stage("test", pb.Task_NOT_STARTED, testDB)
	f.stage("prod", pb.Task_NOT_STARTED, prodDB)
}

func TestRolloutRunsEveryStage(t *testing.T) {
	f := serve(t)
	twoStages(f)
	f.script[testDB] = []*pb.TaskRun{
		{Status: pb.TaskRun_RUNNING, FilesDone: 0, FilesTotal: 3},
		{Status: pb.TaskRun_RUNNING, FilesDone: 2, FilesTotal: 3},
		{Status: pb.TaskRun_DONE, FilesDone: 3, FilesTotal: 3},
	}
	dir := folder(t, migrations)
	env := map[string]string{"CI_PROJECT_URL": "https://gitlab.example.com/g/shop", "CI_COMMIT_SHA": "714a629c"}
	r := run(t, dir, env, rolloutArgs(f, "--output", "out.json")...)
	r.want(t, 0,
		"release projects/shop/releases/release_20261122-RC00: 3 files\n",
		"plan projects/shop/plans/101: 2 databases\n",
		"rollout projects/shop/plans/101/rollout: stage test (1 database), stage prod (1 database)\n",
		"stage test\n",
		"  "+testDB+": running, 2 of 3 files\n",
		"  "+testDB+": done, 3 files, 42 rows\n",
		"stage prod\n",
		"  "+prodDB+": done, 1 file, 42 rows\n",
		"\ndone\n",
	)
	var versions []string
	for _, file := range f.release.GetRelease().GetFiles() {
		versions = append(versions, file.GetVersion()+" "+file.GetPath())
	}
	if got, want := strings.Join(versions, "\n"), "1.9 migrations/v1.9_a.sql\n1.10 migrations/1.10_b.sql\n2.0 migrations/deep/er/2.0_c.sql"; got != want {
		t.Errorf("files of the release:\n%s\nwant\n%s", got, want)
	}
	if got := f.release.GetRelease().GetVcsSource().GetUrl(); got != "https://gitlab.example.com/g/shop/-/commit/714a629c" {
		t.Errorf("vcs source %q", got)
	}
	if !f.agents["slipway/1.2.3"] || len(f.agents) != 1 {
		t.Errorf("user agents %v", f.agents)
	}
	var out struct {
		Release, Plan, Rollout, Status string
		ExitCode                       int
		Stages                         []struct{ Tasks []struct{ Status string } }
	}
	text, err := os.ReadFile(filepath.Join(dir, "out.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &out); err != nil {
		t.Fatal(err)
	}
	if out.Rollout != "projects/shop/plans/101/rollout" || out.Status != "DONE" || len(out.Stages) != 2 || out.Stages[1].Tasks[0].Status != "DONE" {
		t.Errorf("output file:\n%s", text)
	}
}

func TestRolloutShowsWhereItFailed(t *testing.T) {
	f := serve(t)
	f.stage("test", pb.Task_NOT_STARTED, testDB, "instances/pg/databases/other")
	f.stage("prod", pb.Task_NOT_STARTED, prodDB)
	f.script[testDB] = []*pb.TaskRun{{Status: pb.TaskRun_FAILED, FilesDone: 2, FilesTotal: 3, Failure: &pb.TaskRunFailure{
		Path: "migrations/deep/er/2.0_c.sql", Version: "2.0", Line: 2, Column: 7, Code: "42704",
		Statement: "CREATE TABLE t (\n\tname intt,\n\tid int\n)", Message: "type \"intt\" does not exist\x1b[31m",
	}}}
	f.script["instances/pg/databases/other"] = []*pb.TaskRun{
		{Status: pb.TaskRun_RUNNING}, {Status: pb.TaskRun_FAILED, Detail: "the database is gone"},
	}
	r := run(t, folder(t, migrations), nil, rolloutArgs(f)...)
	r.want(t, 1)
	want := `error: instances/pg/databases/shop_test: failed at migrations/deep/er/2.0_c.sql:2:7
  1 | CREATE TABLE t (
  2 | 	name intt,
    | 	     ^
  3 | 	id int
  4 | );
  type "intt" does not exist` + "\ufffd" + `[31m (42704)
  2 files before it went in and stay
  log: projects/shop/plans/101/rollout/stages/test/tasks/101/taskRuns/9/log
error: instances/pg/databases/other: failed: the database is gone
  log: projects/shop/plans/101/rollout/stages/test/tasks/102/taskRuns/9/log
warning: stage prod was not started
slipway: stage test: 2 of 2 databases did not get the release
`
	if !strings.HasSuffix(r.stderr, want) {
		t.Errorf("stderr:\n%s\nwant at its end:\n%s", r.stderr, want)
	}
	if f.count("BatchRunTasks") != 1 {
		t.Error("a stage behind the failed one was run")
	}
}

// A rolloutCase is a rollout of two stages, how it ends, and how often some
// methods are called until then.
type rolloutCase struct {
	name  string
	setup func(*fake)
	args  []string
	code  int
	words []string
	calls map[string]int
}

func runRollouts(t *testing.T, cases []rolloutCase) {
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			f := serve(t)
			tc.setup(f)
			run(t, folder(t, migrations), nil, rolloutArgs(f, tc.args...)...).want(t, tc.code, tc.words...)
			for method, n := range tc.calls {
				if got := f.count(method); got != n {
					t.Errorf("%d calls of %s, want %d", got, method, n)
				}
			}
		})
	}
}

func TestRolloutDoesWhatIsLeft(t *testing.T) {
	runRollouts(t, []rolloutCase{
		{
			name: "an unknown target stage is a usage error that lists the stages", setup: twoStages,
			args: []string{"--target-stage", "environments/staging"}, code: 2,
			words: []string{`--target-stage "environments/staging"`, "environments/test, environments/prod"},
			calls: map[string]int{"BatchRunTasks": 0},
		},
		{
			name: "a target stage is the last that runs", setup: twoStages,
			args: []string{"--target-stage", "test"}, code: 0,
			words: []string{"stage prod is behind --target-stage", "\ndone\n"}, calls: map[string]int{"BatchRunTasks": 1},
		},
		{
			name: "create only starts nothing", setup: twoStages, args: []string{"--create-only"}, code: 0,
			words: []string{"created, not started"}, calls: map[string]int{"BatchRunTasks": 0},
		},
		{
			name: "all done already is nothing to do", code: 0,
			setup: func(f *fake) { f.stage("test", pb.Task_DONE, testDB); f.stage("prod", pb.Task_SKIPPED, prodDB) },
			words: []string{"nothing to do"}, calls: map[string]int{"BatchRunTasks": 0},
		},
		{
			name: "what failed and what was canceled runs again", code: 0,
			setup: func(f *fake) { f.stage("test", pb.Task_FAILED, testDB); f.stage("prod", pb.Task_CANCELED, prodDB) },
			words: []string{"\ndone\n"}, calls: map[string]int{"BatchRunTasks": 2},
		},
		{
			name: "what is done is not run again", code: 0,
			setup: func(f *fake) {
				f.stage("test", pb.Task_DONE, testDB)
				f.stage("prod", pb.Task_FAILED, prodDB, "instances/pg/databases/other")
				f.stages[1].GetTasks()[1].Status = pb.Task_DONE
			},
			words: []string{testDB + ": was done before\nstage prod\n  " + prodDB + ": done, 1 file", "other: was done before"},
			calls: map[string]int{"BatchRunTasks": 1},
		},
		{
			name: "what another pipeline runs is followed", code: 0,
			setup: func(f *fake) {
				f.stage("test", pb.Task_RUNNING, testDB)
				task := f.stages[0].GetTasks()[0].GetName()
				f.runs[task] = &pb.TaskRun{Name: task + "/taskRuns/4", Status: pb.TaskRun_RUNNING}
			},
			words: []string{"\ndone\n"}, calls: map[string]int{"BatchRunTasks": 0},
		},
		{
			name: "a rollout without stages is no success", setup: func(*fake) {}, code: 1, words: []string{"no stages"},
		},
	})
}

func TestRolloutAgainstAServerThatDoesNot(t *testing.T) {
	denied := connect.NewError(connect.CodePermissionDenied, `permission denied: workloadIdentity:x@workload.bytebase.com lacks "bb.releases.create" on projects/shop`)
	runRollouts(t, []rolloutCase{
		{
			name: "a token that is not accepted ends at once", setup: func(f *fake) { twoStages(f); f.token = "another" }, code: 3,
			words: []string{"not valid", "may have ended"}, calls: map[string]int{"CreateRelease": 1},
		},
		{
			name: "a missing permission is named", setup: func(f *fake) { f.refuse["CreateRelease"] = denied }, code: 3,
			words: []string{`lacks "bb.releases.create" on projects/shop`, "GitOps Service Agent"}, calls: map[string]int{"CreateRelease": 1},
		},
		{
			name: "a server that is away for a moment is waited for", setup: func(f *fake) { twoStages(f); f.away["BatchRunTasks"] = 1 }, code: 0,
			words: []string{"the store is away; trying again", "\ndone\n"}, calls: map[string]int{"BatchRunTasks": 3},
		},
		{
			name: "a server that stays away is an error in time", setup: func(f *fake) { f.away["CreateRelease"] = 1000 },
			args: []string{"--timeout", "300ms"}, code: 1, words: []string{"the store is away; it was so for 300ms", "raise --timeout"},
		},
		{
			name: "a stage that the server holds back is a gate", code: 4,
			setup: func(f *fake) {
				twoStages(f)
				f.hold = func(stage string) error {
					if stage != f.stages[1].GetName() {
						return nil
					}
					f.stages[0].GetTasks()[0].Status = pb.Task_FAILED // someone went back to it
					return connect.NewError(connect.CodeFailedPrecondition, "stage prod cannot run yet")
				}
			},
			words: []string{"stage prod cannot run yet", "run the command again"},
		},
		{
			name: "a database that is gone is none", code: 1,
			setup: func(f *fake) {
				twoStages(f)
				f.hold = func(string) error { return connect.NewError(connect.CodeFailedPrecondition, "the database is gone") }
			},
			words: []string{"run stage test: the database is gone"},
		},
		{
			name: "a plan that waits for approval is a gate", code: 4,
			setup: func(f *fake) { twoStages(f); f.approval = pb.ApprovalStatus_PENDING },
			words: []string{"waits for approval"}, calls: map[string]int{"BatchRunTasks": 0},
		},
		{
			name: "findings stop it when it checks first", code: 1,
			setup: func(f *fake) {
				twoStages(f)
				f.check.Results = []*pb.CheckReleaseResponse_CheckResult{{File: "migrations/v1.9_a.sql", Target: testDB, Advices: []*pb.Advice{{Status: pb.Advice_ERROR, Title: "R", Content: "bad"}}}}
			},
			args: []string{"--check-release", "FAIL_ON_ERROR"}, words: []string{"migrations/v1.9_a.sql: error: R: bad"},
			calls: map[string]int{"CreateRelease": 0},
		},
	})
}

func TestRolloutOfAPlan(t *testing.T) {
	f := serve(t)
	twoStages(f)
	args := []string{"slipway", "rollout", "--url", f.url, "--token", "good", "--project", "shop", "--plan", "101"}
	run(t, t.TempDir(), nil, args...).want(t, 0, "plan projects/shop/plans/101: release_20261122-RC00", "\ndone\n")
}

func TestChange52RolloutRenewsItsToken(t *testing.T) {
	f := serve(t)
	twoStages(f)
	f.endAfter = 5 // in the middle of stage test
	env := map[string]string{
		"GITLAB_OIDC_TOKEN": "id-token", "WORKLOAD_IDENTITY_EMAIL": "gitlab-deploy@workload.bytebase.com", "BYTEBASE_URL": f.url,
		"BYTEBASE_PROJECT": "projects/shop", "SLIPWAY_TARGETS": testDB + "," + prodDB, "BYTEBASE_FILE_PATTERN": "migrations/**/*.sql",
	}
	r := run(t, folder(t, migrations), env, "bytebase-action", "rollout")
	r.want(t, 0, "\ndone\n")
	if f.exchange != 2 {
		t.Errorf("%d exchanges, want 2", f.exchange)
	}
	for _, secret := range []string{"id-token", "exchanged-"} {
		if strings.Contains(r.stdout+r.stderr, secret) {
			t.Errorf("a token was printed:\n%s%s", r.stdout, r.stderr)
		}
	}
}

func TestInterruptCancelsWhatWasStarted(t *testing.T) {
	f := serve(t)
	f.stage("test", pb.Task_NOT_STARTED, testDB, "instances/pg/databases/other")
	f.stage("prod", pb.Task_NOT_STARTED, prodDB)
	other := f.stages[0].GetTasks()[1]
	other.Status = pb.Task_RUNNING // by another pipeline
	f.runs[other.GetName()] = &pb.TaskRun{Name: other.GetName() + "/taskRuns/4"}
	for range 100 {
		f.script[testDB] = append(f.script[testDB], &pb.TaskRun{Status: pb.TaskRun_RUNNING})
		f.script[other.GetTarget()] = append(f.script[other.GetTarget()], &pb.TaskRun{Status: pb.TaskRun_RUNNING})
	}
	f.onLook = func(n int) {
		if n == 2 {
			if err := syscall.Kill(syscall.Getpid(), syscall.SIGTERM); err != nil {
				t.Error(err)
			}
		}
	}
	r := run(t, folder(t, migrations), nil, rolloutArgs(f, "--output", "out.json")...)
	r.want(t, 130, "interrupted: cancelling", testDB+": canceled", "other: running", "what this command had started has ended")
	want := "projects/shop/plans/101/rollout/stages/test/tasks/101/taskRuns/9"
	if got := strings.Join(f.canceled, " "); got != want {
		t.Errorf("canceled %q, want %q alone", got, want)
	}
	if f.count("BatchRunTasks") != 1 {
		t.Error("a later stage was started after the interrupt")
	}
}

func TestRolloutWantsDatabases(t *testing.T) {
	f := serve(t)
	run(t, folder(t, migrations), nil, "slipway", "rollout", "--url", f.url, "--token", "good", "--project", "shop",
		"--file-pattern", "migrations/**/*.sql").want(t, 2, "--targets")
}

func TestALongRunIsNotSilent(t *testing.T) {
	f := serve(t)
	twoStages(f)
	for range 4 {
		f.script[testDB] = append(f.script[testDB], &pb.TaskRun{Status: pb.TaskRun_RUNNING, FilesTotal: 1})
	}
	var stderr bytes.Buffer
	clock := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	code := cli.Main(cli.Program{
		Args: rolloutArgs(f), Stdout: io.Discard, Stderr: &stderr, Dir: folder(t, migrations), Getenv: func(string) string { return "" },
		Now: func() time.Time { clock = clock.Add(20 * time.Second); return clock },
	})
	if code != 0 || !strings.Contains(stderr.String(), "stage test: 0 of 1 database done after ") {
		t.Errorf("exit code %d, stderr:\n%s", code, stderr.String())
	}
}

func TestInterruptWhileTheRunIsAskedFor(t *testing.T) {
	f := serve(t)
	twoStages(f)
	for range 100 {
		f.script[testDB] = append(f.script[testDB], &pb.TaskRun{Status: pb.TaskRun_RUNNING})
	}
	delivered := make(chan os.Signal, 1)
	signal.Notify(delivered, syscall.SIGTERM)
	defer signal.Stop(delivered)
	f.hold = func(string) error {
		if err := syscall.Kill(syscall.Getpid(), syscall.SIGTERM); err != nil {
			t.Error(err)
		}
		<-delivered
		return nil
	}
	run(t, folder(t, migrations), nil, rolloutArgs(f)...).want(t, 130, "interrupted: cancelling")
	if len(f.canceled) != 1 {
		t.Errorf("%d runs cancelled, want the one that was begun", len(f.canceled))
	}
}
