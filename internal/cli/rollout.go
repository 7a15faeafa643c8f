package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"connectrpc.com/connect/v2"
	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"slipway"
	"slipway/internal/pb"
)

const rolloutHelp = `Roll migration files out to databases, stage by stage.

The files become a release, the release and --targets a plan, the plan a rollout
with a stage for each environment that the databases are in. The stages run in
the environments' order, the databases of a stage side by side, the files of a
database by version; what a database already has is skipped. The command
follows until all that it was asked for is done.

Run again, the same files and databases find the same rollout: what failed is
tried again, and where all is done there is nothing to do.

Without --target-stage every stage runs; with it the stages up to that one.
--create-only stops before anything runs. --plan runs a plan that exists.
--check-release reviews the files first; SKIP, the default here, leaves it out.

Ctrl-C or SIGTERM cancels the task runs that this command started, waits for
them to end, and says how each did. A second one ends the command at once.

` + exitHelp

func (s *session) rollout() *cobra.Command {
	var o options
	cmd := &cobra.Command{
		Use:   "rollout",
		Short: "roll migration files out to databases, stage by stage",
		Long:  rolloutHelp,
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := s.load(cmd, &o); err != nil {
				return err
			}
			ctx, stop := untilSignal(cmd.Context())
			defer stop()
			out := &outcome{}
			err := s.runRollout(ctx, &o, out)
			return errors.Join(err, s.writeOutcome(o.output, out, err))
		},
	}
	f := cmd.Flags()
	o.connection(f)
	o.change(f)
	f.StringVar(&o.checkLevel, "check-release", checkSkip, "review first, and roll nothing out at these findings: SKIP, FAIL_ON_WARNING or FAIL_ON_ERROR")
	f.StringVar(&o.targetStage, "target-stage", "", "last stage to run, as in prod or environments/prod")
	f.StringVar(&o.plan, "plan", "", "run this plan instead of making one, as in projects/my-project/plans/101")
	f.StringVar(&o.template, "release-id-template", "release_{date}-RC{iteration}", "id of the release: {date}, {time} or {timestamp}, and {iteration} at the end")
	f.StringVar(&o.timezone, "release-id-timezone", "UTC", "time zone of the release id, as in Europe/Berlin")
	f.BoolVar(&o.createOnly, "create-only", false, "stop once the rollout exists; nothing runs")
	return cmd
}

// untilSignal returns a context that the first SIGTERM or interrupt ends; the
// second one then has its default effect and ends the process.
func untilSignal(parent context.Context) (context.Context, context.CancelFunc) {
	ctx, stop := signal.NotifyContext(parent, syscall.SIGTERM, os.Interrupt)
	context.AfterFunc(ctx, stop)
	return ctx, stop
}

func (s *session) runRollout(ctx context.Context, o *options, out *outcome) error {
	var ch change
	var err error
	if o.plan != "" {
		if o.plan, err = planName(o.plan, o.project); err != nil {
			return err
		}
		ch.files, _ = s.files(o) // only to show the SQL of a failure
	} else if ch, err = s.change(o); err != nil {
		return err
	} else if len(ch.targets) == 0 {
		return usagef("no databases: give --targets instances/INSTANCE/databases/DATABASE")
	}
	c, err := s.dial(o)
	if err != nil {
		return err
	}
	plan, err := s.plan(ctx, c, o, ch, out)
	if err != nil {
		return err
	}
	ro, err := c.rolloutOf(ctx, plan)
	if err != nil {
		return err
	}
	out.rollout = ro
	s.voice.printf("rollout %s: %s", line(ro.GetName()), stageList(ro))
	stages, err := upTo(ro, o.targetStage)
	if err != nil {
		return err
	}
	if o.createOnly {
		s.voice.printf("created, not started")
		out.created = true
		return nil
	}
	if err := waiting(plan); err != nil {
		return err
	}
	f := &follower{session: s, c: c, out: out, files: texts(ch.files), started: make(map[string]bool)}
	return f.run(ctx, stages)
}

