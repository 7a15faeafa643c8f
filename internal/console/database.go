package console

import (
	"net/url"
	"strings"

	"slipway"
	"slipway/internal/iam"
	"slipway/internal/inventory"
	"slipway/internal/release"
	"slipway/internal/rollout"
)

// A databaseFrame is what the pages about one database share.
type databaseFrame struct {
	Frame
	Project  slipway.Project
	Row      databaseRow
	Tabs     []tab
	Instance string // URL of its page; "" where the visitor may not see it
	Synced   bool   // it can be synced
}

// databaseTabs are the tabs of a database and what each needs.
var databaseTabs = []struct {
	title, path string
	needs       iam.Permission
}{
	{"Overview", "", iam.DatabasesGet},
	{"Schema", "/schema", iam.DatabasesGetSchema},
	{"Revisions", "/revisions", iam.RevisionsList},
	{"Changes", "/changes", iam.TaskRunsList},
}

// inDatabase returns the frame of a page about the database in the URL, under
// one of its tabs; another title is that of a form over the first.
func (c *Console) inDatabase(v visit, title string) (databaseFrame, error) {
	project, err := c.Inventory.Project(v.ctx(), v.who, v.r.PathValue("project"))
	if err != nil {
		return databaseFrame{}, err
	}
	ref := slipway.DatabaseRef{Instance: v.r.PathValue("instance"), Database: v.r.PathValue("database")}
	d, err := c.Inventory.Database(v.ctx(), v.who, inventory.Place{DatabaseRef: ref, Project: project.ID})
	if err != nil {
		return databaseFrame{}, err
	}
	envs, err := c.environments(v)
	if err != nil {
		return databaseFrame{}, err
	}
	f := databaseFrame{Project: project, Row: newDatabaseRow(d, envs), Synced: !d.On.Deleted}
	if v.everywhere[iam.InstancesGet] {
		f.Instance = instanceURL(ref.Instance)
	}
	for _, t := range databaseTabs {
		if v.held[t.needs] {
			f.Tabs = append(f.Tabs, tab{t.title, f.Row.URL + t.path, t.title == title || title == "Edit" && t.path == ""})
		}
	}
	at := projectURL(project.ID)
	crumbs := []Crumb{{project.Title, at}, {"Databases", at + "/databases"}}
	if title == "Overview" {
		title = ref.Database
	} else {
		crumbs = append(crumbs, Crumb{ref.Database, f.Row.URL})
	}
	f.Frame = c.frame(v, title, "/projects", crumbs...)
	return f, nil
}

type databasePage struct {
	databaseFrame
	Release   string // id of the project's latest
	LatestURL string
	Files     []fileState // of it that are not in, or otherwise than they are now
	Applied   int         // files of it that are in
	Compared  bool
	Trouble   string // why the release can't be held against the database
	Changes   []runRow
	Form      form // of the sheet
	Places    []option
	Projects  []option
}

// A fileState is a file of a release and how it stands in a database.
type fileState struct {
	Path, Version, URL string
	State              chip
}

// shownFiles bounds the files that an overview lists.
const shownFiles = 50

// database shows what is known of a database: where it is, what is pending, what
// was done to it.
func (c *Console) database(v visit) error {
	p, err := c.databasePage(v, "Overview")
	if err != nil {
		return err
	}
	return c.show(v, "database", p)
}

func (c *Console) databasePage(v visit, title string) (databasePage, error) {
	f, err := c.inDatabase(v, title)
	p := databasePage{databaseFrame: f}
	if err != nil {
		return p, err
	}
	if v.held[iam.ReleasesList] && v.held[iam.ReleasesGet] && v.held[iam.RevisionsList] {
		if err := c.compare(v, &p); err != nil {
			return p, err
		}
	}
	if v.held[iam.TaskRunsList] {
		at := rollout.Place{DatabaseRef: f.Row.DatabaseRef, Project: f.Project.ID}
		list, _, err := c.Rollouts.History(v.ctx(), v.who, at, slipway.Page{Size: latest})
		if err != nil {
			return p, err
		}
		p.Changes = c.runRows(list)
	}
	return p, nil
}

