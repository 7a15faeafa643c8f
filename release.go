package slipway

import (
	"math/big"
	"regexp"
	"strings"
	"time"
)

// A Release is a set of migration files, immutable once made.
type Release struct {
	Project  string
	ID       string // "release_20261122-RC00"
	Category string
	Files    []File // in version order
	Source   VCSSource
	Creator  string // "users/…"
	Job      *Job   // the CI job that made it, when one did
	Created  time.Time
	Deleted  bool
	Digest   string // hex SHA-256 over versions, paths and contents: equal content, equal digest
}

// Name returns "projects/shop/releases/release_20261122-RC00".
func (r Release) Name() string { return "projects/" + r.Project + "/releases/" + r.ID }

// A VCSSource is where a release's files came from.
type VCSSource struct {
	Type string // "GITLAB", "GITHUB" …; "" for none
	URL  string
}

// A File is one migration of a release. In a stored release Statement is left
// out; SHA256 finds it.
type File struct {
	Path      string // as the pipeline names it: "migrations/001_init.sql"
	Version   string // "1.2.3"
	SHA256    string // hex
	Statement []byte
}

// A Sheet is a piece of SQL, found by the SHA-256 of its bytes.
type Sheet struct {
	Project string
	SHA256  string
	Content []byte
	Size    int64 // of the whole content, also where Content is cut
}

// Name returns "projects/shop/sheets/<sha256>".
func (s Sheet) Name() string { return "projects/" + s.Project + "/sheets/" + s.SHA256 }

// Bounds of what a release may hold.
const (
	MaxFiles     = 10_000
	MaxFileSize  = 100 << 20
	MaxPathBytes = 1024
)

var fileVersion = regexp.MustCompile(`^[vV]?(\d+(\.\d+)*)`)

// VersionOf returns the version that a file's path carries, "1.2.3" for
// "migrations/v1.2.3_add_email.sql", and whether it carries one.
func VersionOf(path string) (string, bool) {
	base := path[strings.LastIndexByte(path, '/')+1:]
	m := fileVersion.FindStringSubmatch(base)
	if m == nil {
		return "", false
	}
	return m[1], true
}

// A Version is a migration's place in the order, parsed: numbers compared part
// by part, so 1.9 < 1.10, and trailing zeros do not count, so 1 = 1.0 = 01.
type Version struct{ parts []*big.Int }

// ParseVersion reads "1.2.3". A part has at most 38 digits.
func ParseVersion(s string) (Version, error) {
	var v Version
	for part := range strings.SplitSeq(s, ".") {
		if len(part) > 38 {
			return Version{}, Errorf(Invalid, "version %.60q: a part has at most 38 digits", s)
		}
		n, ok := new(big.Int).SetString(part, 10)
		if !ok || part[0] == '+' || part[0] == '-' {
			return Version{}, Errorf(Invalid, "version %.60q: it is numbers with dots between them, as in 1.2.3", s)
		}
		v.parts = append(v.parts, n)
	}
	for len(v.parts) > 1 && v.parts[len(v.parts)-1].Sign() == 0 {
		v.parts = v.parts[:len(v.parts)-1]
	}
	return v, nil
}

// Compare returns -1, 0 or 1 as v comes before, is, or comes after w.
func (v Version) Compare(w Version) int {
	for i := range max(len(v.parts), len(w.parts)) {
		if c := v.part(i).Cmp(w.part(i)); c != 0 {
			return c
		}
	}
	return 0
}

func (v Version) part(i int) *big.Int {
	if i < len(v.parts) {
		return v.parts[i]
	}
	return new(big.Int)
}

// String returns the canonical spelling: "1.2" for "01.2.0".
func (v Version) String() string {
	s := make([]string, len(v.parts))
	for i, p := range v.parts {
		s[i] = p.String()
	}
	return strings.Join(s, ".")
}
