package cli

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"slipway"
	"slipway/internal/sqltext"
)

// A finding is one advice about one file, for every database that it holds
// for: a file with a mistake has it once, however many databases take the file.
type finding struct {
	slipway.Advice
	path        string
	targets     []string
	contents    []string // what was said for each of targets; Content is the first
	everywhere  bool     // targets are all that were checked
	fingerprint string
}

// findings gathers what a check of targets found, in the order of files and
// lines.
func findings(results []slipway.CheckResult, files []slipway.File, targets []string) []finding {
	rank := make(map[string]int, len(files))
	texts := make(map[string][]byte, len(files))
	for i, f := range files {
		rank[f.Path], texts[f.Path] = i, f.Statement
	}
	var all []finding
	index := make(map[string]int)
	for _, r := range results {
		seen := make(map[string]int) // in this file for this target
		for _, a := range r.Advices {
			key := fmt.Sprintf("%q %d:%d %s %d %q %q", r.File, a.Start.Line, a.Start.Column, a.Level, a.Code, a.Title, countless(a.Content))
			seen[key]++
			key = fmt.Sprintf("%s #%d", key, seen[key])
			if i, ok := index[key]; ok {
				all[i].targets = append(all[i].targets, r.Target)
				all[i].contents = append(all[i].contents, a.Content)
				continue
			}
			index[key] = len(all)
			all = append(all, finding{Advice: a, path: r.File, targets: []string{r.Target}, contents: []string{a.Content}})
		}
	}
	slices.SortStableFunc(all, func(a, b finding) int {
		return cmp.Or(cmp.Compare(rank[a.path], rank[b.path]), cmp.Compare(a.path, b.path),
			cmp.Compare(a.Start.Line, b.Start.Line), cmp.Compare(a.Start.Column, b.Start.Column))
	})
	for i := range all {
		all[i].everywhere = len(all[i].targets) >= len(targets)
	}
	fingerprint(all, texts)
	return all
}

var digits = regexp.MustCompile(`[0-9]+`)

// countless is content without numbers: the same finding counts other rows on
// another database and is still the same.
func countless(content string) string { return digits.ReplaceAllString(content, "#") }

// fingerprint names findings so that a later run finds them again: by the rule,
// the file and the statement's text without comments and spacing, and a count
// among those that share all three. Lines and databases do not enter, so that
// moving a statement or adding a database makes no new finding.
func fingerprint(all []finding, texts map[string][]byte) {
	lines := make(map[string][]int)
	for _, f := range all {
		lines[f.path] = append(lines[f.path], f.Start.Line)
	}
	statements := make(map[string]map[int]string)
	for path, at := range lines {
		statements[path] = statementsAt(texts[path], at)
	}
	count := make(map[string]int)
	for i, f := range all {
		key := strings.Join([]string{f.rule(), f.path, statements[f.path][f.Start.Line]}, "\x00")
		count[key]++
		sum := sha256.Sum256(fmt.Appendf(nil, "%s\x00%d", key, count[key]))
		all[i].fingerprint = hex.EncodeToString(sum[:16])
	}
}

// statementsAt returns the normalised statements that stand at lines of text;
// where the text cannot be cut, the line itself. The dialect is PostgreSQL's,
// whichever the database: the client does not know it, and for a name it is
// enough that the same text is always cut the same way.
func statementsAt(text []byte, lines []int) map[int]string {
	found := make(map[int]string)
	last := slices.Max(lines)
	for st, err := range sqltext.Split(sqltext.Postgres, text) {
		if err != nil || st.Line > last {
			break
		}
		end := st.Line + strings.Count(st.Text, "\n")
		for _, at := range lines {
			if _, ok := found[at]; !ok && st.Line <= at && at <= end {
				found[at] = string(sqltext.Normalize(sqltext.Postgres, []byte(st.Text)))
			}
		}
	}
	whole := strings.Split(string(text), "\n")
	for _, at := range lines {
		if _, ok := found[at]; !ok && at >= 1 && at <= len(whole) {
			found[at] = strings.Join(strings.Fields(whole[at-1]), " ")
		}
	}
	return found
}

// rule returns the id of the rule, or of what takes its place.
func (f finding) rule() string {
	return strings.ToUpper(strings.ReplaceAll(line(cmp.Or(f.Title, "FINDING")), " ", "_"))
}

// syntax reports whether the file could not be read at all.
func (f finding) syntax() bool { return f.Code == codeSyntax }

// codeSyntax is the code of a syntax error in this API.
const codeSyntax = 201

// text is the finding as a line that editors and people can jump by.
func (f finding) text(v *voice) string {
	place := line(f.path)
	if f.Start.Line > 0 {
		place += fmt.Sprintf(":%d", f.Start.Line)
		if f.Start.Column > 0 {
			place += fmt.Sprintf(":%d", f.Start.Column)
		}
	}
	level := paint(v.outColor, yellow, "warning")
	if f.Level == slipway.AdviceError {
		level = paint(v.outColor, red, "error")
	}
	return fmt.Sprintf("%s: %s: %s", place, level, f.description())
}

// description is the finding without its place. Databases are named where they
// differ, be it in having the finding at all.
func (f finding) description() string {
	if slices.ContainsFunc(f.contents, func(c string) bool { return c != f.Content }) {
		var each []string
		for i, c := range f.contents {
			each = append(each, line(c)+" ("+line(f.targets[i])+")")
		}
		return f.rule() + ": " + strings.Join(each, "; ")
	}
	s := f.rule() + ": " + line(f.Content)
	if !f.everywhere {
		s += " (" + line(strings.Join(f.targets, ", ")) + ")"
	}
	return s
}

// on returns f as target alone has it, and whether it has it.
func (f finding) on(target string) (finding, bool) {
	i := slices.Index(f.targets, target)
	if i < 0 {
		return f, false
	}
	f.Content, f.targets, f.contents, f.everywhere = f.contents[i], []string{target}, []string{f.contents[i]}, true
	return f, true
}
