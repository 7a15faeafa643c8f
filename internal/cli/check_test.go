package cli_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"slipway/internal/pb"
)

const (
	fileA = "db/1_users.sql"
	textA = "-- users\nCREATE TABLE users (id int, note text);\n\nDELETE FROM users;\n"
	fileB = "db/2_drop.sql"
	textB = "TRUNCATE users;\nTRUNCATE users;\nselec 1;\n"
)

func advice(level pb.Advice_Level, code int32, title, content string, lineNo, column int32) *pb.Advice {
	return &pb.Advice{Status: level, Code: code, Title: title, Content: content, StartPosition: &pb.Position{Line: lineNo, Column: column}}
}

// twoTargets is what two databases, alike but for their rows, have against the
// two files.
func twoTargets(shift int32) *pb.CheckReleaseResponse {
	a := &pb.CheckReleaseResponse{RiskLevel: pb.RiskLevel_HIGH, AffectedRows: 1030}
	for _, t := range []struct{ name, rows string }{{testDB, "30"}, {prodDB, "1000"}} {
		a.Results = append(a.Results,
			&pb.CheckReleaseResponse_CheckResult{File: fileA, Target: t.name, Advices: []*pb.Advice{
				advice(pb.Advice_WARNING, 402, "COLUMN_NO_NULL", `column "id" takes NULL`, 2+shift, 0),
				advice(pb.Advice_WARNING, 402, "COLUMN_NO_NULL", `column "note" takes NULL`, 2+shift, 0),
				advice(pb.Advice_ERROR, 202, "STATEMENT_WHERE_REQUIRE_UPDATE_DELETE", "DELETE without WHERE takes all "+t.rows+" rows", 4+shift, 1),
				advice(pb.Advice_SUCCESS, 0, "OK", "fine", 0, 0),
			}},
			&pb.CheckReleaseResponse_CheckResult{File: fileB, Target: t.name, Advices: []*pb.Advice{
				advice(pb.Advice_ERROR, 257, "STATEMENT_DISALLOW_TRUNCATE", "TRUNCATE takes all rows", 1, 0),
				advice(pb.Advice_ERROR, 257, "STATEMENT_DISALLOW_TRUNCATE", "TRUNCATE takes all rows", 2, 0),
			}})
	}
	last := a.GetResults()[3]
	last.Advices = append(last.Advices, advice(pb.Advice_ERROR, 201, "Syntax error", "syntax error at or near \"selec\"", 3, 1))
	return a
}

// checkout is a repository whose job runs in a folder below its top.
func checkout(t *testing.T, a string) (top, work string, env map[string]string) {
	t.Helper()
	top = folder(t, map[string]string{"svc/" + fileA: a, "svc/" + fileB: textB})
	return top, filepath.Join(top, "svc"), map[string]string{"GITLAB_CI": "true", "CI": "true", "CI_PROJECT_DIR": top}
}

func checkArgs(f *fake, name string, more ...string) []string {
	args := []string{name}
	if name != "sql-review" {
		args = append(args, "check")
	}
	return append(append(args, "--url", f.url, "--access-token", "good", "--project", "projects/shop",
		"--targets", testDB, "--targets", prodDB, "--file-pattern", "db/*.sql"), more...)
}

// inRepository renames the files of an answer to what the client sends.
func inRepository(a *pb.CheckReleaseResponse) *pb.CheckReleaseResponse {
	for _, r := range a.GetResults() {
		r.File = "svc/" + r.GetFile()
	}
	return a
}

func TestCheckTellsFindings(t *testing.T) {
	f := serve(t)
	f.check = inRepository(twoTargets(0))
	_, work, env := checkout(t, textA)
	r := run(t, work, env, checkArgs(f, "slipway", "--junit", "junit.xml")...)
	r.want(t, 1, "slipway: 4 findings at the level of --check-release FAIL_ON_ERROR")
	want := `svc/db/1_users.sql:2: warning: COLUMN_NO_NULL: column "id" takes NULL
svc/db/1_users.sql:2: warning: COLUMN_NO_NULL: column "note" takes NULL
svc/db/1_users.sql:4:1: error: STATEMENT_WHERE_REQUIRE_UPDATE_DELETE: DELETE without WHERE takes all 30 rows (instances/pg/databases/shop_test); DELETE without WHERE takes all 1000 rows (instances/pg/databases/shop_prod)
svc/db/2_drop.sql:1: error: STATEMENT_DISALLOW_TRUNCATE: TRUNCATE takes all rows
svc/db/2_drop.sql:2: error: STATEMENT_DISALLOW_TRUNCATE: TRUNCATE takes all rows
svc/db/2_drop.sql:3:1: error: SYNTAX_ERROR: syntax error at or near "selec" (instances/pg/databases/shop_prod)
checked 2 files for 2 databases: 4 errors, 2 warnings; risk high; about 1030 rows affected
`
	if diff := cmp.Diff(want, r.stdout); diff != "" {
		t.Errorf("stdout (-want +got):\n%s", diff)
	}
	golden(t, filepath.Join(work, "slipway-code-quality.json"), "testdata/code-quality.json")
	golden(t, filepath.Join(work, "junit.xml"), "testdata/junit.xml")
}

