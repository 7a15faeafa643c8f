package inventory_test

import (
	"database/sql"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	_ "modernc.org/sqlite"

	"slipway"
	"slipway/internal/dbtest"
	"slipway/internal/engine"
	"slipway/internal/engine/postgres"
	"slipway/internal/engine/sqlite"
	"slipway/internal/gate"
	"slipway/internal/iam"
	"slipway/internal/inventory"
	"slipway/internal/store"
	"slipway/internal/storetest"
)

var (
	admin    = slipway.Principal{Kind: slipway.UserKind, Email: "admin@example.com"}
	owner    = slipway.Principal{Kind: slipway.UserKind, Email: "owner@example.com"}
	stranger = slipway.Principal{Kind: slipway.UserKind, Email: "stranger@example.com"}
)

// A world has projects "shop", which owner owns, and "till", and a folder root
// for SQLite databases.
type world struct {
	t    *testing.T
	st   *store.Store
	inv  *inventory.Service
	root string
}

func newWorld(t *testing.T) *world {
	t.Helper()
	ctx, lg := t.Context(), storetest.Log(t)
	w := &world{t: t, st: storetest.SQLite(t), root: t.TempDir()}
	engines := map[slipway.Engine]engine.Engine{
		slipway.SQLite: sqlite.New(lg, sqlite.Config{}), slipway.Postgres: postgres.New(lg, postgres.Config{}),
	}
	w.inv = inventory.New(lg, w.st, gate.New(lg, w.st, nil), engines, inventory.Config{SQLiteRoots: []string{w.root}})
	must(t, w.inv.Prepare(ctx))
	w.policy(slipway.WorkspaceName, iam.WorkspaceAdmin, admin)
	for _, id := range []string{"shop", "till"} {
		_, err := w.inv.CreateProject(ctx, admin, slipway.Project{ID: id, Title: strings.ToUpper(id)})
		must(t, err)
	}
	w.policy("projects/shop", iam.ProjectOwner, owner)
	return w
}

func (w *world) policy(resource, role string, who slipway.Principal) {
	w.t.Helper()
	ctx := w.t.Context()
	must(w.t, w.st.Update(ctx, func(tx *store.Tx) error {
		_, err := tx.SetPolicy(ctx, resource, slipway.Policy{Bindings: []slipway.Binding{{Role: role, Members: []string{who.Member()}}}})
		return err
	}))
}

// file makes an empty database in a folder of the root.
func (w *world) file(folder, name string) string {
	w.t.Helper()
	dir := filepath.Join(w.root, folder)
	must(w.t, os.MkdirAll(dir, 0o700))
	db, err := sql.Open("sqlite", filepath.Join(dir, name+".db"))
	must(w.t, err)
	defer db.Close()
	_, err = db.ExecContext(w.t.Context(), "CREATE TABLE IF NOT EXISTS t (id int)")
	must(w.t, err)
	return dir
}

