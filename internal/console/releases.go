package console

import (
	"net/url"
	"strings"

	"slipway"
	"slipway/internal/release"
)

type releasesPage struct {
	projectFrame
	Form       form // of the filters
	Categories []option
	Rows       []releaseRow
	Pager      pager
}

// Filtered reports whether the list leaves something out.
func (p releasesPage) Filtered() bool { return p.Form.Get("category") != "" }

// A releaseRow is a release in a list.
type releaseRow struct {
	slipway.Release
	URL   string
	From  origin
	State chip
}

// An origin says who made something: a verified pipeline, or somebody by hand.
type origin struct {
	Who    string // address
	Job    *slipway.Job
	Ref    string
	Commit string // as much of it as people read out

	PipelineURL, JobURL, CommitURL string // in GitLab; "" for none
}

func newOrigin(creator string, job *slipway.Job) origin {
	o := origin{Who: strings.TrimPrefix(creator, "users/"), Job: job}
	if job == nil {
		return o
	}
	o.Ref, o.Commit = job.Ref, job.SHA[:min(len(job.SHA), 8)]
	o.PipelineURL, o.JobURL = jobURL(*job, "pipelines", job.PipelineID), jobURL(*job, "jobs", job.JobID)
	o.CommitURL = jobURL(*job, "commit", job.SHA)
	return o
}

// Line says it in one line: "my-group/app at 714a629c on main".
func (o origin) Line() string {
	if o.Job == nil {
		return o.Who
	}
	s := o.Job.ProjectPath
	if o.Commit != "" {
		s += " at " + o.Commit
	}
	if o.Ref != "" {
		s += " on " + o.Ref
	}
	return s
}

func releaseURL(project, id string) string {
	return projectURL(project) + "/releases/" + url.PathEscape(id)
}

func releaseRows(list []slipway.Release) []releaseRow {
	rows := make([]releaseRow, len(list))
	for i, r := range list {
		rows[i] = releaseRow{Release: r, URL: releaseURL(r.Project, r.ID), From: newOrigin(r.Creator, r.Job), State: releaseChip(r)}
	}
	return rows
}

// releaseChip tells what is known of where a release came from.
func releaseChip(r slipway.Release) chip {
	switch {
	case r.Deleted:
		return chip{"", "Deleted"}
	case r.Job != nil:
		return chip{"ok", "Verified pipeline"}
	}
	return chip{"", "Made by hand"}
}

func (c *Console) releases(v visit) error {
	f, err := c.inProject(v, "Releases", "Releases")
	if err != nil {
		return err
	}
	p := releasesPage{projectFrame: f, Form: form{Values: v.r.URL.Query()}}
	categories, err := c.Releases.Categories(v.ctx(), v.who, p.Project.ID)
	if err != nil {
		return err
	}
	if len(categories) > 1 {
		p.Categories = []option{{Label: "Every category"}}
		for _, name := range categories {
			p.Categories = append(p.Categories, option{Value: name, Label: name})
		}
	}
	page, err := v.after(50)
	if err != nil {
		return err
	}
	filter := release.Filter{Category: p.Form.Get("category"), ShowDeleted: p.Form.Get("deleted") != ""}
	list, next, err := c.Releases.Releases(v.ctx(), v.who, p.Project.ID, filter, page)
	if err != nil {
		return err
	}
	p.Rows, p.Pager = releaseRows(list), v.pager(next)
	return c.show(v, "releases", p)
}
