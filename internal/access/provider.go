package access

import (
	"context"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"slipway"
	"slipway/internal/gate"
	"slipway/internal/iam"
	"slipway/internal/idtoken"
	"slipway/internal/store"
)

// A Provider is the company's identity provider, with which people sign in over
// OpenID Connect.
type Provider = store.Provider

const signInRPC = "/slipway.v1.SignInService/"

// Bounds of a Provider.
const (
	maxProviderTitle  = 60 // characters
	maxClientID       = 256
	maxClientSecret   = 1024
	maxScopes         = 20
	maxGroupMappings  = 200
	maxProviderDomain = 50
)

// Provider returns the identity provider without its client secret, and whether
// it has one. There is none while its Issuer is "".
func (s *Service) Provider(ctx context.Context, who slipway.Principal) (p Provider, hasSecret bool, err error) {
	act := gate.Act{Who: who, Permission: iam.SettingsGet, Resource: slipway.WorkspaceName, Method: signInRPC + "GetProvider"}
	if err := s.gate.Can(ctx, act); err != nil {
		return Provider{}, false, err
	}
	if p, err = s.st.Provider(ctx); slipway.KindOf(err) == slipway.NotFound {
		return Provider{}, false, nil
	}
	hasSecret = p.ClientSecret != ""
	p.ClientSecret = ""
	return p, hasSecret, err
}

// SetProvider sets the identity provider. An empty ClientSecret keeps the one
// that there is. Whoever says who vouches for people could become any of them:
// it takes a full administrator.
func (s *Service) SetProvider(ctx context.Context, who slipway.Principal, p Provider) error {
	act := gate.Act{Who: who, Permission: iam.SettingsSet, Resource: slipway.WorkspaceName, Method: signInRPC + "SetProvider", Request: p}
	if err := s.gate.Can(ctx, act); err != nil {
		return err
	}
	everything := iam.RolesOf(nil)[iam.WorkspaceAdmin]
	err := s.noMore(ctx, s.st.Reader, who, handout{what: "set the identity provider", want: everything})
	if err == nil {
		p, err = checkProvider(p)
	}
	if err == nil && p.PasswordsOff {
		err = s.mayEndPasswords(ctx, who, p)
	}
	if err == nil && p.Enabled { // outside of the transaction: it asks another server
		err = s.reach(ctx, p)
	}
	if err != nil {
		s.gate.Note(ctx, act, err)
		return err
	}
	return s.gate.Do(ctx, act, func(tx *store.Tx) error {
		old, err := tx.Provider(ctx)
		if err != nil && slipway.KindOf(err) != slipway.NotFound {
			return err
		}
		if p.ClientSecret == "" {
			if old.ClientSecret != "" && old.Issuer != p.Issuer {
				return slipway.Errorf(slipway.Invalid, "client secret: write it again, since it would be shown to another issuer than before")
			}
			p.ClientSecret = old.ClientSecret
		}
		for value, email := range p.Groups {
			if _, err := tx.Group(ctx, email); err != nil {
				return slipway.Errorf(slipway.Invalid, "groups: %.60q stands for %s, and there is no such group; make it first", value, email)
			}
		}
		return tx.PutProvider(ctx, p)
	})
}

// mayEndPasswords reports why who, an administrator, cannot switch passwords off
// with p: it would not be known that anybody gets in.
func (s *Service) mayEndPasswords(ctx context.Context, who slipway.Principal, p Provider) error {
	no := func(format string, args ...any) error {
		return slipway.Errorf(slipway.Precondition, "passwords: "+format, args...)
	}
	u, err := s.st.User(ctx, who.Email)
	if who.Kind != slipway.UserKind || err != nil && slipway.KindOf(err) == slipway.NotFound {
		return no("only a person switches them off, who has signed in with the provider")
	}
	if err != nil {
		return err
	}
	link, err := s.st.Link(ctx, who.Email)
	if err != nil && slipway.KindOf(err) != slipway.NotFound {
		return err
	}
	if link.Issuer != p.Issuer {
		return no("sign in with the provider yourself first, so that it is known to let an administrator in")
	}
	if _, domain, _ := strings.Cut(who.Email, "@"); len(p.Domains) > 0 && !slices.Contains(p.Domains, domain) {
		return no("the domains leave your own address out")
	}
	if u.PasswordHash == "" {
		return no("set one for yourself first; with it a server that is started with --allow-passwords lets you in when the provider does not")
	}
	return nil
}

