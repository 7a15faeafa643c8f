package api

import (
	"context"

	"google.golang.org/genproto/googleapis/type/expr"

	"slipway"
	"slipway/internal/access"
	"slipway/internal/pb"
)

// workspaces serves WorkspaceService.
type workspaces struct {
	pb.UnimplementedWorkspaceServiceHandler
	access *access.Service
}

// GetWorkspace returns the one workspace.
func (h workspaces) GetWorkspace(_ context.Context, req *pb.GetWorkspaceRequest) (*pb.Workspace, error) {
	if err := theWorkspace(req.GetName()); err != nil {
		return nil, err
	}
	return &pb.Workspace{Name: slipway.WorkspaceName, Title: "Slipway"}, nil
}

// GetIamPolicy returns who holds which roles on the workspace.
func (h workspaces) GetIamPolicy(ctx context.Context, req *pb.GetIamPolicyRequest) (*pb.IamPolicy, error) {
	if err := theWorkspace(req.GetResource()); err != nil {
		return nil, err
	}
	return iamPolicyOf(ctx, h.access, req)
}

// SetIamPolicy replaces the workspace's policy.
func (h workspaces) SetIamPolicy(ctx context.Context, req *pb.SetIamPolicyRequest) (*pb.IamPolicy, error) {
	if err := theWorkspace(req.GetResource()); err != nil {
		return nil, err
	}
	return setIamPolicy(ctx, h.access, req)
}

// iamPolicyOf answers GetIamPolicy of the workspace and of projects.
func iamPolicyOf(ctx context.Context, svc *access.Service, req *pb.GetIamPolicyRequest) (*pb.IamPolicy, error) {
	p, err := svc.Policy(ctx, caller(ctx), req.GetResource())
	return answer(p, err, iamPolicyToPB)
}

// setIamPolicy answers SetIamPolicy of the workspace and of projects.
func setIamPolicy(ctx context.Context, svc *access.Service, req *pb.SetIamPolicyRequest) (*pb.IamPolicy, error) {
	p, err := iamPolicyFromPB(req)
	if err != nil {
		return nil, err
	}
	p, err = svc.SetPolicy(ctx, caller(ctx), req.GetResource(), p)
	return answer(p, err, iamPolicyToPB)
}

// iamPolicyFromPB reads the policy that shall be. The etag stands beside the
// policy or in it.
func iamPolicyFromPB(req *pb.SetIamPolicyRequest) (slipway.Policy, error) {
	if req.GetPolicy() == nil {
		return slipway.Policy{}, slipway.Errorf(slipway.Invalid, "policy: say which bindings there shall be")
	}
	p := slipway.Policy{Etag: req.GetEtag()}
	if inner := req.GetPolicy().GetEtag(); p.Etag == "" {
		p.Etag = inner
	} else if inner != "" && inner != p.Etag {
		return p, slipway.Errorf(slipway.Invalid, "etag: %.40q beside the policy and %.40q in it cannot both be meant", p.Etag, inner)
	}
	for i, b := range req.GetPolicy().GetBindings() {
		c := b.GetCondition()
		if c.GetDescription() != "" || c.GetLocation() != "" {
			return p, slipway.Errorf(slipway.Invalid, "bindings[%d].condition: of a condition the expression and the title are kept, no description or location", i)
		}
		p.Bindings = append(p.Bindings, slipway.Binding{
			Role: b.GetRole(), Members: b.GetMembers(), Condition: c.GetExpression(), Title: c.GetTitle(),
		})
	}
	return p, nil
}

func iamPolicyToPB(p slipway.Policy) *pb.IamPolicy {
	out := &pb.IamPolicy{Etag: p.Etag}
	for _, b := range p.Bindings {
		out.Bindings = append(out.Bindings, &pb.Binding{
			Role: b.Role, Members: b.Members, Condition: &expr.Expr{Expression: b.Condition, Title: b.Title},
		})
	}
	return out
}
