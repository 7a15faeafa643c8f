package release

import (
	"context"
	"fmt"
	"sync"

	"slipway"
	"slipway/internal/review"
)

// A reviewKey names one review: the rules depend on the engine and, as a table
// is new only to the files behind the one that makes it, on which files run.
type reviewKey struct {
	engine  slipway.Engine
	pending string
}

// A reviewed file is what the rules say of it.
type reviewed struct {
	advices []slipway.Advice
	risk    slipway.RiskLevel
}

// addReviews adds what the rules say of the pending files. A thousand targets
// at which the same files are pending are one review. It takes long where files
// are many and large, and ends with ctx, which is the whole check's.
func (c *check) addReviews(ctx context.Context, results []slipway.CheckResult, e slipway.Engine, pending []int) {
	key := reviewKey{e, fmt.Sprint(pending)}
	c.mu.Lock()
	if c.reviews == nil {
		c.reviews = map[reviewKey]func() []reviewed{}
	}
	once, ok := c.reviews[key]
	if !ok {
		once = sync.OnceValue(func() []reviewed { return c.review(ctx, e, pending) })
		c.reviews[key] = once
	}
	c.mu.Unlock()
	for n, r := range once() {
		to := &results[pending[n]]
		to.Advices = append(to.Advices, r.advices...)
		to.Risk = r.risk
	}
}

// review holds the pending files against the rules, in order, until ctx ends.
func (c *check) review(ctx context.Context, e slipway.Engine, pending []int) []reviewed {
	out := make([]reviewed, len(pending))
	var created []string
	for n, i := range pending {
		if ctx.Err() != nil {
			break
		}
		got := review.Check(review.Input{Engine: e, Text: c.files[i].Statement, CreatedBefore: created})
		out[n] = reviewed{advices: got.Advices, risk: got.Risk}
		created = append(created, got.Created...)
	}
	return out
}
