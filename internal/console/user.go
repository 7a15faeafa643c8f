package console

import (
	"context"
	"net/http"
	"strings"
	"time"

	"slipway"
	"slipway/internal/access"
	"slipway/internal/iam"
)

// An accountPage is the page of a person or of a service account.
type accountPage struct {
	Frame
	Kind, Name, Email  string
	At                 string // URL of the page
	Project            string
	Phone              string
	Deleted            bool
	Created, Seen      time.Time
	Holdings           []holding
	MayEdit, MayDelete bool
	MayUndelete        bool
	Self               bool
	Link               access.Link // of a person to the identity provider
	Form               form
}

// A holding is a role as a page about its holder shows it.
type holding struct {
	Role, Where, URL, Condition string
	Group, GroupURL             string // by way of which it is held; "" is by name
}

// holdings returns the roles of a member, by name and by way of its groups, as
// far as the visitor may see them.
func (c *Console) holdings(v visit, member string) ([]holding, error) {
	titles := map[string]string{}
	if v.everywhere[iam.RolesList] {
		var err error
		if titles, err = c.roleTitles(v.ctx(), v.who); err != nil {
			return nil, err
		}
	}
	list, err := c.Access.Holdings(v.ctx(), v.who, member)
	if err != nil {
		return nil, err
	}
	held := c.holdingRows(list, titles)
	if strings.HasPrefix(member, slipway.GroupPrefix) || !v.everywhere[iam.GroupsList] && member != v.who.Member() {
		return held, nil
	}
	groups, _, err := c.Access.Groups(v.ctx(), v.who, access.GroupQuery{Member: member}, slipway.Page{Size: groupsOfOne})
	if err != nil {
		return nil, err
	}
	for _, g := range groups {
		list, err := c.Access.Holdings(v.ctx(), v.who, g.Member())
		if err != nil {
			return nil, err
		}
		for _, h := range c.holdingRows(list, titles) {
			h.Group, h.GroupURL = g.Title, groupURL(g.Email)
			held = append(held, h)
		}
	}
	return held, nil
}

// groupsOfOne bounds how many groups of a member are looked into for roles.
const groupsOfOne = 20

func (c *Console) holdingRows(list []access.Holding, titles map[string]string) []holding {
	out := make([]holding, len(list))
	for i, h := range list {
		out[i] = holding{Role: titles[h.Role], Where: "Workspace, in every project", URL: "/members", Condition: c.condition(h.Condition).Text}
		if out[i].Role == "" {
			out[i].Role = h.Role
		}
		if id := slipway.ProjectOf(h.Resource); id != "" {
			out[i].Where, out[i].URL = "Project "+id, projectMembersURL(id)
		}
	}
	return out
}

// projectMembersURL returns the URL of a project's Settings > Members.
func projectMembersURL(id string) string { return "/projects/" + id + "/members" }

func (c *Console) person(v visit) error {
	p, err := c.personPage(v, "")
	if err != nil {
		return err
	}
	return c.show(v, "account_of", p)
}

// personPage returns the page of the person in the URL, or what stands behind
// a form about that person, which has a title.
func (c *Console) personPage(v visit, title string) (accountPage, error) {
	u, err := c.Access.User(v.ctx(), v.who, v.r.PathValue("email"))
	if err != nil {
		return accountPage{}, err
	}
	at := accountURL(slipway.UserKind, u.Email)
	p := accountPage{
		Frame: c.accountFrame(v, title, u.Title, at), Kind: typeNames[slipway.UserKind], Name: u.Title, Email: u.Email, At: at,
		Phone: u.Phone, Deleted: u.Deleted, Created: u.Created, Seen: u.LastLogin, Self: u.Email == v.who.Email,
		MayEdit: v.everywhere[iam.UsersUpdate], MayDelete: v.everywhere[iam.UsersDelete], MayUndelete: v.everywhere[iam.UsersUndelete],
	}
	if p.Link, err = c.Access.Link(v.ctx(), v.who, u.Email); err != nil {
		return p, err
	}
	p.Holdings, err = c.holdings(v, "user:"+u.Email)
	return p, err
}

