package console

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"time"

	"slipway"
	"slipway/internal/iam"
	"slipway/internal/rollout"
)

// A rolloutView is what is the case with a rollout, without the frame around
// it: the page shows all of it, and its events what has changed.
type rolloutView struct {
	Summary    rollout.Summary
	At         string // URL of the page without parameters
	Release    string // id
	ReleaseURL string
	From       origin
	State      chip
	Stages     []stageCard
	Stage      stageCard // the one whose databases are shown
	States     []tab     // filters of the databases by state
	Status     string    // the chosen one
	Search     string
	Rows       []taskRow
	Pager      pager
	Task       *taskView
	MayRun     bool
	Acts       []actLink // upper right; the last is the primary one
	Finished   bool      // nothing is left to happen
	Events     string    // URL of what happens next

	files int // of the release
	envs  environments
	query url.Values
	now   time.Time
}

type rolloutPage struct {
	Frame
	rolloutView
}

// A stageCard is a stage of a rollout.
type stageCard struct {
	rollout.Tally
	Title, URL string
	State      chip
	Bar        bar
	Finished   int // tasks that are done or skipped
	Note       string
	Current    bool
}

// An actLink is something that can be done about a rollout.
type actLink struct {
	Name, URL string
	Tone      string // "primary", "danger" or ""
}

// A taskRow is a database of a rollout in a list.
type taskRow struct {
	ID      int64
	Target  slipway.DatabaseRef
	URL     string
	Files   string
	State   chip
	Elapsed string
	Sub     string // the statement that runs, or why it was skipped
	Current bool
}

// Sizes of the lists of a rollout's page.
const (
	tasksPerPage  = 50
	runningsShown = 8 // running databases of a page whose statement is looked up
)

// rollout shows a rollout: its stages, the databases of one of them, and what
// happened in one of those.
func (c *Console) rollout(v visit) error {
	view, err := c.rolloutView(v)
	if err != nil {
		return err
	}
	project, err := c.Inventory.Project(v.ctx(), v.who, v.r.PathValue("project"))
	if err != nil {
		return err
	}
	at := projectURL(project.ID)
	if view.Events != "" {
		shown, err := c.parts(view)
		if err != nil {
			return err
		}
		view.Events = with(view.At+"/events", view.query, "seen", digest(shown))
	}
	f := c.frame(v, view.Summary.Title, "/projects", Crumb{project.Title, at}, Crumb{"Rollouts", at + "/rollouts"})
	return c.show(v, "rollout", rolloutPage{f, view})
}

// planIn returns the number of the plan in the URL.
func planIn(v visit) (int64, error) {
	id, err := strconv.ParseInt(v.r.PathValue("plan"), 10, 64)
	if err != nil || id <= 0 {
		return 0, slipway.Errorf(slipway.NotFound, "There is no rollout at this address.")
	}
	return id, nil
}

// rolloutView reads what the URL asks for.
func (c *Console) rolloutView(v visit) (rolloutView, error) {
	plan, err := planIn(v)
	if err != nil {
		return rolloutView{}, err
	}
	p := rolloutView{MayRun: v.held[iam.TaskRunsCreate], query: v.r.URL.Query(), now: c.now()}
	p.query.Del("seen") // it is of the events' URL alone, and of no link
	if p.Summary, err = c.Rollouts.Summary(v.ctx(), v.who, v.r.PathValue("project"), plan); err != nil {
		return p, err
	}
	p.At = rolloutURL(p.Summary.Project, plan)
	if p.envs, err = c.environments(v); err != nil {
		return p, err
	}
	all := total(p.Summary.Stages)
	p.State, p.Finished = tallyChip(all), all.Tasks[slipway.Done]+all.Tasks[slipway.Skipped] == all.All()
	if err := c.fillRelease(v, &p); err != nil {
		return p, err
	}
	p.fillStages()
	p.fillActs(all)
	if err := c.fillTasks(v, &p); err != nil {
		return p, err
	}
	if !p.Finished {
		p.Events = p.At + "/events"
	}
	return p, nil
}

