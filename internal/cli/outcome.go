package cli

import (
	"encoding/json"

	"google.golang.org/protobuf/encoding/protojson"

	"slipway/internal/pb"
)

// An outcome is what --output writes: the resource names under the keys that
// existing pipelines read, and how each database ended.
type outcome struct {
	release string
	plan    string
	rollout *pb.Rollout
	check   *pb.CheckReleaseResponse
	created bool // the rollout exists and nothing was started
	views   map[string]view
}

// saw keeps what is known of tasks.
func (o *outcome) saw(views []view) {
	if o.views == nil {
		o.views = make(map[string]view)
	}
	for _, v := range views {
		o.views[v.task] = v
	}
}

type (
	outcomeFile struct {
		Release      string          `json:"release,omitempty"`
		Plan         string          `json:"plan,omitempty"`
		Rollout      string          `json:"rollout,omitempty"`
		Status       string          `json:"status"`
		ExitCode     int             `json:"exitCode"`
		Error        string          `json:"error,omitempty"`
		Stages       []outcomeStage  `json:"stages,omitempty"`
		CheckResults json.RawMessage `json:"checkResults,omitempty"`
	}
	outcomeStage struct {
		Environment string        `json:"environment"`
		Tasks       []outcomeTask `json:"tasks"`
	}
	outcomeTask struct {
		Name    string `json:"name"`
		Target  string `json:"target"`
		Status  string `json:"status"`
		TaskRun string `json:"taskRun,omitempty"`
		Detail  string `json:"detail,omitempty"`
	}
)

// writeOutcome writes o to the file that --output names, if it names one, also
// when the run failed: a later job may want to know how far it came.
func (s *session) writeOutcome(name string, o *outcome, err error) error {
	if name == "" {
		return nil
	}
	f := outcomeFile{Release: o.release, Plan: o.plan, Rollout: o.rollout.GetName(), Status: o.status(err), ExitCode: exitCode(err)}
	if err != nil {
		f.Error = clean(err.Error())
	}
	for _, st := range o.rollout.GetStages() {
		stage := outcomeStage{Environment: st.GetEnvironment(), Tasks: []outcomeTask{}}
		for _, t := range st.GetTasks() {
			task := outcomeTask{Name: t.GetName(), Target: t.GetTarget(), Status: t.GetStatus().String()}
			if v, ok := o.views[t.GetName()]; ok {
				task.Status, task.TaskRun, task.Detail = string(v.status), v.run, clean(v.detail)
			}
			stage.Tasks = append(stage.Tasks, task)
		}
		f.Stages = append(f.Stages, stage)
	}
	if o.check != nil {
		results, err := protojson.Marshal(o.check)
		if err != nil {
			return failf("write results: %w", err)
		}
		f.CheckResults = results
	}
	return s.writeFile(name, "results", indented(f))
}

// status is how the run ended, in a word that scripts compare.
func (o *outcome) status(err error) string {
	switch exitCode(err) {
	case codeDone:
		if o.created {
			return "CREATED"
		}
		return "DONE"
	case codeUsage:
		return "INVALID"
	case codeRefused:
		return "REFUSED"
	case codeGate:
		return "WAITING"
	case codeInterrupted:
		return "CANCELED"
	}
	return "FAILED"
}
