package console

import "net/url"

type projectMembersPage struct {
	projectFrame
	Members memberList
	Form    form     // of the sheet
	Offer   []option // roles that the visitor may grant
}

func (c *Console) projectMembersPage(v visit, title string, crumbs ...Crumb) (projectMembersPage, error) {
	f, err := c.inSettings(v, "Members", title, crumbs...)
	if err != nil {
		return projectMembersPage{}, err
	}
	p := projectMembersPage{projectFrame: f}
	p.Members, err = c.memberList(v, projectScope(f.Project.ID, f.At+"/members"))
	return p, err
}

// projectMembers shows who holds which role in a project.
func (c *Console) projectMembers(v visit) error {
	p, err := c.projectMembersPage(v, "Members")
	if err != nil {
		return err
	}
	return c.show(v, "project_members", p)
}

func (c *Console) grantInProjectForm(v visit) error {
	return c.grantInProjectSheet(v, form{Values: url.Values{"member": {v.query("member")}, "roles": v.r.URL.Query()["role"]}})
}

func (c *Console) grantInProjectSheet(v visit, f form) error {
	p, err := c.projectMembersPage(v, "Grant Access", Crumb{"Members", projectURL(v.r.PathValue("project")) + "/members"})
	if err != nil {
		return err
	}
	p.Form, p.Sheet = f, &Sheet{Title: "Grant Access", Close: p.Members.Scope.Base}
	if p.Offer, err = c.grantable(v, p.Members.Scope); err != nil {
		return err
	}
	return c.showForm(v, "grant_access", f, p)
}

func (c *Console) grantInProject(v visit) error {
	f, err := v.form()
	if err != nil {
		return err
	}
	id := v.r.PathValue("project")
	s := projectScope(id, projectURL(id)+"/members")
	said, err := c.grantTyped(v, s, &f)
	if err != nil {
		return err
	}
	if !f.ok() {
		return c.grantInProjectSheet(v, f)
	}
	return c.done(v, s.Base, said)
}

func (c *Console) revokeInProject(v visit) error {
	f, err := c.inSettings(v, "Members", "Revoke")
	if err != nil {
		return err
	}
	s := projectScope(f.Project.ID, f.At+"/members")
	return c.revokeIn(v, s, func(title string) Frame {
		return c.frame(v, title, "/projects", Crumb{f.Project.Title, f.At}, Crumb{"Members", s.Base})
	})
}
