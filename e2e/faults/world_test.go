package faults_test

import (
	"crypto/rand"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	_ "modernc.org/sqlite" // to read what was changed

	"slipway/internal/dbtest"
	"slipway/internal/servertest"
)

type object = map[string]any

// A setting is where the server keeps its own data, and what it changes.
type setting struct{ metadata, engine string }

func (s setting) String() string { return "metadata " + s.metadata + " databases " + s.engine }

// A world is a server with one project, one release of the files and, one per
// round, databases that the files go to.
type world struct {
	*servertest.Server
	engine  string
	files   []file
	release string
	folder  string        // of the SQLite databases
	own     *dbtest.Owned // the PostgreSQL server that is changed, nil for the one that all tests share
	store   string        // URL of the server's own data, "" for SQLite
	proxy   *proxy        // in front of PostgreSQL
}

// newWorld starts a server. PostgreSQL is reached through the proxy.
func newWorld(t *testing.T, s setting, args ...string) *world {
	t.Helper()
	return worldOn(t, s, nil, t.TempDir(), args...)
}

// worldOn is newWorld with SQLite databases under a folder and PostgreSQL in a
// server of the world's own.
func worldOn(t *testing.T, s setting, own *dbtest.Owned, root string, args ...string) *world {
	t.Helper()
	w := &world{engine: s.engine, files: filesOf(s.engine), own: own}
	if s.metadata == "postgres" {
		w.store = dbtest.Postgres(t).URL
		args = append(args, "--database-url", w.store)
	}
	w.folder = filepath.Join(root, "databases")
	if err := os.Mkdir(w.folder, 0o700); err != nil {
		t.Fatal(err)
	}
	w.Server = servertest.New(t, append([]string{"--sqlite-root", root, "--drain", "1s"}, args...)...)
	w.Start()
	w.Admin("PATCH", "/v1/settings/ENVIRONMENT?updateMask=value", object{"value": object{"environment": object{"environments": []object{
		{"id": "test", "title": "Test"},
	}}}}, nil)
	w.Admin("POST", "/v1/projects?projectId=p", object{"title": "P"}, nil)
	source := object{"id": "admin", "type": "ADMIN", "host": w.folder}
	if w.engine == "postgres" {
		src := w.lend(t).Source
		w.proxy = newProxy(t, src.Host+":"+src.Port)
		host, port, _ := strings.Cut(w.proxy.ln.Addr().String(), ":")
		source = object{
			"id": "admin", "type": "ADMIN", "host": host, "port": port,
			"username": src.Username, "password": src.Password.Reveal(),
		}
	}
	w.Admin("POST", "/v1/instances?instanceId=i", object{
		"title": "I", "engine": strings.ToUpper(w.engine), "environment": "environments/test", "dataSources": []object{source},
	}, nil)
	w.release = w.releaseOf(w.files)
	return w
}

// releaseOf makes a release and returns its name.
func (w *world) releaseOf(list []file) string {
	w.T.Helper()
	var files []object
	for _, f := range list {
		files = append(files, object{"path": f.path, "version": f.version, "statement": base64.StdEncoding.EncodeToString([]byte(f.text))})
	}
	var rel struct{ Name string }
	w.Admin("POST", "/v1/projects/p/releases", object{"type": "VERSIONED", "files": files}, &rel)
	return rel.Name
}

// lend returns an empty PostgreSQL database.
func (w *world) lend(t testing.TB) dbtest.Database {
	t.Helper()
	if w.own != nil {
		return w.own.Database(t)
	}
	return dbtest.Postgres(t)
}

// A subject is a database of one round with the task that changes it.
type subject struct {
	w      *world
	files  []file // of the task's release
	others []file // that another task adds to the database
	name   string
	url    string // of PostgreSQL, past the proxy
	path   string // of the SQLite file
	task   string // resource name
	said   []string
}

// subject makes a database and a rollout of all files to it, not yet begun.
func (w *world) subject(t *testing.T) *subject {
	t.Helper()
	s := w.database(t)
	s.adopt()
	return s
}

