package e2e_test

import (
	"os"
	"path/filepath"
	"testing"

	"slipway/internal/dbtest"
	"slipway/internal/idtokentest"
)

type object = map[string]any

// A world is a server with an issuer that it may reach, a project with the
// environments test and prod, and a database in each.
type world struct {
	*running
	issuer  *idtokentest.Issuer
	targets []string
	// rows returns what a query answers in the database of an environment, read
	// past Slipway.
	rows func(t *testing.T, env, query string) [][]string
}

const (
	identity = "gitlab-deploy@workload.bytebase.com"
	commit   = "714a629c0b401fdce83e847fc9589983fc6f46bc" // the sha claim of idtokentest's jobs
)

// A setting is one combination of where the server's own data lives and of
// what is changed.
type setting struct{ metadata, target string }

var settings = []setting{
	{"sqlite", "sqlite"}, {"sqlite", "postgres"}, {"postgres", "sqlite"}, {"postgres", "postgres"},
}

func (s setting) String() string { return "metadata " + s.metadata + " databases " + s.target }

// newWorld starts a server and sets it up as far as an administrator does
// before the guide's step 1.
func newWorld(t *testing.T, s setting) *world {
	t.Helper()
	w := &world{issuer: idtokentest.New(t, nil)}
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, w.issuer.CA(), 0o600); err != nil {
		t.Fatal(err)
	}
	roots := t.TempDir()
	args := []string{"--private-issuers", w.issuer.URL(), "--issuer-ca-file", ca, "--sqlite-root", roots}
	if s.metadata == "postgres" {
		args = append(args, "--database-url", dbtest.Postgres(t).URL)
	}
	w.running = startServer(t, nil, args...)
	w.admin("PATCH", "/v1/settings/ENVIRONMENT?updateMask=value", object{"value": object{"environment": object{"environments": []object{
		{"id": "test", "title": "Test"}, {"id": "prod", "title": "Prod"},
	}}}}, nil)
	w.admin("POST", "/v1/projects?projectId=my-project", object{"title": "My project"}, nil)
	switch s.target {
	case "sqlite":
		w.addSQLite(t, roots)
	case "postgres":
		w.addPostgres(t)
	}
	return w
}

func (w *world) addSQLite(t *testing.T, root string) {
	t.Helper()
	for _, env := range []string{"test", "prod"} {
		folder := filepath.Join(root, env)
		if err := os.MkdirAll(folder, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(folder, "mydb.db"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		w.adopt(env, "mydb", object{
			"title": env, "engine": "SQLITE", "environment": "environments/" + env,
			"dataSources": []object{{"id": "admin", "type": "ADMIN", "host": folder}},
		})
	}
	w.rows = func(t *testing.T, env, query string) [][]string {
		return sqliteRows(t, filepath.Join(root, env, "mydb.db"), query)
	}
}

func (w *world) addPostgres(t *testing.T) {
	t.Helper()
	urls := map[string]string{}
	for _, env := range []string{"test", "prod"} {
		db := dbtest.Postgres(t)
		urls[env] = db.URL
		w.adopt(env, db.Name, object{
			"title": env, "engine": "POSTGRES", "environment": "environments/" + env,
			"dataSources": []object{{
				"id": "admin", "type": "ADMIN", "host": db.Source.Host, "port": db.Source.Port,
				"username": db.Source.Username, "password": db.Source.Password.Reveal(),
			}},
		})
	}
	w.rows = func(t *testing.T, env, query string) [][]string { return dbtest.Query(t, urls[env], query) }
}

// adopt makes an instance named for its environment and gives one database of
// it to the project.
func (w *world) adopt(env, database string, instance object) {
	w.t.Helper()
	w.admin("POST", "/v1/instances?instanceId="+env, instance, nil)
	w.admin("POST", "/v1/instances/"+env+":sync", object{}, nil)
	name := "instances/" + env + "/databases/" + database
	w.admin("PATCH", "/v1/"+name+"?updateMask=project", object{"name": name, "project": "projects/my-project"}, nil)
	w.targets = append(w.targets, name)
}

// trust makes the guide's workload identity; refs are GitLab ref rules, none
// for every branch and tag.
func (w *world) trust(refs ...object) {
	w.t.Helper()
	w.admin("POST", "/v1/workspaces/-/workloadIdentities?workloadIdentityId=gitlab-deploy", object{
		"title": "GitLab Deploy",
		"workloadIdentityConfig": object{
			"providerType": "GITLAB", "issuerUrl": w.issuer.URL(), "allowedAudiences": []string{w.issuer.URL()},
			"gitlab": object{"group": "my-group", "project": "my-project", "refs": refs},
		},
	}, nil)
}

// grant gives the identity the role of the guide's step 2 on the project.
func (w *world) grant() {
	w.t.Helper()
	var policy struct {
		Bindings []object `json:"bindings"`
		Etag     string   `json:"etag"`
	}
	w.admin("GET", "/v1/projects/my-project:getIamPolicy", nil, &policy)
	w.admin("POST", "/v1/projects/my-project:setIamPolicy", object{"etag": policy.Etag, "policy": object{
		"bindings": append(policy.Bindings, object{"role": "roles/gitopsServiceAgent", "members": []string{"workloadIdentity:" + identity}}),
	}}, nil)
}