func lite(id, host string) slipway.Instance {
	return slipway.Instance{
		ID: id, Title: id, Engine: slipway.SQLite, Environment: "test",
		Sources: []slipway.Source{{ID: "admin", Type: slipway.AdminSource, Host: host}},
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// fails reports an error that is not of kind k with words that hold says.
func fails(t *testing.T, what string, err error, k slipway.Kind, says string) {
	t.Helper()
	if err == nil || slipway.KindOf(err) != k || !strings.Contains(slipway.MessageOf(err), says) {
		t.Errorf("%s: %v, want kind %v and words with %q", what, err, k, says)
	}
}

func TestProjects(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	p, err := w.st.Policy(ctx, "projects/till")
	must(t, err)
	if len(p.Bindings) != 1 || p.Bindings[0].Role != iam.ProjectOwner || !slices.Equal(p.Bindings[0].Members, []string{admin.Member()}) {
		t.Errorf("the creator of a project holds %+v, want ownership", p.Bindings)
	}
	_, err = w.inv.CreateProject(ctx, admin, slipway.Project{ID: "shop", Title: "Again"})
	fails(t, "an id that is taken", err, slipway.Exists, "shop")
	_, err = w.inv.CreateProject(ctx, admin, slipway.Project{ID: "Shop", Title: "x"})
	fails(t, "an id in upper case", err, slipway.Invalid, "lower-case")
	_, err = w.inv.CreateProject(ctx, owner, slipway.Project{ID: "mine", Title: "x"})
	fails(t, "a project by an owner of another", err, slipway.Denied, "bb.projects.create")

	list, _, err := w.inv.SearchProjects(ctx, owner, inventory.ProjectFilter{}, slipway.Page{})
	must(t, err)
	if len(list) != 1 || list[0].ID != "shop" {
		t.Errorf("the owner of shop sees %+v, want shop alone", list)
	}
	list, _, err = w.inv.SearchProjects(ctx, stranger, inventory.ProjectFilter{}, slipway.Page{})
	if err != nil || len(list) != 0 {
		t.Errorf("somebody without roles sees %+v, %v, want nothing", list, err)
	}
	_, _, err = w.inv.Projects(ctx, owner, inventory.ProjectFilter{}, slipway.Page{})
	fails(t, "the list of all", err, slipway.Denied, "bb.projects.list")

	got, err := w.inv.UpdateProject(ctx, owner, "shop", inventory.ProjectPatch{Title: new("The shop"), ParallelTasks: new(3)})
	must(t, err)
	if got.Title != "The shop" || got.ParallelTasks != 3 {
		t.Errorf("after the update: %+v", got)
	}
	_, err = w.inv.UpdateProject(ctx, owner, "till", inventory.ProjectPatch{Title: new("Mine")})
	fails(t, "another project", err, slipway.Denied, "projects/till")
	_, err = w.inv.UpdateProject(ctx, owner, "none", inventory.ProjectPatch{Title: new("Mine")})
	fails(t, "a project that is not there", err, slipway.Denied, "projects/none")

	must(t, w.inv.DeleteProject(ctx, owner, "shop"))
	_, err = w.inv.UpdateProject(ctx, owner, "shop", inventory.ProjectPatch{Title: new("x")})
	fails(t, "a deleted project", err, slipway.Precondition, "undelete")
	_, err = w.inv.UndeleteProject(ctx, owner, "shop")
	must(t, err)
	fails(t, "the default project", w.inv.DeleteProject(ctx, admin, slipway.DefaultProject), slipway.Precondition, "default")
}

func TestEnvironments(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	_, err := w.inv.CreateInstance(ctx, admin, lite("lite", w.file("x", "a")), false)
	must(t, err)
	list, err := w.inv.Environments(ctx, admin)
	must(t, err)
	if len(list) != 2 || list[0].ID != "test" || list[1].ID != "prod" {
		t.Errorf("a new workspace has %+v, want test and prod", list)
	}
	next := []slipway.Environment{{ID: "dev", Title: "Dev"}, {ID: "test", Title: "Test", Tags: map[string]string{"protected": "protected"}, Color: &slipway.Color{Red: 1}}}
	_, err = w.inv.SetEnvironments(ctx, admin, next, true)
	must(t, err)
	if list, _ = w.inv.Environments(ctx, admin); list[0].ID != "test" {
		t.Error("a dry run changed the environments")
	}
	_, err = w.inv.SetEnvironments(ctx, admin, next, false)
	must(t, err)
	must(t, w.inv.Prepare(ctx)) // the next start
	list, err = w.inv.Environments(ctx, admin)
	must(t, err)
	if diff := cmp.Diff(next, list); diff != "" {
		t.Errorf("environments (-want +got):\n%s", diff)
	}
	_, err = w.inv.SetEnvironments(ctx, admin, next[:1], false)
	fails(t, "dropping one in use", err, slipway.Precondition, "instances/lite is in it")
	_, err = w.inv.SetEnvironments(ctx, admin, []slipway.Environment{next[1], next[1]}, false)
	fails(t, "one twice", err, slipway.Invalid, "twice")
	_, err = w.inv.SetEnvironments(ctx, admin, nil, false)
	fails(t, "none", err, slipway.Invalid, "1 to")
	_, err = w.inv.SetEnvironments(ctx, owner, next, false)
	fails(t, "a project's owner", err, slipway.Denied, "bb.settings.set")
}

func TestChangeEnvironments(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	_, err := w.inv.CreateInstance(ctx, admin, lite("lite", w.file("x", "a")), false)
	must(t, err)
	swap := func(list []slipway.Environment) ([]slipway.Environment, error) {
		slices.Reverse(list)
		return list, nil
	}
	must(t, w.inv.ChangeEnvironments(ctx, admin, swap))
	list, err := w.inv.Environments(ctx, admin)
	must(t, err)
	if len(list) != 2 || list[0].ID != "prod" {
		t.Errorf("turned around: %+v", list)
	}
	drop := func(id string) func([]slipway.Environment) ([]slipway.Environment, error) {
		return func(list []slipway.Environment) ([]slipway.Environment, error) {
			return slices.DeleteFunc(list, func(e slipway.Environment) bool { return e.ID == id }), nil
		}
	}
	fails(t, "dropping one in use", w.inv.ChangeEnvironments(ctx, admin, drop("test")), slipway.Precondition, "instances/lite is in it")
	fails(t, "a project's owner", w.inv.ChangeEnvironments(ctx, owner, swap), slipway.Denied, "bb.settings.set")
	must(t, w.inv.ChangeEnvironments(ctx, admin, drop("prod")))

	refused := slipway.Errorf(slipway.Invalid, "no")
	err = w.inv.ChangeEnvironments(ctx, admin, func([]slipway.Environment) ([]slipway.Environment, error) { return nil, refused })
	fails(t, "a change that thinks better of it", err, slipway.Invalid, "no")
	if list, err = w.inv.Environments(ctx, admin); err != nil || len(list) != 1 || list[0].ID != "test" {
		t.Errorf("in the end: %+v, %v", list, err)
	}
}

// The server's own data is no database to change, wherever the roots are.
func TestOwnFolderIsNoInstance(t *testing.T) {
	w := newWorld(t)
	own := w.file("data", "slipway")
	below := w.file("data/databases/app", "a")
	must(t, os.Symlink(own, filepath.Join(w.root, "link")))
	engines := map[slipway.Engine]engine.Engine{slipway.SQLite: sqlite.New(storetest.Log(t), sqlite.Config{})}
	inv := inventory.New(storetest.Log(t), w.st, gate.New(storetest.Log(t), w.st, nil), engines, inventory.Config{
		SQLiteRoots: []string{w.root}, Own: own,
	})
	for reason, host := range map[string]string{
		"itself": own, "by a link": filepath.Join(w.root, "link"), "by a detour": below + "/../..",
	} {
		_, err := inv.CreateInstance(t.Context(), admin, lite("bad", host), true)
		fails(t, reason, err, slipway.Invalid, "is not one that this server may open")
	}
	_, err := inv.CreateInstance(t.Context(), admin, lite("good", below), true)
	must(t, err)

	// One that is not there, since all is on PostgreSQL, is in nobody's way.
	inv = inventory.New(storetest.Log(t), w.st, gate.New(storetest.Log(t), w.st, nil), engines, inventory.Config{
		SQLiteRoots: []string{w.root}, Own: filepath.Join(w.root, "none"),
	})
	_, err = inv.CreateInstance(t.Context(), admin, lite("good", below), true)
	must(t, err)
}

// Whoever makes instances must not reach files outside the operator's folders.
func TestSQLiteRoots(t *testing.T) {
	w := newWorld(t)
	inside, outside := w.file("in", "a"), t.TempDir()
	must(t, os.Symlink(outside, filepath.Join(w.root, "link")))
	must(t, os.WriteFile(filepath.Join(w.root, "plain"), nil, 0o600))
	for reason, host := range map[string]string{
		"another folder":          outside,
		"up and out":              inside + "/../../" + filepath.Base(outside),
		"a link that leads out":   filepath.Join(w.root, "link"),
		"a sibling by its prefix": w.root + "x",
		"the root of all":         "/",
		"a relative path":         "in",
		"a file":                  filepath.Join(w.root, "plain"),
		"nothing":                 filepath.Join(w.root, "none"),
	} {
		if _, err := w.inv.CreateInstance(t.Context(), admin, lite("bad", host), true); slipway.KindOf(err) != slipway.Invalid || err == nil {
			t.Errorf("%s, %s: %v, want Invalid", reason, host, err)
		}
	}
	if _, err := w.inv.CreateInstance(t.Context(), admin, lite("good", inside), true); err != nil {
		t.Errorf("a folder below the root: %v", err)
	}
	if _, err := w.st.Instance(t.Context(), "good"); slipway.KindOf(err) != slipway.NotFound {
		t.Errorf("a dry run kept the instance: %v", err)
	}
}

func TestInstanceLife(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	dir := w.file("x", "a")
	i, err := w.inv.CreateInstance(ctx, admin, lite("lite", dir), false)
	must(t, err)
	if i.Version == "" || i.Synced.IsZero() {
		t.Errorf("the instance is %+v, want its version and when it was synced", i)
	}
	_, err = w.inv.CreateInstance(ctx, admin, lite("lite", dir), false)
	fails(t, "an id that is taken", err, slipway.Exists, "lite")
	_, err = w.inv.CreateInstance(ctx, owner, lite("mine", dir), false)
	fails(t, "by a project's owner", err, slipway.Denied, "bb.instances.create")
	bad := lite("odd", dir)
	bad.Environment = "mars"
	_, err = w.inv.CreateInstance(ctx, admin, bad, false)
	fails(t, "an environment that is none", err, slipway.Invalid, `"mars"`)
	bad = lite("odd", dir)
	bad.Engine = "ORACLE"
	_, err = w.inv.CreateInstance(ctx, admin, bad, false)
	fails(t, "an engine that is none of ours", err, slipway.Invalid, "POSTGRES, SQLITE")

	at := inventory.Place{DatabaseRef: slipway.DatabaseRef{Instance: "lite", Database: "a"}}
	d, err := w.inv.Database(ctx, admin, at)
	must(t, err)
	if d.Project != slipway.DefaultProject || d.Effective() != "test" {
		t.Errorf("a new database is in %q and %q, want the default project and test", d.Project, d.Effective())
	}

	w.file("x", "b")
	must(t, os.Remove(filepath.Join(dir, "a.db")))
	names, err := w.inv.SyncInstance(ctx, admin, "lite")
	must(t, err)
	if !slices.Equal(names, []string{"b"}) {
		t.Errorf("after the sync there are %v, want b", names)
	}
	if d, err = w.inv.Database(ctx, admin, at); err != nil || !d.Deleted {
		t.Errorf("the database that vanished: %v, deleted %v", err, d.Deleted)
	}
	w.file("x", "a")
	_, err = w.inv.SyncInstance(ctx, admin, "lite")
	must(t, err)
	if d, err = w.inv.Database(ctx, admin, at); err != nil || d.Deleted {
		t.Errorf("the database that came back: %v, deleted %v", err, d.Deleted)
	}

	_, err = w.inv.UpdateDatabases(ctx, admin, []inventory.DatabasePatch{{At: at, Project: new("shop")}})
	must(t, err)
	fails(t, "deleting an instance in use", w.inv.DeleteInstance(ctx, admin, "lite", false), slipway.Precondition, `"shop"`)
	must(t, w.inv.DeleteInstance(ctx, admin, "lite", true))
	_, err = w.inv.SyncInstance(ctx, admin, "lite")
	fails(t, "a deleted instance", err, slipway.Precondition, "undelete")
	_, err = w.inv.UndeleteInstance(ctx, admin, "lite")
	must(t, err)
}

// A wrong password is said in words; a stored one is never sent elsewhere.
func TestPostgresCredentials(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	pg := dbtest.Postgres(t)
	role := pg.Name + "_r"
	dbtest.Exec(t, pg.AdminURL, "CREATE ROLE "+role+" LOGIN PASSWORD 'right'")
	t.Cleanup(func() { dbtest.Exec(t, pg.AdminURL, "DROP ROLE "+role) })
	src := pg.Source
	src.ID, src.Username, src.Password = "admin", role, "right"
	_, err := w.inv.CreateInstance(ctx, admin, slipway.Instance{ID: "pg", Title: "PG", Engine: slipway.Postgres, Sources: []slipway.Source{src}}, false)
	must(t, err)

	src.Port = "1"
	src.Password = "right"
	_, err = w.inv.CreateInstance(ctx, admin, slipway.Instance{ID: "pg2", Title: "PG", Engine: slipway.Postgres, Sources: []slipway.Source{src}}, false)
	fails(t, "nobody listens", err, slipway.Precondition, "cannot connect to instances/pg2")
	if strings.Contains(slipway.MessageOf(err), "right") {
		t.Errorf("the message tells the password: %v", err)
	}

	kept := pg.Source
	kept.ID, kept.Username, kept.Password = "admin", role, ""
	_, err = w.inv.UpdateInstance(ctx, admin, "pg", inventory.InstancePatch{Sources: &[]slipway.Source{kept}})
	must(t, err)
	i, err := w.st.Instance(ctx, "pg")
	must(t, err)
	if i.Sources[0].Password.Reveal() != "right" {
		t.Error("an update without a password lost the stored one")
	}
	moved := kept
	moved.Host = "attacker.example"
	_, err = w.inv.UpdateInstance(ctx, admin, "pg", inventory.InstancePatch{Sources: &[]slipway.Source{moved}})
	fails(t, "another host without a password", err, slipway.Invalid, "give the password")
	kept.Password = "wrong"
	if _, err = w.inv.UpdateInstance(ctx, admin, "pg", inventory.InstancePatch{Sources: &[]slipway.Source{kept}, Title: new("New")}); err == nil {
		t.Skip("the test server trusts everybody: a wrong password cannot be seen")
	}
	fails(t, "a wrong password", err, slipway.Precondition, "password")
	if i, _ = w.st.Instance(ctx, "pg"); i.Title != "PG" {
		t.Error("an update that was refused was kept in part")
	}
}

func TestMovingDatabases(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	w.file("x", "a")
	_, err := w.inv.CreateInstance(ctx, admin, lite("lite", w.file("x", "b")), false)
	must(t, err)
	a := inventory.Place{DatabaseRef: slipway.DatabaseRef{Instance: "lite", Database: "a"}}
	b := inventory.Place{DatabaseRef: slipway.DatabaseRef{Instance: "lite", Database: "b"}}
	move := func(who slipway.Principal, at inventory.Place, to string) error {
		_, err := w.inv.UpdateDatabases(ctx, who, []inventory.DatabasePatch{{At: at, Project: &to}})
		return err
	}
	fails(t, "taking from the default project", move(owner, a, "shop"), slipway.Denied, "bb.databases.update")
	fails(t, "taking what is not there", move(owner, inventory.Place{DatabaseRef: slipway.DatabaseRef{Instance: "lite", Database: "none"}}, "shop"), slipway.Denied, "bb.databases.update")
	must(t, move(admin, a, "shop"))
	fails(t, "giving to another's project", move(owner, a, "till"), slipway.Denied, "projects/till")
	fails(t, "a project that is not there", move(admin, a, "none"), slipway.NotFound, "none")

	// All or none.
	_, err = w.inv.UpdateDatabases(ctx, admin, []inventory.DatabasePatch{{At: b, Project: new("till")}, {At: a, Environment: new("mars")}})
	fails(t, "a batch with a bad one", err, slipway.Invalid, "mars")
	if d, _ := w.inv.Database(ctx, admin, b); d.Project != slipway.DefaultProject {
		t.Error("half of a refused batch was kept")
	}
	got, err := w.inv.UpdateDatabases(ctx, owner, []inventory.DatabasePatch{{At: a, Environment: new("prod"), Labels: &map[string]string{"tier": "a"}}})
	must(t, err)
	if got[0].Effective() != "prod" || got[0].Labels["tier"] != "a" {
		t.Errorf("after the update: %+v", got[0])
	}

	// Its name in a project is good in that project only.
	a.Project = "shop"
	if _, err := w.inv.Database(ctx, owner, a); err != nil {
		t.Errorf("by its project: %v", err)
	}
	a.Project = "till"
	_, err = w.inv.Database(ctx, admin, a)
	fails(t, "by another project", err, slipway.NotFound, `project "till"`)
	a.Project = ""

	list, _, err := w.inv.Databases(ctx, owner, inventory.DatabaseFilter{Project: "shop"}, slipway.Page{})
	must(t, err)
	if len(list) != 1 || list[0].Name() != a.Name() {
		t.Errorf("the databases of shop are %+v, want a", list)
	}
	_, _, err = w.inv.Databases(ctx, owner, inventory.DatabaseFilter{Instance: "lite"}, slipway.Page{})
	fails(t, "those of all projects", err, slipway.Denied, "bb.databases.list")

	ddl, err := w.inv.Schema(ctx, owner, a)
	must(t, err)
	if !strings.Contains(ddl, "CREATE TABLE t") {
		t.Errorf("the schema is %q", ddl)
	}
	must(t, os.Remove(filepath.Join(w.root, "x", "a.db")))
	if err := w.inv.SyncDatabase(ctx, owner, a); err == nil {
		t.Error("a database that is gone was synced")
	}
	if d, _ := w.inv.Database(ctx, owner, a); d.SyncError == "" {
		t.Error("the failed sync left no trace")
	}
}

func TestTroubles(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	dir := w.file("x", "a")
	_, err := w.inv.CreateInstance(ctx, admin, lite("lite", dir), false)
	must(t, err)
	troubles := func() []inventory.Trouble {
		t.Helper()
		list, err := w.inv.Troubles(ctx, admin, 10)
		must(t, err)
		return list
	}
	if list := troubles(); len(list) != 0 {
		t.Errorf("an instance that answers is in trouble: %+v", list)
	}
	must(t, os.Rename(dir, dir+"-away"))
	_, err = w.inv.SyncInstance(ctx, admin, "lite")
	if err == nil {
		t.Fatal("a folder that is away was synced")
	}
	if list := troubles(); len(list) != 1 || list[0].Instance != "lite" || list[0].Error != slipway.MessageOf(err) {
		t.Errorf("after a sync that failed: %+v, want %q", list, slipway.MessageOf(err))
	}
	must(t, os.Rename(dir+"-away", dir))
	_, err = w.inv.SyncInstance(ctx, admin, "lite")
	must(t, err)
	if list := troubles(); len(list) != 0 {
		t.Errorf("after a sync that succeeded: %+v", list)
	}
	_, err = w.inv.Troubles(ctx, owner, 10)
	fails(t, "a project's owner", err, slipway.Denied, "bb.instances.list")
}
