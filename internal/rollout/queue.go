package rollout

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"slipway"
	"slipway/internal/store"
)

// Run works the queue of task runs until ctx ends, beginning with what earlier
// processes left behind. When ctx ends no file is begun any more; files that
// are running get Config.Drain to finish, then their statements are canceled.
// Runs that are not at their end wait for the next start.
func (s *Service) Run(ctx context.Context) error {
	if s.cfg.Replica == "" {
		return errors.New("rollout.Config.Replica is empty: leases would not tell who holds them")
	}
	if err := s.Resume(ctx); err != nil {
		return err
	}
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		<-gctx.Done()
		s.drain.Do(func() { close(s.draining) })
		return nil
	})
	g.Go(func() error { return s.sweep(gctx) })
	g.Go(func() error {
		return s.st.Work(gctx, store.WorkConfig{Workers: s.cfg.Workers, Run: s.Work, Drain: s.cfg.Drain})
	})
	if err := g.Wait(); err != nil && !errors.Is(err, context.Canceled) {
		return fmt.Errorf("work the queue: %w", err)
	}
	return nil
}

// Resume puts every run that is owed back into the queue: a job in the queue is
// only the wake-up, and may be lost. One that is there twice is worked once.
func (s *Service) Resume(ctx context.Context) error {
	owed, err := s.st.OwedTaskRuns(ctx, s.now())
	if err != nil {
		return fmt.Errorf("look for owed task runs: %w", err)
	}
	return s.enqueue(ctx, owed)
}

func (s *Service) enqueue(ctx context.Context, runs []slipway.TaskRun) error {
	// In pieces: each is one transaction, which others wait for.
	for piece := range slices.Chunk(runs, 100) {
		err := s.st.Update(ctx, func(tx *store.Tx) error {
			for _, run := range piece {
				if err := tx.Enqueue(ctx, run.ID, s.due(run)); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("put owed task runs into the queue: %w", err)
		}
	}
	return nil
}

// due returns when a run's job shall come: the zero time, which is at once,
// unless the run's own time is to come. The queue looks at times to come every
// few seconds only.
func (s *Service) due(run slipway.TaskRun) time.Time {
	if run.RunTime.After(s.now()) {
		return run.RunTime
	}
	return time.Time{}
}

// forgotten is how long a run may wait before its job is taken for lost.
const forgotten = time.Minute

// sweep looks for runs whose worker is gone and for runs that no job wakes.
func (s *Service) sweep(ctx context.Context) error {
	tick := time.NewTicker(s.cfg.Sweep)
	defer tick.Stop()
	woken := map[int64]time.Time{}
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		owed, err := s.st.OwedTaskRuns(ctx, s.now())
		if err == nil {
			err = s.enqueue(ctx, s.overdue(owed, woken))
		}
		if err != nil && ctx.Err() == nil {
			s.lg.WarnContext(ctx, "sweep for owed task runs", "err", err)
		}
	}
}

// overdue picks the runs to wake, none more often than once a minute, and notes
// them in woken.
func (s *Service) overdue(owed []slipway.TaskRun, woken map[int64]time.Time) []slipway.TaskRun {
	now := s.now()
	for id, at := range woken {
		if now.Sub(at) >= forgotten {
			delete(woken, id)
		}
	}
	var pick []slipway.TaskRun
	for _, run := range owed {
		waiting := run.Status == slipway.Pending && (now.Sub(run.Updated) < forgotten || run.RunTime.After(now))
		if _, again := woken[run.ID]; waiting || again {
			continue
		}
		woken[run.ID] = now
		pick = append(pick, run)
	}
	return pick
}

// claim takes a run for this replica. It is not claimed when somebody else has
// it, when it is over or not due, or when its project's bound of parallel tasks
// is reached: a run that ends wakes the next.
func (s *Service) claim(ctx context.Context, id int64) (run slipway.TaskRun, claimed bool, err error) {
	for range 3 {
		// A Conflict is another claim, or a cancellation, at the same instant.
		if run, claimed, err = s.tryClaim(ctx, id); err == nil || slipway.KindOf(err) != slipway.Conflict {
			break
		}
	}
	return run, claimed, err
}

func (s *Service) tryClaim(ctx context.Context, id int64) (run slipway.TaskRun, claimed bool, err error) {
	err = s.st.Update(ctx, func(tx *store.Tx) error {
		claimed = false
		now, err := tx.TaskRun(ctx, id)
		if err != nil {
			return err
		}
		if !now.Status.Active() || now.RunTime.After(s.now()) {
			return nil
		}
		if now.Status == slipway.Pending {
			full, err := s.full(ctx, tx, now.Task)
			if full || err != nil {
				return err
			}
		}
		run, claimed, err = tx.ClaimTaskRun(ctx, id, s.cfg.Replica, s.now().Add(s.cfg.Lease))
		return err
	})
	if err != nil {
		return run, false, fmt.Errorf("claim task run %d: %w", id, err)
	}
	return run, claimed, nil
}

// full reports whether a task's rollout has as many runs working as its project
// allows.
func (s *Service) full(ctx context.Context, tx *store.Tx, t slipway.Task) (bool, error) {
	p, err := tx.Project(ctx, t.Project)
	if err != nil || p.ParallelTasks == 0 {
		return false, err
	}
	runs, err := tx.TaskRuns(ctx, t.Project, t.Plan, "", 0)
	if err != nil {
		return false, err
	}
	working := 0
	for _, r := range runs {
		if r.Status == slipway.Running {
			working++
		}
	}
	return working >= p.ParallelTasks, nil
}

// wakeNext puts a waiting run of the same rollout into the queue, if the
// project bounds how many work at a time.
func (s *Service) wakeNext(ctx context.Context, tx *store.Tx, t slipway.Task) error {
	p, err := tx.Project(ctx, t.Project)
	if err != nil || p.ParallelTasks == 0 {
		return err
	}
	runs, err := tx.TaskRuns(ctx, t.Project, t.Plan, "", 0)
	if err != nil {
		return err
	}
	next := slipway.TaskRun{}
	for _, r := range runs {
		if r.Status == slipway.Pending && !r.RunTime.After(s.now()) && (next.ID == 0 || r.ID < next.ID) {
			next = r
		}
	}
	if next.ID == 0 {
		return nil
	}
	return tx.Enqueue(ctx, next.ID, time.Time{})
}
