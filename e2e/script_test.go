package e2e_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"slipway/internal/idtokentest"
	"slipway/internal/servertest"
)

// TestScripts runs the stories in testdata: a job on main, a job of a fork and
// a person without roles, against a server of their own. Besides the commands
// of testscript they have those of scriptCommands.
func TestScripts(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no stories: %v", err)
	}
	testscript.Run(t, testscript.Params{
		Files: files, Setup: setUpScript, Cmds: scriptCommands(), RequireUniqueNames: true,
	})
}

// setUpScript gives a story its world, unstarted, and the variables that the
// client reads.
func setUpScript(env *testscript.Env) error {
	t, ok := env.T().(testing.TB)
	if !ok {
		return fmt.Errorf("testscript runs with a %T", env.T())
	}
	w := prepareWorld(t)
	env.Values[worldKey{}] = w
	for name, value := range map[string]string{
		"PATH": servertest.Bin() + string(os.PathListSeparator) + env.Getenv("PATH"),
		"DATA": w.Data, "ROOT": w.root, "ISSUER": w.issuer.URL(), "IDENTITY": identity,
		"ADMIN": servertest.AdminEmail, "SLIPWAY_PASSWORD": servertest.AdminPassword,
		"SLIPWAY_PROJECT": "projects/my-project", "TEST": "instances/test/databases/mydb", "PROD": "instances/prod/databases/mydb",
		"SLIPWAY_TARGETS": "instances/test/databases/mydb,instances/prod/databases/mydb",
		"SLIPWAY_TIMEOUT": "20s", "NO_COLOR": "1",
	} {
		env.Setenv(name, value)
	}
	return nil
}

type worldKey struct{}

// personPassword is everybody's but the administrator's.
const personPassword = "a person's own password"

type command = func(ts *testscript.TestScript, neg bool, args []string)

// scriptCommands are the words of the stories.
func scriptCommands() map[string]command {
	usual := func(min, max int, usage string, f func(ts *testscript.TestScript, w *world, args []string)) command {
		return func(ts *testscript.TestScript, neg bool, args []string) {
			if neg || len(args) < min || max >= 0 && len(args) > max {
				ts.Fatalf("usage: %s", usage)
			}
			f(ts, ts.Value(worldKey{}).(*world), args)
		}
	}
	return map[string]command{
		"serve":     serve,
		"crash":     usual(0, 0, "crash", func(_ *testscript.TestScript, w *world, _ []string) { w.Stop(syscall.SIGKILL) }),
		"terminate": usual(0, 0, "terminate", terminate),
		"restart":   usual(0, 0, "restart", func(ts *testscript.TestScript, w *world, _ []string) { w.Start(); ts.Setenv("SLIPWAY_URL", w.URL) }),
		"project":   usual(0, 0, "project", func(_ *testscript.TestScript, w *world, _ []string) { w.project("sqlite") }),
		"trust":     usual(0, -1, "trust [branch=NAME|tag=NAME]…", trustRefs),
		"grant":     usual(0, 0, "grant", func(_ *testscript.TestScript, w *world, _ []string) { w.grant() }),
		"revoke": usual(0, 0, "revoke", func(_ *testscript.TestScript, w *world, _ []string) {
			w.bind("projects/my-project", "roles/gitopsServiceAgent")
		}),
		"person":   usual(1, 1, "person EMAIL", func(_ *testscript.TestScript, w *world, args []string) { w.person(args[0], personPassword) }),
		"issuer":   usual(1, 1, "issuer up|down", issuer),
		"idtoken":  usual(1, -1, "idtoken FILE [KEY=VALUE]…", idToken),
		"job":      usual(1, 1, "job FILE", runAsJob),
		"admin":    usual(2, 3, "admin METHOD PATH [BODY]", asAdmin),
		"as":       usual(4, 5, "as WHO METHOD PATH [BODY] STATUS", as),
		"exchange": usual(3, 3, "exchange FILE EMAIL STATUS", exchange),
		"rows":     usual(2, 2, "rows ENVIRONMENT QUERY", rows),
		"await":    usual(2, 2, "await PATTERN PATH", awaitAnswer),
		"capture":  usual(3, 3, "capture VARIABLE FILE PATTERN", capture),
		"exits":    usual(2, -1, "exits CODE PROGRAM [ARGUMENT]…", exits),
	}
}

// serve starts the server, with further flags; -bare leaves the administrator
// out of its environment. With ! the start has to fail, and standard error is
// the server's.
func serve(ts *testscript.TestScript, neg bool, args []string) {
	w := ts.Value(worldKey{}).(*world)
	for _, arg := range args {
		if arg == "-bare" {
			w.Env = w.Env[:1]
			continue
		}
		w.Args = append(w.Args, arg)
	}
	err := w.TryStart()
	fmt.Fprint(ts.Stderr(), w.Log)
	if (err != nil) != neg {
		ts.Fatalf("start: %v", err)
	}
	ts.Setenv("SLIPWAY_URL", w.URL)
}

// terminate ends the server as an operator does; it has to end well.
func terminate(ts *testscript.TestScript, w *world, _ []string) {
	if code := w.Stop(syscall.SIGTERM); code != 0 {
		ts.Fatalf("after SIGTERM the server ended with exit code %d, want 0", code)
	}
}

// trustRefs makes the workload identity for the jobs of my-group/my-project on
// those refs, or on all.
func trustRefs(ts *testscript.TestScript, w *world, args []string) {
	var refs []object
	for _, arg := range args {
		typ, pattern, ok := strings.Cut(arg, "=")
		if !ok {
			ts.Fatalf("%q is not branch=NAME or tag=NAME", arg)
		}
		refs = append(refs, object{"type": strings.ToUpper(typ), "pattern": pattern})
	}
	w.trust(refs...)
}

