package api

import (
	"context"
	"slices"

	"google.golang.org/protobuf/types/known/emptypb"

	"slipway"
	"slipway/internal/access"
	"slipway/internal/inventory"
	"slipway/internal/pb"
)

// project serves ProjectService.
type project struct {
	pb.UnimplementedProjectServiceHandler
	inventory *inventory.Service
	access    *access.Service
}

func newProject(deps Deps) project {
	return project{inventory: deps.Inventory, access: deps.Access}
}

// projectID reads "projects/*"; with "-" for it where any is allowed.
func projectID(name string) (string, error) {
	ids, err := slipway.ParseName("projects/*", name)
	if err != nil {
		return "", err
	}
	return ids[0], nil
}

func (p project) GetProject(ctx context.Context, req *pb.GetProjectRequest) (*pb.Project, error) {
	id, err := projectID(req.GetName())
	if err != nil {
		return nil, err
	}
	got, err := p.inventory.Project(ctx, caller(ctx), id)
	return answer(got, err, fromProject)
}

func (p project) ListProjects(ctx context.Context, req *pb.ListProjectsRequest) (*pb.ListProjectsResponse, error) {
	page, filter, keep, err := projectList(req, req.GetFilter(), req.GetOrderBy(), req.GetShowDeleted())
	if err != nil {
		return nil, err
	}
	list, next, err := p.inventory.Projects(ctx, caller(ctx), filter, page)
	if err != nil {
		return nil, err
	}
	return &pb.ListProjectsResponse{Projects: each(keep(list), fromProject), NextPageToken: pageToken(req, next)}, nil
}

func (p project) SearchProjects(ctx context.Context, req *pb.SearchProjectsRequest) (*pb.SearchProjectsResponse, error) {
	page, filter, keep, err := projectList(req, req.GetFilter(), req.GetOrderBy(), req.GetShowDeleted())
	if err != nil {
		return nil, err
	}
	list, next, err := p.inventory.SearchProjects(ctx, caller(ctx), filter, page)
	if err != nil {
		return nil, err
	}
	return &pb.SearchProjectsResponse{Projects: each(keep(list), fromProject), NextPageToken: pageToken(req, next)}, nil
}

// projectList reads what ListProjects and SearchProjects have in common. What
// the query cannot say, keep does: a page may then hold less than its size.
func projectList(req listRequest, filter, order string, deleted bool) (page slipway.Page, f inventory.ProjectFilter, keep func([]slipway.Project) []slipway.Project, err error) {
	f.ShowDeleted = deleted
	if page, err = pageOf(req); err != nil {
		return page, f, nil, err
	}
	if err := noOrder(order); err != nil {
		return page, f, nil, err
	}
	terms, err := parseFilter(filter, map[string]filterField{"name": textField(matches, contains), "title": textField(matches, contains), "state": textField(equals)})
	without := map[bool]bool{} // leaves out what is deleted, or what is not
	for _, t := range terms {
		switch {
		case t.field == "state" && t.text == pb.State_DELETED.String():
			f.ShowDeleted, without[false] = true, true
		case t.field == "state" && t.text == pb.State_ACTIVE.String():
			without[true] = true
		case t.field == "state":
			return page, f, nil, slipway.Errorf(slipway.Invalid, "filter: state is \"ACTIVE\" or \"DELETED\", not %.40q", t.text)
		case f.Search != "":
			return page, f, nil, slipway.Errorf(slipway.Invalid, "filter: give one text to search for; it is looked for in the name and in the title")
		default:
			f.Search = t.text
		}
	}
	keep = func(list []slipway.Project) []slipway.Project {
		return slices.DeleteFunc(list, func(p slipway.Project) bool { return without[p.Deleted] })
	}
	return page, f, keep, err
}

// projectFields are those that a new project may set. The rest stand for checks
// that an administrator would rely on, so setting one is refused rather than
// ignored.
var projectFields = []string{"name", "state", "title", "labels", "parallel_tasks_per_rollout", "execution_retry_policy", "out_of_order", "max_failures_per_stage"}

func (p project) CreateProject(ctx context.Context, req *pb.CreateProjectRequest) (*pb.Project, error) {
	w := req.GetProject()
	if field := setBeyond(w.ProtoReflect(), projectFields); field != "" {
		return nil, slipway.Errorf(slipway.Unimplemented, "project: %s is not built; leave it out", field)
	}
	if w.GetExecutionRetryPolicy().GetMaximumRetries() != 0 {
		return nil, slipway.Errorf(slipway.Unimplemented, "project: execution_retry_policy is not built: what loses against other transactions is tried again anyway, and nothing else is")
	}
	order, err := toOutOfOrder(w.GetOutOfOrder())
	if err != nil {
		return nil, err
	}
	made, err := p.inventory.CreateProject(ctx, caller(ctx), slipway.Project{
		ID: req.GetProjectId(), Title: w.GetTitle(), Labels: w.GetLabels(), ParallelTasks: int(w.GetParallelTasksPerRollout()),
		MaxFailures: int(w.GetMaxFailuresPerStage()), OutOfOrder: order,
	})
	return answer(made, err, fromProject)
}

