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
	"time"

	"slipway"
	"slipway/internal/gate"
	"slipway/internal/idtoken"
	"slipway/internal/store"
)

// A Flow is a sign-in with the provider under way. Whoever holds it in their
// browser, and nobody else, can finish it.
type Flow struct {
	idtoken.Flow
	Issuer string    `json:"issuer"` // that it was begun with
	Begun  time.Time `json:"begun"`
}

// FlowTime is how long people may take at the provider.
const FlowTime = 15 * time.Minute

// Ways are how people can sign in.
type Ways struct {
	Provider  string // what it is called; "" for none
	Passwords bool
}

// SignInWays returns how people can sign in. Strangers may know.
func (s *Service) SignInWays(ctx context.Context) (Ways, error) {
	p, err := s.st.Provider(ctx)
	if slipway.KindOf(err) == slipway.NotFound && err != nil || err == nil && !p.Enabled {
		return Ways{Passwords: true}, nil
	}
	allowed, _ := s.PasswordsFor(p)
	return Ways{p.Title, allowed}, err
}

// SignOutWith returns where a browser goes to sign out of the provider, and what
// that is called; it comes back to the URL back. There may be nowhere to go: "".
func (s *Service) SignOutWith(ctx context.Context, back string) (title, to string, err error) {
	p, err := s.st.Provider(ctx)
	if slipway.KindOf(err) == slipway.NotFound && err != nil || err == nil && !p.Enabled {
		return "", "", nil
	}
	if err != nil {
		return "", "", err
	}
	to, err = s.tokens.SignOutURL(ctx, clientOf(p, ""), back)
	return p.Title, to, err
}

func (s *Service) enabledProvider(ctx context.Context) (Provider, error) {
	p, err := s.st.Provider(ctx)
	if slipway.KindOf(err) == slipway.NotFound && err != nil || err == nil && !p.Enabled {
		return Provider{}, slipway.Errorf(slipway.NotFound, "there is no identity provider to sign in with")
	}
	return p, err
}

func clientOf(p Provider, redirect string) idtoken.Client {
	c := idtoken.Client{
		Issuer: p.Issuer, ID: p.ClientID, Secret: p.ClientSecret, Redirect: redirect, Scopes: slices.Concat([]string{"email", "profile"}, p.Scopes),
	}
	if p.GroupsClaim != "" {
		c.Claims = []string{p.GroupsClaim}
	}
	return c
}

