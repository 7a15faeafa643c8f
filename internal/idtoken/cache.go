package idtoken

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"slipway"
)

const (
	maxIssuers = 1000

	// lookAround is how often issuers that are due are looked for.
	lookAround = 30 * time.Second
	// refreshAfter keeps a withdrawn key from being trusted for more than five
	// minutes, the time to look around included.
	refreshAfter = 5*time.Minute - lookAround
	// inUse is how long after its last token an issuer is kept fresh.
	inUse = 24 * time.Hour
	// maxStale is how long keys serve while their issuer is down.
	maxStale = 24 * time.Hour
	// cooldown lies between two fetches that unknown kids cause, and after a
	// fetch that failed, per issuer.
	cooldown = time.Minute
	// retryAfter lies between two fetches while there are no keys at all: CI
	// retries, and a new identity wants to be tried soon after a correction.
	retryAfter = 15 * time.Second
)

// A cache holds the keys of issuers. What reaches it as an issuer comes from a
// stored identity, never from a token.
type cache struct {
	lg      *slog.Logger
	fetcher *fetcher
	now     func() time.Time

	fetches, failures, staleUses, junk atomic.Int64

	mu      sync.Mutex // guards issuers and what its entries hold
	issuers map[string]*entry
}

// An entry is what is known of one issuer.
type entry struct {
	set     *keySet // nil until a fetch succeeded
	fetched time.Time
	fresh   time.Duration // how long set is used without looking, from fetched
	tried   time.Time     // when the last fetch began
	failure error         // of the last fetch; nil if it succeeded
	asked   time.Time     // when an unknown kid last caused a fetch
	used    time.Time
	flight  chan struct{} // closed when the fetch under way ends; nil if none is

	endpoints endpoints // of the discovery document that led to set
}

func newCache(lg *slog.Logger, f *fetcher, now func() time.Time) *cache {
	return &cache{lg: lg, fetcher: f, now: now, issuers: map[string]*entry{}}
}

// key returns the key of issuer that verifies tokens with header h. A kid that
// is not among the known keys has the issuer asked once more: it may have begun
// to sign with a new key.
func (c *cache) key(ctx context.Context, issuer string, h header) (key, error) {
	set, err := c.keys(ctx, issuer)
	if err != nil {
		return key{}, err
	}
	k, err := set.choose(h)
	r, refused := errors.AsType[*Refusal](err)
	if !refused || r.Reason != "kid_unknown" {
		return k, err
	}
	newer, again := c.refetch(ctx, issuer, (*entry).mayAsk)
	if again != nil || newer == nil {
		return key{}, err
	}
	return newer.choose(h)
}

