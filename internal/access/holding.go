package access

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"slipway"
	"slipway/internal/iam"
)

// A Holding is a role that somebody holds somewhere.
type Holding struct {
	Resource  string // "projects/shop", or slipway.WorkspaceName
	Role      string // "roles/projectOwner"
	Condition string // "" always holds
}

// Holdings returns the roles that a member ("user:ann@example.com") holds by
// name, the workspace's first, as far as who may read the policies that grant
// them.
func (s *Service) Holdings(ctx context.Context, who slipway.Principal, member string) ([]Holding, error) {
	all, ids, err := s.gate.Projects(ctx, who, iam.ProjectsGetIamPolicy)
	if err != nil {
		return nil, fmt.Errorf("find the projects whose members the caller sees: %w", err)
	}
	workspace, err := s.gate.May(ctx, who, iam.WorkspacesGetIamPolicy, "")
	if err != nil {
		return nil, err
	}
	var held []Holding
	page := slipway.Page{Size: slipway.MaxPageSize}
	for {
		policies, next, err := s.st.Policies(ctx, page)
		if err != nil {
			return nil, err
		}
		for _, p := range policies {
			id := slipway.ProjectOf(p.Resource)
			if id == "" && !workspace || id != "" && !all && !slices.Contains(ids, id) {
				continue
			}
			for _, b := range p.Bindings {
				if slices.Contains(b.Members, member) {
					held = append(held, Holding{Resource: p.Resource, Role: b.Role, Condition: b.Condition})
				}
			}
		}
		if page.After = next; next == "" {
			break
		}
	}
	slices.SortStableFunc(held, func(a, b Holding) int {
		return strings.Compare(slipway.ProjectOf(a.Resource), slipway.ProjectOf(b.Resource))
	})
	return held, nil
}

// Grant adds a member to roles on resource, a project or the workspace, and
// leaves the rest of the policy as it is, whoever else writes it meanwhile.
func (s *Service) Grant(ctx context.Context, who slipway.Principal, resource, member string, roles []string) error {
	const tries = 5 // each lost to somebody else's write
	var err error
	for range tries {
		var p slipway.Policy
		if p, err = s.Policy(ctx, who, resource); err != nil {
			return err
		}
		p.Bindings = slices.Clone(p.Bindings)
		for _, role := range roles {
			p.Bindings = withMember(p.Bindings, role, member)
		}
		if _, err = s.SetPolicy(ctx, who, resource, p); slipway.KindOf(err) != slipway.Conflict {
			return err
		}
	}
	return err
}

// withMember returns bindings with member in an unconditional one of role.
func withMember(bindings []slipway.Binding, role, member string) []slipway.Binding {
	for i, b := range bindings {
		if b.Role != role || b.Condition != "" {
			continue
		}
		if !slices.Contains(b.Members, member) {
			bindings[i].Members = append(slices.Clone(b.Members), member)
		}
		return bindings
	}
	return append(bindings, slipway.Binding{Role: role, Members: []string{member}})
}
