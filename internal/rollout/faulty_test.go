package rollout_test

import (
	"context"
	"maps"
	"sync"

	"slipway"
	"slipway/internal/engine"
)

// A faulty engine is a real one whose sessions go through a hook.
type faulty struct {
	engine.Engine
	// apply stands in for Apply of the nth file sent, from 1; really applies it.
	apply func(ctx context.Context, n int, really func() (slipway.Revision, error)) (slipway.Revision, error)

	mu sync.Mutex // guards sent
	n  int
}

func (f *faulty) Lock(ctx context.Context, src slipway.Source, db string, by engine.Holder) (engine.Session, error) {
	s, err := f.Engine.Lock(ctx, src, db, by)
	if err != nil {
		return nil, err
	}
	return &faultySession{Session: s, by: f}, nil
}

type faultySession struct {
	engine.Session
	by *faulty
}

func (s *faultySession) Apply(ctx context.Context, rev slipway.Revision, text []byte, log func(slipway.LogEntry)) (slipway.Revision, error) {
	s.by.mu.Lock()
	s.by.n++
	n := s.by.n
	s.by.mu.Unlock()
	var told []slipway.LogEntry // kept back by a connection that breaks
	rev, err := s.by.apply(ctx, n, func() (slipway.Revision, error) {
		return s.Session.Apply(ctx, rev, text, func(e slipway.LogEntry) { told = append(told, e) })
	})
	for _, e := range told {
		if err == nil {
			log(e)
		}
	}
	return rev, err
}

// breakEngines has every file go through apply from now on.
func (w *world) breakEngines(apply func(ctx context.Context, n int, really func() (slipway.Revision, error)) (slipway.Revision, error)) *faulty {
	f := &faulty{Engine: w.engines[slipway.SQLite], apply: apply}
	w.engines = maps.Clone(w.engines)
	w.engines[slipway.SQLite] = f
	w.rollouts = w.service("replica-1")
	return f
}

func statementError(class engine.Class) error {
	return &engine.StatementError{
		Failure: slipway.Failure{Path: "migrations/1_x.sql", Version: "1", Message: "the connection was lost"},
		Err:     slipway.Errorf(slipway.Unavailable, "the connection was lost"), Class: class,
	}
}
