package release

import (
	"context"
	"fmt"

	"slipway"
	"slipway/internal/iam"
	"slipway/internal/store"
)

// A Ref is as much of a release as a search shows.
type Ref = store.ReleaseRef

// Search returns the newest releases in whose id or category text occurs, in
// any case, of the projects where the caller may list them; most at most.
func (s *Service) Search(ctx context.Context, who slipway.Principal, text string, most int) ([]Ref, error) {
	all, ids, err := s.gate.Projects(ctx, who, iam.ReleasesList)
	if err != nil {
		return nil, fmt.Errorf("find the projects whose releases the caller sees: %w", err)
	}
	if all {
		ids = nil
	}
	return s.st.FindReleases(ctx, ids, text, most)
}
