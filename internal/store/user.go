package store

import (
	"context"

	"slipway"
)

// A UserQuery picks users.
type UserQuery struct {
	Search      string // part of the e-mail address or the title, any case
	ShowDeleted bool   // the deleted ones too
}

const userColumns = `email, title, phone, deleted, created, last_login, password_changed, password_hash, must_reset`

func scanUser(r row) (u slipway.User, err error) {
	err = r.Scan(&u.Email, &u.Title, &u.Phone, &u.Deleted, at(&u.Created), at(&u.LastLogin), at(&u.PasswordChanged), &u.PasswordHash, &u.MustResetPassword)
	return u, err
}

func userWhat(email string) string { return "user " + quote(email) }

// User returns the person with an e-mail address, deleted or not.
func (r Reader) User(ctx context.Context, email string) (slipway.User, error) {
	return one(ctx, r, userWhat(email), scanUser, ask(`
		SELECT `+userColumns+` FROM person WHERE email = $1`, email))
}

// Users lists people by e-mail address.
func (r Reader) Users(ctx context.Context, q UserQuery, page slipway.Page) ([]slipway.User, string, error) {
	var w where
	w.contains("search", q.Search)
	w.live("deleted", q.ShowDeleted)
	w.afterName("email", page)
	return listing[slipway.User]{
		what: "users", text: `SELECT ` + userColumns + ` FROM person`, where: w, order: "email",
		scan: scanUser, key: func(u slipway.User) string { return u.Email },
	}.page(ctx, r, page)
}

// CountUsers returns how many people there are and were: the deleted count, so
// that deleting everybody does not make the store look new.
func (r Reader) CountUsers(ctx context.Context) (int, error) {
	return one(ctx, r, "the number of users", scanned[int], ask(`SELECT count(*) FROM person`))
}

// CreateUser adds a person.
func (tx *Tx) CreateUser(ctx context.Context, u slipway.User) error {
	return tx.create(ctx, userWhat(u.Email), ask(`
		INSERT INTO person (`+userColumns+`, search)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
		u.Email, u.Title, u.Phone, u.Deleted, u.Created, u.LastLogin, u.PasswordChanged, u.PasswordHash, u.MustResetPassword,
		searchable(u.Email, u.Title)))
}

// UpdateUser saves all of a person but the e-mail address and the creation.
func (tx *Tx) UpdateUser(ctx context.Context, u slipway.User) error {
	return tx.change(ctx, userWhat(u.Email), ask(`
		UPDATE person SET title = $2, phone = $3, deleted = $4, last_login = $5, password_changed = $6,
			password_hash = $7, must_reset = $8, search = $9
		WHERE email = $1`,
		u.Email, u.Title, u.Phone, u.Deleted, u.LastLogin, u.PasswordChanged, u.PasswordHash, u.MustResetPassword,
		searchable(u.Email, u.Title)))
}
