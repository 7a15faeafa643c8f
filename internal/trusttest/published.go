package trusttest

import (
	"crypto/elliptic"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"testing"

	"slipway/internal/idtokentest"
)

// A KeySet is what an issuer publishes before a token that it signed comes.
type KeySet struct {
	ID, Name string
	Keys     []any           // each marshals to a JWK, or to junk
	Sign     idtokentest.Key // makes the token
	Reason   string          // code of the refusal; "" is let in
	Check    string          // that refuses
	Junk     int64           // keys that are counted as unusable
	Secret   bool            // the operator is warned of secret keys
}

// String returns the name of the case's test.
func (k KeySet) String() string { return k.ID + " " + k.Name }

// KeySets returns the cases around good, a key of an issuer with RSA.
func KeySets(t testing.TB, good idtokentest.Key) []KeySet {
	t.Helper()
	all := append(append(besides(t, good), unusable(t, good)...), nameless(t, good)...)
	for i := range all {
		if all[i].Sign.Private == nil {
			all[i].Sign = good
		}
		all[i].Check = usual[all[i].Reason]
	}
	return all
}

// besides are keys that nobody can use beside one that works.
func besides(t testing.TB, good idtokentest.Key) []KeySet {
	t.Helper()
	private := idtokentest.With(idtokentest.NewEC(t, "kPrivate").JWK(), map[string]any{"d": "AAAA"})
	var all []KeySet
	for _, c := range []struct {
		name   string
		junk   any
		secret bool
	}{
		{"unknown type", map[string]any{"kty": "XYZ", "kid": "x"}, false},
		{"secp256k1", map[string]any{"kty": "EC", "crv": "secp256k1", "kid": "x", "x": "AAAA", "y": "AAAA"}, false},
		{"RSA without modulus", map[string]any{"kty": "RSA", "kid": "x", "e": "AQAB"}, false},
		{"symmetric", map[string]any{"kty": "oct", "kid": "x", "k": "AAAA"}, true},
		{"symmetric without a value", map[string]any{"kty": "oct", "kid": "x"}, true},
		{"private", private, true},
		{"the same kid again", idtokentest.NewEC(t, good.ID).JWK(), false},
		{"a name twice", json.RawMessage(`{"kty":"RSA","kty":"RSA","kid":"x"}`), false},
		{"no object", "junk", false},
		{"null", nil, false},
		{"kid a number", map[string]any{"kty": "RSA", "kid": 1}, false},
		{"certificate that is none", idtokentest.With(idtokentest.NewEC(t, "x").JWK(), map[string]any{"x5c": "?", "kty": "EC2"}), false},
	} {
		all = append(all, KeySet{ID: "K07", Name: c.name, Keys: []any{good.JWK(), c.junk}, Junk: 1, Secret: c.secret})
	}
	return all
}

// unusable are keys of which one goes by the good one's name and is all there is.
func unusable(t testing.TB, good idtokentest.Key) []KeySet {
	t.Helper()
	spoilt := func(changes map[string]any) map[string]any { return idtokentest.With(good.JWK(), changes) }
	number := func(n *big.Int) string { return base64.RawURLEncoding.EncodeToString(n.Bytes()) }
	zeros := func(size int) string { return base64.RawURLEncoding.EncodeToString(make([]byte, size)) }
	modulus := new(big.Int).SetBytes([]byte(decode(good.JWK()["n"].(string))))
	huge := new(big.Int).SetBit(modulus, 8191, 1)
	p256 := idtokentest.NewEC(t, good.ID).JWK()
	var all []KeySet
	for _, c := range []struct {
		id, name string
		jwk      map[string]any
	}{
		{"K07", "private, of the name", spoilt(map[string]any{"d": "AAAA"})},
		{"K08", "for encryption", spoilt(map[string]any{"use": "enc"})},
		{"K08", "use a number", spoilt(map[string]any{"use": 1})},
		{"K08", "for encrypting", spoilt(map[string]any{"key_ops": []string{"encrypt"}})},
		{"K08", "key_ops a string", spoilt(map[string]any{"key_ops": "verify"})},
		{"K08", "alg of encryption", spoilt(map[string]any{"alg": "RSA-OAEP"})},
		{"K08", "alg of HMAC", spoilt(map[string]any{"alg": "HS256"})},
		{"K08", "alg a number", spoilt(map[string]any{"alg": 1})},
		{"K09", "RSA of 1024 bits", idtokentest.NewRSABits(t, good.ID, 1024).JWK()},
		{"K09", "RSA of 8192 bits", spoilt(map[string]any{"n": number(huge)})},
		{"K09", "exponent 1", spoilt(map[string]any{"e": "AQ"})},
		{"K09", "exponent 3", spoilt(map[string]any{"e": "Aw"})},
		{"K09", "huge exponent", spoilt(map[string]any{"e": "AQAAAAAAAAAAAAAB"})},
		{"K09", "even modulus", spoilt(map[string]any{"n": number(new(big.Int).Lsh(modulus, 1))})},
		{"K09", "modulus that is no base64url", spoilt(map[string]any{"n": "?"})},
		{"K09", "point off the curve", idtokentest.With(p256, map[string]any{"y": p256["x"]})},
		{"K09", "point at infinity", idtokentest.With(p256, map[string]any{"x": zeros(32), "y": zeros(32)})},
		{"K09", "short coordinate", idtokentest.With(p256, map[string]any{"x": "AAAA"})},
		{"K09", "coordinates of another curve", idtokentest.With(p256, map[string]any{"crv": elliptic.P384().Params().Name})},
		{"K09", "short Ed25519 key", map[string]any{"kty": "OKP", "crv": "Ed25519", "kid": good.ID, "x": "AAAA"}},
		{"K09", "X25519", map[string]any{"kty": "OKP", "crv": "X25519", "kid": good.ID, "x": zeros(32)}},
	} {
		all = append(all, KeySet{
			ID: c.id, Name: c.name, Keys: []any{c.jwk}, Reason: "key_unusable", Junk: 1, Secret: c.jwk["d"] != nil,
		})
	}
	return all
}

// nameless are sets for a token that names no key.
func nameless(t testing.TB, good idtokentest.Key) []KeySet {
	t.Helper()
	bare := good
	bare.ID = ""
	return []KeySet{
		{ID: "A19", Name: "one key with a kid", Sign: bare, Keys: []any{good.JWK()}},
		{ID: "A19", Name: "one key without a kid", Sign: bare, Keys: []any{bare.JWK()}},
		{ID: "A19", Name: "one usable key", Sign: bare, Keys: []any{bare.JWK(), map[string]any{"kty": "XYZ"}}, Junk: 1},
		{ID: "A19", Name: "two usable keys", Sign: bare, Keys: []any{bare.JWK(), idtokentest.NewEC(t, "k2").JWK()}, Reason: "kid_missing"},
		{ID: "A19", Name: "a kid that no key has", Keys: []any{bare.JWK()}, Reason: "kid_unknown"},
	}
}