// keys returns the current key set of issuer, fetching it if need be.
func (c *cache) keys(ctx context.Context, issuer string) (*keySet, error) {
	c.mu.Lock()
	e, now := c.entry(issuer), c.now()
	e.used = now
	set, fresh := e.set, e.set != nil && now.Sub(e.fetched) < e.fresh
	c.mu.Unlock()
	if fresh {
		return set, nil
	}
	set, err := c.refetch(ctx, issuer, (*entry).mayRetry)
	if err == nil {
		return set, nil
	}
	if ctx.Err() != nil {
		return nil, slipway.Errorf(slipway.Canceled, "gave up waiting for the issuer's keys").Because(ctx.Err())
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if e.set != nil && c.now().Sub(e.fetched) <= maxStale {
		c.staleUses.Add(1)
		return e.set, nil
	}
	return nil, refuse("jwks_unavailable", err).got(err.Error())
}

// endpointsOf returns where issuer lets people sign in, fetching its documents if
// need be.
func (c *cache) endpointsOf(ctx context.Context, issuer string) (endpoints, error) {
	if _, err := c.keys(ctx, issuer); err != nil {
		return endpoints{}, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.entry(issuer).endpoints, nil
}

// entry returns issuer's entry, made if need be in place of the one that was
// unused for longest. The lock is held.
func (c *cache) entry(issuer string) *entry {
	if e, ok := c.issuers[issuer]; ok {
		return e
	}
	if len(c.issuers) >= maxIssuers {
		oldest := ""
		for name, e := range c.issuers {
			if oldest == "" || e.used.Before(c.issuers[oldest].used) {
				oldest = name
			}
		}
		delete(c.issuers, oldest)
	}
	e := &entry{}
	c.issuers[issuer] = e
	return e
}

// mayAsk reports whether an unknown kid may cause a fetch at now, and takes
// note that it did.
func (e *entry) mayAsk(now time.Time) bool {
	if !e.asked.IsZero() && now.Sub(e.asked) < cooldown || e.failure != nil && now.Sub(e.tried) < cooldown {
		return false
	}
	e.asked = now
	return true
}

// mayRetry reports whether keys that are missing or no longer fresh may be
// fetched at now.
func (e *entry) mayRetry(now time.Time) bool {
	wait := cooldown
	if e.set == nil {
		wait = retryAfter
	}
	return e.failure == nil || now.Sub(e.tried) >= wait
}

// refetch fetches the keys of issuer, or waits for the fetch that is under way.
// A new one begins only if may allows it, decided under the lock.
func (c *cache) refetch(ctx context.Context, issuer string, may func(*entry, time.Time) bool) (*keySet, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, now := c.entry(issuer), c.now()
	if flight := e.flight; flight != nil {
		c.mu.Unlock()
		select {
		case <-flight:
		case <-ctx.Done():
		}
		c.mu.Lock()
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		return e.set, e.failure
	}
	if !may(e, now) {
		if e.failure == nil {
			return nil, fmt.Errorf("fetch keys of %s: fetched a moment ago", issuer)
		}
		return nil, e.failure
	}
	e.flight, e.tried = make(chan struct{}), now
	e.failure = fmt.Errorf("fetch keys of %s: broken off", issuer) // stays if the fetch panics
	defer func() {
		close(e.flight)
		e.flight = nil
	}()
	got, err := c.fetchUnlocked(ctx, issuer)
	c.land(issuer, e, got, err)
	return e.set, e.failure
}

// fetchUnlocked fetches with the lock let go. Others wait for this fetch: that
// whoever began it gives up must not end it. The fetcher's own timeout does.
func (c *cache) fetchUnlocked(ctx context.Context, issuer string) (fetched, error) {
	c.mu.Unlock()
	defer c.mu.Lock()
	return c.fetcher.keys(context.WithoutCancel(ctx), issuer)
}

// land takes over what a fetch brought. Good keys are not given up for a set
// without any: an issuer does not stop signing. The lock is held.
func (c *cache) land(issuer string, e *entry, got fetched, err error) {
	c.fetches.Add(1)
	if err == nil {
		c.junk.Add(int64(got.set.junk))
		if got.set.secret > 0 {
			c.lg.Warn("issuer publishes secret keys", "issuer", issuer, "keys", got.set.secret)
		}
		if len(got.set.usable) == 0 && (e.set != nil || len(got.set.broken) == 0) {
			err = fmt.Errorf("fetch keys of %s: the set holds no key that can be used", issuer)
		}
	}
	e.failure = err
	if err != nil {
		c.failures.Add(1)
		c.lg.Warn("fetch issuer keys", "issuer", issuer, "err", err)
		return
	}
	e.set, e.fetched, e.fresh, e.endpoints = got.set, c.now(), got.fresh, got.endpoints
}

// refreshDue fetches the keys of issuers in use whose turn it is.
func (c *cache) refreshDue(ctx context.Context) {
	c.mu.Lock()
	now := c.now()
	var due []string
	for issuer, e := range c.issuers {
		wait := refreshAfter
		if e.failure != nil {
			wait = cooldown
		}
		if now.Sub(e.used) < inUse && now.Sub(e.tried) >= wait {
			due = append(due, issuer)
		}
	}
	c.mu.Unlock()
	var group errgroup.Group
	group.SetLimit(8)
	for _, issuer := range due {
		group.Go(func() error {
			if ctx.Err() == nil {
				_, _ = c.refetch(ctx, issuer, func(*entry, time.Time) bool { return true }) // logged where it failed
			}
			return nil
		})
	}
	_ = group.Wait() // unreachable unless a function above returns an error
}
