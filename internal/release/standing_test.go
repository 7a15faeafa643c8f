package release_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"slipway"
	"slipway/internal/release"
	"slipway/internal/store"
	"slipway/internal/storetest"
)

func TestStandings(t *testing.T) {
	w := newWorld(t, storetest.SQLite(t))
	ctx := t.Context()
	rel, _, err := w.releases.Create(ctx, admin, release.Draft{Project: "shop", Files: []slipway.File{
		file("1_a.sql", "CREATE TABLE a (x int);"), file("2_b.sql", "CREATE TABLE b (x int);"), file("3_c.sql", "CREATE TABLE c (x int);"),
	}})
	must(t, err)
	ref := slipway.DatabaseRef{Instance: "lite", Database: "a"}
	must(t, w.st.Update(ctx, func(tx *store.Tx) error {
		return tx.PutRevisions(ctx, ref, []slipway.Revision{
			{ID: "r1", Database: ref, Version: "1", SHA256: rel.Files[0].SHA256, Applied: w.now},
			{ID: "r2", Database: ref, Version: "2", SHA256: "other", Applied: w.now},
			{ID: "r3", Database: ref, Version: "3", SHA256: rel.Files[2].SHA256, Applied: w.now, Deleted: w.now.Add(time.Second)},
		})
	}))
	list, err := w.releases.Standings(ctx, admin, rel, ref)
	must(t, err)
	var got []slipway.FileState
	for _, st := range list {
		got = append(got, st.State)
	}
	if diff := cmp.Diff([]slipway.FileState{slipway.FileApplied, slipway.FileChanged, slipway.FilePending}, got); diff != "" {
		t.Errorf("the files' states (-want +got):\n%s", diff)
	}
	if _, err := w.releases.Standings(ctx, stranger, rel, ref); slipway.KindOf(err) != slipway.Denied {
		t.Errorf("a stranger: %v, want a Denied", err)
	}
	elsewhere := rel
	elsewhere.Project = slipway.DefaultProject
	if _, err := w.releases.Standings(ctx, admin, elsewhere, ref); slipway.KindOf(err) != slipway.NotFound {
		t.Errorf("a database of another project: %v, want a NotFound", err)
	}
}

func TestSheetHead(t *testing.T) {
	w := newWorld(t, storetest.SQLite(t))
	ctx := t.Context()
	sheets, err := w.releases.CreateSheets(ctx, admin, "shop", [][]byte{[]byte("SELECT 1;")})
	must(t, err)
	head, err := w.releases.SheetHead(ctx, admin, "shop", sheets[0].SHA256, 6)
	must(t, err)
	if string(head.Content) != "SELECT" || head.Size != 9 {
		t.Errorf("the first 6 bytes are %q of %d", head.Content, head.Size)
	}
	if _, err := w.releases.SheetHead(ctx, pipeline, "shop", sheets[0].SHA256, 6); slipway.KindOf(err) != slipway.Denied {
		t.Errorf("a pipeline, which may not read sheets: %v, want a Denied", err)
	}
}
