package console_test

import (
	"database/sql"
	"fmt"
	"io"
	"maps"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"slipway"
	"slipway/internal/access"
	"slipway/internal/console"
	"slipway/internal/idtokentest"
	"slipway/internal/release"
	"slipway/internal/rollout"
	"slipway/internal/store"
)

// What pages are held to.
const (
	firstByte = 10 * time.Millisecond // at the 95th percentile, on the server
	pageSize  = 100_000               // bytes on the wire
)

// A crowd is how much there is in a world.
type crowd struct{ identities, databases, audit int }

// gather makes a crowd in the project shop of a world, past the verbs: what
// matters is what reads find.
func (w *world) gather(c crowd) []slipway.DatabaseRef {
	w.t.Helper()
	ctx, now := w.t.Context(), time.Now().UTC()
	var refs []slipway.DatabaseRef
	err := w.st.Update(ctx, func(tx *store.Tx) error {
		for i := range c.identities {
			email := fmt.Sprintf("pipeline-%05d@%s", i, slipway.WorkloadIdentityDomain)
			err := tx.CreateWorkloadIdentity(ctx, slipway.WorkloadIdentity{Email: email, Title: fmt.Sprintf("Pipeline of team %d", i), Created: now, Trust: w.trust(), Revision: 1})
			if err != nil {
				return err
			}
		}
		for i := range c.databases {
			id := fmt.Sprintf("server-%02d", i/50)
			if i%50 == 0 {
				source := slipway.Source{ID: "admin", Type: slipway.AdminSource, Host: filepath.Join(w.root, id)}
				err := tx.CreateInstance(ctx, slipway.Instance{ID: id, Title: "Server " + id, Engine: slipway.SQLite, Environment: "prod", Created: now, Synced: now, Sources: []slipway.Source{source}})
				if err != nil {
					return err
				}
			}
			ref := slipway.DatabaseRef{Instance: id, Database: fmt.Sprintf("tenant_%04d", i)}
			if err := tx.PutDatabase(ctx, slipway.Database{DatabaseRef: ref, Project: "shop", Synced: now}); err != nil {
				return err
			}
			refs = append(refs, ref)
		}
		return nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
	w.record(c.audit)
	return refs
}

// record writes n audit rows of the last thirty days in one statement, which
// takes a tenth of the time that the store would.
func (w *world) record(n int) {
	w.t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(w.data, "slipway.db")+"?_pragma=busy_timeout(60000)&_pragma=foreign_keys(1)&_pragma=cache_size(-200000)")
	if err != nil {
		w.t.Fatal(err)
	}
	defer db.Close()
	begin := time.Now().Add(-30 * 24 * time.Hour).UnixMicro()
	step := (30 * 24 * time.Hour).Microseconds() / int64(n+1)
	for _, text := range []string{
		`
		WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)
		INSERT INTO audit (time, caller, title, job, ip, user_agent, method, permission, resource, project, request, response, failed, kind, message, latency, reference)
		SELECT ?2 + i * ?3, printf('workloadIdentity:pipeline-%05d@workload.bytebase.com', i % 10000), 'Pipeline', 'null', '203.0.113.7', 'slipway',
			'/bytebase.v1.ReleaseService/M' || (i % 20), 'bb.releases.m' || (i % 20), 'projects/shop/releases/r' || (i % 5000), 'shop',
			'{"parent":"projects/shop"}', '{}', i % 1000 = 0, 0, '', 900, ''
		FROM n`, `
		INSERT INTO audit_resource (resource, time, audit)
		SELECT resource, time, id FROM audit WHERE time > ?2 AND caller LIKE 'workloadIdentity:pipeline-%' AND ?1 + ?3 > 0 ORDER BY 1, 2, 3`, `
		INSERT INTO audit_resource (resource, time, audit)
		SELECT 'projects/shop', time, id FROM audit WHERE time > ?2 AND caller LIKE 'workloadIdentity:pipeline-%' AND ?1 + ?3 > 0 ORDER BY 2, 3`,
	} {
		if _, err := db.ExecContext(w.t.Context(), text, n, begin, step); err != nil {
			w.t.Fatal(err)
		}
	}
}

// noPages are the routes for GET that answer with something else than a page.
var noPages = []string{
	"GET /audit/export", // a file of any length
	"GET /projects/{project}/rollouts/{plan}/events", // lasts as long as the rollout
}

// pagesToGet returns the URL of every page of routes, by pattern, in the world
// of furnish, to which it adds what further pages need. A page that it cannot
// name fails the test.
func pagesToGet(w *world) map[string]string {
	w.t.Helper()
	all := maps.Clone(rounds)
	maps.Copy(all, adminRounds)
	maps.Copy(all, workRounds)
	further := w.furtherPages()
	paths := map[string]string{}
	for pattern := range console.Routes() {
		path, get := strings.CutPrefix(pattern, "GET ")
		if !get || slices.Contains(noPages, pattern) {
			continue
		}
		r := all[pattern]
		switch {
		case further[pattern] != "":
			path = further[pattern]
		case r.admin != http.StatusOK:
			w.t.Errorf("%s: rounds has no URL where there is a page; name one in furtherPages", pattern)
		case r.at != "":
			path = r.at
		}
		paths[pattern] = path
	}
	return paths
}

// furtherPages makes what the world of furnish lacks, and returns where it is,
// by pattern.
func (w *world) furtherPages() map[string]string {
	w.t.Helper()
	ctx := w.t.Context()
	w.exchange("deploy@"+slipway.WorkloadIdentityDomain, idtokentest.Job{Project: "my-group/app"})
	exchanges, _, err := w.access.Exchanges(ctx, w.admin, access.ExchangeQuery{}, slipway.Page{Size: 1})
	if err != nil || len(exchanges) != 1 {
		w.t.Fatalf("%d exchanges, %v", len(exchanges), err)
	}
	ro := w.rollout("shop", map[string]string{"003_d.sql": "CREATE TABLE d (id INTEGER PRIMARY KEY);"}, slipway.DatabaseRef{Instance: "test", Database: "shop"})
	w.run(ro, "test")
	runs, err := w.rollouts.TaskRuns(ctx, w.admin, rollout.Scope{Project: "shop", Plan: ro.Plan, Stage: "test"})
	if err != nil || len(runs) != 1 {
		w.t.Fatalf("%d runs, %v", len(runs), err)
	}
	releases, _, err := w.releases.Releases(ctx, w.admin, "shop", release.Filter{}, slipway.Page{Size: 1})
	if err != nil || len(releases) != 1 || len(releases[0].Files) != 1 {
		w.t.Fatalf("releases %v, %v", releases, err)
	}
	at := "/projects/shop/releases/" + releases[0].ID
	return map[string]string{
		"GET /exchanges/{reference}":                             "/exchanges/" + exchanges[0].Reference,
		"GET /projects/{project}/releases/{release}":             at,
		"GET /projects/{project}/releases/{release}/check":       at + "/check",
		"GET /projects/{project}/sheets/{sha}":                   "/projects/shop/sheets/" + releases[0].Files[0].SHA256,
		"GET /projects/{project}/rollouts/{plan}/runs/{run}/log": fmt.Sprintf("/projects/shop/rollouts/%d/runs/%d/log", ro.Plan, runs[0].ID),
	}
}

// A fetched page is what came over the wire.
type fetched struct {
	status   int
	first    time.Duration // until the status and the headers were there
	size     int           // bytes of the body as they were sent
	kind     string        // media type
	encoding string
}

// fetch gets a page as a browser does, and leaves it compressed.
func (v *visitor) fetch(t testing.TB, path string) fetched {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, v.w.url+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept-Encoding", "gzip, deflate, br")
	begin := time.Now()
	resp, err := v.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	f := fetched{status: resp.StatusCode, first: time.Since(begin), kind: resp.Header.Get("Content-Type"), encoding: resp.Header.Get("Content-Encoding")}
	defer resp.Body.Close()
	n, err := io.Copy(io.Discard, resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	f.size = int(n)
	return f
}

// BenchmarkPages gets every page with 10,000 identities, 1,000 databases and
// 1,000,000 audit rows there, and reports the 95th percentile of the time to
// the first byte, that as a part of what it is held to and of a plain page's in
// the same run, the time computed, and the size.
func BenchmarkPages(b *testing.B) {
	w := newWorld(b)
	furnish(w)
	begin := time.Now()
	refs := w.gather(crowd{identities: 10_000, databases: 1_000, audit: 1_000_000})
	seeding := time.Since(begin)
	b.Run("seeding", func(b *testing.B) {
		b.ReportMetric(seeding.Seconds(), "s")
		b.ReportMetric(0, "ns/op")
	})
	paths := pagesToGet(w)
	big := w.rollout("shop", map[string]string{"002_c.sql": "CREATE TABLE c (id INTEGER PRIMARY KEY);"}, refs...)
	paths["a rollout to all databases"] = fmt.Sprintf("/projects/shop/rollouts/%d", big.Plan)
	paths["a search in the audit log"] = "/audit?project=shop"
	paths["GET /signin"] = "/signin"
	admin, stranger := w.visitor(adminEmail), w.visitor("")
	for _, pattern := range slices.Sorted(maps.Keys(paths)) {
		b.Run(strings.ReplaceAll(pattern, " ", "_"), func(b *testing.B) {
			v := admin
			if pattern == "GET /signin" {
				v = stranger
			}
			v.fetch(b, paths[pattern]) // what is made once and kept is no part of it
			var took, plain []time.Duration
			var page fetched
			var busy time.Duration
			for b.Loop() {
				plain = append(plain, admin.fetch(b, plainPage).first)
				before := userTime(b)
				page = v.fetch(b, paths[pattern])
				busy += userTime(b) - before
				took = append(took, page.first)
			}
			if page.status != http.StatusOK {
				b.Fatalf("status %d", page.status)
			}
			p95 := percentile(took, 95)
			b.ReportMetric(milliseconds(p95), "p95-ms")
			b.ReportMetric(float64(p95)/float64(firstByte), "x-limit")
			b.ReportMetric(float64(p95)/float64(percentile(plain, 95)), "x-plain")
			b.ReportMetric(milliseconds(busy)/float64(len(took)), "cpu-ms")
			b.ReportMetric(float64(page.size), "wire-B")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// plainPage is a page that has hardly anything to find: what every page costs on
// the machine as busy as it is then.
const plainPage = "/projects/new"

func percentile(took []time.Duration, p int) time.Duration {
	slices.Sort(took)
	return took[len(took)*p/100]
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// userTime returns how long the program has computed, the client of the test
// and the collector of garbage included. Unlike the time on the clock it does
// not grow with what else the machine does.
func userTime(b *testing.B) time.Duration {
	b.Helper()
	var use syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &use); err != nil {
		b.Fatal(err)
	}
	return time.Duration(use.Utime.Nano())
}

// TestPagesAreSmall gets every page with enough there that lists are full.
func TestPagesAreSmall(t *testing.T) {
	w := newWorld(t)
	furnish(w)
	refs := w.gather(crowd{identities: 250, databases: 250, audit: 1_000})
	paths := pagesToGet(w)
	big := w.rollout("shop", map[string]string{"002_c.sql": "CREATE TABLE c (id INTEGER PRIMARY KEY);"}, refs...)
	paths["a rollout to all databases"] = fmt.Sprintf("/projects/shop/rollouts/%d", big.Plan)
	v := w.visitor(adminEmail)
	for pattern, path := range paths {
		page := v.fetch(t, path)
		if page.status != http.StatusOK || page.size == 0 || page.size > pageSize {
			t.Errorf("%s: status %d, %d bytes, want at most %d", pattern, page.status, page.size, pageSize)
		}
		if strings.HasPrefix(page.kind, "text/html") && page.encoding != "gzip" {
			t.Errorf("%s: Content-Encoding %q", pattern, page.encoding)
		}
	}
	empty, token := newEmptyWorld(t)
	if page := empty.visitor("").fetch(t, "/setup?token="+token); page.status != http.StatusOK || page.encoding != "" {
		t.Errorf("the set-up page, which holds its token, has status %d and Content-Encoding %q", page.status, page.encoding)
	}
}
