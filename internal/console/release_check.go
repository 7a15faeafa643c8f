package console

import (
	"slices"

	"slipway"
	"slipway/internal/inventory"
	"slipway/internal/release"
)

// A checkPage shows what a check of a release found. It is asked by GET: a check
// changes nothing, and a link to it stays good.
type checkPage struct {
	releasePage
	Form     form
	Places   []option
	Asked    bool
	Targets  int // databases that were asked
	Pending  int // files that would run, over all of them
	Affected int64
	Risk     chip
	Errors   int
	Warnings int
	Results  []fileResult
	Left     int // files with findings that are not shown
}

// A fileResult is what was found in one file.
type fileResult struct {
	fileCard
	Affected int64
	Risk     chip
}

// checked is how many databases one check from the console asks at most.
const checked = 200

func (c *Console) checkRelease(v visit) error {
	base, err := c.releasePage(v, "Check")
	if err != nil {
		return err
	}
	p := checkPage{releasePage: base, Form: form{Values: v.r.URL.Query()}, Asked: v.r.URL.Query().Has("environment")}
	envs, err := c.environments(v)
	if err != nil {
		return err
	}
	p.Places = envs.options("Every environment")
	if !p.Asked {
		return c.show(v, "release_check", p)
	}
	targets, err := c.checkTargets(v, p)
	if err != nil {
		return err
	}
	if p.Targets = len(targets); p.Targets == 0 {
		return c.show(v, "release_check", p)
	}
	answer, err := c.Releases.Check(v.ctx(), v.who, release.Question{Project: p.Project.ID, Files: p.Release.Files, Targets: targets})
	if err != nil {
		if err = p.Form.take(err); err != nil {
			return err
		}
		return c.showForm(v, "release_check", p.Form, p)
	}
	p.Pending, p.Affected, p.Risk = answer.Pending, answer.Affected, riskChip(answer.Risk)
	if err := c.fillResults(v, &p, answer); err != nil {
		return err
	}
	return c.show(v, "release_check", p)
}

func (c *Console) checkTargets(v visit, p checkPage) ([]string, error) {
	list, _, err := c.Inventory.Databases(v.ctx(), v.who, inventory.DatabaseFilter{Project: p.Project.ID, Environment: p.Form.Get("environment")}, slipway.Page{Size: checked})
	if err != nil {
		return nil, err
	}
	names := make([]string, len(list))
	for i, d := range list {
		names[i] = d.Name()
	}
	return names, nil
}

// An advice is a finding of one file, with the databases that it is about.
type advice struct {
	slipway.Advice
	on []string
}

// fillResults puts the findings in the files, those that several databases share
// told once.
func (c *Console) fillResults(v visit, p *checkPage, answer release.Answer) error {
	engine, err := c.engineOf(v, p.Project.ID)
	if err != nil {
		return err
	}
	for _, f := range p.Release.Files {
		r := fileResult{fileCard: p.card(f)}
		found, risk := []advice(nil), slipway.RiskLevel("")
		for _, got := range answer.Results {
			if got.File != f.Path {
				continue
			}
			r.Affected += got.Affected
			if got.Risk.Above(risk) {
				risk = got.Risk
			}
			for _, a := range got.Advices {
				i := slices.IndexFunc(found, func(b advice) bool { return b.Advice == a })
				if i < 0 {
					i, found = len(found), append(found, advice{Advice: a})
				}
				found[i].on = append(found[i].on, got.Target)
			}
		}
		if len(found) == 0 && r.Affected == 0 {
			continue
		}
		r.Risk = riskChip(risk)
		if len(p.Results) == filesPerPage {
			p.Left++
			continue
		}
		if err := c.fillFile(v, &r.fileCard, engine, sqlAlone); err != nil {
			return err
		}
		p.place(&r, found)
		p.Results = append(p.Results, r)
	}
	return nil
}

// place puts findings under the lines that they are about.
func (p *checkPage) place(r *fileResult, found []advice) {
	for _, a := range found {
		n := note{Tone: "wait", Title: a.Title, Text: sentence(a.Content)}
		if a.Level == slipway.AdviceError {
			n.Tone = "bad"
			p.Errors++
		} else {
			p.Warnings++
		}
		if len(a.on) < p.Targets {
			n.Text += " On " + a.on[0]
			if more := len(a.on) - 1; more > 0 {
				n.Text += " and " + count(more, "other", "others")
			}
			n.Text += "."
		}
		r.Code.mark(a.Start.Line, a.Start.Column, n.Tone)
		r.Code.say(a.Start.Line, n)
	}
	r.Code.around(3)
}

func riskChip(r slipway.RiskLevel) chip {
	switch r {
	case slipway.RiskHigh:
		return chip{"bad", "High risk"}
	case slipway.RiskModerate:
		return chip{"wait", "Moderate risk"}
	case slipway.RiskLow:
		return chip{"ok", "Low risk"}
	}
	return chip{"", "Risk not known"}
}
