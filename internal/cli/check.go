package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"slipway"
	"slipway/internal/pb"
)

const checkHelp = `Review migration files against the databases that they are meant for: those of
--targets, or without it all of the project's. Nothing is changed. Findings go to standard output, one a line; they fail the
command at the level of --check-release: FAIL_ON_ERROR (the default),
FAIL_ON_WARNING, or SKIP, which shows them and never fails.

In a GitLab job the findings are also written as a code quality report, for
artifacts:reports:codequality; --junit writes them for artifacts:reports:junit.

` + exitHelp

// check is the command under one of its names; the names differ in the default
// name of the code quality report, which existing pipelines collect.
func (s *session) check(name string) *cobra.Command {
	var o options
	cmd := &cobra.Command{
		Use:   "check",
		Short: "review migration files against their databases",
		Long:  checkHelp,
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := s.load(cmd, &o); err != nil {
				return err
			}
			if o.codeQuality == "" && s.Getenv("GITLAB_CI") == "true" {
				o.codeQuality = reportName(name)
			}
			return s.runCheck(cmd.Context(), &o)
		},
	}
	if name == nameReview {
		cmd.Use = nameReview
		cmd.Short = "check under the name that existing pipelines use"
	}
	o.connection(cmd.Flags())
	o.change(cmd.Flags())
	cmd.Flags().StringVar(&o.checkLevel, "check-release", checkError, "what fails the command: SKIP, FAIL_ON_WARNING or FAIL_ON_ERROR")
	return cmd
}

func reportName(name string) string {
	if name == nameSlipway {
		return "slipway-code-quality.json"
	}
	return "bytebase_codequality.json"
}

func (s *session) runCheck(ctx context.Context, o *options) error {
	ch, err := s.change(o)
	if err != nil {
		return err
	}
	c, err := s.dial(o)
	if err != nil {
		return err
	}
	out := &outcome{}
	err = s.review(ctx, c, o, ch, out)
	return errors.Join(err, s.writeOutcome(o.output, out, err))
}

// A change is what shall become of which databases: what check looks at and
// rollout does.
type change struct {
	project string // "projects/shop"
	targets []string
	files   []slipway.File
}

// change reads what the flags say, and tells all that is wrong at once.
func (s *session) change(o *options) (change, error) {
	var ch change
	var errs [4]error
	ch.project, errs[0] = projectName(o.project)
	ch.targets, errs[1] = databases(o.targets)
	_, errs[2] = checkLevel(o.checkLevel)
	ch.files, errs[3] = s.files(o)
	return ch, errors.Join(errs[:]...)
}

func (s *session) files(o *options) ([]slipway.File, error) {
	dir := s.Dir
	if dir == "" {
		wd, err := os.Getwd()
		if err != nil {
			return nil, failf("find the working folder: %w", err)
		}
		dir = wd
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, failf("find the working folder: %w", err)
	}
	return findFiles(dir, repositoryRoot(dir, s.Getenv), o.patterns)
}

// review asks the server for findings, tells them, and fails as o says.
func (s *session) review(ctx context.Context, c *client, o *options, ch change, out *outcome) error {
	a, err := call(ctx, c, "check the files", c.releases.CheckRelease, &pb.CheckReleaseRequest{
		Parent:  ch.project,
		Release: s.release(ch.files),
		Targets: ch.targets,
	})
	if err != nil {
		return err
	}
	out.check = a
	targets := checkedTargets(a, ch.targets)
	all := findings(checkResults(a), ch.files, targets)
	failing := 0
	for _, f := range all {
		s.voice.printf("%s", f.text(s.voice))
		if f.fails(o.checkLevel) {
			failing++
		}
	}
	s.voice.printf("%s", checkSummary(a, all, len(ch.files), where(ch.targets, targets)))
	if o.codeQuality != "" {
		err = s.writeFile(o.codeQuality, "code quality report", codeQuality(all))
	}
	if o.junit != "" {
		err = errors.Join(err, s.writeFile(o.junit, "JUnit report", junit(all, ch.files, targets, o.checkLevel)))
	}
	if failing > 0 {
		err = errors.Join(failf("%s at the level of --check-release %s", count(failing, "finding"), o.checkLevel), err)
	}
	return err
}

