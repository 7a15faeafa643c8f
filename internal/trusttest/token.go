package trusttest

import (
	"bytes"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"strings"
	"testing"

	"slipway/internal/idtokentest"
)

// A maker makes a token of a case.
type maker = func(t testing.TB, p Place, claims map[string]any) string

// cut makes a good token and hands on its three parts.
func cut(f func(head, body, sig string) string) maker {
	return func(t testing.TB, p Place, claims map[string]any) string {
		t.Helper()
		parts := strings.Split(p.Keys.K1.Sign(t, claims), ".")
		return f(parts[0], parts[1], parts[2])
	}
}

// text is a token that is none.
func text(s string) maker {
	return func(testing.TB, Place, map[string]any) string { return s }
}

func forms() []Case {
	malformed := func(id, name string, raw maker) Case {
		return Case{ID: id, Name: name, Raw: raw, Reason: "malformed_token", Quiet: true}
	}
	return []Case{
		{ID: "A01", Name: "as GitLab signs it"},
		{ID: "A02", Name: "empty", Raw: text(""), Reason: "bad_request", Quiet: true, Status: 400},
		{ID: "A02", Name: "16 KiB and a byte", Raw: text(strings.Repeat("a", 16<<10+1)), Reason: "token_too_large", Quiet: true},
		{ID: "A02", Name: "1 MiB", Raw: text(strings.Repeat("a", 1<<20)), Reason: "token_too_large", Quiet: true, Status: 400},
		malformed("A03", "no dots", text("abc")),
		malformed("A03", "one dot", cut(func(h, b, _ string) string { return h + "." + b })),
		malformed("A03", "four parts", cut(func(h, b, s string) string { return h + "." + b + "." + s + ".a" })),
		malformed("A03", "five parts", cut(func(h, b, s string) string { return h + "." + b + "." + s + ".a.b" })),
		malformed("A03", "dots alone", text("..")),
		malformed("A03", "letters", text("a.b.c")),
		malformed("A03", "header is no JSON", cut(func(_, b, s string) string { return encode("x") + "." + b + "." + s })),
		malformed("A03", "header is an array", cut(func(_, b, s string) string { return encode(`["RS256"]`) + "." + b + "." + s })),
		malformed("A03", "header without alg", cut(func(_, b, s string) string { return encode(`{"kid":"k1"}`) + "." + b + "." + s })),
		malformed("A13", "padding", cut(func(h, b, s string) string { return h + "=." + b + "." + s })),
		malformed("A13", "standard alphabet", cut(func(h, b, s string) string { return h + "." + b + ".+/" + s[2:] })),
		malformed("A13", "line break within", cut(func(h, b, s string) string { return h + "." + b[:9] + "\n" + b[9:] + "." + s })),
		malformed("A13", "carriage return within", cut(func(h, b, s string) string { return h + "." + b + "." + s[:9] + "\r" + s[9:] })),
		malformed("A13", "space within", cut(func(h, b, s string) string { return h[:9] + " " + h[9:] + "." + b + "." + s })),
		malformed("A13", "space before", cut(func(h, b, s string) string { return " " + h + "." + b + "." + s })),
		malformed("A13", "line break behind", cut(func(h, b, s string) string { return h + "." + b + "." + s + "\r\n" })),
		malformed("A13", "NUL", cut(func(h, b, s string) string { return h + "." + b + "." + s + "\x00" })),
		malformed("A13", "bits behind the last byte", cut(func(h, b, s string) string { return h + "." + b + "." + loose(s) })),
		malformed("A15", "flattened JSON", cut(func(h, b, s string) string {
			return `{"protected":"` + h + `","payload":"` + b + `","signature":"` + s + `"}`
		})),
		malformed("A15", "general JSON", cut(func(h, b, s string) string {
			return `{"payload":"` + b + `","signatures":[{"protected":"` + h + `","signature":"` + s + `"}]}`
		})),
		malformed("A15", "detached payload", cut(func(h, _, s string) string { return h + ".." + s })),
	}
}

