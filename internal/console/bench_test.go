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
	"testing"
	"time"

	"slipway"
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

// pagesToGet returns the URL of every page of routes, by pattern, in the world
// of furnish.
func pagesToGet() map[string]string {
	all := maps.Clone(rounds)
	maps.Copy(all, adminRounds)
	maps.Copy(all, workRounds)
	paths := map[string]string{}
	for pattern, r := range all {
		method, path, _ := strings.Cut(pattern, " ")
		if method != http.MethodGet || r.admin != http.StatusOK || strings.Contains(pattern, "/events") || strings.Contains(pattern, "export") {
			continue // what is not a page, or none that is there
		}
		if r.at != "" {
			path = r.at
		}
		paths[pattern] = strings.TrimSuffix(path, "{$}")
	}
	return paths
}

// A fetched page is what came over the wire.
type fetched struct {
	status   int
	first    time.Duration // until the status and the headers were there
	size     int           // bytes of the body as they were sent
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
	f := fetched{status: resp.StatusCode, first: time.Since(begin), encoding: resp.Header.Get("Content-Encoding")}
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
// the first byte, that as a part of what it is held to, and the size.
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
	big := w.rollout("shop", map[string]string{"002_c.sql": "CREATE TABLE c (id INTEGER PRIMARY KEY);"}, refs...)
	paths := pagesToGet()
	paths["a rollout to all databases"] = fmt.Sprintf("/projects/shop/rollouts/%d", big.Plan)
	paths["a search in the audit log"] = "/audit?project=shop"
	v := w.visitor(adminEmail)
	for _, pattern := range slices.Sorted(maps.Keys(paths)) {
		b.Run(strings.ReplaceAll(pattern, " ", "_"), func(b *testing.B) {
			var took []time.Duration
			var page fetched
			for b.Loop() {
				page = v.fetch(b, paths[pattern])
				took = append(took, page.first)
			}
			if page.status != http.StatusOK {
				b.Fatalf("status %d", page.status)
			}
			slices.Sort(took)
			p95 := took[len(took)*95/100]
			b.ReportMetric(float64(p95)/float64(time.Millisecond), "p95-ms")
			b.ReportMetric(float64(p95)/float64(firstByte), "x-limit")
			b.ReportMetric(float64(page.size), "wire-B")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// TestPagesAreSmall gets every page with enough there that lists are full.
func TestPagesAreSmall(t *testing.T) {
	w := newWorld(t)
	furnish(w)
	refs := w.gather(crowd{identities: 250, databases: 250, audit: 1_000})
	big := w.rollout("shop", map[string]string{"002_c.sql": "CREATE TABLE c (id INTEGER PRIMARY KEY);"}, refs...)
	paths := pagesToGet()
	paths["a rollout to all databases"] = fmt.Sprintf("/projects/shop/rollouts/%d", big.Plan)
	if len(paths) < 40 {
		t.Fatalf("there are %d pages", len(paths))
	}
	v := w.visitor(adminEmail)
	for pattern, path := range paths {
		page := v.fetch(t, path)
		if page.status != http.StatusOK || page.size == 0 || page.size > pageSize {
			t.Errorf("%s: status %d, %d bytes, want at most %d", pattern, page.status, page.size, pageSize)
		}
		if page.encoding != "gzip" {
			t.Errorf("%s: Content-Encoding %q", pattern, page.encoding)
		}
	}
	if page := w.visitor("").fetch(t, "/setup?token=guess"); page.encoding != "" {
		t.Errorf("the set-up page, which holds its token, is compressed")
	}
}
