package review

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"slipway"
	"slipway/internal/sqltext"
)

// Codes of findings that are no rule's.
const (
	codeSyntax  = 201
	codeMaxSize = 258
	codeMore    = 9000 // and our own from here on
	codeEncoded = 9001
	codeClient  = 9002
	codeStdin   = 9003
	codeOther   = 9004
	codeOutside = 9005
)

// Most findings of one level that are told, and that are kept at all while a
// later statement of the file may still settle some of them.
const (
	maxTold = 50
	maxKept = 1000
)

// A report collects findings. A finding may be owed: a later statement of the
// file can settle it, as ADD PRIMARY KEY does for a table made without one.
type report struct {
	found []finding
	over  map[slipway.AdviceLevel]int // findings beyond maxKept
	kept  map[slipway.AdviceLevel]int
	rule  rule // whose turn it is
	st    sqltext.Statement
}

type finding struct {
	slipway.Advice
	key string // what settles it; "" for nothing
}

func newReport() *report {
	return &report{over: map[slipway.AdviceLevel]int{}, kept: map[slipway.AdviceLevel]int{}}
}

// of gives r its turn on st, and reports whether r is on.
func (r *report) of(turn rule, st sqltext.Statement) bool {
	r.rule, r.st = turn, st
	return turn.level != ""
}

// add tells what the rule at hand finds at offset of its statement. Content
// says what is wrong and what to do.
func (r *report) add(code, offset int, format string, args ...any) {
	r.owe("", code, offset, format, args...)
}

// owe is add for what settle with the same key takes back.
func (r *report) owe(key string, code, offset int, format string, args ...any) {
	if r.full(r.rule.level) {
		return
	}
	if key != "" {
		key = r.rule.id + " " + key
	}
	line := r.st.Line + strings.Count(r.st.Text[:min(max(offset, 0), len(r.st.Text))], "\n")
	r.found = append(r.found, finding{key: key, Advice: slipway.Advice{
		Level: r.rule.level, Code: code, Title: r.rule.id, Rule: true,
		Content: fmt.Sprintf(format, args...), Start: slipway.Position{Line: line},
	}})
}

// settle takes back what the rule at hand owes under key.
func (r *report) settle(key string) {
	key = r.rule.id + " " + key
	r.found = slices.DeleteFunc(r.found, func(f finding) bool {
		if f.key == key {
			r.kept[f.Level]--
		}
		return f.key == key
	})
}

// tell adds a finding that is no rule's.
func (r *report) tell(a slipway.Advice) {
	if !r.full(a.Level) {
		r.found = append(r.found, finding{Advice: a})
	}
}

// full makes room for a finding of level l, or counts it and reports that
// there is none.
func (r *report) full(l slipway.AdviceLevel) bool {
	if r.kept[l] == maxKept {
		r.over[l]++
		return true
	}
	r.kept[l]++
	return false
}

// advices returns the findings in the order of the file, cut to maxTold of
// each level with a last one that counts the rest.
func (r *report) advices() []slipway.Advice {
	slices.SortStableFunc(r.found, func(a, b finding) int { return cmp.Compare(a.Start.Line, b.Start.Line) })
	told := map[slipway.AdviceLevel]int{}
	var out []slipway.Advice
	for _, f := range r.found {
		if told[f.Level]++; told[f.Level] <= maxTold {
			out = append(out, f.Advice)
		}
	}
	more := func(l slipway.AdviceLevel) int { return max(told[l]-maxTold, 0) + r.over[l] }
	errors, warnings := more(slipway.AdviceError), more(slipway.AdviceWarning)
	if errors+warnings == 0 {
		return out
	}
	last := slipway.Advice{Level: slipway.AdviceWarning, Code: codeMore, Title: "MORE_FINDINGS"}
	if errors > 0 {
		last.Level = slipway.AdviceError
	}
	last.Content = fmt.Sprintf("%d more errors and %d more warnings are not shown: mend these first", errors, warnings)
	return append(out, last)
}
