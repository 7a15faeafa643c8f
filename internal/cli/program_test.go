package cli_test

import (
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"connectrpc.com/connect/v2"
)

func TestUsage(t *testing.T) {
	dir := folder(t, map[string]string{"m/1.sql": "SELECT 1"})
	check := []string{"slipway", "check", "--token", "s3cret", "--project", "shop", "--targets", testDB, "--file-pattern", "m/*.sql"}
	for _, tc := range []struct {
		name  string
		env   map[string]string
		args  []string
		words []string
	}{
		{"an unknown command", nil, []string{"slipway", "rolout"}, []string{"rolout", "rollout"}},
		{"an unknown flag", nil, []string{"slipway", "check", "--declarative"}, []string{"--declarative"}},
		{"an argument too many", nil, []string{"slipway", "whoami", "now"}, []string{"now"}},
		{"no server", nil, check, []string{"--url", "BYTEBASE_URL"}},
		{"a server of another scheme", nil, append(check, "--url", "ftp://x"), []string{"ftp://x"}},
		{"a password in the address", nil, append(check, "--url", "https://u:hunter2@x"), []string{"no user"}},
		{"a token over plain HTTP", nil, append(check, "--url", "http://slipway.example.com"), []string{"unencrypted", "--insecure-http"}},
		{"no credential", nil, []string{"slipway", "whoami", "--url", "http://localhost:1"}, []string{"no credential", "WORKLOAD_IDENTITY_EMAIL"}},
		{"no ID token", map[string]string{"WORKLOAD_IDENTITY_EMAIL": "x"}, []string{"slipway", "exchange", "--url", "http://localhost:1"}, []string{"GITLAB_OIDC_TOKEN is empty", "id_tokens"}},
		{"two tokens", map[string]string{"SLIPWAY_ACCESS_TOKEN": "other"}, append(check, "--url", "http://localhost:1"), []string{"differ"}},
		{"what jq makes of a refusal", nil, []string{"slipway", "whoami", "--url", "http://localhost:1", "--token", "null"}, []string{"the word null", "--fail-with-body"}},
		{"a bad duration in a variable", map[string]string{"BYTEBASE_TIMEOUT": "s3cret"}, append(check, "--url", "http://localhost:1"), []string{"BYTEBASE_TIMEOUT", "duration"}},
		{"a name that is no database", nil, append(check, "--url", "http://localhost:1", "--targets", "prod/mydb"), []string{"prod/mydb", "instances/INSTANCE/databases/DATABASE"}},
		{"a name that is no project", nil, append(check, "--url", "http://localhost:1", "--project", "projects/a/b"), []string{"projects/a/b"}},
		{"a CA file that is not there", nil, append(check, "--url", "https://localhost:1", "--ca-file", "none.pem"), []string{"none.pem"}},
		{"which exchange", nil, []string{"slipway", "exchanges"}, []string{"show REFERENCE"}},
		{"which action", nil, []string{"bytebase-action"}, []string{"rollout"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := run(t, dir, tc.env, tc.args...)
			r.want(t, 2, tc.words...)
			for _, secret := range []string{"s3cret", "hunter2"} {
				if strings.Contains(r.stderr, secret) {
					t.Errorf("a secret was printed:\n%s", r.stderr)
				}
			}
		})
	}
}

func TestHelpTellsExitCodes(t *testing.T) {
	for _, args := range [][]string{{"slipway"}, {"slipway", "rollout", "--help"}, {"slipway", "sql-review", "--help"}, {"sql-review", "-h"}, {"bytebase-action", "check", "-h"}} {
		run(t, t.TempDir(), nil, args...).want(t, 0, "4    waiting for a gate", "130  interrupted")
	}
	run(t, t.TempDir(), nil, "slipway", "version").want(t, 0, "slipway 1.2.3 (commit abc)\n")
	run(t, t.TempDir(), nil, "/usr/bin/bytebase-action", "version").want(t, 0, "slipway 1.2.3")
}

