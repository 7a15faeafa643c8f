package console

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode"

	"slipway"
	"slipway/internal/access"
	"slipway/internal/iam"
)

type rolesPage struct {
	Frame
	Roles []slipway.Role
}

// roles lists the predefined roles and the custom ones.
func (c *Console) roles(v visit) error {
	p, err := c.rolesPage(v, "Roles")
	if err != nil {
		return err
	}
	return c.show(v, "roles", p)
}

func (c *Console) rolesPage(v visit, title string) (rolesPage, error) {
	roles, err := c.Access.Roles(v.ctx(), v.who)
	return rolesPage{Frame: c.frame(v, title, "/roles"), Roles: roles}, err
}

type rolePage struct {
	Frame
	Role   slipway.Role
	At     string // URL of the page
	Groups []permissionGroup
	All    int // how many permissions there are
}

// A permissionGroup is the permissions about one kind of resource.
type permissionGroup struct {
	Title string   // "Audit logs"
	Ticks []option // by verb
}

// permissionGroups returns the permissions that show takes, by resource, with
// those chosen that are in chosen.
func permissionGroups(chosen []string, show func(iam.Permission) bool) []permissionGroup {
	var groups []permissionGroup
	for _, p := range iam.Permissions() {
		if !show(p) {
			continue
		}
		resource, verb, _ := strings.Cut(strings.TrimPrefix(string(p), "bb."), ".")
		title := spaced(resource)
		if len(groups) == 0 || groups[len(groups)-1].Title != title {
			groups = append(groups, permissionGroup{Title: title})
		}
		g := &groups[len(groups)-1]
		g.Ticks = append(g.Ticks, option{Value: string(p), Label: verb, Chosen: slices.Contains(chosen, string(p))})
	}
	return groups
}

// spaced returns a name in camel case as words: "Audit logs" for "auditLogs".
func spaced(name string) string {
	var b strings.Builder
	for i, r := range name {
		switch {
		case i == 0:
			r = unicode.ToUpper(r)
		case unicode.IsUpper(r):
			b.WriteByte(' ')
			r = unicode.ToLower(r)
		}
		b.WriteRune(r)
	}
	return b.String()
}

// role shows what a role permits.
func (c *Console) role(v visit) error {
	r, err := c.Access.Role(v.ctx(), v.who, v.r.PathValue("id"))
	if err != nil {
		return err
	}
	holds := func(p iam.Permission) bool { return slices.Contains(r.Permissions, string(p)) }
	return c.show(v, "role", rolePage{
		Frame: c.frame(v, r.Title, "/roles"), Role: r, At: "/" + r.Name(), Groups: permissionGroups(r.Permissions, holds), All: len(iam.Permissions()),
	})
}

type roleForm struct {
	rolesPage
	Form   form
	Post   string // URL that the form goes to
	New    bool
	Groups []permissionGroup
}

// roleSheet shows a form about a role over the list. It offers what the visitor
// holds, and what the role holds already.
func (c *Console) roleSheet(v visit, f form, old slipway.Role) error {
	p := roleForm{Form: f, New: old.ID == "", Post: "/roles/new"}
	title, back := "Add Role", "/roles"
	if !p.New {
		title, back, p.Post = "Edit role", "/"+old.Name(), "/"+old.Name()+"/edit"
	}
	p.Groups = permissionGroups(f.Values["permissions"], func(q iam.Permission) bool {
		return v.everywhere[q] || slices.Contains(old.Permissions, string(q))
	})
	if v.everywhere[iam.RolesList] { // without it there is a form and no list
		var err error
		if p.rolesPage, err = c.rolesPage(v, title); err != nil {
			return err
		}
	} else {
		p.rolesPage = rolesPage{Frame: c.frame(v, title, "/roles")}
	}
	p.Sheet = &Sheet{Title: title, Close: back}
	return c.showForm(v, "role_form", f, p)
}