// issuer takes GitLab away or brings it back.
func issuer(ts *testscript.TestScript, w *world, args []string) {
	switch args[0] {
	case "down":
		w.issuer.AnswerDiscovery(idtokentest.Down)
		w.issuer.AnswerKeys(idtokentest.Down)
	case "up":
		w.issuer.AnswerDiscovery(nil)
		w.issuer.AnswerKeys(nil)
	default:
		ts.Fatalf("an issuer is up or down, not %s", args[0])
	}
}

// idToken writes a job's ID token to a file. project, ref, ref_type, aud and
// pipeline_source are what the job is; any other key changes a claim by hand:
// to text, to a time from now on for exp, nbf and iat, or takes it out where
// the value is empty.
func idToken(ts *testscript.TestScript, w *world, args []string) {
	job := idtokentest.Job{Project: "my-group/my-project"}
	fields := map[string]*string{
		"project": &job.Project, "ref": &job.Ref, "ref_type": &job.RefType, "aud": &job.Audience, "pipeline_source": &job.Source,
	}
	changes := object{}
	for _, arg := range args[1:] {
		key, value, ok := strings.Cut(arg, "=")
		if !ok {
			ts.Fatalf("%q is not KEY=VALUE", arg)
		}
		if f := fields[key]; f != nil {
			*f = value
			continue
		}
		switch later, err := time.ParseDuration(value); {
		case value == "":
			changes[key] = nil
		case err == nil && (key == "exp" || key == "nbf" || key == "iat"):
			changes[key] = time.Now().Add(later).Unix()
		default:
			changes[key] = value
		}
	}
	token := w.issuer.Key().Sign(w.T, idtokentest.With(w.issuer.Claims(job), changes))
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(token), 0o600))
}

// runAsJob has the commands that follow run as a CI job with that ID token.
func runAsJob(ts *testscript.TestScript, _ *world, args []string) {
	ts.Setenv("GITLAB_OIDC_TOKEN", ts.ReadFile(args[0]))
	ts.Setenv("WORKLOAD_IDENTITY_EMAIL", identity)
}

// asAdmin makes a REST call as the administrator, which has to succeed.
func asAdmin(ts *testscript.TestScript, w *world, args []string) {
	answer(ts, w, w.AdminToken(), args, 200)
}

// as makes a REST call as nobody, as admin, as a person, or with the access token in a
// file, and wants that status. A body is JSON or the file that it is in, with
// variables in it; the answer is the standard output.
func as(ts *testscript.TestScript, w *world, args []string) {
	token := ""
	switch who := args[0]; {
	case who == "nobody":
	case who == "admin":
		token = w.AdminToken()
	case strings.Contains(who, "@"):
		token = w.SignIn(who, personPassword)
	default:
		token = strings.TrimSpace(ts.ReadFile(who))
	}
	status, err := strconv.Atoi(args[len(args)-1])
	ts.Check(err)
	answer(ts, w, token, args[1:len(args)-1], status)
}

func answer(ts *testscript.TestScript, w *world, token string, args []string, want int) {
	var body any
	if len(args) == 3 {
		text := args[2]
		if !strings.HasPrefix(text, "{") {
			text = ts.ReadFile(text)
		}
		body = []byte(os.Expand(text, ts.Getenv))
	}
	status, got := w.Call(token, args[0], args[1], body)
	fmt.Fprintf(ts.Stdout(), "%s\n", got)
	if status != want {
		ts.Fatalf("%s %s answered %d, want %d: %s", args[0], args[1], status, want, got)
	}
}

var reference = regexp.MustCompile(`[A-Z2-7]{16}`)

// exchange tries to become an identity with the ID token in a file and wants
// that status. In the answer on standard output references are cut out, so that
// answers can be compared.
func exchange(ts *testscript.TestScript, w *world, args []string) {
	status, got := w.Call("", "POST", "/v1/auth:exchangeToken", object{"token": ts.ReadFile(args[0]), "email": args[1]})
	fmt.Fprintf(ts.Stdout(), "%s\n", reference.ReplaceAll(got, []byte("REFERENCE")))
	if strconv.Itoa(status) != args[2] {
		ts.Fatalf("the exchange answered %d, want %s: %s", status, args[2], got)
	}
}

// rows prints what a query answers in an environment's database, read past
// Slipway, a row a line.
func rows(ts *testscript.TestScript, w *world, args []string) {
	out := ts.Stdout() // also where there is no row: what was there before is gone
	for _, row := range w.rows(w.T, args[0], args[1]) {
		fmt.Fprintln(out, strings.Join(row, " "))
	}
}

// awaitAnswer reads path as the administrator until the answer matches.
func awaitAnswer(ts *testscript.TestScript, w *world, args []string) {
	re, err := regexp.Compile(args[0])
	ts.Check(err)
	servertest.Await(w.T, args[1]+" says "+args[0], func() bool {
		_, text := w.Call(w.AdminToken(), "GET", args[1], nil)
		return re.Match(text)
	})
}

// capture sets a variable to the first group of a pattern in a file.
func capture(ts *testscript.TestScript, _ *world, args []string) {
	re, err := regexp.Compile(args[2])
	ts.Check(err)
	m := re.FindStringSubmatch(ts.ReadFile(args[1]))
	if len(m) < 2 {
		ts.Fatalf("%s holds nothing like %s", args[1], args[2])
	}
	ts.Setenv(args[0], m[1])
}

// exits runs a program that has to end with that exit code.
func exits(ts *testscript.TestScript, _ *world, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	if got := servertest.ExitCode(ts.Exec(args[1], args[2:]...)); got != want {
		ts.Fatalf("%s ended with exit code %d, want %d", args[1], got, want)
	}
}
