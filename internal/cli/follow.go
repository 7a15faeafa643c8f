package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"connectrpc.com/connect/v2"

	"slipway"
	"slipway/internal/pb"
)

// A follower runs stages and tells how they get on. The server runs the
// migrations whether anybody follows or not.
type follower struct {
	*session
	c       *client
	out     *outcome
	files   map[string][]byte // text by path, to show where a statement failed
	started map[string]bool   // tasks that this command began to run, by resource name
}

// The wait between two looks at a stage: short at first, since most
// migrations are, and after each change.
const (
	firstLook = 100 * time.Millisecond
	maxLook   = time.Second
	// cancelTime bounds how long an interrupted command waits for the runs
	// that it cancelled: GitLab kills a job's process some time after SIGTERM.
	cancelTime = 20 * time.Second
	// answerTime is how long a request that begins runs may outlast an interrupt.
	answerTime = 5 * time.Second
)

func (f *follower) run(ctx context.Context, stages []*pb.Stage) error {
	todo := 0
	for _, st := range stages {
		for _, t := range st.GetTasks() {
			if !status(t.GetStatus()).Finished() {
				todo++
			}
		}
	}
	if todo == 0 {
		f.voice.printf("nothing to do: every database has this release")
		return nil
	}
	for i, st := range stages {
		err := f.stage(ctx, st)
		if err == nil {
			continue
		}
		if ctx.Err() != nil {
			return f.interrupted(ctx, st)
		}
		for _, later := range stages[i+1:] {
			f.voice.warnf("stage %s was not started", later.GetId())
		}
		if _, ok := errors.AsType[*callError](err); ok && exitCode(err) != codeGate && len(f.started) > 0 {
			plan := strings.TrimSuffix(f.out.rollout.GetName(), "/rollout")
			return hinted(err, "what was started goes on at the server; follow it by: slipway rollout --plan %s", plan)
		}
		return err
	}
	last := f.out.rollout.GetStages()
	for _, later := range last[len(stages):] {
		f.voice.notef("stage %s is behind --target-stage and was left alone", line(later.GetId()))
	}
	f.voice.printf("done")
	return nil
}

// stage runs one stage until each of its tasks has ended.
func (f *follower) stage(ctx context.Context, st *pb.Stage) error {
	f.voice.printf("stage %s", line(st.GetId()))
	var names []string
	found := make(map[string]bool)
	for _, t := range st.GetTasks() {
		switch status(t.GetStatus()) {
		case slipway.Done:
			found[t.GetName()] = true
		case slipway.NotStarted, slipway.Failed, slipway.Aborted:
			names = append(names, t.GetName())
			f.started[t.GetName()] = true // before the call: it may arrive and its answer not
		}
	}
	if len(names) > 0 {
		if err := f.start(ctx, st, names); err != nil {
			return err
		}
	}
	p := newProgress(f.voice, f.Now, st.GetId(), found)
	for wait := firstLook; ; wait = min(wait*3/2, maxLook) {
		views, err := f.look(ctx, st)
		if err != nil {
			return err
		}
		if p.update(views, func(v view) int64 { return f.rows(ctx, v) }) {
			wait = firstLook
		}
		if !slices.ContainsFunc(views, func(v view) bool { return v.status.Active() }) {
			return f.judge(st, views)
		}
		if !pause(ctx, wait) {
			return ctx.Err()
		}
	}
}

// start asks the server to run tasks of a stage. An interrupt leaves the request
// a moment to be answered: cut off, it might still begin runs after the client
// has looked for what to cancel.
func (f *follower) start(ctx context.Context, st *pb.Stage, tasks []string) error {
	whole, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(answerTime, cancel) })()
	_, err := call(whole, f.c, "run stage "+st.GetId(), f.c.rollouts.BatchRunTasks,
		&pb.BatchRunTasksRequest{Parent: st.GetName(), Tasks: tasks})
	e, ok := errors.AsType[*callError](err)
	if !ok {
		return err
	}
	if e.remote && !e.passing() { // the server said no: nothing runs for it
		for _, name := range tasks {
			delete(f.started, name)
		}
	}
	if e.code == connect.CodeFailedPrecondition && f.held(ctx, st) {
		return &stop{code: codeGate, err: err, hint: "the server holds the stage back; run the command again once that is settled"}
	}
	return err
}

