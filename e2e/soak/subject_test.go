package soak_test

import (
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"slipway/internal/dbtest"
	"slipway/internal/idtokentest"
	"slipway/internal/servertest"
)

type object = map[string]any

const (
	identity = "deploy@workload.bytebase.com"
	project  = "projects/shop"
)

// A subject is a server under load with its issuer, and a project of two
// environments with an SQLite and a PostgreSQL database in each.
type subject struct {
	*servertest.Server
	issuer   *idtokentest.Issuer
	targets  []string
	postgres string // URL of a database on the server that has all of ours
	ours     []string
	client   http.Client

	mu     sync.Mutex
	counts map[string]int // acts by what became of them
	wrong  []string
}

// newSubject starts a server that keeps its own data in metadata, "SQLite" or
// "PostgreSQL".
func newSubject(t *testing.T, metadata string) *subject {
	t.Helper()
	s := &subject{issuer: idtokentest.New(t, nil), counts: map[string]int{}, client: http.Client{Transport: &http.Transport{}, Timeout: time.Minute}}
	root := t.TempDir()
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, s.issuer.CA(), 0o600); err != nil {
		t.Fatal(err)
	}
	args := []string{"--private-issuers", s.issuer.URL(), "--issuer-ca-file", ca, "--sqlite-root", root}
	if metadata == "PostgreSQL" {
		args = append(args, "--database-url", s.lend(t).URL)
	}
	s.Server = servertest.New(t, args...)
	s.Start()
	s.Admin("PATCH", "/v1/settings/ENVIRONMENT?updateMask=value", object{"value": object{"environment": object{"environments": []object{
		{"id": "test", "title": "Test"}, {"id": "prod", "title": "Prod"},
	}}}}, nil)
	s.Admin("POST", "/v1/projects?projectId=shop", object{"title": "Shop"}, nil)
	for _, env := range []string{"test", "prod"} {
		folder := filepath.Join(root, env)
		if err := os.Mkdir(folder, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(folder, "shop.db"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		s.adopt("sqlite-"+env, env, "SQLITE", "shop", object{"host": folder})
		db := s.lend(t)
		s.adopt("postgres-"+env, env, "POSTGRES", db.Name, object{
			"host": db.Source.Host, "port": db.Source.Port, "username": db.Source.Username, "password": db.Source.Password.Reveal(),
		})
	}
	s.Admin("POST", "/v1/"+project+"/workloadIdentities?workloadIdentityId=deploy", object{
		"title": "Deploy", "workloadIdentityConfig": object{
			"providerType": "GITLAB", "issuerUrl": s.issuer.URL(), "allowedAudiences": []string{s.issuer.URL()},
			"subjectPattern": "project_path:my-group/app:*",
		},
	}, nil)
	s.Admin("POST", "/v1/"+project+":setIamPolicy", object{"policy": object{"bindings": []object{
		{"role": "roles/gitopsServiceAgent", "members": []string{"workloadIdentity:" + identity}},
	}}}, nil)
	return s
}

// lend makes a PostgreSQL database whose connections are counted.
func (s *subject) lend(t *testing.T) dbtest.Database {
	t.Helper()
	db := dbtest.Postgres(t)
	s.postgres, s.ours = db.AdminURL, append(s.ours, db.Name)
	return db
}

// adopt makes an instance and gives a database of it to the project.
func (s *subject) adopt(id, env, engine, database string, source object) {
	s.T.Helper()
	source["id"], source["type"] = "admin", "ADMIN"
	s.Admin("POST", "/v1/instances?instanceId="+id, object{
		"title": id, "engine": engine, "environment": "environments/" + env, "dataSources": []object{source},
	}, nil)
	s.Admin("POST", "/v1/instances/"+id+":sync", object{}, nil)
	name := "instances/" + id + "/databases/" + database
	s.Admin("PATCH", "/v1/"+name+"?updateMask=project", object{"project": project}, nil)
	s.targets = append(s.targets, name)
}

// token returns a fresh ID token of the job that is let in.
func (s *subject) token() string { return s.issuer.Token(s.T, idtokentest.Job{}) }
