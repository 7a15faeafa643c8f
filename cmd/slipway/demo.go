package main

import (
	"os"

	"github.com/spf13/cobra"

	"slipway/internal/demo"
)

const demoHelp = `Show the whole way of a change, on this machine alone.

In a temporary folder and on free ports of the loopback interface it starts a
server and a stand-in GitLab issuer, sets up what an administrator would (a
project, environments test and prod, a SQLite database for each, a workload
identity), then runs a pipeline as a CI job would, with no secret but its ID
token, and tells what each step proves.`

func demoCommand() *cobra.Command {
	var cfg demo.Config
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "run a pipeline from ID token to migrated databases, on this machine",
		Long:  demoHelp,
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			exe, err := os.Executable()
			if err != nil {
				return err
			}
			cfg.Executable, cfg.Out, cfg.Version = exe, cmd.OutOrStdout(), version
			ctx, stop := untilSignal(cmd.Context())
			defer stop()
			return demo.Run(ctx, cfg)
		},
	}
	cmd.Flags().BoolVar(&cfg.Keep, "keep", false, "leave the server up and print the console's URL and a sign-in")
	return cmd
}
