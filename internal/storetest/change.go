package storetest

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"slipway"
	"slipway/internal/store"
)

func testSheets(t *testing.T, s *store.Store) {
	ctx := t.Context()
	update(t, s, func(ctx context.Context, tx *store.Tx) error {
		return tx.CreateProject(ctx, slipway.Project{ID: "shop"})
	})
	for _, content := range [][]byte{[]byte("SELECT 1;"), {}, {0, 1, 2, 255}, bytes.Repeat([]byte("0123456789abcdef"), 1<<18)} {
		var sum [2]string
		for i := range sum {
			update(t, s, func(ctx context.Context, tx *store.Tx) (err error) {
				sum[i], err = tx.PutSheet(ctx, "shop", content)
				return err
			})
		}
		if sum[0] != sum[1] {
			t.Errorf("%d bytes put twice are %s and %s", len(content), sum[0], sum[1])
		}
		got, err := s.Sheet(ctx, "shop", sum[0])
		if err != nil || !bytes.Equal(got.Content, content) || got.Size != int64(len(content)) || got.SHA256 != sum[0] || got.Project != "shop" {
			t.Errorf("sheet of %d bytes: got %d bytes, size %d, %s, %v", len(content), len(got.Content), got.Size, got.Name(), err)
		}
		part, err := s.SheetPart(ctx, "shop", sum[0], 1, 2)
		if want := content[min(1, len(content)):min(3, len(content))]; err != nil || !bytes.Equal(part.Content, want) || part.Size != got.Size {
			t.Errorf("2 bytes from offset 1 of %d: got %q of %d, %v", len(content), part.Content, part.Size, err)
		}
		_, err = s.Sheet(ctx, "default", sum[0])
		wantKind(t, "another project's sheet", err, slipway.NotFound)
	}
	var sum string
	update(t, s, func(ctx context.Context, tx *store.Tx) (err error) {
		sum, err = tx.PutSheet(ctx, "shop", []byte("abc"))
		return err
	})
	if want := "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"; sum != want { // FIPS 180-2, B.1
		t.Errorf("SHA-256 of abc is %s, want %s", sum, want)
	}
}

func testReleaseQueries(t *testing.T, s *store.Store) {
	ctx := t.Context()
	update(t, s, func(ctx context.Context, tx *store.Tx) error {
		for i, o := range []slipway.Release{
			{ID: "a", Category: "web", Digest: "x"},
			{ID: "b", Category: "", Digest: "y"},
			{ID: "c", Category: "api", Digest: "x"},
			{ID: "d", Category: "gone", Digest: "x", Deleted: true},
		} {
			o.Project, o.Created = "default", epoch.Add(time.Duration(i)*time.Second)
			if err := tx.CreateRelease(ctx, o, "t", i); err != nil {
				return err
			}
		}
		return nil
	})
	for _, tc := range []struct {
		why  string
		q    store.ReleaseQuery
		want string
	}{
		{"a project", store.ReleaseQuery{Project: "default"}, "c b a"},
		{"another project", store.ReleaseQuery{Project: "shop"}, ""},
		{"a category", store.ReleaseQuery{Project: "default", Category: "web"}, "a"},
		{"a digest", store.ReleaseQuery{Project: "default", Digest: "x"}, "c a"},
		{"a digest, the deleted too", store.ReleaseQuery{Project: "default", Digest: "x", ShowDeleted: true}, "d c a"},
	} {
		found, _, err := s.Releases(ctx, tc.q, slipway.Page{})
		same(t, tc.why, tc.want, strings.Join(names(found, func(r slipway.Release) string { return r.ID }), " "), err)
	}
	newest, err := s.ReleaseByDigest(ctx, "default", "x")
	same(t, "newest with a digest", "c", newest.ID, err)
	categories, err := s.ReleaseCategories(ctx, "default")
	same(t, "categories", []string{"api", "web"}, categories, err)
	n, err := s.NextIteration(ctx, "default", "t")
	same(t, "next iteration of a train", 4, n, err)
	n, err = s.NextIteration(ctx, "default", "u")
	same(t, "next iteration of a new train", 0, n, err)
}

