package store

import (
	"context"
	"sync"
	"time"

	"slipway"
)

const (
	// maxRecords bounds the exchanges of one transaction.
	maxRecords = 32
	// recordTimeout bounds one such transaction.
	recordTimeout = 10 * time.Second
)

// A recorder writes the exchanges of callers who come while others are being
// written in one transaction: they share its commit, which is most of what one
// costs. A caller who is alone waits for nobody.
type recorder struct {
	mu      sync.Mutex // guards the fields below
	waiting []*record
	busy    bool // somebody writes, and will write what waits too
}

// A record is an exchange with its audit entry, on its way.
type record struct {
	exchange slipway.Exchange
	audit    slipway.AuditEntry
	written  chan error // gets one
}

// Record adds an exchange and its audit entry, both or neither. When it returns
// nil they are as durable as any commit. Where ctx ends first, they may still
// be written.
func (s *Store) Record(ctx context.Context, e slipway.Exchange, a slipway.AuditEntry) error {
	r := &record{e, a, make(chan error, 1)}
	q := &s.records
	q.mu.Lock()
	q.waiting = append(q.waiting, r)
	first := !q.busy
	q.busy = true
	q.mu.Unlock()
	if first {
		go s.writeRecords(context.WithoutCancel(ctx))
	}
	select {
	case err := <-r.written:
		return err
	case <-ctx.Done():
		return s.db.failed("record an exchange", ctx.Err())
	}
}

// writeRecords writes until nothing waits.
func (s *Store) writeRecords(ctx context.Context) {
	q := &s.records
	for {
		q.mu.Lock()
		batch := q.waiting[:min(len(q.waiting), maxRecords)]
		q.waiting = q.waiting[len(batch):]
		q.busy = len(batch) > 0
		q.mu.Unlock()
		if len(batch) == 0 {
			return
		}
		err := s.writeBatch(ctx, batch)
		if len(batch) > 1 && s.oneToBlame(err) {
			for _, r := range batch {
				r.written <- s.writeBatch(ctx, []*record{r})
			}
			continue
		}
		for _, r := range batch {
			r.written <- err
		}
	}
}

// oneToBlame reports whether a batch may have failed because of one of its
// records, so that the others are worth a try.
func (s *Store) oneToBlame(err error) bool {
	switch slipway.KindOf(err) {
	case slipway.Unavailable, slipway.Timeout, slipway.Canceled, slipway.Exhausted:
		return false
	}
	return err != nil
}

func (s *Store) writeBatch(ctx context.Context, batch []*record) error {
	ctx, cancel := context.WithTimeout(ctx, recordTimeout)
	defer cancel()
	return s.Update(ctx, func(tx *Tx) error {
		exchanges := make([]slipway.Exchange, len(batch))
		entries := make([]slipway.AuditEntry, len(batch))
		for i, r := range batch {
			exchanges[i], entries[i] = r.exchange, r.audit
		}
		if err := tx.addExchanges(ctx, exchanges); err != nil {
			return err
		}
		return tx.addAudits(ctx, entries)
	})
}
