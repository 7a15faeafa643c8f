package access

import (
	"context"
	"errors"
	"fmt"
	"time"

	"slipway/internal/store"
)

// How the purge goes about it: it looks once in an hour, and removes so many
// rows in a transaction that others hardly notice.
const (
	purgeEvery = time.Hour
	purgeRows  = 1000
)

// Run removes, from time to time, what Purge does. It returns when ctx ends.
func (s *Service) Run(ctx context.Context) error {
	tick := time.NewTicker(purgeEvery)
	defer tick.Stop()
	for {
		if err := s.Purge(ctx); err != nil && ctx.Err() == nil {
			s.lg.WarnContext(ctx, "forget old sessions and strangers", "err", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// Purge removes what strangers could make the store grow with: sessions that are
// over, and what is on record of refused exchanges and failed sign-ins, as far
// as it is old or beyond a number. What anybody did whom the server knew stays.
func (s *Service) Purge(ctx context.Context) error {
	now := s.instant()
	keep := store.Keep{Since: now.Add(-s.cfg.StrangersFor), Newest: s.cfg.StrangersMost, Most: purgeRows}
	var errs []error
	for what, purge := range map[string]func(tx *store.Tx) (int64, error){
		"sessions": func(tx *store.Tx) (int64, error) {
			return tx.PurgeSessions(ctx, now, now.Add(-s.cfg.SessionIdle), purgeRows)
		},
		"refused exchanges":        func(tx *store.Tx) (int64, error) { return tx.PurgeRefusedExchanges(ctx, keep) },
		"strangers' audit entries": func(tx *store.Tx) (int64, error) { return tx.PurgeStrangersAudit(ctx, keep) },
	} {
		if err := s.purgeAll(ctx, purge); err != nil {
			errs = append(errs, fmt.Errorf("purge %s: %w", what, err))
		}
	}
	return errors.Join(errs...)
}

// purgeAll calls purge, each time in a transaction of its own, until nothing is
// left to remove.
func (s *Service) purgeAll(ctx context.Context, purge func(tx *store.Tx) (int64, error)) error {
	for {
		var n int64
		err := s.st.Update(ctx, func(tx *store.Tx) (err error) {
			n, err = purge(tx)
			return err
		})
		if err != nil || n < purgeRows {
			return err
		}
	}
}
