package store

import (
	"context"

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