// fillRelease tells what is rolled out, if the visitor may see that.
func (c *Console) fillRelease(v visit, p *rolloutView) error {
	p.From = newOrigin(p.Summary.Creator, nil)
	if p.Release = releaseID(p.Summary.Release); p.Release == "" || !v.held[iam.ReleasesGet] {
		return nil
	}
	rel, err := c.Releases.Release(v.ctx(), v.who, p.Summary.Project, p.Release)
	if err != nil {
		return err
	}
	p.ReleaseURL, p.files = releaseURL(rel.Project, rel.ID), len(rel.Files)
	p.From = newOrigin(p.Summary.Creator, rel.Job)
	return nil
}

// fillStages makes the cards and chooses the stage whose databases are shown:
// the one that was asked for, or else where things stand.
func (p *rolloutView) fillStages() {
	before := "" // the first stage with something left to do
	chosen := p.query.Get("stage")
	for _, t := range p.Summary.Stages {
		s := stageCard{
			Tally: t, Title: p.envs.Title(t.Environment), State: tallyChip(t), Bar: newBar(t),
			URL:      link(p.At, url.Values{"stage": {t.Environment}}),
			Finished: t.Tasks[slipway.Done] + t.Tasks[slipway.Skipped],
		}
		open := s.Finished < t.All()
		switch {
		case before != "" && open:
			s.Note = "after " + before
		case !t.Began.IsZero() && t.Tasks[slipway.Running]+t.Tasks[slipway.Pending] > 0:
			s.Note = took(p.now.Sub(t.Began))
		case !t.Began.IsZero():
			s.Note = took(t.Updated.Sub(t.Began))
		}
		if open && before == "" {
			before = s.Title
			if chosen == "" {
				chosen = t.Environment
			}
		}
		p.Stages = append(p.Stages, s)
	}
	at := slices.IndexFunc(p.Stages, func(s stageCard) bool { return s.Environment == chosen })
	if at < 0 {
		at = len(p.Stages) - 1
	}
	if at >= 0 {
		p.Stages[at].Current = true
		p.Stage = p.Stages[at]
	}
}

// fillActs offers what can be done about the stage where things stand.
func (p *rolloutView) fillActs(all rollout.Tally) {
	if !p.MayRun {
		return
	}
	if all.Tasks[slipway.Running]+all.Tasks[slipway.Pending] > 0 {
		p.Acts = append(p.Acts, actLink{"Cancel", p.At + "/cancel", "danger"})
	}
	for _, s := range p.Stages {
		if s.Finished == s.All() {
			continue
		}
		q := url.Values{"stage": {s.Environment}}
		again := s.Tasks[slipway.Failed] + s.Tasks[slipway.Aborted]
		if n := s.Tasks[slipway.NotStarted]; n > 0 {
			tone := "primary"
			if again > 0 {
				tone = ""
			}
			p.Acts = append(p.Acts, actLink{"Run " + s.Title, link(p.At+"/run", q), tone})
		}
		switch {
		case s.Tasks[slipway.Failed] > 0:
			p.Acts = append(p.Acts, actLink{"Retry failed", link(p.At+"/retry", q), "primary"})
		case again > 0:
			p.Acts = append(p.Acts, actLink{"Run canceled again", link(p.At+"/retry", q), "primary"})
		}
		return
	}
}

// taskStates are the filters of a stage's databases.
var taskStates = []struct {
	name, title string
	status      []slipway.Status
}{
	{"", "All", nil},
	{"failed", "Failed", []slipway.Status{slipway.Failed, slipway.Aborted}},
	{"active", "Running", []slipway.Status{slipway.Running, slipway.Pending}},
	{"open", "Not started", []slipway.Status{slipway.NotStarted}},
	{"done", "Done", []slipway.Status{slipway.Done, slipway.Skipped}},
}

