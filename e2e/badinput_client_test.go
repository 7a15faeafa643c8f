package e2e_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"slipway/internal/idtokentest"
	"slipway/internal/servertest"
)

// A badRun is a run of the client that has to fail.
type badRun struct {
	name  string
	args  string            // split at spaces
	files map[string]string // in the folder of the run
	env   []string          // later ones win
	code  int               // 0 is 2, a wrong call
	says  []string
	tried bool // a rollout was made, which the server remembers; the databases are as they were
}

// TestBadRuns runs the client with what nobody should give it: flags,
// variables, addresses, credentials and files. It says what is wrong and where,
// ends with the right code, changes neither the server nor a database, and
// repeats no secret.
func TestBadRuns(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setting{"sqlite", "sqlite"})
	w.trust()
	w.grant()
	old := idtokentest.With(w.issuer.Claims(idtokentest.Job{Project: "my-group/my-project"}), map[string]any{"iat": 1768478390, "nbf": 1768478390, "exp": 1768481990})
	secrets := map[string]string{
		"a secret of bad input": recognisable, "an ID token that has ended": w.issuer.Key().Sign(t, old),
		"an ID token": w.issuer.Token(t, idtokentest.Job{Project: "my-group/my-project"}), "a session": w.AdminToken(),
	}
	html := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, _ *http.Request) {
		out.Header().Set("Content-Type", "text/html")
		fmt.Fprint(out, "<title>another program</title>")
	}))
	defer html.Close()
	runs := append(callRuns(w, html.URL, secrets), fileRuns()...)
	before, empty := w.digest(t), w.contents(t)
	for _, r := range runs {
		t.Run(r.name, func(t *testing.T) {
			out := w.wantFailed(t, r, secrets)
			w.said = append(w.said, out)
			if after := w.digest(t); after != before {
				if before = after; !r.tried {
					t.Error("the server's data changed")
				}
			}
			if w.contents(t) != empty {
				t.Error("a database changed")
			}
		})
	}
	if len(runs) < 50 {
		t.Errorf("there are %d bad runs, want at least 50", len(runs))
	}
	w.wantNoSecrets(t)
}

// contents is all that stands in the databases but for Slipway's ledger.
func (w *world) contents(t *testing.T) string {
	t.Helper()
	all := ""
	for _, env := range []string{"test", "prod"} {
		all += fmt.Sprintf("%q", sqliteRows(t, filepath.Join(w.root, env, "mydb.db"), "SELECT name, sql FROM sqlite_master WHERE name NOT LIKE '%slipway%'"))
	}
	return all
}

// wantFailed runs the client and returns what it said.
func (w *world) wantFailed(t *testing.T, r badRun, secrets map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range r.files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), servertest.Patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, filepath.Join(servertest.Bin(), "slipway"), strings.Fields(r.args)...)
	cmd.Dir = dir
	cmd.Env = append([]string{
		"HOME=" + dir, "NO_COLOR=1", "SLIPWAY_URL=" + w.URL, "SLIPWAY_TOKEN=" + w.AdminToken(), "SLIPWAY_PROJECT=my-project",
		"SLIPWAY_TARGETS=" + strings.Join(w.targets, ","), "SLIPWAY_TIMEOUT=3s",
	}, r.env...)
	out, err := cmd.CombinedOutput()
	want := r.code
	if want == 0 {
		want = 2
	}
	if code := servertest.ExitCode(err); code != want {
		t.Errorf("exit code %d, want %d", code, want)
	}
	for _, part := range r.says {
		if !bytes.Contains(out, []byte(part)) {
			t.Errorf("the client does not say %q", part)
		}
	}
	if bytes.Contains(out, []byte("goroutine ")) || bytes.IndexByte(out, 0) >= 0 || bytes.IndexByte(out, 0x1b) >= 0 || len(out) > 16<<10 || len(r.says) == 0 {
		t.Error("what the client said is not for people")
	}
	for name, secret := range secrets {
		if form := found(out, secret); form != "" {
			t.Errorf("%s is in what the client said, %s", name, form)
		}
	}
	if t.Failed() {
		t.Logf("%.3000s", out)
	}
	return string(out)
}

