package access

import (
	"context"
	"strings"

	"slipway"
	"slipway/internal/iam"
	"slipway/internal/store"
)

// A Named is what a member of a binding is called, and whether it is
// deactivated.
type Named = store.Named

// readers are what shows the titles of members, by how these begin.
var readers = map[string]iam.Permission{
	string(slipway.UserKind):             iam.UsersGet,
	string(slipway.ServiceAccountKind):   iam.ServiceAccountsGet,
	string(slipway.WorkloadIdentityKind): iam.WorkloadIdentitiesGet,
	"group":                              iam.GroupsGet,
}

// Names returns what members of bindings are called, by member, as far as who
// may read them on the workspace. It records nothing: whoever sees a member's
// address asks only for the words beside it.
func (s *Service) Names(ctx context.Context, who slipway.Principal, members []string) (map[string]Named, error) {
	held, err := s.Held(ctx, who, "")
	if err != nil {
		return nil, err
	}
	var may []string
	for _, m := range members {
		kind, _, _ := strings.Cut(m, ":")
		if p, ok := readers[kind]; ok && held[p] || m == who.Member() {
			may = append(may, m)
		}
	}
	return s.st.Names(ctx, may)
}
