package api

import (
	"context"
	"time"

	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"slipway"
	"slipway/internal/access"
	"slipway/internal/pb"
)

// users serves UserService.
type users struct {
	pb.UnimplementedUserServiceHandler
	access *access.Service
}

// GetUser returns a person.
func (h users) GetUser(ctx context.Context, req *pb.GetUserRequest) (*pb.User, error) {
	if req.GetName() == "users/me" {
		return h.GetCurrentUser(ctx, &emptypb.Empty{})
	}
	email, err := one("users/*", req.GetName())
	if err != nil {
		return nil, err
	}
	u, err := h.access.User(ctx, caller(ctx), email)
	return answer(u, err, userToPB)
}

// GetCurrentUser tells a person, a service account or a workload identity who
// it is.
func (h users) GetCurrentUser(ctx context.Context, _ *emptypb.Empty) (*pb.User, error) {
	u, err := h.access.Self(ctx, caller(ctx))
	if err != nil {
		return nil, err
	}
	groups, err := h.access.Memberships(ctx, caller(ctx))
	if err != nil {
		return nil, err
	}
	me := userToPB(u)
	me.Groups = each(groups, func(email string) string { return slipway.Group{Email: email}.Name() })
	return me, nil
}

// ListUsers lists people.
func (h users) ListUsers(ctx context.Context, req *pb.ListUsersRequest) (*pb.ListUsersResponse, error) {
	page, err := pageOf(req)
	if err != nil {
		return nil, err
	}
	search, err := searchOf(req.GetFilter())
	if err != nil {
		return nil, err
	}
	list, next, err := h.access.Users(ctx, caller(ctx), access.UserQuery{Search: search, ShowDeleted: req.GetShowDeleted()}, page)
	if err != nil {
		return nil, err
	}
	return &pb.ListUsersResponse{Users: each(list, userToPB), NextPageToken: pageToken(req, next)}, nil
}

// searchOf reads the filter of a list of accounts: a part of the name, the
// address or the title.
func searchOf(filter string) (string, error) {
	part := textField(matches, contains)
	terms, err := parseFilter(filter, map[string]filterField{"name": part, "email": part, "title": part})
	if err != nil || len(terms) == 0 {
		return "", err
	}
	for _, t := range terms[1:] {
		if t.text != terms[0].text {
			return "", slipway.Errorf(slipway.Invalid, "filter: one text at a time is looked for, in the name, the address and the title together")
		}
	}
	return terms[0].text, nil
}

// CreateUser makes a person.
func (h users) CreateUser(ctx context.Context, req *pb.CreateUserRequest) (*pb.User, error) {
	u, err := h.access.CreateUser(ctx, caller(ctx), access.NewUser{
		Email: req.GetUser().GetEmail(), Title: req.GetUser().GetTitle(), Phone: req.GetUser().GetPhone(),
		Password: slipway.Secret(req.GetUser().GetPassword()),
	})
	return answer(u, err, userToPB)
}

// UpdateUser changes a person.
func (h users) UpdateUser(ctx context.Context, req *pb.UpdateUserRequest) (*pb.User, error) {
	if req.OtpCode != nil || req.GetRegenerateTempMfaSecret() || req.GetRegenerateRecoveryCodes() {
		return nil, slipway.Errorf(slipway.Unimplemented, "one-time codes are not built yet")
	}
	if req.GetAllowMissing() {
		return nil, slipway.Errorf(slipway.Unimplemented, "allow_missing is not built for users: create the person first")
	}
	email, err := one("users/*", req.GetUser().GetName())
	if err != nil {
		return nil, err
	}
	changes, err := maskOf(req.GetUpdateMask(), req.GetUser(), "title", "phone", "password")
	if err != nil {
		return nil, err
	}
	var c access.UserChange
	c.Title = masked(changes, "title", req.GetUser().GetTitle())
	c.Phone = masked(changes, "phone", req.GetUser().GetPhone())
	c.Password = masked(changes, "password", slipway.Secret(req.GetUser().GetPassword()))
	u, err := h.access.UpdateUser(ctx, caller(ctx), email, c)
	return answer(u, err, userToPB)
}

// DeleteUser deactivates a person.
func (h users) DeleteUser(ctx context.Context, req *pb.DeleteUserRequest) (*emptypb.Empty, error) {
	email, err := one("users/*", req.GetName())
	if err != nil {
		return nil, err
	}
	return &emptypb.Empty{}, h.access.DeleteUser(ctx, caller(ctx), email)
}

// UndeleteUser lets a person in again.
func (h users) UndeleteUser(ctx context.Context, req *pb.UndeleteUserRequest) (*pb.User, error) {
	email, err := one("users/*", req.GetName())
	if err != nil {
		return nil, err
	}
	u, err := h.access.UndeleteUser(ctx, caller(ctx), email)
	return answer(u, err, userToPB)
}

func userToPB(u slipway.User) *pb.User {
	return &pb.User{
		Name: "users/" + u.Email, State: stateOf(u.Deleted), Email: u.Email, Title: u.Title, Phone: u.Phone,
		Profile: &pb.User_Profile{
			LastLoginTime:          instantToPB(u.LastLogin),
			LastChangePasswordTime: instantToPB(u.PasswordChanged),
		},
		Workspace: slipway.WorkspaceName,
	}
}

// one returns the one id in a resource name of the given form.
func one(pattern, name string) (string, error) {
	ids, err := slipway.ParseName(pattern, name)
	if err != nil {
		return "", err
	}
	return ids[0], nil
}

func stateOf(deleted bool) pb.State {
	if deleted {
		return pb.State_DELETED
	}
	return pb.State_ACTIVE
}

// instantToPB returns t, or nothing for a time that never was.
func instantToPB(t time.Time) *timestamppb.Timestamp {
	if t.IsZero() {
		return nil
	}
	return timestamppb.New(t)
}
