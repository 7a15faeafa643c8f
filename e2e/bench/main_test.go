// Package bench_test measures the whole program: the real binary as a process of
// its own, on real databases, each figure beside a peer or a limit that was
// measured in the same run. `make bench` runs it and writes docs/performance.md.
//
// Nothing here asserts a time: a goal that is missed is said in the document.
package bench_test

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

var (
	measure = flag.Bool("measure", false, "run the measurements, some minutes on an idle machine")
	write   = flag.String("write", "", "file for the document, besides standard output")
)

// binary is the program under test.
var binary string

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(func() int {
		if !*measure {
			return m.Run()
		}
		dir, err := os.MkdirTemp("", "slipway-bench-")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer func() { _ = os.RemoveAll(dir) }()
		binary = filepath.Join(dir, "slipway")
		if out, err := exec.Command("go", "build", "-o", binary, "slipway/cmd/slipway").CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "build the program: %v\n%s", err, out)
			return 1
		}
		return m.Run()
	}())
}

// TestMeasure measures everything and writes the document. What a -run pattern
// leaves out is missing in it.
func TestMeasure(t *testing.T) {
	if !*measure {
		t.Skip("measurements take minutes: make bench, or go test ./e2e/bench -measure")
	}
	r := &report{}
	for _, part := range []struct {
		name string
		run  func(t *testing.T, r *report)
	}{
		{"start", measureStart},
		{"exchange", measureExchange},
		{"parts", measureParts},
		{"check", measureCheck},
		{"rollout", measureRollout},
		{"many", measureMany},
		{"big", measureBig},
		{"cut", measureCut},
	} {
		t.Run(part.name, func(t *testing.T) { part.run(t, r) })
	}
	doc := r.document(machine(t))
	fmt.Fprintln(os.Stdout, doc)
	if *write != "" && !t.Failed() {
		if err := os.WriteFile(*write, []byte(doc), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
