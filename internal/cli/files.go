package cli

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/bmatcuk/doublestar/v4"

	"slipway"
)

// findFiles returns the migration files that the patterns match, in version
// order. Whatever would be left out in silence is an error instead: a pattern
// without a match, a file without a version, two files with the same one. All
// that is wrong is told at once.
func findFiles(dir, root string, patterns []string) ([]slipway.File, error) {
	if len(patterns) == 0 {
		return nil, usagef(`no files: give --file-pattern, as in "migrations/**/*.sql"`)
	}
	var names []string
	for _, p := range patterns {
		found, err := glob(dir, p)
		if err != nil {
			return nil, err
		}
		names = append(names, found...)
	}
	slices.Sort(names)
	names = slices.Compact(names)
	if len(names) > slipway.MaxFiles {
		return nil, usagef("the pattern matches %d files; a release has at most %d", len(names), slipway.MaxFiles)
	}
	var files []slipway.File
	var unversioned []string
	var errs []error
	for _, name := range names {
		path := reportPath(dir, root, name)
		version, ok := slipway.VersionOf(path)
		if !ok {
			unversioned = append(unversioned, path)
			continue
		}
		f, err := readFile(name, path)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		f.Version = version
		files = append(files, f)
	}
	if len(unversioned) > 0 {
		errs = append(errs, &stop{
			code: codeUsage,
			err:  fmt.Errorf("no version at the start of the name of %s", strings.Join(unversioned, ", ")),
			hint: "name migrations VERSION_DESCRIPTION.sql, as in 202505121650_create_table.sql or v1.2.3_add_email.sql; narrow --file-pattern if these are none",
		})
	}
	errs = append(errs, order(files))
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return files, nil
}

// glob returns the files under dir that pattern matches. Folders that cannot be
// read are an error: a migration may be in them.
func glob(dir, pattern string) ([]string, error) {
	if !doublestar.ValidatePattern(filepath.ToSlash(pattern)) {
		return nil, usagef("--file-pattern %q is not a glob: a bracket or brace is not closed", pattern)
	}
	base, rest := doublestar.SplitPattern(filepath.ToSlash(pattern))
	base = filepath.FromSlash(base)
	if !filepath.IsAbs(base) {
		base = filepath.Join(dir, base)
	}
	var found []string
	err := doublestar.GlobWalk(os.DirFS(base), rest, func(path string, _ fs.DirEntry) error {
		found = append(found, filepath.Join(base, filepath.FromSlash(path)))
		return nil
	}, doublestar.WithFilesOnly(), doublestar.WithFailOnIOErrors(), doublestar.WithNoFollow())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, usagef("find %q: %w", pattern, err)
	}
	if len(found) == 0 {
		return nil, &stop{
			code: codeUsage,
			err:  fmt.Errorf("no file matches %q under %s", pattern, dir),
			hint: "the pattern is relative to the working folder; quote it, so that the shell leaves it alone",
		}
	}
	return found, nil
}

func readFile(name, path string) (slipway.File, error) {
	info, err := os.Stat(name)
	switch {
	case err != nil:
		return slipway.File{}, usagef("read %s: %w", path, err)
	case !utf8.ValidString(path) || len(path) > slipway.MaxPathBytes:
		return slipway.File{}, usagef("%.80q: a path is UTF-8 and has at most %d bytes", path, slipway.MaxPathBytes)
	case info.Size() > slipway.MaxFileSize:
		return slipway.File{}, usagef("%s has %d MiB; a file has at most %d", path, info.Size()>>20, slipway.MaxFileSize>>20)
	case info.Size() == 0:
		return slipway.File{}, usagef("%s is empty", path)
	}
	text, err := os.ReadFile(name)
	if err != nil {
		return slipway.File{}, usagef("read %s: %w", path, err)
	}
	sum := sha256.Sum256(text)
	return slipway.File{Path: path, SHA256: hex.EncodeToString(sum[:]), Statement: text}, nil
}

// order sorts files by version and reports those that share one, in whatever
// spelling: 1, 01 and 1.0 are the same.
func order(files []slipway.File) error {
	versions := make(map[string]slipway.Version, len(files))
	var errs []error
	for _, f := range files {
		v, err := slipway.ParseVersion(f.Version)
		if err != nil {
			errs = append(errs, usagef("%s: %w", f.Path, err))
		}
		versions[f.Path] = v
	}
	if errs != nil {
		return errors.Join(errs...)
	}
	slices.SortStableFunc(files, func(a, b slipway.File) int { return versions[a.Path].Compare(versions[b.Path]) })
	for i := 0; i < len(files); {
		same := i + 1
		for same < len(files) && versions[files[same].Path].Compare(versions[files[i].Path]) == 0 {
			same++
		}
		if same > i+1 {
			var paths []string
			for _, f := range files[i:same] {
				paths = append(paths, f.Path)
			}
			errs = append(errs, usagef("version %s is that of more than one file: %s", versions[files[i].Path], strings.Join(paths, ", ")))
		}
		i = same
	}
	return errors.Join(errs...)
}

// repositoryRoot returns the folder that paths in releases and reports are
// relative to: the job's checkout, else the Git work tree around dir, else dir.
func repositoryRoot(dir string, getenv func(string) string) string {
	if top := getenv("CI_PROJECT_DIR"); top != "" && within(top, dir) {
		return top
	}
	for top := dir; ; top = filepath.Dir(top) {
		if _, err := os.Lstat(filepath.Join(top, ".git")); err == nil {
			return top
		}
		if top == filepath.Dir(top) {
			return dir
		}
	}
}

// reportPath returns the name of a file relative to root with slashes; outside
// of it, relative to dir, so that no report tells the runner's folders.
func reportPath(dir, root, name string) string {
	base := dir
	if within(root, name) {
		base = root
	}
	rel, err := filepath.Rel(base, name)
	if err != nil {
		rel = name // unreachable unless one is on another volume
	}
	return filepath.ToSlash(rel)
}

func within(top, name string) bool {
	rel, err := filepath.Rel(top, name)
	return err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator))
}
