package api_test

import (
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	_ "modernc.org/sqlite"

	"slipway"
	"slipway/internal/access"
	"slipway/internal/api"
	"slipway/internal/engine"
	"slipway/internal/engine/sqlite"
	"slipway/internal/gate"
	"slipway/internal/iam"
	"slipway/internal/inventory"
	"slipway/internal/release"
	"slipway/internal/rollout"
	"slipway/internal/store"
	"slipway/internal/storetest"
)

// A shop is a server over real verbs, a real store and a folder of SQLite
// databases.
type shop struct {
	t        *testing.T
	url      string
	folder   string
	st       *store.Store
	rollouts *rollout.Service
}

func newShop(t *testing.T) *shop {
	t.Helper()
	ctx, lg := t.Context(), storetest.Log(t)
	s := &shop{t: t, folder: t.TempDir(), st: storetest.SQLite(t)}
	g := gate.New(lg, s.st, nil)
	engines := map[slipway.Engine]engine.Engine{slipway.SQLite: sqlite.New(lg, sqlite.Config{})}
	acc, err := access.New(lg, s.st, g, nil, nil, access.Config{})
	check(t, err)
	inv := inventory.New(lg, s.st, g, engines, inventory.Config{SQLiteRoots: []string{s.folder}})
	check(t, inv.Prepare(ctx))
	s.rollouts = rollout.New(lg, s.st, g, engines, rollout.Config{Replica: "replica-1", Watch: time.Millisecond})
	check(t, s.st.Update(ctx, func(tx *store.Tx) error {
		for _, email := range []string{"ann@example.com", "bob@example.com"} {
			if err := tx.CreateUser(ctx, slipway.User{Email: email, Title: email, Created: time.Now()}); err != nil {
				return err
			}
		}
		_, err := tx.SetPolicy(ctx, slipway.WorkspaceName, slipway.Policy{Bindings: []slipway.Binding{{Role: iam.WorkspaceAdmin, Members: []string{"user:ann@example.com"}}}})
		return err
	}))
	people := keys{
		"ann-token": {Kind: slipway.UserKind, Email: "ann@example.com"},
		"bob-token": {Kind: slipway.UserKind, Email: "bob@example.com"},
	}
	h, err := api.New(lg, api.Deps{
		Authenticator: people, Access: acc, Inventory: inv,
		Releases: release.New(lg, s.st, g, engines, release.Config{}), Rollouts: s.rollouts,
	}, api.Config{})
	check(t, err)
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	s.url = server.URL
	return s
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// database makes an empty database in the folder's part for env.
func (s *shop) database(env string) string {
	s.t.Helper()
	dir := filepath.Join(s.folder, env)
	check(s.t, os.MkdirAll(dir, 0o700))
	db, err := sql.Open("sqlite", filepath.Join(dir, "shop.db"))
	check(s.t, err)
	defer db.Close()
	_, err = db.ExecContext(s.t.Context(), "CREATE TABLE start (id int); DROP TABLE start")
	check(s.t, err)
	return dir
}

// tree is decoded JSON.
type tree map[string]any

// call sends a request as ann and returns the answer, whose status must be want.
func (s *shop) call(want int, method, path string, body any) tree {
	s.t.Helper()
	return s.callAs("ann-token", want, method, path, body)
}

func (s *shop) callAs(token string, want int, method, path string, body any) tree {
	s.t.Helper()
	text := ""
	if body != nil {
		raw, err := json.Marshal(body)
		check(s.t, err)
		text = string(raw)
	}
	req, err := http.NewRequestWithContext(s.t.Context(), method, s.url+path, strings.NewReader(text))
	check(s.t, err)
	req.Header.Set("Authorization", "Bearer "+token)
	res, err := http.DefaultClient.Do(req)
	check(s.t, err)
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	check(s.t, err)
	if res.StatusCode != want {
		s.t.Fatalf("%s %s: status %d, want %d: %s", method, path, res.StatusCode, want, raw)
	}
	answer := tree{}
	check(s.t, json.Unmarshal(raw, &answer))
	return answer
}

// at walks answer by keys and indices: at("stages", 0, "tasks").
func (a tree) at(t testing.TB, path ...any) any {
	t.Helper()
	var v any = map[string]any(a)
	for _, p := range path {
		switch p := p.(type) {
		case string:
			m, _ := v.(map[string]any)
			v = m[p]
		case int:
			l, _ := v.([]any)
			if p >= len(l) {
				t.Fatalf("%v: there is no element %d in %v", path, p, a)
			}
			v = l[p]
		}
	}
	return v
}

func (a tree) text(t testing.TB, path ...any) string {
	t.Helper()
	s, _ := a.at(t, path...).(string)
	return s
}

// is fails the test unless what stands at path is want.
func (a tree) is(t testing.TB, want any, path ...any) {
	t.Helper()
	if got := a.at(t, path...); got != want {
		t.Errorf("%v is %v, want %v, in %v", path, got, want, a)
	}
}

func sqlFile(path, text string) tree {
	return tree{"path": path, "statement": base64.StdEncoding.EncodeToString([]byte(text))}
}

// The calls of a change, over REST, with the shapes that clients know.
func TestAChange(t *testing.T) {
	s := newShop(t)
	p := s.call(200, "POST", "/v1/projects?projectId=shop-project", tree{"title": "Shop"})
	p.is(t, "projects/shop-project", "name")
	p.is(t, "ACTIVE", "state")
	if p.at(t, "executionRetryPolicy") == nil {
		t.Error("executionRetryPolicy is not set, which clients expect")
	}
	s.call(200, "GET", "/v1/projects/shop-project:getIamPolicy", nil).is(t, "roles/projectOwner", "bindings", 0, "role")

	settings := s.call(200, "GET", "/v1/settings/ENVIRONMENT", nil)
	settings.is(t, "environments/test", "value", "environment", "environments", 0, "name")

	targets := []string{}
	for _, env := range []string{"test", "prod"} {
		i := s.call(200, "POST", "/v1/instances?instanceId=on-"+env, tree{
			"title": "On " + env, "engine": "SQLITE", "environment": "environments/" + env, "activation": false,
			"dataSources": []tree{{"id": "admin", "type": "ADMIN", "host": s.database(env), "password": "hunter2", "authenticationType": "PASSWORD"}},
		})
		i.is(t, "environments/"+env, "environment")
		i.is(t, nil, "dataSources", 0, "password")
		s.call(200, "POST", "/v1/instances/on-"+env+":sync", tree{}).is(t, "shop", "databases", 0)
		name := "instances/on-" + env + "/databases/shop"
		d := s.call(200, "PATCH", "/v1/"+name+"?updateMask=project", tree{"project": "projects/shop-project"})
		d.is(t, "projects/shop-project", "project")
		d.is(t, "environments/"+env, "effectiveEnvironment")
		d.is(t, "SQLITE", "instanceResource", "engine")
		d.is(t, nil, "instanceResource", "dataSources", 0, "password")
		targets = append(targets, name)
	}

	files := []tree{sqlFile("migrations/1.0.0_a.sql", "CREATE TABLE a (id int NOT NULL PRIMARY KEY);"), sqlFile("migrations/1.1.0_b.sql", "DELETE FROM a;")}
	found := s.call(200, "POST", "/v1/projects/shop-project/releases:check", tree{"release": tree{"files": files, "type": "VERSIONED"}, "targets": targets})
	found.is(t, "STATEMENT_WHERE_REQUIRE_UPDATE_DELETE", "results", 0, "advices", 0, "title")
	found.is(t, "ERROR", "results", 0, "advices", 0, "status")
	found.is(t, "MODERATE", "riskLevel")
	found.is(t, 4.0, "pending")

	rel := s.call(200, "POST", "/v1/projects/shop-project/releases", tree{"files": files[:1], "type": "VERSIONED", "vcsSource": tree{"vcsType": "GITLAB", "url": "https://gitlab.test/c"}})
	rel.is(t, "1.0.0", "files", 0, "version")
	rel.is(t, "GITLAB", "vcsSource", "vcsType")
	rel.is(t, "users/ann@example.com", "creator")
	s.call(200, "POST", "/v1/projects/shop-project/releases", tree{"files": files[:1]}).is(t, rel.text(t, "name"), "name")

	plan := s.call(200, "POST", "/v1/projects/shop-project/plans", tree{
		"title": "x", "specs": []tree{{"id": "f15fe5ad-a43b-42be-931f-55df1f73528f", "changeDatabaseConfig": tree{"targets": targets, "release": rel.text(t, "name")}}},
	})
	name := plan.text(t, "name")
	s.call(400, "POST", "/v1/"+name+"/rollout", tree{"target": "environments/mars"}).is(t, 3.0, "code")
	ro := s.call(200, "POST", "/v1/"+name+"/rollout", tree{})
	ro.is(t, name+"/rollout/stages/test", "stages", 0, "name")
	ro.is(t, "NOT_STARTED", "stages", 1, "tasks", 0, "status")
	ro.is(t, rel.text(t, "name"), "stages", 0, "tasks", 0, "databaseUpdate", "release")
	ro.is(t, targets[1], "stages", 1, "tasks", 0, "target")

	stage := func(i int) string { return ro.text(t, "stages", i, "name") }
	task := func(i int) string { return ro.text(t, "stages", i, "tasks", 0, "name") }
	s.call(400, "POST", "/v1/"+stage(1)+"/tasks:batchRun", tree{"tasks": []string{task(1)}}).is(t, 9.0, "code")
	s.call(400, "POST", "/v1/"+stage(0)+"/tasks:batchRun", tree{"tasks": []string{task(1)}}).is(t, 3.0, "code")
	s.call(200, "POST", "/v1/"+stage(0)+"/tasks:batchRun", tree{"tasks": []string{task(0)}})
	runs := s.call(200, "GET", "/v1/"+name+"/rollout/stages/-/tasks/-/taskRuns", nil)
	runs.is(t, "PENDING", "taskRuns", 0, "status")
	check(t, s.rollouts.Work(t.Context(), 1))
	run := s.call(200, "GET", "/v1/"+runs.text(t, "taskRuns", 0, "name"), nil)
	run.is(t, "DONE", "status")
	run.is(t, 1.0, "filesDone")
	log := s.call(200, "GET", "/v1/"+runs.text(t, "taskRuns", 0, "name")+"/log", nil)
	log.is(t, "RELEASE_FILE_EXECUTE", "entries", 0, "type")
	log.is(t, "replica-1", "entries", 0, "replicaId")
	s.call(200, "GET", "/v1/"+name, nil).is(t, "DONE", "rolloutStageSummaries", 0, "taskStatusCounts", 0, "status")
	s.call(200, "POST", "/v1/"+stage(1)+"/tasks:batchSkip", tree{"tasks": []string{task(1)}, "reason": "by hand"})

	revs := s.call(200, "GET", "/v1/"+targets[0]+"/revisions", nil)
	revs.is(t, rel.text(t, "name")+"/files/migrations%2F1.0.0_a.sql", "revisions", 0, "file")
	revs.is(t, run.text(t, "name"), "revisions", 0, "taskRun")
	s.call(200, "GET", "/v1/projects/shop-project/"+targets[0]+"/revisions", nil)
	s.call(404, "GET", "/v1/projects/default/"+targets[0]+"/revisions", nil)
	s.call(200, "GET", "/v1/"+targets[0], nil).is(t, rel.text(t, "name"), "release")
}

// What is not built, not known or not allowed is said, never ignored.
func TestAChangeRefused(t *testing.T) {
	s := newShop(t)
	s.call(200, "POST", "/v1/projects?projectId=shop", tree{"title": "Shop"})
	lite := func(more tree) tree {
		ds := tree{"id": "admin", "type": "ADMIN", "host": s.database("x")}
		for k, v := range more {
			ds[k] = v
		}
		return tree{"title": "Lite", "engine": "SQLITE", "dataSources": []tree{ds}}
	}
	s.call(200, "POST", "/v1/instances?instanceId=lite", lite(nil))
	declarative := tree{"files": []tree{sqlFile("1_a.sql", "SELECT 1;")}, "type": "DECLARATIVE"}
	for _, c := range []struct {
		reason       string
		status       int
		method, path string
		body         any
		says         string
	}{
		{"an SSH tunnel", 501, "POST", "/v1/instances?instanceId=x", lite(tree{"sshHost": "jump"}), "ssh_host"},
		{"another engine", 400, "POST", "/v1/instances?instanceId=x", tree{"title": "x", "engine": "ORACLE", "dataSources": []tree{{"id": "admin", "type": "ADMIN", "host": "x"}}}, "not supported"},
		{"a field of an instance that stays", 400, "PATCH", "/v1/instances/lite?updateMask=engine", tree{"engine": "POSTGRES"}, "update_mask"},
		{"an order", 400, "GET", "/v1/instances?orderBy=title", nil, "order_by"},
		{"a filter of plans", 400, "GET", "/v1/projects/shop/plans?filter=x%20%3D%3D%20%221%22", nil, "filter"},
		{"a page token of nobody", 400, "GET", "/v1/projects/shop/releases?pageToken=abcdefghijklmnop", nil, "page_token"},
		{"a declarative release", 501, "POST", "/v1/projects/shop/releases", declarative, "declarative"},
		{"changing a release", 501, "PATCH", "/v1/projects/shop/releases/r?updateMask=category", tree{"category": "x"}, "new release iteration"},
		{"purging a project", 501, "DELETE", "/v1/projects/shop?purge=true", nil, "purge"},
		{"a setting that is none", 404, "GET", "/v1/settings/AI", nil, "ENVIRONMENT"},
		{"a database of none", 404, "GET", "/v1/instances/lite/databases/none", nil, "none"},
		{"a plan of no number", 404, "GET", "/v1/projects/shop/plans/x", nil, "not found"},
		{"a plan of a release that is not there", 404, "POST", "/v1/projects/shop/plans", tree{"title": "x", "specs": []tree{{"changeDatabaseConfig": tree{"release": "projects/shop/releases/r"}}}}, "not found"},
		{"a plan with another project's release", 400, "POST", "/v1/projects/shop/plans", tree{"title": "x", "specs": []tree{{"changeDatabaseConfig": tree{"release": "projects/till/releases/r"}}}}, "not a release of project"},
	} {
		got := s.call(c.status, c.method, c.path, c.body)
		if !strings.Contains(got.text(t, "message"), c.says) {
			t.Errorf("%s: message %q, want words with %q", c.reason, got.text(t, "message"), c.says)
		}
	}
	denied := s.callAs("bob-token", 403, "GET", "/v1/projects/shop", nil)
	if want := `permission denied: user:bob@example.com lacks "bb.projects.get" on projects/shop`; denied.text(t, "message") != want {
		t.Errorf("a stranger is told %q, want %q", denied.text(t, "message"), want)
	}
	s.callAs("bob-token", 200, "POST", "/v1/projects:search", tree{}).is(t, nil, "projects")
}
