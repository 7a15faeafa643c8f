package store

import (
	"context"

	"slipway"
)

const identityColumns = `email, title, project, deleted, created, trust, revision`

func scanIdentity(r row) (w slipway.WorkloadIdentity, err error) {
	err = r.Scan(&w.Email, &w.Title, &w.Project, &w.Deleted, at(&w.Created), fromJSON(&w.Trust), &w.Revision)
	return w, err
}

func identityWhat(email string) string { return "workload identity " + quote(email) }

// WorkloadIdentity returns the workload identity with an e-mail address, deleted
// or not.
func (r Reader) WorkloadIdentity(ctx context.Context, email string) (slipway.WorkloadIdentity, error) {
	return one(ctx, r, identityWhat(email), scanIdentity, ask(`
		SELECT `+identityColumns+` FROM workload_identity WHERE email = $1`, email))
}

// WorkloadIdentities lists workload identities by e-mail address.
func (r Reader) WorkloadIdentities(ctx context.Context, q AccountQuery, page slipway.Page) ([]slipway.WorkloadIdentity, string, error) {
	return listing[slipway.WorkloadIdentity]{
		what: "workload identities", text: `SELECT ` + identityColumns + ` FROM workload_identity`, where: q.where(page), order: "email",
		scan: scanIdentity, key: func(w slipway.WorkloadIdentity) string { return w.Email },
	}.page(ctx, r, page)
}

// CreateWorkloadIdentity adds a workload identity.
func (tx *Tx) CreateWorkloadIdentity(ctx context.Context, w slipway.WorkloadIdentity) error {
	return tx.create(ctx, identityWhat(w.Email), ask(`
		INSERT INTO workload_identity (`+identityColumns+`, search, issuer)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
		w.Email, w.Title, w.Project, w.Deleted, w.Created, asJSON(w.Trust), w.Revision, searchable(w.Email, w.Title), w.Trust.Issuer))
}

// UpdateWorkloadIdentity saves the title, the deletion, the trust and the
// revision of w if its stored revision is still fromRevision; otherwise it is a
// Conflict. Whether the revision grows is the caller's decision.
func (tx *Tx) UpdateWorkloadIdentity(ctx context.Context, w slipway.WorkloadIdentity, fromRevision int64) error {
	n, err := tx.exec(ctx, "change "+identityWhat(w.Email), ask(`
		UPDATE workload_identity SET title = $2, deleted = $3, trust = $4, revision = $5, search = $6, issuer = $7
		WHERE email = $1 AND revision = $8`,
		w.Email, w.Title, w.Deleted, asJSON(w.Trust), w.Revision, searchable(w.Email, w.Title), w.Trust.Issuer, fromRevision))
	if err != nil || n == 1 {
		return err
	}
	if _, err := tx.WorkloadIdentity(ctx, w.Email); err != nil {
		return err
	}
	return slipway.Errorf(slipway.Conflict, "%s was changed by somebody else; read it again", identityWhat(w.Email))
}

// An IssuerUse is how many workload identities trust an issuer.
type IssuerUse struct {
	Issuer string
	Active int
	All    int // the deactivated ones too
}

// IssuersInUse lists the issuers that workload identities trust, the first
// thousand.
func (r Reader) IssuersInUse(ctx context.Context) ([]IssuerUse, error) {
	return all(ctx, r, "list the issuers in use", func(r row) (u IssuerUse, err error) {
		err = r.Scan(&u.Issuer, &u.Active, &u.All)
		return u, err
	}, ask(`
		SELECT issuer, SUM(1 - deleted), COUNT(*) FROM workload_identity
		WHERE issuer <> '' GROUP BY issuer ORDER BY issuer LIMIT $1`, slipway.MaxPageSize))
}
