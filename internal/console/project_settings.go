package console

import (
	"net/http"
	"net/url"
	"strconv"

	"slipway"
	"slipway/internal/iam"
	"slipway/internal/inventory"
)

type settingsPage struct {
	projectFrame
	Form   form
	Orders []option
}

// orders are the policies for versions that come late.
var orders = []option{
	{Value: string(slipway.LateRefused), Label: "Refuse them"},
	{Value: string(slipway.LateWarned), Label: "Warn, and run them"},
	{Value: string(slipway.LateAllowed), Label: "Run them"},
}

// inSettings returns the frame of a page under the tab Settings.
func (c *Console) inSettings(v visit, sub, title string, crumbs ...Crumb) (projectFrame, error) {
	f, err := c.inProject(v, "Settings", title, crumbs...)
	if err != nil {
		return f, err
	}
	f.Subs = []tab{{"General", f.At + "/settings", sub == "General"}}
	if v.held[iam.ProjectsGetIamPolicy] {
		f.Subs = append(f.Subs, tab{"Members", f.At + "/members", sub == "Members"})
	}
	return f, nil
}

func (c *Console) projectSettings(v visit) error {
	f, err := c.inSettings(v, "General", "General")
	if err != nil {
		return err
	}
	values := url.Values{"title": {f.Project.Title}, "parallel": {""}, "failures": {""}, "order": {string(f.Project.OrderPolicy())}}
	for name, n := range map[string]int{"parallel": f.Project.ParallelTasks, "failures": f.Project.MaxFailures} {
		if n > 0 {
			values.Set(name, strconv.Itoa(n))
		}
	}
	return c.show(v, "project_settings", settingsPage{projectFrame: f, Form: form{Values: values}, Orders: orders})
}

func (c *Console) saveProject(v visit) error {
	f, err := v.form()
	if err != nil {
		return err
	}
	title, order := typed(f.Values, "title"), slipway.OutOfOrder(typed(f.Values, "order"))
	f.check("title", slipway.CheckTitle("project", title))
	number := func(name string) *int {
		text := typed(f.Values, name)
		n, err := strconv.Atoi(text)
		if text != "" && (err != nil || n < 0) {
			f.blame(name, "A whole number, or nothing")
		}
		return &n
	}
	patch := inventory.ProjectPatch{Title: &title, ParallelTasks: number("parallel"), MaxFailures: number("failures"), OutOfOrder: &order}
	id := v.r.PathValue("project")
	if f.ok() {
		if _, err := c.Inventory.UpdateProject(v.ctx(), v.who, id, patch); err != nil {
			if err = f.take(err); err != nil {
				return err
			}
		}
	}
	if !f.ok() {
		frame, err := c.inSettings(v, "General", "General")
		if err != nil {
			return err
		}
		return c.showForm(v, "project_settings", f, settingsPage{projectFrame: frame, Form: f, Orders: orders})
	}
	return c.done(v, projectURL(id)+"/settings", "Saved.")
}

func (c *Console) deleteProject(v visit) error {
	f, err := c.inSettings(v, "General", "Delete project")
	if err != nil {
		return err
	}
	q := question{
		Frame: c.frame(v, "Delete "+f.Project.Title+"?", "/projects", Crumb{Title: f.Project.Title, URL: f.At}),
		Text:  "Nothing is rolled out in it from now on, and its pipelines are refused. Its databases, releases and members stay, and it can be restored.",
		Act:   "Delete", Danger: true, Back: f.At + "/settings",
	}
	if v.r.Method != http.MethodPost {
		return c.ask(v, q)
	}
	if err := c.Inventory.DeleteProject(v.ctx(), v.who, f.Project.ID); err != nil {
		if err = q.Form.take(err); err != nil {
			return err
		}
		return c.ask(v, q)
	}
	return c.done(v, f.At, f.Project.Title+" is deleted.")
}

func (c *Console) undeleteProject(v visit) error {
	p, err := c.Inventory.UndeleteProject(v.ctx(), v.who, v.r.PathValue("project"))
	if err != nil {
		return err
	}
	return c.done(v, projectURL(p.ID), p.Title+" is back.")
}
