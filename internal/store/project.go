package store

import (
	"context"

	"slipway"
)

// A ProjectQuery picks projects.
type ProjectQuery struct {
	Search      string   // part of the id or the title, any case
	ShowDeleted bool     // the deleted ones too
	Only        []string // ids; nil is all, empty is none
}

const projectColumns = `id, title, deleted, labels, created, parallel, max_failures, out_of_order`

func scanProject(r row) (p slipway.Project, err error) {
	err = r.Scan(&p.ID, &p.Title, &p.Deleted, fromJSON(&p.Labels), at(&p.Created), &p.ParallelTasks, &p.MaxFailures, &p.OutOfOrder)
	return p, err
}

func projectWhat(id string) string { return "project " + quote(id) }

// Project returns a project, deleted or not.
func (r Reader) Project(ctx context.Context, id string) (slipway.Project, error) {
	return one(ctx, r, projectWhat(id), scanProject, ask(`
		SELECT `+projectColumns+` FROM project WHERE id = $1`, id))
}

// Projects lists projects by id.
func (r Reader) Projects(ctx context.Context, q ProjectQuery, page slipway.Page) ([]slipway.Project, string, error) {
	var w where
	w.contains("search", q.Search)
	w.live("deleted", q.ShowDeleted)
	w.in("id", q.Only)
	w.afterName("id", page)
	return listing[slipway.Project]{
		what: "projects", text: `SELECT ` + projectColumns + ` FROM project`, where: w, order: "id",
		scan: scanProject, key: func(p slipway.Project) string { return p.ID },
	}.page(ctx, r, page)
}

// CreateProject adds a project.
func (tx *Tx) CreateProject(ctx context.Context, p slipway.Project) error {
	return tx.create(ctx, projectWhat(p.ID), ask(`
		INSERT INTO project (`+projectColumns+`, search)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
		p.ID, p.Title, p.Deleted, asJSON(p.Labels), p.Created, p.ParallelTasks, p.MaxFailures, p.OutOfOrder, searchable(p.ID, p.Title)))
}

// UpdateProject saves all of a project but the id and the creation.
func (tx *Tx) UpdateProject(ctx context.Context, p slipway.Project) error {
	return tx.change(ctx, projectWhat(p.ID), ask(`
		UPDATE project SET title = $2, deleted = $3, labels = $4, parallel = $5, max_failures = $6, out_of_order = $7, search = $8
		WHERE id = $1`,
		p.ID, p.Title, p.Deleted, asJSON(p.Labels), p.ParallelTasks, p.MaxFailures, p.OutOfOrder, searchable(p.ID, p.Title)))
}
