package access

import (
	"context"
	"fmt"
	"strings"
	"time"

	"slipway"
	"slipway/internal/store"
)

const (
	methodLogin  = "/bytebase.v1.AuthService/Login"
	methodLogout = "/bytebase.v1.AuthService/Logout"
)

// A SignIn is what a person or a service account signs in with. A service
// account's password is its key.
type SignIn struct {
	Email    string
	Password slipway.Secret
	Web      bool // from a browser
	Origin   slipway.Origin
}

// SignedIn is a sign-in that succeeded.
type SignedIn struct {
	Token             slipway.Secret // opaque, good until Expires or until it is not used for a while
	Expires           time.Time
	User              slipway.User // of a service account only the address, the title and the date
	MustResetPassword bool
}

// Login signs a person or a service account in. A wrong password, an account
// that does not exist and one that is deactivated read the same and take as
// long.
func (s *Service) Login(ctx context.Context, in SignIn) (SignedIn, error) {
	email := strings.ToLower(in.Email)
	if email == "" || in.Password == "" || len(email) > 254 || len(in.Password) > 1024 {
		return SignedIn{}, slipway.Errorf(slipway.Invalid, "email and password are needed, of at most 254 and 1024 bytes")
	}
	address := addressKey(in.Origin.IP)
	if err := s.addresses.take(address); err != nil {
		return SignedIn{}, err
	}
	if err := s.accounts.take(email); err != nil {
		return SignedIn{}, err
	}
	in.Email = email
	who := slipway.Principal{Email: email, Origin: in.Origin}
	out, kind, err := s.signIn(ctx, in)
	if slipway.KindOf(err) == slipway.Canceled {
		return SignedIn{}, err
	}
	if err != nil {
		// Nobody has shown to be this account, so the entry names no caller.
		s.note(ctx, slipway.Principal{Origin: in.Origin}, methodLogin, "users/"+email, err)
		return SignedIn{}, err
	}
	s.addresses.refund(address)
	s.accounts.refund(email)
	who.Kind, who.Title = kind, out.User.Title
	s.note(ctx, who, methodLogin, "users/"+email, nil)
	return out, nil
}

func (s *Service) signIn(ctx context.Context, in SignIn) (SignedIn, slipway.PrincipalKind, error) {
	if strings.HasSuffix(in.Email, "@"+slipway.ServiceAccountDomain) {
		out, err := s.signInAccount(ctx, in)
		return out, slipway.ServiceAccountKind, err
	}
	out, err := s.signInUser(ctx, in)
	return out, slipway.UserKind, err
}

func (s *Service) signInUser(ctx context.Context, in SignIn) (SignedIn, error) {
	ways, err := s.SignInWays(ctx)
	if err != nil {
		return SignedIn{}, err
	}
	if !ways.Passwords { // for whichever address, so that none is told apart
		return SignedIn{}, slipway.Errorf(slipway.Unauthenticated, "people sign in with %s here, and not with a password", ways.Provider)
	}
	u, err := s.st.User(ctx, in.Email)
	if err != nil && slipway.KindOf(err) != slipway.NotFound {
		return SignedIn{}, err
	}
	ok, hashErr := s.passwordIs(ctx, u.PasswordHash, in.Password.Reveal())
	switch {
	case hashErr != nil:
		return SignedIn{}, hashErr
	case err != nil:
		return SignedIn{}, errSignIn("no such person")
	case !ok:
		return SignedIn{}, errSignIn("wrong password")
	case u.Deleted:
		return SignedIn{}, errSignIn("deactivated")
	}
	now := s.instant()
	token, session := s.session(in, slipway.UserKind, s.cfg.SessionTTL)
	err = s.st.Update(ctx, func(tx *store.Tx) error {
		// Read again: the password may have changed while it was hashed.
		fresh, err := tx.User(ctx, in.Email)
		if err != nil {
			return err
		}
		if fresh.Deleted || fresh.PasswordHash != u.PasswordHash {
			return errSignIn("changed meanwhile")
		}
		fresh.LastLogin, u = now, fresh
		u.LastLogin = now
		if err := tx.UpdateUser(ctx, u); err != nil {
			return err
		}
		return tx.CreateSession(ctx, session)
	})
	return SignedIn{Token: token, Expires: session.Expires, User: u, MustResetPassword: u.MustResetPassword}, err
}

func (s *Service) signInAccount(ctx context.Context, in SignIn) (SignedIn, error) {
	a, err := s.st.ServiceAccount(ctx, in.Email)
	if err != nil && slipway.KindOf(err) != slipway.NotFound {
		return SignedIn{}, err
	}
	if !sameHash(a.KeyHash, hashOf(in.Password.Reveal())) || err != nil || a.Deleted {
		return SignedIn{}, errSignIn("no such service account, deactivated, or another key")
	}
	token, session := s.session(in, slipway.ServiceAccountKind, s.cfg.SessionIdle)
	err = s.st.Update(ctx, func(tx *store.Tx) error {
		fresh, err := tx.ServiceAccount(ctx, in.Email)
		if err != nil {
			return err
		}
		if fresh.Deleted || fresh.KeyHash != a.KeyHash {
			return errSignIn("changed meanwhile")
		}
		return tx.CreateSession(ctx, session)
	})
	user := slipway.User{Email: a.Email, Title: a.Title, Created: a.Created}
	return SignedIn{Token: token, Expires: session.Expires, User: user}, err
}

