package review_test

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"slipway"
	"slipway/internal/review"
)

// columns are where docs/review.md lists the level of a rule for each engine.
var columns = map[slipway.Engine]int{slipway.Postgres: 3, slipway.SQLite: 4}

func readDocs(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../docs/review.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// The rules that docs/review.md lists are the rules there are.
func TestDocsListTheRules(t *testing.T) {
	rows := regexp.MustCompile(`(?m)^\| \[([A-Z_]+)\]\(#([a-z_]+)\) \| ([^|]*) \| ([^|]*) \| ([^|]*) \| ([^|]*) \|$`).FindAllStringSubmatch(readDocs(t), -1)
	for engine, column := range columns {
		var want, listed []string
		for _, r := range review.Catalog(engine) {
			want = append(want, fmt.Sprintf("%s %s %s %s", r.ID, strings.ToLower(r.ID), r.Level, r.What))
		}
		for _, row := range rows {
			if level := row[column+1]; level != "–" {
				listed = append(listed, fmt.Sprintf("%s %s %s %s", row[1], row[2], level, row[6]))
			}
		}
		if diff := cmp.Diff(want, listed); diff != "" {
			t.Errorf("%s (-code +docs/review.md):\n%s", engine, diff)
		}
	}
}

var (
	docSection = regexp.MustCompile(`(?ms)^### ([A-Z_]+)$(.*?)(?:^##|\z)`)
	docExample = regexp.MustCompile("(?ms)^```sql\n-- (bad|good)(?:: (PostgreSQL|SQLite))?\n(.*?)^```$")
)

// Every example is what it says it is, under a code that the list has.
func TestDocsExamples(t *testing.T) {
	text := readDocs(t)
	// The next section's heading ends this one and must be found again.
	sections := docSection.FindAllStringSubmatch(strings.ReplaceAll(text, "\n### ", "\n##\n### "), -1)
	engineNames := map[slipway.Engine]string{slipway.Postgres: "PostgreSQL", slipway.SQLite: "SQLite"}
	for engine, name := range engineNames {
		for _, r := range review.Catalog(engine) {
			i := slices.IndexFunc(sections, func(s []string) bool { return s[1] == r.ID })
			if i < 0 {
				t.Errorf("%s has no section", r.ID)
				continue
			}
			shown := map[string]bool{}
			for _, e := range docExample.FindAllStringSubmatch(sections[i][2], -1) {
				if e[2] != "" && e[2] != name {
					continue
				}
				shown[e[1]] = true
				checkExample(t, text, engine, r.ID, e[1], e[3])
			}
			if !shown["bad"] || !shown["good"] {
				t.Errorf("%s for %s: shown are %v, not a bad and a good example", r.ID, name, shown)
			}
		}
	}
}

func checkExample(t *testing.T, text string, engine slipway.Engine, id, kind, sql string) {
	t.Helper()
	out := review.Check(review.Input{Engine: engine, Text: []byte(sql)})
	found := false
	for _, a := range out.Advices {
		if a.Title == id {
			found = true
			if !hasCode(text, id, a.Code) {
				t.Errorf("%s: code %d is not listed", id, a.Code)
			}
		}
		if kind == "good" && a.Level == slipway.AdviceError {
			t.Errorf("%s on %s: the good example has another error: %s: %s", id, engine, a.Title, a.Content)
		}
	}
	if found != (kind == "bad") {
		t.Errorf("%s on %s: found %t in the %s example:\n%s%+v", id, engine, found, kind, sql, out.Advices)
	}
}

// hasCode reports whether the list has the code for the rule: alone, after a
// comma, or in a range.
func hasCode(text, id string, code int) bool {
	m := regexp.MustCompile(`(?m)^\| \[` + id + `\]\([^)]*\) \| ([^|]*) \|`).FindStringSubmatch(text)
	if m == nil {
		return false
	}
	for part := range strings.SplitSeq(m[1], ", ") {
		low, high, isRange := strings.Cut(part, "–")
		if !isRange {
			high = low
		}
		from, err := strconv.Atoi(low)
		to, err2 := strconv.Atoi(high)
		if err == nil && err2 == nil && from <= code && code <= to {
			return true
		}
	}
	return false
}
