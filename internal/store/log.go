package store

import (
	"context"

	"slipway"
)

// MaxLog is how many entries of a task run's log are kept: enough for any
// release that people read the log of, and a bound for one with millions of
// statements.
const MaxLog = 100_000

// Log returns the log of a task run in the order in which it was written.
func (r Reader) Log(ctx context.Context, runID int64) ([]slipway.LogEntry, error) {
	scan := func(row row) (e slipway.LogEntry, err error) {
		err = row.Scan(fromJSON(&e))
		return e, err
	}
	return all(ctx, r, "read the log of "+runWhat(runID), scan, ask(`
		SELECT entry FROM task_run_log WHERE run = $1 ORDER BY seq LIMIT $2`, runID, MaxLog))
}

// AddLog appends to the log of a task run. Entries beyond MaxLog are dropped.
func (tx *Tx) AddLog(ctx context.Context, runID int64, entries []slipway.LogEntry) error {
	if len(entries) == 0 {
		return nil
	}
	// The run's row gives out the places in the log, so two writers, such as a
	// worker that lost its lease and the next, do not collide.
	end, err := one(ctx, tx.Reader, runWhat(runID), scanned[int], ask(`
		UPDATE task_run SET log_size = log_size + $2 WHERE id = $1 RETURNING log_size`, runID, len(entries)))
	if err != nil {
		return err
	}
	var rows [][]any
	for i, e := range entries {
		if seq := end - len(entries) + i; seq < MaxLog {
			rows = append(rows, []any{runID, seq, asJSON(e)})
		}
	}
	return tx.insertAll(ctx, "write the log of "+runWhat(runID), "task_run_log (run, seq, entry)", rows)
}
