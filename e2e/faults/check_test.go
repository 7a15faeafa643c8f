package faults_test

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Facts are what a database holds, read at one instant.
type facts struct {
	effects map[string]int
	ticks   int
	indexes int             // on the table effect, valid ones
	invalid int             // the others
	ledger  map[string]bool // versions in force
	begun   map[string]bool // versions that the journal has parts of
}

// all returns every file that may be in the database.
func (s *subject) all() []file { return slices.Concat(s.files, s.others) }

// facts reads the database past Slipway.
func (s *subject) facts() facts {
	s.w.T.Helper()
	f := facts{effects: map[string]int{}, ledger: map[string]bool{}, begun: map[string]bool{}}
	there := s.tables()
	var parts []string
	add := func(table, query string) {
		if there[table] {
			parts = append(parts, query)
		}
	}
	add("effect", "SELECT 'effect' AS a, what AS b FROM effect")
	add("tick", "SELECT 'tick', CAST(n AS text) FROM tick")
	add("slipway_revision", "SELECT 'ledger', version FROM slipway_revision WHERE deleted IS NULL")
	add("slipway_journal", "SELECT 'begun', version_key FROM slipway_journal")
	if s.url != "" && there["effect"] {
		parts = append(parts, "SELECT CASE WHEN indisvalid THEN 'index' ELSE 'invalid' END, indexrelid::text FROM pg_index WHERE indrelid = 'effect'::regclass")
	}
	if len(parts) == 0 {
		return f
	}
	for _, row := range s.ask(strings.Join(parts, " UNION ALL ")) {
		switch row[0] {
		case "effect":
			f.effects[row[1]]++
		case "tick":
			f.ticks, _ = strconv.Atoi(row[1])
		case "ledger":
			f.ledger[row[1]] = true
		case "begun":
			f.begun[row[1]] = true
		case "index":
			f.indexes++
		case "invalid":
			f.invalid++
		}
	}
	return f
}

func (s *subject) tables() map[string]bool {
	query := "SELECT name FROM sqlite_schema WHERE type = 'table'"
	if s.url != "" {
		query = "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
	}
	there := map[string]bool{}
	for _, row := range s.ask(query) {
		there[row[0]] = true
	}
	return there
}

// A score is what one round came to.
type score struct {
	losses, doublings, untruths, retries int
	why                                  []string
}

func (c *score) lose(format string, args ...any) { c.note(&c.losses, "lost", format, args...) }
func (c *score) double(format string, args ...any) {
	c.note(&c.doublings, "doubled", format, args...)
}

func (c *score) untrue(format string, args ...any) {
	c.note(&c.untruths, "untrue", format, args...)
}

func (c *score) note(n *int, what, format string, args ...any) {
	*n++
	c.why = append(c.why, what+": "+fmt.Sprintf(format, args...))
}

// judge holds what the database has against its own ledger: a file in the
// ledger took effect once, one that is not there took none, but for the parts
// of a file that the journal has.
func (c *score) judge(files []file, f facts) {
	ticks, indexes, open := 0, 0, false
	for _, file := range files {
		applied := f.ledger[file.version]
		half := !applied && !file.whole && f.begun[file.version]
		for _, what := range file.effects {
			switch n := f.effects[what]; {
			case n > 1:
				c.double("%s is there %d times", what, n)
			case n == 0 && applied:
				c.lose("%s is missing, though version %s is in the ledger", what, file.version)
			case n == 1 && !applied && !half:
				c.untrue("%s is there, though version %s is neither in the ledger nor in the journal", what, file.version)
			}
		}
		if applied {
			ticks, indexes = ticks+file.ticks, indexes+file.indexes
		}
		open = open || half
	}
	if open {
		return // a part of a file may have counted
	}
	switch {
	case f.ticks > ticks:
		c.double("the counter is at %d, want %d", f.ticks, ticks)
	case f.ticks < ticks:
		c.lose("the counter is at %d, want %d", f.ticks, ticks)
	case f.indexes > indexes:
		c.double("there are %d indexes, want %d", f.indexes, indexes)
	case f.indexes < indexes:
		c.lose("there are %d indexes, want %d", f.indexes, indexes)
	}
	if f.invalid > 0 {
		c.untrue("%d invalid indexes are left", f.invalid)
	}
}

// byThisRun is how a run says how many files are its own.
var byThisRun = regexp.MustCompile(`(\d+) of them by this run`)