func TestCredentials(t *testing.T) {
	for _, tc := range []struct {
		name  string
		env   map[string]string
		args  []string
		code  int
		words []string
		login int
	}{
		{"a flag wins over a variable", map[string]string{"SLIPWAY_TOKEN": "bad"}, []string{"--token", "good"}, 0, nil, 0},
		{"in the other spelling", nil, []string{"--access-token", "good"}, 0, nil, 0},
		{"SLIPWAY_ wins over BYTEBASE_", map[string]string{"SLIPWAY_TOKEN": "good", "BYTEBASE_TOKEN": "bad"}, nil, 0, nil, 0},
		{"BYTEBASE_ACCESS_TOKEN is read", map[string]string{"BYTEBASE_ACCESS_TOKEN": "good"}, nil, 0, nil, 0},
		{"an identity in a flag wins over a token in a variable", map[string]string{"BYTEBASE_TOKEN": "bad", "GITLAB_OIDC_TOKEN": "id-token"}, []string{"--workload-identity", "gitlab-deploy"}, 0, nil, 0},
		{"a token in another variable", map[string]string{"MY_TOKEN": "id-token", "WORKLOAD_IDENTITY_EMAIL": "x@workload.bytebase.com"}, []string{"--id-token-env", "MY_TOKEN"}, 0, nil, 0},
		{"a service account", map[string]string{"BYTEBASE_SERVICE_ACCOUNT": "ci@service.bytebase.com", "BYTEBASE_SERVICE_ACCOUNT_SECRET": "secret-word"}, nil, 0, nil, 1},
		{"a person", map[string]string{"SLIPWAY_PASSWORD": "secret-word"}, []string{"--email", "ann@example.com"}, 0, nil, 1},
		{"a wrong password ends at once", map[string]string{"SLIPWAY_PASSWORD": "wrong-word"}, []string{"--email", "ann@example.com"}, 3, []string{"invalid email or password"}, 1},
		{"a refused ID token ends at once", map[string]string{"GITLAB_OIDC_TOKEN": "forged"}, []string{"--workload-identity", "x"}, 3, []string{"reference ABC234", "slipway exchanges show ABC234"}, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := serve(t)
			if tc.env == nil {
				tc.env = make(map[string]string)
			}
			tc.env["SLIPWAY_URL"] = f.url
			r := run(t, t.TempDir(), tc.env, append([]string{"slipway", "whoami"}, tc.args...)...)
			r.want(t, tc.code, tc.words...)
			if tc.code == 0 && r.stdout != "workloadIdentity:gitlab-deploy@workload.bytebase.com (GitLab\ufffd[2J Deploy)\n" {
				t.Errorf("stdout %q", r.stdout)
			}
			if got := f.count("Login"); got != tc.login {
				t.Errorf("%d sign-ins, want %d", got, tc.login)
			}
			for _, secret := range []string{"id-token", "forged", "secret-word", "wrong-word", "exchanged-1"} {
				if strings.Contains(r.stdout+r.stderr, secret) {
					t.Errorf("%s was printed:\n%s%s", secret, r.stdout, r.stderr)
				}
			}
		})
	}
}

func TestExchangePrintsATokenOnlyWhenAsked(t *testing.T) {
	f := serve(t)
	env := map[string]string{"GITLAB_OIDC_TOKEN": "id-token"}
	args := []string{"slipway", "exchange", "--url", f.url, "--workload-identity", "deploy"}
	if r := run(t, t.TempDir(), env, args...); r.code != 0 || r.stdout != "" || !strings.Contains(r.stderr, "acts as deploy until 2026-11-") {
		t.Errorf("without --print-token: %+v", r)
	}
	if r := run(t, t.TempDir(), env, append(args, "--print-token")...); r.stdout != "exchanged-2\n" {
		t.Errorf("with --print-token: %+v", r)
	}
}

func TestServersThatAreNone(t *testing.T) {
	elsewhere := serve(t)
	redirect := httptest.NewServer(http.RedirectHandler(elsewhere.url, http.StatusTemporaryRedirect))
	defer redirect.Close()
	page := httptest.NewServer(http.NotFoundHandler())
	defer page.Close()
	secure := httptest.NewTLSServer(http.NotFoundHandler())
	defer secure.Close()
	for _, tc := range []struct {
		name  string
		url   string
		words []string
	}{
		{"a redirect is not followed", redirect.URL, []string{"redirects to", "give that as --url"}},
		{"a page that is no server", page.URL, []string{"is --url the address of a slipway server"}},
		{"a certificate of an unknown CA", secure.URL, []string{"certificate", "--ca-file"}},
		{"TLS where there is none", strings.Replace(page.URL, "http:", "https:", 1), []string{"HTTP response to HTTPS client"}},
		{"a host that is not there", "https://nowhere.invalid", []string{"nowhere.invalid"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := run(t, t.TempDir(), nil, "slipway", "whoami", "--url", tc.url, "--token", "good")
			r.want(t, 1, tc.words...)
			if strings.Contains(r.stderr, "trying again") {
				t.Errorf("it was tried again:\n%s", r.stderr)
			}
		})
	}
	if n := elsewhere.count("GetCurrentUser"); n != 0 {
		t.Errorf("the token followed a redirect %d times", n)
	}
	dir := t.TempDir()
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: secure.Certificate().Raw})
	if err := os.WriteFile(filepath.Join(dir, "ca.pem"), ca, 0o644); err != nil {
		t.Fatal(err)
	}
	run(t, dir, map[string]string{"SLIPWAY_CA_FILE": "ca.pem"}, "slipway", "whoami", "--url", secure.URL, "--token", "good").
		want(t, 1, "is --url the address of a slipway server")
}

func TestUnknownNamesAreUsage(t *testing.T) {
	f := serve(t)
	f.refuse["GetCurrentUser"] = connect.NewError(connect.CodeNotFound, `project "shpo" not found`)
	run(t, t.TempDir(), nil, "slipway", "whoami", "--url", f.url, "--token", "good").want(t, 2, `ask who calls: project "shpo" not found`)
}
