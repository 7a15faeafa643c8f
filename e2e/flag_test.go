package e2e_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"slipway/internal/dbtest"
	"slipway/internal/idtokentest"
	"slipway/internal/servertest"
)

// A proof of one flag: what its variable is set to, what shows that it had its
// effect, and a value that has to stop the start with an error that names it.
type proof struct {
	value string
	shows func(t *testing.T, w *world)
	wrong string // "" where any text is a value
}

// TestFlagsAreVariables starts a server that has no flags at all, only the
// variables of every flag that --help lists, and looks for the effect of each.
// A flag without a proof here fails the test.
func TestFlagsAreVariables(t *testing.T) {
	t.Parallel()
	metadata := dbtest.Postgres(t) // first: it has to outlive the server
	w := prepareWorld(t)
	proofs := proofsOfFlags(t, w, metadata)
	flags := listedFlags(t)
	w.Args = []string{"server"}
	for name, p := range proofs {
		if !flags[name] {
			t.Errorf("--help does not list --%s", name)
		}
		w.Env = append(w.Env, variable(name)+"="+p.value)
	}
	w.Start()
	for _, name := range slices.Sorted(maps.Keys(flags)) {
		p, ok := proofs[name]
		if !ok {
			t.Errorf("--%s is listed and has no proof here", name)
			continue
		}
		t.Run(name, func(t *testing.T) { p.shows(t, w) })
		if p.wrong != "" {
			t.Run(name+" wrong", func(t *testing.T) { wantRefused(t, name, p.wrong) })
		}
	}
}

