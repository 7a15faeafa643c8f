// Package servertest runs the whole program: it builds the real binary and
// starts it as a server, to be called over the network, stopped, killed and
// started again. It is for tests only.
package servertest

import (
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// bin is the folder with the program under each of its names, while Main runs.
var bin string

// Bin returns the folder with the program, "slipway", under each of its names.
func Bin() string { return bin }

// Main builds the program, once for a test binary and as that is built, gives
// it more names, and runs the tests. Each package that starts servers calls it
// from TestMain.
func Main(m *testing.M, names ...string) int {
	dir, err := os.MkdirTemp("", "slipway-bin-")
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
	if err := build(names); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
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

func build(names []string) error {
	args := slices.Concat([]string{"build", "-o", filepath.Join(bin, "slipway")}, buildFlags, []string{"slipway/cmd/slipway"})
	out, err := exec.Command("go", args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("build the program: %w\n%s", err, out)
	}
	for _, name := range names {
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
	root, err := moduleRoot()
	if err != nil {
		return err
	}
	n := 0
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && slices.Contains([]string{".git", "testdata", "e2e", "docs", "bin"}, d.Name()) {
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

// moduleRoot returns the folder of go.mod, seen from a package's own.
func moduleRoot() (string, error) {
	for root := "."; len(root) < 64; root = filepath.Join(root, "..") {
		if _, err := os.Stat(filepath.Join(root, "go.mod")); err == nil {
			return root, nil
		}
	}
	return "", fmt.Errorf("no go.mod above the folder of the test")
}
