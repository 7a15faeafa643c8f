package access

import (
	"context"
	"slices"

	"slipway"
	"slipway/internal/iam"
	"slipway/internal/store"
)

// mayBecome refuses who unless it holds, wherever account holds a role, all that
// this role permits; what says what is being done. A key, a changed trust or a
// restored account puts its holder in the account's place. Who manages a
// project's accounts could otherwise use what others have granted these on the
// workspace or in projects of theirs.
func (s *Service) mayBecome(ctx context.Context, r store.Reader, who, account slipway.Principal, what string) error {
	custom, err := r.Roles(ctx)
	if err != nil {
		return err
	}
	groups, err := r.GroupsOf(ctx, account.Member())
	if err != nil {
		return err
	}
	names := []string{account.Member()}
	for _, g := range groups {
		names = append(names, slipway.GroupPrefix+g)
	}
	roles := iam.RolesOf(custom)
	return eachPolicy(ctx, r, func(p store.ResourcePolicy) error {
		for _, b := range p.Bindings {
			if !slices.ContainsFunc(b.Members, func(m string) bool { return slices.Contains(names, m) }) {
				continue
			}
			h := handout{what + " " + account.Member() + ", which holds " + b.Role, slipway.ProjectOf(p.Resource), roles[b.Role], b.Condition}
			if err := s.noMore(ctx, r, who, h); err != nil {
				return err
			}
		}
		return nil
	})
}
