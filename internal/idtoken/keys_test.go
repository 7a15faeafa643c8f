package idtoken_test

import (
	"crypto/elliptic"
	"encoding/base64"
	"encoding/json"
	"errors"
	"math/big"
	"testing"

	"slipway/internal/idtoken"
	"slipway/internal/idtokentest"
)

func TestJunkBesideAGoodKey(t *testing.T) {
	s := newSite(t)
	k1 := s.Key().JWK()
	private := idtokentest.With(idtokentest.NewEC(t, "kPrivate").JWK(), map[string]any{"d": "AAAA"})
	for _, tc := range []struct {
		name string
		junk any
	}{
		{"K07 unknown type", map[string]any{"kty": "XYZ", "kid": "x"}},
		{"K07 secp256k1", map[string]any{"kty": "EC", "crv": "secp256k1", "kid": "x", "x": "AAAA", "y": "AAAA"}},
		{"K07 RSA without modulus", map[string]any{"kty": "RSA", "kid": "x", "e": "AQAB"}},
		{"K07 symmetric", map[string]any{"kty": "oct", "kid": "x", "k": "AAAA"}},
		{"K07 private", private},
		{"K07 the same kid again", idtokentest.NewEC(t, "k1").JWK()},
		{"K07 a name twice", json.RawMessage(`{"kty":"RSA","kty":"RSA","kid":"x"}`)},
		{"K07 no object", "junk"},
		{"K07 null", nil},
		{"K07 kid a number", map[string]any{"kty": "RSA", "kid": 1}},
		{"K07 certificate that is none", idtokentest.With(idtokentest.NewEC(t, "x").JWK(), map[string]any{"x5c": "?", "kty": "EC2"})},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := s.fresh(t)
			s.Publish(k1, tc.junk)
			s.want(t, s.token(t), "")
			if got := s.verifier.Counters().JunkKeys; got != 1 {
				t.Errorf("%d junk keys counted, want 1", got)
			}
		})
	}
}

func TestUnusableKeys(t *testing.T) {
	s := newSite(t)
	good := s.Key()
	spoilt := func(changes map[string]any) map[string]any { return idtokentest.With(good.JWK(), changes) }
	number := func(n *big.Int) string { return base64.RawURLEncoding.EncodeToString(n.Bytes()) }
	modulus := new(big.Int).SetBytes(must(base64.RawURLEncoding.DecodeString(good.JWK()["n"].(string)))(t))
	huge := new(big.Int).SetBit(modulus, 8191, 1)
	p256 := idtokentest.NewEC(t, "k1").JWK()
	for _, tc := range []struct {
		name string
		jwk  map[string]any
	}{
		{"K07 private", spoilt(map[string]any{"d": "AAAA"})},
		{"K08 for encryption", spoilt(map[string]any{"use": "enc"})},
		{"K08 use a number", spoilt(map[string]any{"use": 1})},
		{"K08 for encrypting", spoilt(map[string]any{"key_ops": []string{"encrypt"}})},
		{"K08 key_ops a string", spoilt(map[string]any{"key_ops": "verify"})},
		{"K08 alg of encryption", spoilt(map[string]any{"alg": "RSA-OAEP"})},
		{"K08 alg of HMAC", spoilt(map[string]any{"alg": "HS256"})},
		{"K08 alg a number", spoilt(map[string]any{"alg": 1})},
		{"K09 RSA of 1024 bits", idtokentest.NewRSABits(t, "k1", 1024).JWK()},
		{"K09 RSA of 8192 bits", spoilt(map[string]any{"n": number(huge)})},
		{"K09 exponent 1", spoilt(map[string]any{"e": "AQ"})},
		{"K09 exponent 3", spoilt(map[string]any{"e": "Aw"})},
		{"K09 huge exponent", spoilt(map[string]any{"e": "AQAAAAAAAAAAAAAB"})},
		{"K09 even modulus", spoilt(map[string]any{"n": number(new(big.Int).Lsh(modulus, 1))})},
		{"K09 modulus that is no base64url", spoilt(map[string]any{"n": "?"})},
		{"K09 point off the curve", idtokentest.With(p256, map[string]any{"y": p256["x"]})},
		{"K09 point at infinity", idtokentest.With(p256, map[string]any{"x": number0(32), "y": number0(32)})},
		{"K09 short coordinate", idtokentest.With(p256, map[string]any{"x": "AAAA"})},
		{"K09 coordinates of another curve", idtokentest.With(p256, map[string]any{"crv": elliptic.P384().Params().Name})},
		{"K09 short Ed25519 key", map[string]any{"kty": "OKP", "crv": "Ed25519", "kid": "k1", "x": "AAAA"}},
		{"K09 X25519", map[string]any{"kty": "OKP", "crv": "X25519", "kid": "k1", "x": number0(32)}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := s.fresh(t)
			s.Publish(tc.jwk)
			s.want(t, good.Sign(t, s.claims()), "key_unusable")
		})
	}
}

func number0(size int) string { return base64.RawURLEncoding.EncodeToString(make([]byte, size)) }

func TestWithoutKeyID(t *testing.T) {
	s := newSite(t)
	nameless := s.Key()
	nameless.ID = ""
	raw := nameless.Sign(t, s.claims())
	t.Run("A19 one key with a kid", func(t *testing.T) {
		s.Publish(s.Key().JWK())
		s.want(t, raw, "")
	})
	for _, tc := range []struct {
		name string
		keys []any
		want string
	}{
		{"A19 one key without a kid", []any{nameless.JWK()}, ""},
		{"A19 one usable key", []any{nameless.JWK(), map[string]any{"kty": "XYZ"}}, ""},
		{"A19 two usable keys", []any{nameless.JWK(), idtokentest.NewEC(t, "k2").JWK()}, "kid_missing"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := s.fresh(t)
			s.Publish(tc.keys...)
			s.want(t, raw, tc.want)
		})
	}
	t.Run("a kid that no key has", func(t *testing.T) {
		s := s.fresh(t)
		s.Publish(nameless.JWK())
		s.want(t, s.token(t), "kid_unknown")
	})
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
