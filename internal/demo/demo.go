// Package demo shows the whole way of a change on one machine: a server, a
// stand-in GitLab issuer, and a pipeline that the command-line client runs as
// a CI job would. It sets the server up over the public REST API, as an
// administrator with curl would; nothing in it reaches into the server.
package demo

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"slipway"
	"slipway/internal/server"
)

// Config says how the demo runs.
type Config struct {
	Executable string    // the program itself, whose client commands the pipeline runs
	Version    string    // of the build
	Keep       bool      // leave the server up until ctx ends
	Out        io.Writer // where the story is told
}

const (
	adminEmail = "admin@example.com"
	identity   = "gitlab-deploy@workload.bytebase.com"
	commit     = "714a629c0b401fdce83e847fc9589983fc6f46bc"
	ciProject  = "https://gitlab.example.com/acme/shop"
	targets    = "instances/test/databases/shop,instances/prod/databases/shop"
)

// A show is one run of the demo.
type show struct {
	cfg    Config
	dir    string
	url    string
	issuer *issuer
	admin  *client
	step   int
}

// Run tells the demo to cfg.Out and returns nil when everything that it claims
// came true. The temporary folder goes when it returns.
func Run(ctx context.Context, cfg Config) (err error) {
	dir, err := os.MkdirTemp("", "slipway-demo-")
	if err != nil {
		return fmt.Errorf("make a folder for the demo: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	s := &show{cfg: cfg, dir: dir}
	if s.issuer, err = startIssuer(); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.issuer.Close()) }()

	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	password := rand.Text()
	done, err := s.serve(ctx, password)
	if err != nil {
		return err
	}
	defer func() { cancel(); err = errors.Join(err, <-done) }()

	start := time.Now()
	for _, act := range []func(context.Context) error{
		func(ctx context.Context) error { return s.signIn(ctx, password) },
		s.setUp, s.writeRepository, s.stranger, s.deploy, s.again, s.review, s.proof,
	} {
		if err := act(ctx); err != nil {
			return err
		}
	}
	s.say("\nDone in %.1f s: two databases migrated by a job that held no secret.", time.Since(start).Seconds())
	if !cfg.Keep {
		return nil
	}
	s.say("\nThe server stays up until Ctrl-C.\n  console   %s\n  email     %s\n  password  %s", s.url, adminEmail, password)
	<-ctx.Done()
	return nil
}

// serve starts the server and waits until it answers. The channel yields what
// Run returned.
func (s *show) serve(ctx context.Context, password string) (<-chan error, error) {
	ca := filepath.Join(s.dir, "issuer-ca.pem")
	if err := os.WriteFile(ca, s.issuer.CA, 0o600); err != nil {
		return nil, fmt.Errorf("write the issuer's CA: %w", err)
	}
	data := filepath.Join(s.dir, "data")
	for _, env := range []string{"test", "prod"} {
		folder := filepath.Join(data, "databases", env)
		if err := os.MkdirAll(folder, 0o700); err != nil {
			return nil, fmt.Errorf("make a folder for databases: %w", err)
		}
		// An empty file is an empty SQLite database.
		if err := os.WriteFile(filepath.Join(folder, "shop.db"), nil, 0o600); err != nil {
			return nil, fmt.Errorf("make a database: %w", err)
		}
	}
	ready, done := make(chan string, 1), make(chan error, 1)
	go func() {
		done <- server.Run(ctx, slog.New(slog.NewTextHandler(io.Discard, nil)), server.Config{
			Listen: "127.0.0.1:0", Data: data,
			AdminEmail: adminEmail, AdminPassword: slipway.Secret(password),
			PrivateIssuers: []string{s.issuer.URL}, IssuerCAFile: ca,
			Version: s.cfg.Version,
			Ready:   func(url string) { ready <- url },
		})
	}()
	select {
	case s.url = <-ready:
		return done, nil
	case err := <-done:
		return nil, fmt.Errorf("start the server: %w", err)
	}
}

// say prints a paragraph of the story.
func (s *show) say(format string, args ...any) { fmt.Fprintf(s.cfg.Out, format+"\n", args...) }

// begin prints the heading of the next step.
func (s *show) begin(format string, args ...any) {
	s.step++
	s.say("\n%d. "+format, append([]any{s.step}, args...)...)
}

// idToken has the stand-in GitLab sign a token for a job of project on ref.
func (s *show) idToken(project, ref, id string) (string, error) {
	return s.issuer.token(job{
		Group: "acme", Project: project, Ref: ref, Audience: s.issuer.URL,
		Pipeline: "574", ID: id, SHA: commit,
	}, time.Now())
}

// pipeline runs a client command as a CI job with the given ID token would,
// shows its output indented, and returns that output and the exit code.
func (s *show) pipeline(ctx context.Context, token string, args ...string) (string, int, error) {
	s.say("   $ slipway %s", strings.Join(args, " "))
	cmd := exec.CommandContext(ctx, s.cfg.Executable, args...)
	cmd.Dir = filepath.Join(s.dir, "shop")
	// Only what a CI job has: no secret but the ID token.
	cmd.Env = []string{
		"PATH=" + os.Getenv("PATH"), //nolint:forbidigo // a child process needs a PATH
		"CI=true", "SLIPWAY_URL=" + s.url, "SLIPWAY_PROJECT=projects/shop",
		"WORKLOAD_IDENTITY_EMAIL=" + identity, "GITLAB_OIDC_TOKEN=" + token,
		"CI_PROJECT_URL=" + ciProject, "CI_COMMIT_SHA=" + commit,
	}
	out, err := cmd.CombinedOutput()
	for line := range strings.Lines(string(out)) {
		s.say("     %s", strings.TrimRight(line, "\n"))
	}
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return string(out), exit.ExitCode(), nil
	}
	return string(out), 0, err
}
