package console

import (
	"net/url"

	"slipway"
	"slipway/internal/inventory"
)

type projectsPage struct {
	Frame
	Search      string
	ShowDeleted bool
	Rows        []projectRow
	Pager       pager
	Form        form // of the sheet
}

type projectRow struct {
	slipway.Project
	URL   string
	State chip
}

// Filtered reports whether the list leaves something out.
func (p projectsPage) Filtered() bool { return p.Search != "" }

func projectURL(id string) string { return "/projects/" + url.PathEscape(id) }

// projects lists the projects that the visitor sees.
func (c *Console) projects(v visit) error {
	p, err := c.projectList(v, "Projects")
	if err != nil {
		return err
	}
	return c.show(v, "projects", p)
}

func (c *Console) projectList(v visit, title string) (projectsPage, error) {
	p := projectsPage{Frame: c.frame(v, title, "/projects"), Search: v.query("q"), ShowDeleted: v.query("deleted") != ""}
	page, err := v.after(50)
	if err != nil {
		return p, err
	}
	list, next, err := c.Inventory.SearchProjects(v.ctx(), v.who, inventory.ProjectFilter{Search: p.Search, ShowDeleted: p.ShowDeleted}, page)
	if err != nil {
		return p, err
	}
	p.Pager = v.pager(next)
	for _, project := range list {
		row := projectRow{Project: project, URL: projectURL(project.ID), State: chip{"ok", "Active"}}
		if project.Deleted {
			row.State = chip{"", "Deleted"}
		}
		p.Rows = append(p.Rows, row)
	}
	return p, nil
}

func (c *Console) newProjectForm(v visit) error {
	return c.showNewProject(v, form{Values: url.Values{}})
}

func (c *Console) showNewProject(v visit, f form) error {
	p, err := c.projectList(v, "Add Project")
	if err != nil {
		return err
	}
	p.Sheet, p.Form = &Sheet{Title: "Add Project", Close: "/projects"}, f
	return c.showForm(v, "project_new", f, p)
}

func (c *Console) newProject(v visit) error {
	f, err := v.form()
	if err != nil {
		return err
	}
	project := slipway.Project{ID: typed(f.Values, "id"), Title: typed(f.Values, "title")}
	f.check("id", slipway.CheckID("project", project.ID))
	f.check("title", slipway.CheckTitle("project", project.Title))
	if f.ok() {
		_, err := c.Inventory.CreateProject(v.ctx(), v.who, project)
		if slipway.KindOf(err) == slipway.Exists {
			f.blame("id", "The id "+project.ID+" is taken, perhaps by a project that is deleted: choose another")
			f.status = statusOf[slipway.Exists]
		} else if err != nil {
			if err = f.take(err); err != nil {
				return err
			}
		}
	}
	if !f.ok() {
		return c.showNewProject(v, f)
	}
	return c.done(v, projectURL(project.ID), project.Title+" is there. It can take over databases now.")
}
