package rollout_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"slipway"
	"slipway/internal/release"
	"slipway/internal/rollout"
	"slipway/internal/store"
	"slipway/internal/storetest"
)

// From files to applied, stage by stage, on each engine.
func TestSlice(t *testing.T) {
	for _, kind := range []slipway.Engine{slipway.SQLite, slipway.Postgres} {
		t.Run(string(kind), func(t *testing.T) { testSlice(t, newWorldOn(t, storetest.SQLite(t), kind)) })
	}
	t.Run("store on PostgreSQL", func(t *testing.T) { testSlice(t, newWorldOn(t, storetest.Postgres(t), slipway.SQLite)) })
}

func testSlice(t *testing.T, w *world) {
	ctx := t.Context()
	ro := w.rollout(files(
		"CREATE TABLE customer (id int PRIMARY KEY, email text);",
		"INSERT INTO customer (id, email) VALUES (1, 'a'), (2, 'b');",
	))
	var stages []string
	for _, st := range ro.Stages {
		stages = append(stages, st.Environment)
	}
	if diff := cmp.Diff([]string{"test", "prod"}, stages); diff != "" {
		t.Fatalf("stages (-want +got):\n%s", diff)
	}

	err := w.rollouts.RunTasks(ctx, pipeline, rollout.Tasks{Project: "shop", Plan: ro.Plan, Stage: "prod", IDs: []int64{ro.Stages[1].Tasks[0].ID}}, time.Time{})
	if slipway.KindOf(err) != slipway.Precondition || !strings.Contains(slipway.MessageOf(err), `stage "test"`) {
		t.Fatalf("running prod first: %v, want a Precondition that names the stage test", err)
	}

	for target, env := range []string{"test", "prod"} {
		run := w.work(w.start(ro, env))
		w.is(run, slipway.Done)
		if run.FilesDone != 2 || run.FilesAll != 2 {
			t.Errorf("progress is %d of %d, want 2 of 2", run.FilesDone, run.FilesAll)
		}
		if got := w.query(target, `SELECT email FROM customer ORDER BY id`); !slices.Equal(got, []string{"a", "b"}) {
			t.Errorf("%s holds %v, want a and b", env, got)
		}
		d, err := w.st.Database(ctx, ro.Stages[target].Tasks[0].Target)
		must(t, err)
		if d.Release != ro.Stages[target].Tasks[0].Release {
			t.Errorf("the database has release %q, want %q", d.Release, ro.Stages[target].Tasks[0].Release)
		}
		revs, _, err := w.rollouts.Revisions(ctx, admin, rollout.Place{DatabaseRef: d.DatabaseRef}, false, slipway.Page{})
		must(t, err)
		if len(revs) != 2 || revs[0].Version != "2" || revs[0].TaskRun != run.Name() {
			t.Errorf("revisions are %+v, want versions 2 and 1 by %s", revs, run.Name())
		}
		log, err := w.rollouts.Log(ctx, pipeline, rollout.Scope{Project: "shop", Plan: ro.Plan}, run.ID)
		must(t, err)
		var paths []string
		rows := int64(0)
		for _, e := range log {
			if e.File != nil {
				paths = append(paths, e.File.Path)
			}
			if e.Statement != nil {
				rows += e.Statement.Rows
			}
		}
		if diff := cmp.Diff([]string{"migrations/1_x.sql", "migrations/2_x.sql"}, paths); diff != "" || rows != 2 {
			t.Errorf("the log has %d rows and files (-want +got):\n%s", rows, diff)
		}
	}
}

// The same files for the same databases again: change case 50.
func TestChange50Again(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	f := files("CREATE TABLE a (id int PRIMARY KEY);")
	first := w.rollout(f)
	for _, env := range []string{"test", "prod"} {
		w.is(w.work(w.start(first, env)), slipway.Done)
	}
	second := w.rollout(f)
	if first.Plan != second.Plan {
		t.Errorf("the same wish made plan %d after plan %d", second.Plan, first.Plan)
	}
	for _, st := range second.Stages {
		if st.Tasks[0].Status != slipway.Done {
			t.Errorf("the task in %s is %s, want it still DONE", st.Environment, st.Tasks[0].Status)
		}
	}

	// A revision that is deleted makes its file run again, in a plan of its own.
	target := first.Stages[0].Tasks[0].Target
	revs, _, err := w.rollouts.Revisions(ctx, admin, rollout.Place{DatabaseRef: target}, false, slipway.Page{})
	must(t, err)
	must(t, w.rollouts.DeleteRevision(ctx, admin, rollout.Place{DatabaseRef: target}, revs[0].ID))
	w.query(0, `DROP TABLE a`)
	third := w.rollout(f)
	if third.Plan == first.Plan {
		t.Fatal("a plan whose effect is gone was taken for done")
	}
	w.is(w.work(w.start(third, "test")), slipway.Done)
	if got := w.query(0, `SELECT count(*) FROM a`); !slices.Equal(got, []string{"0"}) {
		t.Errorf("the table is not there again: %v", got)
	}
}

