package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"slipway"
	"slipway/internal/server"
)

const serverHelp = `Run the server: API, console and job runner on one port.

Each flag is also an environment variable: --database-url is
SLIPWAY_DATABASE_URL; a list takes commas. Two settings are variables only,
so that no process list shows them: SLIPWAY_ADMIN_EMAIL and
SLIPWAY_ADMIN_PASSWORD make the first Workspace Admin on the first start.
Without them the first start prints a setup link, good until it is used.

SIGTERM drains: no new task runs, running statements have --drain to finish,
and what was cut off is resumed by the next start. A second SIGTERM or Ctrl-C
ends the process at once; that is safe too.`

func serverCommand() *cobra.Command {
	var cfg server.Config
	var logFormat string
	cmd := &cobra.Command{
		Use:   "server",
		Short: "run the server",
		Long:  serverHelp,
		Args:  cobra.NoArgs,
		PreRunE: func(cmd *cobra.Command, _ []string) error {
			return fromEnvironment(cmd.Flags(), os.Getenv)
		},
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg.AdminEmail = os.Getenv("SLIPWAY_ADMIN_EMAIL")
			cfg.AdminPassword = slipway.Secret(os.Getenv("SLIPWAY_ADMIN_PASSWORD"))
			cfg.Version, cfg.Commit = version, commit
			out := cmd.OutOrStdout()
			cfg.Ready = func(url string) { fmt.Fprintf(out, "slipway %s answers on %s\n", version, url) }
			cfg.SetupLink = func(link string) {
				fmt.Fprintf(out, "nobody can sign in yet: make the first administrator at\n\n  %s\n\nThe link is good until it is used; the next start prints a new one.\n", link)
			}
			lg, err := logger(logFormat)
			if err != nil {
				return err
			}
			ctx, stop := untilSignal(cmd.Context())
			defer stop()
			return server.Run(ctx, lg, cfg)
		},
	}
	f := cmd.Flags()
	f.StringVar(&cfg.Listen, "listen", "127.0.0.1:8080", "address to listen on; port 0 takes a free one")
	f.StringVar(&cfg.Data, "data", "slipway-data", "folder for the embedded database, the master key and SQLite databases")
	f.StringVar(&cfg.DatabaseURL, "database-url", "", "postgres://… to keep the server's own data there (default: SQLite under --data)")
	f.StringVar(&cfg.ExternalURL, "external-url", "", "how pipelines and browsers reach the server (default: the address it listens on)")
	f.StringVar(&cfg.MasterKeyFile, "master-key-file", "", "file with the key that encrypts secrets, 32 bytes in base64 (default: DATA/master.key, made when missing)")
	f.BoolVar(&cfg.AllowPasswords, "allow-passwords", false, "let people sign in with passwords where the settings have switched that off")
	f.StringSliceVar(&cfg.PrivateIssuers, "private-issuers", nil, "issuer URLs that may be on a private or loopback address")
	f.StringVar(&cfg.IssuerCAFile, "issuer-ca-file", "", "PEM file with CAs to trust for issuers, beside the system's")
	f.StringSliceVar(&cfg.SQLiteRoots, "sqlite-root", nil, "folders under which SQLite instances may live, beside DATA/databases")
	f.StringSliceVar(&cfg.TrustedProxies, "trusted-proxy", nil, "networks whose X-Forwarded-For is believed, as in 10.0.0.0/8")
	f.IntVar(&cfg.Workers, "workers", 4, "how many databases change at a time, 1 to 256")
	f.DurationVar(&cfg.Drain, "drain", 0, "how long running statements may go on after SIGTERM (default 30s)")
	f.StringVar(&logFormat, "log-format", "text", "text or json, to standard error")
	return cmd
}

// fromEnvironment sets every flag that the command line left alone from its
// variable: --database-url from SLIPWAY_DATABASE_URL.
func fromEnvironment(flags *pflag.FlagSet, getenv func(string) string) error {
	var errs []error
	flags.VisitAll(func(f *pflag.Flag) {
		name := "SLIPWAY_" + strings.ToUpper(strings.ReplaceAll(f.Name, "-", "_"))
		if v := getenv(name); v != "" && !f.Changed {
			if err := flags.Set(f.Name, v); err != nil {
				errs = append(errs, slipway.Errorf(slipway.Invalid, "%s: %w", name, err))
			}
		}
	})
	return errors.Join(errs...)
}

func logger(format string) (*slog.Logger, error) {
	switch format {
	case "text":
		return slog.New(slog.NewTextHandler(os.Stderr, nil)), nil
	case "json":
		return slog.New(slog.NewJSONHandler(os.Stderr, nil)), nil
	}
	return nil, slipway.Errorf(slipway.Invalid, "--log-format %q: want text or json", format)
}

// untilSignal returns a context that the first SIGTERM or interrupt ends; the
// second one then has its default effect and ends the process.
func untilSignal(parent context.Context) (context.Context, context.CancelFunc) {
	ctx, stop := signal.NotifyContext(parent, syscall.SIGTERM, os.Interrupt)
	context.AfterFunc(ctx, stop)
	return ctx, stop
}
