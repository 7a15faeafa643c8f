package faults_test

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
)

// results are the table of this process.
var results table

// A row is what all rounds of one fault came to.
type row struct {
	fault                                string
	rounds                               int
	losses, doublings, untruths, retries int
	note                                 string // why there are no rounds
}

// A table has a row for each fault, in the order of faults.
type table struct {
	mu   sync.Mutex
	rows map[string]*row
}

// faults are all of them, in the order of the table.
var faults = []string{
	killStatementPostgres, killStatementSQLite, killRandomPostgres, killRandomPostgresBoth, killRandomSQLite,
	stopInStatement, cutReset, cutSilent, cutSlow, twoAtOnce, twoKilled, lockPostgres, lockSQLite,
	diskSQLite, diskPostgres, diskServer,
}

// add takes a round's score and fails the test if it is not what it must be.
func (t *table) add(tb testing.TB, fault string, c score, s *subject) {
	tb.Helper()
	if !c.whole() {
		tb.Errorf("%s\nruns: %s", c.say(), strings.Join(s.said, "\n"))
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	r := t.row(fault)
	r.rounds++
	r.losses, r.doublings, r.untruths = r.losses+c.losses, r.doublings+c.doublings, r.untruths+c.untruths
	r.retries += c.retries
}

// skip says why a fault has no rounds.
func (t *table) skip(tb testing.TB, fault, why string) {
	tb.Helper()
	t.mu.Lock()
	t.row(fault).note = "not run: " + why
	t.mu.Unlock()
	tb.Skipf("%s: not run: %s", fault, why)
}

func (t *table) row(fault string) *row {
	if t.rows == nil {
		t.rows = map[string]*row{}
	}
	if t.rows[fault] == nil {
		t.rows[fault] = &row{fault: fault}
	}
	return t.rows[fault]
}

// String returns the table in Markdown, "" without any row.
func (t *table) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.rows) == 0 {
		return ""
	}
	var b strings.Builder
	b.WriteString("| fault | rounds | losses | doublings | untruthful answers | retries needed |\n|---|---|---|---|---|---|\n")
	for _, name := range faults {
		r := t.rows[name]
		switch {
		case r == nil:
		case r.rounds == 0:
			fmt.Fprintf(&b, "| %s | %s | | | | |\n", r.fault, r.note)
		default:
			fmt.Fprintf(&b, "| %s | %d | %d | %d | %d | %d |\n", r.fault, r.rounds, r.losses, r.doublings, r.untruths, r.retries)
		}
	}
	return b.String()
}

// The table stands in the document between these lines.
const (
	tableBegin = "<!-- make faults writes this table -->"
	tableEnd   = "<!-- end of the table -->"
)

// write puts the table into a document, between its markers.
func (t *table) write(path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	before, rest, ok1 := strings.Cut(string(text), tableBegin)
	_, after, ok2 := strings.Cut(rest, tableEnd)
	if !ok1 || !ok2 {
		return errors.New(path + " has no lines to put the table between")
	}
	return os.WriteFile(path, []byte(before+tableBegin+"\n\n"+t.String()+"\n"+tableEnd+after), 0o644)
}
