package console

import (
	"net/url"
	"slices"
	"strings"

	"slipway"
	"slipway/internal/access"
	"slipway/internal/iam"
)

type groupPage struct {
	Frame
	Group    slipway.Group
	Members  []groupMember
	Holdings []holding
	MayEdit  bool
	Form     form
	One      groupMember // whom the form is about, if it is about one
	Choices  []option
}

// A groupMember is a row of a group's members.
type groupMember struct {
	face
	Owner bool
	Edit  string // of the form that changes it
}

// URL returns the page of the group.
func (p groupPage) URL() string { return groupURL(p.Group.Email) }

// group shows a group: who is in it and what it holds.
func (c *Console) group(v visit) error {
	p, err := c.groupPage(v)
	if err != nil {
		return err
	}
	return c.show(v, "group", p)
}

func (c *Console) groupPage(v visit) (groupPage, error) {
	g, err := c.Access.Group(v.ctx(), v.who, v.r.PathValue("email"))
	if err != nil {
		return groupPage{}, err
	}
	role, _ := g.RoleOf(v.who.Member())
	p := groupPage{
		Frame: c.frame(v, g.Title, "/users"), Group: g,
		MayEdit: role == slipway.GroupOwner || v.everywhere[iam.GroupsUpdate],
	}
	if p.Members, err = c.groupMembers(v, g); err != nil {
		return p, err
	}
	p.Holdings, err = c.holdings(v, g.Member())
	return p, err
}

func (c *Console) groupMembers(v visit, g slipway.Group) ([]groupMember, error) {
	members := make([]string, len(g.Members))
	for i, m := range g.Members {
		members[i] = m.Member
	}
	faces, err := c.faces(v, members)
	rows := make([]groupMember, len(faces))
	for i, f := range faces {
		rows[i] = groupMember{
			face: f, Owner: g.Members[i].Role == slipway.GroupOwner,
			Edit: groupURL(g.Email) + "/members/" + url.PathEscape(f.Member),
		}
	}
	slices.SortStableFunc(rows, func(a, b groupMember) int {
		if a.Owner != b.Owner {
			return map[bool]int{true: -1, false: 1}[a.Owner]
		}
		return strings.Compare(strings.ToLower(a.Title), strings.ToLower(b.Title))
	})
	return rows, err
}

// changeable returns the page of a group that the visitor may change, or refuses
// on record.
func (c *Console) changeable(v visit) (groupPage, error) {
	p, err := c.groupPage(v)
	if err != nil || p.MayEdit {
		return p, err
	}
	err = c.Access.See(v.ctx(), v.who, access.Sight{Permission: iam.GroupsUpdate, Page: v.r.Pattern})
	if err == nil { // unreachable unless the permission was granted in between
		p.MayEdit = true
	}
	return p, err
}

func (c *Console) groupEditForm(v visit) error {
	p, err := c.changeable(v)
	if err != nil {
		return err
	}
	p.Form = form{Values: url.Values{"title": {p.Group.Title}, "description": {p.Group.Description}}}
	return c.groupSheet(v, "group_edit", "Edit group", p)
}

// groupSheet shows a form over a group's page.
func (c *Console) groupSheet(v visit, name, title string, p groupPage) error {
	p.Sheet = &Sheet{Title: title, Close: p.URL()}
	return c.showForm(v, name, p.Form, p)
}

func (c *Console) groupEdit(v visit) error {
	p, err := c.changeable(v)
	if err != nil {
		return err
	}
	if p.Form, err = v.form(); err != nil {
		return err
	}
	title, words := typed(p.Form.Values, "title"), typed(p.Form.Values, "description")
	if p.Form.check("title", slipway.CheckTitle("group", title)); p.Form.ok() {
		_, err = c.Access.UpdateGroup(v.ctx(), v.who, p.Group.Email, access.GroupChange{Title: &title, Description: &words})
		if err == nil {
			return c.done(v, p.URL(), "The group was changed.")
		}
		if err = p.Form.take(err); err != nil {
			return err
		}
	}
	return c.groupSheet(v, "group_edit", "Edit group", p)
}

// groupRoles are the roles in a group that a form offers.
var groupRoles = []option{{Value: string(slipway.GroupMemberOnly), Label: "Member"}, {Value: string(slipway.GroupOwner), Label: "Owner"}}

func (c *Console) groupAddForm(v visit) error {
	p, err := c.changeable(v)
	if err != nil {
		return err
	}
	p.Form = form{Values: url.Values{"role": {string(slipway.GroupMemberOnly)}}}
	p.Choices = groupRoles
	return c.groupSheet(v, "group_add", "Add Members", p)
}

