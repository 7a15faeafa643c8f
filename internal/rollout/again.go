package rollout

import (
	"context"
	"fmt"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"slipway"
)

// planFor finds the plan that was made for the same wish as p, unless it is of
// no use any more: a database has changed its environment since, or a database
// that the plan was done for has lost what it brought (it was restored, or a
// revision was deleted so that its file runs again).
func (s *Service) planFor(ctx context.Context, p slipway.Plan) (Planned, bool, error) {
	old, err := s.st.PlanByDigest(ctx, p.Project, p.Digest)
	if slipway.KindOf(err) == slipway.NotFound && err != nil {
		return Planned{}, false, nil
	}
	if err != nil {
		return Planned{}, false, fmt.Errorf("look for the plan of the same wish: %w", err)
	}
	planned, err := s.withStages(ctx, old)
	if err != nil {
		return Planned{}, false, err
	}
	good, err := s.stillGood(ctx, planned)
	return planned, good && err == nil, err
}

// asked bounds how many databases are asked at a time whether a done change is
// still in them.
const asked = 16

func (s *Service) stillGood(ctx context.Context, p Planned) (bool, error) {
	files := map[string][]slipway.File{}
	for _, spec := range p.Specs {
		rel, err := s.release(ctx, p.Project, spec.Release)
		if err != nil {
			return false, fmt.Errorf("read the release of %s: %w", p.Name(), err)
		}
		files[spec.Release] = rel.Files
	}
	var bad atomic.Bool
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(asked)
	for _, stage := range p.Stages {
		for _, task := range stage.Tasks {
			g.Go(func() error {
				t, err := s.target(gctx, p.Project, task.Target)
				if err != nil {
					return err
				}
				if t.environment() != task.Environment || task.Status == slipway.Done && s.lost(gctx, t, files[task.Release]) {
					bad.Store(true)
				}
				return nil
			})
		}
	}
	err := g.Wait()
	return !bad.Load(), err
}

// lost reports whether a database no longer holds files that were applied to
// it. One that cannot be asked counts as it was left.
func (s *Service) lost(ctx context.Context, t target, files []slipway.File) bool {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.Patience)
	defer cancel()
	ledger, err := t.engine.Revisions(ctx, t.admin, t.Database.Database)
	if err != nil {
		return false
	}
	standings, err := slipway.Stand(files, ledger)
	if err != nil {
		return false
	}
	for _, st := range standings {
		if st.State == slipway.FilePending {
			return true
		}
	}
	return false
}
