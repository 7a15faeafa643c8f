package e2e_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"slipway/internal/idtokentest"
)

// An actor is somebody with one role in one place, or with none.
type actor struct {
	name   string
	caller string // as a binding names it; "" for nobody who is signed in
	role   byte   // its letter in permissions.txt; 0 for none
	on     string // "workspace", "project" for my-project, "elsewhere" for another
	token  string
}

// TestPermissions calls every method, by every REST binding, as every
// predefined role held on the workspace, on the project and on another one, and
// as those who are no one any more, and holds the outcome against
// testdata/permissions.txt.
func TestPermissions(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setting{"sqlite", "sqlite"})
	m := &matrix{world: w, ids: w.populate(t)}
	m.rows = readRows(t)
	for _, who := range w.actors(t) {
		for _, r := range m.rows {
			m.check(t, who, r)
		}
	}
	m.alone(t)
}

// A matrix holds answers against the table.
type matrix struct {
	*world
	rows []row
	ids  map[string]string // what stands for the names in braces
	n    int
}

// check makes one call and compares.
func (m *matrix) check(t *testing.T, who actor, r row) {
	t.Helper()
	r = m.filled(t, r, who)
	status, text := m.Call(who.token, r.verb, r.path, []byte(r.body))
	what := fmt.Sprintf("%s (%s %s) as %s", r.method, r.verb, r.path, who.name)
	var got struct {
		Code    int
		Message string
		Details []json.RawMessage
	}
	if status != http.StatusOK {
		if err := json.Unmarshal(text, &got); err != nil {
			t.Errorf("%s: %d, and %v in %s", what, status, err, text)
			return
		}
	}
	switch {
	case r.may(who):
		if got.Code != r.answer || len(got.Details) > 0 {
			t.Errorf("%s: want code %d and no details, got %d %s", what, r.answer, status, text)
		}
		if status == http.StatusOK && r.verb == http.MethodDelete {
			m.undo(t, r)
		}
	case who.caller == "":
		if status != http.StatusUnauthorized || got.Code != 16 {
			t.Errorf("%s: want 401, got %d %s", what, status, text)
		}
	case r.bars(who):
		if status != http.StatusForbidden || len(got.Details) > 0 || !strings.Contains(got.Message, who.caller) || !strings.Contains(got.Message, "people") {
			t.Errorf("%s: want 403 that says whom it is for, got %d %s", what, status, text)
		}
	default:
		wantDenied(t, what, status, text, r.permissions[0], r.resource, who.caller)
	}
}

// undo brings back what a call has deleted, where a method does that.
func (m *matrix) undo(t *testing.T, r row) {
	if slices.ContainsFunc(m.rows, func(u row) bool { return m.filled(t, u, actor{}).path == r.path+":undelete" }) {
		m.Admin("POST", r.path+":undelete", object{}, nil)
	}
}

// alone calls what takes a permission as somebody who holds that one and no
// other, and as somebody who holds all others.
func (m *matrix) alone(t *testing.T) {
	const ann = "ann@example.com"
	m.person(ann, personPassword)
	who := actor{caller: "user:" + ann, token: m.SignIn(ann, personPassword), on: "workspace"}
	m.Admin("POST", "/v1/roles?roleId=only", object{"title": "Only", "permissions": []string{"bb.plans.get"}}, nil)
	m.bind("workspaces/-", "roles/only", who.caller)
	var everything struct{ Permissions []string }
	m.Admin("GET", "/v1/roles/workspaceAdmin", nil, &everything)
	for _, r := range m.rows {
		if len(r.permissions) == 0 || r.who == "people" {
			continue
		}
		others := slices.DeleteFunc(slices.Clone(everything.Permissions), func(p string) bool { return slices.Contains(r.permissions, p) })
		m.Admin("PATCH", "/v1/roles/only?updateMask=permissions", object{"permissions": others}, nil)
		who.name, who.role = "who lacks it alone", 0
		m.check(t, who, r)
		m.Admin("PATCH", "/v1/roles/only?updateMask=permissions", object{"permissions": r.permissions[:1]}, nil)
		who.name, who.role = "who holds it alone", r.who[0]
		m.check(t, who, r)
	}
}

