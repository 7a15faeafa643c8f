package rollout

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"slipway"
	"slipway/internal/gate"
	"slipway/internal/iam"
	"slipway/internal/store"
)

const rolloutRPC = "/bytebase.v1.RolloutService/"

// Rollout returns a plan's rollout.
func (s *Service) Rollout(ctx context.Context, who slipway.Principal, project string, plan int64) (slipway.Rollout, error) {
	err := s.gate.Can(ctx, gate.Act{
		Who: who, Permission: iam.RolloutsGet, Project: project,
		Resource: slipway.Rollout{Project: project, Plan: plan}.Name(), Method: rolloutRPC + "GetRollout",
	})
	if err != nil {
		return slipway.Rollout{}, err
	}
	return s.st.Rollout(ctx, project, plan)
}

// Rollouts lists a project's rollouts, the newest first.
func (s *Service) Rollouts(ctx context.Context, who slipway.Principal, project string, page slipway.Page) ([]slipway.Rollout, string, error) {
	err := s.gate.Can(ctx, gate.Act{
		Who: who, Permission: iam.RolloutsList, Project: project,
		Resource: "projects/" + project, Method: rolloutRPC + "ListRollouts",
	})
	if err != nil {
		return nil, "", err
	}
	if _, err := s.st.Project(ctx, project); err != nil {
		return nil, "", err
	}
	return s.st.Rollouts(ctx, project, page)
}

// CreateRollout makes the rollout of a plan: a stage for each environment that
// its targets are in, in the environments' order, and a task for each target.
// A plan that has one gets no other: it is returned. A stage that is named,
// "environments/prod", must be among those; all of them are made in any case,
// and none of them runs by it.
func (s *Service) CreateRollout(ctx context.Context, who slipway.Principal, project string, plan int64, stage string) (slipway.Rollout, error) {
	act := gate.Act{
		Who: who, Permission: iam.RolloutsCreate, Project: project,
		Resource: slipway.Plan{Project: project, ID: plan}.Name(), Method: rolloutRPC + "CreateRollout",
	}
	if err := s.gate.Can(ctx, act); err != nil {
		return slipway.Rollout{}, err
	}
	p, err := s.st.Plan(ctx, project, plan)
	if err != nil {
		return slipway.Rollout{}, err
	}
	ro, err := s.st.Rollout(ctx, project, plan)
	if err == nil {
		return ro, hasStage(ro, stage)
	}
	if slipway.KindOf(err) != slipway.NotFound {
		return ro, fmt.Errorf("look for the rollout of %s: %w", p.Name(), err)
	}
	ro = slipway.Rollout{Project: project, Plan: plan, Title: p.Title, Creator: who.Name(), Created: s.now(), Updated: s.now()}
	if ro.Stages, err = s.stages(ctx, p); err != nil {
		return ro, err
	}
	if err := hasStage(ro, stage); err != nil {
		return ro, err
	}
	err = s.gate.Do(ctx, act, func(tx *store.Tx) error {
		made, err := tx.CreateRollout(ctx, ro)
		if err == nil {
			ro = made
		}
		return err
	})
	if k := slipway.KindOf(err); err != nil && (k == slipway.Exists || k == slipway.Conflict) {
		return s.st.Rollout(ctx, project, plan) // somebody made it meanwhile
	}
	return ro, err
}

// hasStage reports that ro has no stage of that name; "" is no question.
func hasStage(ro slipway.Rollout, name string) error {
	if name == "" {
		return nil
	}
	env := name[strings.LastIndexByte(name, '/')+1:]
	if !strings.HasPrefix(name, "environments/") && !strings.HasPrefix(name, ro.Name()+"/stages/") {
		return slipway.Errorf(slipway.Invalid, "target %q is not of the form \"environments/*\"", name)
	}
	var have []string
	for _, st := range ro.Stages {
		if st.Environment == env {
			return nil
		}
		have = append(have, "environments/"+st.Environment)
	}
	return slipway.Errorf(slipway.Invalid, "the rollout has no stage %q; it has %s", name, strings.Join(have, ", "))
}

// stages lays out a plan's tasks. Targets may have moved since the plan was
// made: one that is not the project's any more is an error.
func (s *Service) stages(ctx context.Context, p slipway.Plan) ([]slipway.Stage, error) {
	order, err := environments(ctx, s.st.Reader)
	if err != nil {
		return nil, err
	}
	byEnv := map[string][]slipway.Task{}
	for _, spec := range p.Specs {
		for _, name := range spec.Targets {
			ref, err := slipway.ParseDatabase(name)
			if err != nil {
				return nil, fmt.Errorf("read a target of %s: %w", p.Name(), err)
			}
			t, err := s.target(ctx, p.Project, ref)
			if err != nil {
				return nil, err
			}
			if err := staged(t, order); err != nil {
				return nil, err
			}
			env := t.environment()
			byEnv[env] = append(byEnv[env], slipway.Task{
				Project: p.Project, Plan: p.ID, SpecID: spec.ID, Environment: env,
				Target: t.DatabaseRef, Release: spec.Release, Status: slipway.NotStarted,
			})
		}
	}
	var stages []slipway.Stage
	for _, env := range order {
		if tasks := byEnv[env]; len(tasks) > 0 {
			stages = append(stages, slipway.Stage{Environment: env, Tasks: tasks})
		}
	}
	return stages, nil
}

// stageOf returns the stage of an environment and refuses while one before it
// has unfinished tasks.
func stageOf(ro slipway.Rollout, env string) (slipway.Stage, error) {
	at := slices.IndexFunc(ro.Stages, func(st slipway.Stage) bool { return st.Environment == env })
	if at < 0 {
		return slipway.Stage{}, slipway.Errorf(slipway.NotFound, "stage %q not found in %s", env, ro.Name())
	}
	for _, earlier := range ro.Stages[:at] {
		open := 0
		for _, t := range earlier.Tasks {
			if !t.Status.Finished() {
				open++
			}
		}
		if open > 0 {
			return slipway.Stage{}, slipway.Errorf(slipway.Precondition, "stage %q cannot run yet: %d of %d tasks of the earlier stage %q are not done or skipped",
				env, open, len(earlier.Tasks), earlier.Environment)
		}
	}
	return ro.Stages[at], nil
}
