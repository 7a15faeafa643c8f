package access

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"slipway"
	"slipway/internal/gate"
	"slipway/internal/idtoken"
	"slipway/internal/store"
)

// A Flow is a sign-in with the provider under way. Whoever holds it in their
// browser, and nobody else, can finish it.
type Flow = idtoken.Flow

// SignInWith returns what the provider is called that people can sign in with,
// "" for none. Strangers may know.
func (s *Service) SignInWith(ctx context.Context) (title string, err error) {
	p, err := s.st.Provider(ctx)
	if slipway.KindOf(err) == slipway.NotFound && err != nil || err == nil && !p.Enabled {
		return "", nil
	}
	return p.Title, err
}

func (s *Service) enabledProvider(ctx context.Context) (Provider, error) {
	p, err := s.st.Provider(ctx)
	if slipway.KindOf(err) == slipway.NotFound && err != nil || err == nil && !p.Enabled {
		return Provider{}, slipway.Errorf(slipway.NotFound, "there is no identity provider to sign in with")
	}
	return p, err
}

func clientOf(p Provider, redirect string) idtoken.Client {
	return idtoken.Client{
		Issuer: p.Issuer, ID: p.ClientID, Secret: p.ClientSecret, Redirect: redirect, Scopes: slices.Concat([]string{"email", "profile"}, p.Scopes),
	}
}

// BeginSignIn returns where to send the browser, and the flow that it has to
// come back with, to redirect.
func (s *Service) BeginSignIn(ctx context.Context, redirect string) (string, Flow, error) {
	p, err := s.enabledProvider(ctx)
	if err != nil {
		return "", Flow{}, err
	}
	flow := Flow{State: rand.Text(), Nonce: rand.Text(), Verifier: rand.Text() + rand.Text()} // a verifier has 43 characters or more
	to, err := s.tokens.SignInURL(ctx, clientOf(p, redirect), flow)
	return to, flow, err
}

// A Return is what a browser comes back with from the provider.
type Return struct {
	Flow     Flow   // of the browser; zero if it began none
	State    string // as the URL has it, and so the rest
	Code     string
	Error    string // "access_denied"
	Issuer   string // RFC 9207; "" where the provider does not tell
	Redirect string // the URL that it came back to, as BeginSignIn had it
	Origin   slipway.Origin
}

// FinishSignIn signs in whom the provider vouches for. Why it does not is in
// the audit log; a stranger hears the same whatever went wrong.
func (s *Service) FinishSignIn(ctx context.Context, r Return) (SignedIn, error) {
	p, err := s.enabledProvider(ctx)
	if err != nil {
		return SignedIn{}, err
	}
	address := addressKey(r.Origin.IP)
	if err := s.addresses.take(address); err != nil {
		return SignedIn{}, err
	}
	email, out, err := s.finish(ctx, p, r)
	who := slipway.Principal{Kind: slipway.UserKind, Email: email, Title: out.User.Title, Origin: r.Origin}
	switch kind := slipway.KindOf(err); {
	case err == nil:
		s.addresses.refund(address)
		s.note(ctx, who, signInRPC+"SignIn", "users/"+email, nil)
		return out, nil
	case kind == slipway.Canceled:
		return SignedIn{}, err
	case kind == slipway.Unavailable:
		s.note(ctx, slipway.Principal{Origin: r.Origin}, signInRPC+"SignIn", resourceOf(email), err)
		return SignedIn{}, err
	}
	// Nobody has shown to be this account, so the entry names no caller.
	s.note(ctx, slipway.Principal{Origin: r.Origin}, signInRPC+"SignIn", resourceOf(email), explained(err))
	return SignedIn{}, slipway.Errorf(slipway.Unauthenticated, "the sign-in with %s did not succeed; an administrator finds the reason in the audit log", p.Title).Because(err)
}

func resourceOf(email string) string {
	if email == "" {
		return slipway.WorkspaceName
	}
	return "users/" + email
}

// explained returns err in words for the audit log: a refused token says the
// same to everybody, and its check says more.
func explained(err error) error {
	r, ok := errors.AsType[*idtoken.Refusal](err)
	if !ok {
		return err
	}
	words := r.Reason
	if r.Check.Want != "" {
		words += ": expected " + r.Check.Want
	}
	if r.Check.Got != "" {
		words += ", got " + r.Check.Got
	}
	return slipway.Errorf(slipway.Unauthenticated, "%s. %s", words, r.Check.Advice).Because(err)
}

// finish returns whom the provider vouches for, as far as that is known, and
// their session.
func (s *Service) finish(ctx context.Context, p Provider, r Return) (email string, out SignedIn, err error) {
	refused := func(format string, args ...any) error {
		return slipway.Errorf(slipway.Unauthenticated, format, args...)
	}
	switch {
	case r.Flow.State == "" || subtle.ConstantTimeCompare([]byte(r.State), []byte(r.Flow.State)) != 1:
		return "", out, refused("this browser did not begin the sign-in, or too long ago")
	case r.Issuer != "" && r.Issuer != p.Issuer:
		return "", out, refused("the answer comes from issuer %.200q instead of %s", r.Issuer, p.Issuer)
	case r.Error != "":
		return "", out, refused("the provider answered %.100q", r.Error)
	case r.Code == "" || len(r.Code) > 4096:
		return "", out, refused("the provider sent no code")
	}
	login, err := s.tokens.SignIn(ctx, clientOf(p, r.Redirect), r.Flow, r.Code)
	if err != nil {
		return "", out, err
	}
	if email, err = slipway.CheckEmail(login.Email); err != nil {
		return "", out, refused("the provider tells no e-mail address of %.100q; does the client have the scope email?", login.Subject)
	}
	if !login.EmailVerified {
		return email, out, refused("the provider has not verified the address %s", email)
	}
	if _, domain, _ := strings.Cut(email, "@"); len(p.Domains) > 0 && !slices.Contains(p.Domains, domain) {
		return email, out, refused("addresses of %s do not sign in here", domain)
	}
	out, err = s.admit(ctx, p, email, login, r.Origin)
	return email, out, err
}

