package console

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"slipway"
	"slipway/internal/iam"
	"slipway/internal/rollout"
)

// A taskAct is something that is done about tasks of a rollout, of one stage or
// one by one.
type taskAct struct {
	verb   string // on the button
	asks   string // the question, about how many databases
	on     []slipway.Status
	text   string // what will happen to how many databases
	reason bool
	danger bool
	done   string
}

var taskActs = map[string]taskAct{
	"run": {
		verb: "Run", asks: "Run on %s?", on: []slipway.Status{slipway.NotStarted},
		text: "The files of the release that are not in yet run on %s. Each is one transaction with its revision, where the database allows it.", done: "%s on the way.",
	},
	"retry": {
		verb: "Retry", asks: "Retry on %s?", on: []slipway.Status{slipway.Failed, slipway.Aborted},
		text: "Another attempt begins on %s. What is applied already does not run again.", done: "%s on the way again.",
	},
	"skip": {
		verb: "Skip", asks: "Skip %s?", on: []slipway.Status{slipway.NotStarted, slipway.Failed, slipway.Aborted}, reason: true,
		text: "The release is not brought to %s, and the stages behind go on as if it were done. This can't be taken back in this rollout.", done: "%s skipped.",
	},
	"cancel": {
		verb: "Cancel what runs", asks: "Cancel what runs on %s?", on: []slipway.Status{slipway.Pending, slipway.Running}, danger: true,
		text: "The statements that run on %s are canceled, and their files rolled back. Files that are in stay; the rest can be run again.", done: "%s being canceled.",
	},
}

// A taskChoice is the tasks that an act is about.
type taskChoice struct {
	act   taskAct
	ro    slipway.Rollout
	tasks map[string][]int64 // :: stage → ids
	stage string             // the only one, or "" for all
	n     int
	where string // "4 databases in Prod"
	back  string
}

func (c *Console) chooseTasks(v visit) (taskChoice, error) {
	var t taskChoice
	act, there := taskActs[v.r.PathValue("act")]
	plan, err := planIn(v)
	if err != nil || !there {
		return t, slipway.Errorf(slipway.NotFound, "There is no page at this address.")
	}
	t.act, t.stage, t.tasks = act, v.query("stage"), map[string][]int64{}
	if t.ro, err = c.Rollouts.Rollout(v.ctx(), v.who, v.r.PathValue("project"), plan); err != nil {
		return t, err
	}
	var one int64
	if text := v.query("task"); text != "" {
		if one, err = strconv.ParseInt(text, 10, 64); err != nil {
			return t, slipway.Errorf(slipway.NotFound, "There is no such database in this rollout.")
		}
	}
	name := ""
	for _, stage := range t.ro.Stages {
		if t.stage != "" && stage.Environment != t.stage {
			continue
		}
		for _, task := range stage.Tasks {
			if (one == 0 || task.ID == one) && slices.Contains(act.on, task.Status) {
				t.tasks[stage.Environment] = append(t.tasks[stage.Environment], task.ID)
				t.n, name = t.n+1, task.Target.Name()
			}
		}
	}
	t.where = name
	if t.n != 1 {
		t.where = count(t.n, "database", "databases")
		if t.stage != "" {
			envs, err := c.environments(v)
			if err != nil {
				return t, err
			}
			t.where += " in " + envs.Title(t.stage)
		}
	}
	q := url.Values{}
	for _, k := range []string{"stage", "task"} {
		if value := v.query(k); value != "" {
			q.Set(k, value)
		}
	}
	t.back = link(rolloutURL(t.ro.Project, plan), q)
	if len(t.tasks) > 1 && !act.danger {
		return t, slipway.Errorf(slipway.Invalid, "Name the stage.")
	}
	return t, nil
}

func (c *Console) showQuestion(v visit, t taskChoice, f form) error {
	project := slipway.Project{Title: t.ro.Project}
	if v.held[iam.ProjectsGet] {
		var err error
		if project, err = c.Inventory.Project(v.ctx(), v.who, t.ro.Project); err != nil {
			return err
		}
	}
	at := projectURL(t.ro.Project)
	q := question{
		Frame: c.frame(v, fmt.Sprintf(t.act.asks, t.where), "/projects",
			Crumb{project.Title, at}, Crumb{"Rollouts", at + "/rollouts"}, Crumb{t.ro.Title, t.back}),
		Text: fmt.Sprintf(t.act.text, t.where), Act: t.act.verb, Danger: t.act.danger, Back: t.back, Form: f,
	}
	if t.n == 0 {
		q.Text = "There is nothing left to do that for: it has happened meanwhile, or somebody else was faster."
	}
	if t.act.reason {
		reason := newField(f, "reason", "Reason")
		reason.Required, reason.Focus, reason.Hint = true, true, "Stands beside the database for everybody to read"
		q.Reason = &reason
	}
	return c.ask(v, q)
}

// askTasks asks before an act.
func (c *Console) askTasks(v visit) error {
	t, err := c.chooseTasks(v)
	if err != nil {
		return err
	}
	return c.showQuestion(v, t, form{Values: url.Values{}})
}

// actTasks does what was asked for.
func (c *Console) actTasks(v visit) error {
	t, err := c.chooseTasks(v)
	if err != nil {
		return err
	}
	f, err := v.form()
	if err != nil {
		return err
	}
	reason := typed(f.Values, "reason")
	if t.act.reason && reason == "" {
		f.blame("reason", "Say why, for those who look at this later")
		return c.showQuestion(v, t, f)
	}
	if t.n == 0 {
		f.Error, f.status = "Nothing was done.", http.StatusConflict
		return c.showQuestion(v, t, f)
	}
	if err := c.carryOut(v, t, reason); err != nil {
		if err = f.take(err); err != nil {
			return err
		}
		return c.showQuestion(v, t, f)
	}
	return c.done(v, t.back, fmt.Sprintf(t.act.done, count(t.n, "database is", "databases are")))
}

func (c *Console) carryOut(v visit, t taskChoice, reason string) error {
	if t.act.danger {
		return c.cancelTasks(v, t)
	}
	for stage, ids := range t.tasks {
		tasks := rollout.Tasks{Project: t.ro.Project, Plan: t.ro.Plan, Stage: stage, IDs: ids}
		if t.act.reason {
			return c.Rollouts.SkipTasks(v.ctx(), v.who, tasks, reason)
		}
		return c.Rollouts.RunTasks(v.ctx(), v.who, tasks, time.Time{})
	}
	return nil
}

// cancelTasks cancels the active runs of the chosen tasks.
func (c *Console) cancelTasks(v visit, t taskChoice) error {
	in := rollout.Scope{Project: t.ro.Project, Plan: t.ro.Plan, Stage: t.stage}
	var ids []int64
	for _, tasks := range t.tasks {
		list, _, err := c.Rollouts.TasksOf(v.ctx(), v.who, rollout.TaskFilter{Project: in.Project, Plan: in.Plan, IDs: tasks}, slipway.Page{Size: slipway.MaxPageSize})
		if err != nil {
			return err
		}
		for _, a := range list {
			if a.Run != nil && a.Run.Status.Active() {
				ids = append(ids, a.Run.ID)
			}
		}
	}
	if len(ids) == 0 {
		return slipway.Errorf(slipway.Precondition, "nothing runs there any more")
	}
	return c.Rollouts.CancelRuns(v.ctx(), v.who, in, ids)
}
