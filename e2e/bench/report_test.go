package bench_test

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"slipway/internal/dbtest"
)

// A report is what a run found, in sections.
type report struct{ sections []*section }

// A section is a text and a table.
type section struct {
	title, text string
	head        []string
	rows        [][]string
}

func (r *report) section(title, text string) *section {
	s := &section{title: title, text: text}
	r.sections = append(r.sections, s)
	return s
}

func (s *section) columns(names ...string) { s.head = names }

// row adds one; cells are printed as people read them.
func (s *section) row(cells ...any) {
	row := make([]string, len(cells))
	for i, c := range cells {
		switch c := c.(type) {
		case time.Duration:
			row[i] = spell(c)
		default:
			row[i] = fmt.Sprint(c)
		}
	}
	s.rows = append(s.rows, row)
	fmt.Fprintf(os.Stderr, "%s: %s\n", s.title, strings.Join(row, ", ")) // to be watched while it runs
}

// document is the whole as Markdown.
func (r *report) document(machine string) string {
	var b strings.Builder
	b.WriteString(strings.TrimSpace(fmt.Sprintf(introduction, machine)) + "\n")
	for _, s := range r.sections {
		fmt.Fprintf(&b, "\n## %s\n\n%s\n\n", s.title, strings.TrimSpace(s.text))
		b.WriteString("| " + strings.Join(s.head, " | ") + " |\n|" + strings.Repeat("---|", len(s.head)) + "\n")
		for _, row := range s.rows {
			b.WriteString("| " + strings.Join(row, " | ") + " |\n")
		}
	}
	b.WriteString("\n" + strings.TrimSpace(remainder) + "\n")
	return b.String()
}

// atMost says a ratio and whether it keeps to a goal.
func atMost(ratio, goal float64) string { return times(ratio) + verdict(ratio <= goal) }

func verdict(met bool) string {
	if met {
		return ", met"
	}
	return ", **not met**"
}

// under says a measured value and whether it keeps to a limit.
func under[T time.Duration | mebibytes](v, limit T) string {
	return fmt.Sprint(spellAny(v)) + verdict(v < limit)
}

func spellAny(v any) string {
	if d, ok := v.(time.Duration); ok {
		return spell(d)
	}
	return fmt.Sprint(v)
}

// mebibytes are bytes, printed in MiB.
type mebibytes int64

// String returns "12 MiB".
func (m mebibytes) String() string { return fmt.Sprintf("%.0f MiB", float64(m)/(1<<20)) }

func times(ratio float64) string { return fmt.Sprintf("%.2f×", ratio) }

// spell prints a duration with three digits.
func spell(d time.Duration) string {
	switch {
	case d < time.Millisecond:
		return fmt.Sprintf("%.0f µs", float64(d)/1e3)
	case d < 10*time.Millisecond:
		return fmt.Sprintf("%.2f ms", float64(d)/1e6)
	case d < time.Second:
		return fmt.Sprintf("%.0f ms", float64(d)/1e6)
	}
	return fmt.Sprintf("%.2f s", d.Seconds())
}

// thousands prints 100000 as "100,000".
func thousands(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// machine describes what everything ran on.
func machine(t testing.TB) string {
	t.Helper()
	model := "an unnamed processor"
	if text, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for l := range strings.Lines(string(text)) {
			if name, value, ok := strings.Cut(l, ":"); ok && strings.TrimSpace(name) == "model name" {
				model = strings.TrimSpace(value)
				break
			}
		}
	}
	version := dbtest.Query(t, dbtest.Durable(t).URL, "SHOW server_version")[0][0]
	version, _, _ = strings.Cut(version, " ")
	return fmt.Sprintf("%d cores of %s, %s, PostgreSQL %s", runtime.NumCPU(), model, runtime.Version(), version)
}