// BeginSignIn returns where to send the browser, and the flow that it has to
// come back with, to redirect.
func (s *Service) BeginSignIn(ctx context.Context, redirect string) (string, Flow, error) {
	p, err := s.enabledProvider(ctx)
	if err != nil {
		return "", Flow{}, err
	}
	secrets := idtoken.Flow{State: rand.Text(), Nonce: rand.Text(), Verifier: rand.Text() + rand.Text()} // a verifier has 43 characters or more
	flow := Flow{Flow: secrets, Issuer: p.Issuer, Begun: s.instant()}
	to, err := s.tokens.SignInURL(ctx, clientOf(p, redirect), flow.Flow)
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
	switch kind := slipway.KindOf(err); {
	case err == nil:
		s.addresses.refund(address)
		who := slipway.Principal{Kind: slipway.UserKind, Email: out.User.Email, Title: out.User.Title, Origin: r.Origin}
		s.note(ctx, who, signInRPC+"SignIn", "users/"+out.User.Email, nil)
		return out, nil
	case kind == slipway.Canceled:
		return SignedIn{}, err
	case kind == slipway.Unavailable, kind == slipway.Internal:
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
	case s.now().Sub(r.Flow.Begun) > FlowTime:
		return "", out, refused("the sign-in was begun more than %s ago", FlowTime)
	case r.Flow.Issuer != p.Issuer: // the settings changed meanwhile, and the code is not for this one
		return "", out, refused("the sign-in was begun with issuer %.200q instead of %s", r.Flow.Issuer, p.Issuer)
	case r.Issuer != "" && r.Issuer != p.Issuer:
		return "", out, refused("the answer comes from issuer %.200q instead of %s", r.Issuer, p.Issuer)
	case r.Error != "":
		return "", out, refused("the provider answered %.100q", r.Error)
	case r.Code == "" || len(r.Code) > 4096:
		return "", out, refused("the provider sent no code")
	}
	login, err := s.tokens.SignIn(ctx, clientOf(p, r.Redirect), r.Flow.Flow, r.Code)
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

// admit begins a session of the person whom the provider signed in, whom it makes
// if that is allowed, after it has put them into the groups that the provider
// tells.
func (s *Service) admit(ctx context.Context, p Provider, email string, login idtoken.Login, origin slipway.Origin) (SignedIn, error) {
	const tries = 5 // each lost to somebody else's write of a group
	var err error
	for range tries {
		var out SignedIn
		var acts []gate.Act // what the server did on its own account
		err = s.st.Update(ctx, func(tx *store.Tx) error {
			u, did, err := s.personOf(ctx, tx, p, email, login)
			if err != nil {
				return err
			}
			changed, err := s.syncGroups(ctx, tx, p, "user:"+u.Email, login)
			if err != nil {
				return err
			}
			acts = slices.Concat(did, changed)
			token, session := s.session(SignIn{Email: u.Email, Web: true, Origin: origin}, slipway.UserKind, s.cfg.SessionTTL)
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

// personOf returns the person whom the provider signed in, and what it did to
// the account. A subject that has signed in before is the same person again,
// whatever its address is now. One that has not is the person with its address,
// unless that is another subject already: the address was given to somebody else.
func (s *Service) personOf(ctx context.Context, tx *store.Tx, p Provider, email string, login idtoken.Login) (u slipway.User, did []gate.Act, err error) {
	refused := func(format string, args ...any) (slipway.User, []gate.Act, error) {
		return slipway.User{}, nil, slipway.Errorf(slipway.Unauthenticated, format, args...)
	}
	link, err := tx.LinkOf(ctx, p.Issuer, login.Subject)
	known := err == nil
	if err != nil && slipway.KindOf(err) != slipway.NotFound {
		return u, nil, err
	}
	if known {
		email = link.Email
	}
	u, err = tx.User(ctx, email)
	switch {
	case err == nil && u.Deleted:
		return refused("%s is deactivated", email)
	case err == nil:
		u.LastLogin = s.instant()
		err = tx.UpdateUser(ctx, u)
	case slipway.KindOf(err) == slipway.NotFound && !p.CreateUsers:
		return refused("%s has no account here, and none is made at the first sign-in", email)
	case slipway.KindOf(err) == slipway.NotFound:
		if u, err = s.newcomer(ctx, tx, email, login); err == nil {
			did = append(did, gate.Act{Method: methodCreateUser, Resource: "users/" + email, Request: map[string]string{"provider": p.Issuer, "subject": login.Subject}})
		}
	}
	if err != nil || known {
		return u, did, err
	}
	switch link, err = tx.Link(ctx, email); {
	case err == nil && link.Issuer == p.Issuer:
		return refused("%s belongs to subject %.100q of the provider, and this is subject %.100q: the address may have been given to somebody else. If it is the same person, reset the sign-in link on the page of the account", email, link.Subject, login.Subject)
	case err != nil && slipway.KindOf(err) != slipway.NotFound:
		return u, did, err
	}
	// A link to another issuer ended when that was replaced in the settings.
	link = store.Link{Email: email, Issuer: p.Issuer, Subject: login.Subject, Linked: s.instant()}
	if did == nil { // else making the account says it
		did = []gate.Act{{Method: signInRPC + "LinkPerson", Resource: "users/" + email, Request: map[string]string{"provider": p.Issuer, "subject": login.Subject}}}
	}
	return u, did, tx.PutLink(ctx, link)
}

// newcomer makes the account of somebody who signs in for the first time.
func (s *Service) newcomer(ctx context.Context, tx *store.Tx, email string, login idtoken.Login) (slipway.User, error) {
	if _, err := tx.Group(ctx, email); err == nil || slipway.KindOf(err) != slipway.NotFound {
		if err == nil {
			err = slipway.Errorf(slipway.Unauthenticated, "%s is the address of a group", email)
		}
		return slipway.User{}, err
	}
	u := slipway.User{Email: email, Title: login.Name, Created: s.instant(), LastLogin: s.instant()}
	if slipway.CheckTitle("user", u.Title) != nil {
		u.Title = localPart(email)
	}
	return u, tx.CreateUser(ctx, u)
}

// syncGroups makes a person a member of the groups that the provider tells, of
// those that its settings name, and of no others of these. It returns what it
// changed. Owners stay: they were made so here.
func (s *Service) syncGroups(ctx context.Context, tx *store.Tx, p Provider, member string, login idtoken.Login) ([]gate.Act, error) {
	if p.GroupsClaim == "" {
		return nil, nil
	}
	told := map[string]bool{} // :: address of a group → the person shall be in it
	values := map[string]bool{}
	for _, value := range login.Strings(p.GroupsClaim) {
		values[value] = true
	}
	for value, email := range p.Groups {
		told[email] = told[email] || values[value]
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
