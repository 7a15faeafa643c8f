// Package sqlite changes SQLite databases: an instance is a folder, and each
// NAME.db in it is the database NAME.
package sqlite

import (
	"log/slog"
	"time"
)

// An Engine reaches folders of SQLite files.
type Engine struct {
	lg  *slog.Logger
	cfg Config
}

// Config tunes an Engine; each zero value is a useful one.
type Config struct {
	LockWait    time.Duration    // how long Lock asks again before it says Busy; 0 is 2 s
	BusyTimeout time.Duration    // a transaction's wait for other writers, before the file is tried again; 0 is 5 s
	RetryBudget time.Duration    // how long a file is tried again; 0 is 2 min
	Now         func() time.Time // nil is time.Now
}

// New returns an Engine that logs to lg what no caller is told.
func New(lg *slog.Logger, cfg Config) *Engine {
	def := func(d *time.Duration, v time.Duration) {
		if *d == 0 {
			*d = v
		}
	}
	def(&cfg.LockWait, 2*time.Second)
	def(&cfg.BusyTimeout, 5*time.Second)
	def(&cfg.RetryBudget, 2*time.Minute)
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Engine{lg: lg, cfg: cfg}
}
