package rollout

import (
	"context"
	"fmt"

	"slipway"
	"slipway/internal/iam"
	"slipway/internal/store"
)

// Search lists the rollouts in whose title text occurs, in any case, or whose
// plan has it for a number, of the projects where the caller may list them.
func (s *Service) Search(ctx context.Context, who slipway.Principal, text string, page slipway.Page) ([]Summary, string, error) {
	only, err := s.listable(ctx, who)
	if err != nil {
		return nil, "", err
	}
	return s.st.RolloutSummaries(ctx, store.RolloutQuery{Only: only, Search: text}, page)
}

// listable returns the ids of the projects whose rollouts who may list; nil is
// all, empty is none.
func (s *Service) listable(ctx context.Context, who slipway.Principal) ([]string, error) {
	all, ids, err := s.gate.Projects(ctx, who, iam.RolloutsList)
	if err != nil {
		return nil, fmt.Errorf("find the projects whose rollouts the caller sees: %w", err)
	}
	if all {
		return nil, nil
	}
	return ids, nil
}
