package console

import (
	"net/http"
	"net/url"
	"slices"

	"slipway"
	"slipway/internal/iam"
	"slipway/internal/inventory"
)

// shownMatches is how many databases of a group are shown by name.
const shownMatches = 20

type databaseGroupsPage struct {
	projectFrame
	Rows   []databaseGroupRow
	MayAdd bool
	// What a sheet shows.
	Form    form
	Post    string // URL that the form goes to
	New     bool
	Preview groupPreview
	Delete  string // URL that deletes the group; "" for none
}

// A databaseGroupRow is a database group in the list.
type databaseGroupRow struct {
	inventory.Grouping
	URL string
}

func databaseGroupsURL(project string) string { return projectURL(project) + "/database-groups" }

func (c *Console) databaseGroups(v visit) error {
	p, err := c.databaseGroupList(v, "Database groups")
	if err != nil {
		return err
	}
	return c.show(v, "database_groups", p)
}

// databaseGroupList returns the list, with a page's own title where a sheet is
// over it.
func (c *Console) databaseGroupList(v visit, title string) (databaseGroupsPage, error) {
	f, err := c.inProject(v, "Database groups", title)
	p := databaseGroupsPage{projectFrame: f, MayAdd: v.held[iam.DatabaseGroupsCreate] && !f.Project.Deleted}
	if err != nil || !v.held[iam.DatabaseGroupsList] {
		return p, err
	}
	list, err := c.Inventory.DatabaseGroups(v.ctx(), v.who, p.Project.ID)
	for _, g := range list {
		p.Rows = append(p.Rows, databaseGroupRow{g, databaseGroupsURL(g.Project) + "/" + url.PathEscape(g.ID)})
	}
	return p, err
}

// A groupPreview says which databases a condition that is still being typed
// stands for.
type groupPreview struct {
	Wrong   string // why the condition is none
	Matched []inventory.Match
	Count   int
}

// Left returns how many databases are not shown by name.
func (p groupPreview) Left() int { return p.Count - len(p.Matched) }

// previewGroup answers what the condition of a form amounts to.
func (c *Console) previewGroup(v visit) error {
	f, err := v.form()
	if err != nil {
		return err
	}
	p, err := c.previewOfGroup(v, f, nil)
	if err != nil {
		return err
	}
	return c.showPart(v, "database_group_form", "groupPreview", p)
}

// previewOfGroup finds what f's condition stands for, or why it is none. It
// takes over what is known of a group with the same condition.
func (c *Console) previewOfGroup(v visit, f form, known []databaseGroupRow) (groupPreview, error) {
	expr := typed(f.Values, "expr")
	if expr == "" || !v.held[iam.DatabasesList] {
		return groupPreview{Wrong: "Say what they have in common."}, nil
	}
	var list []inventory.Match
	if i := slices.IndexFunc(known, func(r databaseGroupRow) bool { return r.Expr == expr }); i >= 0 {
		list = known[i].Matched
	} else {
		var err error
		list, err = c.Inventory.PickDatabases(v.ctx(), v.who, v.r.PathValue("project"), expr)
		if err != nil && slipway.KindOf(err) == slipway.Invalid {
			return groupPreview{Wrong: sentence(slipway.MessageOf(err))}, nil
		}
		if err != nil {
			return groupPreview{}, err
		}
	}
	envs, err := c.environments(v)
	p := groupPreview{Count: len(list)}
	for _, d := range list[:min(len(list), shownMatches)] {
		d.Environment = envs.Title(d.Environment)
		p.Matched = append(p.Matched, d)
	}
	return p, err
}

