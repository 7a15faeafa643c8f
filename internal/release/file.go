package release

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"slipway"
)

// MaxBytes bounds the files of one release together.
const MaxBytes = 256 << 20

// MaxCategory bounds the name of a release's category, in bytes.
const MaxCategory = 100

// A file is one of a release's with its place in the order.
type file struct {
	slipway.File
	order slipway.Version
}

// arrange checks files and returns them in version order, each with its
// version as its name spells it and the SHA-256 of its bytes. The bytes of a
// file that names a sheet must be filled in before.
func arrange(files []slipway.File) ([]file, error) {
	if len(files) == 0 {
		return nil, slipway.Errorf(slipway.Invalid, "a release needs at least one file")
	}
	if len(files) > slipway.MaxFiles {
		return nil, slipway.Errorf(slipway.Exhausted, "a release has at most %d files, not %d", slipway.MaxFiles, len(files))
	}
	arranged := make([]file, 0, len(files))
	size := 0
	for _, f := range files {
		a, err := place(f)
		if err != nil {
			return nil, err
		}
		if size += len(f.Statement); size > MaxBytes {
			return nil, slipway.Errorf(slipway.Exhausted, "the files of a release have at most %d MiB together", MaxBytes>>20)
		}
		arranged = append(arranged, a)
	}
	slices.SortStableFunc(arranged, func(a, b file) int {
		return cmp.Or(a.order.Compare(b.order), strings.Compare(a.Path, b.Path))
	})
	return arranged, unique(arranged)
}

// place checks one file and reads its version.
func place(f slipway.File) (file, error) {
	if err := checkPath(f.Path); err != nil {
		return file{}, err
	}
	spelled := strings.TrimLeft(f.Version, "vV")
	if f.Version == "" {
		v, ok := slipway.VersionOf(f.Path)
		if !ok {
			return file{}, slipway.Errorf(slipway.Invalid, "file %q carries no version: begin its name with one, as in 1.2.3_add_email.sql or 202601191530_add_email.sql", f.Path)
		}
		spelled = v
	}
	order, err := slipway.ParseVersion(spelled)
	if err != nil {
		return file{}, slipway.Errorf(slipway.Invalid, "file %q: %s", f.Path, slipway.MessageOf(err))
	}
	if len(f.Statement) == 0 {
		return file{}, slipway.Errorf(slipway.Invalid, "file %q is empty: either sheet or statement must be set for a file", f.Path)
	}
	if len(f.Statement) > slipway.MaxFileSize {
		return file{}, slipway.Errorf(slipway.Exhausted, "file %q has more than %d MiB", f.Path, slipway.MaxFileSize>>20)
	}
	sum := sha256.Sum256(f.Statement)
	f.Version, f.SHA256 = spelled, hex.EncodeToString(sum[:])
	return file{File: f, order: order}, nil
}

func checkPath(path string) error {
	if path == "" || len(path) > slipway.MaxPathBytes {
		return slipway.Errorf(slipway.Invalid, "a file's path has 1 to %d bytes, not %d", slipway.MaxPathBytes, len(path))
	}
	if !utf8.ValidString(path) || strings.ContainsFunc(path, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return slipway.Errorf(slipway.Invalid, "file path %.100q holds a control character or is not UTF-8", path)
	}
	return nil
}

// unique refuses two files of one version, however spelled, and one path twice.
func unique(arranged []file) error {
	paths := make(map[string]bool, len(arranged))
	for i, f := range arranged {
		if i > 0 && f.order.Compare(arranged[i-1].order) == 0 {
			return slipway.Errorf(slipway.Invalid, "found duplicate version %q: %q and %q have the same place in the order (1, 01 and 1.0 are one version)",
				f.order.String(), arranged[i-1].Path, f.Path)
		}
		if paths[f.Path] {
			return slipway.Errorf(slipway.Invalid, "file %q is given twice", f.Path)
		}
		paths[f.Path] = true
	}
	return nil
}

// digest is equal for releases whose files have equal versions, paths and
// bytes. Each part is written with its length, so that no two lists of files
// read the same.
func digest(arranged []file) string {
	sum := sha256.New()
	for _, f := range arranged {
		for _, part := range []string{f.order.String(), f.Path, f.SHA256} {
			fmt.Fprintf(sum, "%d:", len(part))
			_, _ = io.WriteString(sum, part) // unreachable unless hash.Hash breaks its promise never to fail
		}
	}
	return hex.EncodeToString(sum.Sum(nil))
}
