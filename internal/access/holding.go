package access

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

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
	return s.GrantUntil(ctx, who, resource, member, roles, time.Time{})
}

// GrantUntil is Grant with an end; the zero time is none.
func (s *Service) GrantUntil(ctx context.Context, who slipway.Principal, resource, member string, roles []string, end time.Time) error {
	condition := ""
	if !end.IsZero() {
		if !end.After(s.now()) {
			return slipway.Errorf(slipway.Invalid, "the grant would end at %s, which is over", end.UTC().Format(time.RFC3339))
		}
		condition = iam.Until(end)
	}
	return s.changePolicy(ctx, who, resource, func(bindings []slipway.Binding) ([]slipway.Binding, error) {
		for _, role := range roles {
			bindings = withMember(bindings, iam.Grant{Role: role, Member: member, Condition: condition})
		}
		return bindings, nil
	})
}

// Revoke takes one grant out of the policy of resource and leaves the rest as it
// is. It is NotFound if nobody holds it any more.
func (s *Service) Revoke(ctx context.Context, who slipway.Principal, resource string, g iam.Grant) error {
	return s.changePolicy(ctx, who, resource, func(bindings []slipway.Binding) ([]slipway.Binding, error) {
		found := false
		for i, b := range bindings {
			if b.Role != g.Role || b.Condition != g.Condition || !slices.Contains(b.Members, g.Member) {
				continue
			}
			found = true
			bindings[i].Members = slices.DeleteFunc(slices.Clone(b.Members), func(m string) bool { return m == g.Member })
		}
		if !found {
			return nil, slipway.Errorf(slipway.NotFound, "%s does not hold %s on %s (any more)", g.Member, g.Role, resource)
		}
		return bindings, nil
	})
}

// changePolicy writes what change makes of the bindings of resource. It may call
// change more than once, and never with bindings that anybody else holds.
func (s *Service) changePolicy(ctx context.Context, who slipway.Principal, resource string, change func([]slipway.Binding) ([]slipway.Binding, error)) error {
	const tries = 5 // each lost to somebody else's write
	var err error
	for range tries {
		var p slipway.Policy
		if p, err = s.Policy(ctx, who, resource); err != nil {
			return err
		}
		if p.Bindings, err = change(slices.Clone(p.Bindings)); err != nil {
			return err
		}
		if _, err = s.SetPolicy(ctx, who, resource, p); slipway.KindOf(err) != slipway.Conflict {
			return err
		}
	}
	return err
}

// withMember returns bindings with g among them.
func withMember(bindings []slipway.Binding, g iam.Grant) []slipway.Binding {
	for i, b := range bindings {
		if b.Role != g.Role || b.Condition != g.Condition {
			continue
		}
		if !slices.Contains(b.Members, g.Member) {
			bindings[i].Members = append(slices.Clone(b.Members), g.Member)
		}
		return bindings
	}
	return append(bindings, slipway.Binding{Role: g.Role, Members: []string{g.Member}, Condition: g.Condition})
}