// compare holds the latest release of the project against the database.
func (c *Console) compare(v visit, p *databasePage) error {
	list, _, err := c.Releases.Releases(v.ctx(), v.who, p.Project.ID, release.Filter{}, slipway.Page{Size: 1})
	if err != nil || len(list) == 0 {
		return err
	}
	rel := list[0]
	p.Release, p.LatestURL = rel.ID, releaseURL(rel.Project, rel.ID)
	standings, err := c.Releases.Standings(v.ctx(), v.who, rel, p.Row.DatabaseRef)
	if err != nil {
		p.Trouble, err = unanswered(err)
		return err
	}
	p.Compared = true
	for _, st := range standings {
		s := fileState{Path: st.File.Path, Version: st.File.Version, URL: p.LatestURL + "?file=" + url.QueryEscape(st.File.Path)}
		switch {
		case st.State == slipway.FileApplied:
			p.Applied++
			continue
		case st.State == slipway.FileChanged:
			s.State = chip{"bad", "Changed since it was applied"}
		case st.Late:
			s.State = chip{"wait", "Pending, out of order"}
		default:
			s.State = chip{"wait", "Pending"}
		}
		p.Files = append(p.Files, s)
	}
	return nil
}

// Shown returns the files that the page lists.
func (p databasePage) Shown() []fileState { return p.Files[:min(len(p.Files), shownFiles)] }

// Hidden is how many files it does not list.
func (p databasePage) Hidden() int { return len(p.Files) - len(p.Shown()) }

// A runRow is a task run in the list of changes of a database.
type runRow struct {
	slipway.TaskRun
	URL        string
	Release    string
	ReleaseURL string
	State      chip
	Elapsed    string
	Who        string
}

func (c *Console) runRows(list []slipway.TaskRun) []runRow {
	rows := make([]runRow, len(list))
	for i, r := range list {
		q := url.Values{"stage": {r.Task.Environment}, "task": {strings.TrimPrefix(r.Task.Name(), r.Task.StageName()+"/tasks/")}}
		rows[i] = runRow{
			TaskRun: r, URL: link(rolloutURL(r.Task.Project, r.Task.Plan), q) + "#task", Release: releaseID(r.Task.Release),
			State: statusChip(r.Status), Elapsed: elapsed(r, c.now()), Who: newOrigin(r.Creator, r.Job).Line(),
		}
		rows[i].ReleaseURL = releaseURL(r.Task.Project, rows[i].Release)
	}
	return rows
}

type changesPage struct {
	databaseFrame
	Rows  []runRow
	Pager pager
}

func (c *Console) databaseChanges(v visit) error {
	f, err := c.inDatabase(v, "Changes")
	if err != nil {
		return err
	}
	page, err := v.after(50)
	if err != nil {
		return err
	}
	list, next, err := c.Rollouts.History(v.ctx(), v.who, rollout.Place{DatabaseRef: f.Row.DatabaseRef, Project: f.Project.ID}, page)
	if err != nil {
		return err
	}
	return c.show(v, "database_changes", changesPage{f, c.runRows(list), v.pager(next)})
}

type revisionsPage struct {
	databaseFrame
	ShowDeleted bool
	Rows        []revisionRow
	Pager       pager
}

// A revisionRow is a file that was applied.
type revisionRow struct {
	slipway.Revision
	State      chip
	Release    string
	ReleaseURL string
	SheetURL   string
	Duration   string
}

