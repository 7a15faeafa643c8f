package bench_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	pgquery "github.com/pganalyze/pg_query_go/v6"

	"slipway/internal/dbtest"
)

// A site is a server with the project shop.
type site struct {
	*server
	dir string // of the client: where its files are
}

func newSite(t *testing.T, args ...string) *site {
	t.Helper()
	s := &site{server: serve(t, filepath.Join(t.TempDir(), "data"), args...), dir: t.TempDir()}
	s.admin("PATCH", "/v1/settings/ENVIRONMENT?updateMask=value", object{"value": object{"environment": object{"environments": []object{{"id": "prod", "title": "Prod"}}}}}, nil)
	s.admin("POST", "/v1/projects?projectId=shop", object{"title": "Shop"}, nil)
	return s
}

// adopt makes an instance and gives databases of it to the project; port is
// where the server is reached.
func (s *site) adopt(id, port string, db dbtest.Database, names ...string) (targets []string) {
	s.t.Helper()
	s.admin("POST", "/v1/instances?instanceId="+id, object{
		"title": id, "engine": "POSTGRES", "environment": "environments/prod",
		"dataSources": []object{{
			"id": "admin", "type": "ADMIN", "host": db.Source.Host, "port": port,
			"username": db.Source.Username, "password": db.Source.Password.Reveal(),
		}},
	}, nil)
	s.admin("POST", "/v1/instances/"+id+":sync", object{}, nil)
	var moves []object
	for _, name := range names {
		full := "instances/" + id + "/databases/" + name
		targets = append(targets, full)
		moves = append(moves, object{"database": object{"name": full, "project": "projects/shop"}, "updateMask": "project"})
	}
	s.admin("POST", "/v1/instances/"+id+"/databases:batchUpdate", object{"requests": moves}, nil)
	return targets
}

// files puts files into a new folder and returns it.
func (s *site) files(texts map[string]string) string {
	s.t.Helper()
	dir, err := os.MkdirTemp(s.dir, "files")
	if err != nil {
		s.t.Fatal(err)
	}
	for name, text := range texts {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			s.t.Fatal(err)
		}
	}
	return dir
}

// migrations are files as a team writes them: a table, an index, a column.
func migrations(n int) map[string]string {
	files := map[string]string{}
	for i := range n {
		files[fmt.Sprintf("%04d_add_table.sql", i+1)] = fmt.Sprintf(`-- What customers of kind %[1]d have ordered.
CREATE TABLE orders_%[1]d (
	id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	customer_id bigint NOT NULL,
	state text NOT NULL DEFAULT 'new' CHECK (state IN ('new', 'paid', 'sent', 'returned')),
	total numeric(12, 2) NOT NULL DEFAULT 0,
	note text,
	created timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX orders_%[1]d_customer ON orders_%[1]d (customer_id, created DESC) WHERE state <> 'returned';
COMMENT ON TABLE orders_%[1]d IS 'Orders of customers of kind %[1]d';
ALTER TABLE orders_%[1]d ADD COLUMN sent timestamptz;
UPDATE orders_%[1]d SET sent = created + interval '1 day' WHERE state IN ('sent', 'returned') AND sent IS NULL;
CREATE VIEW open_orders_%[1]d AS SELECT o.id, o.customer_id, o.total, count(*) OVER (PARTITION BY o.customer_id) AS of_customer
	FROM orders_%[1]d o WHERE o.state = ANY (ARRAY['new', 'paid']) ORDER BY o.created;
`, i)
	}
	return files
}

func measureCheck(t *testing.T, r *report) {
	s := r.section("Check", checkText)
	s.columns("what", "server CPU, request to answer", "bare parse, CPU", "ratio (goal at most 3)", "server, wall", "client command, wall")
	files := migrations(100)
	parse := cost(t, 5, func() error {
		for name, text := range files {
			if _, err := pgquery.Parse(text); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
		}
		return nil
	})
	db := dbtest.Durable(t)
	site := newSite(t)
	target := site.adopt("prod", db.Source.Port, db, db.Name)
	dir := site.files(files)
	var list []object
	for name, text := range files {
		list = append(list, object{"path": name, "statement": []byte(text)})
	}
	body := object{"release": object{"type": "VERSIONED", "files": list}, "targets": target}
	ask := func() { site.admin("POST", "/v1/projects/shop/releases:check", body, nil) }
	ask()
	const rounds = 5
	used, begin := site.cpu(), time.Now()
	for range rounds {
		ask()
	}
	used, wall := (site.cpu()-used)/rounds, time.Since(begin)/rounds
	out, command := site.client(dir, "check", "--file-pattern", "*.sql", "--targets", strings.Join(target, ","))
	if !strings.Contains(out, "checked 100 files") {
		t.Fatalf("check says:\n%s", out)
	}
	s.row("100 files against one PostgreSQL database", used, parse, atMost(float64(used)/float64(parse), 3), wall, command)
}
