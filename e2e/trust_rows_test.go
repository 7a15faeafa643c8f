package e2e_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"slipway/internal/idtokentest"
	"slipway/internal/trusttest"
)

// played returns the ids of the rows that TestTrust and TestTrustOverTime play.
func played(t *testing.T) map[string]bool {
	t.Helper()
	ids := map[string]bool{"N02": true} // by host rather than by row
	place := trusttest.Place{Issuer: "https://gitlab.example.com"}
	for _, c := range trusttest.Cases(place) {
		ids[c.ID] = true
	}
	for _, c := range place.Configurations() {
		ids[c.ID] = true
	}
	for _, k := range trusttest.KeySets(t, idtokentest.NewRSA(t, "k1")) {
		ids[k.ID] = true
	}
	for _, a := range slices.Concat(trusttest.Relapses(), trusttest.Misleads()) {
		ids[a.ID] = true
	}
	for _, p := range trusttest.Plays() {
		ids[p.ID] = true
	}
	for _, s := range surface {
		ids[s.id] = true
	}
	return ids
}

// TestTrustRows fails when a row of the corpus is neither played nor known to
// wait for something, and when one that waits is played after all.
func TestTrustRows(t *testing.T) {
	t.Parallel()
	tested, waiting := played(t), map[string]bool{}
	for _, w := range trusttest.Waiting {
		if waiting[w.ID] || w.For == "" {
			t.Errorf("%s waits twice, or for nothing", w.ID)
		}
		waiting[w.ID] = true
		if tested[w.ID] != w.Part {
			t.Errorf("%s waits for %s, in part: %v; it is played: %v", w.ID, w.For, w.Part, tested[w.ID])
		}
	}
	for _, id := range trusttest.Demanded() {
		if !tested[id] && !waiting[id] {
			t.Errorf("%s is neither played nor waits for anything", id)
		}
	}
	for id := range waiting {
		if !slices.Contains(trusttest.Demanded(), id) {
			t.Errorf("%s waits and is not demanded", id)
		}
	}

	// Where the corpus is at hand, its ids are the demanded ones.
	text, err := os.ReadFile(filepath.Join("..", "..", "shared", "spec", "trust-cases.md"))
	if err != nil {
		t.Logf("not compared with the corpus: %v", err)
		return
	}
	var rows []string
	demanded := false
	for line := range strings.Lines(string(text)) {
		if section, ok := strings.CutPrefix(line, "## "); ok {
			demanded = regexp.MustCompile(`^(Structure and JOSE|Time|Issuer, audience|GitLab: |Keys, rotation|Replay, concurrency)`).MatchString(section)
		}
		if m := regexp.MustCompile(`^\| ([A-Z]\d\d) \|`).FindStringSubmatch(line); m != nil && demanded {
			rows = append(rows, m[1])
		}
	}
	for _, id := range rows {
		if !slices.Contains(trusttest.Demanded(), id) {
			t.Errorf("%s is in the corpus and not demanded", id)
		}
	}
	for _, id := range trusttest.Demanded() {
		if !slices.Contains(rows, id) {
			t.Errorf("%s is demanded and not in the corpus", id)
		}
	}
}
