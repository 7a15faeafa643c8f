package console

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"slipway"
	"slipway/internal/rollout"
)

// A rolloutRow is a rollout in a list.
type rolloutRow struct {
	rollout.Summary
	URL       string
	ReleaseID string
	Sub       string // what stands under the title
	Who       string
	State     chip
	Bar       bar
}

func rolloutURL(project string, plan int64) string {
	return projectURL(project) + "/rollouts/" + strconv.FormatInt(plan, 10)
}

// rolloutRows returns how rollouts are listed, on pages of one project without
// its name.
func rolloutRows(list []rollout.Summary, inProject bool) []rolloutRow {
	rows := make([]rolloutRow, len(list))
	for i, s := range list {
		all := total(s.Stages)
		rows[i] = rolloutRow{
			Summary: s, URL: rolloutURL(s.Project, s.Plan), Who: strings.TrimPrefix(s.Creator, "users/"),
			State: tallyChip(all), Bar: newBar(all),
		}
		rows[i].ReleaseID = releaseID(s.Release)
		var sub []string
		if !inProject {
			sub = append(sub, s.Project)
		}
		if id := rows[i].ReleaseID; id != "" && id != s.Title {
			sub = append(sub, id)
		}
		rows[i].Sub = strings.Join(sub, " · ")
	}
	return rows
}

// releaseID returns the id in a release's name, or "".
func releaseID(name string) string {
	ids, err := slipway.ParseName("projects/*/releases/*", name)
	if err != nil {
		return ""
	}
	return ids[1]
}

// total counts the tasks of all stages together.
func total(stages []rollout.Tally) rollout.Tally {
	all := rollout.Tally{Tasks: map[slipway.Status]int{}}
	for _, s := range stages {
		for status, n := range s.Tasks {
			all.Tasks[status] += n
		}
	}
	return all
}

// tallyChip says how far a stage or a rollout is: by what is worst, then by what
// goes on.
func tallyChip(t rollout.Tally) chip {
	n, all := t.Tasks, t.All()
	finished := n[slipway.Done] + n[slipway.Skipped]
	switch {
	case all == 0:
		return chip{"", "Nothing to do"}
	case n[slipway.Failed] > 0:
		return chip{"bad", fmt.Sprintf("%d failed", n[slipway.Failed])}
	case n[slipway.Running] > 0:
		return chip{"run", "Running"}
	case n[slipway.Pending] > 0:
		return chip{"wait", "Waiting"}
	case n[slipway.Done] == 0 && finished == all:
		return chip{"", "Skipped"}
	case finished == all:
		return chip{"ok", "Done"}
	case n[slipway.Aborted] > 0:
		return chip{"wait", "Canceled"}
	case finished > 0:
		return chip{"wait", fmt.Sprintf("%d of %d done", finished, all)}
	}
	return chip{"", "Not started"}
}

// A bar shows how many of some tasks are in which state.
type bar struct {
	All   int
	Parts []barPart
	Says  string // the same in words
}

type barPart struct {
	Tone string
	X, N int
}

// barOrder is how a bar is put together, from what is behind to what is ahead.
var barOrder = []struct {
	status slipway.Status
	tone   string
	word   string
}{
	{slipway.Done, "ok", "done"},
	{slipway.Skipped, "skip", "skipped"},
	{slipway.Running, "run", "running"},
	{slipway.Pending, "wait", "waiting"},
	{slipway.Failed, "bad", "failed"},
	{slipway.Aborted, "skip", "canceled"},
	{slipway.NotStarted, "", "not started"},
}

func newBar(t rollout.Tally) bar {
	b := bar{All: t.All()}
	var words []string
	x := 0
	for _, o := range barOrder {
		n := t.Tasks[o.status]
		if n == 0 {
			continue
		}
		if o.tone != "" {
			b.Parts = append(b.Parts, barPart{o.tone, x, n})
		}
		words, x = append(words, fmt.Sprintf("%d %s", n, o.word)), x+n
	}
	b.Says = strings.Join(words, ", ")
	return b
}

type rolloutsPage struct {
	Frame
	Rows  []rolloutRow
	Pager pager
}

// rollouts lists those of every project that the visitor sees.
func (c *Console) rollouts(v visit) error {
	p := rolloutsPage{Frame: c.frame(v, "Rollouts", "/rollouts")}
	page, err := v.after(25)
	if err != nil {
		return err
	}
	list, next, err := c.Rollouts.Summaries(v.ctx(), v.who, "", page)
	if err != nil {
		return err
	}
	p.Rows, p.Pager = rolloutRows(list, false), v.pager(next)
	return c.show(v, "rollouts", p)
}

type projectRolloutsPage struct {
	projectFrame
	Rows  []rolloutRow
	Pager pager
}

func (c *Console) projectRollouts(v visit) error {
	f, err := c.inProject(v, "Rollouts", "Rollouts")
	if err != nil {
		return err
	}
	page, err := v.after(25)
	if err != nil {
		return err
	}
	list, next, err := c.Rollouts.Summaries(v.ctx(), v.who, f.Project.ID, page)
	if err != nil {
		return err
	}
	return c.show(v, "project_rollouts", projectRolloutsPage{f, rolloutRows(list, true), v.pager(next)})
}

// with returns the URL of a page with some parameters changed; "" takes one
// away.
func with(path string, q url.Values, pairs ...string) string {
	changed := url.Values{}
	for k, v := range q {
		changed[k] = slices.Clone(v)
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		changed.Del(pairs[i])
		if pairs[i+1] != "" {
			changed.Set(pairs[i], pairs[i+1])
		}
	}
	return link(path, changed)
}
