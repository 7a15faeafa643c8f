package store

import (
	"context"

	"slipway"
)

// A ReleaseQuery picks releases.
type ReleaseQuery struct {
	Project     string // id
	Category    string // "" is any
	Digest      string // "" is any
	ShowDeleted bool   // the deleted ones too
}

const releaseColumns = `project, id, category, files, vcs_type, vcs_url, creator, job, created, deleted, digest`

// A storedFile is a slipway.File as it is stored, in JSON.
type storedFile struct {
	Path    string `json:"path"`
	Version string `json:"version"`
	SHA256  string `json:"sha256"`
}

func scanRelease(r row) (o slipway.Release, err error) {
	var files []storedFile
	err = r.Scan(&o.Project, &o.ID, &o.Category, fromJSON(&files), &o.Source.Type, &o.Source.URL, &o.Creator, fromJSON(&o.Job),
		at(&o.Created), &o.Deleted, &o.Digest)
	for _, f := range files {
		o.Files = append(o.Files, slipway.File{Path: f.Path, Version: f.Version, SHA256: f.SHA256})
	}
	return o, err
}

func releaseWhat(project, id string) string {
	return "release " + quote(slipway.Release{Project: project, ID: id}.Name())
}

// Release returns a release without its files' statements, deleted or not.
func (r Reader) Release(ctx context.Context, project, id string) (slipway.Release, error) {
	return one(ctx, r, releaseWhat(project, id), scanRelease, ask(`
		SELECT `+releaseColumns+` FROM release WHERE project = $1 AND id = $2`, project, id))
}

// ReleaseByDigest returns a project's newest release of some content that is not
// deleted.
func (r Reader) ReleaseByDigest(ctx context.Context, project, digest string) (slipway.Release, error) {
	return one(ctx, r, "release with these files", scanRelease, ask(`
		SELECT `+releaseColumns+` FROM release WHERE project = $1 AND digest = $2 AND deleted = 0
		ORDER BY created DESC, id DESC LIMIT 1`, project, digest))
}

// Releases lists releases without their files' statements, newest first.
func (r Reader) Releases(ctx context.Context, q ReleaseQuery, page slipway.Page) ([]slipway.Release, string, error) {
	var w where
	w.and("project = " + w.arg(q.Project))
	w.eq("category", q.Category)
	w.eq("digest", q.Digest)
	w.live("deleted", q.ShowDeleted)
	if err := w.beforeTime("created, id", page, text); err != nil {
		return nil, "", err
	}
	return listing[slipway.Release]{
		what: "releases", text: `SELECT ` + releaseColumns + ` FROM release`, where: w, order: "created DESC, id DESC",
		scan: scanRelease, key: func(o slipway.Release) string { return timeKey(o.Created, o.ID) },
	}.page(ctx, r, page)
}

// ReleaseCategories returns the categories of a project's releases that are not
// deleted, in order, the first thousand.
func (r Reader) ReleaseCategories(ctx context.Context, project string) ([]string, error) {
	return all(ctx, r, "list release categories", scanned[string], ask(`
		SELECT DISTINCT category FROM release WHERE project = $1 AND category <> '' AND deleted = 0
		ORDER BY category LIMIT $2`, project, slipway.MaxPageSize))
}

// NextIteration returns the number that the next release of a train would get,
// from 0. In a Reader it is a guess, good for a preview.
func (r Reader) NextIteration(ctx context.Context, project, train string) (int, error) {
	return one(ctx, r, "the next iteration", scanned[int], ask(`
		SELECT COALESCE(MAX(iteration) + 1, 0) FROM release WHERE project = $1 AND train = $2`, project, train))
}

// NextIteration returns the number that the next release of a train gets, from
// 0, and makes every other transaction that asks for one in the project wait
// until this one ends. So releases made at the same instant get consecutive
// numbers, and a look for an equal release (ReleaseByDigest) after this call
// sees those made before.
func (tx *Tx) NextIteration(ctx context.Context, project, train string) (int, error) {
	// The write that changes nothing takes the row's lock on both databases.
	if err := tx.change(ctx, projectWhat(project), ask(`UPDATE project SET title = title WHERE id = $1`, project)); err != nil {
		return 0, err
	}
	return tx.Reader.NextIteration(ctx, project, train)
}

// CreateRelease adds a release, whose sheets are there already (PutSheet), as
// the iteration of train that Tx.NextIteration gave out. It is an Exists if the
// id is taken or the iteration is.
func (tx *Tx) CreateRelease(ctx context.Context, o slipway.Release, train string, iteration int) error {
	files := make([]storedFile, len(o.Files))
	for i, f := range o.Files {
		files[i] = storedFile{Path: f.Path, Version: f.Version, SHA256: f.SHA256}
	}
	return tx.create(ctx, releaseWhat(o.Project, o.ID), ask(`
		INSERT INTO release (`+releaseColumns+`, train, iteration)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`,
		o.Project, o.ID, o.Category, asJSON(files), o.Source.Type, o.Source.URL, o.Creator, asJSON(o.Job),
		o.Created, o.Deleted, o.Digest, train, iteration))
}

// SetReleaseDeleted deletes a release or brings it back.
func (tx *Tx) SetReleaseDeleted(ctx context.Context, project, id string, deleted bool) error {
	return tx.change(ctx, releaseWhat(project, id), ask(`
		UPDATE release SET deleted = $3 WHERE project = $1 AND id = $2`, project, id, deleted))
}
