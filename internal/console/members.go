package console

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"slipway"
	"slipway/internal/iam"
)

// A memberScope is a resource whose policy pages are about: the workspace or a
// project. Its permissions are asked where the page belongs, so v.held counts.
type memberScope struct {
	Resource string         // "projects/shop", or slipway.WorkspaceName
	Base     string         // URL of the list of members; what is done to it lies below
	set      iam.Permission // to change the policy
	words    string         // where the roles hold: "in every project"
}

var workspaceScope = memberScope{
	Resource: slipway.WorkspaceName, Base: "/members", set: iam.WorkspacesSetIamPolicy, words: "on the workspace and in every project",
}

// projectScope is a project's members at base.
func projectScope(id, base string) memberScope {
	return memberScope{Resource: "projects/" + id, Base: base, set: iam.ProjectsSetIamPolicy, words: "in this project"}
}

// A memberList is what the template "members" shows.
type memberList struct {
	Scope  memberScope
	Tabs   []tab
	Search string
	Role   string // name, when only its holders are shown
	Rows   []memberRow
	Roles  []roleHolders
	ByRole bool
	MaySet bool
	Pager  pager
}

// Filtered reports whether the list leaves something out.
func (l memberList) Filtered() bool { return l.Search != "" || l.Role != "" }

// A memberRow is a member with all its grants.
type memberRow struct {
	face
	Grants []grantRow
}

// A grantRow is one role of a member.
type grantRow struct {
	Role   string // title
	URL    string // of the role
	Term   term
	Revoke string // URL of the question
}

// A term is how long a grant holds.
type term struct {
	Text string // "" for ever
	Over bool   // it does not hold now
}

// A roleHolders is a role with the first of its holders.
type roleHolders struct {
	Title, URL, Hint string
	Holders          []memberRow // each with the one grant
	More             string      // URL of all, when there are more than shown
	All              int
}

const (
	membersPerPage = 50
	holdersPerRole = 8
)

// condition says in words when a binding's condition holds.
func (c *Console) condition(text string) term {
	if text == "" {
		return term{}
	}
	over := !iam.Holds(text, c.now())
	end, simple := iam.UntilOf(text)
	if !simple {
		return term{"while " + text, over}
	}
	words := "until " + end.Format("2 Jan 2006, 15:04 UTC")
	if end.Equal(end.Truncate(24 * time.Hour)) { // midnight: the day before is the last
		words = "until the end of " + end.Add(-time.Second).Format("2 Jan 2006")
	}
	if over {
		words = "ended: " + words
	}
	return term{words, over}
}

// memberList returns the members of a scope as the URL asks for them.
func (c *Console) memberList(v visit, s memberScope) (memberList, error) {
	l := memberList{Scope: s, Search: v.query("q"), Role: v.query("role"), ByRole: v.query("by") == "role", MaySet: v.held[s.set]}
	l.Tabs = []tab{{"By member", s.Base, !l.ByRole}, {"By role", s.Base + "?by=role", l.ByRole}}
	policy, err := c.Access.Policy(v.ctx(), v.who, s.Resource)
	if err != nil {
		return l, err
	}
	titles := map[string]string{}
	if v.everywhere[iam.RolesList] {
		if titles, err = c.roleTitles(v.ctx(), v.who); err != nil {
			return l, err
		}
	}
	rows, err := c.memberRows(v, s, policy, titles)
	if err != nil {
		return l, err
	}
	if l.ByRole {
		l.Roles = s.byRole(rows, policy, titles)
		return l, nil
	}
	rows = slices.DeleteFunc(rows, func(r memberRow) bool { return !r.matches(l.Search, l.Role) })
	page, err := v.after(membersPerPage)
	if err != nil {
		return l, err
	}
	from, err := strconv.Atoi(cmp.Or(page.After, "0"))
	if err != nil || from < 0 || from > len(rows) {
		return l, slipway.Errorf(slipway.Invalid, "This address does not belong to any page of the list.")
	}
	l.Rows = rows[from:]
	if len(l.Rows) > membersPerPage {
		l.Rows = l.Rows[:membersPerPage]
		l.Pager = v.pager(strconv.Itoa(from + membersPerPage))
	} else {
		l.Pager = v.pager("")
	}
	return l, nil
}

