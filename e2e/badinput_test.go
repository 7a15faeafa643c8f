package e2e_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"slipway/internal/servertest"
)

// A badCall is a request that has to be refused.
type badCall struct {
	name       string
	verb, path string
	body       string
	status     int
	says       []string          // fragments of the answer: what is wrong, and where
	header     map[string]string // beside the usual ones; "" leaves one out
}

// recognisable marks the secrets that bad input holds where a secret belongs.
const recognisable = "Recognisable-Secret-"

// TestBadCalls sends what no client should send to every kind of method. Each
// answer says what is wrong and where, with the right status; none changes
// anything, and none of the secrets on the way shows up anywhere.
func TestBadCalls(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setting{"sqlite", "sqlite"})
	w.trust()
	w.grant()
	w.person("ann@example.com", personPassword)
	var before [32]byte
	n := 0
	for _, group := range [][]badCall{transportCalls(), credentialCalls(), nameCalls(w), pageCalls(), accountCalls(), trustCalls(w), databaseCalls(w), changeCalls(w)} {
		for _, c := range group {
			if n++; n == 1 {
				w.AdminToken() // a session is no change, but its person's last sign-in is
				before = w.digest(t)
			}
			w.wantRefused(t, c)
			if after := w.digest(t); after != before {
				t.Errorf("%s: the server's data changed", c.name)
				before = after
			}
		}
	}
	if n < 100 {
		t.Errorf("there are %d bad calls, want at least 100", n)
	}
	w.wantNoSecrets(t)
}

