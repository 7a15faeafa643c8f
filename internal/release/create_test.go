package release_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sync/errgroup"

	"slipway"
	"slipway/internal/release"
	"slipway/internal/storetest"
)

func TestCreateOrdersFiles(t *testing.T) {
	w := newWorld(t, storetest.SQLite(t))
	rel, made, err := w.releases.Create(t.Context(), pipeline, release.Draft{Project: "shop", Files: []slipway.File{
		file("m/1.10_c.sql", "SELECT 3;"),
		file("m/v1.9_b.sql", "SELECT 2;"),
		{Path: "m/first.sql", Version: "V1.2", Statement: []byte("\xef\xbb\xbfSELECT 1;")},
		file("m/202611221530_d.sql", "SELECT 4;"),
	}})
	must(t, err)
	if !made || rel.ID != "release_20261122-RC00" || rel.Creator != "users/"+pipeline.Email {
		t.Errorf("made %v %q by %q, want release_20261122-RC00 by the pipeline", made, rel.ID, rel.Creator)
	}
	var got []string
	for _, f := range rel.Files {
		got = append(got, f.Version+" "+f.Path)
	}
	want := []string{"1.2 m/first.sql", "1.9 m/v1.9_b.sql", "1.10 m/1.10_c.sql", "202611221530 m/202611221530_d.sql"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	sheet, err := w.releases.Sheet(t.Context(), admin, "shop", rel.Files[0].SHA256, true)
	must(t, err)
	if !bytes.Equal(sheet.Content, []byte("\xef\xbb\xbfSELECT 1;")) {
		t.Errorf("the sheet holds %q, want the file's raw bytes", sheet.Content)
	}
}

func TestCreateRefuses(t *testing.T) {
	w := newWorld(t, storetest.SQLite(t))
	ok := file("1_a.sql", "SELECT 1;")
	cases := []struct {
		reason string
		draft  release.Draft
		kind   slipway.Kind
		says   string
	}{
		{"no files", release.Draft{}, slipway.Invalid, "at least one file"},
		{"change 28: no version in the name", release.Draft{Files: []slipway.File{file("init.sql", "SELECT 1;")}}, slipway.Invalid, `"init.sql" carries no version`},
		{"a version that is none", release.Draft{Files: []slipway.File{{Path: "a.sql", Version: "1.x", Statement: []byte("x")}}}, slipway.Invalid, "numbers with dots"},
		{"change 26: 1 and 01 are one version", release.Draft{Files: []slipway.File{ok, file("01_b.sql", "SELECT 2;")}}, slipway.Invalid, "found duplicate version"},
		{"change 26: 1 and v1.0 are one version", release.Draft{Files: []slipway.File{ok, file("v1.0_b.sql", "SELECT 2;")}}, slipway.Invalid, "found duplicate version"},
		{"an empty file", release.Draft{Files: []slipway.File{file("1_a.sql", "")}}, slipway.Invalid, "either sheet or statement must be set"},
		{"change 32: UTF-16", release.Draft{Files: []slipway.File{file("1_a.sql", "\xff\xfeS\x00")}}, slipway.Invalid, `"1_a.sql"`},
		{"change 33: NUL", release.Draft{Files: []slipway.File{file("1_a.sql", "SELECT 1;\x00")}}, slipway.Invalid, "line 1"},
		{"a line feed in a path", release.Draft{Files: []slipway.File{file("1_a\n.sql", "SELECT 1;")}}, slipway.Invalid, "control character"},
		{"a sheet that is not there", release.Draft{Files: []slipway.File{{Path: "1_a.sql", SHA256: strings.Repeat("a", 64)}}}, slipway.NotFound, "sheet"},
		{"a template without an iteration", release.Draft{Files: []slipway.File{ok}, Template: "r_{date}"}, slipway.Invalid, "{iteration}"},
		{"a template whose iteration is not last", release.Draft{Files: []slipway.File{ok}, Template: "r_{iteration}_{date}"}, slipway.Invalid, "must end with {iteration}"},
		{"a template without a time", release.Draft{Files: []slipway.File{ok}, Template: "r_{iteration}"}, slipway.Invalid, "needs one of"},
		{"a template with a stranger", release.Draft{Files: []slipway.File{ok}, Template: "r_{date}_{sha}_{iteration}"}, slipway.Invalid, "{sha} is not a variable"},
		{"a template with a slash", release.Draft{Files: []slipway.File{ok}, Template: "r/{date}-{iteration}"}, slipway.Invalid, "letters, digits"},
		{"a zone that is none", release.Draft{Files: []slipway.File{ok}, Zone: "Mars/Olympus"}, slipway.Invalid, "time zone"},
		{"the server's zone", release.Draft{Files: []slipway.File{ok}, Zone: "Local"}, slipway.Invalid, "time zone"},
	}
	for _, c := range cases {
		t.Run(c.reason, func(t *testing.T) {
			c.draft.Project = "shop"
			_, _, err := w.releases.Create(t.Context(), pipeline, c.draft)
			if err == nil || slipway.KindOf(err) != c.kind || !strings.Contains(slipway.MessageOf(err), c.says) {
				t.Errorf("got %v, want kind %v and words with %q", err, c.kind, c.says)
			}
		})
	}
}

func TestChange56IDs(t *testing.T) {
	w := newWorld(t, storetest.SQLite(t))
	for i, c := range []struct{ template, zone, want string }{
		{"", "", "release_20261122-RC00"},
		{"", "UTC", "release_20261122-RC01"},
		{"", "Asia/Tokyo", "release_20261123-RC00"}, // half past eight there, the next day
		{"{timestamp}.{iteration}", "America/New_York", "20261122_1830.00"},
		{"r{date}at{time}-{iteration}", "", "r20261122at2330-00"},
	} {
		rel, _, err := w.releases.Create(t.Context(), pipeline, release.Draft{
			Project: "shop", Files: []slipway.File{file("1_a.sql", fmt.Sprintf("SELECT %d;", i))}, Template: c.template, Zone: c.zone,
		})
		must(t, err)
		if rel.ID != c.want {
			t.Errorf("template %q in %q made %q, want %q", c.template, c.zone, rel.ID, c.want)
		}
	}
}

// The same content is the same release, unless it is told apart or was deleted.
func TestCreateAgain(t *testing.T) {
	w := newWorld(t, storetest.SQLite(t))
	ctx := t.Context()
	d := release.Draft{Project: "shop", Files: []slipway.File{file("1_a.sql", "SELECT 1;"), file("2_b.sql", "SELECT 2;")}}
	first, _, err := w.releases.Create(ctx, pipeline, d)
	must(t, err)
	d.Files[0], d.Files[1] = d.Files[1], d.Files[0]
	d.Source = slipway.VCSSource{Type: "GITLAB", URL: "https://gitlab.test/c/2"}
	again, made, err := w.releases.Create(ctx, pipeline, d)
	must(t, err)
	if made || again.ID != first.ID {
		t.Errorf("the same files in another order made %v %q, want %q again", made, again.ID, first.ID)
	}
	d.Category = "hotfix"
	other, made, err := w.releases.Create(ctx, pipeline, d)
	must(t, err)
	if !made || other.ID == first.ID {
		t.Error("another category found the release of none")
	}
	d.Category = ""
	if again, made, err := w.releases.Create(ctx, pipeline, d); err != nil || made || again.ID != first.ID {
		t.Errorf("the first category again: %v, made %v %q, want %q", err, made, again.ID, first.ID)
	}
	d.Files[0].Path = "2_c.sql"
	if renamed, made, err := w.releases.Create(ctx, pipeline, d); err != nil || !made {
		t.Errorf("another path: %v, made %v %q", err, made, renamed.ID)
	}
	d.Files[0].Path = "2_b.sql"
	must(t, w.releases.Delete(ctx, admin, "shop", first.ID))
	must(t, w.releases.Delete(ctx, admin, "shop", other.ID))
	if _, made, err := w.releases.Create(ctx, pipeline, d); err != nil || !made {
		t.Errorf("after the release was deleted: %v, made %v, want a new one", err, made)
	}
}

// Two pipelines make the first releases of a day: change case 57.
func TestChange57CreateAtOnce(t *testing.T) {
	for name, open := range map[string]func(*testing.T) *world{
		"SQLite":     func(t *testing.T) *world { return newWorld(t, storetest.SQLite(t)) },
		"PostgreSQL": func(t *testing.T) *world { return newWorld(t, storetest.Postgres(t)) },
	} {
		t.Run(name, func(t *testing.T) {
			w := open(t)
			const n = 6
			ids := make([]string, n)
			var g errgroup.Group
			for i := range n {
				g.Go(func() error {
					rel, _, err := w.releases.Create(t.Context(), pipeline, release.Draft{Project: "shop", Files: []slipway.File{file("1_a.sql", fmt.Sprintf("SELECT %d;", i))}})
					ids[i] = rel.ID
					return err
				})
			}
			must(t, g.Wait())
			seen := map[string]bool{}
			for _, id := range ids {
				seen[id] = true
			}
			for i := range n {
				if id := fmt.Sprintf("release_20261122-RC%02d", i); !seen[id] {
					t.Errorf("%s is missing among %v", id, ids)
				}
			}
		})
	}
}

// Two pipelines send the same files at the same instant.
func TestCreateTheSameAtOnce(t *testing.T) {
	for name, open := range map[string]func(*testing.T) *world{
		"SQLite":     func(t *testing.T) *world { return newWorld(t, storetest.SQLite(t)) },
		"PostgreSQL": func(t *testing.T) *world { return newWorld(t, storetest.Postgres(t)) },
	} {
		t.Run(name, func(t *testing.T) {
			w := open(t)
			const n = 6
			ids, made := make([]string, n), make([]bool, n)
			var g errgroup.Group
			for i := range n {
				g.Go(func() (err error) {
					var rel slipway.Release
					rel, made[i], err = w.releases.Create(t.Context(), pipeline, release.Draft{Project: "shop", Files: []slipway.File{file("1_a.sql", "SELECT 1;")}})
					ids[i] = rel.ID
					return err
				})
			}
			must(t, g.Wait())
			makers := 0
			for i := range n {
				if made[i] {
					makers++
				}
				if ids[i] != "release_20261122-RC00" {
					t.Errorf("call %d got %q, want the one release there is", i, ids[i])
				}
			}
			if makers != 1 {
				t.Errorf("%d of %d calls made a release, want 1", makers, n)
			}
		})
	}
}

func TestStrangers(t *testing.T) {
	w := newWorld(t, storetest.SQLite(t))
	ctx := t.Context()
	rel, _, err := w.releases.Create(ctx, pipeline, release.Draft{Project: "shop", Files: []slipway.File{file("1_a.sql", "SELECT 1;")}})
	must(t, err)
	for name, call := range map[string]func() error{
		"create": func() error {
			_, _, err := w.releases.Create(ctx, stranger, release.Draft{Project: "shop"})
			return err
		},
		"check": func() error { _, err := w.releases.Check(ctx, stranger, release.Question{Project: "shop"}); return err },
		"get":   func() error { _, err := w.releases.Release(ctx, stranger, "shop", rel.ID); return err },
		"list": func() error {
			_, _, err := w.releases.Releases(ctx, stranger, "shop", release.Filter{}, slipway.Page{})
			return err
		},
		"delete": func() error { return w.releases.Delete(ctx, pipeline, "shop", rel.ID) },
		"sheet":  func() error { _, err := w.releases.Sheet(ctx, pipeline, "shop", rel.Files[0].SHA256, true); return err },
		"update": func() error { return w.releases.Update(ctx, pipeline, "shop", rel.ID) },
		"absent": func() error { _, err := w.releases.Release(ctx, stranger, "none", "r"); return err },
	} {
		if err := call(); slipway.KindOf(err) != slipway.Denied {
			t.Errorf("%s: %v, want Denied", name, err)
		}
	}
	if err := w.releases.Update(ctx, admin, "shop", rel.ID); slipway.KindOf(err) != slipway.Unimplemented {
		t.Errorf("changing a release: %v, want Unimplemented", err)
	}
}