// held reports whether a stage waits for something that others can settle: an
// earlier stage, which another may have gone back to, or an approval. Other
// reasons not to run it, such as a database that is gone, are failures.
func (f *follower) held(ctx context.Context, st *pb.Stage) bool {
	if ro, err := f.c.readRollout(ctx, f.out.rollout.GetName()); err == nil {
		for _, earlier := range ro.GetStages() {
			if earlier.GetName() == st.GetName() {
				break
			}
			if slices.ContainsFunc(earlier.GetTasks(), func(t *pb.Task) bool { return !status(t.GetStatus()).Finished() }) {
				return true
			}
		}
	}
	name := strings.TrimSuffix(f.out.rollout.GetName(), "/rollout")
	p, err := call(ctx, f.c, "read "+name, f.c.plans.GetPlan, &pb.GetPlanRequest{Name: name})
	return err == nil && exitCode(waiting(p)) == codeGate
}

// look reads where the tasks of a stage stand, and its place in the outcome.
func (f *follower) look(ctx context.Context, st *pb.Stage) ([]view, error) {
	ro, err := f.c.readRollout(ctx, f.out.rollout.GetName())
	if err != nil {
		return nil, err
	}
	f.out.rollout = ro
	runs, err := call(ctx, f.c, "read the runs of stage "+st.GetId(), f.c.rollouts.ListTaskRuns,
		&pb.ListTaskRunsRequest{Parent: st.GetName() + "/tasks/-"})
	if err != nil {
		return nil, err
	}
	latest := make(map[string]*pb.TaskRun)
	for _, r := range runs.GetTaskRuns() {
		task, n := splitRun(r.GetName())
		if _, m := splitRun(latest[task].GetName()); n > m {
			latest[task] = r
		}
	}
	var views []view
	for _, now := range ro.GetStages() {
		if now.GetName() != st.GetName() {
			continue
		}
		for _, t := range now.GetTasks() {
			views = append(views, viewOf(t, latest[t.GetName()]))
		}
	}
	if len(views) == 0 {
		return nil, failf("stage %s is gone from %s", st.GetId(), ro.GetName())
	}
	f.out.saw(views)
	return views, nil
}

// splitRun cuts the name of a task run into that of its task and its number.
func splitRun(name string) (task string, number int64) {
	task, id, _ := strings.Cut(name, "/taskRuns/")
	number, err := strconv.ParseInt(id, 10, 64)
	if err != nil {
		return task, 0
	}
	return task, number
}

// viewOf puts a task and its latest run together. The run was read later and
// so knows better, unless the task was skipped since.
func viewOf(t *pb.Task, r *pb.TaskRun) view {
	v := view{
		task: t.GetName(), target: t.GetTarget(), status: status(t.GetStatus()), reason: t.GetSkippedReason(),
		run: r.GetName(), detail: r.GetDetail(), done: int(r.GetFilesDone()), total: int(r.GetFilesTotal()),
		waits: r.GetSchedulerInfo().GetWaitingCause().GetParallelTasksLimit(),
	}
	if r != nil && v.status != slipway.Skipped {
		v.status = runStatus(r.GetStatus())
	}
	if !v.status.Active() && r.GetStartTime() != nil && r.GetUpdateTime() != nil {
		v.took = r.GetUpdateTime().AsTime().Sub(r.GetStartTime().AsTime())
	}
	if x := r.GetFailure(); x != nil {
		v.failure = &slipway.Failure{
			Path: x.GetPath(), Version: x.GetVersion(), Line: int(x.GetLine()), Column: int(x.GetColumn()),
			Statement: x.GetStatement(), Message: x.GetMessage(), Code: x.GetCode(),
		}
	}
	return v
}

// status is the task's status as the noun spells it; the words are the same.
func status(s pb.Task_Status) slipway.Status { return slipway.Status(s.String()) }

