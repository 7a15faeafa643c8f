package slipway

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"
)

// ParseName splits a resource name by its pattern, in which "*" stands for one
// segment: ParseName("projects/*/releases/*", "projects/shop/releases/r1")
// returns ["shop", "r1"]. Segments are unescaped ("%2F" becomes "/") after the
// split, so that an escaped slash never makes another name. The error is an
// Invalid that shows the pattern.
func ParseName(pattern, name string) ([]string, error) {
	want, got := strings.Split(pattern, "/"), strings.Split(name, "/")
	bad := Errorf(Invalid, "%q is not a resource name of the form %q", name, pattern)
	if len(want) != len(got) || len(name) > MaxNameLength {
		return nil, bad
	}
	var ids []string
	for i, w := range want {
		if w != "*" {
			if w != got[i] {
				return nil, bad
			}
			continue
		}
		id, err := url.PathUnescape(got[i])
		if err != nil || id == "" {
			return nil, bad
		}
		ids = append(ids, id)
	}
	return ids, nil
}

// MaxNameLength bounds a resource name in bytes: a file path may be part of one.
const MaxNameLength = 4096

// DefaultProject is where databases live that no project has taken over yet.
const DefaultProject = "default"

// ProjectOf returns the project id in a resource name that begins with
// "projects/", or "".
func ProjectOf(name string) string {
	rest, ok := strings.CutPrefix(name, "projects/")
	if !ok {
		return ""
	}
	id, _, _ := strings.Cut(rest, "/")
	return id
}

var resourceID = regexp.MustCompile(`^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$`)

// CheckID reports why id cannot name a kind of resource (project, environment,
// instance, role …) that people name: 1 to 63 of a-z, 0-9 and "-", beginning
// with a letter and not ending with "-" (AIP-122).
func CheckID(kind, id string) error {
	if !resourceID.MatchString(id) {
		return Errorf(Invalid, "%s id %q: use 1 to 63 lower-case letters, digits and hyphens, beginning with a letter and ending with a letter or digit", kind, id)
	}
	return nil
}

// CheckTitle reports why title cannot be shown as the title of a thing of the
// given kind: it is 1 to 200 characters without control characters.
func CheckTitle(kind, title string) error {
	if n := len([]rune(title)); n == 0 || n > 200 {
		return Errorf(Invalid, "%s title: 1 to 200 characters, not %d", kind, n)
	}
	if strings.ContainsFunc(title, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return Errorf(Invalid, "%s title %q holds a control character", kind, title)
	}
	return nil
}

// A DatabaseRef says which database of which instance is meant.
type DatabaseRef struct {
	Instance string // "pg-main"
	Database string // as the server calls it, any case
}

// Name returns "instances/pg-main/databases/shop_dev".
func (d DatabaseRef) Name() string {
	return fmt.Sprintf("instances/%s/databases/%s", d.Instance, url.PathEscape(d.Database))
}

// ParseDatabase reads "instances/*/databases/*".
func ParseDatabase(name string) (DatabaseRef, error) {
	ids, err := ParseName("instances/*/databases/*", name)
	if err != nil {
		return DatabaseRef{}, err
	}
	return DatabaseRef{Instance: ids[0], Database: ids[1]}, nil
}