func TestFailureAndRetry(t *testing.T) {
	w := newWorld(t)
	f := files(
		"CREATE TABLE a (id int PRIMARY KEY);",
		"CREATE TABLE b (id int PRIMARY KEY);\nINSERT INTO nowhere (id) VALUES (1);",
		"CREATE TABLE c (id int PRIMARY KEY);",
	)
	ro := w.rollout(f)
	run := w.work(w.start(ro, "test"))
	w.is(run, slipway.Failed)
	if run.Failure == nil || run.Failure.Path != "migrations/2_x.sql" || run.Failure.Line != 2 || !strings.Contains(run.Failure.Message, "nowhere") {
		t.Fatalf("the failure is %+v, want line 2 of file 2 in the database's words", run.Failure)
	}
	if run.FilesDone != 1 || run.FilesAll != 3 {
		t.Errorf("progress is %d of %d, want 1 of 3", run.FilesDone, run.FilesAll)
	}
	tables := `SELECT name FROM sqlite_master WHERE type = 'table' AND length(name) = 1 ORDER BY name`
	if got := w.query(0, tables); !slices.Equal(got, []string{"a"}) {
		t.Fatalf("after the failure there are tables %v, want a alone", got)
	}

	w.query(0, `CREATE TABLE nowhere (id int)`)
	again := w.work(w.start(ro, "test"))
	w.is(again, slipway.Done)
	if again.Attempt != 2 {
		t.Errorf("the retry is attempt %d, want 2", again.Attempt)
	}
	runs, err := w.rollouts.TaskRuns(t.Context(), pipeline, rollout.Scope{Project: "shop", Plan: ro.Plan, Stage: "test"})
	must(t, err)
	if len(runs) != 2 || runs[0].Attempt != 2 {
		t.Errorf("of %d runs the first listed is attempt %d, want the newest of 2", len(runs), runs[0].Attempt)
	}
	if got := w.query(0, tables); !slices.Equal(got, []string{"a", "b", "c"}) {
		t.Errorf("after the retry there are tables %v, want a, b and c", got)
	}
}

// An applied file was edited: nothing runs, change case 24. A reformat passes.
func TestChange24EditedFile(t *testing.T) {
	w := newWorld(t)
	w.is(w.work(w.start(w.rollout(files("CREATE TABLE a (id int PRIMARY KEY);")), "test")), slipway.Done)

	edited := w.work(w.start(w.rollout(files("CREATE TABLE a (id int PRIMARY KEY, x int);", "CREATE TABLE b (id int PRIMARY KEY);")), "test"))
	w.is(edited, slipway.Failed)
	if !strings.Contains(edited.Detail, "applied file has been modified") || edited.Failure.Path != "migrations/1_x.sql" {
		t.Errorf("detail is %q and failure %+v", edited.Detail, edited.Failure)
	}
	if got := w.query(0, `SELECT name FROM sqlite_master WHERE name = 'b'`); len(got) != 0 {
		t.Error("a file ran beside an edited one")
	}

	w.is(w.work(w.start(w.rollout(files("-- now with a comment\nCREATE  TABLE a (id int PRIMARY KEY);\n", "CREATE TABLE b (id int PRIMARY KEY);")), "test")), slipway.Done)
}

func TestChange45TargetMoved(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	ro := w.rollout(files("CREATE TABLE a (id int PRIMARY KEY);"))
	run := w.start(ro, "test")
	d, err := w.st.Database(ctx, run.Task.Target)
	must(t, err)
	d.Environment = "prod"
	must(t, w.put(d))
	run = w.work(run)
	w.is(run, slipway.Failed)
	if !strings.Contains(run.Detail, "moved") {
		t.Errorf("detail is %q, want that the database moved", run.Detail)
	}
	d.Environment, d.Project = "", slipway.DefaultProject
	must(t, w.put(d))
	run = w.work(w.start(ro, "test"))
	w.is(run, slipway.Failed)
	if got := w.query(0, `SELECT name FROM sqlite_master`); len(got) != 0 {
		t.Errorf("something was made in a database of another project: %v", got)
	}
}

func TestSkip(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	ro := w.rollout(files("CREATE TABLE a (id int PRIMARY KEY);"))
	tasks := rollout.Tasks{Project: "shop", Plan: ro.Plan, Stage: "test", IDs: []int64{ro.Stages[0].Tasks[0].ID}}
	for reason, kind := range map[string]slipway.Kind{"": slipway.Invalid, strings.Repeat("x", 1001): slipway.Invalid} {
		if err := w.rollouts.SkipTasks(ctx, admin, tasks, reason); err == nil || slipway.KindOf(err) != kind {
			t.Errorf("a reason of %d characters: %v, want kind %v", len(reason), err, kind)
		}
	}
	robot := slipway.Principal{Kind: slipway.ServiceAccountKind, Email: "deploy@" + slipway.ServiceAccountDomain}
	for _, who := range []slipway.Principal{pipeline, robot} {
		if err := w.rollouts.SkipTasks(ctx, who, tasks, "in a hurry"); slipway.KindOf(err) != slipway.Denied || !strings.Contains(slipway.MessageOf(err), "for people") {
			t.Errorf("skipping by %s: %v, want Denied since it is for people", who.Member(), err)
		}
	}
	must(t, w.rollouts.SkipTasks(ctx, admin, tasks, "done by hand"))
	if err := w.rollouts.RunTasks(ctx, pipeline, tasks, time.Time{}); slipway.KindOf(err) != slipway.Precondition {
		t.Errorf("running a skipped task: %v, want Precondition", err)
	}
	w.is(w.work(w.start(ro, "prod")), slipway.Done)
}