// fillTasks lists the databases of the chosen stage, and shows one of them.
func (c *Console) fillTasks(v visit, p *rolloutView) error {
	if len(p.Stages) == 0 || !v.held[iam.TaskRunsList] {
		return nil
	}
	filter := rollout.TaskFilter{Project: p.Summary.Project, Plan: p.Summary.Plan, Stage: p.Stage.Environment, Search: v.query("q")}
	p.Search, p.Status = filter.Search, p.query.Get("state")
	for _, s := range taskStates {
		n := p.Stage.All()
		if s.status != nil {
			n = 0
			for _, status := range s.status {
				n += p.Stage.Tasks[status]
			}
		}
		if p.Status == s.name {
			filter.Status = s.status
		}
		p.States = append(p.States, tab{
			Title: fmt.Sprintf("%s %d", s.title, n), Current: p.Status == s.name,
			URL: with(p.At, p.query, "stage", p.Stage.Environment, "state", s.name, "after", "", "task", "", "run", ""),
		})
	}
	page, err := v.after(tasksPerPage)
	if err != nil {
		return err
	}
	list, next, err := c.Rollouts.TasksOf(v.ctx(), v.who, filter, page)
	if err != nil {
		return err
	}
	p.Pager = v.pager(next)
	return c.fillRows(v, p, list)
}

func (c *Console) fillRows(v visit, p *rolloutView, list []rollout.Attempted) error {
	shown, err := c.chosenTask(v, p, list)
	if err != nil {
		return err
	}
	running := 0
	for _, a := range list {
		r := p.row(a)
		r.Current = shown != nil && a.ID == shown.ID
		if a.Status == slipway.Running && a.Run != nil && running < runningsShown {
			running++
			if r.Sub, err = c.runningStatement(v, *a.Run); err != nil {
				return err
			}
		}
		p.Rows = append(p.Rows, r)
	}
	if shown == nil {
		return nil
	}
	p.Task, err = c.taskView(v, p, *shown)
	return err
}

func (p *rolloutView) row(a rollout.Attempted) taskRow {
	r := taskRow{
		ID: a.ID, Target: a.Target, State: statusChip(a.Status),
		URL: with(p.At, p.query, "stage", a.Environment, "task", strconv.FormatInt(a.ID, 10), "run", "") + "#task",
	}
	all := p.files
	if a.Run != nil {
		if a.Run.FilesAll > 0 {
			all = a.Run.FilesAll
		}
		r.Files = fmt.Sprintf("%d of %d", a.Run.FilesDone, all)
		r.Elapsed = elapsed(*a.Run, p.now)
	} else if all > 0 {
		r.Files = fmt.Sprintf("0 of %d", all)
	}
	if a.Status == slipway.Skipped {
		r.Sub = a.SkippedReason
	}
	return r
}

// elapsed is how long a run has taken, "" for one that has not begun.
func elapsed(r slipway.TaskRun, now time.Time) string {
	if r.Started.IsZero() {
		return ""
	}
	if r.Status.Active() {
		return took(max(0, now.Sub(r.Started)))
	}
	return took(r.Updated.Sub(r.Started))
}

// chosenTask returns the task whose run is shown: the one that was asked for,
// or one that failed, or that runs, or the only one.
func (c *Console) chosenTask(v visit, p *rolloutView, list []rollout.Attempted) (*rollout.Attempted, error) {
	if text := p.query.Get("task"); text != "" {
		id, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return nil, slipway.Errorf(slipway.NotFound, "There is no such database in this rollout.")
		}
		found, _, err := c.Rollouts.TasksOf(v.ctx(), v.who, rollout.TaskFilter{Project: p.Summary.Project, Plan: p.Summary.Plan, IDs: []int64{id}}, slipway.Page{Size: 1})
		if err != nil {
			return nil, err
		}
		if len(found) == 0 {
			return nil, slipway.Errorf(slipway.NotFound, "There is no such database in this rollout.")
		}
		return &found[0], nil
	}
	for _, status := range []slipway.Status{slipway.Failed, slipway.Running} {
		for i := range list {
			if list[i].Status == status {
				return &list[i], nil
			}
		}
	}
	if len(list) == 1 && list[0].Run != nil {
		return &list[0], nil
	}
	return nil, nil
}