// plan makes the release and its plan, or reads the plan that o names.
func (s *session) plan(ctx context.Context, c *client, o *options, ch change, out *outcome) (*pb.Plan, error) {
	if o.plan != "" {
		p, err := call(ctx, c, "read "+o.plan, c.plans.GetPlan, &pb.GetPlanRequest{Name: o.plan})
		if err != nil {
			return nil, err
		}
		out.plan = p.GetName()
		for _, spec := range p.GetSpecs() {
			out.release = spec.GetChangeDatabaseConfig().GetRelease()
		}
		s.voice.printf("plan %s: %s", line(p.GetName()), line(p.GetTitle()))
		return p, nil
	}
	if o.checkLevel != checkSkip {
		if err := s.review(ctx, c, o, ch, out); err != nil {
			return nil, err
		}
	}
	r, err := call(ctx, c, "create the release", c.releases.CreateRelease, &pb.CreateReleaseRequest{
		Parent:            ch.project,
		Release:           s.release(ch.files),
		ReleaseIdTemplate: o.template,
		ReleaseIdTimezone: o.timezone,
	})
	if err != nil {
		return nil, err
	}
	out.release = r.GetName()
	s.voice.printf("release %s: %s", line(r.GetName()), count(len(r.GetFiles()), "file"))
	p, err := call(ctx, c, "create the plan", c.plans.CreatePlan, &pb.CreatePlanRequest{
		Parent: ch.project,
		Plan: &pb.Plan{
			Title: r.GetName()[strings.LastIndexByte(r.GetName(), '/')+1:],
			Specs: []*pb.Plan_Spec{{
				Id: uuid.NewString(),
				Config: &pb.Plan_Spec_ChangeDatabaseConfig{ChangeDatabaseConfig: &pb.Plan_ChangeDatabaseConfig{
					Targets: ch.targets,
					Release: r.GetName(),
				}},
			}},
		},
	})
	if err != nil {
		return nil, err
	}
	out.plan = p.GetName()
	s.voice.printf("plan %s: %s", line(p.GetName()), count(len(ch.targets), "database"))
	return p, nil
}

// planName reads projects/my-project/plans/101, or 101 with --project.
func planName(plan, project string) (string, error) {
	if !strings.Contains(plan, "/") {
		parent, err := projectName(project)
		if err != nil {
			return "", err
		}
		plan = parent + "/plans/" + plan
	}
	plan = strings.TrimSuffix(plan, "/rollout")
	if _, err := slipway.ParseName("projects/*/plans/*", plan); err != nil {
		return "", usagef("--plan: %w", err)
	}
	return plan, nil
}

// rolloutOf returns the rollout of p and makes it if there is none. Another
// pipeline may make it at the same moment.
func (c *client) rolloutOf(ctx context.Context, p *pb.Plan) (*pb.Rollout, error) {
	if !p.GetHasRollout() {
		ro, err := call(ctx, c, "create the rollout", c.rollouts.CreateRollout, &pb.CreateRolloutRequest{Parent: p.GetName()})
		if e, ok := errors.AsType[*callError](err); !ok || e.code != connect.CodeAlreadyExists {
			return ro, err
		}
	}
	return c.readRollout(ctx, p.GetName()+"/rollout")
}

func (c *client) readRollout(ctx context.Context, name string) (*pb.Rollout, error) {
	return call(ctx, c, "read "+name, c.rollouts.GetRollout, &pb.GetRolloutRequest{Name: name})
}

// upTo returns the stages to run. A stage that the rollout does not have is an
// error: ending well without a change would look like success.
func upTo(ro *pb.Rollout, target string) ([]*pb.Stage, error) {
	if len(ro.GetStages()) == 0 {
		return nil, failf("%s has no stages: none of its databases is in an environment", ro.GetName())
	}
	if target == "" {
		return ro.GetStages(), nil
	}
	var ids []string
	for i, st := range ro.GetStages() {
		if slices.Contains([]string{st.GetId(), st.GetEnvironment(), st.GetName()}, target) {
			return ro.GetStages()[:i+1], nil
		}
		ids = append(ids, st.GetEnvironment())
	}
	return nil, usagef("--target-stage %q: the rollout has no such stage; it has %s", target, strings.Join(ids, ", "))
}

func stageList(ro *pb.Rollout) string {
	var parts []string
	for _, st := range ro.GetStages() {
		parts = append(parts, fmt.Sprintf("stage %s (%s)", line(st.GetId()), count(len(st.GetTasks()), "database")))
	}
	return strings.Join(parts, ", ")
}

// waiting reports an approval that the plan still lacks.
func waiting(p *pb.Plan) error {
	switch p.GetApprovalStatus() {
	case pb.ApprovalStatus_CHECKING, pb.ApprovalStatus_PENDING:
		return &stop{code: codeGate, err: fmt.Errorf("%s waits for approval", p.GetName()), hint: "once it has it: slipway rollout --plan " + p.GetName()}
	case pb.ApprovalStatus_REJECTED:
		return failf("%s was rejected", p.GetName())
	}
	return nil
}

func texts(files []slipway.File) map[string][]byte {
	m := make(map[string][]byte, len(files))
	for _, f := range files {
		m[f.Path] = f.Statement
	}
	return m
}
