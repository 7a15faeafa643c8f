// Package arch_test keeps the floors of ARCHITECTURE.md: a package imports
// lower floors only, and its own parent.
package arch_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "slipway"

// floors lists every package of the module by the floor it stands on. A package
// that is missing here fails the test: choose its floor before writing it.
var floors = [][]string{
	0: {"slipway", "slipway/internal/sqltext", "slipway/internal/pb/..."},
	1: {"slipway/internal/iam", "slipway/internal/trust", "slipway/internal/review"},
	2: {"slipway/internal/store", "slipway/internal/idtoken", "slipway/internal/signer", "slipway/internal/secret", "slipway/internal/engine/..."},
	3: {"slipway/internal/gate", "slipway/internal/dbgroup"},
	4: {"slipway/internal/inventory", "slipway/internal/access", "slipway/internal/release", "slipway/internal/rollout"},
	5: {"slipway/internal/api/...", "slipway/internal/oauth", "slipway/internal/console/..."},
	6: {"slipway/internal/server", "slipway/internal/cli"},
	7: {"slipway/internal/demo"},
	8: {"slipway/cmd/slipway"},
}

// kits help tests and are imported by test files alone.
var kits = []string{
	"slipway/internal/storetest", "slipway/internal/enginetest", "slipway/internal/idtokentest",
	"slipway/internal/trusttest", "slipway/internal/openidtest", "slipway/internal/dbtest", "slipway/internal/servertest", "slipway/e2e", "slipway/internal/arch",
}

// only names who may import the generated wire types.
var only = map[string][]string{
	"slipway/internal/pb": {"slipway/internal/api", "slipway/internal/cli", "slipway/internal/pb"},
}

// An edge is one import: file, a part of package from, imports to.
type edge struct {
	file, from, to string
}

func TestFloors(t *testing.T) {
	edges, err := imports("../..")
	if err != nil {
		t.Fatal(err)
	}
	if len(edges) < 20 {
		t.Fatalf("found %d imports of our own packages: the walk does not see the module", len(edges))
	}
	for _, e := range edges {
		if why := verdict(e); why != "" {
			t.Errorf("%s: %s", e.file, why)
		}
	}
}

func TestVerdict(t *testing.T) {
	for _, tc := range []struct {
		from, to string
		ok       bool
	}{
		{"slipway/internal/store", "slipway", true},
		{"slipway/internal/store", "slipway/internal/iam", true},
		{"slipway/internal/gate", "slipway/internal/store", true},
		{"slipway/internal/engine/postgres", "slipway/internal/engine", true},
		{"slipway/internal/api", "slipway/internal/api/rest", true},
		{"slipway/internal/store", "slipway/internal/gate", false},
		{"slipway/internal/store", "slipway/internal/engine", false},
		{"slipway/internal/engine/postgres", "slipway/internal/engine/sqlite", false},
		{"slipway/internal/rollout", "slipway/internal/pb/bytebase/v1", false},
		{"slipway/internal/access", "slipway/internal/dbtest", false},
		{"slipway/internal/nowhere", "slipway", false},
	} {
		if why := verdict(edge{from: tc.from, to: tc.to}); (why == "") != tc.ok {
			t.Errorf("verdict(%s imports %s) = %q, want allowed %v", tc.from, tc.to, why, tc.ok)
		}
	}
}

// verdict says why e is forbidden, or "".
func verdict(e edge) string {
	if slices.Contains(kits, e.from) {
		return ""
	}
	if slices.Contains(kits, e.to) {
		return e.from + " imports " + e.to + ", which is for tests"
	}
	for to, who := range only {
		if under(e.to, to) && !slices.ContainsFunc(who, func(w string) bool { return under(e.from, w) }) {
			return e.from + " imports " + e.to + ", which only faces may see"
		}
	}
	from, to := floor(e.from), floor(e.to)
	switch {
	case from < 0:
		return e.from + " stands on no floor: add it to the list"
	case to < 0:
		return e.to + " stands on no floor: add it to the list"
	case to < from, path.Dir(e.from) == e.to, path.Dir(e.to) == e.from && strings.HasSuffix(e.to, "/rest"):
		return ""
	case under(e.from, "slipway/internal/pb") && under(e.to, "slipway/internal/pb"):
		return "" // generated code imports generated code
	}
	return e.from + " (floor " + strconv.Itoa(from) + ") may not import " + e.to + " (floor " + strconv.Itoa(to) + ")"
}

func floor(pkg string) int {
	for n, list := range floors {
		for _, p := range list {
			if tree, ok := strings.CutSuffix(p, "/..."); p == pkg || ok && under(pkg, tree) {
				return n
			}
		}
	}
	return -1
}

func under(pkg, tree string) bool { return pkg == tree || strings.HasPrefix(pkg, tree+"/") }

// imports parses every Go file that is not a test and returns what it imports
// of the module. It parses rather than runs go list: go test caches a result
// until a file that the test itself has read changes, and it can't see what a
// child process reads.
func imports(root string) ([]edge, error) {
	var edges []edge
	err := filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (strings.HasPrefix(d.Name(), ".") && d.Name() != ".." || d.Name() == "testdata" || d.Name() == "tools") && file != root {
			return filepath.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") {
			return nil
		}
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, filepath.Dir(file))
		if err != nil {
			return err
		}
		from := path.Join(module, filepath.ToSlash(rel))
		for _, spec := range f.Imports {
			to, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			if under(to, module) {
				edges = append(edges, edge{file: file, from: from, to: to})
			}
		}
		return nil
	})
	return edges, err
}