// groupSheetOver shows a form about a database group over the list.
func (c *Console) groupSheetOver(v visit, f form, title string) error {
	p, err := c.databaseGroupList(v, title)
	if err != nil {
		return err
	}
	p.Form, p.Post, p.New = f, v.r.URL.Path, v.r.PathValue("group") == ""
	if p.Preview, err = c.previewOfGroup(v, f, p.Rows); err != nil {
		return err
	}
	at := databaseGroupsURL(p.Project.ID)
	if !p.New && v.held[iam.DatabaseGroupsDelete] {
		p.Delete = at + "/" + url.PathEscape(v.r.PathValue("group")) + "/delete"
	}
	p.Sheet = &Sheet{Title: title, Close: at}
	return c.showForm(v, "database_group_form", f, p)
}

func (c *Console) newDatabaseGroupForm(v visit) error {
	return c.groupSheetOver(v, form{Values: url.Values{}}, "Add Database Group")
}

// groupTyped returns the title and the condition of f; only a preview was asked
// for where it has no more to do than be shown again.
func groupTyped(f *form) (title, expr string, preview bool) {
	return typed(f.Values, "title"), typed(f.Values, "expr"), f.Get("act") == "preview"
}

func (c *Console) newDatabaseGroup(v visit) error {
	f, err := v.form()
	if err != nil {
		return err
	}
	title, expr, preview := groupTyped(&f)
	if !preview {
		g := slipway.DatabaseGroup{Project: v.r.PathValue("project"), ID: typed(f.Values, "id"), Title: title, Expr: expr}
		f.check("id", slipway.CheckID("database group", g.ID))
		f.check("title", slipway.CheckTitle("database group", title))
		if f.ok() {
			made, err := c.Inventory.CreateDatabaseGroup(v.ctx(), v.who, g, false)
			switch {
			case err == nil:
				return c.done(v, databaseGroupsURL(g.Project), made.Title+" was added.")
			case slipway.KindOf(err) == slipway.Exists:
				f.blame("id", slipway.MessageOf(err))
				f.status = http.StatusConflict
			default:
				if err = f.take(err); err != nil {
					return err
				}
			}
		}
	}
	return c.groupSheetOver(v, f, "Add Database Group")
}

func (c *Console) editDatabaseGroupForm(v visit) error {
	g, err := c.Inventory.DatabaseGroup(v.ctx(), v.who, v.r.PathValue("project"), v.r.PathValue("group"))
	if err != nil {
		return err
	}
	return c.groupSheetOver(v, form{Values: url.Values{"title": {g.Title}, "expr": {g.Expr}}}, "Edit database group")
}

func (c *Console) editDatabaseGroup(v visit) error {
	f, err := v.form()
	if err != nil {
		return err
	}
	title, expr, preview := groupTyped(&f)
	if !preview {
		f.check("title", slipway.CheckTitle("database group", title))
		project := v.r.PathValue("project")
		if f.ok() {
			patch := inventory.DatabaseGroupPatch{Title: &title, Expr: &expr}
			_, err := c.Inventory.UpdateDatabaseGroup(v.ctx(), v.who, project, v.r.PathValue("group"), patch)
			if err == nil {
				return c.done(v, databaseGroupsURL(project), "Saved, for plans that are made from now on.")
			}
			if err = f.take(err); err != nil {
				return err
			}
		}
	}
	return c.groupSheetOver(v, f, "Edit database group")
}

// deleteDatabaseGroup asks whether to delete a group, and on a POST does it.
func (c *Console) deleteDatabaseGroup(v visit) error {
	project, id := v.r.PathValue("project"), v.r.PathValue("group")
	at := databaseGroupsURL(project)
	q := question{
		Frame: c.frame(v, "Delete the database group "+id+"?", "/projects", Crumb{Title: "Database groups", URL: at}),
		Text:  "Its databases stay, and so do plans that were made from it. Pipelines that name it are refused.",
		Act:   "Delete", Danger: true, Back: at,
	}
	if v.r.Method != http.MethodPost {
		return c.ask(v, q)
	}
	if err := c.Inventory.DeleteDatabaseGroup(v.ctx(), v.who, project, id); err != nil {
		if err = q.Form.take(err); err != nil {
			return err
		}
		return c.ask(v, q)
	}
	return c.done(v, at, id+" was deleted.")
}