// resetLink asks whether to let another subject of the identity provider be the
// person, and on a POST does so.
func (c *Console) resetLink(v visit) error {
	p, err := c.personPage(v, "")
	if err != nil {
		return err
	}
	q := question{
		Frame: c.frame(v, "Reset the sign-in link of "+p.Name+"?", "/users", Crumb{Title: p.Name, URL: p.At}),
		Text:  "Whoever signs in next with " + p.Email + " at the identity provider is " + p.Name + ". Every session ends now.",
		Act:   "Reset", Danger: true, Back: p.At,
	}
	if v.r.Method != http.MethodPost {
		return c.ask(v, q)
	}
	if err := c.Access.ResetLink(v.ctx(), v.who, p.Email); err != nil {
		if err = q.Form.take(err); err != nil {
			return err
		}
		return c.ask(v, q)
	}
	return c.done(v, p.At, "The sign-in link is reset.")
}

// accountFrame returns the frame of an account's page, or that of a form about
// it, which has a title of its own.
func (c *Console) accountFrame(v visit, title, name, at string) Frame {
	if title == "" {
		return c.frame(v, name, "/users")
	}
	f := c.frame(v, title, "/users", Crumb{Title: name, URL: at})
	f.Sheet = &Sheet{Title: title, Close: at}
	return f
}

func (c *Console) editPersonForm(v visit) error {
	p, err := c.personPage(v, "Edit")
	if err != nil {
		return err
	}
	p.Form = form{Values: map[string][]string{"title": {p.Name}, "phone": {p.Phone}}}
	return c.show(v, "account_edit", p)
}

func (c *Console) editPerson(v visit) error {
	p, err := c.personPage(v, "Edit")
	if err != nil {
		return err
	}
	if p.Form, err = v.form(); err != nil {
		return err
	}
	f := &p.Form
	var change access.UserChange
	if title := typed(f.Values, "title"); title != p.Name {
		f.check("title", slipway.CheckTitle("name", title))
		change.Title = &title
	}
	if phone := typed(f.Values, "phone"); phone != p.Phone {
		change.Phone = &phone
	}
	if password := slipway.Secret(f.Get("password")); password != "" {
		f.check("password", access.CheckPassword(password))
		change.Password = &password
	}
	if f.ok() {
		if _, err := c.Access.UpdateUser(v.ctx(), v.who, p.Email, change); err != nil {
			if err = f.take(err); err != nil {
				return err
			}
		}
	}
	if !f.ok() {
		return c.showForm(v, "account_edit", *f, p)
	}
	return c.done(v, p.At, "Saved.")
}

func (c *Console) deletePerson(v visit) error {
	p, err := c.personPage(v, "")
	if err != nil {
		return err
	}
	return c.deactivate(v, p, "Every session ends now, and no new one begins. What "+p.Name+" did stays on record, and so do the roles.",
		func(ctx context.Context) error { return c.Access.DeleteUser(ctx, v.who, p.Email) })
}

func (c *Console) undeletePerson(v visit) error {
	email := v.r.PathValue("email")
	u, err := c.Access.UndeleteUser(v.ctx(), v.who, email)
	if err != nil {
		return err
	}
	return c.done(v, accountURL(slipway.UserKind, u.Email), u.Title+" may sign in again.")
}

// deactivate asks whether to deactivate the account of p, and on a POST does
// it by act.
func (c *Console) deactivate(v visit, p accountPage, text string, act func(context.Context) error) error {
	q := question{
		Frame: c.frame(v, "Deactivate "+p.Name+"?", "/users", Crumb{Title: p.Name, URL: p.At}),
		Text:  text, Act: "Deactivate", Danger: true, Back: p.At,
	}
	if v.r.Method != http.MethodPost {
		return c.ask(v, q)
	}
	if err := act(v.ctx()); err != nil {
		if err = q.Form.take(err); err != nil {
			return err
		}
		return c.ask(v, q)
	}
	return c.done(v, p.At, strings.TrimSpace(p.Name)+" is deactivated.")
}