// checkedTargets are the databases that were asked for and those with a result:
// where none was named, the server tells no others.
func checkedTargets(a *pb.CheckReleaseResponse, asked []string) []string {
	var targets []string
	for _, t := range asked {
		if strings.HasPrefix(t, "instances/") {
			targets = append(targets, t)
		}
	}
	for _, r := range a.GetResults() {
		if !slices.Contains(targets, r.GetTarget()) {
			targets = append(targets, r.GetTarget())
		}
	}
	return targets
}

// where says what was checked in words: the server tells neither how many
// databases a group stands for nor how many a project has.
func where(asked, checked []string) string {
	switch {
	case slices.ContainsFunc(asked, func(t string) bool { return strings.HasPrefix(t, "projects/") }):
		return "the databases named"
	case len(checked) == 0: // none was named, and none of the project's has a finding
		return "the project's databases"
	}
	return count(len(checked), "database")
}

func checkSummary(a *pb.CheckReleaseResponse, all []finding, files int, where string) string {
	errs := 0
	for _, f := range all {
		if f.Level == slipway.AdviceError {
			errs++
		}
	}
	parts := []string{fmt.Sprintf("checked %s for %s: %s, %s", count(files, "file"), where, count(errs, "error"), count(len(all)-errs, "warning"))}
	if a.GetRiskLevel() != pb.RiskLevel_RISK_LEVEL_UNSPECIFIED {
		parts = append(parts, "risk "+strings.ToLower(a.GetRiskLevel().String()))
	}
	if a.GetAffectedRows() > 0 {
		parts = append(parts, "about "+count(int(a.GetAffectedRows()), "row")+" affected")
	}
	return strings.Join(parts, "; ")
}

// count is "1 file", "2 files", "no files"; words ending in s are not counted.
func count(n int, what string) string {
	switch n {
	case 0:
		return "no " + what + "s"
	case 1:
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// release is the files as the API takes them, with where they come from.
func (s *session) release(files []slipway.File) *pb.Release {
	r := &pb.Release{Type: pb.Release_VERSIONED, VcsSource: vcsSource(s.Getenv)}
	for _, f := range files {
		r.Files = append(r.Files, &pb.Release_File{Path: f.Path, Version: f.Version, Statement: f.Statement})
	}
	return r
}

// vcsSource tells the commit from what CI systems say of a job; nil outside.
func vcsSource(getenv func(string) string) *pb.Release_VCSSource {
	if project, sha := getenv("CI_PROJECT_URL"), getenv("CI_COMMIT_SHA"); project != "" && sha != "" {
		return &pb.Release_VCSSource{VcsType: pb.VCSType_GITLAB, Url: project + "/-/commit/" + sha}
	}
	if repo, sha := getenv("GITHUB_REPOSITORY"), getenv("GITHUB_SHA"); repo != "" && sha != "" {
		server := cmp.Or(getenv("GITHUB_SERVER_URL"), "https://github.com")
		return &pb.Release_VCSSource{VcsType: pb.VCSType_GITHUB, Url: server + "/" + repo + "/commit/" + sha}
	}
	return nil
}

// checkResults turns the server's answer into nouns. An advice of level
// SUCCESS finds nothing and is left out.
func checkResults(a *pb.CheckReleaseResponse) []slipway.CheckResult {
	var results []slipway.CheckResult
	for _, r := range a.GetResults() {
		c := slipway.CheckResult{File: r.GetFile(), Target: r.GetTarget(), Affected: r.GetAffectedRows()}
		for _, x := range r.GetAdvices() {
			level := slipway.AdviceWarning
			switch x.GetStatus() {
			case pb.Advice_SUCCESS:
				continue
			case pb.Advice_ERROR:
				level = slipway.AdviceError
			}
			c.Advices = append(c.Advices, slipway.Advice{
				Level: level, Code: int(x.GetCode()), Title: x.GetTitle(), Content: x.GetContent(),
				Start: position(x.GetStartPosition()), End: position(x.GetEndPosition()),
				Rule: x.GetRuleType() == pb.Advice_PARSER_BASED,
			})
		}
		results = append(results, c)
	}
	return results
}

func position(p *pb.Position) slipway.Position {
	return slipway.Position{Line: int(p.GetLine()), Column: int(p.GetColumn())}
}
