// Package difftest holds the verifier of ID tokens against three others that
// many programs use: go-jose, golang-jwt and jwx. It is a module of its own so
// that the product does not depend on them.
//
// Each token of the corpus goes to all four. Where they agree nothing more is
// written. Where another one differs from ours, the corpus says in a sentence
// why ours is right; a difference that is not declared fails, and so does a
// declared one that is no longer there.
package difftest

import (
	"slices"
	"testing"
)

// A token of the corpus.
type token struct {
	name string
	raw  string
	want string // the reason of our refusal; "" for accepted
	// differs names each verifier whose verdict is the opposite of ours.
	differs []difference
	keys    []any // published instead of the usual ones; nil for those
}

// A difference says of some verifiers why they are wrong and ours is right.
type difference struct {
	why string
	who []string
}

// but declares that the verdict of those verifiers is the opposite of ours.
func but(why string, who ...string) []difference { return []difference{{why, who}} }

// The other verifiers.
const (
	jose   = "go-jose"
	golang = "golang-jwt"
	jwx    = "jwx"
)

var everyone = []string{jose, golang, jwx}

func TestDifferences(t *testing.T) {
	k := newKit(t)
	var corpus []token
	for _, part := range [][]token{k.forms(t), k.headers(t), k.algorithms(t), k.signatures(t), k.payloads(t), k.dates(t), k.names(t), k.keySets(t)} {
		corpus = append(corpus, part...)
	}
	if len(corpus) < 100 {
		t.Errorf("the corpus has %d tokens, want at least 100", len(corpus))
	}
	seen := map[string]bool{}
	accepted := 0
	for _, tok := range corpus {
		if seen[tok.name] {
			t.Errorf("%s: the name is taken", tok.name)
		}
		seen[tok.name] = true
		if tok.want == "" {
			accepted++
		}
		t.Run(tok.name, func(t *testing.T) { k.compare(t, tok) })
	}
	if accepted < 10 {
		t.Errorf("%d tokens are good, want at least 10: refusing all is no verdict", accepted)
	}
	t.Logf("%d tokens, %d of them good", len(corpus), accepted)
}

// compare has all four judge tok.
func (k *kit) compare(t *testing.T, tok token) {
	t.Helper()
	set := k.publish(tok.keys)
	if got := k.ours(t, tok.raw); got != tok.want {
		t.Errorf("ours: %q, want %q", got, tok.want)
	}
	declared := map[string]bool{}
	for _, d := range tok.differs {
		if len(d.why) < 20 {
			t.Errorf("why ours is right about %v is not said", d.who)
		}
		for _, who := range d.who {
			if declared[who] || !slices.Contains(everyone, who) {
				t.Errorf("%q is declared twice or unknown", who)
			}
			declared[who] = true
		}
	}
	for who, verdict := range map[string]error{
		jose: k.jose(set, tok.raw), golang: k.golang(set, tok.raw), jwx: k.jwx(set, tok.raw),
	} {
		differs := (verdict == nil) != (tok.want == "")
		switch {
		case differs && !declared[who]:
			t.Errorf("%s differs from ours (%q) and nothing says why: %v", who, tok.want, verdict)
		case !differs && declared[who]:
			t.Errorf("%s is said to differ from ours (%q) and does not: %v", who, tok.want, verdict)
		}
	}
}
