package e2e_test

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"slipway/internal/servertest"
)

// TestBadConfig starts servers that cannot start: each ends with exit code 2,
// or 1 where the configuration is right and the world is not, says which flag
// or variable or file is wrong, and repeats no secret.
func TestBadConfig(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	secret := recognisable + "config"
	short, words := file("short", "AAAA"), file("words", secret)
	plain := file("plain", "no certificate")
	for _, tc := range []struct {
		name  string
		args  []string
		env   []string
		code  int
		says  []string
		inDir bool // the data folder is the case's own
	}{
		{name: "an unknown flag", args: []string{"--nothing"}, says: []string{"--nothing"}},
		{name: "a word too many", args: []string{"now"}, says: []string{"now"}},
		{name: "listen without port", args: []string{"--listen", "127.0.0.1"}, says: []string{"--listen", `"127.0.0.1"`, "host:port"}},
		{name: "listen on a port of words", args: []string{"--listen", "127.0.0.1:http-x"}, says: []string{"http-x"}},
		{name: "listen on a port too large", args: []string{"--listen", "127.0.0.1:99999"}, says: []string{"99999"}},
		{name: "listen on another machine's address", args: []string{"--listen", "192.0.2.1:0"}, code: 1, says: []string{"192.0.2.1"}},
		{name: "listen in the environment", env: []string{"SLIPWAY_LISTEN=nowhere"}, says: []string{"--listen", "nowhere"}},
		{name: "workers that are words", args: []string{"--workers", "many"}, says: []string{"--workers", "many"}},
		{name: "workers in the environment", env: []string{"SLIPWAY_WORKERS=many"}, says: []string{"SLIPWAY_WORKERS", "many"}},
		{name: "too many workers", args: []string{"--workers", "257"}, says: []string{"--workers", "257", "1 to 256"}},
		{name: "workers below nothing", args: []string{"--workers", "-1"}, says: []string{"--workers", "-1"}},
		{name: "a drain without unit", args: []string{"--drain", "30"}, says: []string{"--drain", "30"}},
		{name: "a drain below nothing", args: []string{"--drain", "-1s"}, says: []string{"--drain", "-1s"}},
		{name: "a log of no format", args: []string{"--log-format", "xml"}, says: []string{"--log-format", "xml", "text or json"}},
		{name: "a proxy that is no network", args: []string{"--trusted-proxy", "10.0.0.1"}, says: []string{"--trusted-proxy", "10.0.0.1", "10.0.0.0/8"}},
		{name: "an external URL without scheme", args: []string{"--external-url", "slipway.example.com"}, says: []string{"--external-url", "slipway.example.com"}},
		{name: "an external URL with a password", args: []string{"--external-url", "https://u:" + secret + "@example.com"}, says: []string{"--external-url", "password"}},
		{name: "an external URL with a query", args: []string{"--external-url", "https://example.com?a"}, says: []string{"--external-url"}},
		{name: "a private issuer by http", args: []string{"--private-issuers", "http://gitlab.example.com"}, says: []string{"--private-issuers", "http://gitlab.example.com"}},
		{name: "a private issuer with a password", args: []string{"--private-issuers", "https://u:" + secret + "@example.com"}, says: []string{"--private-issuers", "password"}},
		{name: "a database of another kind", args: []string{"--database-url", "mysql://u:" + secret + "@h/d"}, says: []string{"--database-url", "postgres://"}},
		{name: "a database that is no URL", args: []string{"--database-url", "postgres://u:" + secret + "@h:port/d"}, says: []string{"--database-url"}},
		{name: "a database that nobody answers for", args: []string{"--database-url", "postgres://u:" + secret + "@127.0.0.1:1/d?connect_timeout=2"}, code: 1, says: []string{"127.0.0.1", "1"}},
		{name: "CAs that are not there", args: []string{"--issuer-ca-file", filepath.Join(dir, "nothing")}, says: []string{filepath.Join(dir, "nothing")}},
		{name: "CAs that are none", args: []string{"--issuer-ca-file", plain}, says: []string{plain, "PEM"}},
		{name: "CAs that are a folder", args: []string{"--issuer-ca-file", dir}, says: []string{dir}},
		{name: "a master key that is not there", args: []string{"--master-key-file", filepath.Join(dir, "nothing")}, says: []string{filepath.Join(dir, "nothing")}},
		{name: "a master key that is short", args: []string{"--master-key-file", short}, says: []string{short, "32"}},
		{name: "a master key of words", args: []string{"--master-key-file", words}, says: []string{words, "base64"}},
		{name: "an SQLite root that is not there", args: []string{"--sqlite-root", filepath.Join(dir, "nothing")}, says: []string{"--sqlite-root", "nothing"}},
		{name: "an SQLite root that is a file", args: []string{"--sqlite-root", plain}, says: []string{"--sqlite-root", plain}},
		{name: "data in a file", args: []string{"--data", plain}, says: []string{plain}, inDir: true},
		{name: "an administrator without password", env: []string{"SLIPWAY_ADMIN_EMAIL=a@example.com"}, says: []string{"SLIPWAY_ADMIN_EMAIL", "SLIPWAY_ADMIN_PASSWORD"}},
		{name: "a password without administrator", env: []string{"SLIPWAY_ADMIN_PASSWORD=" + secret}, says: []string{"SLIPWAY_ADMIN_EMAIL", "SLIPWAY_ADMIN_PASSWORD"}},
		{name: "an administrator with no address", env: []string{"SLIPWAY_ADMIN_EMAIL=admin", "SLIPWAY_ADMIN_PASSWORD=" + secret}, says: []string{"SLIPWAY_ADMIN_EMAIL", "admin"}},
		{name: "an administrator with a short password", env: []string{"SLIPWAY_ADMIN_EMAIL=a@example.com", "SLIPWAY_ADMIN_PASSWORD=short"}, says: []string{"SLIPWAY_ADMIN_PASSWORD", "12"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			data := filepath.Join(t.TempDir(), "data")
			args := append([]string{"server"}, tc.args...)
			if !tc.inDir {
				args = append(args, "--data", data)
			}
			if !strings.Contains(strings.Join(tc.args, " ")+strings.Join(tc.env, " "), "--listen") && !strings.Contains(strings.Join(tc.env, " "), "SLIPWAY_LISTEN") {
				args = append(args, "--listen", "127.0.0.1:0")
			}
			ctx, cancel := context.WithTimeout(t.Context(), servertest.Patience)
			defer cancel()
			cmd := exec.CommandContext(ctx, filepath.Join(servertest.Bin(), "slipway"), args...)
			cmd.Env, cmd.Dir = tc.env, t.TempDir()
			out, err := cmd.CombinedOutput()
			want := tc.code
			if want == 0 {
				want = 2
			}
			if code := servertest.ExitCode(err); code != want {
				t.Errorf("exit code %d, want %d", code, want)
			}
			for _, part := range tc.says {
				if !bytes.Contains(out, []byte(part)) {
					t.Errorf("the error does not say %q", part)
				}
			}
			if form := found(out, recognisable); form != "" {
				t.Errorf("the error holds a secret, %s", form)
			}
			if bytes.Contains(out, []byte("goroutine ")) || bytes.Contains(out, []byte("panic")) || len(out) > 4<<10 {
				t.Error("the error is no line for people")
			}
			if t.Failed() {
				t.Logf("%s", out)
			}
		})
	}
}
