package bench_test

import (
	"strings"
	"testing"
	"time"
)

func TestDocumentSaysWhatWasMissed(t *testing.T) {
	r := &report{}
	s := r.section("Rollout", "A text.")
	s.columns("what", "took", "ratio")
	s.row("files", 1500*time.Millisecond, atMost(1.4, 1.5))
	s.row("more files", 2500*time.Microsecond, atMost(1.6, 1.5))
	s.row("memory", under(mebibytes(50<<20), 60<<20), under(70*time.Millisecond, 60*time.Millisecond))
	doc := r.document("2 cores of a processor")
	for _, want := range []string{
		"2 cores of a processor", "## Rollout\n\nA text.\n\n| what | took | ratio |\n|---|---|---|\n",
		"| files | 1.50 s | 1.40×, met |\n", "| more files | 2.50 ms | 1.60×, **not met** |\n", "| memory | 50 MiB, met | 70 ms, **not met** |\n",
	} {
		if !strings.Contains(doc, want) {
			t.Errorf("the document lacks %q:\n%s", want, doc)
		}
	}
}

func TestThousands(t *testing.T) {
	for n, want := range map[int]string{1: "1", 999: "999", 1000: "1,000", 100_000: "100,000", 1_234_567: "1,234,567"} {
		if got := thousands(n); got != want {
			t.Errorf("thousands(%d) = %q, want %q", n, got, want)
		}
	}
}
