package console

import (
	"cmp"
	"slices"

	"slipway"
	"slipway/internal/iam"
	"slipway/internal/inventory"
	"slipway/internal/release"
)

// A projectFrame is what the pages about one project share: its heading and its
// tabs.
type projectFrame struct {
	Frame
	Project slipway.Project
	At      string // URL of its first page
	Tabs    []tab
	Subs    []tab // of the tab Settings
}

// A section is a part of a project's pages and what seeing it needs.
type section struct {
	title, path string
	needs       iam.Permission
}

// projectTabs are the tabs of a project. Settings begins with what most
// visitors come for.
var projectTabs = []section{
	{"Overview", "", iam.ProjectsGet},
	{"Databases", "/databases", iam.DatabasesList},
	{"Database groups", "/database-groups", iam.DatabaseGroupsList},
	{"Releases", "/releases", iam.ReleasesList},
	{"Rollouts", "/rollouts", iam.RolloutsList},
	{"GitOps", "/gitops", iam.ProjectsGet},
	{"Settings", "/settings", iam.ProjectsGet},
}

// projectSections are the tabs and what has an address of its own within one.
var projectSections = append(slices.Clone(projectTabs), section{"Members", "/members", iam.ProjectsGetIamPolicy})

// inProject returns the frame of a page called title under one of the tabs of
// the project in the URL. Crumbs lead from the tab's page to the page; a tab's
// own page has its title.
func (c *Console) inProject(v visit, under, title string, crumbs ...Crumb) (projectFrame, error) {
	p, err := c.Inventory.Project(v.ctx(), v.who, v.r.PathValue("project"))
	if err != nil {
		return projectFrame{}, err
	}
	f := projectFrame{Project: p, At: projectURL(p.ID)}
	above := []Crumb{{Title: p.Title, URL: f.At}}
	for _, t := range projectTabs {
		if t.title == under && under != "Overview" && title != under {
			above = append(above, Crumb{Title: t.title, URL: f.At + t.path})
		}
		if v.held[t.needs] {
			f.Tabs = append(f.Tabs, tab{t.title, f.At + t.path, t.title == under})
		}
	}
	if under == "Overview" {
		title, above = p.Title, nil
	}
	f.Frame = c.frame(v, title, "/projects", append(above, crumbs...)...)
	return f, nil
}

// environments are the workspace's, in order, for showing their titles.
type environments []slipway.Environment

// environments returns the environments, none where the visitor may not see
// them: then their ids will do.
func (c *Console) environments(v visit) (environments, error) {
	if !v.everywhere[iam.SettingsGetEnvironment] {
		return nil, nil
	}
	return c.Inventory.Environments(v.ctx(), v.who)
}

// Title returns what an environment is called.
func (list environments) Title(id string) string {
	for _, e := range list {
		if e.ID == id {
			return e.Title
		}
	}
	return id
}

// place returns where an environment stands in the order; unknown ones are last.
func (list environments) place(id string) int {
	if i := slices.IndexFunc(list, func(e slipway.Environment) bool { return e.ID == id }); i >= 0 {
		return i
	}
	return len(list)
}

// options returns the environments to choose from behind a first choice, which
// is none of them.
func (list environments) options(none string) []option {
	out := []option{{Label: none}}
	for _, e := range list {
		out = append(out, option{Value: e.ID, Label: e.Title})
	}
	return out
}

// Latest things of an overview.
const latest = 5

type projectPage struct {
	projectFrame
	Databases []environmentCount
	Attention []attention
	Releases  []releaseRow
	Rollouts  []rolloutRow
}

// Fresh reports whether the project has nothing to show yet.
func (p projectPage) Fresh() bool {
	return len(p.Databases)+len(p.Releases)+len(p.Rollouts) == 0 && !p.Project.Deleted
}

// An environmentCount is how many databases of a project are in an environment.
type environmentCount struct {
	inventory.Count
	Title, URL string
}

// An attention is something that somebody should look at.
type attention struct {
	Chip      chip
	Text, URL string
}

// project shows what is the case in a project.
func (c *Console) project(v visit) error {
	f, err := c.inProject(v, "Overview", "")
	if err != nil {
		return err
	}
	p := projectPage{projectFrame: f}
	if v.held[iam.DatabasesList] {
		if err := c.countDatabases(v, &p); err != nil {
			return err
		}
	}
	page := slipway.Page{Size: latest}
	if v.held[iam.ReleasesList] {
		list, _, err := c.Releases.Releases(v.ctx(), v.who, p.Project.ID, release.Filter{}, page)
		if err != nil {
			return err
		}
		p.Releases = releaseRows(list)
	}
	if v.held[iam.RolloutsList] {
		list, _, err := c.Rollouts.Summaries(v.ctx(), v.who, p.Project.ID, page)
		if err != nil {
			return err
		}
		p.Rollouts = rolloutRows(list, true)
		for _, r := range p.Rollouts {
			if r.State.Tone == "bad" || r.State.Tone == "wait" {
				p.Attention = append(p.Attention, attention{r.State, r.Title, r.URL})
			}
		}
	}
	return c.show(v, "project", p)
}

func (c *Console) countDatabases(v visit, p *projectPage) error {
	counts, err := c.Inventory.CountDatabases(v.ctx(), v.who, p.Project.ID)
	if err != nil {
		return err
	}
	envs, err := c.environments(v)
	if err != nil {
		return err
	}
	slices.SortStableFunc(counts, func(a, b inventory.Count) int {
		return cmp.Compare(envs.place(a.Environment), envs.place(b.Environment))
	})
	for _, n := range counts {
		row := environmentCount{Count: n, Title: envs.Title(n.Environment), URL: p.At + "/databases?environment=" + n.Environment}
		if n.Environment == "" {
			row.Title, row.URL = "No environment", p.At+"/databases"
			p.Attention = append(p.Attention, attention{chip{"wait", "No environment"}, count(n.All, "database is", "databases are") + " in no environment and cannot be rolled out to", row.URL})
		}
		if n.Unreadable > 0 {
			p.Attention = append(p.Attention, attention{chip{"bad", "Not readable"}, count(n.Unreadable, "database", "databases") + " in " + row.Title + " could not be read", row.URL})
		}
		p.Databases = append(p.Databases, row)
	}
	return nil
}
