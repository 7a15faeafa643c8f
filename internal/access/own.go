package access

import (
	"context"
	"time"

	"slipway"
	"slipway/internal/gate"
	"slipway/internal/store"
)

// An OwnSession is a session as its owner sees it.
type OwnSession struct {
	ID      string // not the token, and no way to it
	Created time.Time
	Used    time.Time
	Expires time.Time
	Web     bool
	Origin  slipway.Origin
	Current bool // the one that asks
}

// Sessions lists who's own sessions that are good still, the last used first.
// Token is that of the one that asks.
func (s *Service) Sessions(ctx context.Context, who slipway.Principal, token string) ([]OwnSession, error) {
	list, err := s.st.SessionsOf(ctx, who.Email)
	if err != nil {
		return nil, err
	}
	now, current := s.instant(), hashOf(token)
	var out []OwnSession
	for _, o := range list {
		if !now.Before(o.Expires) || now.Sub(o.Used) >= s.cfg.SessionIdle {
			continue
		}
		out = append(out, OwnSession{
			ID: o.Hash, Created: o.Created, Used: o.Used, Expires: o.Expires, Web: o.Web, Origin: o.Origin, Current: sameHash(o.Hash, current),
		})
	}
	return out, nil
}

const methodEndSession = "/slipway.v1.AccountService/EndSession"

// EndSession ends one of who's own sessions.
func (s *Service) EndSession(ctx context.Context, who slipway.Principal, id string) error {
	session, err := s.st.Session(ctx, id)
	if err == nil && session.Email != who.Email {
		err = slipway.Errorf(slipway.NotFound, "session not found")
	}
	if err != nil {
		return err
	}
	err = s.st.Update(ctx, func(tx *store.Tx) error { return tx.DeleteSession(ctx, id) })
	s.note(ctx, who, methodEndSession, who.Name(), err)
	return err
}

// EndSessions ends all of who's own sessions, the one that asks too.
func (s *Service) EndSessions(ctx context.Context, who slipway.Principal) error {
	err := s.st.Update(ctx, func(tx *store.Tx) error { return tx.DeleteSessionsOf(ctx, who.Email) })
	s.note(ctx, who, methodEndSession, who.Name(), err)
	return err
}

// ChangePassword gives a person a new password of their own, for the current
// one, and ends all their sessions. Tries count as tries to sign in.
func (s *Service) ChangePassword(ctx context.Context, who slipway.Principal, current, next slipway.Secret) error {
	u, err := s.st.User(ctx, who.Email)
	if err != nil {
		return err
	}
	if err := CheckPassword(next); err != nil {
		return err
	}
	if err := s.accounts.take(who.Email); err != nil {
		return err
	}
	ok, err := s.passwordIs(ctx, u.PasswordHash, current.Reveal())
	if err != nil {
		return err
	}
	if !ok {
		err := slipway.Errorf(slipway.Unauthenticated, "that is not the current password")
		s.gate.Note(ctx, gate.Act{Who: who, Method: methodUpdateUser, Resource: who.Name()}, err)
		return err
	}
	s.accounts.refund(who.Email)
	_, err = s.UpdateUser(ctx, who, who.Email, UserChange{Password: &next})
	return err
}
