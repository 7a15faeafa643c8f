package store

import (
	"context"
	"encoding/json"

	"slipway"
)

const databaseGroupColumns = `project, id, title, expr, created`

func scanDatabaseGroup(r row) (g slipway.DatabaseGroup, err error) {
	err = r.Scan(&g.Project, &g.ID, &g.Title, &g.Expr, at(&g.Created))
	return g, err
}

func databaseGroupWhat(g slipway.DatabaseGroup) string { return "database group " + quote(g.Name()) }

// DatabaseGroup returns a database group of a project.
func (r Reader) DatabaseGroup(ctx context.Context, project, id string) (slipway.DatabaseGroup, error) {
	what := databaseGroupWhat(slipway.DatabaseGroup{Project: project, ID: id})
	return one(ctx, r, what, scanDatabaseGroup, ask(`
		SELECT `+databaseGroupColumns+` FROM database_group WHERE project = $1 AND id = $2`, project, id))
}

// DatabaseGroups returns the database groups of a project by id, the first
// thousand.
func (r Reader) DatabaseGroups(ctx context.Context, project string) ([]slipway.DatabaseGroup, error) {
	return all(ctx, r, "list the database groups of "+quote(project), scanDatabaseGroup, ask(`
		SELECT `+databaseGroupColumns+` FROM database_group WHERE project = $1 ORDER BY id LIMIT $2`, project, slipway.MaxPageSize))
}

// A Candidate is as much of a database as is needed to tell whether it belongs
// to a database group, and to show it.
type Candidate struct {
	slipway.DatabaseRef
	On          string            // title of its instance
	Environment string            // id, its own or else its instance's
	Labels      map[string]string // nil for none
}

func scanCandidate(r row) (c Candidate, err error) {
	var labels string
	if err = r.Scan(&c.Instance, &c.Database, &c.On, &c.Environment, &labels); err == nil && labels != "null" {
		err = json.Unmarshal([]byte(labels), &c.Labels)
	}
	return c, err
}

// Candidates lists the databases of a project that changes can be made to, by
// instance and name.
func (r Reader) Candidates(ctx context.Context, project string, page slipway.Page) ([]Candidate, string, error) {
	w, err := DatabaseQuery{Project: project}.where(page)
	if err != nil {
		return nil, "", err
	}
	return listing[Candidate]{
		what: "candidates", text: `
		SELECT d.instance, d.name, i.title, CASE WHEN d.environment <> '' THEN d.environment ELSE i.environment END, d.labels
		FROM database d JOIN instance i ON i.id = d.instance`,
		where: w, order: "d.instance, d.name",
		scan: scanCandidate, key: func(c Candidate) string { return c.Instance + "/" + c.Database },
	}.page(ctx, r, page)
}

// CreateDatabaseGroup adds a database group.
func (tx *Tx) CreateDatabaseGroup(ctx context.Context, g slipway.DatabaseGroup) error {
	return tx.create(ctx, databaseGroupWhat(g), ask(`
		INSERT INTO database_group (`+databaseGroupColumns+`) VALUES ($1, $2, $3, $4, $5)`,
		g.Project, g.ID, g.Title, g.Expr, g.Created))
}

// UpdateDatabaseGroup saves the title and the condition of a database group.
func (tx *Tx) UpdateDatabaseGroup(ctx context.Context, g slipway.DatabaseGroup) error {
	return tx.change(ctx, databaseGroupWhat(g), ask(`
		UPDATE database_group SET title = $3, expr = $4 WHERE project = $1 AND id = $2`, g.Project, g.ID, g.Title, g.Expr))
}

// DeleteDatabaseGroup removes a database group for good.
func (tx *Tx) DeleteDatabaseGroup(ctx context.Context, project, id string) error {
	return tx.change(ctx, databaseGroupWhat(slipway.DatabaseGroup{Project: project, ID: id}), ask(`
		DELETE FROM database_group WHERE project = $1 AND id = $2`, project, id))
}