func (s *Service) session(in SignIn, kind slipway.PrincipalKind, ttl time.Duration) (slipway.Secret, store.Session) {
	token, hash := opaque(sessionPrefix)
	now := s.instant()
	return slipway.Secret(token), store.Session{
		Hash: hash, Email: in.Email, Kind: kind, Created: now, Expires: now.Add(ttl), Used: now,
		Web: in.Web, Origin: in.Origin,
	}
}

// Logout ends the session of a token. One that is no session, or none any
// more, is no failure; an exchanged token cannot be ended before its time.
func (s *Service) Logout(ctx context.Context, token string, origin slipway.Origin) error {
	if !strings.HasPrefix(token, sessionPrefix) || len(token) > maxSession {
		return nil
	}
	session, err := s.st.Session(ctx, hashOf(token))
	if err == nil {
		err = s.st.Update(ctx, func(tx *store.Tx) error { return tx.DeleteSession(ctx, session.Hash) })
	}
	if slipway.KindOf(err) == slipway.NotFound {
		return nil
	}
	if err != nil {
		return err
	}
	who := slipway.Principal{Kind: session.Kind, Email: session.Email, Origin: origin}
	s.note(ctx, who, methodLogout, who.Name(), nil)
	return nil
}

// Authenticate returns who holds the bearer token. Whoever it is exists and is
// active now; what it may do is another question.
func (s *Service) Authenticate(ctx context.Context, bearer string, origin slipway.Origin) (slipway.Principal, error) {
	var who slipway.Principal
	var err error
	switch {
	case bearer == "":
		return who, slipway.Errorf(slipway.Unauthenticated, "access token not found")
	case strings.HasPrefix(bearer, sessionPrefix) && len(bearer) <= maxSession:
		who, err = s.bySession(ctx, bearer)
	case strings.Count(bearer, ".") == 2 && len(bearer) <= maxToken:
		who, err = s.byToken(ctx, bearer)
	default:
		return who, errBearer
	}
	if err != nil {
		return slipway.Principal{}, err
	}
	who.Origin = origin
	return who, nil
}

// maxSession bounds a session's token in bytes; ours have 57.
const maxSession = 256

var errBearer = slipway.Errorf(slipway.Unauthenticated, "the access token is none of this server's: sign in, or exchange an ID token for one")

func (s *Service) bySession(ctx context.Context, bearer string) (slipway.Principal, error) {
	session, err := s.st.Session(ctx, hashOf(bearer))
	if slipway.KindOf(err) == slipway.NotFound {
		return slipway.Principal{}, slipway.Errorf(slipway.Unauthenticated, "the session has ended: sign in again")
	}
	if err != nil {
		return slipway.Principal{}, err
	}
	now := s.instant()
	if !now.Before(session.Expires) || now.Sub(session.Used) >= s.cfg.SessionIdle {
		return slipway.Principal{}, slipway.Errorf(slipway.Unauthenticated, "the session has expired: sign in again")
	}
	who, active, err := s.account(ctx, session)
	if err != nil && slipway.KindOf(err) != slipway.NotFound {
		return slipway.Principal{}, err
	}
	if err != nil || !active {
		return slipway.Principal{}, slipway.Errorf(slipway.Unauthenticated, "the account is deactivated")
	}
	// One write in a while, rather than one a call.
	if now.Sub(session.Used) > s.cfg.SessionIdle/48 {
		err := s.st.Update(ctx, func(tx *store.Tx) error { return tx.TouchSession(ctx, session.Hash, now) })
		if err != nil && slipway.KindOf(err) != slipway.NotFound {
			return slipway.Principal{}, fmt.Errorf("note that a session was used: %w", err)
		}
	}
	return who, nil
}

// account returns who a session belongs to, and whether it is active.
func (s *Service) account(ctx context.Context, session store.Session) (slipway.Principal, bool, error) {
	who := slipway.Principal{Kind: session.Kind, Email: session.Email}
	switch session.Kind {
	case slipway.UserKind:
		u, err := s.st.User(ctx, session.Email)
		who.Title = u.Title
		return who, !u.Deleted, err
	case slipway.ServiceAccountKind:
		a, err := s.st.ServiceAccount(ctx, session.Email)
		who.Title = a.Title
		return who, !a.Deleted, err
	}
	return who, false, nil // unreachable unless somebody writes sessions by hand
}

func (s *Service) byToken(ctx context.Context, bearer string) (slipway.Principal, error) {
	t, err := s.signer.Verify(ctx, bearer)
	if err != nil {
		return slipway.Principal{}, err
	}
	w, err := s.st.WorkloadIdentity(ctx, t.Identity)
	if err != nil && slipway.KindOf(err) != slipway.NotFound {
		return slipway.Principal{}, err
	}
	switch {
	case err != nil || w.Deleted:
		return slipway.Principal{}, slipway.Errorf(slipway.Unauthenticated, "the workload identity %s is deactivated", t.Identity)
	case w.Revision != t.Revision:
		return slipway.Principal{}, slipway.Errorf(slipway.Unauthenticated, "the workload identity %s trusts others now than when this token was made: exchange an ID token again", t.Identity)
	}
	return slipway.Principal{Kind: slipway.WorkloadIdentityKind, Email: w.Email, Title: w.Title, Job: &t.Job}, nil
}

// Lifetimes returns how long a session lasts, how long unused, and how long an
// exchanged token does.
func (s *Service) Lifetimes() (session, idle, token time.Duration) {
	return s.cfg.SessionTTL, s.cfg.SessionIdle, s.cfg.TokenTTL
}
