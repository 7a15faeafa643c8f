package console

import (
	"net/url"

	"slipway"
	"slipway/internal/iam"
)

type newGroupPage struct {
	usersPage
	Form form
}

func (c *Console) newGroupForm(v visit) error { return c.newGroup(v, form{Values: url.Values{}}) }

// newGroup shows Add Group over the list.
func (c *Console) newGroup(v visit, f form) error {
	p := newGroupPage{Form: f}
	var err error
	if v.everywhere[iam.UsersList] { // without it there is a form and no list
		p.usersPage, err = c.usersList(v, "Add Group")
	} else {
		p.usersPage = usersPage{Frame: c.frame(v, "Add Group", "/users")}
	}
	if err != nil {
		return err
	}
	p.Sheet = &Sheet{Title: "Add Group", Close: "/users"}
	return c.showForm(v, "group_new", f, p)
}

// addGroup makes what the form describes.
func (c *Console) addGroup(v visit) error {
	f, err := v.form()
	if err != nil {
		return err
	}
	g := slipway.Group{Email: typed(f.Values, "email"), Title: typed(f.Values, "title"), Description: typed(f.Values, "description")}
	_, err = slipway.CheckEmail(g.Email)
	f.check("email", err)
	if g.Title != "" {
		f.check("title", slipway.CheckTitle("group", g.Title))
	}
	members, err := c.membersTyped(v, &f, "members")
	if err != nil {
		return err
	}
	for _, m := range members {
		g.Members = withRole(g.Members, m, slipway.GroupMemberOnly)
	}
	if f.Get("own") != "" {
		g.Members = withRole(g.Members, v.who.Member(), slipway.GroupOwner)
	}
	if f.ok() {
		g, err = c.Access.CreateGroup(v.ctx(), v.who, g)
		switch {
		case err == nil:
			return c.done(v, groupURL(g.Email), g.Title+" was added.")
		case slipway.KindOf(err) == slipway.Exists:
			f.taken("email", g.Email)
		default:
			if err = f.take(err); err != nil {
				return err
			}
		}
	}
	return c.newGroup(v, f)
}
