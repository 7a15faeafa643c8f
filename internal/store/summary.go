package store

import (
	"context"
	"strconv"
	"strings"
	"time"

	"slipway"
)

// A Tally says how far a stage of a rollout is, without its tasks.
type Tally struct {
	Environment string
	Tasks       map[slipway.Status]int // how many are in which status; none is absent
	Began       time.Time              // when the first run of a task started; zero: none has, or it was not asked
	Updated     time.Time              // when a task last changed; zero: there is no task
}

// All returns how many tasks the stage has.
func (t Tally) All() int {
	n := 0
	for _, k := range t.Tasks {
		n += k
	}
	return n
}

// A RolloutSummary is a rollout with tallies in the place of its tasks: a list
// of rollouts to a thousand databases each would read every task.
type RolloutSummary struct {
	Project string
	Plan    int64
	Title   string
	Release string // resource name, of the first task
	Creator string
	Created time.Time
	Stages  []Tally // in order
}

// Name returns "projects/shop/plans/101/rollout".
func (s RolloutSummary) Name() string {
	return slipway.Rollout{Project: s.Project, Plan: s.Plan}.Name()
}

// A RolloutQuery picks rollouts.
type RolloutQuery struct {
	Only []string // ids of projects; nil is all, empty is none
	Plan int64    // 0 is any
	// Search is part of the title, any case, or the number of the plan.
	Search string
}

// RolloutSummaries lists rollouts, newest first.
func (r Reader) RolloutSummaries(ctx context.Context, q RolloutQuery, page slipway.Page) ([]RolloutSummary, string, error) {
	var w where
	w.in("project", q.Only)
	if q.Plan != 0 {
		w.and("plan = " + w.arg(q.Plan))
	}
	w.rolloutMatches(q.Search)
	if err := w.beforeTime("created, plan", page, number); err != nil {
		return nil, "", err
	}
	found, next, err := listing[RolloutSummary]{
		what: "rollouts", where: w, order: "created DESC, plan DESC",
		text: `SELECT ` + rolloutColumns + `, COALESCE((SELECT t.release FROM task t WHERE t.plan = rollout.plan ORDER BY t.id LIMIT 1), '') FROM rollout`,
		scan: scanSummary, key: func(o RolloutSummary) string { return timeKey(o.Created, strconv.FormatInt(o.Plan, 10)) },
	}.page(ctx, r, page)
	if err != nil || len(found) == 0 {
		return nil, "", err
	}
	return found, next, r.tally(ctx, found)
}

func scanSummary(r row) (s RolloutSummary, err error) {
	var environments []string
	err = r.Scan(&s.Plan, &s.Project, &s.Title, fromJSON(&environments), &s.Creator, at(&s.Created), &s.Release)
	for _, env := range environments {
		s.Stages = append(s.Stages, Tally{Environment: env, Tasks: map[slipway.Status]int{}})
	}
	return s, err
}

// tally counts the tasks of rollouts into their stages.
func (r Reader) tally(ctx context.Context, found []RolloutSummary) error {
	type place struct {
		plan        int64
		environment string
	}
	in := map[place]*Tally{}
	plans := make([]any, len(found))
	for i, s := range found {
		plans[i] = s.Plan
		for j := range s.Stages {
			in[place{s.Plan, s.Stages[j].Environment}] = &s.Stages[j]
		}
	}
	var w where
	w.and("plan IN (" + w.list(plans) + ")")
	type count struct {
		place
		status  slipway.Status
		n       int
		updated time.Time
	}
	counts, err := all(ctx, r, "count the tasks of rollouts", func(row row) (c count, err error) {
		err = row.Scan(&c.plan, &c.environment, &c.status, &c.n, at(&c.updated))
		return c, err
	}, stmt{`SELECT plan, environment, status, COUNT(*), MAX(updated) FROM task` + w.String() + ` GROUP BY plan, environment, status`, w.args})
	for _, c := range counts {
		t := in[c.place]
		if t == nil {
			continue // unreachable unless a task is in no stage of its rollout
		}
		t.Tasks[c.status] = c.n
		if c.updated.After(t.Updated) {
			t.Updated = c.updated
		}
	}
	return err
}

// RolloutSummary returns the summary of one rollout, and when each stage began.
func (r Reader) RolloutSummary(ctx context.Context, project string, plan int64) (RolloutSummary, error) {
	found, _, err := r.RolloutSummaries(ctx, RolloutQuery{Only: []string{project}, Plan: plan}, slipway.Page{Size: 1})
	if err != nil {
		return RolloutSummary{}, err
	}
	if len(found) == 0 {
		return RolloutSummary{}, slipway.Errorf(slipway.NotFound, "%s not found", rolloutWhat(project, plan))
	}
	type start struct {
		environment string
		began       time.Time
	}
	starts, err := all(ctx, r, "read when stages began", func(row row) (s start, err error) {
		err = row.Scan(&s.environment, at(&s.began))
		return s, err
	}, ask(`
		SELECT t.environment, MIN(r.started) FROM task t JOIN task_run r ON r.task = t.id
		WHERE t.plan = $1 AND r.started > 0 GROUP BY t.environment`, plan))
	for _, s := range starts {
		for i := range found[0].Stages {
			if found[0].Stages[i].Environment == s.environment {
				found[0].Stages[i].Began = s.began
			}
		}
	}
	return found[0], err
}

