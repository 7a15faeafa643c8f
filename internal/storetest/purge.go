package storetest

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"slipway"
	"slipway/internal/store"
)

func testPurge(t *testing.T, s *store.Store) {
	ctx := t.Context()
	ann := slipway.Principal{Kind: slipway.UserKind, Email: "ann@x"}
	update(t, s, func(ctx context.Context, tx *store.Tx) error {
		for i := range 10 {
			at := epoch.Add(time.Duration(i) * time.Hour)
			x := slipway.Exchange{Reference: fmt.Sprint(i), Time: at, Identity: "x", Allowed: i%5 == 0}
			if err := tx.AddExchange(ctx, x); err != nil {
				return err
			}
			e := slipway.AuditEntry{Time: at, Method: fmt.Sprint(i), Resource: "workloadIdentities/x", Message: "no"}
			if i%5 == 0 {
				e.Caller = ann
			}
			if err := tx.AddAudit(ctx, e); err != nil {
				return err
			}
		}
		return nil
	})
	for _, tc := range []struct {
		why     string
		keep    store.Keep
		dropped int64
		left    string
	}{
		{"nothing is old and nothing too much", store.Keep{Since: epoch, Newest: 8, Most: 100}, 0, "9 8 7 6 5 4 3 2 1 0"},
		{"older than three hours", store.Keep{Since: epoch.Add(3 * time.Hour), Newest: 8, Most: 100}, 2, "9 8 7 6 5 4 3 0"},
		{"beyond the newest four", store.Keep{Since: epoch, Newest: 4, Most: 100}, 2, "9 8 7 6 5 0"},
		{"no more than one at a time", store.Keep{Since: epoch, Newest: 0, Most: 1}, 1, "9 8 7 5 0"},
		{"all that may go", store.Keep{Since: epoch.AddDate(1, 0, 0), Newest: 4, Most: 100}, 3, "5 0"},
	} {
		var exchanges, entries int64
		update(t, s, func(ctx context.Context, tx *store.Tx) (err error) {
			if exchanges, err = tx.PurgeRefusedExchanges(ctx, tc.keep); err != nil {
				return err
			}
			entries, err = tx.PurgeStrangersAudit(ctx, tc.keep)
			return err
		})
		if exchanges != tc.dropped || entries != tc.dropped {
			t.Errorf("%s: %d exchanges and %d audit entries were dropped, want %d", tc.why, exchanges, entries, tc.dropped)
		}
		xs, _, err := s.Exchanges(ctx, store.ExchangeQuery{}, slipway.Page{})
		same(t, "exchanges: "+tc.why, tc.left, strings.Join(names(xs, func(x slipway.Exchange) string { return x.Reference }), " "), err)
		es, _, err := s.AuditEntries(ctx, store.AuditQuery{Resource: "workloadIdentities/x"}, slipway.Page{})
		same(t, "audit entries: "+tc.why, tc.left, strings.Join(names(es, func(e slipway.AuditEntry) string { return e.Method }), " "), err)
	}
}

func testPurgeSessions(t *testing.T, s *store.Store) {
	update(t, s, func(ctx context.Context, tx *store.Tx) error {
		for i, x := range []store.Session{
			{Hash: "ended", Expires: epoch.Add(-time.Second), Used: epoch},
			{Hash: "unused", Expires: epoch.Add(time.Hour), Used: epoch.Add(-time.Hour)},
			{Hash: "good", Expires: epoch, Used: epoch.Add(-time.Minute)},
		} {
			x.Email = fmt.Sprint(i) // a sign-in drops the owner's own old ones
			if err := tx.CreateSession(ctx, x); err != nil {
				return err
			}
		}
		return nil
	})
	for _, want := range []int64{1, 1, 0} {
		update(t, s, func(ctx context.Context, tx *store.Tx) error {
			n, err := tx.PurgeSessions(ctx, epoch, epoch.Add(-time.Minute), 1)
			if n != want {
				t.Errorf("%d sessions were dropped, want %d", n, want)
			}
			return err
		})
	}
	if _, err := s.Session(t.Context(), "good"); err != nil {
		t.Errorf("a session that is good: %v", err)
	}
}
