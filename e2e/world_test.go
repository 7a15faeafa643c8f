package e2e_test

import (
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	_ "modernc.org/sqlite" // to read what was changed

	"slipway/internal/dbtest"
	"slipway/internal/idtokentest"
	"slipway/internal/servertest"
)

type object = map[string]any

// A world is a server with an issuer that it may reach and, once project was
// called, a project with the environments test and prod and a database in each.
type world struct {
	*servertest.Server
	issuer  *idtokentest.Issuer
	root    string // folder of the SQLite instances
	targets []string
	// rows returns what a query answers in the database of an environment, read
	// past Slipway.
	rows func(t testing.TB, env, query string) [][]string
	urls map[string]string // of the PostgreSQL database of each environment
	said []string          // by clients
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

// prepareWorld makes an issuer and a server that may reach it; neither the
// server nor anything in it is there yet.
func prepareWorld(t testing.TB, args ...string) *world {
	t.Helper()
	w := &world{issuer: idtokentest.New(t, nil), root: t.TempDir(), urls: map[string]string{}}
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, w.issuer.CA(), 0o600); err != nil {
		t.Fatal(err)
	}
	w.Server = servertest.New(t, append([]string{"--private-issuers", w.issuer.URL(), "--issuer-ca-file", ca, "--sqlite-root", w.root}, args...)...)
	return w
}

// newWorld starts a server and sets it up as far as an administrator does
// before the guide's step 1.
func newWorld(t testing.TB, s setting, args ...string) *world {
	t.Helper()
	if s.metadata == "postgres" {
		args = append(args, "--database-url", dbtest.Postgres(t).URL)
	}
	w := prepareWorld(t, args...)
	w.Start()
	w.project(s.target)
	return w
}

// project makes the environments, the project and its databases.
func (w *world) project(target string) {
	w.T.Helper()
	w.Admin("PATCH", "/v1/settings/ENVIRONMENT?updateMask=value", object{"value": object{"environment": object{"environments": []object{
		{"id": "test", "title": "Test"}, {"id": "prod", "title": "Prod"},
	}}}}, nil)
	w.Admin("POST", "/v1/projects?projectId=my-project", object{"title": "My project"}, nil)
	for _, env := range []string{"test", "prod"} {
		switch target {
		case "sqlite":
			w.addSQLite(env)
		case "postgres":
			w.addPostgres(env)
		}
	}
	w.rows = func(t testing.TB, env, query string) [][]string {
		t.Helper()
		if target == "postgres" {
			return dbtest.Query(t, w.urls[env], query)
		}
		return sqliteRows(t, filepath.Join(w.root, env, "mydb.db"), query)
	}
}

func (w *world) addSQLite(env string) {
	w.T.Helper()
	folder := filepath.Join(w.root, env)
	if err := os.MkdirAll(folder, 0o700); err != nil {
		w.T.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "mydb.db"), nil, 0o600); err != nil {
		w.T.Fatal(err)
	}
	w.adopt(env, "mydb", object{
		"title": env, "engine": "SQLITE", "environment": "environments/" + env,
		"dataSources": []object{{"id": "admin", "type": "ADMIN", "host": folder}},
	})
}

func (w *world) addPostgres(env string) {
	w.T.Helper()
	db := dbtest.Postgres(w.T)
	w.urls[env] = db.URL
	w.adopt(env, db.Name, object{
		"title": env, "engine": "POSTGRES", "environment": "environments/" + env,
		"dataSources": []object{{
			"id": "admin", "type": "ADMIN", "host": db.Source.Host, "port": db.Source.Port,
			"username": db.Source.Username, "password": db.Source.Password.Reveal(),
		}},
	})
}

// adopt makes an instance named for its environment and gives one database of
// it to the project.
func (w *world) adopt(env, database string, instance object) {
	w.T.Helper()
	w.Admin("POST", "/v1/instances?instanceId="+env, instance, nil)
	w.Admin("POST", "/v1/instances/"+env+":sync", object{}, nil)
	name := "instances/" + env + "/databases/" + database
	w.Admin("PATCH", "/v1/"+name+"?updateMask=project", object{"name": name, "project": "projects/my-project"}, nil)
	w.targets = append(w.targets, name)
}

// trust makes the guide's workload identity; refs are GitLab ref rules, none
// for every branch and tag.
func (w *world) trust(refs ...object) {
	w.T.Helper()
	w.Admin("POST", "/v1/workspaces/-/workloadIdentities?workloadIdentityId=gitlab-deploy", object{
		"title": "GitLab Deploy",
		"workloadIdentityConfig": object{
			"providerType": "GITLAB", "issuerUrl": w.issuer.URL(), "allowedAudiences": []string{w.issuer.URL()},
			"gitlab": object{"group": "my-group", "project": "my-project", "refs": refs},
		},
	}, nil)
}

// A policy is an IAM policy as the API has it.
type policy struct {
	Bindings []object `json:"bindings"`
	Etag     string   `json:"etag"`
}

// bind changes a resource's policy: the role gets the members, or with none
// loses those that it has.
func (w *world) bind(resource, role string, members ...string) {
	w.T.Helper()
	var now policy
	w.Admin("GET", "/v1/"+resource+":getIamPolicy", nil, &now)
	next := policy{Etag: now.Etag}
	for _, b := range now.Bindings {
		if b["role"] != role || len(members) > 0 {
			next.Bindings = append(next.Bindings, b)
		}
	}
	if len(members) > 0 {
		next.Bindings = append(next.Bindings, object{"role": role, "members": members})
	}
	w.Admin("POST", "/v1/"+resource+":setIamPolicy", object{"etag": now.Etag, "policy": next}, nil)
}

// grant gives the identity the role of the guide's step 2 on the project.
func (w *world) grant() {
	w.T.Helper()
	w.bind("projects/my-project", "roles/gitopsServiceAgent", "workloadIdentity:"+identity)
}

// person makes somebody who can sign in and holds no role.
func (w *world) person(email, password string) {
	w.T.Helper()
	w.Admin("POST", "/v1/users", object{"email": email, "title": email, "password": password}, nil)
}

// exchanged returns an access token for a job.
func (w *world) exchanged(job idtokentest.Job) string {
	w.T.Helper()
	var out struct{ AccessToken string }
	w.MustCall("", "POST", "/v1/auth:exchangeToken", object{"token": w.issuer.Token(w.T, job), "email": identity}, &out)
	return out.AccessToken
}

// sqliteRows returns what query answers in an SQLite file, each value as text.
func sqliteRows(t testing.TB, file, query string) [][]string {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+file+"?mode=ro&_pragma=busy_timeout(10000)")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	rows, err := db.Query(query)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	cols, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	var out [][]string
	for rows.Next() {
		values, into := make([]any, len(cols)), make([]any, len(cols))
		for i := range values {
			into[i] = &values[i]
		}
		if err := rows.Scan(into...); err != nil {
			t.Fatal(err)
		}
		row := make([]string, len(cols))
		for i, v := range values {
			row[i] = fmt.Sprint(v)
		}
		out = append(out, row)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}