// PasswordsFor reports whether people may sign in with passwords, and whether
// that is so only because this server was started so.
func (s *Service) PasswordsFor(p Provider) (allowed, anyway bool) {
	off := p.Enabled && p.PasswordsOff
	return !off || s.cfg.AllowPasswords, off && s.cfg.AllowPasswords
}

// reach reports why people cannot begin to sign in with p.
func (s *Service) reach(ctx context.Context, p Provider) error {
	_, err := s.tokens.SignInURL(ctx, idtoken.Client{Issuer: p.Issuer, ID: p.ClientID}, idtoken.Flow{})
	if slipway.KindOf(err) == slipway.Unavailable {
		return slipway.Errorf(slipway.Precondition, "the provider cannot be reached: %s", s.tokens.State(p.Issuer).Failure).Because(err)
	}
	return err
}

var (
	scopeToken = regexp.MustCompile(`^[\x21\x23-\x5b\x5d-\x7e]{1,100}$`) // RFC 6749 §3.3
	domainName = regexp.MustCompile(`^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{2,63}$`)
)

// checkProvider reports why p cannot be, and returns it as it is stored.
func checkProvider(p Provider) (Provider, error) {
	bad := func(format string, args ...any) (Provider, error) {
		return p, slipway.Errorf(slipway.Invalid, format, args...)
	}
	if err := slipway.CheckTitle("provider", p.Title); err != nil || len([]rune(p.Title)) > maxProviderTitle {
		return bad("name: 1 to %d characters", maxProviderTitle)
	}
	u, err := url.Parse(p.Issuer)
	if err == nil && u.User != nil {
		return bad("issuer: a user name or password is no part of an issuer's URL")
	}
	if err != nil || u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || len(p.Issuer) > 1024 {
		return bad("issuer %.200q: write the https URL that the provider's tokens name as iss", p.Issuer)
	}
	if p.ClientID == "" || len(p.ClientID) > maxClientID || strings.ContainsFunc(p.ClientID, func(r rune) bool { return r < ' ' || r > '~' }) {
		return bad("client ID: 1 to %d characters", maxClientID)
	}
	if len(p.ClientSecret) > maxClientSecret {
		return bad("client secret: at most %d bytes", maxClientSecret)
	}
	if len(p.Scopes) > maxScopes || slices.ContainsFunc(p.Scopes, func(s string) bool { return !scopeToken.MatchString(s) }) {
		return bad("scopes: at most %d words", maxScopes)
	}
	if p.PasswordsOff && !p.Enabled {
		return bad("passwords: they are all there is while the provider is off")
	}
	if len(p.Domains) > maxProviderDomain {
		return bad("domains: at most %d", maxProviderDomain)
	}
	for i, d := range p.Domains {
		p.Domains[i] = strings.ToLower(d)
		if !domainName.MatchString(p.Domains[i]) {
			return bad("domain %.100q: write what stands behind the @, as in example.com", d)
		}
	}
	if p.CreateUsers && len(p.Domains) == 0 {
		return bad("domains: name those whose people get an account by themselves; without any it would be everybody whom the provider knows")
	}
	if len(p.GroupsClaim) > 100 || len(p.Groups) > maxGroupMappings {
		return bad("groups: at most %d", maxGroupMappings)
	}
	if p.GroupsClaim == "" && len(p.Groups) > 0 {
		return bad("groups claim: name the claim that the groups are in")
	}
	groups := map[string]string{}
	for value, email := range p.Groups {
		email = strings.ToLower(email)
		if _, err := slipway.CheckEmail(email); err != nil || value == "" || len(value) > 256 {
			return bad("groups: %.60q stands for %.60q; write a value of the claim and the address of a group", value, email)
		}
		groups[value] = email
	}
	p.Groups = groups
	return p, nil
}