// A TaskQuery picks tasks of a rollout.
type TaskQuery struct {
	Project     string
	Plan        int64
	Environment string           // "" is every stage
	Status      []slipway.Status // nil is any
	Search      string           // part of the database's or the instance's name, any case
	IDs         []int64          // nil is any
}

// Tasks lists tasks in the order in which they were planned.
func (r Reader) Tasks(ctx context.Context, q TaskQuery, page slipway.Page) ([]slipway.Task, string, error) {
	var w where
	w.and("t.plan = " + w.arg(q.Plan))
	w.and("t.project = " + w.arg(q.Project))
	w.eq("t.environment", q.Environment)
	among(&w, "t.status", q.Status)
	among(&w, "t.id", q.IDs)
	w.contains("lower(t.instance || '/' || t.name)", q.Search)
	if page.After != "" {
		n, err := number(page.After)
		if err != nil {
			return nil, "", err
		}
		w.and("t.id > " + w.arg(n))
	}
	return listing[slipway.Task]{
		what: "tasks", text: `SELECT ` + taskColumns + ` FROM task t`, where: w, order: "t.id",
		scan: scanTask, key: func(t slipway.Task) string { return strconv.FormatInt(t.ID, 10) },
	}.page(ctx, r, page)
}

// among asks for column to be one of list; nil asks for nothing.
func among[T any](w *where, column string, list []T) {
	switch {
	case list == nil:
	case len(list) == 0:
		w.and("1 = 0")
	default:
		values := make([]any, len(list))
		for i, v := range list {
			values[i] = v
		}
		w.and(column + " IN (" + w.list(values) + ")")
	}
}

// LatestRuns returns the last run of each of some tasks that has one.
func (r Reader) LatestRuns(ctx context.Context, tasks []int64) (map[int64]slipway.TaskRun, error) {
	latest := make(map[int64]slipway.TaskRun, len(tasks))
	if len(tasks) == 0 {
		return latest, nil
	}
	var w where
	among(&w, "r.task", tasks)
	w.and("r.attempt = (SELECT MAX(x.attempt) FROM task_run x WHERE x.task = r.task)")
	runs, err := all(ctx, r, "read the last runs of tasks", scanRun, stmt{selectRun + w.String(), w.args})
	for _, run := range runs {
		latest[run.Task.ID] = run
	}
	return latest, err
}

// RunsOn lists the task runs of a project on a database, newest first.
func (r Reader) RunsOn(ctx context.Context, project string, ref slipway.DatabaseRef, page slipway.Page) ([]slipway.TaskRun, string, error) {
	var w where
	w.and("t.instance = " + w.arg(ref.Instance))
	w.and("t.name = " + w.arg(ref.Database))
	w.and("t.project = " + w.arg(project))
	if err := w.beforeNumber("r.id", page); err != nil {
		return nil, "", err
	}
	return listing[slipway.TaskRun]{
		what: "the task runs on a database", text: selectRun, where: w, order: "r.id DESC",
		scan: scanRun, key: func(n slipway.TaskRun) string { return strconv.FormatInt(n.ID, 10) },
	}.page(ctx, r, page)
}

// LogTail returns the last entries of a run's log, most at most, in the order in
// which they were written, and how many come before them.
func (r Reader) LogTail(ctx context.Context, runID int64, most int) (tail []slipway.LogEntry, before int, err error) {
	type numbered struct {
		seq int
		slipway.LogEntry
	}
	found, err := all(ctx, r, "read the log of "+runWhat(runID), func(row row) (n numbered, err error) {
		err = row.Scan(&n.seq, fromJSON(&n.LogEntry))
		return n, err
	}, ask(`SELECT seq, entry FROM task_run_log WHERE run = $1 ORDER BY seq DESC LIMIT $2`, runID, most))
	if err != nil || len(found) == 0 {
		return nil, 0, err
	}
	tail = make([]slipway.LogEntry, len(found))
	for i, n := range found {
		tail[len(found)-1-i] = n.LogEntry
	}
	return tail, found[len(found)-1].seq, nil
}

// A DatabaseCount is how many databases of a project are in an environment.
type DatabaseCount struct {
	Environment string // id, the effective one; "" is none
	All         int
	Unreadable  int // that could not be read when they were last synced
}

// DatabaseCounts counts the databases of a project, those left out that are gone
// or whose instance is deleted, by environment in the order of the ids.
func (r Reader) DatabaseCounts(ctx context.Context, project string) ([]DatabaseCount, error) {
	return all(ctx, r, "count the databases of a project", func(row row) (c DatabaseCount, err error) {
		err = row.Scan(&c.Environment, &c.All, &c.Unreadable)
		return c, err
	}, ask(strings.ReplaceAll(`
		SELECT {env}, COUNT(*), SUM(CASE WHEN d.sync_error <> '' THEN 1 ELSE 0 END)
		FROM database d JOIN instance i ON i.id = d.instance
		WHERE d.project = $1 AND d.deleted = 0 AND i.deleted = 0 GROUP BY {env} ORDER BY {env}`,
		"{env}", "CASE WHEN d.environment <> '' THEN d.environment ELSE i.environment END"), project))
}
