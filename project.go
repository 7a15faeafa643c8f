package slipway

import "time"

// A Project owns databases and their changes; permissions are granted on it.
type Project struct {
	ID      string
	Title   string
	Deleted bool
	Labels  map[string]string
	Created time.Time
	// ParallelTasks bounds how many databases of one rollout change at a time;
	// 0 leaves it to the server.
	ParallelTasks int
	// MaxFailures bounds how many databases of a stage may fail before the rest
	// of it is not started; 0 is any number.
	MaxFailures int
	OutOfOrder  OutOfOrder // "" is LateRefused
}

// An OutOfOrder says what becomes of a file whose version is below one that its
// database has already, spelled as in the API.
type OutOfOrder string

// The policies.
const (
	LateRefused OutOfOrder = "ERROR" // a check reports an error; a rollout fails before anything runs
	LateWarned  OutOfOrder = "WARN"  // a check warns; the file runs
	LateAllowed OutOfOrder = "ALLOW" // the file runs
)

// OrderPolicy returns what holds in the project.
func (p Project) OrderPolicy() OutOfOrder {
	if p.OutOfOrder == "" {
		return LateRefused
	}
	return p.OutOfOrder
}

// Name returns "projects/shop".
func (p Project) Name() string { return "projects/" + p.ID }

// An Environment is a step on the way of a change; its place in the
// workspace's list is the order of the stages.
type Environment struct {
	ID    string            `json:"id"`
	Title string            `json:"title"`
	Tags  map[string]string `json:"tags,omitempty"`
	Color *Color            `json:"color,omitempty"`
}

// A Color is red, green and blue from 0 to 1.
type Color struct{ Red, Green, Blue float32 }

// Name returns "environments/prod".
func (e Environment) Name() string { return "environments/" + e.ID }
