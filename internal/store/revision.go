package store

import (
	"context"

	"slipway"
)

const revisionColumns = `instance, name, id, version, path, sha256, text_sha, release, task_run, applied, took, deleted, deleter`

func scanRevision(r row) (v slipway.Revision, err error) {
	err = r.Scan(&v.Database.Instance, &v.Database.Database, &v.ID, &v.Version, &v.Path, &v.SHA256, &v.TextSHA, &v.Release, &v.TaskRun,
		at(&v.Applied), took(&v.Took), at(&v.Deleted), &v.Deleter)
	return v, err
}

func revisionRow(v slipway.Revision) []any {
	return []any{
		v.Database.Instance, v.Database.Database, v.ID, v.Version, v.Path, v.SHA256, v.TextSHA, v.Release, v.TaskRun,
		v.Applied, v.Took, v.Deleted, v.Deleter,
	}
}

// Revision returns a revision of a database by its id, deleted or not, as the
// server last saw it.
func (r Reader) Revision(ctx context.Context, ref slipway.DatabaseRef, id string) (slipway.Revision, error) {
	return one(ctx, r, "revision "+quote(ref.Name()+"/revisions/"+id), scanRevision, ask(`
		SELECT `+revisionColumns+` FROM revision WHERE instance = $1 AND name = $2 AND id = $3`, ref.Instance, ref.Database, id))
}

// Revisions lists the revisions of a database, the last applied first.
func (r Reader) Revisions(ctx context.Context, ref slipway.DatabaseRef, showDeleted bool, page slipway.Page) ([]slipway.Revision, string, error) {
	var w where
	w.and("instance = " + w.arg(ref.Instance))
	w.and("name = " + w.arg(ref.Database))
	w.live("deleted", showDeleted)
	if err := w.beforeTime("applied, id", page, text); err != nil {
		return nil, "", err
	}
	return listing[slipway.Revision]{
		what: "revisions", text: `SELECT ` + revisionColumns + ` FROM revision`, where: w, order: "applied DESC, id DESC",
		scan: scanRevision, key: func(v slipway.Revision) string { return timeKey(v.Applied, v.ID) },
	}.page(ctx, r, page)
}

// Ledger returns the whole copy of a database's ledger, the first applied first.
func (r Reader) Ledger(ctx context.Context, ref slipway.DatabaseRef) ([]slipway.Revision, error) {
	return all(ctx, r, "read the revisions of "+ref.Name(), scanRevision, ask(`
		SELECT `+revisionColumns+` FROM revision WHERE instance = $1 AND name = $2 ORDER BY applied, id`, ref.Instance, ref.Database))
}

// PutRevisions replaces the copy of a database's ledger. The Database of each
// revision is taken to be ref.
func (tx *Tx) PutRevisions(ctx context.Context, ref slipway.DatabaseRef, revs []slipway.Revision) error {
	if _, err := tx.exec(ctx, "drop the revisions of "+ref.Name(), ask(`
		DELETE FROM revision WHERE instance = $1 AND name = $2`, ref.Instance, ref.Database)); err != nil {
		return err
	}
	rows := make([][]any, len(revs))
	for i, v := range revs {
		v.Database = ref
		rows[i] = revisionRow(v)
	}
	return tx.insertAll(ctx, "copy the revisions of "+ref.Name(), "revision ("+revisionColumns+")", rows)
}

// PutRevision adds a revision to the copy, or saves all of it.
func (tx *Tx) PutRevision(ctx context.Context, v slipway.Revision) error {
	var w where
	_, err := tx.exec(ctx, "copy a revision of "+v.Database.Name(), stmt{`
		INSERT INTO revision (` + revisionColumns + `) VALUES (` + w.list(revisionRow(v)) + `)
		ON CONFLICT (instance, name, id) DO UPDATE SET
			version = excluded.version, path = excluded.path, sha256 = excluded.sha256, text_sha = excluded.text_sha,
			release = excluded.release, task_run = excluded.task_run, applied = excluded.applied, took = excluded.took,
			deleted = excluded.deleted, deleter = excluded.deleter`, revisionRow(v)})
	return err
}
