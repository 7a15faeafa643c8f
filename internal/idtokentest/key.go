package idtokentest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	_ "crypto/sha512" // for crypto.SHA384 and crypto.SHA512
	"encoding/base64"
	"encoding/json"
	"math/big"
	"testing"
)

// A Key signs tokens.
type Key struct {
	ID        string
	Algorithm string // "RS256"
	Private   crypto.Signer
}

// NewRSA returns a new RSA key of 2048 bits for RS256.
func NewRSA(t testing.TB, id string) Key {
	t.Helper()
	return NewRSABits(t, id, 2048)
}

// NewRSABits returns a new RSA key of that size for RS256.
func NewRSABits(t testing.TB, id string, bits int) Key {
	t.Helper()
	k, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		t.Fatalf("generate RSA key: %v", err)
	}
	return Key{ID: id, Algorithm: "RS256", Private: k}
}

// NewEC returns a new P-256 key for ES256.
func NewEC(t testing.TB, id string) Key {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatalf("generate EC key: %v", err)
	}
	return Key{ID: id, Algorithm: "ES256", Private: k}
}

// NewEd returns a new Ed25519 key for EdDSA.
func NewEd(t testing.TB, id string) Key {
	t.Helper()
	_, k, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatalf("generate Ed25519 key: %v", err)
	}
	return Key{ID: id, Algorithm: "EdDSA", Private: k}
}

// JWK returns the public key as RFC 7517 writes it, ready to be spoilt.
func (k Key) JWK() map[string]any {
	jwk := map[string]any{"use": "sig", "alg": k.Algorithm}
	if k.ID != "" {
		jwk["kid"] = k.ID
	}
	switch p := k.Private.Public().(type) {
	case *rsa.PublicKey:
		jwk["kty"], jwk["n"], jwk["e"] = "RSA", encode(p.N.Bytes()), encode(big.NewInt(int64(p.E)).Bytes())
	case *ecdsa.PublicKey:
		point, err := p.Bytes()
		if err != nil {
			panic(err) // unreachable unless the curve is a custom one
		}
		half := (len(point) - 1) / 2
		jwk["kty"], jwk["crv"], jwk["x"], jwk["y"] = "EC", p.Curve.Params().Name, encode(point[1:1+half]), encode(point[1+half:])
	case ed25519.PublicKey:
		jwk["kty"], jwk["crv"], jwk["x"] = "OKP", "Ed25519", encode(p)
	}
	return jwk
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// Sign returns claims signed by k under a header as GitLab writes it.
func (k Key) Sign(t testing.TB, claims map[string]any) string {
	t.Helper()
	header := map[string]any{"typ": "JWT", "alg": k.Algorithm}
	if k.ID != "" {
		header["kid"] = k.ID
	}
	return k.SignBytes(t, marshal(t, header), marshal(t, claims))
}

// SignBytes signs header and payload as they stand, by k's algorithm whatever
// the header says.
func (k Key) SignBytes(t testing.TB, header, payload []byte) string {
	t.Helper()
	input := encode(header) + "." + encode(payload)
	return input + "." + encode(k.signature(t, []byte(input)))
}

func (k Key) signature(t testing.TB, input []byte) []byte {
	t.Helper()
	hash := map[string]crypto.Hash{
		"RS256": crypto.SHA256, "RS384": crypto.SHA384, "RS512": crypto.SHA512, "PS256": crypto.SHA256, "ES256": crypto.SHA256,
	}[k.Algorithm]
	digest := input
	var opts crypto.SignerOpts = hash
	if hash != 0 {
		h := hash.New()
		h.Write(input)
		digest = h.Sum(nil)
	}
	if k.Algorithm == "PS256" {
		opts = &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: hash}
	}
	if ec, ok := k.Private.(*ecdsa.PrivateKey); ok { // JWS wants r and s side by side, not ASN.1
		r, s, err := ecdsa.Sign(rand.Reader, ec, digest)
		if err != nil {
			t.Fatalf("sign: %v", err)
		}
		return append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)
	}
	sig, err := k.Private.Sign(rand.Reader, digest, opts)
	if err != nil {
		t.Fatalf("sign: %v", err)
	}
	return sig
}

// HMAC returns header and payload with an HS256 tag made with secret, which is
// how an attacker tries to pass a public key off as a shared secret.
func HMAC(header, payload, secret []byte) string {
	input := encode(header) + "." + encode(payload)
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(input))
	return input + "." + encode(mac.Sum(nil))
}

// Unsigned returns claims under a header that says alg, with no signature.
func Unsigned(t testing.TB, alg string, claims map[string]any) string {
	t.Helper()
	return encode(marshal(t, map[string]any{"typ": "JWT", "alg": alg})) + "." + encode(marshal(t, claims)) + "."
}

func marshal(t testing.TB, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatalf("marshal: %v", err)
	}
	return b
}
