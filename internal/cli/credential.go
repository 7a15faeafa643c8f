package cli

import (
	"context"
	"errors"
	"regexp"
	"strings"
	"time"

	"connectrpc.com/connect/v2"

	"slipway"
	"slipway/internal/pb"
)

// A credential proves who calls. What it holds is secret: no method of it and
// no error from it tells a token.
type credential struct {
	kind    credentialKind
	token   slipway.Secret
	expires time.Time // zero when not known
	obtain  func(ctx context.Context) (slipway.Secret, time.Time, error)
}

func (c *credential) renewable() bool { return c.obtain != nil }

// drop forgets the token, so that the next call gets another one.
func (c *credential) drop() { c.token = "" }

// current returns the token to call with.
func (c *credential) current(ctx context.Context) (string, error) {
	if c.token == "" && c.obtain != nil {
		token, expires, err := c.obtain(ctx)
		if err != nil {
			return "", err
		}
		c.token, c.expires = token, expires
	}
	return c.token.Reveal(), nil
}

// credential picks the way to prove who calls and checks that it can be gone.
func (s *session) credential(o *options, c *client) (*credential, error) {
	switch o.credential {
	case byToken:
		return &credential{kind: byToken, token: slipway.Secret(o.token)}, nil
	case byWorkload:
		return s.workload(o, c)
	case byService:
		if o.serviceKey == "" {
			return nil, usagef("no key for %s: set SLIPWAY_SERVICE_ACCOUNT_SECRET or BYTEBASE_SERVICE_ACCOUNT_SECRET", o.service)
		}
		return login(c, byService, o.service, slipway.Secret(o.serviceKey)), nil
	case byEmail:
		password := s.Getenv("SLIPWAY_PASSWORD")
		if password == "" {
			return nil, usagef("no password for %s: set SLIPWAY_PASSWORD", o.email)
		}
		return login(c, byEmail, o.email, slipway.Secret(password)), nil
	}
	return nil, &stop{
		code: codeUsage,
		err:  errors.New("no credential: give --token, --workload-identity or --email"),
		hint: "each is a variable as well: SLIPWAY_TOKEN or BYTEBASE_TOKEN, WORKLOAD_IDENTITY_EMAIL, SLIPWAY_EMAIL with SLIPWAY_PASSWORD",
	}
}

// workload trades the CI job's ID token, as often as its access token ends and
// the ID token still holds.
func (s *session) workload(o *options, c *client) (*credential, error) {
	email := o.workload
	if !strings.Contains(email, "@") {
		email += "@" + slipway.WorkloadIdentityDomain
	}
	idToken := slipway.Secret(strings.TrimSpace(s.Getenv(o.idTokenEnv)))
	if idToken == "" {
		return nil, &stop{
			code: codeUsage,
			err:  errors.New("no ID token: the variable " + o.idTokenEnv + " is empty"),
			hint: "in .gitlab-ci.yml the job needs id_tokens: " + o.idTokenEnv + ": aud: with the audience that the identity allows, as a rule the GitLab URL",
		}
	}
	return &credential{kind: byWorkload, obtain: func(ctx context.Context) (slipway.Secret, time.Time, error) {
		a, err := anonymous(ctx, c, "exchange the ID token for "+email, c.auth.ExchangeToken,
			&pb.ExchangeTokenRequest{Token: idToken.Reveal(), Email: email})
		if err != nil {
			return "", time.Time{}, refusedExchange(err)
		}
		var expires time.Time
		if a.GetExpireTime() != nil {
			expires = a.GetExpireTime().AsTime()
		}
		return slipway.Secret(a.GetAccessToken()), expires, nil
	}}, nil
}

var reference = regexp.MustCompile(`\(reference ([A-Z2-7]+)\)`)

// refusedExchange says where the reason of a refusal is to be found; the
// server tells the caller no more than a reference.
func refusedExchange(err error) error {
	e, ok := errors.AsType[*callError](err)
	if !ok || e.code != connect.CodeUnauthenticated {
		return err
	}
	ref := "REFERENCE"
	if m := reference.FindStringSubmatch(e.message); m != nil {
		ref = m[1]
	}
	return hinted(err, "who configured the identity sees each check by: slipway exchanges show %s", ref)
}

// login signs a person or a service account in.
func login(c *client, kind credentialKind, email string, password slipway.Secret) *credential {
	return &credential{kind: kind, obtain: func(ctx context.Context) (slipway.Secret, time.Time, error) {
		a, err := anonymous(ctx, c, "sign in as "+email, c.auth.Login,
			&pb.LoginRequest{Email: email, Password: password.Reveal()})
		if err != nil {
			return "", time.Time{}, err
		}
		if a.GetToken() == "" {
			return "", time.Time{}, failf("sign in as %s: the server wants a second factor; use --token", email)
		}
		return slipway.Secret(a.GetToken()), time.Time{}, nil
	}}
}

// anonymous is call without a credential, for the calls that obtain one.
func anonymous[Q, A any](ctx context.Context, c *client, doing string, f func(context.Context, *Q) (*A, error), req *Q) (*A, error) {
	bare := *c
	bare.cred = &credential{}
	return call(ctx, &bare, doing, f, req)
}
