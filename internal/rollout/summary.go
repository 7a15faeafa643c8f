package rollout

import (
	"bytes"
	"context"
	"slices"

	"slipway"
	"slipway/internal/engine"
	"slipway/internal/gate"
	"slipway/internal/iam"
	"slipway/internal/sqltext"
	"slipway/internal/store"
)

// A Summary is a rollout with tallies in the place of its tasks.
type Summary = store.RolloutSummary

// A Tally says how far a stage of a rollout is.
type Tally = store.Tally

// Summary returns the summary of a plan's rollout.
func (s *Service) Summary(ctx context.Context, who slipway.Principal, project string, plan int64) (Summary, error) {
	err := s.gate.Can(ctx, gate.Act{
		Who: who, Permission: iam.RolloutsGet, Project: project,
		Resource: slipway.Rollout{Project: project, Plan: plan}.Name(), Method: rolloutRPC + "GetRollout",
	})
	if err != nil {
		return Summary{}, err
	}
	return s.st.RolloutSummary(ctx, project, plan)
}

// Summaries lists a project's rollouts, the newest first; with "" for the
// project, those of every project where the caller may list them.
func (s *Service) Summaries(ctx context.Context, who slipway.Principal, project string, page slipway.Page) ([]Summary, string, error) {
	if project == "" {
		only, err := s.listable(ctx, who)
		if err != nil {
			return nil, "", err
		}
		return s.st.RolloutSummaries(ctx, store.RolloutQuery{Only: only}, page)
	}
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
	return s.st.RolloutSummaries(ctx, store.RolloutQuery{Only: []string{project}}, page)
}

// A TaskFilter picks tasks of a rollout. Empty fields pick all.
type TaskFilter struct {
	Project string
	Plan    int64
	Stage   string           // environment id
	Status  []slipway.Status //
	Search  string           // part of the database's or the instance's name, any case
	IDs     []int64
}

// An Attempted task comes with its latest run, nil when there is none.
type Attempted struct {
	slipway.Task
	Run *slipway.TaskRun
}

// TasksOf lists tasks of a rollout in the order in which they were planned.
func (s *Service) TasksOf(ctx context.Context, who slipway.Principal, f TaskFilter, page slipway.Page) ([]Attempted, string, error) {
	scope := Scope{Project: f.Project, Plan: f.Plan, Stage: f.Stage}
	if err := s.gate.Can(ctx, scope.act(who, "ListTaskRuns")); err != nil {
		return nil, "", err
	}
	tasks, next, err := s.st.Tasks(ctx, store.TaskQuery{
		Project: f.Project, Plan: f.Plan, Environment: f.Stage, Status: f.Status, Search: f.Search, IDs: f.IDs,
	}, page)
	if err != nil {
		return nil, "", err
	}
	ids := make([]int64, len(tasks))
	for i, t := range tasks {
		ids[i] = t.ID
	}
	runs, err := s.st.LatestRuns(ctx, ids)
	if err != nil {
		return nil, "", err
	}
	list := make([]Attempted, len(tasks))
	for i, t := range tasks {
		list[i] = Attempted{Task: t}
		if run, ok := runs[t.ID]; ok {
			list[i].Run = &run
		}
	}
	return list, next, nil
}

// History lists the task runs on a database in the project that has it, newest
// first.
func (s *Service) History(ctx context.Context, who slipway.Principal, at Place, page slipway.Page) ([]slipway.TaskRun, string, error) {
	act := gate.Act{Who: who, Permission: iam.TaskRunsList, Method: rolloutRPC + "ListTaskRuns"}
	d, err := s.at(ctx, &act, at)
	if err != nil {
		return nil, "", err
	}
	return s.st.RunsOn(ctx, d.Project, d.DatabaseRef, page)
}

// LogTail returns the last entries of a run's log, most at most, in order, and
// how many come before them.
func (s *Service) LogTail(ctx context.Context, who slipway.Principal, in Scope, id int64, most int) ([]slipway.LogEntry, int, error) {
	if err := s.gate.Can(ctx, in.act(who, "GetTaskRunLog")); err != nil {
		return nil, 0, err
	}
	if _, err := runIn(ctx, s.st.Reader, in, id); err != nil {
		return nil, 0, err
	}
	return s.st.LogTail(ctx, id, min(most, store.MaxLog))
}

// Underway is the statement that a run works at.
type Underway struct {
	Path      string
	Statement string // cut as in the log
}

// peek is how much of a file is read to find the statement that runs.
const peek = 64 << 10

// Underway tells which statement of a file a run works at, given the last
// entries of its log: the one behind the statement that ended last. The log does
// not say when a statement begins, so between files, and where several are sent
// to the server at once, it is an estimate; nil when there is none.
func (s *Service) Underway(ctx context.Context, who slipway.Principal, run slipway.TaskRun, tail []slipway.LogEntry) (*Underway, error) {
	in := Scope{Project: run.Task.Project, Plan: run.Task.Plan}
	if err := s.gate.Can(ctx, in.act(who, "GetTaskRunLog")); err != nil {
		return nil, err
	}
	file, from := reached(tail)
	if file == nil || run.Status != slipway.Running {
		return nil, nil
	}
	rel, err := s.release(ctx, run.Task.Project, run.Task.Release)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(rel.Files, func(f slipway.File) bool { return f.Path == file.Path && f.Version == file.Version })
	if i < 0 {
		return nil, nil
	}
	part, err := s.st.SheetPart(ctx, run.Task.Project, rel.Files[i].SHA256, from, peek)
	if err != nil {
		return nil, err
	}
	on, err := s.st.Instance(ctx, run.Task.Target.Instance)
	if err != nil {
		return nil, err
	}
	for st, err := range sqltext.Split(dialects[on.Engine], bytes.TrimPrefix(part.Content, []byte("\xef\xbb\xbf"))) {
		if err != nil {
			return nil, nil // it is longer than what was read
		}
		return &Underway{Path: file.Path, Statement: engine.Excerpt(dialects[on.Engine], st)}, nil
	}
	return nil, nil
}

// reached returns the file that a log has come to and the byte behind its last
// statement that was not rolled back.
func reached(tail []slipway.LogEntry) (*slipway.FileLog, int) {
	from, undone := 0, false
	for _, e := range slices.Backward(tail) {
		switch {
		case e.File != nil:
			return e.File, from
		case e.Control != nil:
			undone = e.Control.Type == "ROLLBACK" || undone && e.Control.Type != "BEGIN"
		case e.Statement != nil && e.Statement.Error == "" && !undone:
			from = max(from, e.Statement.End)
		}
	}
	return nil, 0
}