// callRuns are about flags, variables, addresses and credentials.
func callRuns(w *world, elsewhere string, secrets map[string]string) []badRun {
	good := map[string]string{"migrations/1_a.sql": "SELECT 1;"}
	const check = "check --file-pattern migrations/*.sql"
	run := func(name, args string, says ...string) badRun {
		return badRun{name: name, args: args, files: good, says: says}
	}
	env := func(name, variable string, code int, says ...string) badRun {
		return badRun{name: name, args: check, files: good, env: strings.Split(variable, " "), code: code, says: says}
	}
	secret := recognisable + "client"
	return []badRun{
		run("an unknown command", "chekc", "chekc"),
		run("an unknown flag", check+" --fiel x", "--fiel"),
		run("a flag without value", "check --file-pattern", "--file-pattern"),
		run("a word too many", check+" now", "now"),
		run("a level that is none", check+" --check-release FAIL", "--check-release", "FAIL_ON_WARNING"),
		run("a time that is none", check+" --timeout soon", "--timeout", "soon"),
		run("a time below nothing", check+" --timeout -1s", "--timeout", "-1s"),
		run("a project with slashes", check+" --project a/b", "--project", "a/b"),
		run("a project that is not there", check+" --project nothing", "nothing"),
		run("a target that is no name", check+" --targets mydb", "mydb"),
		run("a target that is not there", check+" --targets instances/test/databases/nothing", "nothing"),
		run("a target of capitals", check+" --targets instances/TEST/databases/mydb", "TEST"),
		run("no address", check+" --url ", "--url"),
		run("an address without scheme", check+" --url slipway.example.com", "--url", "slipway.example.com"),
		run("an address of another scheme", check+" --url ftp://slipway.example.com", "--url", "ftp://"),
		run("an address with a password", check+" --url https://u:"+secret+"@slipway.example.com", "--url", "user"),
		run("an address with a query", check+" --url http://127.0.0.1:1?a=b", "--url", "query"),
		run("an address without TLS", check+" --url http://slipway.example.com", "--url", "https://"),
		run("CAs that are not there", check+" --ca-file nothing.pem", "nothing.pem"),
		run("CAs that are none", check+" --ca-file migrations/1_a.sql", "1_a.sql"),
		run("a report in a folder that is not there", check+" --junit nothing/report.xml", "--junit", "nothing/report.xml"),
		run("an output that is a folder", "rollout --file-pattern migrations/*.sql --output migrations", "--output", "migrations", "folder"),
		{name: "a stage that is not there", args: "rollout --file-pattern migrations/*.sql --target-stage environments/nothing", files: good, code: 2, says: []string{"nothing"}, tried: true},
		run("a plan of another form", "rollout --plan a/b", "--plan", "a/b"),
		run("an id token's variable that is not there", check+" --token= --workload-identity "+identity+" --id-token-env NOTHING", "NOTHING"),
		env("nobody answers", "SLIPWAY_URL=http://127.0.0.1:1", 1, "127.0.0.1:1"),
		env("another program answers", "SLIPWAY_URL="+elsewhere, 1, "--url the address"),
		env("a variable of the wrong type", "SLIPWAY_TIMEOUT="+secret, 2, "SLIPWAY_TIMEOUT", "--timeout"),
		env("no credential", "SLIPWAY_TOKEN=", 2, "--token"),
		env("the word null for a token", "SLIPWAY_TOKEN=null", 2, "null"),
		env("a token that is none", "SLIPWAY_TOKEN="+secret, 3, "token"),
		env("a token with a line break", "SLIPWAY_TOKEN="+secret+"\nX:1", 2, "token"),
		env("two tokens", "SLIPWAY_ACCESS_TOKEN="+secret, 2, "--token", "--access-token"),
		env("an ID token that has ended", "SLIPWAY_TOKEN= SLIPWAY_WORKLOAD_IDENTITY="+identity+" GITLAB_OIDC_TOKEN="+secrets["an ID token that has ended"], 3, "token not accepted"),
		env("an ID token that is none", "SLIPWAY_TOKEN= SLIPWAY_WORKLOAD_IDENTITY="+identity+" GITLAB_OIDC_TOKEN="+secret, 3, "token not accepted"),
		env("an ID token for nobody", "SLIPWAY_TOKEN= SLIPWAY_WORKLOAD_IDENTITY=nobody@workload.bytebase.com GITLAB_OIDC_TOKEN="+secrets["an ID token"], 3, "token not accepted"),
		env("a wrong password", "SLIPWAY_TOKEN= SLIPWAY_EMAIL=ann@example.com SLIPWAY_PASSWORD="+secret, 3, "password"),
		env("a wrong key", "SLIPWAY_TOKEN= SLIPWAY_SERVICE_ACCOUNT=robot@service.bytebase.com SLIPWAY_SERVICE_ACCOUNT_SECRET="+secret, 3, "password"),
	}
}

