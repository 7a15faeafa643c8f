package rollout

import (
	"context"
	"fmt"
	"slices"

	"slipway"
	"slipway/internal/store"
)

// halt ends what waits in the stage of a task that has just failed, if as many
// of the stage's tasks have failed as its project bears. What works goes on to
// its end.
func (s *Service) halt(ctx context.Context, tx *store.Tx, t slipway.Task) error {
	p, err := tx.Project(ctx, t.Project)
	if err != nil || p.MaxFailures == 0 {
		return err
	}
	ro, err := tx.Rollout(ctx, t.Project, t.Plan)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(ro.Stages, func(st slipway.Stage) bool { return st.Environment == t.Environment })
	if i < 0 {
		return nil // unreachable unless a task is in no stage
	}
	bad := 0
	for _, task := range ro.Stages[i].Tasks {
		if task.Status == slipway.Failed {
			bad++
		}
	}
	if bad < p.MaxFailures {
		return nil
	}
	runs, err := tx.TaskRuns(ctx, t.Project, t.Plan, t.Environment, 0)
	if err != nil {
		return err
	}
	for _, run := range runs {
		if run.Status != slipway.Pending {
			continue
		}
		run.Status, run.Updated = slipway.Aborted, s.now()
		run.Detail = fmt.Sprintf("not started: %d of %d databases of stage %q failed, and the project stops at %d", bad, len(ro.Stages[i].Tasks), t.Environment, p.MaxFailures)
		err := tx.MoveTaskRun(ctx, run, slipway.Pending)
		if err != nil && slipway.KindOf(err) != slipway.Conflict { // a worker has just taken it
			return fmt.Errorf("halt %s: %w", run.Name(), err)
		}
	}
	return nil
}