func testReleasesAtOnce(t *testing.T, s *store.Store) {
	const n = 12
	outcomes := atOnce(n, func(i int) error {
		return try(t, s, func(ctx context.Context, tx *store.Tx) error {
			iteration, err := tx.NextIteration(ctx, "default", "day")
			if err != nil {
				return err
			}
			id := fmt.Sprintf("day-%02d", iteration)
			return tx.CreateRelease(ctx, slipway.Release{Project: "default", ID: id}, "day", iteration)
		})
	})
	for i, err := range outcomes {
		if err != nil {
			t.Errorf("release %d of %d at once: %v", i, n, err)
		}
	}
	found, _, err := s.Releases(t.Context(), store.ReleaseQuery{Project: "default"}, slipway.Page{Size: n + 1})
	ids := names(found, func(r slipway.Release) string { return r.ID })
	slices.Sort(ids)
	var want []string
	for i := range n {
		want = append(want, fmt.Sprintf("day-%02d", i))
	}
	same(t, "ids", want, ids, err)
}

func testPlans(t *testing.T, s *store.Store) {
	ctx := t.Context()
	var first, second slipway.Plan
	update(t, s, func(ctx context.Context, tx *store.Tx) (err error) {
		if first, err = tx.CreatePlan(ctx, slipway.Plan{Project: "default", Digest: "x"}); err != nil {
			return err
		}
		second, err = tx.CreatePlan(ctx, slipway.Plan{Project: "default", Digest: "x"})
		return err
	})
	if first.ID <= 0 || second.ID <= first.ID {
		t.Errorf("plan ids %d, %d: they must grow from 1", first.ID, second.ID)
	}
	got, err := s.PlanByDigest(ctx, "default", "x")
	same(t, "newest plan of a digest", second, got, err)
	_, err = s.Plan(ctx, "another", first.ID)
	wantKind(t, "plan under another project's name", err, slipway.NotFound)
	update(t, s, func(ctx context.Context, tx *store.Tx) error {
		_, err := tx.CreateRollout(ctx, slipway.Rollout{Project: "default", Plan: second.ID})
		return err
	})
	second.HasRollout = true
	got, err = s.Plan(ctx, "default", second.ID)
	same(t, "plan with a rollout", second, got, err)
}

// newRollout makes a plan and its rollout: two databases in test, none in
// staging, one in prod.
func newRollout(t testing.TB, s *store.Store) slipway.Rollout {
	t.Helper()
	task := func(name string) slipway.Task {
		return slipway.Task{SpecID: "s", Target: slipway.DatabaseRef{Instance: "pg", Database: name}, Release: "projects/default/releases/r"}
	}
	var o slipway.Rollout
	update(t, s, func(ctx context.Context, tx *store.Tx) error {
		p, err := tx.CreatePlan(ctx, slipway.Plan{Project: "default"})
		if err != nil {
			return err
		}
		o, err = tx.CreateRollout(ctx, slipway.Rollout{
			Project: "default", Plan: p.ID, Title: "T", Creator: "users/ann", Created: epoch,
			Stages: []slipway.Stage{
				{Environment: "test", Tasks: []slipway.Task{task("a"), task("b")}},
				{Environment: "staging"},
				{Environment: "prod", Tasks: []slipway.Task{task("c")}},
			},
		})
		return err
	})
	return o
}

