package rollout_test

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	_ "modernc.org/sqlite"

	"slipway"
	"slipway/internal/dbtest"
	"slipway/internal/engine"
	"slipway/internal/engine/postgres"
	"slipway/internal/engine/sqlite"
	"slipway/internal/gate"
	"slipway/internal/iam"
	"slipway/internal/inventory"
	"slipway/internal/release"
	"slipway/internal/rollout"
	"slipway/internal/store"
	"slipway/internal/storetest"
)

// The actors: an administrator, a pipeline of the project and somebody else's.
var (
	admin    = slipway.Principal{Kind: slipway.UserKind, Email: "admin@example.com"}
	pipeline = slipway.Principal{Kind: slipway.WorkloadIdentityKind, Email: "deploy@" + slipway.WorkloadIdentityDomain, Job: &slipway.Job{Issuer: "https://gitlab.test", ProjectID: "7", PipelineID: "1"}}
	stranger = slipway.Principal{Kind: slipway.WorkloadIdentityKind, Email: "fork@" + slipway.WorkloadIdentityDomain}
)

// A world is a project "shop" with environments test and prod and a database
// in each, on real engines.
type world struct {
	t        *testing.T
	st       *store.Store
	engines  map[slipway.Engine]engine.Engine
	gate     *gate.Gate
	releases *release.Service
	rollouts *rollout.Service
	targets  []string // of test and of prod
	query    func(target int, sql string) []string
}

// newWorld makes a world on SQLite databases; the store is one too.
func newWorld(t *testing.T) *world { return newWorldOn(t, storetest.SQLite(t), slipway.SQLite) }

func newWorldOn(t *testing.T, st *store.Store, kind slipway.Engine) *world {
	t.Helper()
	ctx, lg := t.Context(), storetest.Log(t)
	w := &world{t: t, st: st, gate: gate.New(lg, st, nil)}
	w.engines = map[slipway.Engine]engine.Engine{
		slipway.SQLite:   sqlite.New(lg, sqlite.Config{LockWait: time.Millisecond}),
		slipway.Postgres: postgres.New(lg, postgres.Config{LockWait: time.Millisecond}),
	}
	root := t.TempDir()
	inv := inventory.New(lg, st, w.gate, w.engines, inventory.Config{SQLiteRoots: []string{root}})
	must(t, inv.Prepare(ctx))
	must(t, st.Update(ctx, func(tx *store.Tx) error {
		_, err := tx.SetPolicy(ctx, slipway.WorkspaceName, slipway.Policy{Bindings: []slipway.Binding{{Role: iam.WorkspaceAdmin, Members: []string{admin.Member()}}}})
		return err
	}))
	_, err := inv.CreateProject(ctx, admin, slipway.Project{ID: "shop", Title: "Shop"})
	must(t, err)
	must(t, st.Update(ctx, func(tx *store.Tx) error {
		_, err := tx.SetPolicy(ctx, "projects/shop", slipway.Policy{Bindings: []slipway.Binding{{Role: iam.GitOpsServiceAgent, Members: []string{pipeline.Member(), "serviceAccount:deploy@" + slipway.ServiceAccountDomain}}}})
		return err
	}))
	for _, env := range []string{"test", "prod"} {
		source, name, query := database(t, kind, root, env)
		_, err := inv.CreateInstance(ctx, admin, slipway.Instance{
			ID: "on-" + env, Title: env, Engine: kind, Environment: env, Sources: []slipway.Source{source},
		}, false)
		must(t, err)
		ref := slipway.DatabaseRef{Instance: "on-" + env, Database: name}
		_, err = inv.UpdateDatabases(ctx, admin, []inventory.DatabasePatch{{At: inventory.Place{DatabaseRef: ref}, Project: new("shop")}})
		must(t, err)
		w.targets = append(w.targets, ref.Name())
		prev := w.query
		n := len(w.targets) - 1
		w.query = func(target int, sql string) []string {
			if target == n {
				return query(sql)
			}
			return prev(target, sql)
		}
	}
	w.releases = release.New(lg, st, w.gate, w.engines, release.Config{})
	w.rollouts = w.service("replica-1")
	return w
}

// service returns another server process on the same store.
func (w *world) service(replica string) *rollout.Service {
	return w.serviceWith(rollout.Config{Replica: replica, LockWait: 200 * time.Millisecond})
}

