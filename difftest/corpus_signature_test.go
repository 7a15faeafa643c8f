package difftest

import (
	"bytes"
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"encoding/pem"
	"math/big"
	"strings"
	"testing"

	"slipway/internal/idtokentest"
)

// algorithms are tokens signed in ways that the key or nobody allows.
func (k *kit) algorithms(t *testing.T) []token {
	claims := k.claims(nil)
	payload := []byte(text(t, claims))
	as := func(key idtokentest.Key, alg string) string { key.Algorithm = alg; return key.Sign(t, claims) }
	hs := []byte(`{"alg":"HS256","kid":"k1","typ":"JWT"}`)
	der, err := x509.MarshalPKIXPublicKey(k.rsa.Private.Public())
	if err != nil {
		t.Fatal(err)
	}
	unsigned := func(header string) string { return encode(header) + "." + encode(string(payload)) + "." }
	sig := k.good(t)
	sig = sig[strings.LastIndexByte(sig, '.')+1:]
	return []token{
		{name: "alg: RS256 by a key for anything", raw: as(k.free, "RS256")},
		{name: "alg: RS384 by a key for anything", raw: as(k.free, "RS384")},
		{name: "alg: RS512 by a key for anything", raw: as(k.free, "RS512")},
		{name: "alg: PS256 by a key for anything", raw: as(k.free, "PS256")},
		{name: "alg: ES256", raw: k.ec.Sign(t, claims)},
		{name: "alg: EdDSA", raw: k.ed.Sign(t, claims)},
		{name: "alg: none", raw: unsigned(`{"alg":"none"}`), want: "alg_not_allowed"},
		{name: "alg: none with a kid", raw: unsigned(`{"alg":"none","kid":"k1"}`), want: "alg_not_allowed"},
		{name: "alg: None", raw: unsigned(`{"alg":"None","kid":"k1"}`), want: "alg_not_allowed"},
		{name: "alg: nOnE", raw: unsigned(`{"alg":"nOnE","kid":"k1"}`), want: "alg_not_allowed"},
		{name: "alg: empty", raw: unsigned(`{"alg":"","kid":"k1"}`), want: "alg_not_allowed"},
		{name: "alg: none with the signature of another token", raw: unsigned(`{"alg":"none","kid":"k1"}`) + sig, want: "alg_not_allowed"},
		{name: "alg: HS256 with the public key in PEM form", raw: idtokentest.HMAC(hs, payload, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})), want: "alg_not_allowed"},
		{name: "alg: HS256 with the public key in DER form", raw: idtokentest.HMAC(hs, payload, der), want: "alg_not_allowed"},
		{name: "alg: HS256 with the JWK", raw: idtokentest.HMAC(hs, payload, []byte(text(t, k.rsa.JWK()))), want: "alg_not_allowed"},
		{name: "alg: HS256 with the modulus", raw: idtokentest.HMAC(hs, payload, k.rsa.Private.Public().(*rsa.PublicKey).N.Bytes()), want: "alg_not_allowed"},
		{name: "alg: HS256 with an empty secret", raw: idtokentest.HMAC(hs, payload, nil), want: "alg_not_allowed"},
		{name: "alg: RS384 by a key for RS256", raw: as(k.rsa, "RS384"), want: "alg_not_allowed", differs: but(whyKeyAlg, jose)},
		{name: "alg: PS256 by a key for RS256", raw: as(k.rsa, "PS256"), want: "alg_not_allowed", differs: but(whyKeyAlg, jose)},
		{name: "alg: ES256 with the kid of an RSA key", raw: k.ec.SignBytes(t, []byte(`{"alg":"ES256","kid":"k1"}`), payload), want: "key_unusable"},
		{name: "alg: RS256 with the kid of an EC key", raw: k.rsa.SignBytes(t, []byte(`{"alg":"RS256","kid":"ec"}`), payload), want: "key_unusable"},
		{name: "alg: ES384 by a key of P-256", raw: k.ec.SignBytes(t, []byte(`{"alg":"ES384","kid":"ec"}`), payload), want: "key_unusable", differs: but(whyCurve, jwx)},
		{name: "alg: RS256 says the header, RS512 the signature", raw: func() string {
			key := k.free
			key.Algorithm = "RS512"
			return key.SignBytes(t, []byte(`{"alg":"RS256","kid":"free"}`), payload)
		}(), want: "signature_invalid"},
		{name: "alg: ES256K", raw: k.ec.SignBytes(t, []byte(`{"alg":"ES256K","kid":"ec"}`), payload), want: "alg_not_allowed", differs: but(whyCurve, jwx)},
		{name: "alg: an encryption's", raw: k.header(t, `{"alg":"RSA-OAEP","kid":"k1"}`), want: "alg_not_allowed"},
	}
}

