package review_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"slipway"
	"slipway/internal/review"
)

var update = flag.Bool("update", false, "write what Check finds into testdata")

// Each archive in testdata has folders postgres and sqlite, with .sql files
// that are reviewed in their order as one release, and the findings in want.
// In an archive named for a rule all other rules are off.
func TestCheck(t *testing.T) {
	archives, err := filepath.Glob("testdata/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range archives {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) { checkArchive(t, path) })
	}
}

func checkArchive(t *testing.T, path string) {
	a, err := txtar.ParseFile(path)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string][]byte{}
	for folder, engine := range engines {
		configs := onlyRule(strings.ToUpper(strings.TrimSuffix(filepath.Base(path), ".txtar")), engine)
		var created []string
		for _, f := range a.Files {
			if !strings.HasPrefix(f.Name, folder+"/") || !strings.HasSuffix(f.Name, ".sql") {
				continue
			}
			out := review.Check(review.Input{Engine: engine, Text: f.Data, Rules: configs, CreatedBefore: created})
			created = append(created, out.Created...)
			got[folder+"/want"] = append(got[folder+"/want"], render(f.Name, out)...)
		}
	}
	for i, f := range a.Files {
		if strings.HasSuffix(f.Name, "/want") {
			if *update {
				a.Files[i].Data = got[f.Name]
			} else if diff := cmp.Diff(string(f.Data), string(got[f.Name])); diff != "" {
				t.Errorf("%s (-want +got):\n%s", f.Name, diff)
			}
			delete(got, f.Name)
		}
	}
	for name := range got {
		t.Errorf("%s is missing", name)
	}
	if *update {
		if err := os.WriteFile(path, txtar.Format(a), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

var engines = map[string]slipway.Engine{"postgres": slipway.Postgres, "sqlite": slipway.SQLite}

// onlyRule turns off every rule but id, if there is a rule of that id.
func onlyRule(id string, e slipway.Engine) []review.RuleConfig {
	var off []review.RuleConfig
	found := false
	for engine := range map[slipway.Engine]bool{slipway.Postgres: true, slipway.SQLite: true} {
		for _, r := range review.Catalog(engine) {
			if r.ID == id {
				found = true
			} else if engine == e {
				off = append(off, review.RuleConfig{ID: r.ID})
			}
		}
	}
	if !found {
		return nil
	}
	return off
}

func render(name string, out review.Output) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s: risk %s\n", filepath.Base(name), out.Risk)
	for _, a := range out.Advices {
		at := fmt.Sprint(a.Start.Line)
		if a.Start.Column > 0 {
			at += fmt.Sprint(":", a.Start.Column)
		}
		fmt.Fprintf(&b, "%s %s %d %s: %s\n", at, a.Level, a.Code, a.Title, a.Content)
	}
	return b.Bytes()
}

// A rule is a file, a line and an archive: the archive shows the rule at work
// and at rest for each engine that it is for.
func TestEveryRuleHasCases(t *testing.T) {
	for folder, engine := range engines {
		for _, r := range review.Catalog(engine) {
			a, err := txtar.ParseFile("testdata/" + strings.ToLower(r.ID) + ".txtar")
			if err != nil {
				t.Errorf("%s: %v", r.ID, err)
				continue
			}
			findings, statements := 0, 0
			for _, f := range a.Files {
				if f.Name == folder+"/want" {
					findings = bytes.Count(f.Data, []byte(" "+r.ID+": "))
				} else if strings.HasPrefix(f.Name, folder+"/") {
					statements += bytes.Count(f.Data, []byte(";\n"))
				}
			}
			if findings == 0 || statements <= findings {
				t.Errorf("%s: %d findings in %d statements for %s: show at least one of each", r.ID, findings, statements, folder)
			}
			if r.What == "" || r.Level == "" {
				t.Errorf("%s says nothing for people who choose rules", r.ID)
			}
		}
	}
}

func TestLevels(t *testing.T) {
	in := review.Input{Engine: slipway.Postgres, Text: []byte("TRUNCATE t; COMMIT;"), Rules: []review.RuleConfig{
		{ID: "STATEMENT_DISALLOW_TRUNCATE", Level: slipway.AdviceWarning}, {ID: "STATEMENT_DISALLOW_COMMIT"}, {ID: "NO_SUCH_RULE", Level: slipway.AdviceError},
	}}
	out := review.Check(in)
	if len(out.Advices) != 2 || out.Advices[0].Level != slipway.AdviceWarning {
		t.Errorf("a rule set to WARNING and a fixed one turned off: %+v", out.Advices)
	}
	in.Rules[0].Level = ""
	if out := review.Check(in); len(out.Advices) != 1 || out.Advices[0].Title != "STATEMENT_DISALLOW_COMMIT" {
		t.Errorf("with TRUNCATE allowed: %+v", out.Advices)
	}
}

func TestCaps(t *testing.T) {
	count := func(text string) (errors, warnings int, last slipway.Advice) {
		out := review.Check(review.Input{Engine: slipway.Postgres, Text: []byte(text)})
		for _, a := range out.Advices {
			if a.Level == slipway.AdviceError {
				errors++
			} else {
				warnings++
			}
		}
		return errors, warnings, out.Advices[len(out.Advices)-1]
	}
	if e, _, last := count(strings.Repeat("TRUNCATE t;\n", 50)); e != 50 || last.Title != "STATEMENT_DISALLOW_TRUNCATE" {
		t.Errorf("50 errors: %d told, last %q", e, last.Title)
	}
	e, w, last := count(strings.Repeat("TRUNCATE t;\nALTER TABLE t DROP COLUMN c;\n", 1500))
	if e != 51 || w != 50 || last.Content != "1450 more errors and 1450 more warnings are not shown: mend these first" || last.Level != slipway.AdviceError {
		t.Errorf("1,500 of each: %d errors and %d warnings told, last %+v", e, w, last)
	}
}

// A file beyond the bound is cut all the same: what cannot be run in it is
// found, and how risky it is.
func TestLargeFile(t *testing.T) {
	text := strings.Repeat("SELECT * FROM t;\n", review.MaxText/17+1) + "COPY t FROM STDIN;\n\\.\nDROP TABLE t;"
	out := review.Check(review.Input{Engine: slipway.Postgres, Text: []byte(text)})
	if len(out.Advices) != 2 || out.Advices[0].Code != 258 || out.Advices[1].Title != "COPY_FROM_STDIN" || out.Risk != slipway.RiskHigh {
		t.Errorf("risk %s, %+v", out.Risk, out.Advices)
	}
}
