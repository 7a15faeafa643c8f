package cli_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"slipway/internal/cli"
	"slipway/internal/idtokentest"
)

// explain runs "slipway token explain" at now with raw on standard input.
func explain(now time.Time, raw string) result {
	var stdout, stderr bytes.Buffer
	code := cli.Main(cli.Program{
		Args: []string{"slipway", "token", "explain", "-"}, Stdin: strings.NewReader(raw), Stdout: &stdout, Stderr: &stderr,
		Getenv: func(string) string { return "" }, Now: func() time.Time { return now },
	})
	return result{code: code, stdout: stdout.String(), stderr: stderr.String()}
}

func TestTokenExplain(t *testing.T) {
	now := time.Date(2026, 1, 15, 12, 0, 0, 0, time.UTC)
	key := idtokentest.NewRSA(t, "k1")
	claims := idtokentest.Claims("https://gitlab.example.com", idtokentest.Job{}, now)
	raw := key.Sign(t, claims)
	for name, test := range map[string]struct {
		raw  string
		now  time.Time
		code int
		says []string
	}{
		"a job's": {raw: raw, now: now.Add(time.Minute), says: []string{
			"signed with     RS256, key k1; not verified here",
			"group           my-group (id 72)",
			"ref             branch main (protected)",
			"pipeline        574 by push, job 302, of sample",
			"2026-01-15T13:00:00Z: 59m0s left",
			"the audience is the issuer itself",
			`  ref_protected = "true"`,
		}},
		"ended":       {raw: raw, now: now.Add(2 * time.Hour), says: []string{": ended 1h0m0s ago"}},
		"not yet":     {raw: raw, now: now.Add(-time.Hour), says: []string{": begins in 59m55s"}},
		"two parts":   {raw: "a.b", now: now, code: 2, says: []string{"it has 2 parts"}},
		"cut":         {raw: "!" + raw, now: now, code: 2, says: []string{"the token's header: not base64url"}},
		"no exp":      {raw: key.Sign(t, idtokentest.With(claims, map[string]any{"exp": nil})), now: now, code: 1, says: []string{"claim exp", `iat = `}},
		"login token": {raw: key.Sign(t, idtokentest.With(claims, map[string]any{"job_id": nil})), now: now, says: []string{"no job_id"}},
		"audiences":   {raw: key.Sign(t, idtokentest.With(claims, map[string]any{"aud": []string{"a", "b"}})), now: now, says: []string{"several audiences", `["a","b"]`}},
		"too long":    {raw: strings.Repeat("a", 17<<10), now: now, code: 2, says: []string{"more than 16 KiB"}},
	} {
		t.Run(name, func(t *testing.T) {
			r := explain(test.now, test.raw)
			r.want(t, test.code, test.says...)
			parts := strings.Split(test.raw, ".")
			if sig := parts[len(parts)-1]; len(sig) > 40 && strings.Contains(r.stdout+r.stderr, sig[:40]) {
				t.Error("the token was printed")
			}
		})
	}
}

func TestTokenExplainReads(t *testing.T) {
	now := time.Now()
	raw := idtokentest.NewRSA(t, "k1").Sign(t, idtokentest.Claims("https://gitlab.example.com", idtokentest.Job{}, now))
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "job.jwt"), []byte(raw+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	run(t, dir, map[string]string{"GITLAB_OIDC_TOKEN": raw}, "slipway", "token", "explain").want(t, 0, "my-group/app")
	run(t, dir, map[string]string{"MY_TOKEN": raw}, "slipway", "token", "explain", "--id-token-env", "MY_TOKEN").want(t, 0, "my-group/app")
	run(t, dir, nil, "slipway", "token", "explain", "job.jwt").want(t, 0, "my-group/app")
	run(t, dir, nil, "slipway", "token", "explain").want(t, 2, "the variable GITLAB_OIDC_TOKEN is empty")
	run(t, dir, nil, "slipway", "token").want(t, 2, "slipway token explain")

	// The token where its file belongs: said, not repeated.
	r := run(t, dir, nil, "slipway", "token", "explain", raw)
	r.want(t, 2, "a file's name, not the token")
	if strings.Contains(r.stdout+r.stderr, raw[:40]) {
		t.Error("the token was printed")
	}
}
