// Package postgres changes PostgreSQL databases, version 13 and later.
package postgres

import (
	"log/slog"
	"time"
)

// An Engine reaches PostgreSQL servers.
type Engine struct {
	lg  *slog.Logger
	cfg Config
}

// Config tunes an Engine; each zero value is a useful one.
type Config struct {
	LockWait    time.Duration // how long Lock asks again before it says Busy; 0 is 2 s
	LockTimeout time.Duration // a statement's wait for a lock in a transaction, before the file is tried again; 0 is 5 s
	RetryBudget time.Duration // how long a file is tried again on lock timeouts and deadlocks; 0 is 2 min
	ReachBudget time.Duration // how long a lost connection is made anew to learn what became of a commit; 0 is 30 s
}

// New returns an Engine that logs to lg what no caller is told.
func New(lg *slog.Logger, cfg Config) *Engine {
	def := func(d *time.Duration, v time.Duration) {
		if *d == 0 {
			*d = v
		}
	}
	def(&cfg.LockWait, 2*time.Second)
	def(&cfg.LockTimeout, 5*time.Second)
	def(&cfg.RetryBudget, 2*time.Minute)
	def(&cfg.ReachBudget, 30*time.Second)
	return &Engine{lg: lg, cfg: cfg}
}
