package console_test

import (
	"context"
	"database/sql"
	"net/http"
	"net/url"
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

// workScenes are the pages of the section Work, in the world of newYard.
var workScenes = []scene{
	{name: "projects", at: "/projects", see: "Billing"},
	{name: "project-new", at: "/projects/new", see: "Project ID"},
	{name: "project-fresh", at: "/projects/billing", see: "Nothing here yet"},
	{name: "project", at: "/projects/shop", see: "Latest rollouts"},
	{name: "project-databases", at: "/projects/shop/databases", see: "shop_stage"},
	{name: "project-take-over", at: "/projects/shop/databases/take-over", see: "warehouse"},
	{name: "project-groups", at: "/projects/shop/database-groups", see: "not-dev"},
	{name: "project-groups-empty", at: "/projects/billing/database-groups", see: "No database group yet"},
	{name: "project-group-new", at: "/projects/shop/database-groups/new", see: "Group ID"},
	{name: "project-group", at: "/projects/shop/database-groups/all-prod", see: "stands for 4 databases"},
	{name: "project-group-delete", at: "/projects/shop/database-groups/all-prod/delete", see: "Its databases stay"},
	{name: "project-releases", at: "/projects/shop/releases", see: "Verified pipeline"},
	{name: "release", at: "/projects/shop/releases/{release}", see: "Whoever buys something"},
	{name: "release-check-asked", at: "/projects/shop/releases/{release}/check", see: "Nothing is checked yet"},
	{name: "release-check", at: "/projects/shop/releases/{release}/check?environment=prod", see: "Outcome"},
	{name: "project-rollouts", at: "/projects/shop/rollouts", see: "failed"},
	{name: "rollouts", at: "/rollouts", see: "failed"},
	{name: "rollout", at: "/projects/shop/rollouts/2", see: "duplicate column name"},
	{name: "rollout-running", at: "/projects/shop/rollouts/2?stage=prod&state=active", see: "now"},
	{name: "rollout-done", at: "/projects/shop/rollouts/2?stage=test", see: "Done"},
	{name: "rollout-retry", at: "/projects/shop/rollouts/2/retry?stage=prod", see: "Another attempt"},
	{name: "rollout-skip", at: "/projects/shop/rollouts/2/skip?stage=prod", see: "Reason"},
	{name: "project-gitops", at: "/projects/shop/gitops", see: "slipway rollout"},
	{name: "project-gitops-empty", at: "/projects/billing/gitops", see: "Not yet"},
	{name: "project-settings", at: "/projects/shop/settings", see: "Databases at a time"},
	{name: "project-delete", at: "/projects/shop/delete", see: "Delete Shop?"},
	{name: "project-members", at: "/projects/shop/members", see: "Grant Access"},
	{name: "project-grant", at: "/projects/shop/members/grant", see: "Confirm"},
	{name: "instances", at: "/instances", see: "SQLite prod"},
	{name: "instance-new", at: "/instances/new", see: "Test connection"},
	{name: "instance", at: "/instances/prod", see: "warehouse"},
	{name: "instance-edit", at: "/instances/prod/edit", see: "Folder"},
	{name: "database", at: "/projects/shop/databases/test/shop_dev", see: "Against the latest release"},
	{name: "database-edit", at: "/projects/shop/databases/test/shop_dev/edit", see: "As its instance"},
	{name: "database-schema", at: "/projects/shop/databases/test/shop_dev/schema", see: "customer_status"},
	{name: "database-schema-sql", at: "/projects/shop/databases/test/shop_dev/schema?as=sql", see: "CREATE TABLE"},
	{name: "database-revisions", at: "/projects/shop/databases/test/shop_dev/revisions", see: "001_create_customer.sql"},
	{name: "database-changes", at: "/projects/shop/databases/test/shop_dev/changes", see: "Done"},
	{name: "projects-none", at: "/projects?q=nothing", see: "No project fits"},
	{name: "project-databases-empty", at: "/projects/billing/databases", see: "No database yet"},
	{name: "project-releases-empty", at: "/projects/billing/releases", see: "No release yet"},
	{name: "project-rollouts-empty", at: "/projects/billing/rollouts", see: "No rollout yet"},
	{name: "project-members-empty", at: "/projects/billing/members", see: "Grant Access"},
	{name: "project-revoke", at: "/projects/shop/members/revoke?role=roles/gitopsServiceAgent&member=workloadIdentity:gitlab-deploy@workload.bytebase.com", see: "Revoke GitOps Service Agent"},
	{name: "rollout-run", at: "/projects/shop/rollouts/2/run?stage=prod", see: "Run"},
	{name: "rollout-cancel", at: "/projects/shop/rollouts/2/cancel?stage=prod", see: "Cancel"},
	{name: "instance-delete", at: "/instances/prod/delete", see: "Delete SQLite prod?"},
	{name: "search", at: "/search?q=shop", see: "Databases"},
	{name: "search-nothing", at: "/search?q=nothing", see: "Nothing that you may see"},
	{name: "switch", at: "/switch?from=shop&to=databases", see: "Billing"},
	{
		name: "project-new-wrong", at: "/projects/new", see: "lower-case letters", press: "Confirm", status: http.StatusBadRequest,
		fill: url.Values{"id": {"My Project"}, "title": {"My project"}},
	},
	{
		name: "instance-new-wrong", at: "/instances/new", see: "lower-case letters", press: "Confirm", status: http.StatusBadRequest,
		fill: url.Values{"id": {"My Instance"}, "title": {"Production"}, "engine": {"POSTGRES"}, "host": {"db.internal"}},
	},
	{
		name: "project-group-new-wrong", at: "/projects/shop/database-groups/new", see: "Group ID", press: "Confirm", status: http.StatusBadRequest,
		fill: url.Values{"id": {"all prod"}, "expr": {"resource.environment_id = prod"}},
	},
	{name: "rollout-skip-wrong", at: "/projects/shop/rollouts/2/skip?stage=prod", see: "eason", press: "Skip", status: http.StatusBadRequest},
}
