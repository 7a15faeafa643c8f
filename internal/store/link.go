package store

import (
	"context"
	"time"
)

// A Link says which subject of an identity provider a person is.
type Link struct {
	Email   string // of the person
	Issuer  string
	Subject string // sub of the issuer's tokens, which it never gives to another
	Linked  time.Time
}

const linkColumns = `email, issuer, subject, linked`

func scanLink(r row) (l Link, err error) {
	err = r.Scan(&l.Email, &l.Issuer, &l.Subject, at(&l.Linked))
	return l, err
}

func linkWhat(email string) string { return "sign-in link of " + quote(email) }

// Link returns the link of a person.
func (r Reader) Link(ctx context.Context, email string) (Link, error) {
	return one(ctx, r, linkWhat(email), scanLink, ask(`
		SELECT `+linkColumns+` FROM person_link WHERE email = $1`, email))
}

// LinkOf returns the link of a subject.
func (r Reader) LinkOf(ctx context.Context, issuer, subject string) (Link, error) {
	return one(ctx, r, "sign-in link of the subject", scanLink, ask(`
		SELECT `+linkColumns+` FROM person_link WHERE issuer = $1 AND subject = $2`, issuer, subject))
}

// PutLink links a person to a subject, in the place of the one before. It is an
// Exists if the subject is another person.
func (tx *Tx) PutLink(ctx context.Context, l Link) error {
	_, err := tx.exec(ctx, "write the "+linkWhat(l.Email), ask(`
		INSERT INTO person_link (`+linkColumns+`) VALUES ($1, $2, $3, $4)
		ON CONFLICT (email) DO UPDATE SET issuer = excluded.issuer, subject = excluded.subject, linked = excluded.linked`,
		l.Email, l.Issuer, l.Subject, l.Linked))
	return err
}

// DeleteLink removes the link of a person.
func (tx *Tx) DeleteLink(ctx context.Context, email string) error {
	return tx.change(ctx, linkWhat(email), ask(`DELETE FROM person_link WHERE email = $1`, email))
}