func variable(flag string) string {
	return "SLIPWAY_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// listedFlags reads the names of the flags from the help text.
func listedFlags(t *testing.T) map[string]bool {
	t.Helper()
	help, err := exec.Command(filepath.Join(servertest.Bin(), "slipway"), "server", "--help").CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, help)
	}
	_, list, _ := strings.Cut(string(help), "Flags:")
	flags := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^\s+(?:-\w, )?--([a-z-]+)`).FindAllStringSubmatch(list, -1) {
		flags[m[1]] = m[1] != "help"
	}
	delete(flags, "help")
	return flags
}

// wantRefused starts a server with a wrong value in a variable.
func wantRefused(t *testing.T, name, value string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), servertest.Patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, filepath.Join(servertest.Bin(), "slipway"), "server")
	cmd.Env = []string{variable(name) + "=" + value}
	if name != "data" {
		cmd.Env = append(cmd.Env, "SLIPWAY_DATA="+t.TempDir())
	}
	if name != "listen" {
		cmd.Env = append(cmd.Env, "SLIPWAY_LISTEN=127.0.0.1:0")
	}
	out, err := cmd.CombinedOutput()
	if code := servertest.ExitCode(err); code != 2 {
		t.Errorf("%s=%s: exit code %d, want 2:\n%s", variable(name), value, code, out)
	}
	if !strings.Contains(string(out), "--"+name) && !strings.Contains(string(out), variable(name)) && !strings.Contains(string(out), value) {
		t.Errorf("%s=%s: the error names neither the flag nor the variable nor the value:\n%s", variable(name), value, out)
	}
}

func proofsOfFlags(t *testing.T, w *world, metadata dbtest.Database) map[string]proof {
	t.Helper()
	dir := t.TempDir()
	data, key, second := filepath.Join(dir, "data"), filepath.Join(dir, "key"), filepath.Join(dir, "second")
	if err := os.WriteFile(key, []byte(base64.StdEncoding.EncodeToString(make([]byte, 32))), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(second, 0o700); err != nil {
		t.Fatal(err)
	}
	address := freeAddress(t)
	const external = "https://slipway.example.com"
	ca := w.Args[indexOf(w.Args, "--issuer-ca-file")+1]
	return map[string]proof{
		"listen": {address, func(t *testing.T, w *world) {
			// The server says what people reach it by; this is where it is.
			w.URL = "http://" + address
			if status, text := w.Call("", "GET", "/healthz", nil); status != http.StatusOK {
				t.Errorf("GET /healthz: %d %s", status, text)
			}
		}, "nowhere"},
		"data": {data, func(t *testing.T, w *world) {
			w.URL = "http://" + address
			w.wantSQLite("first", filepath.Join(data, "databases", "first"))
		}, "/dev/null/data"},
		"database-url": {metadata.URL, func(t *testing.T, w *world) {
			wantFile(t, filepath.Join(data, "slipway.db"), false)
			if rows := dbtest.Query(t, metadata.URL, "SELECT count(*) FROM information_schema.tables WHERE table_name = 'task_run'"); rows[0][0] != "1" {
				t.Error("the server keeps its data elsewhere")
			}
		}, "mysql://db/slipway"},
		"external-url": {external, func(t *testing.T, w *world) {
			var info struct{ ExternalURL string }
			w.URL = "http://" + address
			w.Admin("GET", "/v1/actuator/info", nil, &info)
			if info.ExternalURL != external {
				t.Errorf("the server says that it is reached by %q", info.ExternalURL)
			}
		}, "slipway.example.com"},
		"master-key-file": {key, func(t *testing.T, _ *world) { wantFile(t, filepath.Join(data, "master.key"), false) }, "/dev/null"},
		// An issuer on the loopback interface, with a certificate of nobody's: it
		// takes both to let its job in.
		"allow-passwords": {"true", func(t *testing.T, w *world) {
			if !strings.Contains(w.Log.String(), "people may sign in with passwords, whatever the settings say") {
				t.Errorf("the log does not say that passwords are allowed:\n%s", w.Log)
			}
		}, "perhaps"},
		"private-issuers": {w.issuer.URL(), wantExchange(address), "http://gitlab.example.com"},
		"issuer-ca-file":  {ca, wantExchange(address), "/dev/null"},
		"sqlite-root": {second, func(t *testing.T, w *world) {
			w.URL = "http://" + address
			w.wantSQLite("second", filepath.Join(second, "folder"))
			if status, text := w.Call(w.AdminToken(), "POST", "/v1/instances?instanceId=third", sqliteIn(dir)); status != http.StatusBadRequest {
				t.Errorf("a folder outside: %d %s", status, text)
			}
		}, "/no/such/folder"},
		"trusted-proxy": {"127.0.0.0/8", func(t *testing.T, _ *world) { wantForwarded(t, w, address) }, "here"},
		"workers":       {"1", func(*testing.T, *world) {}, "999"}, // its effect is timing: that it is read shows in the refusal
		"drain":         {"1s", func(*testing.T, *world) {}, "soon"},
		"log-format": {"json", func(t *testing.T, w *world) {
			for line := range strings.Lines(w.Log.String()) {
				var entry struct{ Level, Msg string }
				if json.Unmarshal([]byte(line), &entry) == nil && entry.Msg == "serving" {
					return
				}
			}
			t.Errorf("no line of the log is JSON:\n%s", w.Log)
		}, "xml"},
	}
}

func wantExchange(address string) func(t *testing.T, w *world) {
	return func(t *testing.T, w *world) {
		w.URL = "http://" + address
		if status, _ := w.Call(w.AdminToken(), "GET", "/v1/workloadIdentities/"+identity, nil); status == http.StatusNotFound {
			w.trust()
		}
		w.exchanged(idtokentest.Job{Project: "my-group/my-project"})
	}
}

// wantForwarded checks that the audit log believes X-Forwarded-For.
func wantForwarded(t *testing.T, w *world, address string) {
	t.Helper()
	const client = "203.0.113.7"
	req, err := http.NewRequest("POST", "http://"+address+"/v1/auth/login", strings.NewReader(`{"email": "nobody@example.com", "password": "x"}`))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Forwarded-For", client)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	w.URL = "http://" + address
	_, text := w.Call(w.AdminToken(), "POST", "/v1/auditLogs:search", object{"filter": `method == "/bytebase.v1.AuthService/Login"`, "pageSize": 100})
	if !strings.Contains(string(text), `"callerIp":"`+client+`"`) {
		t.Errorf("the audit log does not have the client's address: %s", text)
	}
}

func sqliteIn(folder string) object {
	return object{"title": "SQLite", "engine": "SQLITE", "dataSources": []object{{"id": "admin", "type": "ADMIN", "host": folder}}}
}

// wantSQLite makes a folder and checks that it may be an instance.
func (w *world) wantSQLite(id, folder string) {
	w.T.Helper()
	if err := os.MkdirAll(folder, 0o700); err != nil {
		w.T.Fatal(err)
	}
	w.Admin("POST", "/v1/instances?instanceId="+id, sqliteIn(folder), nil)
}

func wantFile(t *testing.T, path string, want bool) {
	t.Helper()
	_, err := os.Stat(path)
	if got := err == nil; got != want {
		t.Errorf("%s is there: %v, want %v", path, got, want)
	}
}

func indexOf(list []string, s string) int {
	for i, e := range list {
		if e == s {
			return i
		}
	}
	return -1
}

// freeAddress returns an address that was free a moment ago.
func freeAddress(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}

// TestWorkers has one worker change two databases of a stage: the second waits
// until the first is done.
func TestWorkers(t *testing.T) {
	t.Parallel()
	s := setting{"sqlite", "postgres"}
	w := newWorld(t, s, "--workers", "1")
	h := w.hold(t, s)
	w.Admin("PATCH", "/v1/"+w.targets[1]+"?updateMask=environment", object{"environment": "environments/test"}, nil)
	other := h.lock(t, "prod") // the database is in the environment test by now
	client := w.follow(t, h.repo)
	servertest.Await(t, "one of the databases is being changed", func() bool {
		return h.waiting(t, "test") != "" || h.waiting(t, "prod") != ""
	})
	h.letGo(t)
	unlock(t, other)
	client.finish(t, 0)
	w.wantOnce(t, "1 2 3", "1", "2 begin", "2 end", "3")

	var list struct {
		TaskRuns []struct{ StartTime, UpdateTime time.Time }
	}
	w.Admin("GET", "/v1/projects/my-project/plans/1/rollout/stages/-/tasks/-/taskRuns", nil, &list)
	if len(list.TaskRuns) != 2 {
		t.Fatalf("there are %d task runs, want 2", len(list.TaskRuns))
	}
	a, b := list.TaskRuns[0], list.TaskRuns[1]
	if a.StartTime.Before(b.UpdateTime) && b.StartTime.Before(a.UpdateTime) {
		t.Errorf("one worker had two runs at a time: %v to %v and %v to %v", a.StartTime, a.UpdateTime, b.StartTime, b.UpdateTime)
	}
}
