package access_test

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"slipway"
	"slipway/internal/access"
)

// TestLimiterIsBounded floods a limiter with keys: its memory stays what it
// is, and a key in use keeps its count.
func TestLimiterIsBounded(t *testing.T) {
	clock := morning
	l := access.NewLimiter(access.Rate{Burst: 2, PerSecond: 0.001}, func() time.Time { return clock })
	for range 2 {
		want(t, "within the limit", l.Take("victim"), 0, "")
	}
	for i := range access.LimiterSize + 1000 {
		if i%10_000 == 0 {
			want(t, "the victim, in between", l.Take("victim"), slipway.Exhausted, "too many tries")
		}
		if err := l.Take("flood" + strconv.Itoa(i)); err != nil {
			t.Fatal(err)
		}
	}
	if l.Len() != access.LimiterSize {
		t.Errorf("%d keys are remembered, want %d", l.Len(), access.LimiterSize)
	}
	want(t, "the victim, after the flood", l.Take("victim"), slipway.Exhausted, "too many tries")
	// Keys are cut, so that a long one takes no more room than another.
	long := strings.Repeat("k", 1<<20)
	want(t, "a long key", l.Take(long), 0, "")
	want(t, "the same but for its end", l.Take(long+"x"), 0, "")
	want(t, "a third time", l.Take(long+"y"), slipway.Exhausted, "too many tries")

	clock = clock.Add(1000 * time.Second)
	want(t, "the victim, a try later", l.Take("victim"), 0, "")
	want(t, "and no more than one", l.Take("victim"), slipway.Exhausted, "too many tries")
	clock = clock.Add(-time.Hour)
	want(t, "a clock set back gives nothing", l.Take("victim"), slipway.Exhausted, "too many tries")
}
