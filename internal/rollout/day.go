package rollout

import (
	"context"
	"time"

	"slipway"
)

// PerDay counts the rollouts of n days from since on, in the projects where the
// caller may list them.
func (s *Service) PerDay(ctx context.Context, who slipway.Principal, since time.Time, n int) ([]int, error) {
	only, err := s.listable(ctx, who)
	if err != nil {
		return nil, err
	}
	return s.st.RolloutsPerDay(ctx, only, since, n)
}
