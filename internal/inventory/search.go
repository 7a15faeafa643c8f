package inventory

import (
	"context"
	"fmt"

	"slipway"
	"slipway/internal/iam"
	"slipway/internal/store"
)

// SearchDatabases lists the databases in whose name text occurs, in any case,
// of the projects where the caller may list them.
func (s *Service) SearchDatabases(ctx context.Context, who slipway.Principal, text string, page slipway.Page) ([]slipway.Database, string, error) {
	all, ids, err := s.gate.Projects(ctx, who, iam.DatabasesList)
	if err != nil {
		return nil, "", fmt.Errorf("find the projects whose databases the caller sees: %w", err)
	}
	if all {
		ids = nil
	}
	return s.st.Databases(ctx, store.DatabaseQuery{Only: ids, Search: text}, page)
}