// wantRefused makes the call and holds the answer against what it shall say.
func (w *world) wantRefused(t *testing.T, c badCall) {
	t.Helper()
	req, err := http.NewRequest(c.verb, w.URL+c.path, strings.NewReader(c.body))
	if err != nil {
		t.Fatalf("%s: %v", c.name, err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+w.AdminToken())
	for name, value := range c.header {
		if req.Header.Del(name); value != "" {
			req.Header.Set(name, value)
		}
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Errorf("%s: %v", c.name, err)
		return
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Errorf("%s: %v", c.name, err)
		return
	}
	w.said = append(w.said, string(text))
	if resp.StatusCode != c.status || len(text) > 8<<10 || !utf8.Valid(text) || strings.Join(c.says, "") == "" {
		t.Errorf("%s: %d %.1000q, want %d and %q", c.name, resp.StatusCode, text, c.status, c.says)
	}
	said := string(text) + resp.Header.Get("Accept-Post") // what Connect says of a content type, without a body
	var answer struct{ Message string }
	if json.Unmarshal(text, &answer) == nil && answer.Message != "" {
		said = answer.Message
	}
	for _, part := range c.says {
		if !strings.Contains(said, part) {
			t.Errorf("%s: the answer %.1000q does not say %q", c.name, said, part)
		}
	}
}

// digest sums all that the server remembers but for what calls leave behind by
// themselves: audit, sessions, exchanges and the queue's own tables.
func (w *world) digest(t *testing.T) [32]byte {
	t.Helper()
	file := filepath.Join(w.Data, "slipway.db")
	sum := sha256.New()
	tables := 0
	for _, table := range sqliteRows(t, file, "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name") {
		name := table[0]
		if slices.Contains([]string{"audit", "audit_resource", "session", "exchange"}, name) ||
			strings.HasPrefix(name, "river_") || strings.HasPrefix(name, "sqlite_") {
			continue
		}
		tables++
		fmt.Fprintln(sum, name)
		var lines []string
		for _, row := range sqliteRows(t, file, "SELECT * FROM "+name) {
			lines = append(lines, fmt.Sprintf("%q", row))
		}
		slices.Sort(lines)
		fmt.Fprintln(sum, lines)
	}
	if tables < 15 {
		t.Fatalf("the server remembers %d tables only: the digest does not see them", tables)
	}
	return [32]byte(sum.Sum(nil))
}

// wantNoSecrets searches every place that can be read for the secrets that bad
// input brought along.
func (w *world) wantNoSecrets(t *testing.T) {
	t.Helper()
	secrets := map[string]string{"a secret of bad input": recognisable, "the administrator's password": servertest.AdminPassword, "a session": w.AdminToken()}
	seen := false
	_, audit := w.Call(w.AdminToken(), "POST", "/v1/auditLogs:search", object{"pageSize": 1000})
	places := []place{{"the audit log", audit}, {"the server's log", []byte(w.Log.String())}}
	for _, text := range w.said {
		places = append(places, place{"an answer", []byte(text)})
	}
	for _, p := range append(places, w.files(t)...) {
		seen = seen || p.name == "the audit log" && bytes.Contains(p.text, []byte("Login"))
		for name, secret := range secrets {
			if form := found(p.text, secret); form != "" {
				t.Errorf("%s is in %s, %s", name, p.name, form)
			}
		}
	}
	if !seen {
		t.Error("the sign-ins are not in the audit log: the search sees nothing")
	}
}

// transportCalls are wrong before their meaning counts.
func transportCalls() []badCall {
	const get, post, patch = "GET", "POST", "PATCH"
	const rpc = "/bytebase.v1.ProjectService/GetProject"
	project := "/v1/projects?projectId=new"
	deep := strings.Repeat(`{"a":`, 20_000) + "1" + strings.Repeat("}", 20_000)
	return []badCall{
		{"no such path", get, "/v1/nothing", "", 404, []string{"no method at this path"}, nil},
		{"another HTTP method", "PUT", "/v1/projects", "{}", 405, []string{"PUT", "GET, POST"}, nil},
		{"an empty segment", get, "/v1/projects/", "", 404, []string{"no method at this path"}, nil},
		{"a slash too many", get, "/v1//projects", "", 404, []string{"no method at this path"}, nil},
		{"no JSON", post, project, "{no", 400, []string{"Project", "JSON"}, nil},
		{"half of JSON", post, project, `{"title": "x"`, 400, []string{"Project", "JSON"}, nil},
		{"JSON and more", post, project, `{"title": "x"} {}`, 400, []string{"Project", "JSON"}, nil},
		{"an array", post, project, `[]`, 400, []string{"Project", "JSON"}, nil},
		{"a string", post, project, `"x"`, 400, []string{"Project", "JSON"}, nil},
		{"a byte order mark", post, project, "\ufeff{}", 400, []string{"Project", "JSON"}, nil},
		{"an unknown field", post, project, `{"titel": "x"}`, 400, []string{`unknown field "titel"`, "title"}, nil},
		{"an unknown field deep inside", patch, "/v1/settings/ENVIRONMENT", `{"value": {"environment": {"environments": [{"idd": "x"}]}}}`, 400, []string{`"value.environment.environments.idd"`}, nil},
		{"a number for a text", post, project, `{"title": 5}`, 400, []string{"title"}, nil},
		{"a text for a number", post, project, `{"title": "x", "parallelTasksPerRollout": "many"}`, 400, []string{"parallelTasksPerRollout"}, nil},
		{"an object for a list", post, "/v1/roles?roleId=r", `{"permissions": {"a": "b"}}`, 400, []string{"Role", "line 1:17"}, nil},
		{"a field twice", post, project, `{"title": "a", "title": "b"}`, 400, []string{"title"}, nil},
		{"an unknown enum value", post, "/v1/instances?instanceId=x", `{"engine": "DBASE"}`, 400, []string{"engine", "DBASE"}, nil},
		{"bytes that are not UTF-8", post, project, "{\"title\": \"\xff\"}", 400, []string{"UTF-8"}, nil},
		{"half a surrogate pair", post, project, `{"title": "\ud800"}`, 400, []string{"JSON"}, nil},
		{"nested too deep", post, project, deep, 400, []string{"Project"}, nil},
		{"too large", post, project, `{"title": "` + strings.Repeat("x", 4<<20) + `"}`, 400, []string{"4 MiB"}, nil},
		{"too many parts", post, "/v1/projects/my-project/releases:check", `{"targets": [` + strings.Repeat(`"",`, 500_001) + `""]}`, 400, []string{"500000"}, nil},
		{"compressed", post, project, "\x1f\x8b", 400, []string{"Content-Encoding", "gzip"}, map[string]string{"Content-Encoding": "gzip"}},
		{"a form", post, project, "title=x", 400, []string{"Project", "JSON"}, map[string]string{"Content-Type": "application/x-www-form-urlencoded"}},
		{"XML", post, project, "<title>x</title>", 400, []string{"Project", "JSON"}, map[string]string{"Content-Type": "application/xml"}},
		{"Connect: text", post, rpc, "{}", 415, []string{"application/json"}, map[string]string{"Content-Type": "text/plain"}},
		{"a body where none is taken", "DELETE", "/v1/projects/nothing", `{"name": "x"}`, 400, []string{"takes no body"}, nil},
		{"an unknown query field", get, "/v1/projects?pagesize=1", "", 400, []string{`"pagesize"`, "pageSize"}, nil},
		{"a query field twice", get, "/v1/projects?pageSize=1&pageSize=2", "", 400, []string{`"pageSize"`, "2 times"}, nil},
		{"a query that is no query", get, "/v1/projects?filter=%zz", "", 400, []string{"query"}, nil},
		{"a truth that is none", get, "/v1/projects?showDeleted=yes", "", 400, []string{`"showDeleted"`, `"yes"`}, nil},
		{"Connect: no such procedure", post, "/bytebase.v1.ProjectService/Nothing", "{}", 501, []string{"ProjectService/Nothing"}, nil},
		{"Connect: no JSON", post, rpc, "{no", 400, []string{"JSON"}, nil},
		{"Connect: an unknown field", post, rpc, `{"nam": "projects/a"}`, 400, []string{`unknown field "nam"`, "name"}, nil},
		{"Connect: broken binary", post, rpc, "\x0a\xff", 400, []string{"read the request"}, map[string]string{"Content-Type": "application/proto"}},
		{"Connect: binary that is not UTF-8", post, rpc, "\x0a\x01\xff", 400, []string{"UTF-8"}, map[string]string{"Content-Type": "application/proto"}},
		{"Connect: unknown compression", post, rpc, "{}", 501, []string{"zzz"}, map[string]string{"Content-Encoding": "zzz"}},
		{"Connect: gzip that is none", post, rpc, "{}", 400, []string{"gzip"}, map[string]string{"Content-Encoding": "gzip"}},
		{"Connect: a time-out that is no number", post, rpc, "{}", 400, []string{"soon"}, map[string]string{"Connect-Timeout-Ms": "soon"}},
		{"Connect: too large", post, rpc, `{"name": "` + strings.Repeat("x", 4<<20) + `"}`, 400, []string{"4 MiB"}, nil},
	}
}

// credentialCalls come with no credential, or with one that is none.
func credentialCalls() []badCall {
	secret := recognisable + "credential"
	with := func(authorization string) map[string]string {
		return map[string]string{"Authorization": authorization}
	}
	login := func(name, body string, status int, says ...string) badCall {
		return badCall{"sign in: " + name, "POST", "/v1/auth/login", body, status, says, with("")}
	}
	exchange := func(name, body string, status int, says ...string) badCall {
		return badCall{"exchange: " + name, "POST", "/v1/auth:exchangeToken", body, status, says, with("")}
	}
	return []badCall{
		{"no credential", "GET", "/v1/projects", "", 401, []string{"access token not found"}, with("")},
		{"no credential and no JSON", "POST", "/v1/projects?projectId=x", "{no", 401, []string{"access token not found"}, with("")},
		{"a token that is none", "GET", "/v1/projects", "", 401, []string{"token"}, with("Bearer " + secret)},
		{"another scheme", "GET", "/v1/projects", "", 401, []string{"access token not found"}, with("Basic " + secret)},
		{"a scheme alone", "GET", "/v1/projects", "", 401, []string{"access token not found"}, with("Bearer")},
		{"a token of 20 KiB", "GET", "/v1/projects", "", 401, []string{"access token not found"}, with("Bearer " + strings.Repeat("x", 20<<10))},
		{"a token in the query", "GET", "/v1/projects?access_token=" + secret, "", 401, []string{"access token not found"}, with("")},
		login("a wrong password", `{"email": "ann@example.com", "password": "`+secret+`"}`, 401, "email or password"),
		login("nobody's address", `{"email": "nobody@example.com", "password": "`+secret+`"}`, 401, "email or password"),
		login("no address", `{"password": "`+secret+`"}`, 400, "email"),
		login("no password", `{"email": "ann@example.com"}`, 400, "password"),
		login("a number for a password", `{"email": "ann@example.com", "password": 5}`, 400, "password"),
		login("no JSON", `{"email": "ann@example.com", "password": "`+secret, 400, "LoginRequest"),
		login("too large", `{"email": "`+strings.Repeat("x", 64<<10)+`"}`, 400, "64 KiB"),
		login("an address with a NUL", `{"email": "ann@example.com\u0000", "password": "`+secret+`"}`, 401, "email or password"),
		exchange("no token", `{"email": "`+identity+`"}`, 400, "token"),
		exchange("no address", `{"token": "`+secret+`"}`, 400, "email"),
		exchange("a token that is none", `{"token": "`+secret+`", "email": "`+identity+`"}`, 401, "token not accepted"),
		exchange("nobody's address", `{"token": "`+secret+`.a.b", "email": "nobody@workload.bytebase.com"}`, 401, "token not accepted"),
		exchange("an address that is none", `{"token": "`+secret+`.a.b", "email": "nobody"}`, 401, "token not accepted"),
		exchange("an address with a line break", `{"token": "`+secret+`.a.b", "email": "a\nb@workload.bytebase.com"}`, 400, "email"),
		exchange("an unknown field", `{"token": "`+secret+`", "email": "`+identity+`", "audience": "x"}`, 400, `"audience"`),
		exchange("too large", `{"token": "`+strings.Repeat("x", 64<<10)+`"}`, 400, "64 KiB"),
	}
}
