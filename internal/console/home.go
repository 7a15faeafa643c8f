package console

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"slipway"
	"slipway/internal/access"
	"slipway/internal/iam"
	"slipway/internal/rollout"
)

// Bounds of the home page: what it shows, and what it reads to choose that.
const (
	homeDays     = 14
	homeRows     = 6
	homeRollouts = 50
	homeRefusals = 100
)

type homePage struct {
	Frame
	Steps     []step // of a server that nothing was rolled out with yet
	Needs     []need
	More      bool // there are more needs than are shown
	Watched   bool // the visitor sees something that could need attention
	Rollouts  []rolloutRow
	Changes   []auditRow
	Exchanges *chart // nil where the visitor may not see them
	PerDay    *chart
}

// A need is something that somebody should look at.
type need struct {
	attention
	Sub  string
	When time.Time
}

// home shows what needs attention and what changed lately.
func (c *Console) home(v visit) error {
	p := homePage{Frame: c.frame(v, "Home", "/")}
	list, _, err := c.Rollouts.Summaries(v.ctx(), v.who, "", slipway.Page{Size: homeRollouts})
	if err != nil {
		return err
	}
	p.Rollouts = rolloutRows(list[:min(len(list), homeRows)], false)
	p.Watched = len(list) > 0
	p.Needs = c.needyRollouts(list)
	for _, find := range []func(visit, *homePage) error{c.needyInstances, c.refusals, c.charts, c.lately, c.steps} {
		if err := find(v, &p); err != nil {
			return err
		}
	}
	if len(p.Needs) > 2*homeRows {
		p.Needs, p.More = p.Needs[:2*homeRows], true
	}
	return c.show(v, "home", p)
}

// needyRollouts returns the rollouts of the last days that failed, or that wait
// for somebody.
func (c *Console) needyRollouts(list []rollout.Summary) []need {
	var needs []need
	for _, r := range rolloutRows(list, false) {
		all := total(r.Stages)
		n := all.Tasks
		open := n[slipway.NotStarted] + n[slipway.Aborted]
		active := n[slipway.Pending] + n[slipway.Running]
		when := r.Created
		for _, s := range r.Stages {
			if s.Updated.After(when) {
				when = s.Updated
			}
		}
		if c.now().Sub(when) > homeDays*24*time.Hour || n[slipway.Failed] == 0 && (open == 0 || active > 0) {
			continue
		}
		sub := "project " + r.Project
		if n[slipway.Failed] == 0 {
			r.State = chip{"wait", "Waiting"}
			sub += ", " + count(open, "database", "databases") + " to go"
		}
		needs = append(needs, need{attention{r.State, r.Title, r.URL}, sub, when})
	}
	return needs
}

// needyInstances adds the instances that did not answer.
func (c *Console) needyInstances(v visit, p *homePage) error {
	if !v.everywhere[iam.InstancesList] {
		return nil
	}
	p.Watched = true
	list, err := c.Inventory.Troubles(v.ctx(), v.who, homeRows)
	for _, t := range list {
		n := need{attention{chip{"bad", "No answer"}, cmp.Or(t.Title, t.Instance), instanceURL(t.Instance)}, t.Error, time.Time{}}
		if t.Databases > 0 {
			n.Chip.Text = fmt.Sprintf("%d unread", t.Databases)
		}
		p.Needs = append(p.Needs, n)
	}
	return err
}

// refusals adds the identities whose jobs were refused in the last day.
func (c *Console) refusals(v visit, p *homePage) error {
	if !v.everywhere[iam.AuditLogsSearch] {
		return nil
	}
	p.Watched = true
	list, _, err := c.Access.Exchanges(v.ctx(), v.who, access.ExchangeQuery{Outcome: "refused", Since: c.now().Add(-24 * time.Hour)}, slipway.Page{Size: homeRefusals})
	if err != nil {
		return err
	}
	times := map[string]int{}
	var last []slipway.Exchange // of each identity
	var members []string
	for _, x := range list {
		if times[x.Identity]++; times[x.Identity] == 1 {
			last = append(last, x)
			members = append(members, string(slipway.WorkloadIdentityKind)+":"+x.Identity)
		}
	}
	names, err := c.Access.Names(v.ctx(), v.who, members)
	for i, x := range last {
		row := newExchangeRow(x)
		title := cmp.Or(names[members[i]].Title, x.Identity, "No identity")
		sub := "exchanges in the last day"
		if row.Why != "" {
			sub += ", the last for: " + row.Why
		}
		p.Needs = append(p.Needs, need{attention{chip{"bad", fmt.Sprintf("%d refused", times[x.Identity])}, title, row.URL}, sub, x.Time})
	}
	return err
}

// lately adds what was changed, but for rollouts, which have a list of their own.
func (c *Console) lately(v visit, p *homePage) error {
	if !v.everywhere[iam.AuditLogsSearch] {
		return nil
	}
	list, _, err := c.Access.Audit(v.ctx(), v.who, access.AuditQuery{OnlyDone: true}, slipway.Page{Size: 5 * homeRows})
	if err != nil {
		return err
	}
	var changes []slipway.AuditEntry
	for _, e := range list {
		if !strings.Contains(e.Method, ".AuthService/") && len(changes) < homeRows {
			changes = append(changes, e)
		}
	}
	p.Changes, err = c.auditRows(v, changes)
	return err
}

// charts adds the counts of the last days, where there is something to count.
func (c *Console) charts(v visit, p *homePage) error {
	since := c.now().UTC().Truncate(24*time.Hour).AddDate(0, 0, 1-homeDays)
	if v.everywhere[iam.AuditLogsSearch] {
		days, err := c.Access.ExchangesPerDay(v.ctx(), v.who, since, homeDays)
		if err != nil {
			return err
		}
		chart := newChart("Exchanges", since, "let in", "refused")
		for _, d := range days {
			chart.add(d.Allowed, d.Refused)
		}
		if chart.Most > 0 {
			p.Exchanges = chart.drawn()
		}
	}
	if !p.Watched {
		return nil
	}
	days, err := c.Rollouts.PerDay(v.ctx(), v.who, since, homeDays)
	if err != nil {
		return err
	}
	chart := newChart("Rollouts", since, "made", "")
	for _, n := range days {
		chart.add(n, 0)
	}
	if chart.Most > 0 {
		p.PerDay = chart.drawn()
	}
	return nil
}
