// Package faults_test breaks things on purpose while the real server changes
// real databases, and counts what was lost, what was done twice and what was
// said that is not so. It has a short form, which go test runs, and a long one:
//
//	make faults
package faults_test

import (
	"flag"
	"fmt"
	"os"
	"testing"

	"slipway/internal/servertest"
)

var (
	long   = flag.Bool("long", false, "run every round and write the table into docs/reliability.md")
	wanted = flag.Int("rounds", 50, "how many rounds of killing the server the long form has")
)

func TestMain(m *testing.M) {
	if traced() {
		os.Exit(trace(os.Args[1:]))
	}
	code := servertest.Main(m)
	if table := results.String(); table != "" {
		fmt.Print(table)
	}
	if code == 0 && *long {
		if err := results.write("../../docs/reliability.md"); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

// rounds is how many rounds of a fault are run.
func rounds(short, all int) int {
	if *long {
		return all
	}
	return short
}
