package e2e_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"slipway/internal/idtokentest"
)

// A rule is one binding of a method with what it takes to call it.
type rule struct {
	method, verb, path string
	permission         string // "" for none but being signed in
	or                 string // another that is as good; "" for none
	body               []byte
}

// TestPermissions calls every method of the contract, over REST, as a person
// who holds nothing, everything but the one permission, that one on another
// project, and that one alone. Only the last is let through, and the others are
// told which one it is.
func TestPermissions(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setting{"sqlite", "sqlite"})
	rules := readRules(t, w.populate(t))
	const ann = "ann@example.com"
	w.person(ann, personPassword)
	token := w.SignIn(ann, personPassword)
	w.bind("workspaces/-", "roles/workspaceMember") // which everyone signed in has from the start
	w.Admin("POST", "/v1/projects?projectId=other", object{"title": "Other"}, nil)
	w.Admin("POST", "/v1/roles?roleId=only", object{"title": "Only", "permissions": []string{"bb.plans.get"}}, nil)
	var everything struct{ Permissions []string }
	w.Admin("GET", "/v1/roles/workspaceAdmin", nil, &everything)

	for _, stand := range []struct {
		name, on string
		holds    func(r rule) []string
		in       bool
	}{
		{"holding nothing", "", nil, false},
		{"holding it on another project", "projects/other", func(r rule) []string { return []string{r.permission} }, false},
		{"holding everything else", "workspaces/-", func(r rule) []string {
			return slices.DeleteFunc(slices.Clone(everything.Permissions), func(p string) bool { return p == r.permission || p == r.or })
		}, false},
		{"holding it alone", "workspaces/-", func(r rule) []string { return []string{r.permission} }, true},
	} {
		if stand.on != "" {
			w.bind(stand.on, "roles/only", "user:"+ann)
		}
		for _, r := range rules {
			if stand.holds != nil && r.permission != "" {
				w.Admin("PATCH", "/v1/roles/only?updateMask=permissions", object{"permissions": stand.holds(r)}, nil)
			}
			status, text := w.Call(token, r.verb, r.path, r.body)
			what := fmt.Sprintf("%s (%s %s), %s", r.method, r.verb, r.path, stand.name)
			if stand.in || r.permission == "" {
				if status == http.StatusForbidden || status == http.StatusUnauthorized {
					t.Errorf("%s: %d %s", what, status, text)
				}
				continue
			}
			wantDenied(t, what, status, text, r.permission, "user:"+ann)
		}
		if stand.on != "" {
			w.bind(stand.on, "roles/only")
		}
	}
}

// wantDenied checks that an answer is PERMISSION_DENIED and names exactly the
// permission, a resource, and the caller.
func wantDenied(t *testing.T, what string, status int, text []byte, permission, caller string) {
	t.Helper()
	var got struct {
		Code    int
		Message string
		Details []struct {
			Method, Caller                 string
			RequiredPermissions, Resources []string
		}
	}
	if err := json.Unmarshal(text, &got); err != nil {
		t.Errorf("%s: %v in %s", what, err, text)
		return
	}
	if status != http.StatusForbidden || got.Code != 7 || len(got.Details) != 1 {
		t.Errorf("%s: want 403 with one detail, got %d %s", what, status, text)
		return
	}
	d := got.Details[0]
	if diff := cmp.Diff([]string{permission}, d.RequiredPermissions); diff != "" {
		t.Errorf("%s: permissions named (-want +got):\n%s", what, diff)
	}
	if d.Caller != caller || len(d.Resources) != 1 || d.Resources[0] == "" {
		t.Errorf("%s: want %s and one resource to be named: %s", what, caller, text)
	}
	want := fmt.Sprintf("permission denied: %s lacks %q on %s", caller, permission, strings.Join(d.Resources, ""))
	if got.Message != want {
		t.Errorf("%s: message %q, want %q", what, got.Message, want)
	}
}

