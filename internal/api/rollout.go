package api

import (
	"context"
	"strconv"
	"time"

	"slipway"
	"slipway/internal/pb"
	"slipway/internal/rollout"
)

// rollouts serves RolloutService.
type rollouts struct {
	pb.UnimplementedRolloutServiceHandler
	verbs *rollout.Service
}

func newRollouts(deps Deps) rollouts { return rollouts{verbs: deps.Rollouts} }

func (r rollouts) GetRollout(ctx context.Context, req *pb.GetRolloutRequest) (*pb.Rollout, error) {
	ids, plan, err := numbered("projects/*/plans/*/rollout", req.GetName(), 1)
	if err != nil {
		return nil, err
	}
	got, err := r.verbs.Rollout(ctx, caller(ctx), ids[0], plan)
	return answer(got, err, fromRollout)
}

func (r rollouts) ListRollouts(ctx context.Context, req *pb.ListRolloutsRequest) (*pb.ListRolloutsResponse, error) {
	project, err := projectID(req.GetParent())
	if err != nil {
		return nil, err
	}
	page, err := pageOf(req)
	if err != nil {
		return nil, err
	}
	if err := noFilter(req.GetFilter()); err != nil {
		return nil, err
	}
	list, next, err := r.verbs.Rollouts(ctx, caller(ctx), project, page)
	if err != nil {
		return nil, err
	}
	return &pb.ListRolloutsResponse{Rollouts: each(list, fromRollout), NextPageToken: pageToken(req, next)}, nil
}

func (r rollouts) CreateRollout(ctx context.Context, req *pb.CreateRolloutRequest) (*pb.Rollout, error) {
	ids, plan, err := numbered("projects/*/plans/*", req.GetParent(), 1)
	if err != nil {
		return nil, err
	}
	made, err := r.verbs.CreateRollout(ctx, caller(ctx), ids[0], plan, req.GetTarget())
	return answer(made, err, fromRollout)
}

func (r rollouts) BatchRunTasks(ctx context.Context, req *pb.BatchRunTasksRequest) (*pb.BatchRunTasksResponse, error) {
	tasks, err := tasksOf(req.GetParent(), req.GetTasks())
	if err != nil {
		return nil, err
	}
	var at time.Time
	if req.RunTime != nil {
		if at = req.GetRunTime().AsTime(); !req.GetRunTime().IsValid() || at.Year() < 2000 || at.Year() > 9999 {
			return nil, slipway.Errorf(slipway.Invalid, "run_time: it is not a time that something could run at")
		}
	}
	return &pb.BatchRunTasksResponse{}, r.verbs.RunTasks(ctx, caller(ctx), tasks, at)
}

func (r rollouts) BatchSkipTasks(ctx context.Context, req *pb.BatchSkipTasksRequest) (*pb.BatchSkipTasksResponse, error) {
	tasks, err := tasksOf(req.GetParent(), req.GetTasks())
	if err != nil {
		return nil, err
	}
	return &pb.BatchSkipTasksResponse{}, r.verbs.SkipTasks(ctx, caller(ctx), tasks, req.GetReason())
}

// tasksOf reads the names of a stage and of tasks in it.
func tasksOf(stage string, names []string) (rollout.Tasks, error) {
	ids, plan, err := numbered("projects/*/plans/*/rollout/stages/*", stage, 1)
	if err != nil {
		return rollout.Tasks{}, err
	}
	t := rollout.Tasks{Project: ids[0], Plan: plan, Stage: ids[2]}
	for _, name := range names {
		of, id, err := numbered("projects/*/plans/*/rollout/stages/*/tasks/*", name, 3)
		if err != nil {
			return t, err
		}
		if of[0] != ids[0] || of[1] != ids[1] || of[2] != ids[2] {
			return t, slipway.Errorf(slipway.Invalid, "%q is not a task of %q", name, stage)
		}
		t.IDs = append(t.IDs, id)
	}
	return t, nil
}