// admit begins a session of the person with an address, whom it makes if that is
// allowed, after it has put them into the groups that the provider tells.
func (s *Service) admit(ctx context.Context, p Provider, email string, login idtoken.Login, origin slipway.Origin) (SignedIn, error) {
	const tries = 5 // each lost to somebody else's write of a group
	var err error
	for range tries {
		var out SignedIn
		var acts []gate.Act // what the server did on its own account
		err = s.st.Update(ctx, func(tx *store.Tx) error {
			u, made, err := s.personOf(ctx, tx, p, email, login)
			if err != nil {
				return err
			}
			if made {
				acts = append(acts, gate.Act{Method: methodCreateUser, Resource: "users/" + email, Request: map[string]string{"provider": p.Issuer, "subject": login.Subject}})
			}
			changed, err := s.syncGroups(ctx, tx, p, "user:"+email, login)
			if err != nil {
				return err
			}
			acts = append(acts, changed...)
			token, session := s.session(SignIn{Email: email, Web: true, Origin: origin}, slipway.UserKind, s.cfg.SessionTTL)
			out = SignedIn{Token: token, Expires: session.Expires, User: u}
			return tx.CreateSession(ctx, session)
		})
		if err == nil {
			for _, act := range acts {
				act.Who = slipway.System()
				act.Who.Origin = origin
				s.gate.Note(ctx, act, nil)
			}
			return out, nil
		}
		if slipway.KindOf(err) != slipway.Conflict {
			break
		}
	}
	return SignedIn{}, err
}

func (s *Service) personOf(ctx context.Context, tx *store.Tx, p Provider, email string, login idtoken.Login) (u slipway.User, made bool, err error) {
	u, err = tx.User(ctx, email)
	switch {
	case err == nil && u.Deleted:
		return u, false, slipway.Errorf(slipway.Unauthenticated, "%s is deactivated", email)
	case err == nil:
		u.LastLogin = s.instant()
		return u, false, tx.UpdateUser(ctx, u)
	case slipway.KindOf(err) != slipway.NotFound:
		return u, false, err
	case !p.CreateUsers:
		return u, false, slipway.Errorf(slipway.Unauthenticated, "%s has no account here, and none is made at the first sign-in", email)
	}
	if _, err := tx.Group(ctx, email); err == nil || slipway.KindOf(err) != slipway.NotFound {
		if err == nil {
			err = slipway.Errorf(slipway.Unauthenticated, "%s is the address of a group", email)
		}
		return u, false, err
	}
	u = slipway.User{Email: email, Title: login.Name, Created: s.instant(), LastLogin: s.instant()}
	if slipway.CheckTitle("user", u.Title) != nil {
		u.Title = localPart(email)
	}
	return u, true, tx.CreateUser(ctx, u)
}

// syncGroups makes a person a member of the groups that the provider tells, of
// those that its settings name, and of no others of these. It returns what it
// changed. Owners stay: they were made so here.
func (s *Service) syncGroups(ctx context.Context, tx *store.Tx, p Provider, member string, login idtoken.Login) ([]gate.Act, error) {
	if p.GroupsClaim == "" {
		return nil, nil
	}
	told := map[string]bool{} // :: address of a group → the person shall be in it
	values := login.Strings(p.GroupsClaim)
	for value, email := range p.Groups {
		told[email] = told[email] || slices.Contains(values, value)
	}
	var acts []gate.Act
	for _, email := range slices.Sorted(maps.Keys(told)) {
		g, err := tx.Group(ctx, email)
		if slipway.KindOf(err) == slipway.NotFound && err != nil {
			continue // deleted since
		}
		if err != nil {
			return nil, fmt.Errorf("read the group that the provider tells: %w", err)
		}
		role, in := g.RoleOf(member)
		switch {
		case told[email] && !in && len(g.Members) < maxGroupMembers:
			g.Members = append(g.Members, slipway.GroupMember{Member: member, Role: slipway.GroupMemberOnly})
		case !told[email] && in && role == slipway.GroupMemberOnly:
			g.Members = slices.DeleteFunc(g.Members, func(m slipway.GroupMember) bool { return m.Member == member })
		default:
			continue
		}
		g.Revision++
		if err := tx.UpdateGroup(ctx, g, g.Revision-1); err != nil {
			return nil, err
		}
		acts = append(acts, gate.Act{
			Method: groupService + "UpdateGroup", Resource: g.Name(), Request: map[string]any{"member": member, "in": told[email], "provider": p.Issuer},
		})
	}
	return acts, nil
}
