package console_test

import (
	"os"
	"path/filepath"
	"time"

	"slipway"
	"slipway/internal/inventory"
	"slipway/internal/release"
	"slipway/internal/rollout"
)

// workRounds are the rounds of workRoutes. Plan 1 is under way, plan 2 is over.
var workRounds = map[string]round{
	"GET /projects":           {admin: 200, viewer: 200},
	"GET /switch":             {at: "/switch?from=shop&to=databases", admin: 200, viewer: 200},
	"GET /projects/new":       {admin: 200, viewer: 403},
	"POST /projects/new":      {admin: 400, viewer: 403},
	"GET /projects/{project}": {at: "/projects/shop", admin: 200, viewer: 200},

	"GET /projects/{project}/databases":            {at: "/projects/shop/databases", admin: 200, viewer: 200},
	"GET /projects/{project}/databases/take-over":  {at: "/projects/shop/databases/take-over", admin: 200, viewer: 403},
	"POST /projects/{project}/databases/take-over": {at: "/projects/shop/databases/take-over", admin: 400, viewer: 403},

	"GET /projects/{project}/databases/{instance}/{database}":           {at: shopDB, admin: 200, viewer: 200},
	"GET /projects/{project}/databases/{instance}/{database}/schema":    {at: shopDB + "/schema", admin: 200, viewer: 200},
	"GET /projects/{project}/databases/{instance}/{database}/revisions": {at: shopDB + "/revisions", admin: 200, viewer: 200},
	"GET /projects/{project}/databases/{instance}/{database}/changes":   {at: shopDB + "/changes", admin: 200, viewer: 200},
	"GET /projects/{project}/databases/{instance}/{database}/edit":      {at: shopDB + "/edit", admin: 200, viewer: 403},
	"POST /projects/{project}/databases/{instance}/{database}/edit":     {at: shopDB + "/edit", admin: 303, viewer: 403},
	"POST /projects/{project}/databases/{instance}/{database}/sync":     {at: shopDB + "/sync", admin: 303, viewer: 403},

	"GET /projects/{project}/database-groups":                 {at: "/projects/shop/database-groups", admin: 200, viewer: 200},
	"GET /projects/{project}/database-groups/new":             {at: "/projects/shop/database-groups/new", admin: 200, viewer: 403},
	"POST /projects/{project}/database-groups/new":            {at: "/projects/shop/database-groups/new", admin: 400, viewer: 403},
	"POST /projects/{project}/database-groups/preview":        {at: "/projects/shop/database-groups/preview", admin: 200, viewer: 200},
	"GET /projects/{project}/database-groups/{group}":         {at: "/projects/shop/database-groups/all", admin: 200, viewer: 403},
	"POST /projects/{project}/database-groups/{group}":        {at: "/projects/shop/database-groups/all", admin: 400, viewer: 403},
	"GET /projects/{project}/database-groups/{group}/delete":  {at: "/projects/shop/database-groups/none/delete", admin: 200, viewer: 403},
	"POST /projects/{project}/database-groups/{group}/delete": {at: "/projects/shop/database-groups/none/delete", admin: 404, viewer: 403},

	"GET /projects/{project}/releases":                 {at: "/projects/shop/releases", admin: 200, viewer: 200},
	"GET /projects/{project}/releases/{release}":       {at: "/projects/shop/releases/none", admin: 404, viewer: 404},
	"GET /projects/{project}/releases/{release}/check": {at: "/projects/shop/releases/none/check", admin: 404, viewer: 403},
	"GET /projects/{project}/sheets/{sha}":             {at: "/projects/shop/sheets/none", admin: 404, viewer: 404},

	"GET /rollouts":                                          {admin: 200, viewer: 200},
	"GET /projects/{project}/rollouts":                       {at: "/projects/shop/rollouts", admin: 200, viewer: 200},
	"GET /projects/{project}/rollouts/{plan}":                {at: "/projects/shop/rollouts/1", admin: 200, viewer: 200},
	"GET /projects/{project}/rollouts/{plan}/events":         {at: "/projects/shop/rollouts/2/events", admin: 200, viewer: 200},
	"GET /projects/{project}/rollouts/{plan}/runs/{run}/log": {at: "/projects/shop/rollouts/1/runs/99/log", admin: 404, viewer: 404},
	"GET /projects/{project}/rollouts/{plan}/{act}":          {at: "/projects/shop/rollouts/1/run?stage=test", admin: 200, viewer: 403},
	"POST /projects/{project}/rollouts/{plan}/{act}":         {at: "/projects/shop/rollouts/1/skip?stage=test", admin: 400, viewer: 403},

	"GET /projects/{project}/gitops":          {at: "/projects/shop/gitops", admin: 200, viewer: 200},
	"GET /projects/{project}/settings":        {at: "/projects/shop/settings", admin: 200, viewer: 200},
	"POST /projects/{project}/settings":       {at: "/projects/shop/settings", admin: 400, viewer: 403},
	"GET /projects/{project}/delete":          {at: "/projects/spare/delete", admin: 200, viewer: 403},
	"POST /projects/{project}/delete":         {at: "/projects/spare/delete", admin: 303, viewer: 403},
	"POST /projects/{project}/restore":        {at: "/projects/spare/restore", admin: 303, viewer: 403},
	"GET /projects/{project}/members":         {at: "/projects/shop/members", admin: 200, viewer: 200},
	"GET /projects/{project}/members/grant":   {at: "/projects/shop/members/grant", admin: 200, viewer: 403},
	"POST /projects/{project}/members/grant":  {at: "/projects/shop/members/grant", admin: 400, viewer: 403},
	"GET /projects/{project}/members/revoke":  {at: "/projects/shop/members/revoke?role=roles/projectViewer&member=user:zoe@example.com", admin: 200, viewer: 403},
	"POST /projects/{project}/members/revoke": {at: "/projects/shop/members/revoke?role=roles/projectViewer&member=user:zoe@example.com", admin: 404, viewer: 403},

	"GET /instances":                     {admin: 200, viewer: 403},
	"GET /instances/new":                 {admin: 200, viewer: 403},
	"POST /instances/new":                {admin: 400, viewer: 403},
	"GET /instances/{instance}":          {at: "/instances/test", admin: 200, viewer: 403},
	"GET /instances/{instance}/edit":     {at: "/instances/test/edit", admin: 200, viewer: 403},
	"POST /instances/{instance}/edit":    {at: "/instances/test/edit", admin: 400, viewer: 403},
	"POST /instances/{instance}/sync":    {at: "/instances/test/sync", admin: 303, viewer: 403},
	"GET /instances/{instance}/delete":   {at: "/instances/prod/delete", admin: 200, viewer: 403},
	"POST /instances/{instance}/delete":  {at: "/instances/prod/delete", admin: 303, viewer: 403},
	"POST /instances/{instance}/restore": {at: "/instances/prod/restore", admin: 303, viewer: 403},
}

