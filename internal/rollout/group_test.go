package rollout_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"slipway"
	"slipway/internal/release"
	"slipway/internal/store"
	"slipway/internal/storetest"
)

// A plan for a group has the databases that the group stood for when it was
// made. One that joins later is in no rollout of it, and makes the next plan
// another one.
func TestChange46PlanForAGroup(t *testing.T) {
	t.Run("SQLite", func(t *testing.T) { testPlanForAGroup(t, newWorld(t)) })
	t.Run("store on PostgreSQL", func(t *testing.T) {
		testPlanForAGroup(t, newWorldOn(t, storetest.Postgres(t), slipway.SQLite))
	})
}

func testPlanForAGroup(t *testing.T, w *world) {
	ctx := t.Context()
	set := func(expr string) {
		t.Helper()
		must(t, w.st.Update(ctx, func(tx *store.Tx) error {
			g := slipway.DatabaseGroup{Project: "shop", ID: "some", Title: "Some", Expr: expr}
			if _, err := tx.DatabaseGroup(ctx, "shop", "some"); err == nil {
				return tx.UpdateDatabaseGroup(ctx, g)
			}
			return tx.CreateDatabaseGroup(ctx, g)
		}))
	}
	rel, _, err := w.releases.Create(ctx, pipeline, release.Draft{Project: "shop", Files: files("CREATE TABLE a (id int PRIMARY KEY);")})
	must(t, err)
	wish := slipway.Plan{Project: "shop", Title: "x", Specs: []slipway.Spec{{Targets: []string{"projects/shop/databaseGroups/some"}, Release: rel.Name()}}}

	_, _, err = w.rollouts.CreatePlan(ctx, pipeline, wish)
	if slipway.KindOf(err) != slipway.NotFound {
		t.Errorf("a group that is not there: %v", err)
	}
	set(`resource.environment_id == "test"`)
	first, made, err := w.rollouts.CreatePlan(ctx, pipeline, wish)
	must(t, err)
	if diff := cmp.Diff([][]string{w.targets[:1]}, [][]string{first.Specs[0].Targets}); diff != "" || !made {
		t.Errorf("targets of the plan, made %v (-want +got):\n%s", made, diff)
	}

	set("true")
	ro, err := w.rollouts.CreateRollout(ctx, pipeline, "shop", first.ID, "")
	must(t, err)
	if len(ro.Stages) != 1 || ro.Stages[0].Environment != "test" {
		t.Errorf("the group has grown since the plan was made, and the rollout has %+v, want the stage test alone", ro.Stages)
	}
	second, made, err := w.rollouts.CreatePlan(ctx, pipeline, wish)
	must(t, err)
	if diff := cmp.Diff(map[string]bool{w.targets[0]: true, w.targets[1]: true}, map[string]bool{second.Specs[0].Targets[0]: true, second.Specs[0].Targets[1]: true}); diff != "" || !made || second.ID == first.ID {
		t.Errorf("the plan of the grown group is %s, made %v (-want +got):\n%s", second.Name(), made, diff)
	}
	again, made, err := w.rollouts.CreatePlan(ctx, pipeline, wish)
	must(t, err)
	if made || again.ID != second.ID {
		t.Errorf("the same wish again made %s, want %s", again.Name(), second.Name())
	}

	wish.Specs[0].Targets = append(wish.Specs[0].Targets, w.targets[0])
	same, made, err := w.rollouts.CreatePlan(ctx, pipeline, wish)
	must(t, err)
	if made || same.ID != second.ID {
		t.Errorf("a group and one of its databases: plan %s, made %v, want %s", same.Name(), made, second.Name())
	}
	set("false")
	_, _, err = w.rollouts.CreatePlan(ctx, pipeline, wish)
	if slipway.KindOf(err) != slipway.Precondition {
		t.Errorf("a group of no database: %v", err)
	}
}