// database makes one that the server does not know yet.
func (w *world) database(t *testing.T) *subject {
	t.Helper()
	w.T = t
	s := &subject{w: w, files: w.files}
	if w.engine == "postgres" {
		d := w.lend(t)
		s.name, s.url = d.Name, d.URL
	} else {
		s.name = "db" + strings.ToLower(rand.Text()[:10])
		s.path = filepath.Join(w.folder, s.name+".db")
		if err := os.WriteFile(s.path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// adopt gives the database to the project and makes the rollout.
func (s *subject) adopt() {
	s.w.T.Helper()
	s.w.Admin("POST", "/v1/instances/i:sync", object{}, nil)
	s.w.Admin("PATCH", "/v1/"+s.resource()+"?updateMask=project", object{"name": s.resource(), "project": "projects/p"}, nil)
	s.task = s.plan(s.w.release)
}

func (s *subject) resource() string { return "instances/i/databases/" + s.name }

// plan makes a plan of a release and its rollout, and returns the one task.
func (s *subject) plan(release string) string {
	s.w.T.Helper()
	var plan struct{ Name string }
	s.w.Admin("POST", "/v1/projects/p/plans", object{"title": s.name, "specs": []object{{
		"changeDatabaseConfig": object{"targets": []string{s.resource()}, "release": release},
	}}}, &plan)
	var ro struct {
		Stages []struct{ Tasks []struct{ Name string } }
	}
	s.w.Admin("POST", "/v1/"+plan.Name+"/rollout", object{}, &ro)
	return ro.Stages[0].Tasks[0].Name
}

func stageOf(task string) string { return task[:strings.Index(task, "/tasks/")] }

// run has the task run.
func (s *subject) run() {
	s.w.T.Helper()
	s.w.Admin("POST", "/v1/"+stageOf(s.task)+"/tasks:batchRun", object{"tasks": []string{s.task}}, nil)
}

// A run is a task run as the API has it.
type run struct {
	Name, Status, Detail  string
	FilesDone, FilesTotal int
}

func (r run) over() bool { return slices.Contains([]string{"DONE", "FAILED", "CANCELED"}, r.Status) }

// last returns the task's latest run, or why the server did not say.
func (s *subject) last() (run, error) {
	all, err := s.runs()
	if err != nil || len(all) == 0 {
		return run{}, err
	}
	return all[0], nil
}

// runs returns the task's runs, the newest first.
func (s *subject) runs() ([]run, error) {
	var list struct{ TaskRuns []run }
	err := s.w.get("/v1/"+s.task+"/taskRuns", &list)
	return list.TaskRuns, err
}

// get reads what may not be there to be read.
func (w *world) get(path string, out any) error {
	resp, text, err := w.Try(w.AdminToken(), "GET", path, nil)
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("GET %s: %d %s", path, resp.StatusCode, text)
	}
	return json.Unmarshal(text, out)
}

// await returns the latest run once it is over, or earlier when the channel
// says that the server is gone.
func (s *subject) await(gone <-chan struct{}) (r run, over bool) {
	s.w.T.Helper()
	deadline := time.Now().Add(4 * servertest.Patience)
	for time.Now().Before(deadline) {
		if now, err := s.last(); err == nil && now.over() {
			return now, true
		}
		select {
		case <-gone:
			return run{}, false
		case <-time.After(20 * time.Millisecond):
		}
	}
	now, err := s.last()
	s.w.T.Fatalf("the run does not end: %+v %v", now, err)
	return run{}, false
}

// kill ends the server with SIGKILL and returns when it is gone.
func (w *world) kill() { w.Stop(syscall.SIGKILL) }

// ask returns the rows that a query yields in the database, read past Slipway.
func (s *subject) ask(query string) [][]string {
	s.w.T.Helper()
	if s.url != "" {
		return dbtest.Query(s.w.T, s.url, query)
	}
	db, err := sql.Open("sqlite", "file:"+s.path+"?_pragma=busy_timeout(10000)")
	if err != nil {
		s.w.T.Fatal(err)
	}
	defer db.Close()
	rows, err := db.Query(query)
	if err != nil {
		s.w.T.Fatalf("%s: %v", query, err)
	}
	defer rows.Close()
	cols, err := rows.Columns()
	if err != nil {
		s.w.T.Fatal(err)
	}
	var out [][]string
	for rows.Next() {
		row, into := make([]string, len(cols)), make([]any, len(cols))
		for i := range row {
			into[i] = &row[i]
		}
		if err := rows.Scan(into...); err != nil {
			s.w.T.Fatal(err)
		}
		out = append(out, row)
	}
	if err := rows.Err(); err != nil {
		s.w.T.Fatal(err)
	}
	return out
}

// session connects to the PostgreSQL database, past the proxy.
func (s *subject) session() *pgconn.PgConn {
	s.w.T.Helper()
	conn, err := pgconn.Connect(s.w.T.Context(), s.url)
	if err != nil {
		s.w.T.Fatal(err)
	}
	return conn
}

func (s *subject) must(conn *pgconn.PgConn, query string) {
	s.w.T.Helper()
	if _, err := conn.Exec(s.w.T.Context(), query).ReadAll(); err != nil {
		s.w.T.Fatalf("%s: %v", query, err)
	}
}

// exclude keeps every other writer out of the SQLite database.
func (s *subject) exclude() (end func()) {
	s.w.T.Helper()
	db, err := sql.Open("sqlite", "file:"+s.path+"?_pragma=busy_timeout(10000)&_txlock=immediate")
	if err != nil {
		s.w.T.Fatal(err)
	}
	tx, err := db.Begin()
	if err != nil {
		s.w.T.Fatal(err)
	}
	return func() {
		_ = tx.Rollback()
		_ = db.Close()
	}
}
