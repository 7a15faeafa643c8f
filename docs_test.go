package slipway_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
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

// Pages show the pictures that there are, which are small enough to be read in a
// repository.
func TestPictures(t *testing.T) {
	pages, err := filepath.Glob("docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	var shown []string
	for _, page := range pages {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`!\[([^]]*)\]\(([^)]*)\)`).FindAllStringSubmatch(string(text), -1) {
			if strings.TrimSpace(m[1]) == "" {
				t.Errorf("%s: %s has no words for who can't see it", page, m[2])
			}
			shown = append(shown, filepath.Base(m[2]))
		}
	}
	kept, err := os.ReadDir("docs/images")
	if err != nil {
		t.Fatal(err)
	}
	var there []string
	var all int64
	for _, e := range kept {
		info, err := e.Info()
		if err != nil {
			t.Fatal(err)
		}
		if info.Size() > 150_000 {
			t.Errorf("%s has %d bytes, want at most 150,000", e.Name(), info.Size())
		}
		all += info.Size()
		there = append(there, e.Name())
	}
	if all > 1_000_000 {
		t.Errorf("all pictures have %d bytes, want at most 1,000,000", all)
	}
	slices.Sort(shown)
	if diff := cmp.Diff(there, slices.Compact(shown)); diff != "" {
		t.Errorf("pictures (-docs/images +shown in pages):\n%s", diff)
	}
}
