package api

import (
	"context"
	"strings"

	"google.golang.org/protobuf/types/known/emptypb"

	"slipway"
	"slipway/internal/access"
	"slipway/internal/pb"
)

// groups serves GroupService.
type groups struct {
	pb.UnimplementedGroupServiceHandler
	access *access.Service
}

// GetGroup returns a group.
func (h groups) GetGroup(ctx context.Context, req *pb.GetGroupRequest) (*pb.Group, error) {
	email, err := one("groups/*", req.GetName())
	if err != nil {
		return nil, err
	}
	g, err := h.access.Group(ctx, caller(ctx), email)
	return answer(g, err, groupToPB)
}

// ListGroups lists groups.
func (h groups) ListGroups(ctx context.Context, req *pb.ListGroupsRequest) (*pb.ListGroupsResponse, error) {
	page, err := pageOf(req)
	if err != nil {
		return nil, err
	}
	search, err := searchOf(req.GetFilter())
	if err != nil {
		return nil, err
	}
	list, next, err := h.access.Groups(ctx, caller(ctx), access.GroupQuery{Search: search}, page)
	if err != nil {
		return nil, err
	}
	return &pb.ListGroupsResponse{Groups: each(list, groupToPB), NextPageToken: pageToken(req, next)}, nil
}

// CreateGroup makes a group.
func (h groups) CreateGroup(ctx context.Context, req *pb.CreateGroupRequest) (*pb.Group, error) {
	given := req.GetGroup()
	email := req.GetGroupEmail()
	if email == "" {
		email = given.GetEmail()
	}
	members, err := groupMembers(given.GetMembers())
	if err != nil {
		return nil, err
	}
	g, err := h.access.CreateGroup(ctx, caller(ctx), slipway.Group{
		Email: email, Title: given.GetTitle(), Description: given.GetDescription(), Members: members,
	})
	return answer(g, err, groupToPB)
}

// UpdateGroup changes a group.
func (h groups) UpdateGroup(ctx context.Context, req *pb.UpdateGroupRequest) (*pb.Group, error) {
	if req.GetAllowMissing() {
		return nil, slipway.Errorf(slipway.Unimplemented, "allow_missing is not built for groups: create the group first")
	}
	given := req.GetGroup()
	email, err := one("groups/*", given.GetName())
	if err != nil {
		return nil, err
	}
	changes, err := maskOf(req.GetUpdateMask(), given, "title", "description", "members")
	if err != nil {
		return nil, err
	}
	var c access.GroupChange
	c.Title = masked(changes, "title", given.GetTitle())
	c.Description = masked(changes, "description", given.GetDescription())
	if changes.has("members") {
		members, err := groupMembers(given.GetMembers())
		if err != nil {
			return nil, err
		}
		c.Members = func([]slipway.GroupMember) ([]slipway.GroupMember, error) { return members, nil }
	}
	g, err := h.access.UpdateGroup(ctx, caller(ctx), email, c)
	return answer(g, err, groupToPB)
}

// DeleteGroup removes a group.
func (h groups) DeleteGroup(ctx context.Context, req *pb.DeleteGroupRequest) (*emptypb.Empty, error) {
	email, err := one("groups/*", req.GetName())
	if err != nil {
		return nil, err
	}
	return &emptypb.Empty{}, h.access.DeleteGroup(ctx, caller(ctx), email)
}

// accountNames are how resource names of callers begin, by their prefix in IAM
// bindings. Members of groups may be written in either way.
var accountNames = map[slipway.PrincipalKind]string{
	slipway.UserKind:             "users/",
	slipway.ServiceAccountKind:   "serviceAccounts/",
	slipway.WorkloadIdentityKind: "workloadIdentities/",
}

// groupMembers reads members; a role that is left out is MEMBER.
func groupMembers(list []*pb.GroupMember) ([]slipway.GroupMember, error) {
	var members []slipway.GroupMember
	for _, m := range list {
		member := slipway.GroupMember{Member: m.GetMember(), Role: slipway.GroupMemberOnly}
		for kind, prefix := range accountNames {
			if email, ok := strings.CutPrefix(member.Member, prefix); ok {
				member.Member = string(kind) + ":" + email
			}
		}
		switch m.GetRole() {
		case pb.GroupMember_OWNER:
			member.Role = slipway.GroupOwner
		case pb.GroupMember_MEMBER, pb.GroupMember_ROLE_UNSPECIFIED:
		default:
			return nil, slipway.Errorf(slipway.Invalid, "role %d of %q: it is OWNER or MEMBER", m.GetRole(), m.GetMember())
		}
		members = append(members, member)
	}
	return members, nil
}

func groupToPB(g slipway.Group) *pb.Group {
	out := &pb.Group{Name: g.Name(), Title: g.Title, Description: g.Description, Email: g.Email}
	for _, m := range g.Members {
		kind, email, _ := strings.Cut(m.Member, ":")
		role := pb.GroupMember_MEMBER
		if m.Role == slipway.GroupOwner {
			role = pb.GroupMember_OWNER
		}
		out.Members = append(out.Members, &pb.GroupMember{Member: accountNames[slipway.PrincipalKind(kind)] + email, Role: role})
	}
	return out
}
