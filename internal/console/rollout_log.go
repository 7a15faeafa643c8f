package console

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"slipway"
	"slipway/internal/iam"
	"slipway/internal/inventory"
	"slipway/internal/rollout"
)

// A taskView is what happened in one database of a rollout.
type taskView struct {
	Task     slipway.Task
	Run      *slipway.TaskRun // that is shown; nil where none has begun
	State    chip
	Name     string // of the database
	URL      string // of the database's page
	Attempts []tab
	Lines    []logLine
	Before   int // entries of the log that come before Lines
	LogURL   string
	Failed   *failureView
	Detail   string // how the run ended, in words
	Now      string // the statement that runs
	Acts     []actLink
}

// A logLine is an entry of a log.
type logLine struct {
	At     time.Time
	Tone   string // "f" a file begins, "e" an error, "t" the frame around statements
	Text   string
	Pieces []piece // of a statement
	Whole  string  // the statement as it is, on hover
	Took   string
	Rows   string
}

// Bounds of what a page shows of a log.
const (
	logShown      = 200
	statementLine = 160 // characters
)

// taskView reads the run of a task that the URL asks for, or its last.
func (c *Console) taskView(v visit, p *rolloutView, a rollout.Attempted) (*taskView, error) {
	t := &taskView{Task: a.Task, State: statusChip(a.Status), Name: a.Target.Database, Run: a.Run}
	if v.held[iam.DatabasesGet] {
		t.URL = databaseURL(p.Summary.Project, a.Target)
	}
	if p.MayRun {
		t.Acts = p.taskActs(a)
	}
	if a.Run == nil {
		return t, nil
	}
	in := rollout.Scope{Project: p.Summary.Project, Plan: p.Summary.Plan, Task: a.ID}
	if a.Run.Attempt > 1 {
		if err := c.attempts(v, p, t, in); err != nil {
			return nil, err
		}
	}
	tail, before, err := c.Rollouts.LogTail(v.ctx(), v.who, in, t.Run.ID, logShown)
	if err != nil {
		return nil, err
	}
	engine := c.taskEngine(v, a.Target)
	t.Lines, t.Before = logLines(tail, engine), before
	t.LogURL = fmt.Sprintf("%s/runs/%d/log", p.At, t.Run.ID)
	if t.Run.Status == slipway.Running {
		now, err := c.Rollouts.Underway(v.ctx(), v.who, *t.Run, tail)
		if err != nil {
			return nil, err
		}
		if now != nil {
			t.Now = oneLine(now.Statement, statementLine)
		}
	}
	t.Detail = sentence(t.Run.Detail)
	if f := t.Run.Failure; f != nil {
		t.Failed = &failureView{Failure: *f, Where: f.Path}
		if f.Line > 0 {
			t.Failed.Where += fmt.Sprintf(", line %d", f.Line)
		}
		if _, rest, told := strings.Cut(t.Run.Detail, f.Message+". "); told { // the rest says how far it came
			t.Detail = sentence(rest)
		}
		t.Failed.SQL, err = c.failureCode(v, a.Release, *f, engine)
	}
	return t, err
}

// attempts lists the attempts at a task and shows the one that the URL asks for.
func (c *Console) attempts(v visit, p *rolloutView, t *taskView, in rollout.Scope) error {
	runs, err := c.Rollouts.TaskRuns(v.ctx(), v.who, in)
	if err != nil {
		return err
	}
	slices.SortFunc(runs, func(a, b slipway.TaskRun) int { return a.Attempt - b.Attempt })
	asked := p.query.Get("run")
	for _, run := range runs {
		id := strconv.FormatInt(run.ID, 10)
		if id == asked {
			t.Run, t.State = &run, statusChip(run.Status)
		}
		t.Attempts = append(t.Attempts, tab{
			Title: fmt.Sprintf("Attempt %d", run.Attempt),
			URL:   with(p.At, p.query, "stage", t.Task.Environment, "task", strconv.FormatInt(t.Task.ID, 10), "run", id) + "#task",
		})
	}
	for i, run := range runs {
		t.Attempts[i].Current = run.ID == t.Run.ID
	}
	if n := len(t.Attempts); n > 6 {
		t.Attempts = t.Attempts[n-6:]
	}
	return nil
}

// taskActs offers what can be done about one task. Of a stage whose turn has not
// come nothing can be run.
func (p *rolloutView) taskActs(a rollout.Attempted) []actLink {
	q := url.Values{"stage": {a.Environment}, "task": {strconv.FormatInt(a.ID, 10)}}
	turn := true
	for _, s := range p.Stages {
		if s.Environment == a.Environment {
			break
		}
		turn = turn && s.Finished == s.All()
	}
	var acts []actLink
	switch a.Status {
	case slipway.Pending, slipway.Running:
		return []actLink{{"Cancel", link(p.At+"/cancel", q), "danger"}}
	case slipway.NotStarted, slipway.Failed, slipway.Aborted:
		acts = append(acts, actLink{"Skip", link(p.At+"/skip", q), ""})
		if turn && a.Status == slipway.NotStarted {
			acts = append(acts, actLink{"Run", link(p.At+"/run", q), ""})
		} else if turn {
			acts = append(acts, actLink{"Retry", link(p.At+"/retry", q), ""})
		}
	}
	return acts
}