// fileRuns are about migration files, their names and what is in them.
func fileRuns() []badRun {
	run := func(name string, files map[string]string, code int, says ...string) badRun {
		return badRun{name: name, args: "rollout --file-pattern migrations/**/*.sql", files: files, code: code, says: says, tried: code == 1}
	}
	one := func(text string) map[string]string { return map[string]string{"migrations/1_a.sql": text} }
	named := func(names ...string) map[string]string {
		files := map[string]string{}
		for _, n := range names {
			files["migrations/"+n] = "SELECT 1;"
		}
		return files
	}
	large := "SELECT '" + strings.Repeat("x", 101<<20) + "';"
	return []badRun{
		{name: "no pattern", args: "rollout", says: []string{"--file-pattern"}},
		{name: "a pattern that is none", args: "rollout --file-pattern migrations/[a.sql", says: []string{"--file-pattern", "[a.sql"}},
		{name: "a pattern that matches nothing", args: "rollout --file-pattern migrations/*.sql", says: []string{"migrations/*.sql"}},
		{name: "a pattern that matches a folder alone", args: "rollout --file-pattern migrations", files: one("SELECT 1;"), says: []string{"migrations"}},
		run("a file without version", named("create.sql"), 2, "migrations/create.sql", "version"),
		run("a version twice", named("1_a.sql", "sub/01_b.sql"), 2, "migrations/1_a.sql", "migrations/sub/01_b.sql"),
		run("a version in three spellings", named("1_a.sql", "1.0_b.sql", "v1_c.sql"), 2, "1_a.sql", "1.0_b.sql", "v1_c.sql"),
		run("a name that is not UTF-8", named("1_\xff.sql"), 2, "UTF-8"),
		run("a name with a line break", named("1_a\nb.sql"), 2, `1_a\nb.sql`),
		run("an empty file", one(""), 2, "migrations/1_a.sql", "empty"),
		run("a file that is too large", one(large), 2, "migrations/1_a.sql", "MiB"),
		run("a file in UTF-16", one("\xff\xfeS\x00E\x00L\x00"), 2, "migrations/1_a.sql", "UTF-16"),
		run("a file in Latin-1", one("SELECT 'caf\xe9';"), 2, "migrations/1_a.sql", "UTF-8"),
		run("a file with a NUL", one("SELECT 1;\x00"), 2, "migrations/1_a.sql", "NUL"),
		run("an open string", one("SELECT 'a;\n"), 1, "1_a.sql", "never closed"),
		run("an open comment in a good file", one("SELECT 1;\nSELECT 'a"), 1, "1_a.sql", "2"),
		run("a good statement before a bad one", one("CREATE TABLE made (a int);\nnot SQL;"), 1, "1_a.sql:2", "not"),
		run("no SQL at all", one("not SQL\n"), 1, "1_a.sql", "not"),
		run("a command of the shell", one(".tables\n"), 1, "1_a.sql", ".tables"),
		run("a table that is not there", one("\ufeffINSERT INTO nothing VALUES (1);\r\n"), 1, "1_a.sql", "nothing"),
		run("control characters", one("SELECT '\x1b[31m' FROM nothing;"), 1, "1_a.sql"),
		run("a transaction of its own", one("BEGIN;\nSELECT 1;\nCOMMIT;"), 1, "1_a.sql", "BEGIN"),
		run("a file that attaches another", one("ATTACH '/etc/passwd' AS x;"), 1, "1_a.sql", "ATTACH"),
	}
}