// scopeOf reads "projects/*/plans/*/rollout/stages/*/tasks/*", in which "-"
// stands for every stage and every task, followed by what ends says.
func scopeOf(name, ends string) (rollout.Scope, []string, error) {
	ids, plan, err := numbered("projects/*/plans/*/rollout/stages/*/tasks/*"+ends, name, 1)
	if err != nil {
		return rollout.Scope{}, nil, err
	}
	in := rollout.Scope{Project: ids[0], Plan: plan}
	if ids[2] != "-" {
		in.Stage = ids[2]
	}
	if ids[3] != "-" {
		if in.Task, err = strconv.ParseInt(ids[3], 10, 64); err != nil || in.Task <= 0 {
			return in, nil, slipway.Errorf(slipway.NotFound, "%q not found", name)
		}
	}
	return in, ids[4:], nil
}

// runOf reads the name of a task run, followed by nothing.
func runOf(name string) (rollout.Scope, int64, error) {
	in, rest, err := scopeOf(name, "/taskRuns/*")
	if err != nil {
		return in, 0, err
	}
	id, err := strconv.ParseInt(rest[0], 10, 64)
	if err != nil || id <= 0 {
		return in, 0, slipway.Errorf(slipway.NotFound, "%q not found", name)
	}
	return in, id, nil
}

func (r rollouts) BatchCancelTaskRuns(ctx context.Context, req *pb.BatchCancelTaskRunsRequest) (*pb.BatchCancelTaskRunsResponse, error) {
	in, _, err := scopeOf(req.GetParent(), "")
	if err != nil {
		return nil, err
	}
	ids := make([]int64, len(req.GetTaskRuns()))
	for i, name := range req.GetTaskRuns() {
		of, id, err := runOf(name)
		if err != nil {
			return nil, err
		}
		if of.Project != in.Project || of.Plan != in.Plan || in.Stage != "" && of.Stage != in.Stage || in.Task != 0 && of.Task != in.Task {
			return nil, slipway.Errorf(slipway.Invalid, "%q is not in the parent %q", name, req.GetParent())
		}
		ids[i] = id
	}
	return &pb.BatchCancelTaskRunsResponse{}, r.verbs.CancelRuns(ctx, caller(ctx), in, ids)
}

func (r rollouts) ListTaskRuns(ctx context.Context, req *pb.ListTaskRunsRequest) (*pb.ListTaskRunsResponse, error) {
	in, _, err := scopeOf(req.GetParent(), "")
	if err != nil {
		return nil, err
	}
	list, err := r.verbs.TaskRuns(ctx, caller(ctx), in)
	return answer(list, err, func(l []slipway.TaskRun) *pb.ListTaskRunsResponse {
		return &pb.ListTaskRunsResponse{TaskRuns: each(l, fromTaskRun)}
	})
}

func (r rollouts) GetTaskRun(ctx context.Context, req *pb.GetTaskRunRequest) (*pb.TaskRun, error) {
	in, id, err := runOf(req.GetName())
	if err != nil {
		return nil, err
	}
	got, err := r.verbs.TaskRun(ctx, caller(ctx), in, id)
	return answer(got, err, fromTaskRun)
}

func (r rollouts) GetTaskRunLog(ctx context.Context, req *pb.GetTaskRunLogRequest) (*pb.TaskRunLog, error) {
	in, id, err := runOf(req.GetParent())
	if err != nil {
		return nil, err
	}
	list, err := r.verbs.Log(ctx, caller(ctx), in, id)
	return answer(list, err, func(l []slipway.LogEntry) *pb.TaskRunLog {
		return &pb.TaskRunLog{Name: req.GetParent() + "/log", Entries: each(l, fromLogEntry)}
	})
}

