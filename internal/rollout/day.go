package rollout

import (
	"context"
	"fmt"
	"time"

	"slipway"
	"slipway/internal/iam"
)

// PerDay counts the rollouts of n days from since on, in the projects where the
// caller may list them.
func (s *Service) PerDay(ctx context.Context, who slipway.Principal, since time.Time, n int) ([]int, error) {
	all, ids, err := s.gate.Projects(ctx, who, iam.RolloutsList)
	if err != nil {
		return nil, fmt.Errorf("find the projects whose rollouts the caller sees: %w", err)
	}
	if all {
		ids = nil
	}
	return s.st.RolloutsPerDay(ctx, ids, since, n)
}
