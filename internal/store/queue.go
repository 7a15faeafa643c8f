package store

import (
	"context"
	"time"

	"slipway"
)

// A WorkConfig says how Work runs jobs.
type WorkConfig struct {
	Workers int // how many at a time; 0 is one
	// Run does the job of one task run. Its error is logged and nothing else:
	// what is still owed stands in the task run's row.
	Run func(ctx context.Context, runID int64) error
	// Drain is how long running jobs may take to end after Work's context has
	// ended, before their own contexts are cancelled; 0 cancels at once.
	Drain time.Duration
}

// Work runs queued jobs until ctx ends and then lets the running ones finish.
func (s *Store) Work(ctx context.Context, cfg WorkConfig) error {
	return slipway.Errorf(slipway.Unimplemented, "the queue cannot work yet")
}
