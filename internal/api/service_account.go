package api

import (
	"context"

	"google.golang.org/protobuf/types/known/emptypb"

	"slipway"
	"slipway/internal/access"
	"slipway/internal/pb"
)

// serviceAccounts serves ServiceAccountService.
type serviceAccounts struct {
	pb.UnimplementedServiceAccountServiceHandler
	access *access.Service
}

// CreateServiceAccount makes a service account and answers its key, this once.
func (h serviceAccounts) CreateServiceAccount(ctx context.Context, req *pb.CreateServiceAccountRequest) (*pb.ServiceAccount, error) {
	project, err := ownerOf(req.GetParent())
	if err != nil {
		return nil, err
	}
	a, key, err := h.access.CreateServiceAccount(ctx, caller(ctx), project, req.GetServiceAccountId(), req.GetServiceAccount().GetTitle())
	if err != nil {
		return nil, err
	}
	neverStore(ctx)
	return serviceAccountToPB(a, key), nil
}

// GetServiceAccount returns a service account, without its key.
func (h serviceAccounts) GetServiceAccount(ctx context.Context, req *pb.GetServiceAccountRequest) (*pb.ServiceAccount, error) {
	email, err := one("serviceAccounts/*", req.GetName())
	if err != nil {
		return nil, err
	}
	a, err := h.access.ServiceAccount(ctx, caller(ctx), email)
	if err != nil {
		return nil, err
	}
	return serviceAccountToPB(a, ""), nil
}

// ListServiceAccounts lists the service accounts of a project, or the
// workspace's own.
func (h serviceAccounts) ListServiceAccounts(ctx context.Context, req *pb.ListServiceAccountsRequest) (*pb.ListServiceAccountsResponse, error) {
	page, q, err := accountsOf(req)
	if err != nil {
		return nil, err
	}
	list, next, err := h.access.ServiceAccounts(ctx, caller(ctx), q, page)
	if err != nil {
		return nil, err
	}
	resp := &pb.ListServiceAccountsResponse{NextPageToken: pageToken(req, next)}
	for _, a := range list {
		resp.ServiceAccounts = append(resp.ServiceAccounts, serviceAccountToPB(a, ""))
	}
	return resp, nil
}

// accountList is a request for accounts of a project or of the workspace.
type accountList interface {
	listRequest
	GetParent() string
	GetShowDeleted() bool
	GetFilter() string
}

func accountsOf(req accountList) (slipway.Page, access.AccountQuery, error) {
	var q access.AccountQuery
	page, err := pageOf(req)
	if err != nil {
		return page, q, err
	}
	if q.Project, err = ownerOf(req.GetParent()); err != nil {
		return page, q, err
	}
	q.WorkspaceOnly, q.ShowDeleted = q.Project == "", req.GetShowDeleted()
	q.Search, err = searchOf(req.GetFilter())
	return page, q, err
}

// ownerOf returns the project that a parent names, or "" for the workspace.
func ownerOf(parent string) (string, error) {
	if id, err := one("projects/*", parent); err == nil {
		return id, nil
	}
	return "", theWorkspace(parent)
}

// theWorkspace reports why name is not the one workspace.
func theWorkspace(name string) error {
	id, err := one("workspaces/*", name)
	if err != nil {
		return slipway.Errorf(slipway.Invalid, "%.200q is neither projects/{project} nor workspaces/-", name)
	}
	if id != "-" && id != slipway.WorkspaceID {
		return slipway.Errorf(slipway.NotFound, "workspace %.100q not found: there is one, %s, and workspaces/- means it too", id, slipway.WorkspaceName)
	}
	return nil
}

// UpdateServiceAccount changes a service account. A service_key in the mask
// asks for a new key.
func (h serviceAccounts) UpdateServiceAccount(ctx context.Context, req *pb.UpdateServiceAccountRequest) (*pb.ServiceAccount, error) {
	email, err := one("serviceAccounts/*", req.GetServiceAccount().GetName())
	if err != nil {
		return nil, err
	}
	changes, err := maskOf(req.GetUpdateMask(), req.GetServiceAccount(), "title", "service_key")
	if err != nil {
		return nil, err
	}
	c := access.ServiceAccountChange{NewKey: changes.has("service_key")}
	c.Title = masked(changes, "title", req.GetServiceAccount().GetTitle())
	a, key, err := h.access.UpdateServiceAccount(ctx, caller(ctx), email, c)
	if err != nil {
		return nil, err
	}
	neverStore(ctx)
	return serviceAccountToPB(a, key), nil
}

// DeleteServiceAccount deactivates a service account.
func (h serviceAccounts) DeleteServiceAccount(ctx context.Context, req *pb.DeleteServiceAccountRequest) (*emptypb.Empty, error) {
	email, err := one("serviceAccounts/*", req.GetName())
	if err != nil {
		return nil, err
	}
	return &emptypb.Empty{}, h.access.DeleteServiceAccount(ctx, caller(ctx), email)
}

// UndeleteServiceAccount lets a service account in again.
func (h serviceAccounts) UndeleteServiceAccount(ctx context.Context, req *pb.UndeleteServiceAccountRequest) (*pb.ServiceAccount, error) {
	email, err := one("serviceAccounts/*", req.GetName())
	if err != nil {
		return nil, err
	}
	a, err := h.access.UndeleteServiceAccount(ctx, caller(ctx), email)
	if err != nil {
		return nil, err
	}
	return serviceAccountToPB(a, ""), nil
}

func serviceAccountToPB(a slipway.ServiceAccount, key slipway.Secret) *pb.ServiceAccount {
	return &pb.ServiceAccount{
		Name: "serviceAccounts/" + a.Email, State: stateOf(a.Deleted), Email: a.Email, Title: a.Title,
		ServiceKey: key.Reveal(), CreateTime: instantToPB(a.Created),
	}
}
