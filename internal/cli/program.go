package cli

import (
	"context"
	"io"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// A Program is what a run of the client may touch of its process.
type Program struct {
	Args    []string // os.Args; the base name of the first decides which commands there are
	Stdin   io.Reader
	Stdout  io.Writer
	Stderr  io.Writer
	Getenv  func(string) string
	Now     func() time.Time // times what the user sees, nothing that is recorded; nil is time.Now
	Dir     string           // where file patterns and report files are relative to; "" is the working folder
	Version string           // of this build
	Commit  string
	More    []*cobra.Command // commands of slipway that are no client: server, demo
}

// The names that the program answers to.
const (
	nameSlipway = "slipway"
	nameAction  = "bytebase-action"
	nameReview  = "sql-review"
)

const rootHelp = `Review SQL migrations and roll them out, from a CI job without a stored secret.

Every flag of the client is also an environment variable: --file-pattern is
SLIPWAY_FILE_PATTERN or BYTEBASE_FILE_PATTERN. A flag wins over a variable,
SLIPWAY_ over BYTEBASE_.

` + exitHelp

// Main runs the program and returns its exit code. It is the whole of main.
func Main(p Program) int {
	name := calledAs(p.Args)
	if p.Now == nil {
		p.Now = time.Now
	}
	v := newVoice(p)
	s := &session{Program: p, voice: v}
	root := s.root(name)
	started := false
	root.PersistentPreRun = func(*cobra.Command, []string) { started = true }
	root.SetArgs(p.Args[min(1, len(p.Args)):])
	root.SetIn(p.Stdin)
	root.SetOut(p.Stdout)
	root.SetErr(p.Stderr)
	err := root.ExecuteContext(context.Background())
	if err != nil && !started {
		err = usagef("%w", err) // cobra's own words on flags and arguments
	}
	return v.finish(name, err)
}

// calledAs returns the name that the program was called by, slipway unless it
// is one of the others.
func calledAs(args []string) string {
	if len(args) == 0 {
		return nameSlipway
	}
	base := strings.TrimSuffix(filepath.Base(args[0]), ".exe")
	if base == nameAction || base == nameReview {
		return base
	}
	return nameSlipway
}

// A session is one run of the client.
type session struct {
	Program
	voice *voice
}

// path makes a file name of the user's relative to the folder of the run.
func (s *session) path(name string) string {
	if s.Dir == "" || filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(s.Dir, name)
}

func (s *session) root(name string) *cobra.Command {
	var root *cobra.Command
	switch name {
	case nameAction:
		root = s.action()
		root.AddCommand(s.version())
	case nameReview:
		root = s.check(nameReview)
	default:
		root = &cobra.Command{
			Use:   nameSlipway,
			Short: "review SQL migrations and roll them out",
			Long:  rootHelp,
			RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		}
		root.AddCommand(s.check(nameSlipway), s.rollout(), s.whoami(), s.exchange(), s.exchanges(), s.tokenCommands(), s.version())
		root.AddCommand(s.action(), s.check(nameReview))
		root.AddCommand(s.More...)
	}
	root.SilenceErrors, root.SilenceUsage = true, true
	root.CompletionOptions.HiddenDefaultCmd = true
	return root
}

// action is the program under the name that existing pipelines call it by.
func (s *session) action() *cobra.Command {
	cmd := &cobra.Command{
		Use:   nameAction,
		Short: "check and rollout under the name that existing pipelines use",
		Long:  rootHelp,
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			return usagef("which: %s check, or %[1]s rollout", nameAction)
		},
	}
	cmd.AddCommand(s.check(nameAction), s.rollout())
	return cmd
}
