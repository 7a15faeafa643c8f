package slipway_test

import (
	"os"
	"regexp"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"slipway"
)

// The graph and the table that docs/change.md draws are the edges there are.
func TestChangeGraph(t *testing.T) {
	text, err := os.ReadFile("docs/change.md")
	if err != nil {
		t.Fatal(err)
	}
	statuses := []slipway.Status{
		slipway.NotStarted, slipway.Pending, slipway.Running, slipway.Done, slipway.Failed, slipway.Aborted, slipway.Skipped,
	}
	var want []string
	for _, from := range statuses {
		for _, to := range statuses {
			if from.CanBecome(to) {
				want = append(want, string(from)+" "+string(to))
			}
		}
	}
	slices.Sort(want)
	for name, line := range map[string]string{
		"graph": `(?m)^ +([A-Z_]+) --> ([A-Z_]+)$`,
		"table": `(?m)^\| ([A-Z_]+) \| ([A-Z_]+) \|`,
	} {
		var drawn []string
		for _, m := range regexp.MustCompile(line).FindAllStringSubmatch(string(text), -1) {
			drawn = append(drawn, m[1]+" "+m[2])
		}
		slices.Sort(drawn)
		if diff := cmp.Diff(want, drawn); diff != "" {
			t.Errorf("%s (-code +docs/change.md):\n%s", name, diff)
		}
	}
}
