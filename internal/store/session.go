package store

import (
	"context"
	"time"

	"slipway"
)

// A Session is a credential of a person or a service account that was handed
// out and not taken back. Whether it has expired is for the reader to look at.
type Session struct {
	Hash    string // hex SHA-256 of the opaque token, which is not kept
	Email   string
	Kind    slipway.PrincipalKind
	Created time.Time
	Expires time.Time
	Used    time.Time // when it was last seen
	Web     bool      // a browser's cookie
	Origin  slipway.Origin
}

func scanSession(r row) (s Session, err error) {
	err = r.Scan(&s.Hash, &s.Email, &s.Kind, at(&s.Created), at(&s.Expires), at(&s.Used), &s.Web, &s.Origin.IP, &s.Origin.UserAgent)
	return s, err
}

// Session returns the session whose token has a hash.
func (r Reader) Session(ctx context.Context, hash string) (Session, error) {
	return one(ctx, r, "session", scanSession, ask(`
		SELECT hash, email, kind, created, expires, used, web, ip, user_agent FROM session WHERE hash = $1`, hash))
}

// SessionsOf returns the sessions of an owner, the last used first, at most
// slipway.MaxPageSize.
func (r Reader) SessionsOf(ctx context.Context, email string) ([]Session, error) {
	return all(ctx, r, "list the sessions of "+quote(email), scanSession, ask(`
		SELECT hash, email, kind, created, expires, used, web, ip, user_agent FROM session
		WHERE email = $1 ORDER BY used DESC, hash LIMIT $2`, email, slipway.MaxPageSize))
}

// CreateSession adds a session and drops the expired ones of the same owner, so
// that the table does not grow with every sign-in.
func (tx *Tx) CreateSession(ctx context.Context, s Session) error {
	if _, err := tx.exec(ctx, "drop expired sessions", ask(`
		DELETE FROM session WHERE email = $1 AND expires < $2`, s.Email, tx.now())); err != nil {
		return err
	}
	return tx.create(ctx, "session", ask(`
		INSERT INTO session (hash, email, kind, created, expires, used, web, ip, user_agent)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
		s.Hash, s.Email, s.Kind, s.Created, s.Expires, s.Used, s.Web, s.Origin.IP, s.Origin.UserAgent))
}

// TouchSession records when a session was last seen.
func (tx *Tx) TouchSession(ctx context.Context, hash string, used time.Time) error {
	return tx.change(ctx, "session", ask(`UPDATE session SET used = $2 WHERE hash = $1`, hash, used))
}

// DeleteSession takes a session back. None there is as good.
func (tx *Tx) DeleteSession(ctx context.Context, hash string) error {
	_, err := tx.exec(ctx, "delete a session", ask(`DELETE FROM session WHERE hash = $1`, hash))
	return err
}

// DeleteSessionsOf takes back every session of an owner.
func (tx *Tx) DeleteSessionsOf(ctx context.Context, email string) error {
	_, err := tx.exec(ctx, "delete the sessions of "+quote(email), ask(`DELETE FROM session WHERE email = $1`, email))
	return err
}
