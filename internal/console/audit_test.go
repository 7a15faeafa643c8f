package console_test

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"slipway"
	"slipway/internal/store"
)

// happen writes an audit entry.
func (w *world) happen(e slipway.AuditEntry) {
	w.t.Helper()
	if err := w.st.Update(w.t.Context(), func(tx *store.Tx) error { return tx.AddAudit(w.t.Context(), e) }); err != nil {
		w.t.Fatal(err)
	}
}

var longAgo = time.Date(2020, 2, 3, 4, 5, 6, 0, time.UTC)

// past makes three entries of long ago: done by a job, refused a stranger, and
// failed.
func past(w *world) {
	job := slipway.Principal{
		Kind: slipway.WorkloadIdentityKind, Email: "deploy@workload.bytebase.com", Title: "Deploy",
		Job: &slipway.Job{ProjectPath: "my-group/app", Ref: "=cmd()", PipelineID: "574", JobID: "302", SHA: "714a629c"}, Origin: slipway.Origin{IP: "203.0.113.7", UserAgent: "@evil"},
	}
	w.happen(slipway.AuditEntry{Time: longAgo, Caller: job, Method: "/bytebase.v1.ReleaseService/CreateRelease", Permission: "bb.releases.create", Resource: "projects/shop/releases/r1", Project: "shop", Request: `{"files":[{"path":"<1>.sql"}]}`})
	w.happen(slipway.AuditEntry{Time: longAgo.Add(time.Hour), Method: "/bytebase.v1.AuthService/Login", Resource: "users/eve@example.com", Message: "invalid email or password", Kind: slipway.Unauthenticated})
	w.happen(slipway.AuditEntry{Time: longAgo.AddDate(0, 0, 1), Caller: w.admin, Method: "/bytebase.v1.ProjectService/SetIamPolicy", Resource: "projects/shop", Project: "shop", Message: "there is concurrent update", Kind: slipway.Conflict})
}

func TestAuditLog(t *testing.T) {
	w := newWorld(t)
	past(w)
	v := w.visitor(adminEmail)
	p := v.get("/audit?to=2020-12-31")
	p.expect(t, http.StatusOK, times(3, "tbody tr"), in("tbody", says("Create release", "Deploy", "projects/shop/releases/r1", "Done", "Login", "Nobody known", "Refused", "Set IAM policy", "Ada Admin", "Failed")))
	for query, found := range map[string]string{
		"who=deploy@workload.bytebase.com":                      "Create release",
		"what=%2Fbytebase.v1.AuthService%2FLogin&to=2020-12-31": "Login",
		"resource=projects/shop/releases&to=2020-12-31":         "",
		"resource=projects/shop/releases/r1/":                   "Create release",
		"outcome=failed&who=admin@example.com&to=2020-12-31":    "Set IAM policy",
		"outcome=done&to=2020-12-31":                            "Create release",
		"from=2020-02-04&to=2020-02-04":                         "Set IAM policy",
		"from=2020-02-05&to=2020-02-06":                         "",
	} {
		p := v.get("/audit?" + query)
		if found == "" {
			p.expect(t, http.StatusOK, says("Nothing fits"))
			continue
		}
		p.expect(t, http.StatusOK, times(1, "tbody tr"), in("tbody a.name", says("")), in("tbody", says(found)))
	}
	v.get("/audit?from=yesterday&who=x&to=2020-01-01").expect(t, http.StatusBadRequest,
		in("#f-from-error", says("Write a day")), in("#f-who-error", says("not an e-mail address")), in("#f-who", value("value", "x")))
	v.get("/audit?from=2020-02-05&to=2020-02-04").expect(t, http.StatusBadRequest, in("#f-to-error", says("before the first")))
	v.get("/audit?after=bm9wZQ").expect(t, http.StatusBadRequest)

	p = p.follow("Create release")
	p.expect(t, http.StatusOK, in("h1", says("Create release", "Done")), in("dl", says("203.0.113.7", "@evil", "my-group/app", "=cmd()", "pipeline 574", "bb.releases.create")),
		in("pre", says(`"path": "<1>.sql"`)))
	v.get("/audit?to=2020-12-31").follow("Login").expect(t, http.StatusOK, in(".says.bad", is("invalid email or password")))
	v.get("/audit/x").expect(t, http.StatusNotFound)
	v.get("/audit/99999999").expect(t, http.StatusNotFound)
}

