package cli

import (
	"fmt"
	"strings"
	"time"

	"slipway"
)

// A view is what is known of one task while its stage runs.
type view struct {
	task    string // resource name
	target  string
	status  slipway.Status
	reason  string // why it was skipped
	run     string // resource name of its latest run; "" for none
	detail  string
	failure *slipway.Failure
	done    int // files
	total   int
	took    time.Duration // by the server's clock; 0 while it runs
	waits   bool          // for other databases of the rollout to end
}

// A progress tells how the databases of one stage get on: on a terminal in
// lines that are redrawn, elsewhere in a line for each step.
type progress struct {
	voice *voice
	now   func() time.Time
	stage string
	began time.Time
	spoke time.Time // when a line was last said where nothing is redrawn
	last  map[string]view
	found map[string]bool      // tasks that had ended well before, by name
	since map[string]time.Time // when a task was first seen running, by task
}

// shownTasks bounds the region that is redrawn; the rest is counted.
const shownTasks = 10

// heartbeat is how often a job's log says that a long statement still runs:
// some CI systems end a job that says nothing for ten minutes.
const heartbeat = 30 * time.Second

func newProgress(v *voice, now func() time.Time, stage string, found map[string]bool) *progress {
	t := now()
	return &progress{
		voice: v, now: now, stage: stage, began: t, spoke: t,
		last: make(map[string]view), found: found, since: make(map[string]time.Time),
	}
}

// update takes the latest views and says what changed; it reports whether
// anything did. Rows counts the rows that an ended run changed, -1 for unknown.
func (p *progress) update(views []view, rows func(view) int64) bool {
	changed := false
	for _, v := range views {
		old, known := p.last[v.task]
		p.last[v.task] = v
		if _, ok := p.since[v.task]; !ok && v.status.Active() {
			p.since[v.task] = p.now()
		}
		if known && old.status == v.status && old.done == v.done && old.total == v.total {
			continue
		}
		changed = true
		switch {
		case !known && p.found[v.task]:
			p.voice.printf("  %s: was done before", line(v.target))
		case v.status.Finished() && (!known || !old.status.Finished()):
			p.voice.printf("  %s: %s", line(v.target), ended(v, rows))
		case p.voice.width == 0 && v.status == slipway.Running:
			p.voice.notef("  %s: %s", line(v.target), running(v))
		}
	}
	if p.voice.width > 0 {
		p.voice.draw(p.region(views))
	} else {
		p.beat(views, changed)
	}
	return changed
}

// beat says in a log that a stage still runs.
func (p *progress) beat(views []view, changed bool) {
	now := p.now()
	if changed {
		p.spoke = now
	}
	if now.Sub(p.spoke) < heartbeat {
		return
	}
	p.spoke = now
	finished := 0
	for _, v := range views {
		if v.status.Finished() {
			finished++
		}
	}
	p.voice.notef("stage %s: %d of %s done after %s", p.stage, finished, count(len(views), "database"), short(now.Sub(p.began)))
}

// region is the lines of what is under way.
func (p *progress) region(views []view) []string {
	var lines []string
	more := 0
	for _, v := range views {
		switch {
		case !v.status.Active():
		case len(lines) == shownTasks:
			more++
		default:
			how := fmt.Sprintf(": %s, %s", running(v), short(p.now().Sub(p.since[v.task])))
			lines = append(lines, "  "+tail(line(v.target), p.voice.width-3-len(how))+how)
		}
	}
	if more > 0 {
		lines = append(lines, fmt.Sprintf("  and %d more", more))
	}
	return lines
}

// tail shortens s to its last n characters, since databases differ at the end.
func tail(s string, n int) string {
	r := []rune(s)
	if n < 2 || len(r) <= n {
		return s
	}
	return "…" + string(r[len(r)-n+1:])
}

func running(v view) string {
	switch {
	case v.status == slipway.Pending && v.waits:
		return "waiting for other databases of the rollout"
	case v.status == slipway.Pending:
		return "waiting for a worker"
	case v.total > 0:
		return fmt.Sprintf("running, %d of %s", v.done, count(v.total, "file"))
	}
	return "running"
}

func ended(v view, rows func(view) int64) string {
	if v.status == slipway.Skipped {
		return strings.TrimSuffix("skipped: "+line(v.reason), ": ")
	}
	if v.run == "" {
		return "done"
	}
	s := "done, " + count(v.done, "file")
	if n := rows(v); n >= 0 && v.done > 0 {
		s += ", " + count(int(n), "row")
	}
	if v.took > 0 {
		s += ", " + short(v.took)
	}
	return s
}

// short is a duration as people read it.
func short(d time.Duration) string {
	switch {
	case d < time.Second:
		return d.Round(time.Millisecond).String()
	case d < 10*time.Second:
		return d.Round(100 * time.Millisecond).String()
	}
	return d.Round(time.Second).String()
}
