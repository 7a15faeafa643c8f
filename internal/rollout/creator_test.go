package rollout_test

import (
	"strings"
	"testing"
	"time"

	"slipway"
	"slipway/internal/rollout"
	"slipway/internal/store"
)

// A run that was put off does not begin once the account that started it is
// deactivated.
func TestARunOfADeactivatedAccount(t *testing.T) {
	for name, who := range map[string]slipway.Principal{"a person": admin, "a pipeline": pipeline} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			ctx := t.Context()
			person := slipway.User{Email: admin.Email, Title: "Admin"}
			identity := slipway.WorkloadIdentity{Email: pipeline.Email, Title: "Deploy"}
			must(t, w.st.Update(ctx, func(tx *store.Tx) error {
				if err := tx.CreateUser(ctx, person); err != nil {
					return err
				}
				return tx.CreateWorkloadIdentity(ctx, identity)
			}))
			ro := w.rollout(files(oneTable))
			tasks := rollout.Tasks{Project: "shop", Plan: ro.Plan, Stage: "test", IDs: []int64{ro.Stages[0].Tasks[0].ID}}
			soon := time.Now().Add(300 * time.Millisecond)
			must(t, w.rollouts.RunTasks(ctx, who, tasks, soon))
			must(t, w.st.Update(ctx, func(tx *store.Tx) error {
				if who.Kind == slipway.UserKind {
					person.Deleted = true
					return tx.UpdateUser(ctx, person)
				}
				stored, err := tx.WorkloadIdentity(ctx, identity.Email)
				if err != nil {
					return err
				}
				stored.Deleted = true
				return tx.UpdateWorkloadIdentity(ctx, stored, stored.Revision)
			}))
			time.Sleep(time.Until(soon.Add(10 * time.Millisecond)))
			runs, err := w.rollouts.TaskRuns(ctx, admin, rollout.Scope{Project: "shop", Plan: ro.Plan})
			must(t, err)
			run := w.work(runs[0])
			w.is(run, slipway.Failed)
			if !strings.Contains(run.Detail, who.Email+", who started this run, has been deactivated") {
				t.Errorf("detail is %q, want the account in it", run.Detail)
			}
			if got := w.query(0, `SELECT name FROM sqlite_master`); len(got) != 0 {
				t.Errorf("the target was touched: %v", got)
			}
		})
	}
}
