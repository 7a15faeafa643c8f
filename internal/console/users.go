package console

import (
	"context"
	"net/url"
	"slices"
	"strings"

	"slipway"
	"slipway/internal/access"
	"slipway/internal/iam"
	"slipway/internal/trust"
)

// Names of the kinds of accounts, as the guide spells them.
var typeNames = map[slipway.PrincipalKind]string{
	slipway.UserKind: "User", slipway.ServiceAccountKind: "Service Account", slipway.WorkloadIdentityKind: "Workload Identity",
	access.GroupKind: "Group",
}

// accountPaths are where the pages of accounts are.
var accountPaths = map[slipway.PrincipalKind]string{
	slipway.UserKind: "/users/", slipway.ServiceAccountKind: "/service-accounts/", slipway.WorkloadIdentityKind: "/workload-identities/",
	access.GroupKind: "/groups/",
}

// accountURL returns the URL of an account's page.
func accountURL(kind slipway.PrincipalKind, email string) string {
	return accountPaths[kind] + url.PathEscape(email)
}

type usersPage struct {
	Frame
	Tabs        []tab
	Kind        string
	Search      string
	ShowDeleted bool
	Rows        []accountRow
	Pager       pager
	MayAdd      bool
}

// Filtered reports whether the list leaves something out, so that an empty one
// can say what to do.
func (p usersPage) Filtered() bool { return p.Kind != "" || p.Search != "" }

// A tab is a link to a sibling of a page.
type tab struct {
	Title, URL string
	Current    bool
}

type accountRow struct {
	access.Account
	URL, Type, May string
	State          chip
}

// users lists everybody who may sign in.
func (c *Console) users(v visit) error {
	p, err := c.usersList(v, "Users & Groups")
	if err != nil {
		return err
	}
	return c.show(v, "users", p)
}

// usersList returns the list that a page called title shows.
func (c *Console) usersList(v visit, title string) (usersPage, error) {
	p := usersPage{
		Frame: c.frame(v, title, "/users"), Search: v.query("q"), ShowDeleted: v.query("deactivated") != "",
		MayAdd: len(c.addable(v)) > 0,
	}
	q := access.AnyoneQuery{Search: p.Search, ShowDeleted: p.ShowDeleted}
	for _, k := range []struct {
		title, name string
		kind        slipway.PrincipalKind
		list        iam.Permission
	}{
		{"All", "", "", ""},
		{"People", "people", slipway.UserKind, iam.UsersList},
		{"Workload identities", "workload-identities", slipway.WorkloadIdentityKind, iam.WorkloadIdentitiesList},
		{"Service accounts", "service-accounts", slipway.ServiceAccountKind, iam.ServiceAccountsList},
		{"Groups", "groups", access.GroupKind, iam.GroupsList},
	} {
		if k.list != "" && !v.held[k.list] {
			continue
		}
		params := url.Values{}
		if k.name != "" {
			params.Set("kind", k.name)
		}
		current := v.query("kind") == k.name
		if current {
			q.Kind, p.Kind = k.kind, k.name
		}
		p.Tabs = append(p.Tabs, tab{k.title, link("/users", params), current})
	}
	page, err := v.after(50)
	if err != nil {
		return p, err
	}
	list, next, err := c.Access.Accounts(v.ctx(), v.who, q, page)
	if err != nil {
		return p, err
	}
	p.Pager = v.pager(next)
	p.Rows, err = c.accountRows(v, list)
	return p, err
}

// accountRows returns how accounts are listed: a workload identity by whom it
// lets in, others by their roles on the workspace.
func (c *Console) accountRows(v visit, list []access.Account) ([]accountRow, error) {
	var policy slipway.Policy
	var titles map[string]string
	if v.everywhere[iam.WorkspacesGetIamPolicy] && v.everywhere[iam.RolesList] {
		var err error
		if policy, err = c.Access.Policy(v.ctx(), v.who, slipway.WorkspaceName); err != nil {
			return nil, err
		}
		if titles, err = c.roleTitles(v.ctx(), v.who); err != nil {
			return nil, err
		}
	}
	rows := make([]accountRow, len(list))
	for i, a := range list {
		row := accountRow{Account: a, URL: accountURL(a.Kind, a.Email), Type: typeNames[a.Kind], State: chip{"ok", "Active"}}
		switch {
		case a.Trust != nil:
			row.May = subjectOf(*a.Trust)
			if trustsALot(*a.Trust) {
				row.State = chip{"wait", "Trusts a lot"}
			}
		default:
			row.May = strings.Join(rolesOf(policy, a.Member(), titles), ", ")
		}
		if a.Kind == access.GroupKind {
			row.State = chip{"", count(a.Members, "member", "members")}
		}
		if a.Deleted {
			row.State = chip{"", "Deactivated"}
		}
		rows[i] = row
	}
	return rows, nil
}

// roleTitles returns what roles are called, by their names.
func (c *Console) roleTitles(ctx context.Context, who slipway.Principal) (map[string]string, error) {
	roles, err := c.Access.Roles(ctx, who)
	titles := map[string]string{}
	for _, r := range roles {
		titles[r.Name()] = r.Title
	}
	return titles, err
}

// rolesOf returns the titles of the roles that policy grants a member by name.
func rolesOf(policy slipway.Policy, member string, titles map[string]string) []string {
	var out []string
	for _, b := range policy.Bindings {
		title := titles[b.Role]
		if title == "" {
			title = b.Role
		}
		if slices.Contains(b.Members, member) && !slices.Contains(out, title) {
			out = append(out, title)
		}
	}
	return out
}

// subjectOf says who t lets in: "Any branch or tag of my-group/app on
// gitlab.com".
func subjectOf(t slipway.Trust) string {
	return strings.Replace(trust.Sentence(t), " may sign in", "", 1)
}

// trustsALot reports whether t lets in every ref of every project of a group
// and of its subgroups, those to come included.
func trustsALot(t slipway.Trust) bool { return strings.HasSuffix(trust.Pattern(t), "/*") }
