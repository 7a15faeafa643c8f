package store

import (
	"context"
	"maps"
	"slices"
	"strings"

	"slipway"
)

// A DatabaseQuery picks databases.
type DatabaseQuery struct {
	Project     string            // id; "" is any
	Only        []string          // ids of projects; nil is all, empty is none
	Instance    string            // id; "" is any
	Environment string            // id, of the database or else of its instance; "" is any
	Search      string            // part of the name, any case
	Labels      map[string]string // all of them must be equal
	// ShowDeleted picks those too that are gone from their server or whose
	// instance is deleted.
	ShowDeleted bool
	// UnassignedOnly picks those in the default project, AssignedOnly the
	// others.
	UnassignedOnly, AssignedOnly bool
}

const databaseColumns = `instance, name, project, environment, labels, deleted, synced, sync_error, release`

func scanDatabase(r row) (d slipway.Database, err error) {
	err = r.Scan(&d.Instance, &d.DatabaseRef.Database, &d.Project, &d.Environment, fromJSON(&d.Labels), &d.Deleted, at(&d.Synced), &d.SyncError, &d.Release)
	return d, err
}

// Database returns a database, gone or not.
func (r Reader) Database(ctx context.Context, ref slipway.DatabaseRef) (slipway.Database, error) {
	return one(ctx, r, "database "+quote(ref.Name()), scanDatabase, ask(`
		SELECT `+databaseColumns+` FROM database WHERE instance = $1 AND name = $2`, ref.Instance, ref.Database))
}

func (q DatabaseQuery) where(page slipway.Page) (where, error) {
	var w where
	w.eq("d.project", q.Project)
	w.in("d.project", q.Only)
	w.eq("d.instance", q.Instance)
	if q.Environment != "" {
		w.and("CASE WHEN d.environment <> '' THEN d.environment ELSE i.environment END = " + w.arg(q.Environment))
	}
	w.contains("d.search", q.Search)
	for _, k := range slices.Sorted(maps.Keys(q.Labels)) {
		// A label is `"key":"value"` in the column and nothing else is, as
		// quotes inside of strings are escaped there. Unlike LIKE, replace minds
		// the case on SQLite too.
		pair := strings.Trim(asJSON(map[string]string{k: q.Labels[k]}), "{}")
		w.and("replace(d.labels, " + w.arg(pair) + ", '') <> d.labels")
	}
	w.live("d.deleted", q.ShowDeleted)
	w.live("i.deleted", q.ShowDeleted)
	if q.UnassignedOnly {
		w.and("d.project = " + w.arg(slipway.DefaultProject))
	}
	if q.AssignedOnly {
		w.and("d.project <> " + w.arg(slipway.DefaultProject))
	}
	if page.After != "" {
		instance, name, ok := strings.Cut(page.After, "/")
		if !ok || name == "" {
			return w, errToken()
		}
		w.and("(d.instance, d.name) > (" + w.arg(instance) + ", " + w.arg(name) + ")")
	}
	return w, nil
}

// Databases lists databases by instance and name.
func (r Reader) Databases(ctx context.Context, q DatabaseQuery, page slipway.Page) ([]slipway.Database, string, error) {
	w, err := q.where(page)
	if err != nil {
		return nil, "", err
	}
	columns := "d." + strings.ReplaceAll(databaseColumns, ", ", ", d.")
	return listing[slipway.Database]{
		what: "databases", text: `SELECT ` + columns + ` FROM database d JOIN instance i ON i.id = d.instance`,
		where: w, order: "d.instance, d.name",
		scan: scanDatabase, key: func(d slipway.Database) string { return d.Instance + "/" + d.DatabaseRef.Database },
	}.page(ctx, r, page)
}

// PutDatabase adds a database or saves all of it.
func (tx *Tx) PutDatabase(ctx context.Context, d slipway.Database) error {
	_, err := tx.exec(ctx, "put database "+quote(d.Name()), ask(`
		INSERT INTO database (`+databaseColumns+`, search)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
		ON CONFLICT (instance, name) DO UPDATE SET
			project = excluded.project, environment = excluded.environment, labels = excluded.labels,
			deleted = excluded.deleted, synced = excluded.synced, sync_error = excluded.sync_error, release = excluded.release`,
		d.Instance, d.DatabaseRef.Database, d.Project, d.Environment, asJSON(d.Labels), d.Deleted, d.Synced, d.SyncError, d.Release,
		searchable(d.DatabaseRef.Database)))
	return err
}
