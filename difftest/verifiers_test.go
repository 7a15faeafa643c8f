package difftest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"time"

	josejwk "github.com/go-jose/go-jose/v4"
	josejwt "github.com/go-jose/go-jose/v4/jwt"
	golangjwt "github.com/golang-jwt/jwt/v5"
	"github.com/lestrrat-go/jwx/v3/jwk"
	"github.com/lestrrat-go/jwx/v3/jws"
	jwxjwt "github.com/lestrrat-go/jwx/v3/jwt"

	"slipway"
	"slipway/internal/idtoken"
	"slipway/internal/idtokentest"
	"slipway/internal/trust"
)

const (
	audience = "https://db.example.com/wif/ci-app"
	leeway   = trust.Leeway
)

// noon is when all tokens are judged.
var noon = time.Date(2026, 1, 15, 12, 0, 0, 0, time.UTC)

// algorithms are what all verifiers are told to take.
var algorithms = []string{"RS256", "RS384", "RS512", "PS256", "ES256", "ES384", "EdDSA"}

// A kit is an issuer and the keys that it signs with.
type kit struct {
	issuer                  *idtokentest.Issuer
	rsa, free, ec, ed, evil idtokentest.Key // free may make RSA signatures of any kind
	usual                   []any
	match                   *trust.Matcher
	verifier                *idtoken.Verifier
}

func newKit(t *testing.T) *kit {
	t.Helper()
	k := &kit{
		issuer: idtokentest.New(t, func() time.Time { return noon }),
		free:   idtokentest.NewRSA(t, "free"), ec: idtokentest.NewEC(t, "ec"), ed: idtokentest.NewEd(t, "ed"), evil: idtokentest.NewRSA(t, "k1"),
	}
	k.rsa = k.issuer.Key()
	open := k.free.JWK()
	delete(open, "alg")
	k.usual = []any{k.rsa.JWK(), open, k.ec.JWK(), k.ed.JWK()}
	var err error
	if k.match, err = trust.Compile(slipway.Trust{
		Platform: slipway.GitLab, Issuer: k.issuer.URL(), Audiences: []string{audience}, GitLab: &slipway.GitLabTrust{Group: "my-group"},
	}); err != nil {
		t.Fatal(err)
	}
	return k
}

// publish makes keys, nil for the usual ones, those of the issuer, and returns
// them as a key set.
func (k *kit) publish(keys []any) []byte {
	if keys == nil {
		keys = k.usual
	}
	k.issuer.Publish(keys...)
	k.verifier = idtoken.New(slog.New(slog.DiscardHandler), idtoken.Config{
		PrivateIssuers: []string{k.issuer.URL()}, RootCAs: k.issuer.Roots(), Now: func() time.Time { return noon },
	})
	set, err := json.Marshal(map[string]any{"keys": keys})
	if err != nil {
		panic(err) // unreachable unless a key of the corpus is no JSON
	}
	return set
}

// ours returns the reason for which we refuse raw, "" if we accept it. Of the
// decision the checks count that any ID token is for; what a job of GitLab's
// has to be is no question to the others.
func (k *kit) ours(t *testing.T, raw string) string {
	t.Helper()
	claims, _, err := k.verifier.Verify(context.Background(), k.issuer.URL(), raw)
	if err != nil {
		r, ok := errors.AsType[*idtoken.Refusal](err)
		if !ok {
			t.Fatalf("Verify: %v is no Refusal", err)
		}
		return r.Reason
	}
	for _, check := range k.match.Decide(claims, noon).Checks {
		switch check.Name {
		case "expires", "issued_at", "not_before", "lifetime", "issuer", "audience":
			if !check.OK {
				return check.Reason
			}
		}
	}
	return ""
}

// jose verifies with go-jose as its documentation says.
func (k *kit) jose(set []byte, raw string) error {
	var keys josejwk.JSONWebKeySet
	if err := json.Unmarshal(set, &keys); err != nil {
		return err
	}
	var algs []josejwk.SignatureAlgorithm
	for _, a := range algorithms {
		algs = append(algs, josejwk.SignatureAlgorithm(a))
	}
	tok, err := josejwt.ParseSigned(raw, algs)
	if err != nil {
		return err
	}
	var claims josejwt.Claims
	if err := tok.Claims(&keys, &claims); err != nil {
		return err
	}
	return claims.ValidateWithLeeway(josejwt.Expected{Issuer: k.issuer.URL(), AnyAudience: josejwt.Audience{audience}, Time: noon}, leeway)
}

// golang verifies with golang-jwt, with every check that it has turned on.
func (k *kit) golang(set []byte, raw string) error {
	var keys josejwk.JSONWebKeySet // golang-jwt reads no key sets
	if err := json.Unmarshal(set, &keys); err != nil {
		return err
	}
	p := golangjwt.NewParser(
		golangjwt.WithValidMethods(algorithms), golangjwt.WithStrictDecoding(), golangjwt.WithLeeway(leeway),
		golangjwt.WithTimeFunc(func() time.Time { return noon }), golangjwt.WithExpirationRequired(), golangjwt.WithIssuedAt(),
		golangjwt.WithIssuer(k.issuer.URL()), golangjwt.WithAudience(audience),
	)
	_, err := p.Parse(raw, func(t *golangjwt.Token) (any, error) {
		id, _ := t.Header["kid"].(string)
		found := keys.Key(id)
		if id == "" || len(found) == 0 {
			return nil, fmt.Errorf("no key %q", id)
		}
		if a := found[0].Algorithm; a != "" && a != t.Method.Alg() {
			return nil, fmt.Errorf("the key is for %s", a)
		}
		return found[0].Key, nil
	})
	return err
}

// jwx verifies with jwx as its documentation says.
func (k *kit) jwx(set []byte, raw string) error {
	keys, err := jwk.Parse(set)
	if err != nil {
		return err
	}
	_, err = jwxjwt.Parse([]byte(raw), jwxjwt.WithKeySet(keys, jws.WithInferAlgorithmFromKey(true)), jwxjwt.WithValidate(true),
		jwxjwt.WithIssuer(k.issuer.URL()), jwxjwt.WithAudience(audience), jwxjwt.WithAcceptableSkew(leeway),
		jwxjwt.WithRequiredClaim("exp"), jwxjwt.WithClock(jwxjwt.ClockFunc(func() time.Time { return noon })))
	return err
}
