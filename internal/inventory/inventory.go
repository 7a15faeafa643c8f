package inventory

import (
	"context"
	"log/slog"
	"time"

	"slipway"
	"slipway/internal/engine"
	"slipway/internal/gate"
	"slipway/internal/store"
)

// A Config tunes a Service.
type Config struct {
	Now func() time.Time // nil is time.Now
	// SQLiteRoots are the folders that SQLite instances may lie in, themselves
	// included. Whoever makes instances could otherwise open any database file
	// that the server can read. None: no SQLite instance can be made.
	SQLiteRoots []string
	// Own is the folder where the server keeps its own data. It is no SQLite
	// instance even where it lies in a root: whoever may change databases could
	// make themselves an administrator in it. "" is none.
	Own string
	// Patience is how long a server under management may take to answer a
	// question; 0 is 20 seconds.
	Patience time.Duration
}

// A Service knows the inventory.
type Service struct {
	lg      *slog.Logger
	st      *store.Store
	gate    *gate.Gate
	engines map[slipway.Engine]engine.Engine
	cfg     Config
}

// New returns a Service on what st remembers. The engines are those whose
// instances can be added.
func New(lg *slog.Logger, st *store.Store, g *gate.Gate, engines map[slipway.Engine]engine.Engine, cfg Config) *Service {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Patience <= 0 {
		cfg.Patience = 20 * time.Second
	}
	return &Service{lg: lg, st: st, gate: g, engines: engines, cfg: cfg}
}

// Prepare makes what a new workspace begins with: the environments test and
// prod. It changes nothing where environments were ever set.
func (s *Service) Prepare(ctx context.Context) error {
	return s.st.Update(ctx, func(tx *store.Tx) error {
		_, err := tx.Setting(ctx, environmentsKey)
		if slipway.KindOf(err) != slipway.NotFound || err == nil {
			return err
		}
		return putEnvironments(ctx, tx, []slipway.Environment{
			{ID: "test", Title: "Test"},
			{ID: "prod", Title: "Prod"},
		})
	})
}

func (s *Service) now() time.Time { return s.cfg.Now().UTC() }
