package inventory_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"slipway"
	"slipway/internal/inventory"
)

// grouped makes databases a and b of project shop and c of no project.
func (w *world) grouped() {
	w.t.Helper()
	ctx := w.t.Context()
	var dir string
	for _, name := range []string{"a", "b", "c"} {
		dir = w.file("lite", name)
	}
	_, err := w.inv.CreateInstance(ctx, admin, lite("lite", dir), false)
	must(w.t, err)
	for name, labels := range map[string]map[string]string{"a": {"tier": "gold"}, "b": nil} {
		at := inventory.Place{DatabaseRef: slipway.DatabaseRef{Instance: "lite", Database: name}}
		_, err := w.inv.UpdateDatabases(ctx, admin, []inventory.DatabasePatch{{At: at, Project: new("shop"), Labels: &labels}})
		must(w.t, err)
	}
}

func matched(list []inventory.Match) []string {
	var names []string
	for _, d := range list {
		names = append(names, d.Database)
	}
	return names
}

func TestDatabaseGroups(t *testing.T) {
	w := newWorld(t)
	w.grouped()
	ctx := t.Context()
	gold := slipway.DatabaseGroup{Project: "shop", ID: "gold", Expr: `resource.database_labels["tier"] == "gold"`}
	g, err := w.inv.CreateDatabaseGroup(ctx, owner, gold, true)
	must(t, err)
	if diff := cmp.Diff([]string{"a"}, matched(g.Matched)); diff != "" {
		t.Errorf("a group that is only tried (-want +got):\n%s", diff)
	}
	_, err = w.inv.DatabaseGroup(ctx, owner, "shop", "gold")
	fails(t, "a group that was only tried", err, slipway.NotFound, "gold")
	_, err = w.inv.CreateDatabaseGroup(ctx, owner, gold, false)
	must(t, err)
	for _, try := range []bool{true, false} {
		_, err = w.inv.CreateDatabaseGroup(ctx, owner, gold, try)
		fails(t, "an id that is taken", err, slipway.Exists, "gold")
	}
	_, err = w.inv.CreateDatabaseGroup(ctx, owner, slipway.DatabaseGroup{Project: "shop", ID: "x", Expr: "1 +"}, false)
	fails(t, "a condition that is none", err, slipway.Invalid, "condition")
	_, err = w.inv.CreateDatabaseGroup(ctx, owner, slipway.DatabaseGroup{Project: "shop", ID: "X", Expr: "true"}, false)
	fails(t, "an id in upper case", err, slipway.Invalid, "lower-case")

	g, err = w.inv.UpdateDatabaseGroup(ctx, owner, "shop", "gold", inventory.DatabaseGroupPatch{Expr: new("true")})
	must(t, err)
	if diff := cmp.Diff([]string{"a", "b"}, matched(g.Matched)); diff != "" || g.Title != "gold" {
		t.Errorf("a group of all databases, called %q (-want +got):\n%s", g.Title, diff)
	}
	_, err = w.inv.UpdateDatabaseGroup(ctx, owner, "shop", "gold", inventory.DatabaseGroupPatch{Expr: new("")})
	fails(t, "an empty condition", err, slipway.Invalid, "empty")
	picked, err := w.inv.PickDatabases(ctx, owner, "shop", `resource.environment_id == "test" && resource.database_name != "a"`)
	must(t, err)
	if diff := cmp.Diff([]string{"b"}, matched(picked)); diff != "" {
		t.Errorf("picked by the instance's environment (-want +got):\n%s", diff)
	}

	_, err = w.inv.DatabaseGroup(ctx, stranger, "shop", "gold")
	fails(t, "a stranger's look", err, slipway.Denied, "bb.databaseGroups.get")
	_, err = w.inv.DatabaseGroups(ctx, stranger, "shop")
	fails(t, "a stranger's list", err, slipway.Denied, "bb.databaseGroups.list")
	_, err = w.inv.PickDatabases(ctx, stranger, "shop", "true")
	fails(t, "a stranger's try", err, slipway.Denied, "bb.databases.list")
	_, err = w.inv.CreateDatabaseGroup(ctx, owner, slipway.DatabaseGroup{Project: "till", ID: "x", Expr: "true"}, true)
	fails(t, "a group in another's project", err, slipway.Denied, "bb.databaseGroups.create")
	must(t, w.inv.DeleteDatabaseGroup(ctx, owner, "shop", "gold"))
	fails(t, "deleting it again", w.inv.DeleteDatabaseGroup(ctx, owner, "shop", "gold"), slipway.NotFound, "gold")
}

func TestDatabaseGroupsAreBounded(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	for i := range inventory.MaxDatabaseGroups {
		_, err := w.inv.CreateDatabaseGroup(ctx, owner, slipway.DatabaseGroup{Project: "shop", ID: fmt.Sprintf("g%d", i), Expr: "true"}, false)
		must(t, err)
	}
	_, err := w.inv.CreateDatabaseGroup(ctx, owner, slipway.DatabaseGroup{Project: "shop", ID: "more", Expr: "true"}, false)
	fails(t, "one group too many", err, slipway.Exhausted, "100")
	list, err := w.inv.DatabaseGroups(ctx, owner, "shop")
	if err != nil || len(list) != inventory.MaxDatabaseGroups {
		t.Errorf("listed %d groups, %v", len(list), err)
	}
}