func TestAuditExport(t *testing.T) {
	w := newWorld(t)
	past(w)
	for i := range 1200 { // more than the store gives at once
		w.happen(slipway.AuditEntry{Time: longAgo.AddDate(-1, 0, 0).Add(time.Duration(i) * time.Second), Caller: w.admin, Method: "/m", Resource: "r"})
	}
	v := w.visitor(adminEmail)
	p := v.get("/audit?to=2020-12-31&who=deploy@workload.bytebase.com").follow("Export CSV")
	if p.header.Get("Content-Type") != "text/csv; charset=utf-8; header=present" || !strings.HasPrefix(p.header.Get("Content-Disposition"), `attachment; filename="slipway-audit-`) {
		t.Errorf("headers of the export: %v", p.header)
	}
	rows, err := csv.NewReader(strings.NewReader(p.body)).ReadAll()
	if err != nil || len(rows) != 2 {
		t.Fatalf("%d rows, %v:\n%s", len(rows), err, p.body)
	}
	got := map[string]string{}
	for i, name := range rows[0] {
		got[name] = rows[1][i]
	}
	for name, want := range map[string]string{
		"caller": "workloadIdentity:deploy@workload.bytebase.com", "time": "2020-02-03T04:05:06Z", "outcome": "done",
		"ci_ref": "'=cmd()", "user_agent": "'@evil", "ci_pipeline": "574", "request": `{"files":[{"path":"<1>.sql"}]}`,
	} {
		if got[name] != want {
			t.Errorf("%s: %q, want %q", name, got[name], want)
		}
	}

	p = v.get("/audit/export?format=jsonl&to=2020-12-31")
	lines := strings.Split(strings.TrimSpace(p.body), "\n")
	if len(lines) != 1203 {
		t.Fatalf("%d lines, want 1203", len(lines))
	}
	var first struct {
		Outcome, Message, Method string
		Job                      *slipway.Job
	}
	if err := json.Unmarshal([]byte(lines[0]), &first); err != nil || first.Outcome != "failed" || first.Message != "there is concurrent update" {
		t.Errorf("first line %s: %+v, %v", lines[0], first, err)
	}
	v.get("/audit?who=admin@example.com&what="+url.QueryEscape("/slipway.v1.AuditService/ExportAuditEntries")).
		expect(t, http.StatusOK, times(2, "tbody tr"), in("tbody", says("Export audit entries")))
	v.get("/audit/export?format=xml").expect(t, http.StatusBadRequest)
	v.get("/audit/export?format=csv&from=x").expect(t, http.StatusBadRequest)
	empty := v.get("/audit/export?format=csv&to=2001-01-01")
	if empty.status != http.StatusOK || strings.Count(empty.body, "\n") != 1 {
		t.Errorf("an export of nothing: %d, %q", empty.status, empty.body)
	}
}

func TestAuditInPages(t *testing.T) {
	w := newWorld(t)
	for i := range 60 {
		w.happen(slipway.AuditEntry{Time: longAgo.Add(time.Duration(i) * time.Second), Caller: w.admin, Method: "/m", Resource: fmt.Sprintf("r/%d", i)})
	}
	p := w.visitor(adminEmail).get("/audit?what=/m")
	p.expect(t, http.StatusOK, times(50, "tbody tr"))
	p.follow("Next page").expect(t, http.StatusOK, times(10, "tbody tr"), in("tbody", says("r/0"), lacks("r/10")))
}
