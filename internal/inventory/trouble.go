package inventory

import (
	"context"

	"slipway"
	"slipway/internal/gate"
	"slipway/internal/iam"
	"slipway/internal/store"
)

// A Trouble is an instance that did not answer when it was last asked, or some
// of whose databases could not be read.
type Trouble = store.Trouble

// Troubles lists the instances in trouble, most at most. It asks none of them:
// it tells what the last syncs found.
func (s *Service) Troubles(ctx context.Context, who slipway.Principal, most int) ([]Trouble, error) {
	err := s.gate.Can(ctx, gate.Act{
		Who: who, Permission: iam.InstancesList, Resource: slipway.WorkspaceName, Method: instanceRPC + "ListInstances",
	})
	if err != nil {
		return nil, err
	}
	return s.st.Troubles(ctx, most)
}
