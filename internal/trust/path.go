package trust

import (
	"regexp"
	"strings"
)

// GitLab nests at most 20 groups and a segment has at most 255 characters.
const (
	maxSegment  = 255
	maxSegments = 20
)

var segmentForm = regexp.MustCompile(`^[A-Za-z0-9_.][A-Za-z0-9_.-]*$`)

// checkSegment says why s cannot be one segment of a GitLab path, or "".
func checkSegment(s string) string {
	switch {
	case s == "":
		return "a name is missing between slashes"
	case strings.Contains(s, "*"):
		return "* is not a wildcard here; an empty project stands for all projects of the group"
	case len(s) > maxSegment:
		return "a name has at most 255 characters"
	case !segmentForm.MatchString(s) || strings.HasSuffix(s, "."):
		return "names are made of letters, digits, _, - and ., do not begin with - and do not end with ."
	}
	return ""
}

// checkPath says why p cannot be the full path of a group, or "".
func checkPath(p string) string {
	segments := strings.Split(p, "/")
	if len(segments) > maxSegments {
		return "GitLab nests at most 20 groups"
	}
	for _, s := range segments {
		if wrong := checkSegment(s); wrong != "" {
			return wrong
		}
	}
	return ""
}

// isPath reports whether p, a claim, is segments joined by "/": nothing that
// could be read as another path.
func isPath(p string) bool {
	for s := range strings.SplitSeq(p, "/") {
		if s == "" || s == "." || s == ".." {
			return false
		}
	}
	return true
}

// lower folds ASCII letters and nothing else, as GitLab's unique index on paths
// needs: Unicode folding would make the Kelvin sign a k.
func lower(s string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + ('a' - 'A')
		}
		return r
	}, s)
}