const shopDB = "/projects/shop/databases/test/shop"

// furnishWork makes what URLs of workRounds name.
func furnishWork(w *world) {
	w.t.Helper()
	w.project("spare")
	ref := w.database("test", "shop", "shop")
	w.database("prod", "other", slipway.DefaultProject)
	w.databaseGroup("shop", "all", "true")
	first := w.rollout("shop", map[string]string{"001_a.sql": "CREATE TABLE a (id INTEGER PRIMARY KEY);"}, ref)
	second := w.rollout("shop", map[string]string{"001_b.sql": "CREATE TABLE b (id INTEGER PRIMARY KEY);"}, ref)
	if first.Plan != 1 || second.Plan != 2 {
		w.t.Fatalf("the plans are %d and %d, workRounds says 1 and 2", first.Plan, second.Plan)
	}
	over := rollout.Tasks{Project: "shop", Plan: 2, Stage: "test", IDs: []int64{second.Stages[0].Tasks[0].ID}}
	if err := w.rollouts.SkipTasks(w.t.Context(), w.admin, over, "not needed"); err != nil {
		w.t.Fatal(err)
	}
}

// databaseGroup makes a database group of a project.
func (w *world) databaseGroup(project, id, expr string) {
	w.t.Helper()
	_, err := w.things.CreateDatabaseGroup(w.t.Context(), w.admin, slipway.DatabaseGroup{Project: project, ID: id, Expr: expr}, false)
	if err != nil {
		w.t.Fatal(err)
	}
}

