package store

import (
	"context"

	"slipway"
)

// A GroupQuery picks groups.
type GroupQuery struct {
	Search string // part of the e-mail address or the title, any case
	Member string // those that it is in: "user:ann@example.com"; "" is any
}

const groupColumns = `email, title, description, created, revision`

func scanGroup(r row) (g slipway.Group, err error) {
	err = r.Scan(&g.Email, &g.Title, &g.Description, at(&g.Created), &g.Revision)
	return g, err
}

func groupWhat(email string) string { return "group " + quote(email) }

// Group returns the group with an e-mail address, with its members.
func (r Reader) Group(ctx context.Context, email string) (slipway.Group, error) {
	g, err := one(ctx, r, groupWhat(email), scanGroup, ask(`
		SELECT `+groupColumns+` FROM principal_group WHERE email = $1`, email))
	if err != nil {
		return slipway.Group{}, err
	}
	found := []slipway.Group{g}
	err = r.addMembers(ctx, found)
	return found[0], err
}

// Groups lists groups with their members by e-mail address.
func (r Reader) Groups(ctx context.Context, q GroupQuery, page slipway.Page) ([]slipway.Group, string, error) {
	var w where
	w.contains("search", q.Search)
	if q.Member != "" {
		w.and("email IN (SELECT email FROM group_member WHERE member = " + w.arg(q.Member) + ")")
	}
	w.afterName("email", page)
	found, next, err := listing[slipway.Group]{
		what: "groups", text: `SELECT ` + groupColumns + ` FROM principal_group`, where: w, order: "email",
		scan: scanGroup, key: func(g slipway.Group) string { return g.Email },
	}.page(ctx, r, page)
	if err != nil {
		return nil, "", err
	}
	return found, next, r.addMembers(ctx, found)
}

// addMembers reads the members of groups into them.
func (r Reader) addMembers(ctx context.Context, groups []slipway.Group) error {
	if len(groups) == 0 {
		return nil
	}
	var w where
	emails := make([]any, len(groups))
	byEmail := map[string]*slipway.Group{}
	for i := range groups {
		emails[i] = groups[i].Email
		byEmail[groups[i].Email] = &groups[i]
	}
	w.and("email IN (" + w.list(emails) + ")")
	type membership struct {
		email string
		slipway.GroupMember
	}
	rows, err := all(ctx, r, "read the members of groups", func(r row) (m membership, err error) {
		err = r.Scan(&m.email, &m.Member, &m.Role)
		return m, err
	}, stmt{`SELECT email, member, role FROM group_member` + w.String() + ` ORDER BY email, member`, w.args})
	for _, m := range rows {
		g := byEmail[m.email]
		g.Members = append(g.Members, m.GroupMember)
	}
	return err
}

// GroupsOf returns the addresses of the groups that a member is in, the first
// thousand.
func (r Reader) GroupsOf(ctx context.Context, member string) ([]string, error) {
	return all(ctx, r, "read the groups of "+quote(member), scanned[string], ask(`
		SELECT email FROM group_member WHERE member = $1 ORDER BY email LIMIT $2`, member, slipway.MaxPageSize))
}

// CountGroups returns how many groups there are.
func (r Reader) CountGroups(ctx context.Context) (int, error) {
	return one(ctx, r, "the number of groups", scanned[int], ask(`SELECT count(*) FROM principal_group`))
}

// CreateGroup adds a group with its members.
func (tx *Tx) CreateGroup(ctx context.Context, g slipway.Group) error {
	err := tx.create(ctx, groupWhat(g.Email), ask(`
		INSERT INTO principal_group (`+groupColumns+`, search) VALUES ($1, $2, $3, $4, $5, $6)`,
		g.Email, g.Title, g.Description, g.Created, g.Revision, searchable(g.Email, g.Title)))
	if err != nil {
		return err
	}
	return tx.insertMembers(ctx, g)
}

// UpdateGroup saves all of a group but the e-mail address and the creation, if
// its stored revision is still fromRevision; otherwise it is a Conflict.
func (tx *Tx) UpdateGroup(ctx context.Context, g slipway.Group, fromRevision int64) error {
	n, err := tx.exec(ctx, "change "+groupWhat(g.Email), ask(`
		UPDATE principal_group SET title = $2, description = $3, revision = $4, search = $5
		WHERE email = $1 AND revision = $6`,
		g.Email, g.Title, g.Description, g.Revision, searchable(g.Email, g.Title), fromRevision))
	if err != nil {
		return err
	}
	if n == 0 {
		if _, err := tx.Group(ctx, g.Email); err != nil {
			return err
		}
		return slipway.Errorf(slipway.Conflict, "%s was changed by somebody else; read it again", groupWhat(g.Email))
	}
	if _, err := tx.exec(ctx, "replace the members of "+groupWhat(g.Email), ask(`
		DELETE FROM group_member WHERE email = $1`, g.Email)); err != nil {
		return err
	}
	return tx.insertMembers(ctx, g)
}

func (tx *Tx) insertMembers(ctx context.Context, g slipway.Group) error {
	rows := make([][]any, len(g.Members))
	for i, m := range g.Members {
		rows[i] = []any{g.Email, m.Member, m.Role}
	}
	return tx.insertAll(ctx, "write the members of "+groupWhat(g.Email), "group_member (email, member, role)", rows)
}

// DeleteGroup removes a group for good. Bindings that name it are the caller's
// to look for.
func (tx *Tx) DeleteGroup(ctx context.Context, email string) error {
	return tx.change(ctx, groupWhat(email), ask(`DELETE FROM principal_group WHERE email = $1`, email))
}