// groupAdd takes everybody in whose address stands on a line.
func (c *Console) groupAdd(v visit) error {
	p, err := c.changeable(v)
	if err != nil {
		return err
	}
	if p.Form, err = v.form(); err != nil {
		return err
	}
	p.Choices = groupRoles
	added, err := c.membersTyped(v, &p.Form, "members")
	if err != nil {
		return err
	}
	if p.Form.ok() && len(added) == 0 {
		p.Form.blame("members", "write at least one address")
	}
	if p.Form.ok() {
		role := slipway.GroupRole(p.Form.Get("role"))
		_, err = c.Access.UpdateGroup(v.ctx(), v.who, p.Group.Email, access.GroupChange{
			Members: func(stored []slipway.GroupMember) ([]slipway.GroupMember, error) {
				for _, m := range added {
					stored = withRole(stored, m, role)
				}
				return stored, nil
			},
		})
		if err == nil {
			return c.done(v, p.URL(), count(len(added), "member was", "members were")+" added.")
		}
		if err = p.Form.take(err); err != nil {
			return err
		}
	}
	return c.groupSheet(v, "group_add", "Add Members", p)
}

// membersTyped reads a field with an address on each line, and blames it for
// those that name nobody.
func (c *Console) membersTyped(v visit, f *form, field string) ([]string, error) {
	var members []string
	for line := range strings.FieldsFuncSeq(typed(f.Values, field), func(r rune) bool { return r == '\n' || r == ',' || r == ';' }) {
		if strings.TrimSpace(line) == "" {
			continue
		}
		m, err := c.memberOf(v, line)
		if slipway.KindOf(err) == slipway.Invalid && err != nil {
			f.blame(field, slipway.MessageOf(err))
			continue
		}
		if err != nil {
			return nil, err
		}
		if !slices.Contains(members, m) {
			members = append(members, m)
		}
	}
	return members, nil
}

// withRole returns members with one in the role.
func withRole(members []slipway.GroupMember, member string, role slipway.GroupRole) []slipway.GroupMember {
	for i, m := range members {
		if m.Member == member {
			members[i].Role = role
			return members
		}
	}
	return append(members, slipway.GroupMember{Member: member, Role: role})
}

// memberPage returns the page of a group with the member that the URL names.
func (c *Console) memberPage(v visit) (groupPage, error) {
	p, err := c.changeable(v)
	if err != nil {
		return p, err
	}
	member := v.r.PathValue("member")
	i := slices.IndexFunc(p.Members, func(m groupMember) bool { return m.Member == member })
	if i < 0 {
		return p, slipway.Errorf(slipway.NotFound, "%.100q is not in the group %s.", member, p.Group.Email)
	}
	p.One, p.Choices = p.Members[i], groupRoles
	return p, nil
}

func (c *Console) groupMemberForm(v visit) error {
	p, err := c.memberPage(v)
	if err != nil {
		return err
	}
	role, _ := p.Group.RoleOf(p.One.Member)
	p.Form = form{Values: url.Values{"role": {string(role)}}}
	return c.groupSheet(v, "group_member", p.One.Title, p)
}

// groupMember gives a member another role in the group, or takes them out.
func (c *Console) groupMember(v visit) error {
	p, err := c.memberPage(v)
	if err != nil {
		return err
	}
	if p.Form, err = v.form(); err != nil {
		return err
	}
	said := p.One.Title + " is a member."
	change := func(stored []slipway.GroupMember) ([]slipway.GroupMember, error) {
		return withRole(stored, p.One.Member, slipway.GroupRole(p.Form.Get("role"))), nil
	}
	switch {
	case p.Form.Get("act") == "remove":
		said = p.One.Title + " was removed."
		change = func(stored []slipway.GroupMember) ([]slipway.GroupMember, error) {
			return slices.DeleteFunc(stored, func(m slipway.GroupMember) bool { return m.Member == p.One.Member }), nil
		}
	case p.Form.Get("role") == string(slipway.GroupOwner):
		said = p.One.Title + " is an owner."
	}
	g, err := c.Access.UpdateGroup(v.ctx(), v.who, p.Group.Email, access.GroupChange{Members: change})
	if err == nil {
		next := p.URL()
		if role, _ := g.RoleOf(v.who.Member()); role != slipway.GroupOwner && !v.everywhere[iam.GroupsGet] {
			next = "/" // they have taken their own sight of it away
		}
		return c.done(v, next, said)
	}
	if err = p.Form.take(err); err != nil {
		return err
	}
	return c.groupSheet(v, "group_member", p.One.Title, p)
}

// groupQuestion is asked before a group is deleted.
func (c *Console) groupQuestion(v visit) (question, error) {
	g, err := c.Access.Group(v.ctx(), v.who, v.r.PathValue("email"))
	return question{
		Frame: c.frame(v, "Delete the group "+g.Title+"?", "/users"),
		Text:  "It is gone for good; its members stay. A group that still holds a role somewhere cannot be deleted.",
		Act:   "Delete", Danger: true, Back: groupURL(g.Email),
	}, err
}

func (c *Console) groupDeleteForm(v visit) error {
	q, err := c.groupQuestion(v)
	if err != nil {
		return err
	}
	return c.ask(v, q)
}

func (c *Console) groupDelete(v visit) error {
	q, err := c.groupQuestion(v)
	if err != nil {
		return err
	}
	err = c.Access.DeleteGroup(v.ctx(), v.who, v.r.PathValue("email"))
	if err == nil {
		return c.done(v, "/users?kind=groups", "The group was deleted.")
	}
	if err = q.Form.take(err); err != nil {
		return err
	}
	return c.ask(v, q)
}