func fromRollout(r slipway.Rollout) *pb.Rollout {
	return &pb.Rollout{
		Name: r.Name(), Title: r.Title, CreateTime: instantToPB(r.Created), UpdateTime: instantToPB(r.Updated),
		Stages: each(r.Stages, func(st slipway.Stage) *pb.Stage {
			return &pb.Stage{
				Name: slipway.Task{Project: r.Project, Plan: r.Plan, Environment: st.Environment}.StageName(),
				Id:   st.Environment, Environment: slipway.Environment{ID: st.Environment}.Name(), Tasks: each(st.Tasks, fromTask),
			}
		}),
	}
}

func fromTask(t slipway.Task) *pb.Task {
	w := &pb.Task{
		Name: t.Name(), SpecId: t.SpecID, Status: fromTaskStatus(t.Status), SkippedReason: t.SkippedReason,
		Type: pb.Task_DATABASE_MIGRATE, Target: t.Target.Name(),
		Payload: &pb.Task_DatabaseUpdate_{DatabaseUpdate: &pb.Task_DatabaseUpdate{Source: &pb.Task_DatabaseUpdate_Release{Release: t.Release}}},
	}
	if t.Status != slipway.NotStarted {
		w.UpdateTime = instantToPB(t.Updated)
	}
	return w
}

func fromTaskRun(r slipway.TaskRun) *pb.TaskRun {
	w := &pb.TaskRun{
		Name: r.Name(), Creator: r.Creator, CreateTime: instantToPB(r.Created), UpdateTime: instantToPB(r.Updated),
		Status: pb.TaskRun_Status(pb.TaskRun_Status_value[string(r.Status)]), Detail: r.Detail,
		StartTime: instantToPB(r.Started), RunTime: instantToPB(r.RunTime), FilesDone: int32(r.FilesDone), FilesTotal: int32(r.FilesAll),
	}
	if f := r.Failure; f != nil {
		w.Failure = &pb.TaskRunFailure{
			Path: f.Path, Version: f.Version, Line: int32(f.Line), Column: int32(f.Column),
			Statement: f.Statement, Message: f.Message, Code: f.Code,
		}
	}
	return w
}

func fromLogEntry(e slipway.LogEntry) *pb.TaskRunLogEntry {
	w := &pb.TaskRunLogEntry{LogTime: instantToPB(e.Time), ReplicaId: e.Replica}
	switch {
	case e.File != nil:
		w.Type = pb.TaskRunLogEntry_RELEASE_FILE_EXECUTE
		w.ReleaseFileExecute = &pb.TaskRunLogEntry_ReleaseFileExecute{Version: e.File.Version, FilePath: e.File.Path}
	case e.Statement != nil:
		w.Type = pb.TaskRunLogEntry_COMMAND_EXECUTE
		w.CommandExecute = fromStatement(e.Time, e.Statement)
	case e.Control != nil:
		w.Type = pb.TaskRunLogEntry_TRANSACTION_CONTROL
		w.TransactionControl = &pb.TaskRunLogEntry_TransactionControl{
			Type:  pb.TaskRunLogEntry_TransactionControl_Type(pb.TaskRunLogEntry_TransactionControl_Type_value[e.Control.Type]),
			Error: e.Control.Error,
		}
	case e.Retry != nil:
		w.Type = pb.TaskRunLogEntry_RETRY_INFO
		w.RetryInfo = &pb.TaskRunLogEntry_RetryInfo{Error: e.Retry.Error, RetryCount: int32(e.Retry.Count), MaximumRetries: int32(e.Retry.Maximum)}
	}
	return w
}

func fromStatement(began time.Time, s *slipway.StatementLog) *pb.TaskRunLogEntry_CommandExecute {
	w := &pb.TaskRunLogEntry_CommandExecute{
		LogTime: instantToPB(began), Range: &pb.Range{Start: int32(s.Start), End: int32(s.End)}, Statement: s.Text,
	}
	if !s.Ended.IsZero() {
		w.Response = &pb.TaskRunLogEntry_CommandExecute_CommandResponse{
			LogTime: instantToPB(s.Ended), Error: s.Error, AffectedRows: s.Rows, AllAffectedRows: []int64{s.Rows},
		}
	}
	return w
}