// runStatus is the run's status; one more word of the API means that a worker
// may take it.
func runStatus(s pb.TaskRun_Status) slipway.Status {
	if s == pb.TaskRun_AVAILABLE {
		return slipway.Pending
	}
	return slipway.Status(s.String())
}

// rows counts the rows that an ended run changed, as its log tells; -1 when it
// can't be read, which is no reason to stop.
func (f *follower) rows(ctx context.Context, v view) int64 {
	if v.done == 0 {
		return -1
	}
	log, err := call(ctx, f.c, "read the log of "+v.run, f.c.rollouts.GetTaskRunLog, &pb.GetTaskRunLogRequest{Parent: v.run})
	if err != nil {
		return -1
	}
	var n int64
	for _, e := range log.GetEntries() {
		response := e.GetCommandExecute().GetResponse()
		if all := response.GetAllAffectedRows(); len(all) > 0 {
			for _, k := range all {
				n += k
			}
			continue
		}
		n += response.GetAffectedRows()
	}
	return n
}

// judge says how a stage ended, with each failure where a person can mend it.
func (f *follower) judge(st *pb.Stage, views []view) error {
	f.voice.draw(nil)
	bad := 0
	for _, v := range views {
		if v.status.Finished() {
			continue
		}
		bad++
		f.tellFailure(v)
	}
	if bad == 0 {
		return nil
	}
	return failf("stage %s: %d of %s did not get the release", st.GetId(), bad, count(len(views), "database"))
}

func (f *follower) tellFailure(v view) {
	what := strings.ToLower(strings.ReplaceAll(string(v.status), "_", " "))
	head := fmt.Sprintf("%s %s: %s", paint(f.voice.errColor, red, "error:"), line(v.target), what)
	switch {
	case v.failure != nil && v.failure.Path != "":
		f.voice.notef("%s at %s", head, place(*v.failure))
		for _, l := range failureLines(*v.failure, f.files[v.failure.Path]) {
			f.voice.notef("  %s", l)
		}
		if v.done > 0 {
			f.voice.notef("  %s before it went in and stay", count(v.done, "file"))
		}
	default:
		f.voice.notef("%s: %s", head, line(cmp.Or(v.detail, "the server did not say why")))
	}
	if v.run != "" {
		f.voice.notef("  log: %s/log", line(v.run))
	}
}

// interrupted cancels what this command started in a stage and waits, within
// bounds, until it has ended. Runs that others started are left alone.
func (f *follower) interrupted(ctx context.Context, st *pb.Stage) error {
	ctx, stopWaiting := context.WithTimeout(context.WithoutCancel(ctx), cancelTime)
	defer stopWaiting()
	asked := make(map[string]bool)
	for wait := firstLook; ; wait = min(wait*3/2, maxLook) {
		views, err := f.look(ctx, st)
		if err != nil {
			return f.uncertain(err)
		}
		active := 0
		for _, v := range views {
			if !v.status.Active() || !f.started[v.task] {
				continue
			}
			active++
			if asked[v.run] {
				continue
			}
			asked[v.run] = true
			f.voice.notef("interrupted: cancelling %s on %s", line(v.run), line(v.target))
			_, err := call(ctx, f.c, "cancel "+v.run, f.c.rollouts.BatchCancelTaskRuns,
				&pb.BatchCancelTaskRunsRequest{Parent: v.task, TaskRuns: []string{v.run}})
			if err != nil {
				f.voice.warnf("%v", err)
			}
		}
		if active == 0 {
			for _, v := range views {
				f.voice.notef("  %s: %s", line(v.target), strings.ToLower(string(v.status)))
			}
			return &stop{code: codeInterrupted, err: errors.New("interrupted; what this command had started has ended")}
		}
		if !pause(ctx, wait) {
			return f.uncertain(ctx.Err())
		}
	}
}

func (f *follower) uncertain(err error) error {
	return &stop{
		code: codeInterrupted,
		err:  fmt.Errorf("interrupted; whether the runs have ended is not known: %w", err),
		hint: "look at " + f.out.rollout.GetName(),
	}
}
