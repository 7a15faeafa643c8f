package console

import (
	"net/url"
	"slices"
	"strings"

	"slipway"
	"slipway/internal/iam"
	"slipway/internal/inventory"
)

type databasesPage struct {
	projectFrame
	Search      string
	Form        form // of the filters
	Places      []option
	Rows        []databaseRow
	Pager       pager
	MayTakeOver bool
	Take        takeOver // what the sheet shows
}

// Filtered reports whether the list leaves something out.
func (p databasesPage) Filtered() bool { return p.Search != "" || p.Form.Get("environment") != "" }

// A databaseRow is a database in a list.
type databaseRow struct {
	inventory.Located
	URL         string
	Environment string // title
	Own         bool   // it has an environment of its own
	State       chip
	Why         string // it is in that state
	Release     string // id of the last one
	ReleaseURL  string
}

func databaseURL(project string, ref slipway.DatabaseRef) string {
	return projectURL(project) + "/databases/" + url.PathEscape(ref.Instance) + "/" + url.PathEscape(ref.Database)
}

func newDatabaseRow(d inventory.Located, envs environments) databaseRow {
	r := databaseRow{
		Located: d, URL: databaseURL(d.Project, d.DatabaseRef), Environment: envs.Title(d.Effective()), Own: d.Database.Environment != "",
		State: chip{"ok", "Ready"},
	}
	switch {
	case d.On.Deleted:
		r.State, r.Why = chip{"", "Instance deleted"}, "Its instance is deleted."
	case d.Deleted:
		r.State, r.Why = chip{"bad", "Gone"}, "It was gone from its server when that was last synced."
	case d.SyncError != "":
		r.State, r.Why = chip{"bad", "Not readable"}, sentence(d.SyncError)
	case d.Effective() == "":
		r.State, r.Why = chip{"wait", "No environment"}, "Neither it nor its instance is in an environment, so it can't be rolled out to."
	}
	if ids, err := slipway.ParseName("projects/*/releases/*", d.Database.Release); err == nil {
		r.Release, r.ReleaseURL = ids[1], releaseURL(ids[0], ids[1])
	}
	return r
}

// LabelList returns the labels as people write them, in order.
func (r databaseRow) LabelList() []string { return labelLines(r.Labels) }

func (c *Console) projectDatabases(v visit) error {
	p, err := c.databaseList(v, "Databases")
	if err != nil {
		return err
	}
	return c.show(v, "project_databases", p)
}

func (c *Console) databaseList(v visit, title string) (databasesPage, error) {
	f, err := c.inProject(v, "Databases", title)
	p := databasesPage{projectFrame: f, Search: v.query("q"), Form: form{Values: v.r.URL.Query()}}
	if err != nil {
		return p, err
	}
	envs, err := c.environments(v)
	if err != nil {
		return p, err
	}
	p.Places = envs.options("Every environment")
	page, err := v.after(50)
	if err != nil {
		return p, err
	}
	list, next, err := c.Inventory.Databases(v.ctx(), v.who, inventory.DatabaseFilter{
		Project: p.Project.ID, Environment: p.Form.Get("environment"), Search: p.Search, ShowDeleted: p.Form.Get("gone") != "",
	}, page)
	if err != nil {
		return p, err
	}
	for _, d := range list {
		p.Rows = append(p.Rows, newDatabaseRow(d, envs))
	}
	p.Pager = v.pager(next)
	p.MayTakeOver, err = c.mayTakeOver(v, p.Project)
	return p, err
}

// mayTakeOver reports whether the visitor may move databases into a project
// from where those are that no other has.
func (c *Console) mayTakeOver(v visit, p slipway.Project) (bool, error) {
	if p.ID == slipway.DefaultProject || p.Deleted || !v.held[iam.DatabasesUpdate] {
		return false, nil
	}
	there, err := c.Access.Held(v.ctx(), v.who, slipway.DefaultProject)
	return there[iam.DatabasesUpdate] && there[iam.DatabasesList], err
}

// A takeOver is the form by which a project takes databases over.
type takeOver struct {
	Search    string
	Databases []option
	More      bool // there are more than are shown
	Form      form
}

// offered is how many databases the form offers at a time; the search finds the
// others.
const offered = 100

func (c *Console) takeOverForm(v visit) error {
	return c.showTakeOver(v, form{Values: v.r.URL.Query()})
}

func (c *Console) showTakeOver(v visit, f form) error {
	p, err := c.databaseList(v, "Take Over Databases")
	if err != nil {
		return err
	}
	p.Take = takeOver{Search: typed(f.Values, "find"), Form: f}
	list, next, err := c.Inventory.Databases(v.ctx(), v.who, inventory.DatabaseFilter{Project: slipway.DefaultProject, Search: p.Take.Search}, slipway.Page{Size: offered})
	if err != nil {
		return err
	}
	envs, err := c.environments(v)
	if err != nil {
		return err
	}
	for _, name := range f.Values["db"] { // chosen before another search
		ref, err := slipway.ParseDatabase(name)
		if err == nil && !slices.ContainsFunc(list, func(d inventory.Located) bool { return d.Name() == name }) {
			p.Take.Databases = append(p.Take.Databases, option{Value: name, Label: ref.Database, Hint: ref.Instance})
		}
	}
	for _, d := range list {
		where := envs.Title(d.Effective())
		if where == "" {
			where = "no environment"
		}
		p.Take.Databases = append(p.Take.Databases, option{Value: d.Name(), Label: d.DatabaseRef.Database, Hint: d.On.Title + " · " + where})
	}
	p.Take.More = next != ""
	p.Sheet = &Sheet{Title: "Take Over Databases", Close: p.At + "/databases"}
	return c.showForm(v, "take_over", f, p)
}

func (c *Console) takeOver(v visit) error {
	f, err := v.form()
	if err != nil {
		return err
	}
	project := v.r.PathValue("project")
	var patches []inventory.DatabasePatch
	for _, name := range f.Values["db"] {
		ref, err := slipway.ParseDatabase(name)
		if err != nil {
			return err
		}
		at := inventory.Place{DatabaseRef: ref, Project: slipway.DefaultProject}
		patches = append(patches, inventory.DatabasePatch{At: at, Project: &project})
	}
	if len(patches) == 0 {
		f.blame("db", "Choose at least one database")
		return c.showTakeOver(v, f)
	}
	if _, err := c.Inventory.UpdateDatabases(v.ctx(), v.who, patches); err != nil {
		if err = f.take(err); err != nil {
			return err
		}
		return c.showTakeOver(v, f)
	}
	return c.done(v, projectURL(project)+"/databases", count(len(patches), "database", "databases")+" taken over.")
}

// labelLines returns labels one on a line, as key=value, in order.
func labelLines(labels map[string]string) []string {
	var lines []string
	for _, k := range sortedKeys(labels) {
		if labels[k] == "" {
			lines = append(lines, k)
			continue
		}
		lines = append(lines, k+"="+labels[k])
	}
	return lines
}

// parseLabels reads what labelLines writes.
func parseLabels(text string) map[string]string {
	labels := map[string]string{}
	for line := range strings.Lines(text) {
		k, value, _ := strings.Cut(line, "=")
		if k = strings.TrimSpace(k); k != "" {
			labels[k] = strings.TrimSpace(value)
		}
	}
	return labels
}
