package cli

import (
	"bytes"
	"cmp"
	"fmt"
	"strings"

	"golang.org/x/text/width"

	"slipway"
	"slipway/internal/sqltext"
)

// Bounds of the SQL shown around a failure: what fits a screen.
const (
	linesBefore  = 8
	linesAfter   = 3
	columnsShown = 160
)

// failureLines shows where in the SQL a run stopped and what the database said.
// With the file's text it shows the statement as it stands there; without, as
// the server sent it.
func failureLines(f slipway.Failure, text []byte) []string {
	var lines []string
	switch {
	case text != nil && f.Line > 0:
		lines = excerpt(strings.Split(string(text), "\n"), f, statementLines(text, f))
	case f.Statement != "":
		lines = sent(f)
	}
	message := clean(cmp.Or(strings.TrimSpace(f.Message), "the database gave no reason"))
	if f.Code != "" && !strings.Contains(message, f.Code) {
		message += " (" + line(f.Code) + ")"
	}
	return append(lines, strings.Split(message, "\n")...)
}

// place is where f is, as editors read it: "migrations/003_x.sql:7:15".
func place(f slipway.Failure) string {
	s := line(f.Path)
	if f.Line > 0 {
		s += fmt.Sprintf(":%d", f.Line)
	}
	if f.Line > 0 && f.Column > 0 {
		s += fmt.Sprintf(":%d", f.Column)
	}
	return s
}

// statementLines returns the first and last line of the statement of f in its
// file. The server tells it without its constants, so the file is cut as the
// server did; which dialect it is in is not told, and the one counts in which
// the statement is the same.
func statementLines(text []byte, f slipway.Failure) [2]int {
	want, cut := strings.CutSuffix(strings.TrimSpace(f.Statement), "…")
	text = bytes.TrimPrefix(text, []byte("\ufeff"))
	for _, d := range []sqltext.Dialect{sqltext.Postgres, sqltext.SQLite} {
		for st, err := range sqltext.Split(d, text) {
			if err != nil || st.Line > f.Line || want == "" {
				break
			}
			last := st.Line + strings.Count(st.Text, "\n")
			if f.Line > last {
				continue
			}
			if told := sqltext.Mask(d, st, len(f.Statement)); told == want || cut && strings.HasPrefix(told, want) {
				return [2]int{st.Line, last}
			}
		}
	}
	return [2]int{f.Line, f.Line}
}

// excerpt is the lines of a statement with their numbers, and a caret under
// the place.
func excerpt(file []string, f slipway.Failure, span [2]int) []string {
	first := max(span[0], f.Line-linesBefore, 1)
	last := min(span[1], f.Line+linesAfter, len(file))
	digits := len(fmt.Sprint(last))
	var lines []string
	for n := first; n <= last; n++ {
		column := 0
		if n == f.Line {
			column = f.Column
		}
		shown, caret := window(strings.TrimRight(file[n-1], "\r"), column)
		lines = append(lines, fmt.Sprintf("%*d | %s", digits, n, shown))
		if column > 0 {
			lines = append(lines, fmt.Sprintf("%*s | %s", digits, "", caret))
		}
	}
	return lines
}

// sent is the statement as the server sent it, without line numbers, since its
// first line is not told. The caret is sure only where there is one line and
// nothing stands before it.
func sent(f slipway.Failure) []string {
	all := strings.Split(f.Statement, "\n")
	shown := all[:min(len(all), linesBefore+linesAfter+1)]
	var lines []string
	for _, l := range shown {
		column := 0
		if len(all) == 1 && f.Column <= len([]rune(l)) {
			column = f.Column
		}
		l, caret := window(strings.TrimRight(l, "\r"), column)
		lines = append(lines, "| "+l)
		if column > 0 {
			lines = append(lines, "| "+caret)
		}
	}
	if len(shown) < len(all) {
		lines = append(lines, "| …")
	}
	return lines
}

// window cuts a long line to what stands around column, and draws the line with
// the caret below it: a tab stays a tab and a wide character (Unicode TR 11)
// takes two columns, so that the caret stands where it should.
func window(text string, column int) (shown, caret string) {
	r := []rune(clean(text))
	from := 0
	if len(r) > columnsShown {
		from = min(max(column-columnsShown/2, 0), len(r)-columnsShown)
		r = r[from : from+columnsShown]
		if from > 0 {
			r[0] = '…'
		}
		if from+columnsShown < len([]rune(text)) {
			r[len(r)-1] = '…'
		}
	}
	var pad strings.Builder
	for _, c := range r[:min(max(column-1-from, 0), len(r))] {
		switch width.LookupRune(c).Kind() {
		case width.EastAsianWide, width.EastAsianFullwidth:
			pad.WriteString("  ")
		default:
			if c == '\t' {
				pad.WriteRune('\t')
				continue
			}
			pad.WriteRune(' ')
		}
	}
	return string(r), pad.String() + "^"
}
