// Package e2e_test tells stories about the whole program: the real binary, a
// real issuer over TLS, real databases, a real shell.
package e2e_test

import (
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// bin is the folder with the program under each of its names.
var (
	bin        string
	buildFlags []string
)

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "slipway-e2e-")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer func() { _ = os.RemoveAll(dir) }()
		bin = dir
		if err := sideBySide(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		if err := build(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		return m.Run()
	}())
}

// sideBySide has more stories run at a time than there are processors, unless
// the command line says how many: most of what they do is to wait for servers.
func sideBySide() error {
	flag.Parse()
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == "test.parallel" })
	if given {
		return nil
	}
	return flag.Set("test.parallel", strconv.Itoa(3*runtime.GOMAXPROCS(0)))
}

// build links the program and the names that documents out there call it by.
func build() error {
	args := append([]string{"build", "-o", filepath.Join(bin, "slipway")}, buildFlags...)
	out, err := exec.Command("go", append(args, "slipway/cmd/slipway")...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("build the program: %w\n%s", err, out)
	}
	for _, name := range []string{"bytebase-action", "sql-review"} {
		if err := os.Symlink("slipway", filepath.Join(bin, name)); err != nil {
			return err
		}
	}
	return nil
}

// readProgram reads every file that the binary is made of, once. Go test keeps
// a result until a file that the test itself has read changes; it can't see
// what go build reads, and would call stories of an older program passed.
var readProgram = sync.OnceValue(func() error {
	n := 0
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == ".git" || d.Name() == "testdata" || d.Name() == "e2e" || d.Name() == "docs" || d.Name() == "bin") {
			return filepath.SkipDir
		}
		if d.IsDir() || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		n++
		_, err = os.ReadFile(path)
		return err
	})
	if err == nil && n < 300 {
		err = fmt.Errorf("the program is made of %d files only: the walk does not see it", n)
	}
	return err
})
