package store

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver"
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

// Enqueue makes a worker of some server run the task run at the given time, the
// zero time being at once. The job is part of the transaction: neither it nor
// what else tx writes exists without the other. A job is a wake-up and no more:
// it may come twice, and it is lost with the server that runs it, so the truth
// about what is owed is the task run (see OwedTaskRuns and ClaimTaskRun).
func (tx *Tx) Enqueue(ctx context.Context, runID int64, at time.Time) error {
	if err := tx.db.queue.insert(ctx, tx, taskRunJob{Run: runID}, at); err != nil {
		return tx.db.failed(fmt.Sprintf("queue task run %d", runID), err)
	}
	return nil
}

// Work runs queued jobs until ctx ends. Then it takes no more, lets the running
// ones finish as cfg.Drain allows, and returns when the last has returned. It is
// called once at a time on a Store.
func (s *Store) Work(ctx context.Context, cfg WorkConfig) error {
	return s.db.queue.work(ctx, cfg)
}

// A queue is River on one of the two databases.
type queue interface {
	insert(ctx context.Context, tx *Tx, job taskRunJob, at time.Time) error
	work(ctx context.Context, cfg WorkConfig) error
}

// A taskRunJob is the argument of a job, as River keeps it.
type taskRunJob struct {
	Run int64 `json:"run"`
}

// Kind is River's name of the job.
func (taskRunJob) Kind() string { return "task_run" }

// riverQueue is the queue over a driver whose transactions are TTx.
type riverQueue[TTx any] struct {
	lg     *slog.Logger
	driver riverdriver.Driver[TTx]
	join   func(tx *Tx, insert func(TTx) error) error // shows a transaction of the store as the driver's
}

const (
	// fetchCooldown is how long River waits between two looks for jobs.
	fetchCooldown = 2 * time.Millisecond
	// pollInterval bounds how late a job starts whose notification is lost.
	pollInterval = time.Second
)

func (q *riverQueue[TTx]) insert(ctx context.Context, tx *Tx, job taskRunJob, at time.Time) error {
	// A client of its own for each job: a client sends no notification soon
	// after another, and a job without one waits for the next poll.
	client, err := river.NewClient(q.driver, &river.Config{Logger: q.lg})
	if err != nil {
		return fmt.Errorf("make the queue's client: %w", err)
	}
	return q.join(tx, func(t TTx) error {
		// One attempt: running SQL again because something went wrong is a
		// decision of the task run's, not of the queue's.
		_, err := client.InsertTx(ctx, t, job, &river.InsertOpts{MaxAttempts: 1, ScheduledAt: at})
		return err
	})
}

func (q *riverQueue[TTx]) work(ctx context.Context, cfg WorkConfig) error {
	workers := river.NewWorkers()
	river.AddWorker(workers, river.WorkFunc(func(ctx context.Context, job *river.Job[taskRunJob]) error {
		return cfg.Run(ctx, job.Args.Run)
	}))
	client, err := river.NewClient(q.driver, &river.Config{
		Logger:            q.lg,
		Queues:            map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: max(cfg.Workers, 1)}},
		Workers:           workers,
		FetchCooldown:     fetchCooldown,
		FetchPollInterval: pollInterval,
		// No timeout, and so no rescue either: a migration takes as long as it
		// takes, and River never runs one a second time.
		JobTimeout: -1,
	})
	if err != nil {
		return fmt.Errorf("make the queue's workers: %w", err)
	}
	running := context.WithoutCancel(ctx) // ctx stops the fetching, not what runs
	if err := client.Start(running); err != nil {
		return fmt.Errorf("start the queue's workers: %w", err)
	}
	<-ctx.Done()
	drain, cancel := context.WithTimeout(running, cfg.Drain)
	defer cancel()
	if err := client.Stop(drain); err == nil {
		return nil
	}
	if err := client.StopAndCancel(running); err != nil {
		return fmt.Errorf("stop the queue's workers: %w", err)
	}
	return nil
}