func (r memberRow) matches(search, role string) bool {
	if !strings.Contains(strings.ToLower(r.Title+"\n"+r.Email), strings.ToLower(search)) {
		return false
	}
	return role == "" || slices.ContainsFunc(r.Grants, func(g grantRow) bool { return g.URL == "/"+role })
}

// memberRows turns a policy around: from roles with members to members with
// roles, by title.
func (c *Console) memberRows(v visit, s memberScope, policy slipway.Policy, titles map[string]string) ([]memberRow, error) {
	grants := map[string][]grantRow{}
	var members []string
	for _, b := range policy.Bindings {
		for _, m := range b.Members {
			if grants[m] == nil {
				members = append(members, m)
			}
			grants[m] = append(grants[m], grantRow{
				Role: cmp.Or(titles[b.Role], b.Role), URL: "/" + b.Role, Term: c.condition(b.Condition),
				Revoke: link(s.Base+"/revoke", url.Values{"role": {b.Role}, "member": {m}, "condition": {b.Condition}}),
			})
		}
	}
	faces, err := c.faces(v, members)
	if err != nil {
		return nil, err
	}
	rows := make([]memberRow, len(faces))
	for i, f := range faces {
		rows[i] = memberRow{f, grants[f.Member]}
	}
	slices.SortStableFunc(rows, func(a, b memberRow) int {
		return strings.Compare(strings.ToLower(a.Title), strings.ToLower(b.Title))
	})
	return rows, nil
}

// byRole returns the roles that anybody holds, in the policy's order.
func (s memberScope) byRole(rows []memberRow, policy slipway.Policy, titles map[string]string) []roleHolders {
	var list []roleHolders
	for _, b := range policy.Bindings {
		at := "/" + b.Role
		if slices.ContainsFunc(list, func(r roleHolders) bool { return r.URL == at }) {
			continue
		}
		r := roleHolders{Title: cmp.Or(titles[b.Role], b.Role), URL: at}
		for _, row := range rows {
			for _, g := range row.Grants {
				if g.URL != at {
					continue
				}
				if r.All++; r.All <= holdersPerRole {
					r.Holders = append(r.Holders, memberRow{row.face, []grantRow{g}})
				}
			}
		}
		if r.All > holdersPerRole {
			r.More = link(s.Base, url.Values{"role": {b.Role}})
		}
		list = append(list, r)
	}
	return list
}

type membersPage struct {
	Frame
	memberList
	Form  form
	Offer []option // roles that the visitor may grant
}

// members shows who holds which role on the workspace.
func (c *Console) members(v visit) error {
	l, err := c.memberList(v, workspaceScope)
	if err != nil {
		return err
	}
	return c.show(v, "members", membersPage{Frame: c.frame(v, "Members", "/members"), memberList: l})
}

func (c *Console) grantForm(v visit) error {
	return c.grantSheet(v, form{Values: url.Values{"member": {v.query("member")}}})
}

func (c *Console) grantSheet(v visit, f form) error {
	l, err := c.memberList(v, workspaceScope)
	if err != nil {
		return err
	}
	p := membersPage{Frame: c.frame(v, "Grant Access", "/members"), memberList: l, Form: f}
	p.Sheet = &Sheet{Title: "Grant Access", Close: l.Scope.Base}
	if p.Offer, err = c.grantable(v, workspaceScope); err != nil {
		return err
	}
	return c.showForm(v, "members_grant", f, p)
}

func (c *Console) grant(v visit) error {
	f, err := v.form()
	if err != nil {
		return err
	}
	said, err := c.grantTyped(v, workspaceScope, &f)
	if err != nil {
		return err
	}
	if !f.ok() {
		return c.grantSheet(v, f)
	}
	return c.done(v, workspaceScope.Base, said)
}

