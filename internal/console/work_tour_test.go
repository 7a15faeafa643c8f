package console_test

import (
	"context"
	"database/sql"
	"path/filepath"
	"testing"
	"time"

	_ "modernc.org/sqlite"

	"slipway"
	"slipway/internal/iam"
	"slipway/internal/store"
)

// A yard is a world with changes in every state.
type yard struct {
	*world
	done, failed slipway.Rollout
}

// newYard makes a project whose last rollout is done in test and staging, and in
// prod one database is done, one failed, one runs and one has not begun.
func newYard(t testing.TB) yard {
	y := yard{world: newWorld(t)}
	ctx := t.Context()
	_, err := y.things.SetEnvironments(ctx, y.admin, []slipway.Environment{{ID: "test", Title: "Test"}, {ID: "staging", Title: "Staging"}, {ID: "prod", Title: "Prod"}}, false)
	y.must(err)
	y.project("shop")
	y.project("billing")
	refs := []slipway.DatabaseRef{y.database("test", "shop_dev", "shop")}
	refs = append(refs, y.more("test", "shop", "shop_qa")...)
	refs = append(refs, y.database("staging", "shop_stage", "shop"), y.database("prod", "shop_eu", "shop"))
	refs = append(refs, y.more("prod", "shop", "shop_us", "shop_ap", "shop_br")...)
	y.more("prod", slipway.DefaultProject, "warehouse")
	y.exec("prod", "shop_ap", "CREATE TABLE customer (id INTEGER PRIMARY KEY, email TEXT UNIQUE, status TEXT)")

	y.databaseGroup("shop", "all-prod", `resource.environment_id == "prod"`)
	y.databaseGroup("shop", "not-dev", `resource.environment_id != "test" && !resource.database_name.endsWith("_dev") && resource.database_labels["tier"] != "scratch"`)

	identity := y.identity("gitlab-deploy", "GitLab Deploy", y.trust())
	y.grant("projects/shop", iam.GitOpsServiceAgent, "workloadIdentity:"+identity)
	job := &slipway.Job{
		Issuer: "https://gitlab.com", ProjectPath: "my-group/my-project", ProjectID: "20", Ref: "main", RefType: "branch",
		SHA: "714a629c0b401fdce83e847fc9589983fc6f46bc", PipelineID: "574", JobID: "302", UserLogin: "dev", Source: "push",
	}
	pipeline := slipway.Principal{Kind: slipway.WorkloadIdentityKind, Email: identity, Job: job}

	y.done = y.rolloutBy(pipeline, "shop", map[string]string{"migrations/000_settings.sql": "CREATE TABLE setting (\n  name TEXT PRIMARY KEY,\n  value TEXT NOT NULL\n);\nCREATE VIEW names AS SELECT name FROM setting;\n"}, refs[:3]...)
	y.run(y.done, "test")
	y.run(y.done, "staging")
	y.failed = y.rolloutBy(pipeline, "shop", map[string]string{
		"migrations/001_create_customer.sql": "-- Whoever buys something.\nCREATE TABLE IF NOT EXISTS customer (\n  id INTEGER PRIMARY KEY,\n  email TEXT UNIQUE\n);\nINSERT INTO customer (id, email) VALUES (1, 'ada@example.com'), (2, 'grace@example.com');\n",
		"migrations/002_add_status.sql":      "-- New customers begin here.\n\nALTER TABLE customer ADD COLUMN status TEXT NOT NULL DEFAULT 'new';\nCREATE INDEX customer_status ON customer (status);\n",
		"migrations/003_fill.sql":            "UPDATE customer SET status = 'known';\nDELETE FROM customer;\n",
	}, refs...)
	y.run(y.failed, "test")
	y.run(y.failed, "staging")
	for _, task := range y.failed.Stages[2].Tasks {
		switch task.Target.Database {
		case "shop_eu", "shop_ap":
			y.runOne(task)
		case "shop_us":
			y.underway(task)
		}
	}
	return y
}

func (y yard) must(err error) {
	y.t.Helper()
	if err != nil {
		y.t.Fatal(err)
	}
}

// exec runs SQL in a database behind the console's back.
func (w *world) exec(env, name, text string) {
	w.t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(w.root, env, name+".db"))
	if err != nil {
		w.t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(w.t.Context(), text); err != nil {
		w.t.Fatal(err)
	}
}

// runOne has one task run to its end.
func (y yard) runOne(task slipway.Task) {
	y.t.Helper()
	y.must(y.st.Update(y.t.Context(), func(tx *store.Tx) error {
		run, err := tx.CreateTaskRun(y.t.Context(), slipway.TaskRun{Task: task, Creator: y.admin.Name()})
		task.ID = run.ID
		return err
	}))
	y.must(y.rollouts.Work(y.t.Context(), task.ID))
}

