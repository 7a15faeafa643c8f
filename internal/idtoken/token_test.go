package idtoken_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"slipway"
	"slipway/internal/idtoken"
	"slipway/internal/idtokentest"
)

// TestEveryAlgorithm is about issuers of other platforms: the verifier takes
// their signatures, whatever GitLab's rules say afterwards.
func TestEveryAlgorithm(t *testing.T) {
	s := newSite(t)
	rsa := s.Key().Private
	keys := []idtokentest.Key{idtokentest.NewEC(t, "ES256"), idtokentest.NewEd(t, "EdDSA")}
	for _, alg := range []string{"RS256", "RS384", "RS512", "PS256"} {
		keys = append(keys, idtokentest.Key{ID: alg, Algorithm: alg, Private: rsa})
	}
	for _, k := range keys {
		s.Rotate(k)
	}
	for _, k := range keys {
		t.Run(k.Algorithm, func(t *testing.T) {
			claims, _, err := s.verifier.Verify(context.Background(), s.URL(), k.Sign(t, s.claims()))
			if err != nil || claims.Algorithm != k.Algorithm {
				t.Errorf("Verify = algorithm %q, %v", claims.Algorithm, err)
			}
		})
	}
}

// TestAlgorithmOfKey looks at the verifier alone: GitLab's rules refuse these
// algorithms once more.
func TestAlgorithmOfKey(t *testing.T) {
	s := newSite(t)
	for _, alg := range []string{"RS384", "RS512", "PS256"} {
		k := s.Key()
		k.Algorithm = alg
		_, _, err := s.verifier.Verify(t.Context(), s.URL(), k.Sign(t, s.claims()))
		if r, ok := errors.AsType[*idtoken.Refusal](err); !ok || r.Reason != "alg_not_allowed" {
			t.Errorf("A06 %s with a key for RS256: %v, want alg_not_allowed", alg, err)
		}
	}
}

// TestRefusalTellsStrangersNothing holds what faces may show.
func TestRefusalTellsStrangersNothing(t *testing.T) {
	s := newSite(t)
	for _, raw := range []string{"", "x", idtokentest.Unsigned(t, "none", s.claims()), s.token(t) + "A"} {
		_, _, err := s.verifier.Verify(context.Background(), s.URL(), raw)
		if slipway.KindOf(err) != slipway.Unauthenticated || slipway.MessageOf(err) != "token not accepted" {
			t.Errorf("kind %v, message %q", slipway.KindOf(err), slipway.MessageOf(err))
		}
	}
}

func FuzzVerify(f *testing.F) {
	s := newSite(f)
	good := s.token(f)
	for _, seed := range []string{good, "..", "a.b.c", strings.Replace(good, ".", "..", 1), good + "=", idtokentest.Unsigned(f, "none", s.claims())} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		_, checks, err := s.verifier.Verify(context.Background(), s.URL(), raw)
		if err == nil && raw != good {
			t.Fatalf("verified %q", raw)
		}
		for _, c := range checks {
			if len(c.Got) > 256 {
				t.Fatalf("check %s holds %d bytes", c.Name, len(c.Got))
			}
		}
		if _, ok := errors.AsType[*idtoken.Refusal](err); err != nil && !ok {
			t.Fatalf("%v is no Refusal", err)
		}
	})
}

func decodeBytes(s string) ([]byte, error) { return base64.RawURLEncoding.DecodeString(s) }

func marshal(t testing.TB, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// must returns a function that stops the test on an error.
func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}
