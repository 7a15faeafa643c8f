package release_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"slipway"
	"slipway/internal/inventory"
	"slipway/internal/release"
	"slipway/internal/sqltext"
	"slipway/internal/storetest"
)

const onA, onB = "instances/lite/databases/a", "instances/lite/databases/b"

func sum(b []byte) string {
	s := sha256.Sum256(b)
	return hex.EncodeToString(s[:])
}

// told says in short what an answer holds: "file on target: LEVEL title".
func told(a release.Answer) []string {
	var list []string
	for _, r := range a.Results {
		for _, adv := range r.Advices {
			list = append(list, fmt.Sprintf("%s on %s: %s %s", r.File, r.Target[len(r.Target)-1:], adv.Level, adv.Title))
		}
	}
	return list
}

func (w *world) check(files []slipway.File, targets ...string) release.Answer {
	w.t.Helper()
	a, err := w.releases.Check(w.t.Context(), pipeline, release.Question{Project: "shop", Files: files, Targets: targets})
	must(w.t, err)
	return a
}

// What is applied, edited, reformatted or late, one target after the other.
func TestChange24And25CheckAgainstLedgers(t *testing.T) {
	w := newWorld(t, storetest.SQLite(t))
	first, second := file("1_a.sql", "CREATE TABLE x (id int NOT NULL PRIMARY KEY);"), file("2_b.sql", "CREATE TABLE y (id int NOT NULL PRIMARY KEY);")
	third := file("3_c.sql", "CREATE TABLE z (id int NOT NULL PRIMARY KEY);")
	first.Version, second.Version, third.Version = "1", "2", "3"
	all := []slipway.File{third, first, second}

	if a := w.check(all, onA); len(told(a)) != 0 || a.Pending != 3 {
		t.Errorf("clean files: %v and %d pending, want nothing and 3", told(a), a.Pending)
	}
	w.applied("a", first, sum(first.Statement), "")
	if a := w.check(all, onA, onB); len(told(a)) != 0 || a.Pending != 5 {
		t.Errorf("file 1 applied to a: %v and %d pending, want nothing and 2+3", told(a), a.Pending)
	}
	w.applied("a", third, strings.Repeat("0", 64), "")
	w.applied("b", third, strings.Repeat("0", 64), sum(sqltext.Normalize(sqltext.SQLite, third.Statement)))
	want := []string{
		"2_b.sql on a: ERROR Out of order",
		"3_c.sql on a: ERROR Applied file has been modified",
		"1_a.sql on b: ERROR Out of order",
		"2_b.sql on b: ERROR Out of order",
		"3_c.sql on b: WARNING Applied file has been reformatted",
	}
	if diff := cmp.Diff(want, told(w.check(all, onA, onB))); diff != "" {
		t.Errorf("findings (-want +got):\n%s", diff)
	}
}

// A check of an edited file shows both contents where they part, and no constant.
func TestChange24TheDifferenceIsTold(t *testing.T) {
	w := newWorld(t, storetest.SQLite(t))
	was := file("1_a.sql", "CREATE TABLE x (id int);\nINSERT INTO x VALUES ('secret');\n")
	was.Version = "1"
	_, err := w.releases.CreateSheets(t.Context(), admin, "shop", [][]byte{was.Statement})
	must(t, err)
	w.applied("a", was, sum(was.Statement), "")
	other := file("1_a.sql", "SELECT 1;")
	other.Version = "1"
	w.applied("b", other, sum(other.Statement), "") // is no sheet of the project
	for _, tc := range []struct{ text, want string }{
		{"-- a\nCREATE TABLE x (id  int);\nINSERT INTO x VALUES\n('secret'), ('b');", ". Line 2 was: INSERT INTO x VALUES ('…'). It is now, at line 3: INSERT INTO x VALUES ('…'), ('…')"},
		{"CREATE TABLE x (id int);\nINSERT INTO x VALUES ('secret2');", ". Line 2 was line 2 and differs in what is not shown: INSERT INTO x VALUES ('…')"},
		{"CREATE TABLE x (id int);", ". Gone from line 2: INSERT INTO x VALUES ('…')"},
		{string(was.Statement) + "DELETE FROM x;", ". New at line 3: DELETE FROM x"},
	} {
		now := file("1_a.sql", tc.text)
		a := w.check([]slipway.File{now}, onA)
		if got := a.Results[0].Advices[0]; got.Level != slipway.AdviceError || !strings.HasSuffix(got.Content, sum(now.Statement)+tc.want) || strings.Contains(got.Content, "secret") {
			t.Errorf("got %+v, want %q at its end", got, tc.want)
		}
		a = w.check([]slipway.File{now}, onB)
		if got := a.Results[0].Advices[0]; !strings.HasSuffix(got.Content, sum(now.Statement)) {
			t.Errorf("of another project's file: %q", got.Content)
		}
	}
}