// loose sets bits of the last character of a signature that stand for nothing:
// one of 256 bytes leaves four of them.
func loose(sig string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	last := strings.IndexByte(alphabet, sig[len(sig)-1])
	return sig[:len(sig)-1] + string(alphabet[last|1])
}

// header signs the claims by K1 under that header.
func header(h string) maker {
	return func(t testing.TB, p Place, claims map[string]any) string {
		t.Helper()
		return p.Keys.K1.SignBytes(t, []byte(h), marshal(t, claims))
	}
}

func headers(p Place) []Case {
	// by has the attacker's key sign under a header that shows where to find it.
	by := func(h string) maker {
		return func(t testing.TB, p Place, claims map[string]any) string {
			t.Helper()
			jwk := string(marshal(t, p.Keys.Evil.JWK()))
			return p.Keys.Evil.SignBytes(t, []byte(strings.ReplaceAll(h, "JWK", jwk)), marshal(t, claims))
		}
	}
	form := func(id, name, h, reason string) Case {
		return Case{ID: id, Name: name, Raw: header(h), Reason: reason, Check: "form", Quiet: true}
	}
	return []Case{
		form("A16", "crit of a claim", `{"alg":"RS256","kid":"k1","crit":["exp"]}`, "crit_unsupported"),
		form("A16", "crit of b64", `{"alg":"RS256","kid":"k1","crit":["b64"],"b64":false}`, "crit_unsupported"),
		form("A16", "empty crit", `{"alg":"RS256","kid":"k1","crit":[]}`, "crit_unsupported"),
		form("A16", "b64 without crit", `{"alg":"RS256","kid":"k1","b64":false}`, "malformed_token"),
		{ID: "A17", Name: "jku", Raw: header(`{"alg":"RS256","kid":"k1","jku":"` + p.Other + `"}`)},
		{ID: "A17", Name: "x5u", Raw: header(`{"alg":"RS256","kid":"k1","x5u":"` + p.Other + `"}`)},
		{ID: "A17", Name: "jku and its key", Raw: by(`{"alg":"RS256","kid":"k1","jku":"` + p.Other + `"}`), Reason: "signature_invalid"},
		{ID: "A18", Name: "own key in jwk, no kid", Raw: by(`{"alg":"RS256","jwk":JWK}`), Reason: "kid_missing"},
		{ID: "A18", Name: "own key in jwk, kid of the issuer's", Raw: by(`{"alg":"RS256","kid":"k1","jwk":JWK}`), Reason: "signature_invalid"},
		{ID: "A19", Name: "no kid, several keys", Raw: header(`{"alg":"RS256"}`), Reason: "kid_missing"},
		form("A19", "kid a number", `{"alg":"RS256","kid":1}`, "malformed_token"),
		form("A19", "kid of 1 KiB", `{"alg":"RS256","kid":"`+strings.Repeat("k", 1024)+`"}`, "malformed_token"),
		form("A21", "alg twice", `{"alg":"RS256","alg":"none","kid":"k1"}`, "malformed_token"),
		{ID: "A26", Name: "typ in small letters", Raw: header(`{"alg":"RS256","kid":"k1","typ":"jwt"}`)},
		{ID: "A26", Name: "no typ", Raw: header(`{"alg":"RS256","kid":"k1"}`)},
		{ID: "A26", Name: "unknown parameters", Raw: header(`{"alg":"RS256","kid":"k1","x-team":{"a":[1]}}`)},
		{ID: "A26", Name: "space around", Raw: header(" {\"alg\" : \"RS256\",\n\"kid\":\"k1\"} ")},
		form("A26", "access token", `{"alg":"RS256","kid":"k1","typ":"at+jwt"}`, "typ_not_allowed"),
		form("A26", "logout token", `{"alg":"RS256","kid":"k1","typ":"logout+jwt"}`, "typ_not_allowed"),
		form("A26", "security event", `{"alg":"RS256","kid":"k1","typ":"secevent+jwt"}`, "typ_not_allowed"),
		form("A26", "proof of possession", `{"alg":"RS256","kid":"k1","typ":"dpop+jwt"}`, "typ_not_allowed"),
		form("A26", "JOSE", `{"alg":"RS256","kid":"k1","typ":"JOSE"}`, "typ_not_allowed"),
		form("A26", "null", `{"alg":"RS256","kid":"k1","typ":null}`, "typ_not_allowed"),
		form("C07", "typ of our own tokens", `{"alg":"RS256","kid":"k1","typ":"wif+at"}`, "typ_not_allowed"),
		form("A27", "compressed", `{"alg":"RS256","kid":"k1","zip":"DEF"}`, "malformed_token"),
		form("A27", "encrypted", `{"alg":"RS256","kid":"k1","enc":"A128GCM"}`, "malformed_token"),
		form("A27", "nested", `{"alg":"RS256","kid":"k1","cty":"JWT"}`, "malformed_token"),
	}
}

