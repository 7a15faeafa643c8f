// Command slipway is all of Slipway: the server, the client that pipelines
// run, and a demo of both. Flags and environment become one Config here and
// nowhere else.
package main

import (
	"os"

	"github.com/spf13/cobra"

	"slipway/internal/cli"
)

// Set by the linker in release builds.
var (
	version = "0.1.0-dev"
	commit  = "unknown"
)

func main() {
	os.Exit(cli.Main(cli.Program{
		Args:    os.Args,
		Stdin:   os.Stdin,
		Stdout:  os.Stdout,
		Stderr:  os.Stderr,
		Getenv:  os.Getenv,
		Version: version,
		Commit:  commit,
		More:    []*cobra.Command{serverCommand(), demoCommand()},
	}))
}
