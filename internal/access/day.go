package access

import (
	"context"
	"time"

	"slipway"
	"slipway/internal/store"
)

// An ExchangeDay is how many attempts to exchange tokens a day had.
type ExchangeDay = store.ExchangeDay

// ExchangesPerDay counts the attempts to exchange tokens of n days from since
// on, for those who read the whole audit log.
func (s *Service) ExchangesPerDay(ctx context.Context, who slipway.Principal, since time.Time, n int) ([]ExchangeDay, error) {
	if err := s.seesExchanges(ctx, who, "", "exchanges", "/slipway.v1.ExchangeService/ListExchanges"); err != nil {
		return nil, err
	}
	return s.st.ExchangesPerDay(ctx, since, n)
}