func algorithms() []Case {
	unsigned := func(alg string) maker {
		return func(t testing.TB, _ Place, claims map[string]any) string {
			t.Helper()
			return idtokentest.Unsigned(t, alg, claims)
		}
	}
	as := func(alg string) maker { // K1 with another algorithm than it is published for
		return func(t testing.TB, p Place, claims map[string]any) string {
			t.Helper()
			k := p.Keys.K1
			k.Algorithm = alg
			return k.Sign(t, claims)
		}
	}
	hmac := func(secret func(t testing.TB, k idtokentest.Key) []byte) maker {
		return func(t testing.TB, p Place, claims map[string]any) string {
			t.Helper()
			return idtokentest.HMAC([]byte(`{"alg":"HS256","kid":"k1","typ":"JWT"}`), marshal(t, claims), secret(t, p.Keys.K1))
		}
	}
	return []Case{
		{ID: "A04", Name: "none", Raw: unsigned("none"), Reason: "alg_not_allowed", Quiet: true},
		{ID: "A04", Name: "None", Raw: unsigned("None"), Reason: "alg_not_allowed", Quiet: true},
		{ID: "A04", Name: "nOnE", Raw: unsigned("nOnE"), Reason: "alg_not_allowed", Quiet: true},
		{ID: "A04", Name: "RS256 without signature", Raw: cut(func(h, b, _ string) string { return h + "." + b + "." }), Reason: "signature_invalid"},
		{ID: "A04", Name: "alg a number", Raw: header(`{"alg":256,"kid":"k1"}`), Reason: "malformed_token", Quiet: true},
		{ID: "A04", Name: "unknown alg", Raw: header(`{"alg":"RS1","kid":"k1"}`), Reason: "alg_not_allowed", Quiet: true},
		{ID: "A04", Name: "alg in small letters", Raw: header(`{"alg":"rs256","kid":"k1"}`), Reason: "alg_not_allowed", Quiet: true},
		{ID: "A05", Name: "HMAC with the key in PEM form", Reason: "alg_not_allowed", Quiet: true, Raw: hmac(func(t testing.TB, k idtokentest.Key) []byte {
			t.Helper()
			der, err := x509.MarshalPKIXPublicKey(k.Private.Public())
			if err != nil {
				t.Fatal(err)
			}
			return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
		})},
		{ID: "A05", Name: "HMAC with the JWK", Reason: "alg_not_allowed", Quiet: true, Raw: hmac(func(t testing.TB, k idtokentest.Key) []byte {
			t.Helper()
			return marshal(t, k.JWK())
		})},
		{ID: "A06", Name: "RS384 with a key for RS256", Raw: as("RS384"), Reason: "alg_not_allowed"},
		{ID: "A06", Name: "RS512 with a key for RS256", Raw: as("RS512"), Reason: "alg_not_allowed"},
		{ID: "A06", Name: "PS256 with a key for RS256", Raw: as("PS256"), Reason: "alg_not_allowed"},
		{ID: "A06", Name: "ES256, which GitLab never uses", Reason: "alg_not_allowed", Raw: func(t testing.TB, p Place, claims map[string]any) string {
			t.Helper()
			return p.Keys.EC.Sign(t, claims)
		}},
		{ID: "A07", Name: "ES256 with an RSA key", Reason: "key_unusable", Raw: func(t testing.TB, p Place, claims map[string]any) string {
			t.Helper()
			return p.Keys.EC.SignBytes(t, []byte(`{"alg":"ES256","kid":"k1"}`), marshal(t, claims))
		}},
		{ID: "A08", Name: "RS256 with an EC key", Raw: header(`{"alg":"RS256","kid":"kEC"}`), Reason: "key_unusable"},
	}
}

