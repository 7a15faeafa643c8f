package inventory_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"slipway"
	"slipway/internal/dbtest"
	"slipway/internal/inventory"
)

func TestTryKeepsNothing(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	folder := w.file("x", "a")
	w.file("x", "b")
	got, err := w.inv.TryInstance(ctx, admin, lite("lite", folder))
	must(t, err)
	if got.Version == "" || !slices.Equal(got.Databases, []string{"a", "b"}) {
		t.Errorf("the instance says %+v, want a version and the databases a and b", got)
	}
	if _, err := w.inv.Instance(ctx, admin, "lite"); slipway.KindOf(err) != slipway.NotFound {
		t.Errorf("the instance after a try: %v, want a NotFound", err)
	}
	_, err = w.inv.TryInstance(ctx, owner, lite("lite", folder))
	fails(t, "a project's owner", err, slipway.Denied, "bb.instances.create")
	_, err = w.inv.TryInstance(ctx, admin, lite("lite", folder+"/none"))
	fails(t, "a folder that is not there", err, slipway.Invalid, "there is no folder")
	_, err = w.inv.TrySources(ctx, admin, "none", nil)
	fails(t, "other sources of nothing", err, slipway.NotFound, "none")
	_, err = w.inv.TrySources(ctx, owner, "lite", nil)
	fails(t, "a project's owner, other sources", err, slipway.Denied, "bb.instances.update")
}

// A try must not send a stored password to another host.
func TestTrySourcesGuardsSecrets(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	src := dbtest.Postgres(t).Source
	src.ID, src.Type = "admin", slipway.AdminSource
	_, err := w.inv.CreateInstance(ctx, admin, slipway.Instance{ID: "pg", Title: "PG", Engine: slipway.Postgres, Sources: []slipway.Source{src}}, false)
	must(t, err)
	again := src
	again.Password = ""
	if _, err := w.inv.TrySources(ctx, admin, "pg", []slipway.Source{again}); err != nil {
		t.Errorf("the same place without the password: %v", err)
	}
	again.Host = "elsewhere.example.com"
	_, err = w.inv.TrySources(ctx, admin, "pg", []slipway.Source{again})
	fails(t, "another host without the password", err, slipway.Invalid, "give the password")
}

func TestCountDatabases(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	w.file("x", "a")
	_, err := w.inv.CreateInstance(ctx, admin, lite("lite", w.file("x", "b")), false)
	must(t, err)
	at := inventory.Place{DatabaseRef: slipway.DatabaseRef{Instance: "lite", Database: "a"}}
	_, err = w.inv.UpdateDatabases(ctx, admin, []inventory.DatabasePatch{{At: at, Project: new("shop")}})
	must(t, err)
	got, err := w.inv.CountDatabases(ctx, owner, "shop")
	must(t, err)
	if diff := cmp.Diff([]inventory.Count{{Environment: "test", All: 1}}, got); diff != "" {
		t.Errorf("databases of shop (-want +got):\n%s", diff)
	}
	_, err = w.inv.CountDatabases(ctx, stranger, "shop")
	fails(t, "a stranger", err, slipway.Denied, "bb.databases.list")
}
