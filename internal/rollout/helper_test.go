package rollout_test

import (
	"time"

	"slipway"
	"slipway/internal/store"
)

// put writes a database as it never would come about through a verb.
func (w *world) put(d slipway.Database) error {
	ctx := w.t.Context()
	return w.st.Update(ctx, func(tx *store.Tx) error { return tx.PutDatabase(ctx, d) })
}

// await reads a run until it is as wanted, for at most 20 seconds.
func (w *world) await(id int64, wanted func(slipway.TaskRun) bool) slipway.TaskRun {
	w.t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(20 * time.Second)
	for {
		run := w.run(id)
		if wanted(run) {
			return run
		}
		select {
		case <-tick.C:
		case <-deadline:
			w.t.Fatalf("%s is still %s: %s", run.Name(), run.Status, run.Detail)
		}
	}
}