// underway makes a run of task that somebody works at, as it looks in the middle
// of its second file.
func (y yard) underway(task slipway.Task) {
	y.t.Helper()
	ctx := y.t.Context()
	y.must(y.st.Update(ctx, func(tx *store.Tx) error {
		run, err := tx.CreateTaskRun(ctx, slipway.TaskRun{Task: task, Creator: y.admin.Name()})
		if err != nil {
			return err
		}
		if run, _, err = tx.ClaimTaskRun(ctx, run.ID, "elsewhere", time.Now().Add(time.Hour)); err != nil {
			return err
		}
		if err := tx.SetProgress(ctx, run.ID, run.Lease.Fence, 2, 3); err != nil {
			return err
		}
		return y.log(ctx, tx, run.ID)
	}))
}

func (y yard) log(ctx context.Context, tx *store.Tx, run int64) error {
	at := time.Now().UTC()
	entry := func(ms int, e slipway.LogEntry) slipway.LogEntry {
		e.Time = at.Add(time.Duration(ms) * time.Millisecond)
		if e.Statement != nil {
			e.Statement.Ended = e.Time
		}
		return e
	}
	return tx.AddLog(ctx, run, []slipway.LogEntry{
		entry(1, slipway.LogEntry{File: &slipway.FileLog{Version: "003", Path: "migrations/003_fill.sql"}}),
		entry(2, slipway.LogEntry{Control: &slipway.ControlLog{Type: "BEGIN"}}),
		entry(842, slipway.LogEntry{Statement: &slipway.StatementLog{End: 37, Text: "UPDATE customer SET status = 'known'", Rows: 48210}}),
	})
}

// Every page of the section Work, looked at.
func TestTourOfWork(t *testing.T) {
	y := newYard(t)
	b := y.tab(t, adminEmail)
	rel := y.failed.Stages[0].Tasks[0].Release
	shop, ro := "/projects/shop", "/projects/shop/rollouts/2"
	db := shop + "/databases/test/shop_dev"
	for _, p := range []struct{ name, at, see string }{
		{"projects", "/projects", "Billing"},
		{"project-new", "/projects/new", "Project ID"},
		{"project-fresh", "/projects/billing", "Nothing here yet"},
		{"project", shop, "Latest rollouts"},
		{"project-databases", shop + "/databases", "shop_stage"},
		{"project-take-over", shop + "/databases/take-over", "warehouse"},
		{"project-groups", shop + "/database-groups", "not-dev"},
		{"project-groups-empty", "/projects/billing/database-groups", "No database group yet"},
		{"project-group-new", shop + "/database-groups/new", "Group ID"},
		{"project-group", shop + "/database-groups/all-prod", "stands for 4 databases"},
		{"project-group-delete", shop + "/database-groups/all-prod/delete", "Its databases stay"},
		{"project-releases", shop + "/releases", "Verified pipeline"},
		{"release", "/" + rel, "Whoever buys something"},
		{"release-check-asked", "/" + rel + "/check", "Nothing is checked yet"},
		{"release-check", "/" + rel + "/check?environment=prod", "Outcome"},
		{"project-rollouts", shop + "/rollouts", "failed"},
		{"rollouts", "/rollouts", "failed"},
		{"rollout", ro, "duplicate column name"},
		{"rollout-running", ro + "?stage=prod&state=active", "now"},
		{"rollout-done", ro + "?stage=test", "Done"},
		{"rollout-retry", ro + "/retry?stage=prod", "Another attempt"},
		{"rollout-skip", ro + "/skip?stage=prod", "Reason"},
		{"project-gitops", shop + "/gitops", "slipway rollout"},
		{"project-gitops-empty", "/projects/billing/gitops", "Not yet"},
		{"project-settings", shop + "/settings", "Databases at a time"},
		{"project-delete", shop + "/delete", "Delete Shop?"},
		{"project-members", shop + "/members", "Grant Access"},
		{"project-grant", shop + "/members/grant", "Confirm"},
		{"instances", "/instances", "SQLite prod"},
		{"instance-new", "/instances/new", "Test connection"},
		{"instance", "/instances/prod", "warehouse"},
		{"instance-edit", "/instances/prod/edit", "Folder"},
		{"database", db, "Against the latest release"},
		{"database-edit", db + "/edit", "As its instance"},
		{"database-schema", db + "/schema", "customer_status"},
		{"database-schema-sql", db + "/schema?as=sql", "CREATE TABLE"},
		{"database-revisions", db + "/revisions", "001_create_customer.sql"},
		{"database-changes", db + "/changes", "Done"},
	} {
		t.Run(p.name, func(t *testing.T) {
			b.t = t
			b.open(p.at)
			b.see(p.see)
			b.look("work-" + p.name)
		})
	}
}
