package store

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"slipway"
)

// An AuditQuery picks audit entries. Empty fields pick all.
type AuditQuery struct {
	Caller     string // member: "user:ann@example.com"
	Method     string // whole
	Resource   string // "projects/shop/plans/101": that one and what is part of it
	Project    string // id
	Permission string
	Since      time.Time // this moment or later
	Until      time.Time // before this moment
	OnlyFailed bool      // what was refused or failed
	OnlyDone   bool      // what was not
}

const auditColumns = `time, caller, title, job, ip, user_agent, method, permission, resource, project, request, response, failed, kind, message, latency, reference`

func scanAudit(r row) (e slipway.AuditEntry, err error) {
	var caller string
	var failed bool
	var job *slipway.Job
	err = r.Scan(&e.ID, at(&e.Time), &caller, &e.Caller.Title, fromJSON(&job), &e.Caller.Origin.IP, &e.Caller.Origin.UserAgent,
		&e.Method, &e.Permission, &e.Resource, &e.Project, &e.Request, &e.Response, &failed, &e.Kind, &e.Message, took(&e.Latency), &e.Reference)
	kind, email, _ := strings.Cut(caller, ":")
	e.Caller.Kind, e.Caller.Email, e.Caller.Job = slipway.PrincipalKind(kind), email, job
	return e, err
}

// where returns the conditions of q and the tables that they are about. Whatever
// is asked for, one index leads to the rows in the order of the list.
func (q AuditQuery) where(page slipway.Page) (w where, from, order string, err error) {
	from, order = "audit a", "a.time DESC, a.id DESC"
	clock, id := "a.time", "a.id"
	if q.Resource != "" {
		// The order comes from the table by which the rows are found.
		from, clock, id = "audit_resource r JOIN audit a ON a.id = r.audit", "r.time", "r.audit"
		order = "r.time DESC, r.audit DESC"
		w.eq("r.resource", q.Resource)
	}
	w.eq("a.caller", q.Caller)
	w.eq("a.method", q.Method)
	w.eq("a.project", q.Project)
	w.eq("a.permission", q.Permission)
	if !q.Since.IsZero() {
		w.and(clock + " >= " + w.arg(q.Since))
	}
	if !q.Until.IsZero() {
		w.and(clock + " < " + w.arg(q.Until))
	}
	if q.OnlyFailed {
		w.and("a.failed = 1")
	}
	if q.OnlyDone {
		w.and("a.failed = 0")
	}
	return w, from, order, w.beforeTime(clock+", "+id, page, number)
}

// AuditEntries lists audit entries, newest first.
func (r Reader) AuditEntries(ctx context.Context, q AuditQuery, page slipway.Page) ([]slipway.AuditEntry, string, error) {
	w, from, order, err := q.where(page)
	if err != nil {
		return nil, "", err
	}
	columns := "a.id, a." + strings.ReplaceAll(auditColumns, ", ", ", a.")
	return listing[slipway.AuditEntry]{
		what: "audit entries", text: `SELECT ` + columns + ` FROM ` + from, where: w, order: order,
		scan: scanAudit, key: func(e slipway.AuditEntry) string { return timeKey(e.Time, strconv.FormatInt(e.ID, 10)) },
	}.page(ctx, r, page)
}

// AuditEntry returns one audit entry.
func (r Reader) AuditEntry(ctx context.Context, id int64) (slipway.AuditEntry, error) {
	return one(ctx, r, fmt.Sprintf("audit entry %d", id), scanAudit, ask(`SELECT id, `+auditColumns+` FROM audit WHERE id = $1`, id))
}

// CountAudit returns how many audit entries q picks, counted no further than
// most.
func (r Reader) CountAudit(ctx context.Context, q AuditQuery, most int) (int, error) {
	w, from, _, err := q.where(slipway.Page{})
	if err != nil {
		return 0, err
	}
	text := `SELECT count(*) FROM (SELECT 1 FROM ` + from + w.String() + ` LIMIT ` + w.arg(most) + `) AS found`
	return one(ctx, r, "the number of audit entries", scanned[int], stmt{text, w.args})
}

// AuditMethods lists every method that the audit log has an entry of. It jumps
// from one to the next in the index, which DISTINCT would read whole.
func (r Reader) AuditMethods(ctx context.Context) ([]string, error) {
	return all(ctx, r, "list the methods in the audit log", scanned[string], ask(`
		WITH RECURSIVE seen (method) AS (
			SELECT min(method) FROM audit
			UNION ALL
			SELECT (SELECT min(a.method) FROM audit a WHERE a.method > seen.method) FROM seen WHERE seen.method IS NOT NULL
		)
		SELECT method FROM seen WHERE method IS NOT NULL ORDER BY method LIMIT $1`, slipway.MaxPageSize))
}

// AddAudit records an act. Its ID is the store's to give.
func (tx *Tx) AddAudit(ctx context.Context, e slipway.AuditEntry) error {
	return tx.addAudits(ctx, []slipway.AuditEntry{e})
}

// addAudits records acts, of which no two have the same reference.
func (tx *Tx) addAudits(ctx context.Context, list []slipway.AuditEntry) error {
	var w where
	rows := make([]string, len(list))
	for i, e := range list {
		rows[i] = "(" + w.list([]any{
			e.Time, e.Caller.Member(), e.Caller.Title, asJSON(e.Caller.Job), e.Caller.Origin.IP, e.Caller.Origin.UserAgent,
			e.Method, e.Permission, e.Resource, e.Project, e.Request, e.Response, !e.OK(), e.Kind, e.Message, e.Latency, e.Reference,
		}) + ")"
	}
	type added struct {
		id        int64
		reference string
	}
	// Rows come back in no promised order, but with what they hold.
	got, err := all(ctx, tx.Reader, "record acts", func(r row) (a added, err error) { return a, r.Scan(&a.id, &a.reference) },
		stmt{`INSERT INTO audit (` + auditColumns + `) VALUES ` + strings.Join(rows, ", ") + ` RETURNING id, reference`, w.args})
	if err != nil {
		return err
	}
	ids := make(map[string]int64, len(got))
	for _, a := range got {
		ids[a.reference] = a.id
	}
	var places [][]any
	for _, e := range list {
		for _, name := range within(e.Resource) {
			places = append(places, []any{name, e.Time, ids[storable(e.Reference)]})
		}
	}
	return tx.insertAll(ctx, "index acts", "audit_resource (resource, time, audit)", places)
}

// within returns a resource name and the names of all that it is part of, at
// most eight: "projects/shop/plans/101/rollout" is within "projects/shop/plans/101"
// and "projects/shop".
func within(resource string) []string {
	var names []string
	if resource != "" {
		names = append(names, resource)
	}
	for i, n := 0, 0; i < len(resource) && len(names) < 8; i++ {
		if resource[i] != '/' {
			continue
		}
		if n++; n%2 == 0 {
			names = append(names, resource[:i])
		}
	}
	return names
}