func (p project) UpdateProject(ctx context.Context, req *pb.UpdateProjectRequest) (*pb.Project, error) {
	w := req.GetProject()
	id, err := projectID(w.GetName())
	if err != nil {
		return nil, err
	}
	m, err := maskOf(req.GetUpdateMask(), w, "title", "labels", "parallel_tasks_per_rollout", "out_of_order", "max_failures_per_stage")
	if err != nil {
		return nil, err
	}
	order, err := toOutOfOrder(w.GetOutOfOrder())
	if err != nil {
		return nil, err
	}
	parallel := int(w.GetParallelTasksPerRollout())
	got, err := p.inventory.UpdateProject(ctx, caller(ctx), id, inventory.ProjectPatch{
		Title: masked(m, "title", w.GetTitle()), Labels: masked(m, "labels", w.GetLabels()),
		ParallelTasks: masked(m, "parallel_tasks_per_rollout", parallel),
		MaxFailures:   masked(m, "max_failures_per_stage", int(w.GetMaxFailuresPerStage())),
		OutOfOrder:    masked(m, "out_of_order", order),
	})
	return answer(got, err, fromProject)
}

func (p project) DeleteProject(ctx context.Context, req *pb.DeleteProjectRequest) (*emptypb.Empty, error) {
	id, err := projectID(req.GetName())
	if err != nil {
		return nil, err
	}
	if req.GetPurge() {
		return nil, slipway.Errorf(slipway.Unimplemented, "purge: a deleted project is kept here with what was done in it; delete it without purge")
	}
	return &emptypb.Empty{}, p.inventory.DeleteProject(ctx, caller(ctx), id)
}

func (p project) UndeleteProject(ctx context.Context, req *pb.UndeleteProjectRequest) (*pb.Project, error) {
	id, err := projectID(req.GetName())
	if err != nil {
		return nil, err
	}
	got, err := p.inventory.UndeleteProject(ctx, caller(ctx), id)
	return answer(got, err, fromProject)
}

func (p project) GetIamPolicy(ctx context.Context, req *pb.GetIamPolicyRequest) (*pb.IamPolicy, error) {
	if _, err := projectID(req.GetResource()); err != nil {
		return nil, err
	}
	return iamPolicyOf(ctx, p.access, req)
}

func (p project) SetIamPolicy(ctx context.Context, req *pb.SetIamPolicyRequest) (*pb.IamPolicy, error) {
	if _, err := projectID(req.GetResource()); err != nil {
		return nil, err
	}
	return setIamPolicy(ctx, p.access, req)
}

func fromProject(p slipway.Project) *pb.Project {
	return &pb.Project{
		Name: p.Name(), State: stateOf(p.Deleted), Title: p.Title, Labels: p.Labels,
		ParallelTasksPerRollout: int32(p.ParallelTasks),
		ExecutionRetryPolicy:    &pb.Project_ExecutionRetryPolicy{},
		OutOfOrder:              pb.Project_OutOfOrder(pb.Project_OutOfOrder_value[string(p.OrderPolicy())]),
		MaxFailuresPerStage:     int32(p.MaxFailures),
	}
}

// toOutOfOrder reads a policy; what is not specified is the default.
func toOutOfOrder(o pb.Project_OutOfOrder) (slipway.OutOfOrder, error) {
	if o == pb.Project_OUT_OF_ORDER_UNSPECIFIED {
		return "", nil
	}
	name, known := pb.Project_OutOfOrder_name[int32(o)]
	if !known {
		return "", slipway.Errorf(slipway.Invalid, "project: out_of_order %d is not one of ERROR, WARN and ALLOW", o)
	}
	return slipway.OutOfOrder(name), nil
}

// answer turns what a verb returned into what a method answers.
func answer[N, W any](noun N, err error, wire func(N) *W) (*W, error) {
	if err != nil {
		return nil, err
	}
	return wire(noun), nil
}

// each turns a list of nouns into a list of messages.
func each[N, W any](list []N, wire func(N) W) []W {
	out := make([]W, len(list))
	for i, n := range list {
		out[i] = wire(n)
	}
	return out
}

// masked returns the value that an update gives path, nil if it leaves it.
func masked[T any](m mask, path string, value T) *T {
	if !m.has(path) {
		return nil
	}
	return &value
}

// noOrder refuses an order other than the list's own, rather than ignoring it.
func noOrder(order string) error {
	if order != "" {
		return slipway.Errorf(slipway.Invalid, "order_by: this list has one order; leave it empty")
	}
	return nil
}
