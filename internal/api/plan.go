package api

import (
	"context"
	"strconv"

	"slipway"
	"slipway/internal/pb"
	"slipway/internal/rollout"
)

// plans serves PlanService.
type plans struct {
	pb.UnimplementedPlanServiceHandler
	verbs *rollout.Service
}

func newPlans(deps Deps) plans { return plans{verbs: deps.Rollouts} }

// numbered reads a name by a pattern whose segment at is a number, and returns
// the ids and that number.
func numbered(pattern, name string, at int) ([]string, int64, error) {
	ids, err := slipway.ParseName(pattern, name)
	if err != nil {
		return nil, 0, err
	}
	n, err := strconv.ParseInt(ids[at], 10, 64)
	if err != nil || n <= 0 {
		return nil, 0, slipway.Errorf(slipway.NotFound, "%q not found", name)
	}
	return ids, n, nil
}

func (p plans) GetPlan(ctx context.Context, req *pb.GetPlanRequest) (*pb.Plan, error) {
	ids, id, err := numbered("projects/*/plans/*", req.GetName(), 1)
	if err != nil {
		return nil, err
	}
	got, err := p.verbs.Plan(ctx, caller(ctx), ids[0], id)
	return answer(got, err, fromPlan)
}

func (p plans) ListPlans(ctx context.Context, req *pb.ListPlansRequest) (*pb.ListPlansResponse, error) {
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
	list, next, err := p.verbs.Plans(ctx, caller(ctx), project, page)
	if err != nil {
		return nil, err
	}
	return &pb.ListPlansResponse{Plans: each(list, fromPlan), NextPageToken: pageToken(req, next)}, nil
}

// noFilter refuses a filter where a list has none, rather than ignoring it.
func noFilter(filter string) error {
	if filter != "" {
		return slipway.Errorf(slipway.Invalid, "filter: this list has none; leave it empty")
	}
	return nil
}

func (p plans) CreatePlan(ctx context.Context, req *pb.CreatePlanRequest) (*pb.Plan, error) {
	project, err := projectID(req.GetParent())
	if err != nil {
		return nil, err
	}
	w := req.GetPlan()
	noun := slipway.Plan{Project: project, Title: w.GetTitle(), Description: w.GetDescription()}
	for _, spec := range w.GetSpecs() {
		s, err := toSpec(spec)
		if err != nil {
			return nil, err
		}
		noun.Specs = append(noun.Specs, s)
	}
	made, _, err := p.verbs.CreatePlan(ctx, caller(ctx), noun)
	return answer(made, err, fromPlan)
}

func toSpec(w *pb.Plan_Spec) (slipway.Spec, error) {
	if w.GetCreateDatabaseConfig() != nil {
		return slipway.Spec{}, slipway.Errorf(slipway.Unimplemented, "create_database_config is not built: make the database, then sync its instance")
	}
	c := w.GetChangeDatabaseConfig()
	if c.GetEnablePriorBackup() {
		return slipway.Spec{}, slipway.Errorf(slipway.Unimplemented, "enable_prior_backup is not built")
	}
	return slipway.Spec{ID: w.GetId(), Targets: c.GetTargets(), Release: c.GetRelease(), Sheet: c.GetSheet()}, nil
}

func fromPlan(p rollout.Planned) *pb.Plan {
	return &pb.Plan{
		Name: p.Name(), State: pb.State_ACTIVE, Title: p.Title, Description: p.Description, Creator: p.Creator,
		CreateTime: instantToPB(p.Created), UpdateTime: instantToPB(p.Updated), HasRollout: p.HasRollout,
		Specs: each(p.Specs, func(s slipway.Spec) *pb.Plan_Spec {
			return &pb.Plan_Spec{Id: s.ID, Config: &pb.Plan_Spec_ChangeDatabaseConfig{
				ChangeDatabaseConfig: &pb.Plan_ChangeDatabaseConfig{Targets: s.Targets, Release: s.Release, Sheet: s.Sheet},
			}}
		}),
		RolloutStageSummaries: each(p.Stages, func(st slipway.Stage) *pb.Plan_RolloutStageSummary { return summary(p.Plan, st) }),
	}
}

// summary counts the tasks of a stage by status, in the statuses' order.
func summary(p slipway.Plan, st slipway.Stage) *pb.Plan_RolloutStageSummary {
	counts := map[pb.Task_Status]int32{}
	for _, t := range st.Tasks {
		counts[fromTaskStatus(t.Status)]++
	}
	w := &pb.Plan_RolloutStageSummary{Stage: slipway.Task{Project: p.Project, Plan: p.ID, Environment: st.Environment}.StageName()}
	for s := pb.Task_NOT_STARTED; s <= pb.Task_SKIPPED; s++ {
		if counts[s] > 0 {
			w.TaskStatusCounts = append(w.TaskStatusCounts, &pb.Plan_TaskStatusCount{Status: s, Count: counts[s]})
		}
	}
	return w
}

func fromTaskStatus(s slipway.Status) pb.Task_Status {
	return pb.Task_Status(pb.Task_Status_value[string(s)])
}