// populate makes one of everything that a method can name, and returns what
// stands for each wildcard, by the collection before it.
func (w *world) populate(t *testing.T) map[string]string {
	t.Helper()
	w.trust()
	w.grant()
	main := idtokentest.Job{Project: "my-group/my-project"}
	if out, err := w.job(t, writeRepository(t), "rollout", main); err != nil {
		t.Fatalf("rollout: %v\n%s", err, out)
	}
	w.person("bob@example.com", personPassword)
	w.Admin("POST", "/v1/roles?roleId=reader", object{"title": "Reader", "permissions": []string{"bb.plans.get"}}, nil)
	w.Admin("POST", "/v1/groups?groupEmail=team@example.com", object{"title": "Team"}, nil)
	w.Admin("POST", "/v1/projects/my-project/databaseGroups?databaseGroupId=everything", object{"databaseExpr": object{"expression": "true"}}, nil)
	var account struct{ Email string }
	w.Admin("POST", "/v1/workspaces/-/serviceAccounts?serviceAccountId=robot", object{"title": "Robot"}, &account)
	var revisions struct {
		Revisions []struct{ Name, Sheet, Release string }
	}
	w.Admin("GET", "/v1/"+w.targets[0]+"/revisions", nil, &revisions)
	if len(revisions.Revisions) == 0 {
		t.Fatal("the rollout left no revisions")
	}
	// An exchange for an identity that is not there belongs to no project.
	w.Call("", "POST", "/v1/auth:exchangeToken", object{"token": "x.y.z", "email": "nobody@workload.bytebase.com"})
	var exchanges struct{ Exchanges []struct{ Name string } }
	w.Admin("GET", "/v1/exchanges", nil, &exchanges)
	last := func(name string) string { return name[strings.LastIndexByte(name, '/')+1:] }
	rev := revisions.Revisions[0]
	return map[string]string{
		"projects": "my-project", "instances": "test", "databases": "mydb", "workspaces": "-", "settings": "ENVIRONMENT",
		"plans": "1", "stages": "test", "tasks": "1", "taskRuns": "1",
		"revisions": last(rev.Name), "sheets": last(rev.Sheet), "releases": last(rev.Release),
		"users": "bob@example.com", "groups": "team@example.com", "databaseGroups": "everything", "roles": "reader", "serviceAccounts": account.Email, "workloadIdentities": identity,
		"exchanges": last(exchanges.Exchanges[0].Name),
	}
}

// readRules reads testdata/permissions.txt. What a method would destroy it is
// called for in vain: by a name that nothing has.
func readRules(t *testing.T, ids map[string]string) []rule {
	t.Helper()
	text, err := os.ReadFile("testdata/permissions.txt")
	if err != nil {
		t.Fatal(err)
	}
	var rules []rule
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		parts := strings.SplitN(line, "|", 4)
		if len(parts) != 4 {
			t.Fatalf("permissions.txt: %q has not four columns", line)
		}
		method := strings.TrimSpace(parts[0])
		permission := strings.TrimSpace(parts[2])
		if _, ours, ok := strings.Cut(permission, "=>"); ok {
			permission, _, _ = strings.Cut(strings.TrimSpace(ours), ":")
		}
		if permission == "none" {
			permission = ""
		}
		for binding := range strings.SplitSeq(parts[1], ";") {
			verb, path, ok := strings.Cut(strings.TrimSpace(binding), " ")
			if !ok || permission == "-" {
				t.Fatalf("permissions.txt: %q says too little", line)
			}
			path = filled(t, path, ids)
			if verb == "DELETE" || strings.HasSuffix(path, ":undelete") {
				path = inVain(path)
			}
			one, or, _ := strings.Cut(permission, " or ")
			rules = append(rules, rule{method, verb, path, one, or, []byte(strings.TrimSpace(parts[3]))})
		}
	}
	if len(rules) < 80 {
		t.Fatalf("permissions.txt has %d bindings: some are missing", len(rules))
	}
	return rules
}

// inVain puts a name that nothing has in the place of the last one.
func inVain(path string) string {
	path, verb, custom := strings.Cut(path, ":")
	path = path[:strings.LastIndexByte(path, '/')+1] + "none-of-that"
	if strings.HasPrefix(path, "/v1/users/") {
		path += "@example.com"
	}
	if custom {
		path += ":" + verb
	}
	return path
}

var (
	template = regexp.MustCompile(`\{[a-z_.]+=([^}]+)\}`)
	wildcard = regexp.MustCompile(`([A-Za-z]+)/\*`)
)

// filled replaces the wildcards of a path template.
func filled(t *testing.T, path string, ids map[string]string) string {
	t.Helper()
	path = template.ReplaceAllString(path, "$1")
	return wildcard.ReplaceAllStringFunc(path, func(m string) string {
		collection := strings.TrimSuffix(m, "/*")
		id, ok := ids[collection]
		if !ok {
			t.Fatalf("%s: nothing stands for %s", path, m)
		}
		return collection + "/" + id
	})
}
