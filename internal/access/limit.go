package access

import (
	"container/list"
	"net/netip"
	"sync"
	"time"

	"slipway"
)

// limiterSize bounds a limiter's memory: at some 200 bytes a key, 13 MB. Past
// it the key that was tried longest ago is forgotten, so that a flood of new
// keys must be that large before anybody gains a try by it.
const limiterSize = 1 << 16

// A limiter lets each key through at a Rate: a token bucket per key.
type limiter struct {
	rate Rate
	now  func() time.Time

	mu      sync.Mutex // guards the fields below
	buckets map[string]*list.Element
	recent  *list.List // of *bucket, last tried first
}

type bucket struct {
	key  string
	left float64
	at   time.Time // when left was right
}

func newLimiter(r Rate, now func() time.Time) *limiter {
	return &limiter{rate: r, now: now, buckets: map[string]*list.Element{}, recent: list.New()}
}

// take counts one try of key. What it refuses is an Exhausted that says how
// long to wait.
func (l *limiter) take(key string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	b := l.bucketLocked(key)
	if b.left >= 1 {
		b.left--
		return nil
	}
	wait := time.Duration((1 - b.left) / l.rate.PerSecond * float64(time.Second)).Round(time.Second)
	e := slipway.Errorf(slipway.Exhausted, "too many tries: wait %s and try again", max(wait, time.Second))
	e.RetryAfter = max(wait, time.Second)
	return e
}

// refund takes back a try that needed no limit: it succeeded.
func (l *limiter) refund(key string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	b := l.bucketLocked(key)
	b.left = min(b.left+1, float64(l.rate.Burst))
}

func (l *limiter) bucketLocked(key string) *bucket {
	if len(key) > 254 {
		key = key[:254]
	}
	now := l.now()
	if e, ok := l.buckets[key]; ok {
		l.recent.MoveToFront(e)
		b := e.Value.(*bucket)
		if passed := now.Sub(b.at).Seconds(); passed > 0 {
			b.left = min(b.left+passed*l.rate.PerSecond, float64(l.rate.Burst))
			b.at = now
		}
		return b
	}
	if l.recent.Len() >= limiterSize {
		oldest := l.recent.Back()
		delete(l.buckets, l.recent.Remove(oldest).(*bucket).key)
	}
	b := &bucket{key: key, left: float64(l.rate.Burst), at: now}
	l.buckets[key] = l.recent.PushFront(b)
	return b
}

// addressKey returns what an address is limited as. One IPv6 subscriber has a
// /64 at least, and so counts as one.
func addressKey(ip string) string {
	a, err := netip.ParseAddr(ip)
	if err != nil {
		return ip
	}
	a = a.Unmap().WithZone("")
	if a.Is4() {
		return a.String()
	}
	p, err := a.Prefix(64)
	if err != nil {
		return ip // unreachable unless netip changes
	}
	return p.String()
}
