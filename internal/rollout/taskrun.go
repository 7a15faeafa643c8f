package rollout

import (
	"context"
	"fmt"

	"slipway"
	"slipway/internal/gate"
	"slipway/internal/iam"
	"slipway/internal/store"
)

// A Scope is where task runs are looked for.
type Scope struct {
	Project string
	Plan    int64
	Stage   string // environment id; "" is every stage
	Task    int64  // 0 is every task
}

func (c Scope) act(who slipway.Principal, method string) gate.Act {
	return gate.Act{
		Who: who, Permission: iam.TaskRunsList, Project: c.Project,
		Resource: slipway.Rollout{Project: c.Project, Plan: c.Plan}.Name(), Method: rolloutRPC + method,
	}
}

// TaskRuns lists the task runs of a scope, the newest of a task first.
func (s *Service) TaskRuns(ctx context.Context, who slipway.Principal, in Scope) ([]slipway.TaskRun, error) {
	if err := s.gate.Can(ctx, in.act(who, "ListTaskRuns")); err != nil {
		return nil, err
	}
	if _, err := s.st.Rollout(ctx, in.Project, in.Plan); err != nil {
		return nil, err
	}
	return s.st.TaskRuns(ctx, in.Project, in.Plan, in.Stage, in.Task)
}

// TaskRun returns one run of a task in a scope that names the task.
func (s *Service) TaskRun(ctx context.Context, who slipway.Principal, in Scope, id int64) (slipway.TaskRun, error) {
	if err := s.gate.Can(ctx, in.act(who, "GetTaskRun")); err != nil {
		return slipway.TaskRun{}, err
	}
	return runIn(ctx, s.st.Reader, in, id)
}

// runIn returns a run if it is one of the scope's: its id alone would let a
// caller of one project name a run of another.
func runIn(ctx context.Context, r store.Reader, in Scope, id int64) (slipway.TaskRun, error) {
	run, err := r.TaskRun(ctx, id)
	if err != nil {
		return run, err
	}
	t := run.Task
	if t.Project != in.Project || t.Plan != in.Plan || in.Stage != "" && t.Environment != in.Stage || in.Task != 0 && t.ID != in.Task {
		return slipway.TaskRun{}, slipway.Errorf(slipway.NotFound, "task run %d not found", id)
	}
	return run, nil
}

// Log returns what happened in a run so far, in order.
func (s *Service) Log(ctx context.Context, who slipway.Principal, in Scope, id int64) ([]slipway.LogEntry, error) {
	if err := s.gate.Can(ctx, in.act(who, "GetTaskRunLog")); err != nil {
		return nil, err
	}
	if _, err := runIn(ctx, s.st.Reader, in, id); err != nil {
		return nil, err
	}
	return s.st.Log(ctx, id)
}

// CancelRuns stops runs: those that wait end at once, those that work are asked
// to, and their worker cancels the running statement. Runs that have ended stay
// as they are. A CI job may cancel the runs that its own pipeline started.
func (s *Service) CancelRuns(ctx context.Context, who slipway.Principal, in Scope, ids []int64) error {
	act := in.act(who, "BatchCancelTaskRuns")
	act.Permission, act.Request = iam.TaskRunsCreate, map[string]any{"taskRuns": ids}
	if err := s.gate.Can(ctx, act); err != nil {
		return err
	}
	if len(ids) == 0 {
		return slipway.Errorf(slipway.Invalid, "name at least one task run")
	}
	return s.gate.Do(ctx, act, func(tx *store.Tx) error {
		for _, id := range ids {
			run, err := runIn(ctx, tx.Reader, in, id)
			if err != nil {
				return err
			}
			if !mayCancel(who, run) {
				return slipway.Errorf(slipway.Denied, "%s was started by another pipeline: a job can cancel the runs of its own", run.Name())
			}
			if err := s.cancel(ctx, tx, who, run); err != nil {
				return err
			}
		}
		return nil
	})
}

// mayCancel narrows what a CI job can stop to what its pipeline started.
// People's right is the permission alone.
func mayCancel(who slipway.Principal, run slipway.TaskRun) bool {
	if who.Job == nil {
		return true
	}
	return run.Creator == who.Name() && run.Job != nil &&
		run.Job.Issuer == who.Job.Issuer && run.Job.ProjectID == who.Job.ProjectID && run.Job.PipelineID == who.Job.PipelineID
}

func (s *Service) cancel(ctx context.Context, tx *store.Tx, who slipway.Principal, run slipway.TaskRun) error {
	switch run.Status {
	case slipway.Pending:
		run.Status, run.Updated, run.Detail = slipway.Aborted, s.now(), "canceled by "+who.Email+" before it began"
		err := tx.MoveTaskRun(ctx, run, slipway.Pending)
		if err == nil {
			return nil
		}
		if slipway.KindOf(err) != slipway.Conflict {
			return fmt.Errorf("cancel %s: %w", run.Name(), err)
		}
		fallthrough // a worker has just taken it
	case slipway.Running:
		if err := tx.RequestCancel(ctx, run.ID); err != nil {
			return fmt.Errorf("cancel %s: %w", run.Name(), err)
		}
	}
	return nil
}