// golden compares a file that was written with one that was reviewed.
// UPDATE_GOLDEN=1 writes the reviewed one anew.
func golden(t *testing.T, got, want string) {
	t.Helper()
	g, err := os.ReadFile(got)
	if err != nil {
		t.Fatal(err)
	}
	if os.Getenv("UPDATE_GOLDEN") != "" {
		if err := os.WriteFile(want, g, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	w, err := os.ReadFile(want)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(w), string(g)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", want, diff)
	}
}

func fingerprints(t *testing.T, name string) []string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	var issues []struct{ Fingerprint string }
	if err := json.Unmarshal(text, &issues); err != nil {
		t.Fatal(err)
	}
	var prints []string
	seen := make(map[string]bool)
	for _, i := range issues {
		if seen[i.Fingerprint] {
			t.Errorf("fingerprint %s twice: GitLab drops one of the findings", i.Fingerprint)
		}
		seen[i.Fingerprint] = true
		prints = append(prints, i.Fingerprint)
	}
	return prints
}

func TestFingerprintsStayWhenLinesAndDatabasesChange(t *testing.T) {
	f := serve(t)
	f.check = inRepository(twoTargets(0))
	_, work, env := checkout(t, textA)
	run(t, work, env, checkArgs(f, "slipway", "--code-quality", "before.json")...)
	before := fingerprints(t, filepath.Join(work, "before.json"))

	f.check = inRepository(twoTargets(3))
	f.check.Results = append(f.check.Results[2:], &pb.CheckReleaseResponse_CheckResult{File: "svc/" + fileA, Target: "instances/new/databases/shop"})
	_, work, env = checkout(t, "-- a line more\n\n\n"+strings.Replace(textA, "id int,", "id /* why */  int,", 1))
	run(t, work, env, checkArgs(f, "slipway", "--code-quality", "after.json")...)
	after := fingerprints(t, filepath.Join(work, "after.json"))
	if diff := cmp.Diff(before, after); diff != "" {
		t.Errorf("fingerprints (-before +after):\n%s", diff)
	}
}

func TestCheckLevels(t *testing.T) {
	warning := &pb.CheckReleaseResponse{Results: []*pb.CheckReleaseResponse_CheckResult{{
		File: "svc/" + fileA, Target: testDB, Advices: []*pb.Advice{advice(pb.Advice_WARNING, 402, "COLUMN_NO_NULL", "NULL", 2, 0)},
	}}}
	for _, tc := range []struct {
		name   string
		called string
		answer *pb.CheckReleaseResponse
		args   []string
		code   int
		report string
	}{
		{"errors fail by default", "slipway", inRepository(twoTargets(0)), nil, 1, "slipway-code-quality.json"},
		{"under the names of others too", "bytebase-action", inRepository(twoTargets(0)), nil, 1, "bytebase_codequality.json"},
		{"and as sql-review", "sql-review", inRepository(twoTargets(0)), nil, 1, "bytebase_codequality.json"},
		{"warnings do not", "slipway", warning, nil, 0, "slipway-code-quality.json"},
		{"unless asked to", "slipway", warning, []string{"--check-release", "FAIL_ON_WARNING"}, 1, "slipway-code-quality.json"},
		{"SKIP shows and never fails", "slipway", inRepository(twoTargets(0)), []string{"--check-release", "SKIP"}, 0, "slipway-code-quality.json"},
		{"a report is written when there is nothing", "slipway", &pb.CheckReleaseResponse{}, nil, 0, "slipway-code-quality.json"},
		{"where it was asked for", "sql-review", warning, []string{"--code-quality", "x.json"}, 0, "x.json"},
		{"an unknown level is a usage error", "slipway", warning, []string{"--check-release", "FAIL"}, 2, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := serve(t)
			f.check = tc.answer
			_, work, env := checkout(t, textA)
			run(t, work, env, checkArgs(f, tc.called, tc.args...)...).want(t, tc.code)
			if tc.report == "" {
				return
			}
			text, err := os.ReadFile(filepath.Join(work, tc.report))
			if err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal(text, new([]map[string]any)); err != nil {
				t.Errorf("report: %v", err)
			}
		})
	}
}

func TestCheckWithoutTargetsIsForAllOfTheProject(t *testing.T) {
	f := serve(t)
	f.check = inRepository(twoTargets(0))
	_, work, env := checkout(t, textA)
	run(t, work, env, "sql-review", "--url", f.url, "--token", "good", "--project", "shop", "--file-pattern", "db/*.sql").
		want(t, 1, "checked 2 files for 2 databases")
	f.check = &pb.CheckReleaseResponse{}
	run(t, work, env, "sql-review", "--url", f.url, "--token", "good", "--project", "shop", "--file-pattern", "db/*.sql").
		want(t, 0, "checked 2 files for the project's databases: no errors")
}

func TestCheckOutsideOfGitLabWritesNoReport(t *testing.T) {
	f := serve(t)
	_, work, _ := checkout(t, textA)
	run(t, work, nil, checkArgs(f, "slipway")...).want(t, 0, "checked 2 files for 2 databases: no errors, no warnings")
	if _, err := os.Stat(filepath.Join(work, "slipway-code-quality.json")); !os.IsNotExist(err) {
		t.Errorf("a report was written: %v", err)
	}
}
