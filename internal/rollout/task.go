package rollout

import (
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
// for a reason that people will read.
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