func testRollout(t *testing.T, s *store.Store) {
	ctx := t.Context()
	o := newRollout(t, s)
	other := newRollout(t, s)
	got, err := s.Rollout(ctx, "default", o.Plan)
	same(t, "rollout as it was returned", o, got, err)
	first := o.Stages[0].Tasks[0]
	want := slipway.Task{
		ID: first.ID, Project: "default", Plan: o.Plan, SpecID: "s", Environment: "test", Target: slipway.DatabaseRef{Instance: "pg", Database: "a"},
		Release: "projects/default/releases/r", Status: slipway.NotStarted, Updated: epoch,
	}
	task, err := s.Task(ctx, first.ID)
	same(t, "task", want, task, err)
	if first.ID == 0 || first.ID == o.Stages[0].Tasks[1].ID {
		t.Errorf("task ids %d, %d: they must differ and not be 0", first.ID, o.Stages[0].Tasks[1].ID)
	}
	both, _, err := s.Rollouts(ctx, "default", slipway.Page{})
	same(t, "rollouts with their own tasks", []slipway.Rollout{other, o}, both, err)
	err = try(t, s, func(ctx context.Context, tx *store.Tx) error { _, err := tx.CreateRollout(ctx, o); return err })
	wantKind(t, "second rollout of a plan", err, slipway.Exists)
	_, err = s.Rollout(ctx, "another", o.Plan)
	wantKind(t, "rollout under another project's name", err, slipway.NotFound)
	err = try(t, s, func(ctx context.Context, tx *store.Tx) error {
		_, err := tx.CreateRollout(ctx, slipway.Rollout{Project: "default", Plan: 999})
		return err
	})
	wantKind(t, "rollout of a plan that is not there", err, slipway.Precondition)

	update(t, s, func(ctx context.Context, tx *store.Tx) error { return tx.SkipTask(ctx, first.ID, "later") })
	got, err = s.Rollout(ctx, "default", o.Plan)
	if err != nil {
		t.Fatal(err)
	}
	changed := got.Stages[0].Tasks[0]
	if changed.Status != slipway.Skipped || changed.SkippedReason != "later" || !got.Updated.Equal(changed.Updated) || !got.Updated.After(epoch) {
		t.Errorf("after a skip: task %+v, rollout updated %v", changed, got.Updated)
	}
}

func testRevisions(t *testing.T, s *store.Store) {
	ctx := t.Context()
	ref, other := slipway.DatabaseRef{Instance: "pg", Database: "a"}, slipway.DatabaseRef{Instance: "pg", Database: "b"}
	revision := func(ref slipway.DatabaseRef, i int) slipway.Revision {
		return slipway.Revision{Database: ref, ID: fmt.Sprint(i), Version: fmt.Sprint(i), Applied: epoch.Add(time.Duration(i) * time.Second)}
	}
	var many []slipway.Revision
	for i := range 5000 { // more than one statement takes
		many = append(many, revision(slipway.DatabaseRef{}, i))
	}
	update(t, s, func(ctx context.Context, tx *store.Tx) error {
		if err := tx.PutRevision(ctx, revision(other, 1)); err != nil {
			return err
		}
		return tx.PutRevisions(ctx, ref, many)
	})
	got := walk(t, 1000, func(p slipway.Page) ([]slipway.Revision, string, error) { return s.Revisions(ctx, ref, false, p) })
	if len(got) != len(many) || got[0].ID != "4999" || got[4999].ID != "0" {
		t.Errorf("%d revisions, want %d, newest first", len(got), len(many))
	}
	deleted := revision(ref, 1)
	deleted.Deleted, deleted.Deleter = epoch, "users/ann"
	update(t, s, func(ctx context.Context, tx *store.Tx) error {
		if err := tx.PutRevisions(ctx, ref, []slipway.Revision{revision(ref, 0), revision(ref, 1)}); err != nil {
			return err
		}
		return tx.PutRevision(ctx, deleted)
	})
	inForce, _, err := s.Revisions(ctx, ref, false, slipway.Page{})
	same(t, "revisions in force", []slipway.Revision{revision(ref, 0)}, inForce, err)
	all, _, err := s.Revisions(ctx, ref, true, slipway.Page{})
	same(t, "revisions, the deleted too", []slipway.Revision{deleted, revision(ref, 0)}, all, err)
	ledger, err := s.Ledger(ctx, ref)
	same(t, "the whole copy, the first applied first", []slipway.Revision{revision(ref, 0), deleted}, ledger, err)
	_, err = s.Revision(ctx, other, "1")
	if diff := cmp.Diff(nil, err); diff != "" {
		t.Errorf("another database's revision: %s", diff)
	}
	update(t, s, func(ctx context.Context, tx *store.Tx) error { return tx.PutRevisions(ctx, ref, nil) })
	none, _, err := s.Revisions(ctx, ref, true, slipway.Page{})
	same(t, "revisions of an empty ledger", 0, len(none), err)
}