func (c *Console) databaseRevisions(v visit) error {
	f, err := c.inDatabase(v, "Revisions")
	if err != nil {
		return err
	}
	p := revisionsPage{databaseFrame: f, ShowDeleted: v.query("deleted") != ""}
	page, err := v.after(50)
	if err != nil {
		return err
	}
	list, next, err := c.Rollouts.Revisions(v.ctx(), v.who, rollout.Place{DatabaseRef: f.Row.DatabaseRef, Project: f.Project.ID}, p.ShowDeleted, page)
	if err != nil {
		return err
	}
	for _, r := range list {
		row := revisionRow{Revision: r, State: chip{"ok", "In force"}, Release: releaseID(r.Release), Duration: took(r.Took)}
		switch {
		case !r.Deleted.IsZero():
			row.State = chip{"", "Deleted"}
		case r.Release == "":
			row.State, row.Duration = chip{"", "Baseline"}, ""
		}
		if ids, err := slipway.ParseName("projects/*/releases/*", r.Release); err == nil && ids[0] == f.Project.ID {
			row.ReleaseURL = releaseURL(ids[0], ids[1])
		}
		p.Rows = append(p.Rows, row)
	}
	p.Pager = v.pager(next)
	return c.show(v, "database_revisions", p)
}

func (c *Console) syncDatabase(v visit) error {
	f, err := c.inDatabase(v, "Overview")
	if err != nil {
		return err
	}
	err = c.Inventory.SyncDatabase(v.ctx(), v.who, inventory.Place{DatabaseRef: f.Row.DatabaseRef, Project: f.Project.ID})
	if err != nil {
		words, err := unanswered(err)
		if err != nil {
			return err
		}
		return c.trouble(v, f.Row.URL, words)
	}
	return c.done(v, f.Row.URL, "It answers and can be read.")
}

func (c *Console) editDatabaseForm(v visit) error {
	p, err := c.databasePage(v, "Edit")
	if err != nil {
		return err
	}
	p.Form = form{Values: url.Values{
		"environment": {p.Row.Located.Database.Environment}, "project": {p.Project.ID},
		"labels": {strings.Join(p.Row.LabelList(), "\n")},
	}}
	return c.showEditDatabase(v, p)
}

func (c *Console) showEditDatabase(v visit, p databasePage) error {
	envs, err := c.environments(v)
	if err != nil {
		return err
	}
	on := envs.Title(p.Row.On.Environment)
	if on == "" {
		on = "none"
	}
	p.Places = envs.options("As its instance: " + on)
	projects, _, err := c.Inventory.SearchProjects(v.ctx(), v.who, inventory.ProjectFilter{}, slipway.Page{Size: 200})
	if err != nil {
		return err
	}
	p.Projects = []option{{Value: p.Project.ID, Label: p.Project.Title}}
	for _, project := range projects {
		if project.ID != p.Project.ID {
			p.Projects = append(p.Projects, option{Value: project.ID, Label: project.Title})
		}
	}
	p.Sheet = &Sheet{Title: "Edit Database", Close: p.Row.URL}
	return c.showForm(v, "database_edit", p.Form, p)
}

func (c *Console) editDatabase(v visit) error {
	p, err := c.databasePage(v, "Edit")
	if err != nil {
		return err
	}
	if p.Form, err = v.form(); err != nil {
		return err
	}
	env, labels := p.Form.Get("environment"), parseLabels(typed(p.Form.Values, "labels"))
	patch := inventory.DatabasePatch{
		At: inventory.Place{DatabaseRef: p.Row.DatabaseRef, Project: p.Project.ID}, Environment: &env, Labels: &labels,
	}
	to := p.Project.ID
	if project := p.Form.Get("project"); project != "" && project != to {
		patch.Project, to = &project, project
	}
	if _, err := c.Inventory.UpdateDatabases(v.ctx(), v.who, []inventory.DatabasePatch{patch}); err != nil {
		if err = p.Form.take(err); err != nil {
			return err
		}
		return c.showEditDatabase(v, p)
	}
	return c.done(v, databaseURL(to, p.Row.DatabaseRef), "Saved.")
}
