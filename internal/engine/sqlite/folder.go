package sqlite

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"slipway"
)

// suffix is what a file is called to be a database of its folder.
const suffix = ".db"

// Databases implements engine.Engine.
func (e *Engine) Databases(ctx context.Context, src slipway.Source) ([]string, error) {
	dir, err := folder(src)
	if err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, slipway.Errorf(slipway.Unavailable, "folder %s cannot be read", src.Host).Because(err)
	}
	var names []string
	for _, f := range entries {
		name, ok := strings.CutSuffix(f.Name(), suffix)
		if !ok {
			continue
		}
		if _, err := locate(src, name); err == nil {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names, ctx.Err()
}

// folder returns the source's folder. Its path must lead there without a
// symbolic link: where the folder may be was looked at once, when the source was
// made, and a link put there since could lead anywhere.
func folder(src slipway.Source) (string, error) {
	if !filepath.IsAbs(src.Host) {
		return "", slipway.Errorf(slipway.Invalid, "host %q: for SQLite it is the absolute path of the folder that holds NAME.db", src.Host)
	}
	dir, err := filepath.EvalSymlinks(src.Host)
	if err == nil {
		var info fs.FileInfo
		if info, err = os.Stat(dir); err == nil && !info.IsDir() {
			return "", slipway.Errorf(slipway.Invalid, "%s is a file; the host of a SQLite instance is the folder around it", src.Host)
		}
		if err == nil && dir != filepath.Clean(src.Host) {
			return "", slipway.Errorf(slipway.Precondition, "%s leads through a link: give the path of the folder itself", src.Host)
		}
	}
	if err != nil {
		return "", slipway.Errorf(slipway.Unavailable, "folder %s cannot be reached: %s", src.Host, reason(err)).Because(err)
	}
	return dir, nil
}

// locate returns the path of a database's file. The file is there, it is a
// plain file, and it is in the folder also when links are followed.
func locate(src slipway.Source, db string) (string, error) {
	if db == "" || len(db) > 200 || strings.HasPrefix(db, ".") || strings.ContainsAny(db, "/\\\x00") || strings.Contains(db, "..") {
		return "", slipway.Errorf(slipway.Invalid, "%q cannot be the name of a SQLite database: it is a file's name without its .db, and no path", db)
	}
	dir, err := folder(src)
	if err != nil {
		return "", err
	}
	path, err := filepath.EvalSymlinks(filepath.Join(dir, db+suffix))
	if errors.Is(err, fs.ErrNotExist) {
		return "", slipway.Errorf(slipway.NotFound, "there is no file %s in %s, and Slipway makes none", db+suffix, src.Host)
	}
	if err != nil {
		return "", slipway.Errorf(slipway.Unavailable, "%s in %s cannot be reached: %s", db+suffix, src.Host, reason(err)).Because(err)
	}
	if filepath.Dir(path) != dir {
		return "", slipway.Errorf(slipway.Precondition, "%s is a link to a file outside %s", db+suffix, src.Host)
	}
	info, err := os.Stat(path)
	if err != nil {
		return "", slipway.Errorf(slipway.Unavailable, "%s in %s cannot be reached: %s", db+suffix, src.Host, reason(err)).Because(err)
	}
	if !info.Mode().IsRegular() {
		return "", slipway.Errorf(slipway.Precondition, "%s in %s is no file", db+suffix, src.Host)
	}
	return path, nil
}

// reason is the system's word on a path, without the path.
func reason(err error) string {
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		return p.Err.Error()
	}
	return "it cannot be opened"
}
