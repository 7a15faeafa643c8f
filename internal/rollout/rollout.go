package rollout

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"slipway"
	"slipway/internal/engine"
	"slipway/internal/gate"
	"slipway/internal/store"
)

// A Config tunes a Service. Zero values mean the defaults named.
type Config struct {
	Replica string           // names this server process in leases and logs; required to Run
	Now     func() time.Time // time.Now
	Workers int              // how many task runs work at a time; 4
	Lease   time.Duration    // how long a silent worker is waited for; 30 s
	Renew   time.Duration    // how often a worker extends its lease; 5 s
	Watch   time.Duration    // how often a worker asks whether it was canceled; 200 ms
	Sweep   time.Duration    // how often runs are looked for whose worker is gone; 10 s
	// LockWait is how long a run waits for a target's lock that another session
	// holds; 10 min.
	LockWait time.Duration
	// Backoff is the first pause between tries of whatever is tried again; it
	// doubles up to 32 times itself; 250 ms.
	Backoff time.Duration
	// Drain is how long a stopping server lets running files go on before it
	// cancels their statements; 20 s.
	Drain time.Duration
	// Patience is how long a target may take to answer a question outside a
	// run; 10 s.
	Patience time.Duration
}

func (c Config) withDefaults() Config {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Workers <= 0 {
		c.Workers = 4
	}
	for field, value := range map[*time.Duration]time.Duration{
		&c.Lease: 30 * time.Second, &c.Renew: 5 * time.Second, &c.Watch: 200 * time.Millisecond,
		&c.Sweep: 10 * time.Second, &c.LockWait: 10 * time.Minute, &c.Backoff: 250 * time.Millisecond,
		&c.Drain: 20 * time.Second, &c.Patience: 10 * time.Second,
	} {
		if *field <= 0 {
			*field = value
		}
	}
	return c
}

// A Service plans and carries out changes.
type Service struct {
	lg      *slog.Logger
	st      *store.Store
	gate    *gate.Gate
	engines map[slipway.Engine]engine.Engine
	cfg     Config

	// draining is closed when the server stops: no file is begun afterwards.
	draining chan struct{}
	drain    sync.Once
}

// New returns a Service on what st remembers. The engines are those whose
// databases can be changed.
func New(lg *slog.Logger, st *store.Store, g *gate.Gate, engines map[slipway.Engine]engine.Engine, cfg Config) *Service {
	return &Service{lg: lg, st: st, gate: g, engines: engines, cfg: cfg.withDefaults(), draining: make(chan struct{})}
}

// Draining is closed when the server stops: no file is begun any more, and what
// runs is being waited for.
func (s *Service) Draining() <-chan struct{} { return s.draining }

func (s *Service) now() time.Time { return s.cfg.Now().UTC() }

// A target is a database with all that it takes to reach it.
type target struct {
	slipway.Database
	on     slipway.Instance
	admin  slipway.Source
	engine engine.Engine
}

// environment returns the id of the environment that counts.
func (t target) environment() string {
	if t.Environment != "" {
		return t.Environment
	}
	return t.on.Environment
}

// target returns the database ref, if it is there, in project and fit to be
// changed. Otherwise the error is a Precondition, or NotFound in the same words
// whether the database is another project's or nobody's.
func (s *Service) target(ctx context.Context, project string, ref slipway.DatabaseRef) (target, error) {
	d, err := s.st.Database(ctx, ref)
	missing := slipway.KindOf(err) == slipway.NotFound && err != nil
	if err != nil && !missing {
		return target{}, err
	}
	if missing || d.Project != project {
		return target{}, slipway.Errorf(slipway.NotFound, "%s is not a database of project %q", ref.Name(), project)
	}
	i, err := s.st.Instance(ctx, ref.Instance)
	if err != nil {
		return target{}, fmt.Errorf("read the instance of %s: %w", ref.Name(), err)
	}
	t := target{Database: d, on: i}
	if d.Deleted {
		return t, slipway.Errorf(slipway.Precondition, "%s was gone from its server when it was last synced", ref.Name())
	}
	if i.Deleted {
		return t, slipway.Errorf(slipway.Precondition, "%s is on instance %q, which is deleted", ref.Name(), i.ID)
	}
	var ok bool
	if t.admin, ok = i.Admin(); !ok {
		return t, slipway.Errorf(slipway.Precondition, "instance %q has no data source to make changes with", i.ID)
	}
	if t.engine, ok = s.engines[i.Engine]; !ok {
		return t, slipway.Errorf(slipway.Precondition, "instance %q is of engine %s, which this server cannot change", i.ID, i.Engine)
	}
	return t, nil
}

// environments returns the ids of the environments in order.
func environments(ctx context.Context, r store.Reader) ([]string, error) {
	raw, err := r.Setting(ctx, "environments")
	if err != nil {
		return nil, fmt.Errorf("read the environments: %w", err)
	}
	var list []slipway.Environment
	if err := json.Unmarshal(raw, &list); err != nil {
		return nil, fmt.Errorf("decode the environments: %w", err)
	}
	ids := make([]string, len(list))
	for i, e := range list {
		ids[i] = e.ID
	}
	return ids, nil
}
