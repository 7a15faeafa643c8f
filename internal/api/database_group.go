package api

import (
	"context"

	"google.golang.org/genproto/googleapis/type/expr"
	"google.golang.org/protobuf/types/known/emptypb"

	"slipway"
	"slipway/internal/inventory"
	"slipway/internal/pb"
)

// databaseGroups serves DatabaseGroupService.
type databaseGroups struct {
	pb.UnimplementedDatabaseGroupServiceHandler
	inventory *inventory.Service
}

func (h databaseGroups) ListDatabaseGroups(ctx context.Context, req *pb.ListDatabaseGroupsRequest) (*pb.ListDatabaseGroupsResponse, error) {
	project, err := projectID(req.GetParent())
	if err != nil {
		return nil, err
	}
	list, err := h.inventory.DatabaseGroups(ctx, caller(ctx), project)
	if err != nil {
		return nil, err
	}
	return &pb.ListDatabaseGroupsResponse{DatabaseGroups: each(list, databaseGroupIn(req.GetView()))}, nil
}

func (h databaseGroups) GetDatabaseGroup(ctx context.Context, req *pb.GetDatabaseGroupRequest) (*pb.DatabaseGroup, error) {
	ids, err := slipway.ParseName("projects/*/databaseGroups/*", req.GetName())
	if err != nil {
		return nil, err
	}
	g, err := h.inventory.Grouping(ctx, caller(ctx), ids[0], ids[1])
	return answer(g, err, databaseGroupIn(req.GetView()))
}

func (h databaseGroups) CreateDatabaseGroup(ctx context.Context, req *pb.CreateDatabaseGroupRequest) (*pb.DatabaseGroup, error) {
	project, err := projectID(req.GetParent())
	if err != nil {
		return nil, err
	}
	condition, err := databaseExpr(req.GetDatabaseGroup())
	if err != nil {
		return nil, err
	}
	g, err := h.inventory.CreateDatabaseGroup(ctx, caller(ctx), slipway.DatabaseGroup{
		Project: project, ID: req.GetDatabaseGroupId(), Title: req.GetDatabaseGroup().GetTitle(), Expr: condition,
	}, req.GetValidateOnly())
	return answer(g, err, databaseGroupIn(pb.DatabaseGroupView_DATABASE_GROUP_VIEW_FULL))
}

func (h databaseGroups) UpdateDatabaseGroup(ctx context.Context, req *pb.UpdateDatabaseGroupRequest) (*pb.DatabaseGroup, error) {
	if req.GetAllowMissing() {
		return nil, slipway.Errorf(slipway.Unimplemented, "allow_missing is not built for database groups: create the group first")
	}
	given := req.GetDatabaseGroup()
	ids, err := slipway.ParseName("projects/*/databaseGroups/*", given.GetName())
	if err != nil {
		return nil, err
	}
	m, err := maskOf(req.GetUpdateMask(), given, "title", "database_expr")
	if err != nil {
		return nil, err
	}
	condition, err := databaseExpr(given)
	if err != nil {
		return nil, err
	}
	g, err := h.inventory.UpdateDatabaseGroup(ctx, caller(ctx), ids[0], ids[1], inventory.DatabaseGroupPatch{
		Title: masked(m, "title", given.GetTitle()), Expr: masked(m, "database_expr", condition),
	})
	return answer(g, err, databaseGroupIn(pb.DatabaseGroupView_DATABASE_GROUP_VIEW_FULL))
}

func (h databaseGroups) DeleteDatabaseGroup(ctx context.Context, req *pb.DeleteDatabaseGroupRequest) (*emptypb.Empty, error) {
	ids, err := slipway.ParseName("projects/*/databaseGroups/*", req.GetName())
	if err != nil {
		return nil, err
	}
	return &emptypb.Empty{}, h.inventory.DeleteDatabaseGroup(ctx, caller(ctx), ids[0], ids[1])
}

// databaseExpr returns the text of a group's condition. The other fields of an
// expression are words that would be lost.
func databaseExpr(w *pb.DatabaseGroup) (string, error) {
	e := w.GetDatabaseExpr()
	if field := setBeyond(e.ProtoReflect(), []string{"expression"}); field != "" {
		return "", slipway.Errorf(slipway.Unimplemented, "database_expr: %s is not kept; leave it out", field)
	}
	return e.GetExpression(), nil
}

// databaseGroupIn returns what spells out groups in a view. Without one it is
// BASIC, which leaves the databases out.
func databaseGroupIn(view pb.DatabaseGroupView) func(inventory.Grouping) *pb.DatabaseGroup {
	return func(g inventory.Grouping) *pb.DatabaseGroup {
		w := &pb.DatabaseGroup{Name: g.Name(), Title: g.Title, DatabaseExpr: &expr.Expr{Expression: g.Expr}}
		if view == pb.DatabaseGroupView_DATABASE_GROUP_VIEW_FULL {
			w.MatchedDatabases = each(g.Matched, func(d inventory.Match) *pb.DatabaseGroup_Database {
				return &pb.DatabaseGroup_Database{Name: d.Name()}
			})
		}
		return w
	}
}
