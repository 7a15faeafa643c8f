package api

import (
	"context"

	"google.golang.org/protobuf/types/known/emptypb"

	"slipway"
	"slipway/internal/access"
	"slipway/internal/pb"
)

// roles serves RoleService.
type roles struct {
	pb.UnimplementedRoleServiceHandler
	access *access.Service
}

// ListRoles lists the predefined roles and the custom ones.
func (h roles) ListRoles(ctx context.Context, _ *pb.ListRolesRequest) (*pb.ListRolesResponse, error) {
	list, err := h.access.Roles(ctx, caller(ctx))
	if err != nil {
		return nil, err
	}
	return &pb.ListRolesResponse{Roles: each(list, roleToPB)}, nil
}

// GetRole returns a role.
func (h roles) GetRole(ctx context.Context, req *pb.GetRoleRequest) (*pb.Role, error) {
	id, err := one("roles/*", req.GetName())
	if err != nil {
		return nil, err
	}
	r, err := h.access.Role(ctx, caller(ctx), id)
	return answer(r, err, roleToPB)
}

// CreateRole makes a custom role.
func (h roles) CreateRole(ctx context.Context, req *pb.CreateRoleRequest) (*pb.Role, error) {
	r, err := h.access.CreateRole(ctx, caller(ctx), slipway.Role{
		ID: req.GetRoleId(), Title: req.GetRole().GetTitle(), Description: req.GetRole().GetDescription(),
		Permissions: req.GetRole().GetPermissions(),
	})
	return answer(r, err, roleToPB)
}

// UpdateRole changes a custom role.
func (h roles) UpdateRole(ctx context.Context, req *pb.UpdateRoleRequest) (*pb.Role, error) {
	if req.GetAllowMissing() {
		return nil, slipway.Errorf(slipway.Unimplemented, "allow_missing is not built for roles: create the role first")
	}
	given := req.GetRole()
	id, err := one("roles/*", given.GetName())
	if err != nil {
		return nil, err
	}
	changes, err := maskOf(req.GetUpdateMask(), given, "title", "description", "permissions")
	if err != nil {
		return nil, err
	}
	var c access.RoleChange
	c.Title = masked(changes, "title", given.GetTitle())
	c.Description = masked(changes, "description", given.GetDescription())
	if changes.has("permissions") {
		// Not nil, so that an empty list is refused rather than left out.
		c.Permissions = append([]string{}, given.GetPermissions()...)
	}
	r, err := h.access.UpdateRole(ctx, caller(ctx), id, c)
	return answer(r, err, roleToPB)
}

// DeleteRole removes a custom role.
func (h roles) DeleteRole(ctx context.Context, req *pb.DeleteRoleRequest) (*emptypb.Empty, error) {
	id, err := one("roles/*", req.GetName())
	if err != nil {
		return nil, err
	}
	return &emptypb.Empty{}, h.access.DeleteRole(ctx, caller(ctx), id)
}

func roleToPB(r slipway.Role) *pb.Role {
	kind := pb.Role_CUSTOM
	if r.BuiltIn {
		kind = pb.Role_BUILT_IN
	}
	return &pb.Role{Name: r.Name(), Title: r.Title, Description: r.Description, Permissions: r.Permissions, Type: kind}
}