// What a version that comes late is depends on its project.
func TestChange25OutOfOrder(t *testing.T) {
	w := newWorld(t, storetest.SQLite(t))
	first, second := file("1_a.sql", "CREATE TABLE x (id int NOT NULL PRIMARY KEY);"), file("2_b.sql", "CREATE TABLE y (id int NOT NULL PRIMARY KEY);")
	second.Version = "2"
	w.applied("a", second, sum(second.Statement), "")
	for policy, want := range map[slipway.OutOfOrder]string{
		"": "1_a.sql on a: ERROR Out of order", slipway.LateRefused: "1_a.sql on a: ERROR Out of order",
		slipway.LateWarned: "1_a.sql on a: WARNING Out of order", slipway.LateAllowed: "",
	} {
		_, err := w.inv.UpdateProject(t.Context(), admin, "shop", inventory.ProjectPatch{OutOfOrder: &policy})
		must(t, err)
		if a := w.check([]slipway.File{first, second}, onA); strings.Join(told(a), "; ") != want || a.Pending != 1 {
			t.Errorf("policy %q: %v and %d pending, want %q and 1", policy, told(a), a.Pending, want)
		}
	}
	if _, err := w.inv.UpdateProject(t.Context(), admin, "shop", inventory.ProjectPatch{OutOfOrder: new(slipway.OutOfOrder("MAYBE"))}); slipway.KindOf(err) != slipway.Invalid {
		t.Errorf("a policy that is none: %v", err)
	}
}

// A target that is away is a finding about it; the others are checked.
func TestCheckUnreachable(t *testing.T) {
	w := newWorld(t, storetest.SQLite(t))
	w.remove("a")
	a := w.check([]slipway.File{file("1_a.sql", "DELETE FROM old;")}, onA, onB)
	got := told(a)
	if len(got) < 2 || got[0] != "1_a.sql on a: ERROR Target cannot be checked" || !strings.HasPrefix(got[1], "1_a.sql on b: ERROR STATEMENT_WHERE_REQUIRE_UPDATE_DELETE") {
		t.Errorf("findings are %v, want that a is away and the rule's about b", got)
	}
	if a.Risk != slipway.RiskModerate {
		t.Errorf("risk is %q, want MODERATE", a.Risk)
	}
}

// The engine sees each file after the ones before it, and changes nothing.
func TestCheckBySimulation(t *testing.T) {
	w := newWorld(t, storetest.SQLite(t))
	a := w.check([]slipway.File{
		file("1_a.sql", "CREATE TABLE x (id int NOT NULL PRIMARY KEY);"),
		file("2_b.sql", "INSERT INTO x (id) VALUES (1);"),
		file("3_c.sql", "INSERT INTO nowhere (id) VALUES (1);"),
		file("4_d.sql", "CREATE TABEL y (id int);"),
	}, onA)
	files := map[string]bool{}
	for _, r := range a.Results {
		for _, adv := range r.Advices {
			if adv.Level == slipway.AdviceError {
				files[r.File] = true
			}
		}
	}
	if diff := cmp.Diff(map[string]bool{"3_c.sql": true, "4_d.sql": true}, files); diff != "" {
		t.Errorf("files with errors (-want +got):\n%s\n%v", diff, told(a))
	}
	if a := w.check([]slipway.File{file("1_a.sql", "CREATE TABLE x (id int NOT NULL PRIMARY KEY);")}, onA); len(told(a)) != 0 {
		t.Errorf("the check before made the table: %v", told(a))
	}
}

