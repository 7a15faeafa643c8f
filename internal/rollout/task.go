package rollout

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"
	"unicode/utf8"

	"slipway"
	"slipway/internal/gate"
	"slipway/internal/iam"
	"slipway/internal/store"
)

// MaxReason bounds why tasks are skipped, in characters.
const MaxReason = 1000

// Tasks names some tasks of one stage.
type Tasks struct {
	Project string
	Plan    int64
	Stage   string  // environment id
	IDs     []int64 // at least one
}

func (t Tasks) act(who slipway.Principal, method string) gate.Act {
	ro := slipway.Rollout{Project: t.Project, Plan: t.Plan}
	return gate.Act{
		Who: who, Permission: iam.TaskRunsCreate, Project: t.Project,
		Resource: ro.Name() + "/stages/" + t.Stage, Method: rolloutRPC + method,
	}
}

// in returns the tasks that t names of stage.
func (t Tasks) in(stage slipway.Stage) ([]slipway.Task, error) {
	if len(t.IDs) == 0 {
		return nil, slipway.Errorf(slipway.Invalid, "name at least one task")
	}
	var tasks []slipway.Task
	for _, id := range t.IDs {
		i := slices.IndexFunc(stage.Tasks, func(task slipway.Task) bool { return task.ID == id })
		if i < 0 {
			return nil, slipway.Errorf(slipway.NotFound, "task %d not found in stage %q", id, t.Stage)
		}
		if !slices.ContainsFunc(tasks, func(task slipway.Task) bool { return task.ID == id }) {
			tasks = append(tasks, stage.Tasks[i])
		}
	}
	return tasks, nil
}

// RunTasks has tasks run, from at on or at once if that is zero. Tasks that are
// on their way or done already are left as they are; failed and canceled ones
// get another attempt. It is refused while a task of an earlier stage is
// neither done nor skipped, and for skipped tasks.
func (s *Service) RunTasks(ctx context.Context, who slipway.Principal, t Tasks, at time.Time) error {
	act := t.act(who, "BatchRunTasks")
	act.Request = map[string]any{"tasks": t.IDs}
	return s.gate.Do(ctx, act, func(tx *store.Tx) error {
		if err := projectOpen(ctx, tx, t.Project); err != nil {
			return err
		}
		ro, err := tx.Rollout(ctx, t.Project, t.Plan)
		if err != nil {
			return err
		}
		stage, err := stageOf(ro, t.Stage)
		if err != nil {
			return err
		}
		tasks, err := t.in(stage)
		if err != nil {
			return err
		}
		for _, task := range tasks {
			if err := s.start(ctx, tx, who, task, at); err != nil {
				return err
			}
		}
		return nil
	})
}

func projectOpen(ctx context.Context, tx *store.Tx, id string) error {
	p, err := tx.Project(ctx, id)
	if err != nil {
		return err
	}
	if p.Deleted {
		return slipway.Errorf(slipway.Precondition, "project %q is deleted", id)
	}
	return nil
}

// start makes a run of task and the job that works it, which is one fact.
func (s *Service) start(ctx context.Context, tx *store.Tx, who slipway.Principal, task slipway.Task, at time.Time) error {
	if task.Status == slipway.Skipped {
		return slipway.Errorf(slipway.Precondition, "%s was skipped and cannot run", task.Name())
	}
	if task.Status.Active() || task.Status == slipway.Done {
		return nil
	}
	run, err := tx.CreateTaskRun(ctx, slipway.TaskRun{
		Task: task, Status: slipway.Pending, Creator: who.Name(), Job: who.Job,
		Created: s.now(), Updated: s.now(), RunTime: at,
	})
	if err != nil {
		return fmt.Errorf("start %s: %w", task.Name(), err)
	}
	return tx.Enqueue(ctx, run.ID, s.due(run))
}

// SkipTasks marks tasks that have not run, or not to an end, as not to be run,
// for a reason that people will read. It is a person's decision: later stages
// run without what was skipped, so a pipeline that may run tasks may not.
func (s *Service) SkipTasks(ctx context.Context, who slipway.Principal, t Tasks, reason string) error {
	act := t.act(who, "BatchSkipTasks")
	act.Request = map[string]any{"tasks": t.IDs, "reason": reason}
	if err := s.gate.Can(ctx, act); err != nil {
		return err
	}
	if n := utf8.RuneCountInString(reason); n == 0 || n > MaxReason || !utf8.ValidString(reason) {
		return slipway.Errorf(slipway.Invalid, "skipping takes a reason of 1 to %d characters, not %d", MaxReason, n)
	}
	return s.gate.Do(ctx, act, func(tx *store.Tx) error {
		if who.Kind != slipway.UserKind {
			return slipway.Errorf(slipway.Denied, "permission denied: %s cannot skip tasks on %s: skipping is for people who hold %q", who.Member(), act.Resource, act.Permission)
		}
		ro, err := tx.Rollout(ctx, t.Project, t.Plan)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(ro.Stages, func(st slipway.Stage) bool { return st.Environment == t.Stage })
		if i < 0 {
			return slipway.Errorf(slipway.NotFound, "stage %q not found in %s", t.Stage, ro.Name())
		}
		tasks, err := t.in(ro.Stages[i])
		if err != nil {
			return err
		}
		for _, task := range tasks {
			if task.Status.Active() || task.Status == slipway.Done {
				return slipway.Errorf(slipway.Precondition, "%s is %s: only tasks that are not started, failed or canceled can be skipped", task.Name(), task.Status)
			}
			if task.Status == slipway.Skipped {
				continue
			}
			if err := tx.SkipTask(ctx, task.ID, reason); err != nil {
				return fmt.Errorf("skip %s: %w", task.Name(), err)
			}
		}
		return nil
	})
}

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

// TaskRuns lists the task runs of a scope: the tasks in their order, of each the
// newest run first.
func (s *Service) TaskRuns(ctx context.Context, who slipway.Principal, in Scope) ([]slipway.TaskRun, error) {
	if err := s.gate.Can(ctx, in.act(who, "ListTaskRuns")); err != nil {
		return nil, err
	}
	if _, err := s.st.Rollout(ctx, in.Project, in.Plan); err != nil {
		return nil, err
	}
	runs, err := s.st.TaskRuns(ctx, in.Project, in.Plan, in.Stage, in.Task)
	slices.SortFunc(runs, func(a, b slipway.TaskRun) int {
		return cmp.Or(cmp.Compare(a.Task.ID, b.Task.ID), cmp.Compare(b.ID, a.ID))
	})
	return runs, err
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
