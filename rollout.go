package slipway

import (
	"fmt"
	"slices"
	"time"
)

// A Plan says what shall change: files to databases. It is immutable.
type Plan struct {
	Project     string
	ID          int64
	Title       string
	Description string
	Specs       []Spec
	Creator     string
	Created     time.Time
	Updated     time.Time
	Digest      string // of release content and targets: the same wish again finds the same plan
	HasRollout  bool
}

// Name returns "projects/shop/plans/101".
func (p Plan) Name() string { return fmt.Sprintf("projects/%s/plans/%d", p.Project, p.ID) }

// A Spec is one part of a plan: a release for some databases.
type Spec struct {
	ID      string // UUID
	Targets []string
	Release string
	Sheet   string
}

// A Rollout is a plan being carried out. Its stages and tasks are fixed when
// it is made.
type Rollout struct {
	Project string
	Plan    int64
	Title   string
	Stages  []Stage // in the environments' order at the time it was made
	Creator string
	Created time.Time
	Updated time.Time
}

// Name returns "projects/shop/plans/101/rollout".
func (r Rollout) Name() string { return fmt.Sprintf("projects/%s/plans/%d/rollout", r.Project, r.Plan) }

// A Stage is the part of a rollout in one environment.
type Stage struct {
	Environment string // id
	Tasks       []Task
}

// A Task is a release's way to one database.
type Task struct {
	ID            int64
	Project       string
	Plan          int64
	SpecID        string
	Environment   string
	Target        DatabaseRef
	Release       string
	Status        Status // of its latest run, or NotStarted, or Skipped
	SkippedReason string
	Updated       time.Time
}

// StageName returns "projects/shop/plans/101/rollout/stages/prod".
func (t Task) StageName() string {
	return fmt.Sprintf("projects/%s/plans/%d/rollout/stages/%s", t.Project, t.Plan, t.Environment)
}

// Name returns "projects/shop/plans/101/rollout/stages/prod/tasks/103".
func (t Task) Name() string { return fmt.Sprintf("%s/tasks/%d", t.StageName(), t.ID) }

// A TaskRun is one attempt at a task.
type TaskRun struct {
	ID      int64
	Task    Task
	Attempt int // from 1
	Status  Status
	Detail  string // why it ended as it did, in words
	Failure *Failure
	Creator string
	Job     *Job
	Created time.Time
	Updated time.Time
	Started time.Time
	RunTime time.Time // not before; zero: at once
	Lease   Lease
	// Session names the target's session that the run works in, as the engine
	// spells it, so that a later run can make sure that it is gone.
	Session   string
	FilesDone int
	FilesAll  int
}

// Name returns "projects/shop/plans/101/rollout/stages/prod/tasks/103/taskRuns/7".
func (r TaskRun) Name() string { return fmt.Sprintf("%s/taskRuns/%d", r.Task.Name(), r.ID) }

// A Lease is a worker's hold on a run. Fence grows with each new holder.
type Lease struct {
	Holder  string
	Fence   int64
	Expires time.Time
}

// A Failure says where in the SQL a run stopped.
type Failure struct {
	Path      string `json:"path"`
	Version   string `json:"version"`
	Line      int    `json:"line"`      // 1-based, of the statement or of the error where the server told
	Column    int    `json:"column"`    // 1-based, in characters; 0 when unknown
	Statement string `json:"statement"` // cut to 4 KiB
	Message   string `json:"message"`   // the database's own words
	Code      string `json:"code"`      // SQLSTATE or the engine's code
}

// A Status is where a task or a task run stands; they share one set of words.
type Status string

// The statuses. A task is NotStarted or Skipped on its own account; the rest
// are those of its latest run.
const (
	NotStarted Status = "NOT_STARTED"
	Pending    Status = "PENDING" // waiting for a worker
	Running    Status = "RUNNING"
	Done       Status = "DONE"
	Failed     Status = "FAILED"
	Aborted    Status = "CANCELED"
	Skipped    Status = "SKIPPED"
)

// runEdges is the graph of a task run; docs/change.md draws it.
var runEdges = map[Status][]Status{
	Pending: {Running, Aborted},
	Running: {Pending, Done, Failed, Aborted}, // back to Pending when its server stops
}

// CanBecome reports whether a task run in status s may move to next.
func (s Status) CanBecome(next Status) bool { return slices.Contains(runEdges[s], next) }

// Active reports whether a run in status s is still to end.
func (s Status) Active() bool { return s == Pending || s == Running }

// Finished reports whether a task in status s holds up no later stage.
func (s Status) Finished() bool { return s == Done || s == Skipped }

// A LogEntry is one thing that happened in a task run. Of the pointers one is set.
type LogEntry struct {
	Time      time.Time
	Replica   string // which server process
	File      *FileLog
	Statement *StatementLog
	Control   *ControlLog
	Retry     *RetryLog
}

// A FileLog says that a file begins.
type FileLog struct{ Version, Path string }

// A StatementLog says that a statement ran.
type StatementLog struct {
	Start, End int    // byte offsets in the file
	Text       string // cut to 4 KiB
	Ended      time.Time
	Rows       int64
	Error      string
}

// A ControlLog says that a transaction began or ended: BEGIN, COMMIT or ROLLBACK.
type ControlLog struct{ Type, Error string }

// A RetryLog says that something is tried again, and why.
type RetryLog struct {
	Error          string
	Count, Maximum int
}