// agree holds what the server says, now that the run is over, against the
// database.
func (c *score) agree(s *subject, r run, f facts) {
	s.w.T.Helper()
	done := 0
	for _, file := range s.files {
		if f.ledger[file.version] {
			done++
		}
	}
	if all := done == len(s.files); all != (r.Status == "DONE") {
		c.untrue("%s is %s (%s) with %d of %d files in the ledger", r.Name, r.Status, r.Detail, done, len(s.files))
	}
	if r.FilesTotal > 0 && r.FilesDone != done {
		c.untrue("%s says that %d files are done, the ledger has %d", r.Name, r.FilesDone, done)
	}
	var list struct {
		Revisions []struct{ Version, TaskRun string }
	}
	s.w.Admin("GET", "/v1/"+s.resource()+"/revisions?pageSize=1000", nil, &list)
	by := map[string]string{}
	for _, rev := range list.Revisions {
		by[rev.Version] = rev.TaskRun
		if !f.ledger[rev.Version] {
			c.untrue("the API has a revision of version %s, the ledger has none", rev.Version)
		}
	}
	mine := 0
	for version := range f.ledger {
		if by[version] == "" {
			c.untrue("the ledger has version %s, the API has no revision of it", version)
		}
		if by[version] == r.Name {
			mine++
		}
	}
	if said := byThisRun.FindStringSubmatch(r.Detail); said != nil && said[1] != fmt.Sprint(mine) {
		c.untrue("%s says %q, by the ledger it applied %d", r.Name, r.Detail, mine)
	}
	c.logs(s, f, by)
}

// An entry is one of a run's log as the API has it.
type entry struct {
	LogTime            time.Time
	ReplicaId          string
	ReleaseFileExecute *struct{ Version string }
	TransactionControl *struct{ Type, Error string }
}

// logs holds the logs of all runs against the ledger: by is which run each
// version was applied by.
func (c *score) logs(s *subject, f facts, by map[string]string) {
	s.w.T.Helper()
	runs, err := s.runs()
	if err != nil {
		c.untrue("the runs cannot be read: %v", err)
		return
	}
	committed := map[string]int{}
	for _, r := range runs {
		var log struct{ Entries []entry }
		s.w.Admin("GET", "/v1/"+r.Name+"/log", nil, &log)
		begun, ended := map[string]bool{}, map[string]bool{}
		file := map[string]string{} // that a replica is at
		for _, e := range log.Entries {
			switch {
			case e.ReleaseFileExecute != nil:
				file[e.ReplicaId] = e.ReleaseFileExecute.Version
				begun[e.ReleaseFileExecute.Version] = true
			case e.TransactionControl != nil && e.TransactionControl.Type == "COMMIT" && e.TransactionControl.Error == "":
				committed[file[e.ReplicaId]]++
				ended[file[e.ReplicaId]] = true
			}
		}
		for version, run := range by {
			if run == r.Name && !(begun[version] && ended[version]) {
				c.untrue("version %s was applied by %s, whose log has its begin: %t, a commit: %t", version, r.Name, begun[version], ended[version])
			}
		}
	}
	for _, file := range s.files {
		n := committed[file.version]
		if file.whole && n > 1 {
			c.untrue("the logs have %d commits of version %s", n, file.version)
		}
		if file.whole && n > 0 && !f.ledger[file.version] {
			c.untrue("the log has a commit of version %s, the ledger does not have it", file.version)
		}
	}
}

// maxRetries bounds how often a round runs the task again.
const maxRetries = 5

// finish waits for the end of the run, and has the task run again until it is
// done. Each time a run is over, everything must agree.
func (s *subject) finish(c *score) {
	s.w.T.Helper()
	for {
		r, _ := s.await(nil)
		f := s.facts()
		c.judge(s.all(), f)
		c.agree(s, r, f)
		s.said = append(s.said, r.Status+" "+r.Detail)
		if r.Status == "DONE" {
			if len(f.begun) > 0 {
				c.untrue("the run is done, and the journal still has parts of files")
			}
			return
		}
		if c.retries++; c.retries > maxRetries {
			c.lose("%d runs did not do it, the last says %s: %s", c.retries, r.Status, r.Detail)
			return
		}
		s.run()
	}
}

// whole reports whether a round came out as it must.
func (c *score) whole() bool { return c.losses == 0 && c.doublings == 0 && c.untruths == 0 }

// say returns what was wrong, without repetition.
func (c *score) say() string { return strings.Join(slices.Compact(c.why), "\n") }