// rollout makes a release of files, by path, and its rollout to databases of a
// project.
func (w *world) rollout(project string, files map[string]string, to ...slipway.DatabaseRef) slipway.Rollout {
	w.t.Helper()
	return w.rolloutBy(w.admin, project, files, to...)
}

func (w *world) rolloutBy(who slipway.Principal, project string, files map[string]string, to ...slipway.DatabaseRef) slipway.Rollout {
	w.t.Helper()
	ctx := w.t.Context()
	draft := release.Draft{Project: project}
	for path, text := range files {
		draft.Files = append(draft.Files, slipway.File{Path: path, Statement: []byte(text)})
	}
	rel, _, err := w.releases.Create(ctx, who, draft)
	if err != nil {
		w.t.Fatal(err)
	}
	spec := slipway.Spec{Release: rel.Name()}
	for _, ref := range to {
		spec.Targets = append(spec.Targets, ref.Name())
	}
	plan, _, err := w.rollouts.CreatePlan(ctx, who, slipway.Plan{Project: project, Title: rel.ID, Specs: []slipway.Spec{spec}})
	if err != nil {
		w.t.Fatal(err)
	}
	ro, err := w.rollouts.CreateRollout(ctx, who, project, plan.ID, "")
	if err != nil {
		w.t.Fatal(err)
	}
	return ro
}

// run has the tasks of a stage run to their ends, here and now.
func (w *world) run(ro slipway.Rollout, stage string) {
	w.t.Helper()
	ctx := w.t.Context()
	tasks := rollout.Tasks{Project: ro.Project, Plan: ro.Plan, Stage: stage}
	for _, s := range ro.Stages {
		for _, task := range s.Tasks {
			if s.Environment == stage {
				tasks.IDs = append(tasks.IDs, task.ID)
			}
		}
	}
	if err := w.rollouts.RunTasks(ctx, w.admin, tasks, time.Time{}); err != nil {
		w.t.Fatal(err)
	}
	w.work(ro, stage)
}

// work carries out the runs of a stage that wait.
func (w *world) work(ro slipway.Rollout, stage string) {
	w.t.Helper()
	runs, err := w.rollouts.TaskRuns(w.t.Context(), w.admin, rollout.Scope{Project: ro.Project, Plan: ro.Plan, Stage: stage})
	if err != nil {
		w.t.Fatal(err)
	}
	for _, run := range runs {
		if run.Status != slipway.Pending {
			continue
		}
		if err := w.rollouts.Work(w.t.Context(), run.ID); err != nil {
			w.t.Fatal(err)
		}
	}
}

// more makes further databases on the instance of an environment.
func (w *world) more(env, project string, names ...string) []slipway.DatabaseRef {
	w.t.Helper()
	var refs []slipway.DatabaseRef
	for _, name := range names {
		if err := os.WriteFile(filepath.Join(w.root, env, name+".db"), nil, 0o600); err != nil {
			w.t.Fatal(err)
		}
		refs = append(refs, slipway.DatabaseRef{Instance: env, Database: name})
	}
	if _, err := w.things.SyncInstance(w.t.Context(), w.admin, env); err != nil {
		w.t.Fatal(err)
	}
	w.take(project, refs...)
	return refs
}

// take has a project take over databases.
func (w *world) take(project string, refs ...slipway.DatabaseRef) {
	w.t.Helper()
	var patches []inventory.DatabasePatch
	for _, ref := range refs {
		patches = append(patches, inventory.DatabasePatch{At: inventory.Place{DatabaseRef: ref}, Project: &project})
	}
	if _, err := w.things.UpdateDatabases(w.t.Context(), w.admin, patches); err != nil {
		w.t.Fatal(err)
	}
}
