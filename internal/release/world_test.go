package release_test

import (
	"database/sql"
	"os"
	"path/filepath"
	"testing"
	"time"

	_ "modernc.org/sqlite"

	"slipway"
	"slipway/internal/engine"
	"slipway/internal/engine/sqlite"
	"slipway/internal/gate"
	"slipway/internal/iam"
	"slipway/internal/inventory"
	"slipway/internal/release"
	"slipway/internal/store"
	"slipway/internal/storetest"
)

var (
	admin    = slipway.Principal{Kind: slipway.UserKind, Email: "admin@example.com"}
	pipeline = slipway.Principal{Kind: slipway.WorkloadIdentityKind, Email: "deploy@" + slipway.WorkloadIdentityDomain}
	stranger = slipway.Principal{Kind: slipway.WorkloadIdentityKind, Email: "fork@" + slipway.WorkloadIdentityDomain}
)

// A world is a project "shop" with SQLite databases "a" and "b".
type world struct {
	t        *testing.T
	st       *store.Store
	engine   engine.Engine
	inv      *inventory.Service
	releases *release.Service
	folder   string
	now      time.Time
}

func newWorld(t *testing.T, st *store.Store) *world {
	t.Helper()
	ctx, lg := t.Context(), storetest.Log(t)
	w := &world{t: t, st: st, folder: t.TempDir(), now: time.Date(2026, 11, 22, 23, 30, 0, 0, time.UTC)}
	g := gate.New(lg, st, nil)
	w.engine = sqlite.New(lg, sqlite.Config{})
	engines := map[slipway.Engine]engine.Engine{slipway.SQLite: w.engine}
	w.inv = inventory.New(lg, st, g, engines, inventory.Config{SQLiteRoots: []string{w.folder}})
	w.releases = release.New(lg, st, g, engines, release.Config{Now: func() time.Time { return w.now }})
	must(t, w.inv.Prepare(ctx))
	must(t, st.Update(ctx, func(tx *store.Tx) error {
		_, err := tx.SetPolicy(ctx, slipway.WorkspaceName, slipway.Policy{Bindings: []slipway.Binding{{Role: iam.WorkspaceAdmin, Members: []string{admin.Member()}}}})
		return err
	}))
	_, err := w.inv.CreateProject(ctx, admin, slipway.Project{ID: "shop", Title: "Shop"})
	must(t, err)
	must(t, st.Update(ctx, func(tx *store.Tx) error {
		_, err := tx.SetPolicy(ctx, "projects/shop", slipway.Policy{Bindings: []slipway.Binding{{Role: iam.GitOpsServiceAgent, Members: []string{pipeline.Member()}}}})
		return err
	}))
	w.exec("a", "CREATE TABLE old (id int PRIMARY KEY)")
	w.exec("b", "CREATE TABLE old (id int PRIMARY KEY)")
	_, err = w.inv.CreateInstance(ctx, admin, slipway.Instance{
		ID: "lite", Title: "Lite", Engine: slipway.SQLite, Environment: "test",
		Sources: []slipway.Source{{ID: "admin", Type: slipway.AdminSource, Host: w.folder}},
	}, false)
	must(t, err)
	for _, name := range []string{"a", "b"} {
		_, err = w.inv.UpdateDatabases(ctx, admin, []inventory.DatabasePatch{{
			At: inventory.Place{DatabaseRef: slipway.DatabaseRef{Instance: "lite", Database: name}}, Project: new("shop"),
		}})
		must(t, err)
	}
	return w
}

// exec runs SQL in a database of the folder, which it makes if need be.
func (w *world) exec(name, text string) {
	w.t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(w.folder, name+".db"))
	must(w.t, err)
	defer db.Close()
	_, err = db.ExecContext(w.t.Context(), text)
	must(w.t, err)
}

// applied records a file as applied to a database.
func (w *world) applied(name string, f slipway.File, sha, textSHA string) {
	w.t.Helper()
	must(w.t, w.engine.Baseline(w.t.Context(), slipway.Source{Host: w.folder}, name, []slipway.Revision{{
		ID: name + f.Version, Version: f.Version, Path: f.Path, SHA256: sha, TextSHA: textSHA, Applied: w.now,
	}}))
}

func (w *world) remove(name string) {
	w.t.Helper()
	must(w.t, os.Remove(filepath.Join(w.folder, name+".db")))
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func file(path, content string) slipway.File {
	return slipway.File{Path: path, Statement: []byte(content)}
}