// taskEngine returns the engine of a target, for colours alone: a database that
// the visitor can't see is shown in those of PostgreSQL.
func (c *Console) taskEngine(v visit, ref slipway.DatabaseRef) slipway.Engine {
	if !v.held[iam.DatabasesGet] {
		return slipway.Postgres
	}
	d, err := c.Inventory.Database(v.ctx(), v.who, inventory.Place{DatabaseRef: ref, Project: v.r.PathValue("project")})
	if err != nil {
		return slipway.Postgres
	}
	return d.On.Engine
}

// runningStatement returns the statement that a run works at, in one line.
func (c *Console) runningStatement(v visit, run slipway.TaskRun) (string, error) {
	in := rollout.Scope{Project: run.Task.Project, Plan: run.Task.Plan}
	tail, _, err := c.Rollouts.LogTail(v.ctx(), v.who, in, run.ID, logShown)
	if err != nil {
		return "", err
	}
	now, err := c.Rollouts.Underway(v.ctx(), v.who, run, tail)
	if err != nil || now == nil {
		return "", err
	}
	return oneLine(now.Statement, statementLine), nil
}

// logLines puts a log into lines.
func logLines(tail []slipway.LogEntry, engine slipway.Engine) []logLine {
	var lines []logLine
	var last, file time.Time // when the entry before ended, and when the file began
	for _, e := range tail {
		l := logLine{At: e.Time}
		switch {
		case e.File != nil:
			l.Tone, l.Text, file = "f", e.File.Path, e.Time
		case e.Statement != nil:
			l = statementLineOf(e, last, engine)
		case e.Control != nil:
			l.Tone, l.Text = "t", controlWords[e.Control.Type]
			if l.Text == "" {
				l.Text = e.Control.Type
			}
			if e.Control.Type != "BEGIN" && !file.IsZero() {
				l.Took = took(e.Time.Sub(file))
			}
			if e.Control.Error != "" {
				l.Tone, l.Text = "e", l.Text+": "+e.Control.Error
			}
		case e.Retry != nil:
			l.Text = fmt.Sprintf("tries again (%d): %s", e.Retry.Count, e.Retry.Error)
			if e.Retry.Maximum > 0 {
				l.Text = fmt.Sprintf("tries again (%d of %d): %s", e.Retry.Count, e.Retry.Maximum, e.Retry.Error)
			}
		}
		last = e.Time
		lines = append(lines, l)
	}
	return lines
}

var controlWords = map[string]string{"BEGIN": "transaction begins", "COMMIT": "committed", "ROLLBACK": "rolled back"}

func statementLineOf(e slipway.LogEntry, last time.Time, engine slipway.Engine) logLine {
	s := e.Statement
	l := logLine{At: e.Time, Whole: s.Text}
	shown := newCode("", engine, []byte(oneLine(s.Text, statementLine)))
	for _, line := range shown.Lines {
		l.Pieces = append(l.Pieces, line.Pieces...)
	}
	if !last.IsZero() && !s.Ended.Before(last) {
		l.Took = took(s.Ended.Sub(last))
	}
	if s.Rows > 0 {
		l.Rows = count(int(s.Rows), "row", "rows")
	}
	if s.Error != "" {
		l.Tone, l.Text = "e", s.Error
	}
	return l
}

// Clock is the time of day of an entry, in UTC until console.js knows better.
func (l logLine) Clock() string { return l.At.UTC().Format("15:04:05.000") }

// Machine is the time for a datetime attribute.
func (l logLine) Machine() string { return l.At.UTC().Format("2006-01-02T15:04:05.000Z") }

// runLog answers with the whole log of a run, a JSON object on each line.
func (c *Console) runLog(v visit) error {
	plan, err := planIn(v)
	if err != nil {
		return err
	}
	id, err := strconv.ParseInt(v.r.PathValue("run"), 10, 64)
	if err != nil {
		return slipway.Errorf(slipway.NotFound, "There is no task run at this address.")
	}
	entries, err := c.Rollouts.Log(v.ctx(), v.who, rollout.Scope{Project: v.r.PathValue("project"), Plan: plan}, id)
	if err != nil {
		return err
	}
	v.w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	v.w.Header().Set("Cache-Control", "no-store")
	v.w.WriteHeader(http.StatusOK)
	lines := json.NewEncoder(v.w)
	for _, e := range entries {
		if err := lines.Encode(e); err != nil {
			return nil // the browser went away
		}
	}
	return nil
}