func TestStrangers(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	ro := w.rollout(files("CREATE TABLE a (id int PRIMARY KEY);"))
	tasks := rollout.Tasks{Project: "shop", Plan: ro.Plan, Stage: "test", IDs: []int64{ro.Stages[0].Tasks[0].ID}}
	rel := slipway.Release{Project: "shop", ID: "r"}
	calls := map[string]func(who slipway.Principal) error{
		"plan": func(who slipway.Principal) error {
			_, _, err := w.rollouts.CreatePlan(ctx, who, w.plan(rel))
			return err
		},
		"read": func(who slipway.Principal) error { _, err := w.rollouts.Rollout(ctx, who, "shop", ro.Plan); return err },
		"rollout": func(who slipway.Principal) error {
			_, err := w.rollouts.CreateRollout(ctx, who, "shop", ro.Plan, "")
			return err
		},
		"run":  func(who slipway.Principal) error { return w.rollouts.RunTasks(ctx, who, tasks, time.Time{}) },
		"skip": func(who slipway.Principal) error { return w.rollouts.SkipTasks(ctx, who, tasks, "because") },
		"cancel": func(who slipway.Principal) error {
			return w.rollouts.CancelRuns(ctx, who, rollout.Scope{Project: "shop", Plan: ro.Plan}, []int64{1})
		},
		"log": func(who slipway.Principal) error {
			_, err := w.rollouts.Log(ctx, who, rollout.Scope{Project: "shop", Plan: ro.Plan}, 1)
			return err
		},
		"baseline": func(who slipway.Principal) error {
			_, err := w.rollouts.Baseline(ctx, who, rollout.Place{DatabaseRef: ro.Stages[0].Tasks[0].Target}, nil)
			return err
		},
	}
	for name, call := range calls {
		if err := call(stranger); slipway.KindOf(err) != slipway.Denied {
			t.Errorf("%s by somebody without a role: %v, want Denied", name, err)
		}
		if err := call(slipway.Principal{}); slipway.KindOf(err) != slipway.Unauthenticated {
			t.Errorf("%s by nobody: %v, want Unauthenticated", name, err)
		}
	}
	// A pipeline is no owner: what is applied is not for it to change.
	if err := calls["baseline"](pipeline); slipway.KindOf(err) != slipway.Denied {
		t.Errorf("a baseline by a pipeline: %v, want Denied", err)
	}
}

// A plan reaches the databases of its own project only, and the same words
// answer for a database of another project and for none.
func TestForeignTarget(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	rel, _, err := w.releases.Create(ctx, pipeline, release.Draft{Project: "shop", Files: files("SELECT 1;")})
	must(t, err)
	d, err := w.st.Database(ctx, slipway.DatabaseRef{Instance: "on-prod", Database: "shop"})
	must(t, err)
	d.Project = slipway.DefaultProject
	must(t, w.put(d))
	messages := map[string]bool{}
	for _, target := range []string{w.targets[1], "instances/on-prod/databases/none"} {
		_, _, err := w.rollouts.CreatePlan(ctx, pipeline, slipway.Plan{Project: "shop", Title: "x", Specs: []slipway.Spec{{Targets: []string{target}, Release: rel.Name()}}})
		if slipway.KindOf(err) != slipway.NotFound {
			t.Errorf("a plan for %s: %v, want NotFound", target, err)
		}
		messages[strings.ReplaceAll(slipway.MessageOf(err), target, "TARGET")] = true
	}
	if len(messages) != 1 {
		t.Errorf("the answers differ: %v", messages)
	}
}

// The whole machine: the queue wakes workers, and stopping ends them.
func TestRun(t *testing.T) {
	for name, st := range map[string]func(testing.TB) *store.Store{"SQLite": storetest.SQLite, "PostgreSQL": storetest.Postgres} {
		t.Run(name, func(t *testing.T) {
			w := newWorldOn(t, st(t), slipway.SQLite)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			done := make(chan error, 1)
			go func() { done <- w.rollouts.Run(ctx) }()
			ro := w.rollout(files("CREATE TABLE a (id int PRIMARY KEY);"))
			for _, env := range []string{"test", "prod"} {
				run := w.start(ro, env)
				w.is(w.await(run.ID, func(r slipway.TaskRun) bool { return !r.Status.Active() }), slipway.Done)
			}
			cancel()
			must(t, <-done)
		})
	}
}
