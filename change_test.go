package slipway_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// Names that say which change cases a test shows: "TestChange2And15Lost",
// "change 31, 34: a byte order mark", "change-26-28-usage.txtar".
var (
	caseFunc  = regexp.MustCompile(`^TestChange(\d+(?:And\d+)*)`)
	caseText  = regexp.MustCompile(`^change (\d+(?:, \d+)*): .`)
	caseStory = regexp.MustCompile(`^change-(\d+(?:-\d+)*)-.*\.txtar$`)
	digits    = regexp.MustCompile(`\d+`)
)

// Every case that testdata/change-cases.txt demands has a test with its number.
func TestChangeCasesHaveTests(t *testing.T) {
	shown, err := changeCases(os.DirFS("."))
	if err != nil {
		t.Fatal(err)
	}
	list, err := os.ReadFile("testdata/change-cases.txt")
	if err != nil {
		t.Fatal(err)
	}
	demanded := map[string]bool{}
	for line := range strings.Lines(string(list)) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		number, what, ok := strings.Cut(strings.TrimSpace(line), " ")
		if _, err := strconv.Atoi(number); err != nil || !ok || demanded[number] {
			t.Fatalf("line %q: want a number of its own and what it is about", line)
		}
		demanded[number] = true
		if len(shown[number]) == 0 {
			t.Errorf("change case %s has no test: %s", number, what)
		}
	}
	for number, names := range shown {
		if !demanded[number] {
			t.Errorf("%s: change case %s is not in testdata/change-cases.txt", names[0], number)
		}
	}
}

// What stands in a comment or in a function that is no test shows nothing.
func TestChangeCasesAreFound(t *testing.T) {
	dir := t.TempDir()
	for path, text := range map[string]string{
		"a/a_test.go": `package a
			// TestChange7Comment, "change 8: in a comment"
			func TestChange1And2Two(t *testing.T) { t.Run("change 3, 4: two more", nil); t.Run("no change 9: here", nil) }
			func helper() { _ = "change 10: in no test or suite" }
			func TestTable(t *testing.T) { for range []struct{ name string }{{"change 5: of a table"}} { t.Run("", nil) } }`,
		"a/suitetest/suite.go":          `package suitetest; func testX(t *testing.T) { t.Run("change 6: in a suite", nil) }`,
		"a/a.go":                        `package a; func TestChange11NoTestFile() {}`,
		"testdata/change-12-13-x.txtar": "# nothing",
	} {
		path = filepath.Join(dir, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	shown, err := changeCases(os.DirFS(dir))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for number := range shown {
		got = append(got, number)
	}
	slices.Sort(got)
	if want := []string{"1", "12", "13", "2", "3", "4", "5", "6"}; !slices.Equal(got, want) {
		t.Errorf("found %v, want %v", got, want)
	}
}

// changeCases lists the tests of a tree that name change cases, by number.
func changeCases(tree fs.FS) (map[string][]string, error) {
	shown := map[string][]string{}
	add := func(numbers, name string) {
		for _, n := range digits.FindAllString(numbers, -1) {
			shown[n] = append(shown[n], name)
		}
	}
	err := fs.WalkDir(tree, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if m := caseStory.FindStringSubmatch(entry.Name()); m != nil {
			add(m[1], path)
		}
		folder := filepath.Base(filepath.Dir(path))
		if !strings.HasSuffix(path, "_test.go") && (!strings.HasSuffix(folder, "test") || !strings.HasSuffix(path, ".go")) {
			return nil
		}
		text, err := fs.ReadFile(tree, path)
		if err != nil {
			return err
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, text, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		for _, decl := range f.Decls {
			fn, ok := decl.(*ast.FuncDecl)
			if !ok || fn.Body == nil || !takesT(fn) {
				continue
			}
			if m := caseFunc.FindStringSubmatch(fn.Name.Name); m != nil && len(fn.Body.List) > 0 {
				add(m[1], path+" "+fn.Name.Name)
			}
			ast.Inspect(fn.Body, func(n ast.Node) bool {
				if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
					name, _ := strconv.Unquote(lit.Value)
					if m := caseText.FindStringSubmatch(name); m != nil {
						add(m[1], path+" "+name)
					}
				}
				return true
			})
		}
		return nil
	})
	return shown, err
}

// takesT reports whether a function takes a *testing.T, as tests and the parts
// of suites do.
func takesT(fn *ast.FuncDecl) bool {
	for _, p := range fn.Type.Params.List {
		star, ok := p.Type.(*ast.StarExpr)
		if !ok {
			continue
		}
		if sel, ok := star.X.(*ast.SelectorExpr); ok && sel.Sel.Name == "T" {
			return true
		}
	}
	return false
}
