package cli_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestFilesThatWouldBeLost(t *testing.T) {
	for _, tc := range []struct {
		name    string
		files   map[string]string
		pattern string
		words   []string
	}{
		{"no match", map[string]string{"a/1.sql": "x"}, "b/**/*.sql", []string{`no file matches "b/**/*.sql"`, "quote it"}},
		{"a folder that is not there", nil, "nowhere/*.sql", []string{"no file matches"}},
		{"no version", map[string]string{"m/1_a.sql": "x", "m/init.sql": "x", "m/x/readme.sql": "x"}, "m/**/*.sql", []string{"m/init.sql, m/x/readme.sql", "VERSION_DESCRIPTION"}},
		{"one version in two spellings", map[string]string{"m/1_a.sql": "x", "m/01_b.sql": "x", "m/2.sql": "x"}, "m/*.sql", []string{"version 1 is that of more than one file", "m/01_b.sql", "m/1_a.sql"}},
		{"trailing zeros count for nothing", map[string]string{"m/1.0_a.sql": "x", "m/v1_b.sql": "x"}, "m/*.sql", []string{"m/1.0_a.sql", "m/v1_b.sql"}},
		{"an empty file", map[string]string{"m/1.sql": ""}, "m/*.sql", []string{"m/1.sql is empty"}},
		{"a part of too many digits", map[string]string{"m/" + strings.Repeat("1", 40) + ".sql": "x"}, "m/*.sql", []string{"38 digits"}},
		{"a broken pattern", nil, "m/[*.sql", []string{"is not a glob"}},
		{"all at once", map[string]string{"m/1.sql": "", "m/2_a.sql": "x", "m/02_b.sql": "x", "m/x.sql": "x"}, "m/*.sql", []string{"m/1.sql is empty", "m/x.sql", "version 2 is"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := run(t, folder(t, tc.files), nil, "slipway", "check", "--url", "http://127.0.0.1:1", "--token", "x",
				"--project", "shop", "--targets", testDB, "--file-pattern", tc.pattern)
			r.want(t, 2, tc.words...)
			if r.stdout != "" {
				t.Errorf("stdout %q", r.stdout)
			}
		})
	}
}

func TestPathsAreRelativeToTheRepository(t *testing.T) {
	for _, tc := range []struct {
		name    string
		work    string
		pattern string
		git     bool
		env     map[string]string // TOP stands for the top folder
		want    string
	}{
		{"below the job's checkout", "svc", "m/*.sql", false, map[string]string{"CI_PROJECT_DIR": "TOP"}, "svc/m/1.sql"},
		{"below the Git work tree", "svc/m", "*.sql", true, nil, "svc/m/1.sql"},
		{"neither", "svc", "m/*.sql", false, nil, "m/1.sql"},
		{"upwards, inside of the work tree", "other", "../svc/m/*.sql", true, nil, "svc/m/1.sql"},
		{"a checkout that is elsewhere", "svc", "m/*.sql", false, map[string]string{"CI_PROJECT_DIR": "/nowhere/else"}, "m/1.sql"},
		{"an absolute pattern", "svc", "TOP/svc/**/1.sql", true, nil, "svc/m/1.sql"},
		{"braces", "", "{svc,none}/m/{1,2}.sql", true, nil, "svc/m/1.sql"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := serve(t)
			top := folder(t, map[string]string{"svc/m/1.sql": "SELECT 1", "other/x": "x"})
			if tc.git {
				if err := os.Mkdir(filepath.Join(top, ".git"), 0o755); err != nil {
					t.Fatal(err)
				}
			}
			env := make(map[string]string)
			for k, v := range tc.env {
				env[k] = strings.ReplaceAll(v, "TOP", top)
			}
			run(t, filepath.Join(top, tc.work), env, "slipway", "check", "--url", f.url, "--token", "good", "--project", "shop",
				"--targets", testDB, "--file-pattern", strings.ReplaceAll(tc.pattern, "TOP", top)).want(t, 0)
			if got := f.checked.GetRelease().GetFiles()[0].GetPath(); got != tc.want {
				t.Errorf("path %q, want %q", got, tc.want)
			}
		})
	}
}