func TestCheckBytes(t *testing.T) {
	w := newWorld(t, storetest.SQLite(t))
	a := w.check([]slipway.File{file("1_a.sql", "SELECT 1;\x00"), file("2_b.sql", "CREATE TABLE x (id int NOT NULL PRIMARY KEY);")}, onA)
	if len(a.Results) != 1 || a.Results[0].File != "1_a.sql" || a.Results[0].Advices[0].Level != slipway.AdviceError || a.Results[0].Advices[0].Start.Line != 1 {
		t.Errorf("a NUL byte in file 1: %+v", a.Results)
	}
}

func TestCheckTargets(t *testing.T) {
	w := newWorld(t, storetest.SQLite(t))
	ctx := t.Context()
	for id, expr := range map[string]string{"only-b": `resource.database_name == "b"`, "none": "false"} {
		_, err := w.inv.CreateDatabaseGroup(ctx, admin, slipway.DatabaseGroup{Project: "shop", ID: id, Expr: expr}, false)
		must(t, err)
	}
	f := []slipway.File{file("1_a.sql", "CREATE TABLE x (id int NOT NULL PRIMARY KEY);")}
	cases := []struct {
		reason  string
		targets []string
		kind    slipway.Kind
		pending int // without an error
	}{
		{"none is every database of the project", nil, 0, 2},
		{"twice the same is once", []string{onA, onA, "projects/shop/" + onA}, 0, 1},
		{"through another project", []string{"projects/default/" + onA}, slipway.Invalid, 0},
		{"no such database", []string{"instances/lite/databases/none"}, slipway.NotFound, 0},
		{"no name of a database", []string{"a"}, slipway.Invalid, 0},
		{"a group", []string{"projects/shop/databaseGroups/only-b"}, 0, 1},
		{"a group and one of it", []string{"instances/lite/databases/b", "projects/shop/databaseGroups/only-b", onA}, 0, 2},
		{"a group that no database fits", []string{"projects/shop/databaseGroups/none"}, slipway.Precondition, 0},
		{"no such group", []string{"projects/shop/databaseGroups/nope"}, slipway.NotFound, 0},
		{"a group of another project", []string{"projects/default/databaseGroups/only-b"}, slipway.Invalid, 0},
	}
	for _, c := range cases {
		t.Run(c.reason, func(t *testing.T) {
			a, err := w.releases.Check(ctx, pipeline, release.Question{Project: "shop", Files: f, Targets: c.targets})
			if c.kind != 0 && slipway.KindOf(err) != c.kind {
				t.Errorf("got %v, want kind %v", err, c.kind)
			}
			if c.kind == 0 && (err != nil || a.Pending != c.pending) {
				t.Errorf("got %v and %d pending, want %d", err, a.Pending, c.pending)
			}
		})
	}
}

// A flood of findings is cut, never to nothing.
// A check that nobody waits for any more stops reading files.
func TestCheckEndsWithItsCaller(t *testing.T) {
	w := newWorld(t, storetest.SQLite(t))
	// The engine gives up at a syntax error, so that it is the review that takes long.
	text := "SELEC;" + "INSERT INTO old (id) VALUES " + strings.Repeat("(1),", 1<<16) + "(1);"
	var files []slipway.File
	for i := range 100 {
		files = append(files, file(fmt.Sprintf("%d_x.sql", i+1), text))
	}
	began := time.Now()
	if _, err := w.releases.Check(t.Context(), pipeline, release.Question{Project: "shop", Files: files[:1]}); err != nil {
		t.Fatal(err)
	}
	one := time.Since(began)
	ctx, cancel := context.WithTimeout(t.Context(), one)
	defer cancel()
	began = time.Now()
	if _, err := w.releases.Check(ctx, pipeline, release.Question{Project: "shop", Files: files}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want that the time was up", err)
	}
	if took := time.Since(began); took > 10*one {
		t.Errorf("a hundred files went on for %s, where one takes %s", took, one)
	}
}

func TestCheckIsBounded(t *testing.T) {
	w := newWorld(t, storetest.SQLite(t))
	a := w.check([]slipway.File{file("1_a.sql", strings.Repeat("DELETE FROM old;\n", 5000))}, onA)
	n := 0
	for _, r := range a.Results {
		n += len(r.Advices)
	}
	if n == 0 || n > 250 || !slices.ContainsFunc(a.Results[0].Advices, func(adv slipway.Advice) bool { return adv.Level == slipway.AdviceError }) {
		t.Errorf("%d findings, want some, with an error, and not 5,000", n)
	}
}
