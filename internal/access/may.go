package access

import (
	"context"

	"slipway"
	"slipway/internal/gate"
	"slipway/internal/iam"
)

// Held returns every permission that who holds on project, "" being the
// workspace. It records nothing: it is for choosing what to offer, never for
// deciding what to do.
func (s *Service) Held(ctx context.Context, who slipway.Principal, project string) (iam.Set, error) {
	g, err := gate.Grants(ctx, s.st.Reader, who, project)
	if err != nil {
		return nil, err
	}
	return g.Held(who, s.now()), nil
}

// A Sight is a page of a face that somebody wants to see.
type Sight struct {
	Permission iam.Permission
	Project    string // id whose grants count too; "" is the workspace's alone
	Page       string // "GET /users/new": what the audit log shows of a refusal
}

// See refuses who, on record, unless it holds the permission. It is for pages
// that no verb stands behind, such as an empty form.
func (s *Service) See(ctx context.Context, who slipway.Principal, in Sight) error {
	return s.gate.Can(ctx, gate.Act{
		Who: who, Permission: in.Permission, Resource: parentName(in.Project), Project: in.Project, Method: in.Page,
	})
}