// signatures are tokens whose signature was tampered with or is of another form.
func (k *kit) signatures(t *testing.T) []token {
	parts := func(raw string) (input string, sig []byte) {
		i := strings.LastIndexByte(raw, '.')
		return raw[:i+1], []byte(decode(t, raw[i+1:]))
	}
	with := func(input string, sig []byte) string { return input + encode(string(sig)) }
	rsaInput, rsaSig := parts(k.good(t))
	ecInput, ecSig := parts(k.ec.Sign(t, k.claims(nil)))
	edInput, edSig := parts(k.ed.Sign(t, k.claims(nil)))
	r, s := new(big.Int).SetBytes(ecSig[:32]), new(big.Int).SetBytes(ecSig[32:])
	der, err := asn1.Marshal(struct{ R, S *big.Int }{r, s})
	if err != nil {
		t.Fatal(err)
	}
	order, _ := new(big.Int).SetString("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551", 16)
	other := new(big.Int).Sub(order, s).FillBytes(make([]byte, 32))
	bit := func(sig []byte) []byte { out := bytes.Clone(sig); out[10] ^= 1; return out }
	flip := func(from, to string) string {
		p := strings.Split(k.good(t), ".")
		p[1] = encode(strings.Replace(decode(t, p[1]), from, to, 1))
		return strings.Join(p, ".")
	}
	public := k.rsa.Private.Public().(*rsa.PublicKey)
	return []token{
		{name: "signature: a bit of it", raw: with(rsaInput, bit(rsaSig)), want: "signature_invalid"},
		{name: "signature: cut short", raw: with(rsaInput, rsaSig[:len(rsaSig)-1]), want: "signature_invalid"},
		{name: "signature: a zero before", raw: with(rsaInput, append([]byte{0}, rsaSig...)), want: "signature_invalid"},
		{name: "signature: a zero behind", raw: with(rsaInput, append(bytes.Clone(rsaSig), 0)), want: "signature_invalid"},
		{name: "signature: zeros", raw: with(rsaInput, make([]byte, 256)), want: "signature_invalid"},
		{name: "signature: the modulus", raw: with(rsaInput, public.N.Bytes()), want: "signature_invalid"},
		{name: "signature: larger by the modulus", raw: with(rsaInput, new(big.Int).Add(new(big.Int).SetBytes(rsaSig), public.N).Bytes()), want: "signature_invalid"},
		{name: "signature: of another payload", raw: flip("my-group", "my-grouq"), want: "signature_invalid"},
		{name: "signature: of a payload that was JSON", raw: flip("{", "["), want: "signature_invalid"},
		{name: "signature: by another key of that kid", raw: k.evil.Sign(t, k.claims(nil)), want: "signature_invalid"},
		{name: "ES256: in ASN.1", raw: with(ecInput, der), want: "signature_invalid"},
		{name: "ES256: s before r", raw: with(ecInput, append(bytes.Clone(ecSig[32:]), ecSig[:32]...)), want: "signature_invalid"},
		{name: "ES256: cut short", raw: with(ecInput, ecSig[:63]), want: "signature_invalid"},
		{name: "ES256: a zero behind", raw: with(ecInput, append(bytes.Clone(ecSig), 0)), want: "signature_invalid"},
		{name: "ES256: halves of 48 bytes", raw: with(ecInput, append(append(make([]byte, 16), ecSig[:32]...), append(make([]byte, 16), ecSig[32:]...)...)), want: "signature_invalid"},
		{name: "ES256: zeros", raw: with(ecInput, make([]byte, 64)), want: "signature_invalid"},
		{name: "ES256: r and s of the curve's order", raw: with(ecInput, append(order.Bytes(), order.Bytes()...)), want: "signature_invalid"},
		{name: "ES256: the other s", raw: with(ecInput, append(bytes.Clone(ecSig[:32]), other...))},
		{name: "ES256: empty", raw: with(ecInput, nil), want: "signature_invalid"},
		{name: "EdDSA: a bit of it", raw: with(edInput, bit(edSig)), want: "signature_invalid"},
		{name: "EdDSA: cut short", raw: with(edInput, edSig[:63]), want: "signature_invalid"},
		{name: "EdDSA: zeros", raw: with(edInput, make([]byte, 64)), want: "signature_invalid"},
		{name: "EdDSA: empty", raw: with(edInput, nil), want: "signature_invalid"},
	}
}
