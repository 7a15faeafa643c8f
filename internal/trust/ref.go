package trust

import (
	"slices"
	"strings"
	"unicode/utf8"

	"slipway"
)

const (
	maxRefs = 50
	maxRef  = 255 // bytes, as long as a file name: Git keeps refs as files
)

// refRules returns rules trimmed and without repetitions.
func refRules(rules []slipway.RefRule) ([]slipway.RefRule, error) {
	var out []slipway.RefRule
	for _, r := range rules {
		r.Pattern = strings.TrimSpace(r.Pattern)
		if r.Type != slipway.Branch && r.Type != slipway.Tag {
			return nil, problem("gitlab.refs", "", "ref type %.40q: branch or tag", string(r.Type))
		}
		if r.Pattern != "" {
			if err := checkRefPattern("gitlab.refs", r.Pattern); err != nil {
				return nil, err
			}
		}
		if !slices.Contains(out, r) {
			out = append(out, r)
		}
	}
	if len(out) > maxRefs {
		return nil, problem("gitlab.refs", "", "branches and tags: at most %d, not %d", maxRefs, len(out))
	}
	return out, nil
}

// checkRefPattern refuses what names no ref (git-check-ref-format) and what is
// only a wildcard: whoever wants every branch shall say so.
func checkRefPattern(field, p string) error {
	switch {
	case strings.Trim(p, "*") == "":
		return problem(field, "", `branch or tag %q: choose "All branches and tags", or leave the name empty for all of one kind`, p)
	case len(p) > maxRef || !utf8.ValidString(p):
		return problem(field, "", "branch or tag %.80q: at most %d bytes of UTF-8", p, maxRef)
	case strings.HasPrefix(p, "refs/heads/") || strings.HasPrefix(p, "refs/tags/"):
		return problem(field, "", "branch or tag %q: write the short name, without refs/heads/ or refs/tags/", p)
	case strings.ContainsFunc(p, func(r rune) bool { return r <= ' ' || r == 0x7f || strings.ContainsRune(`~^:?[\`, r) }),
		strings.Contains(p, ".."), strings.Contains(p, "//"), strings.Contains(p, "@{"),
		strings.HasPrefix(p, "/"), strings.HasSuffix(p, "/"), strings.HasSuffix(p, "."):
		return problem(field, "", "branch or tag %q: Git allows no ref of that name; * is the only wildcard", p)
	}
	return nil
}

// matchRef reports whether ref is let in by r. Case counts.
func matchRef(r slipway.RefRule, typ slipway.RefType, ref string) bool {
	return r.Type == typ && (r.Pattern == "" || glob(r.Pattern, ref))
}

// glob reports whether s is what pattern says from end to end, "*" standing for
// any characters or none. It looks at each byte of s a bounded number of times,
// whatever the pattern.
func glob(pattern, s string) bool {
	parts := strings.Split(pattern, "*")
	first, last := parts[0], parts[len(parts)-1]
	if len(parts) == 1 {
		return pattern == s
	}
	if len(s) < len(first)+len(last) || !strings.HasPrefix(s, first) || !strings.HasSuffix(s, last) {
		return false
	}
	s = s[len(first) : len(s)-len(last)]
	for _, part := range parts[1 : len(parts)-1] {
		_, rest, found := strings.Cut(s, part)
		if !found {
			return false
		}
		s = rest
	}
	return true
}

// refsInWords names what rules let in: "any branch or tag", "branch main or
// tags v*".
func refsInWords(rules []slipway.RefRule) string {
	if len(rules) == 0 {
		return "any branch or tag"
	}
	var words []string
	for _, r := range rules {
		switch {
		case r.Pattern == "":
			words = append(words, "any "+string(r.Type))
		case strings.Contains(r.Pattern, "*"):
			plural := map[slipway.RefType]string{slipway.Branch: "branches", slipway.Tag: "tags"}[r.Type]
			words = append(words, plural+" "+r.Pattern)
		default:
			words = append(words, string(r.Type)+" "+r.Pattern)
		}
	}
	if len(words) == 1 {
		return words[0]
	}
	return strings.Join(words[:len(words)-1], ", ") + " or " + words[len(words)-1]
}
