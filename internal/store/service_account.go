package store

import (
	"context"

	"slipway"
)

// An AccountQuery picks service accounts or workload identities.
type AccountQuery struct {
	Project       string // id; "" is every project and the workspace
	WorkspaceOnly bool   // those that no project owns
	Search        string // part of the e-mail address or the title, any case
	ShowDeleted   bool   // the deleted ones too
}

// where returns the conditions of q for a table of accounts.
func (q AccountQuery) where(page slipway.Page) where {
	var w where
	w.eq("project", q.Project)
	if q.WorkspaceOnly {
		w.and("project = ''")
	}
	w.contains("search", q.Search)
	w.live("deleted", q.ShowDeleted)
	w.afterName("email", page)
	return w
}

const serviceAccountColumns = `email, title, project, deleted, created, key_hash`

func scanServiceAccount(r row) (a slipway.ServiceAccount, err error) {
	err = r.Scan(&a.Email, &a.Title, &a.Project, &a.Deleted, at(&a.Created), &a.KeyHash)
	return a, err
}

func serviceAccountWhat(email string) string { return "service account " + quote(email) }

// ServiceAccount returns the service account with an e-mail address, deleted or
// not.
func (r Reader) ServiceAccount(ctx context.Context, email string) (slipway.ServiceAccount, error) {
	return one(ctx, r, serviceAccountWhat(email), scanServiceAccount, ask(`
		SELECT `+serviceAccountColumns+` FROM service_account WHERE email = $1`, email))
}

// ServiceAccounts lists service accounts by e-mail address.
func (r Reader) ServiceAccounts(ctx context.Context, q AccountQuery, page slipway.Page) ([]slipway.ServiceAccount, string, error) {
	return listing[slipway.ServiceAccount]{
		what: "service accounts", text: `SELECT ` + serviceAccountColumns + ` FROM service_account`, where: q.where(page), order: "email",
		scan: scanServiceAccount, key: func(a slipway.ServiceAccount) string { return a.Email },
	}.page(ctx, r, page)
}

// CreateServiceAccount adds a service account.
func (tx *Tx) CreateServiceAccount(ctx context.Context, a slipway.ServiceAccount) error {
	return tx.create(ctx, serviceAccountWhat(a.Email), ask(`
		INSERT INTO service_account (`+serviceAccountColumns+`, search)
		VALUES ($1, $2, $3, $4, $5, $6, $7)`,
		a.Email, a.Title, a.Project, a.Deleted, a.Created, a.KeyHash, searchable(a.Email, a.Title)))
}

// UpdateServiceAccount saves the title, the deletion and the key.
func (tx *Tx) UpdateServiceAccount(ctx context.Context, a slipway.ServiceAccount) error {
	return tx.change(ctx, serviceAccountWhat(a.Email), ask(`
		UPDATE service_account SET title = $2, deleted = $3, key_hash = $4, search = $5
		WHERE email = $1`,
		a.Email, a.Title, a.Deleted, a.KeyHash, searchable(a.Email, a.Title)))
}