// wantDenied checks that an answer is PERMISSION_DENIED and names exactly the
// permission, the resource and the caller.
func wantDenied(t *testing.T, what string, status int, text []byte, permission, resource, caller string) {
	t.Helper()
	type detail struct {
		Caller                         string
		RequiredPermissions, Resources []string
	}
	type denial struct {
		Status, Code int
		Message      string
		Details      []detail
	}
	want := denial{
		http.StatusForbidden, 7, fmt.Sprintf("permission denied: %s lacks %q on %s", caller, permission, resource),
		[]detail{{caller, []string{permission}, []string{resource}}},
	}
	got := denial{Status: status}
	if err := json.Unmarshal(text, &got); err != nil {
		t.Errorf("%s: %v in %s", what, err, text)
		return
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// populate makes one of everything that a method can name, and returns what
// stands for the names in braces.
func (w *world) populate(t *testing.T) map[string]string {
	t.Helper()
	w.trust()
	w.grant()
	if out, err := w.job(t, writeRepository(t), "rollout", mainJob); err != nil {
		t.Fatalf("rollout: %v\n%s", err, out)
	}
	if err := os.WriteFile(filepath.Join(w.root, "test", "stray.db"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	w.Admin("POST", "/v1/instances/test:sync", object{}, nil)
	w.person("bob@example.com", personPassword)
	w.Admin("POST", "/v1/roles?roleId=reader", object{"title": "Reader", "permissions": []string{"bb.plans.get"}}, nil)
	w.Admin("POST", "/v1/groups?groupEmail=team@example.com", object{"title": "Team"}, nil)
	w.Admin("POST", "/v1/projects?projectId=other", object{"title": "Other"}, nil)
	w.Admin("POST", "/v1/projects/my-project/databaseGroups?databaseGroupId=everything", object{"databaseExpr": object{"expression": "true"}}, nil)
	for id, parent := range map[string]string{"of-project": "projects/my-project", "of-workspace": "workspaces/-"} {
		w.account(parent, id)
		w.identity(parent, id)
	}
	var revisions struct {
		Revisions []struct{ Name, Sheet, Release string }
	}
	w.Admin("GET", "/v1/"+w.targets[0]+"/revisions", nil, &revisions)
	if len(revisions.Revisions) == 0 {
		t.Fatal("the rollout left no revisions")
	}
	var runs struct{ TaskRuns []struct{ Name string } }
	w.Admin("GET", "/v1/projects/my-project/plans/1/rollout/stages/-/tasks/-/taskRuns", nil, &runs)
	i := slices.IndexFunc(runs.TaskRuns, func(r struct{ Name string }) bool { return strings.Contains(r.Name, "/stages/test/") })
	if i < 0 {
		t.Fatalf("the rollout left no run in test, but %v", runs)
	}
	run := strings.Split(runs.TaskRuns[i].Name, "/")
	rev := revisions.Revisions[0]
	folder := filepath.Join(w.root, "new")
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	return map[string]string{
		"password": personPassword, "issuer": w.issuer.URL(), "folder": folder, "uuid": "8d3f2b1e-6c1f-4b58-9f6e-0f4c0b6b7a11",
		"plan": run[3], "task": run[8], "run": run[10],
		"revision": last(rev.Name), "sheet": last(rev.Sheet), "release": last(rev.Release),
		"exchange": w.refused("of-project@workload.bytebase.com"), "stray": w.refused("nobody@workload.bytebase.com"),
	}
}

var mainJob = idtokentest.Job{Project: "my-group/my-project"}

func last(name string) string { return name[strings.LastIndexByte(name, '/')+1:] }

// account makes a service account and returns its key.
func (w *world) account(parent, id string) string {
	w.T.Helper()
	var made struct{ ServiceKey string }
	w.Admin("POST", "/v1/"+parent+"/serviceAccounts?serviceAccountId="+id, object{"title": id}, &made)
	return made.ServiceKey
}

// identity makes a workload identity that the main job may become.
func (w *world) identity(parent, id string) {
	w.T.Helper()
	w.Admin("POST", "/v1/"+parent+"/workloadIdentities?workloadIdentityId="+id, object{
		"title": id, "workloadIdentityConfig": object{
			"providerType": "GITLAB", "issuerUrl": w.issuer.URL(), "allowedAudiences": []string{w.issuer.URL()},
			"subjectPattern": "project_path:my-group/my-project:*",
		},
	}, nil)
}

// refused has an exchange turned down and returns its reference.
func (w *world) refused(email string) string {
	w.T.Helper()
	w.Call("", "POST", "/v1/auth:exchangeToken", object{"token": "x.y.z", "email": email})
	var found struct{ Exchanges []struct{ Name string } }
	w.Admin("GET", "/v1/exchanges?pageSize=1", nil, &found)
	if len(found.Exchanges) != 1 {
		w.T.Fatal("a refused exchange left no trace")
	}
	return last(found.Exchanges[0].Name)
}