// newRoleForm shows the form of a new role, with the permissions of the role
// that "from" names to begin with.
func (c *Console) newRoleForm(v visit) error {
	f := form{Values: url.Values{}}
	if from := v.query("from"); from != "" {
		r, err := c.Access.Role(v.ctx(), v.who, from)
		if err != nil {
			return err
		}
		f.Values = url.Values{"title": {"Copy of " + r.Title}, "description": {r.Description}, "permissions": r.Permissions}
	}
	return c.roleSheet(v, f, slipway.Role{})
}

// checkedRole returns the role that f describes, and blames the fields that no
// role can have.
func checkedRole(f *form) slipway.Role {
	r := slipway.Role{
		ID: typed(f.Values, "id"), Title: typed(f.Values, "title"), Description: typed(f.Values, "description"), Permissions: f.Values["permissions"],
	}
	f.check("title", slipway.CheckTitle("role", r.Title))
	if len(r.Permissions) == 0 {
		f.blame("permissions", "choose at least one")
	}
	return r
}

func (c *Console) addRole(v visit) error {
	f, err := v.form()
	if err != nil {
		return err
	}
	r := checkedRole(&f)
	f.check("id", slipway.CheckID("role", r.ID))
	if f.ok() {
		r, err = c.Access.CreateRole(v.ctx(), v.who, r)
		switch {
		case err == nil:
			return c.done(v, "/"+r.Name(), r.Title+" was added.")
		case slipway.KindOf(err) == slipway.Exists:
			f.blame("id", "there is such a role already")
			f.status = http.StatusConflict
		default:
			if err = f.take(err); err != nil {
				return err
			}
		}
	}
	return c.roleSheet(v, f, slipway.Role{})
}

func (c *Console) editRoleForm(v visit) error {
	r, err := c.Access.Role(v.ctx(), v.who, v.r.PathValue("id"))
	if err != nil {
		return err
	}
	if r.BuiltIn {
		return slipway.Errorf(slipway.Precondition, "%s is predefined and stays as it is; make a copy of it instead.", r.Title)
	}
	f := form{Values: url.Values{"title": {r.Title}, "description": {r.Description}, "permissions": r.Permissions}}
	return c.roleSheet(v, f, r)
}

func (c *Console) editRole(v visit) error {
	old, err := c.Access.Role(v.ctx(), v.who, v.r.PathValue("id"))
	if err != nil {
		return err
	}
	f, err := v.form()
	if err != nil {
		return err
	}
	r := checkedRole(&f)
	if f.ok() {
		r, err = c.Access.UpdateRole(v.ctx(), v.who, old.ID, access.RoleChange{
			Title: &r.Title, Description: &r.Description, Permissions: append([]string{}, r.Permissions...),
		})
		if err == nil {
			return c.done(v, "/"+r.Name(), r.Title+" was changed, for everybody who holds it.")
		}
		if err = f.take(err); err != nil {
			return err
		}
	}
	return c.roleSheet(v, f, old)
}

// deleteRole asks whether to delete a role, and on a POST does it.
func (c *Console) deleteRole(v visit) error {
	r, err := c.Access.Role(v.ctx(), v.who, v.r.PathValue("id"))
	if err != nil {
		return err
	}
	q := question{
		Frame: c.frame(v, "Delete the role "+cmp.Or(r.Title, r.ID)+"?", "/roles"), Act: "Delete", Danger: true, Back: "/" + r.Name(),
		Text: "It is gone for good. A role that is granted to somebody cannot be deleted.",
	}
	if v.r.Method != http.MethodPost {
		return c.ask(v, q)
	}
	err = c.Access.DeleteRole(v.ctx(), v.who, r.ID)
	if err == nil {
		return c.done(v, "/roles", r.Title+" was deleted.")
	}
	if err = q.Form.take(err); err != nil {
		return err
	}
	return c.ask(v, q)
}