func (w *world) serviceWith(cfg rollout.Config) *rollout.Service {
	cfg.Watch, cfg.Backoff, cfg.Renew, cfg.Sweep, cfg.Drain = time.Millisecond, time.Millisecond, 20*time.Millisecond, 10*time.Millisecond, time.Minute
	return rollout.New(storetest.Log(w.t), w.st, w.gate, w.engines, cfg)
}

// database makes an empty database and returns how to reach it.
func database(t *testing.T, kind slipway.Engine, root, env string) (slipway.Source, string, func(string) []string) {
	if kind == slipway.Postgres {
		pg := dbtest.Postgres(t)
		return pg.Source, pg.Name, func(text string) []string {
			var list []string
			for _, row := range dbtest.Query(t, pg.URL, text) {
				list = append(list, row[0])
			}
			return list
		}
	}
	folder := filepath.Join(root, env)
	must(t, os.MkdirAll(folder, 0o700))
	file := filepath.Join(folder, "shop.db")
	db, err := sql.Open("sqlite", (&url.URL{Scheme: "file", OmitHost: true, Path: file}).String()+"?_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)")
	must(t, err)
	t.Cleanup(func() { db.Close() })
	must(t, db.Ping())
	query := func(text string) []string {
		rows, err := db.QueryContext(context.WithoutCancel(t.Context()), text)
		must(t, err)
		defer rows.Close()
		var list []string
		for rows.Next() {
			var v string
			must(t, rows.Scan(&v))
			list = append(list, v)
		}
		must(t, rows.Err())
		return list
	}
	query(`SELECT 1`)
	return slipway.Source{ID: "admin", Type: slipway.AdminSource, Host: folder}, "shop", query
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// files returns files of the given contents, versions 1, 2 …
func files(contents ...string) []slipway.File {
	var list []slipway.File
	for i, c := range contents {
		list = append(list, slipway.File{Path: fmt.Sprintf("migrations/%d_x.sql", i+1), Statement: []byte(c)})
	}
	return list
}

// rollout makes a release of the files, a plan for both targets and its rollout.
func (w *world) rollout(f []slipway.File) slipway.Rollout {
	w.t.Helper()
	ctx := w.t.Context()
	rel, _, err := w.releases.Create(ctx, pipeline, release.Draft{Project: "shop", Files: f})
	must(w.t, err)
	p, _, err := w.rollouts.CreatePlan(ctx, pipeline, w.plan(rel))
	must(w.t, err)
	ro, err := w.rollouts.CreateRollout(ctx, pipeline, "shop", p.ID, "")
	must(w.t, err)
	return ro
}

func (w *world) plan(rel slipway.Release) slipway.Plan {
	return slipway.Plan{Project: "shop", Title: rel.ID, Specs: []slipway.Spec{{Targets: slices.Clone(w.targets), Release: rel.Name()}}}
}

// start has a stage run and returns its one run, pending.
func (w *world) start(ro slipway.Rollout, env string) slipway.TaskRun {
	w.t.Helper()
	ctx := w.t.Context()
	for _, st := range ro.Stages {
		if st.Environment == env {
			must(w.t, w.rollouts.RunTasks(ctx, pipeline, rollout.Tasks{Project: "shop", Plan: ro.Plan, Stage: env, IDs: []int64{st.Tasks[0].ID}}, time.Time{}))
		}
	}
	runs, err := w.rollouts.TaskRuns(ctx, pipeline, rollout.Scope{Project: "shop", Plan: ro.Plan, Stage: env})
	must(w.t, err)
	return runs[0]
}

// work carries a run out here and now and returns it as it stands then.
func (w *world) work(run slipway.TaskRun) slipway.TaskRun {
	w.t.Helper()
	must(w.t, w.rollouts.Work(w.t.Context(), run.ID))
	return w.run(run.ID)
}

func (w *world) run(id int64) slipway.TaskRun {
	w.t.Helper()
	run, err := w.st.TaskRun(w.t.Context(), id)
	must(w.t, err)
	return run
}

// is fails the test unless run has the status.
func (w *world) is(run slipway.TaskRun, want slipway.Status) {
	w.t.Helper()
	if run.Status != want {
		w.t.Fatalf("%s is %s (%s), want %s", run.Name(), run.Status, run.Detail, want)
	}
}