func signatures() []Case {
	bad := func(id, name string, raw maker) Case {
		return Case{ID: id, Name: name, Raw: raw, Reason: "signature_invalid"}
	}
	// flip keeps the part well-formed: "JWT" becomes "jWT".
	flip := func(part int, from, to string) maker {
		return cut(func(h, b, s string) string {
			p := []string{h, b, s}
			was := decode(p[part])
			if !strings.Contains(was, from) {
				panic("nothing to flip in " + was)
			}
			p[part] = encode(strings.Replace(was, from, to, 1))
			return strings.Join(p, ".")
		})
	}
	signed := func(change func(sig []byte, modulus *big.Int) []byte) maker {
		return func(t testing.TB, p Place, claims map[string]any) string {
			t.Helper()
			modulus := p.Keys.K1.Private.Public().(*rsa.PublicKey).N
			return cut(func(h, b, s string) string {
				return h + "." + b + "." + encode(string(change([]byte(decode(s)), modulus)))
			})(t, p, claims)
		}
	}
	return []Case{
		bad("A09", "payload", flip(1, "my-group/app", "my-group/apq")),
		bad("A09", "payload that is no JSON any more", flip(1, "{", "[")),
		bad("A09", "header", flip(0, "JWT", "jWT")),
		bad("A09", "signature", signed(func(sig []byte, _ *big.Int) []byte { sig[100] ^= 1; return sig })),
		bad("A10", "cut short", signed(func(sig []byte, _ *big.Int) []byte { return sig[:len(sig)-1] })),
		bad("A10", "a zero before", signed(func(sig []byte, _ *big.Int) []byte { return append([]byte{0}, sig...) })),
		bad("A10", "zeros", signed(func(sig []byte, _ *big.Int) []byte { return make([]byte, len(sig)) })),
		bad("A10", "ones", signed(func(sig []byte, _ *big.Int) []byte { return bytes.Repeat([]byte{0xff}, len(sig)) })),
		bad("A10", "the modulus", signed(func(_ []byte, n *big.Int) []byte { return n.Bytes() })),
		bad("A11", "a cube root of a padded hash", signed(func(sig []byte, _ *big.Int) []byte { return forged(len(sig)) })),
		bad("A11", "by a key that goes by the same name", evil),
	}
}

// evil signs the claims by a key that is not the issuer's.
func evil(t testing.TB, p Place, claims map[string]any) string {
	t.Helper()
	return p.Keys.Evil.Sign(t, claims)
}

// forged returns what passes for a signature with exponent 3 where only the
// beginning of the padding is looked at (Bleichenbacher 2006).
func forged(size int) []byte {
	padded := append([]byte{0, 1, 0xff, 0}, make([]byte, size-4)...)
	n := new(big.Int).SetBytes(padded)
	low, high := big.NewInt(0), new(big.Int).Lsh(big.NewInt(1), uint(size*8/3+1))
	for new(big.Int).Sub(high, low).Cmp(big.NewInt(1)) > 0 {
		mid := new(big.Int).Rsh(new(big.Int).Add(low, high), 1)
		if new(big.Int).Exp(mid, big.NewInt(3), nil).Cmp(n) > 0 {
			high = mid
		} else {
			low = mid
		}
	}
	return high.FillBytes(make([]byte, size))
}

func encode(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }

// decode is for what was just encoded.
func decode(s string) string {
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil {
		panic(err)
	}
	return string(b)
}

func marshal(t testing.TB, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
