package store

import (
	"context"
	"fmt"
	"strconv"

	"slipway"
)

const rolloutColumns = `plan, project, title, stages, creator, created`

// A storedRollout is a rollout before its tasks are read.
type storedRollout struct {
	slipway.Rollout
	environments []string // of the stages, in order
}

func scanRollout(r row) (o storedRollout, err error) {
	err = r.Scan(&o.Plan, &o.Project, &o.Title, fromJSON(&o.environments), &o.Creator, at(&o.Created))
	return o, err
}

func rolloutWhat(project string, plan int64) string {
	return "rollout " + quote(slipway.Rollout{Project: project, Plan: plan}.Name())
}

// Rollout returns the rollout of a plan with its stages and tasks. It was last
// updated when a task of it last was.
func (r Reader) Rollout(ctx context.Context, project string, plan int64) (slipway.Rollout, error) {
	o, err := one(ctx, r, rolloutWhat(project, plan), scanRollout, ask(`
		SELECT `+rolloutColumns+` FROM rollout WHERE project = $1 AND plan = $2`, project, plan))
	if err != nil {
		return slipway.Rollout{}, err
	}
	full, err := r.withTasks(ctx, []storedRollout{o})
	if err != nil {
		return slipway.Rollout{}, err
	}
	return full[0], nil
}

// Rollouts lists rollouts with their stages and tasks, newest first.
func (r Reader) Rollouts(ctx context.Context, project string, page slipway.Page) ([]slipway.Rollout, string, error) {
	var w where
	w.and("project = " + w.arg(project))
	if err := w.beforeTime("created, plan", page, number); err != nil {
		return nil, "", err
	}
	found, next, err := listing[storedRollout]{
		what: "rollouts", text: `SELECT ` + rolloutColumns + ` FROM rollout`, where: w, order: "created DESC, plan DESC",
		scan: scanRollout, key: func(o storedRollout) string { return timeKey(o.Created, strconv.FormatInt(o.Plan, 10)) },
	}.page(ctx, r, page)
	if err != nil {
		return nil, "", err
	}
	full, err := r.withTasks(ctx, found)
	return full, next, err
}

// withTasks reads the tasks of rollouts into their stages.
func (r Reader) withTasks(ctx context.Context, found []storedRollout) ([]slipway.Rollout, error) {
	if len(found) == 0 {
		return nil, nil
	}
	var w where
	plans := make([]any, len(found))
	for i, o := range found {
		plans[i] = o.Plan
	}
	w.and("plan IN (" + w.list(plans) + ")")
	tasks, err := all(ctx, r, "read the tasks of rollouts", scanTask, stmt{`SELECT ` + taskColumns + ` FROM task t` + w.String() + ` ORDER BY id`, w.args})
	if err != nil {
		return nil, err
	}
	type place struct {
		plan        int64
		environment string
	}
	in := map[place][]slipway.Task{}
	for _, t := range tasks {
		p := place{t.Plan, t.Environment}
		in[p] = append(in[p], t)
	}
	out := make([]slipway.Rollout, len(found))
	for i, o := range found {
		out[i] = o.Rollout
		out[i].Updated = o.Created
		for _, env := range o.environments {
			s := slipway.Stage{Environment: env, Tasks: in[place{o.Plan, env}]}
			for _, t := range s.Tasks {
				if t.Updated.After(out[i].Updated) {
					out[i].Updated = t.Updated
				}
			}
			out[i].Stages = append(out[i].Stages, s)
		}
	}
	return out, nil
}

// CreateRollout adds the rollout of a plan with its stages and tasks and returns
// it with the tasks' IDs. A task's place, project and plan are those of the
// rollout and stage that it stands in. It is an Exists if the plan has one.
func (tx *Tx) CreateRollout(ctx context.Context, o slipway.Rollout) (slipway.Rollout, error) {
	environments := make([]string, len(o.Stages))
	stages := make([]slipway.Stage, len(o.Stages))
	for i, s := range o.Stages {
		environments[i] = s.Environment
		stages[i] = slipway.Stage{Environment: s.Environment, Tasks: append([]slipway.Task(nil), s.Tasks...)}
	}
	o.Stages, o.Updated = stages, o.Created
	if err := tx.create(ctx, rolloutWhat(o.Project, o.Plan), ask(`
		INSERT INTO rollout (`+rolloutColumns+`) VALUES ($1, $2, $3, $4, $5, $6)`,
		o.Plan, o.Project, o.Title, asJSON(environments), o.Creator, o.Created)); err != nil {
		return slipway.Rollout{}, err
	}
	for _, s := range o.Stages {
		for i := range s.Tasks {
			t := &s.Tasks[i]
			t.Project, t.Plan, t.Environment, t.Updated = o.Project, o.Plan, s.Environment, o.Created
			if t.Status == "" {
				t.Status = slipway.NotStarted
			}
			id, err := one(ctx, tx.Reader, "the new task", scanned[int64], ask(`
				INSERT INTO task (plan, project, spec, environment, instance, name, release, status, skipped_reason, updated)
				VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
				RETURNING id`,
				t.Plan, t.Project, t.SpecID, t.Environment, t.Target.Instance, t.Target.Database, t.Release, t.Status, t.SkippedReason, t.Updated))
			if err != nil {
				return slipway.Rollout{}, err
			}
			t.ID = id
		}
	}
	return o, nil
}

// taskColumns are those of a task in a query that calls its table t.
const taskColumns = `t.id, t.plan, t.project, t.spec, t.environment, t.instance, t.name, t.release, t.status, t.skipped_reason, t.updated`

// taskInto returns where to scan taskColumns to.
func taskInto(t *slipway.Task) []any {
	return []any{
		&t.ID, &t.Plan, &t.Project, &t.SpecID, &t.Environment, &t.Target.Instance, &t.Target.Database, &t.Release, &t.Status, &t.SkippedReason,
		at(&t.Updated),
	}
}

func scanTask(r row) (t slipway.Task, err error) {
	err = r.Scan(taskInto(&t)...)
	return t, err
}

// Task returns a task.
func (r Reader) Task(ctx context.Context, id int64) (slipway.Task, error) {
	return one(ctx, r, fmt.Sprintf("task %d", id), scanTask, ask(`SELECT `+taskColumns+` FROM task t WHERE id = $1`, id))
}

// SkipTask marks a task as not to be done. It is a Conflict while a run of the
// task is active or after one is done; skipping twice keeps the first reason.
func (tx *Tx) SkipTask(ctx context.Context, id int64, reason string) error {
	n, err := tx.exec(ctx, fmt.Sprintf("skip task %d", id), ask(`
		UPDATE task SET status = $2, skipped_reason = $3, updated = $4
		WHERE id = $1 AND status IN ($5, $6, $7)`,
		id, slipway.Skipped, reason, tx.now(), slipway.NotStarted, slipway.Failed, slipway.Aborted))
	if err != nil || n == 1 {
		return err
	}
	t, err := tx.Task(ctx, id)
	if err != nil || t.Status == slipway.Skipped {
		return err
	}
	return slipway.Errorf(slipway.Conflict, "task %d is %s and cannot be skipped", id, t.Status)
}