// grantable returns the roles that the visitor may grant in a scope: those that
// hold no more than the visitor does there.
func (c *Console) grantable(v visit, s memberScope) ([]option, error) {
	if !v.everywhere[iam.RolesList] {
		return nil, nil
	}
	roles, err := c.Access.Roles(v.ctx(), v.who)
	if err != nil {
		return nil, err
	}
	known := iam.RolesOf(slices.DeleteFunc(slices.Clone(roles), func(r slipway.Role) bool { return r.BuiltIn }))
	var list []option
	for _, r := range roles {
		if iam.CheckPlace(r.Name(), s.Resource) == nil && len(v.held.Missing(known[r.Name()])) == 0 {
			list = append(list, option{Value: r.Name(), Label: r.Title, Hint: r.Description})
		}
	}
	slices.SortStableFunc(list, func(a, b option) int { return rank(a) - rank(b) })
	return list, nil
}

// grantTyped grants what a form of the template "grantFields" says, and returns
// what to say of it. What is wrong it blames.
func (c *Console) grantTyped(v visit, s memberScope, f *form) (said string, err error) {
	member := ""
	if address := typed(f.Values, "member"); address == "" {
		f.blame("member", "write whose role it shall be")
	} else {
		member, err = c.memberOf(v, address)
		if slipway.KindOf(err) != slipway.Invalid && err != nil {
			return "", err
		}
		f.check("member", err)
	}
	roles := f.Values["roles"]
	if len(roles) == 0 {
		f.blame("roles", "choose at least one")
	}
	var end time.Time
	if day := typed(f.Values, "until"); day != "" {
		if end, err = time.Parse(time.DateOnly, day); err != nil {
			f.blame("until", "write a day, as in 2027-01-31")
		} else if end = end.AddDate(0, 0, 1); !end.After(c.now()) {
			f.blame("until", "this day is over")
		}
	}
	if !f.ok() {
		return "", nil
	}
	err = c.Access.GrantUntil(v.ctx(), v.who, s.Resource, member, roles, end)
	if slipway.KindOf(err) == slipway.Invalid && err != nil && strings.Contains(slipway.MessageOf(err), "there is no such") {
		f.blame("member", typed(f.Values, "member")+" is nobody here: add them under Users & Groups first")
		return "", nil
	}
	if err != nil {
		return "", f.take(err)
	}
	return typed(f.Values, "member") + " holds " + count(len(roles), "role", "roles") + " " + s.words + " now.", nil
}

// revoke asks whether to take a grant away, and on a POST does it.
func (c *Console) revoke(v visit) error {
	return c.revokeIn(v, workspaceScope, func(title string) Frame { return c.frame(v, title, "/members") })
}

// revokeIn is revoke in a scope, whose frame around a title it is given.
func (c *Console) revokeIn(v visit, s memberScope, frame func(title string) Frame) error {
	q := v.r.URL.Query()
	g := iam.Grant{Role: q.Get("role"), Member: q.Get("member"), Condition: q.Get("condition")}
	faces, err := c.faces(v, []string{g.Member})
	if err != nil {
		return err
	}
	role := g.Role
	if v.everywhere[iam.RolesList] {
		titles, err := c.roleTitles(v.ctx(), v.who)
		if err != nil {
			return err
		}
		role = cmp.Or(titles[g.Role], g.Role)
	}
	text := faces[0].words() + " will no longer be " + role + " " + s.words + "."
	if g.Member == v.who.Member() {
		text += " That is your own role."
	}
	ask := question{Frame: frame("Revoke " + role + "?"), Text: text, Act: "Revoke", Danger: true, Back: s.Base}
	if v.r.Method != http.MethodPost {
		return c.ask(v, ask)
	}
	err = c.Access.Revoke(v.ctx(), v.who, s.Resource, g)
	if err == nil {
		return c.done(v, s.Base, role+" was revoked from "+faces[0].Title+".")
	}
	if err = ask.Form.take(err); err != nil {
		return err
	}
	return c.ask(v, ask)
}
