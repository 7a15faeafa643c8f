package idtoken_test

import (
	"bytes"
	"context"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"slipway"
	"slipway/internal/idtoken"
	"slipway/internal/idtokentest"
)

func TestAccepted(t *testing.T) {
	s := newSite(t)
	k := s.Key()
	payload := marshal(t, s.claims())
	t.Run("A01 as GitLab signs it", func(t *testing.T) { s.want(t, s.token(t), "") })
	for name, header := range map[string]string{
		"A26 typ in small letters": `{"alg":"RS256","kid":"k1","typ":"jwt"}`,
		"A26 no typ":               `{"alg":"RS256","kid":"k1"}`,
		"unknown parameters":       `{"alg":"RS256","kid":"k1","x-team":{"a":[1]}}`,
		"space around":             " {\"alg\" : \"RS256\",\n\"kid\":\"k1\"} ",
	} {
		t.Run(name, func(t *testing.T) { s.want(t, k.SignBytes(t, []byte(header), payload), "") })
	}
}

func TestHeaderPointsElsewhere(t *testing.T) {
	hits := 0
	attacker := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { hits++ }))
	defer attacker.Close()
	s := newSite(t)
	payload := marshal(t, s.claims())
	evil := idtokentest.NewRSA(t, "k1")
	for _, tc := range []struct {
		name, header string
		key          idtokentest.Key
		want         string
	}{
		{"A17 jku", `{"alg":"RS256","kid":"k1","jku":"` + attacker.URL + `"}`, s.Key(), ""},
		{"A17 x5u", `{"alg":"RS256","kid":"k1","x5u":"` + attacker.URL + `"}`, s.Key(), ""},
		{"A17 jku and its key", `{"alg":"RS256","kid":"k1","jku":"` + attacker.URL + `"}`, evil, "signature_invalid"},
		{"A18 own key in jwk, no kid", `{"alg":"RS256","jwk":` + string(marshal(t, evil.JWK())) + `}`, evil, "kid_missing"},
		{"A18 own key in jwk, kid of the issuer's", `{"alg":"RS256","kid":"k1","jwk":` + string(marshal(t, evil.JWK())) + `}`, evil, "signature_invalid"},
	} {
		t.Run(tc.name, func(t *testing.T) { s.want(t, tc.key.SignBytes(t, []byte(tc.header), payload), tc.want) })
	}
	if hits != 0 {
		t.Errorf("%d requests went where a header pointed", hits)
	}
}

func TestForm(t *testing.T) {
	s := newSite(t)
	good := s.token(t)
	head, rest, _ := strings.Cut(good, ".")
	body, sig, _ := strings.Cut(rest, ".")
	for _, tc := range []struct{ name, raw, want string }{
		{"A02 empty", "", "bad_request"},
		{"A02 16 KiB and a byte", strings.Repeat("a", 16<<10+1), "token_too_large"},
		{"A02 1 MiB", strings.Repeat("a", 1<<20), "token_too_large"},
		{"A03 no dots", "abc", "malformed_token"},
		{"A03 one dot", head + "." + body, "malformed_token"},
		{"A03 five parts", good + ".a.b", "malformed_token"},
		{"A03 four parts", good + ".a", "malformed_token"},
		{"A03 dots alone", "..", "malformed_token"},
		{"A03 letters", "a.b.c", "malformed_token"},
		{"A13 padding", head + "=." + body + "." + sig, "malformed_token"},
		{"A13 standard alphabet", head + "." + body + ".+/" + sig[2:], "malformed_token"},
		{"A13 line break within", head + "." + body[:9] + "\n" + body[9:] + "." + sig, "malformed_token"},
		{"A13 carriage return within", head + "." + body + "." + sig[:9] + "\r" + sig[9:], "malformed_token"},
		{"A13 space within", head[:9] + " " + head[9:] + "." + rest, "malformed_token"},
		{"A13 space before", " " + good, "malformed_token"},
		{"A13 line break behind", good + "\r\n", "malformed_token"},
		{"A13 NUL", good + "\x00", "malformed_token"},
		{"A13 bits behind the last byte", loose(good), "malformed_token"},
		{"A15 flattened JSON", `{"protected":"` + head + `","payload":"` + body + `","signature":"` + sig + `"}`, "malformed_token"},
		{"A15 general JSON", `{"payload":"` + body + `","signatures":[{"protected":"` + head + `","signature":"` + sig + `"}]}`, "malformed_token"},
		{"A15 detached payload", head + ".." + sig, "malformed_token"},
		{"header is no JSON", encode("x") + "." + rest, "malformed_token"},
		{"header is an array", encode(`["RS256"]`) + "." + rest, "malformed_token"},
		{"header without alg", encode(`{"kid":"k1"}`) + "." + rest, "malformed_token"},
	} {
		t.Run(tc.name, func(t *testing.T) { s.want(t, tc.raw, tc.want) })
	}
	if got := s.Requests(); got != (idtokentest.Requests{}) {
		t.Errorf("malformed tokens led to requests: %+v", got)
	}
}

// loose sets bits of the last character of raw that stand for nothing: a
// signature of 256 bytes leaves four of them.
func loose(raw string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	last := strings.IndexByte(alphabet, raw[len(raw)-1])
	return raw[:len(raw)-1] + string(alphabet[last|1])
}

func TestHeader(t *testing.T) {
	s := newSite(t)
	k, payload := s.Key(), marshal(t, s.claims())
	for _, tc := range []struct{ name, header, want string }{
		{"A16 crit of a claim", `{"alg":"RS256","kid":"k1","crit":["exp"]}`, "crit_unsupported"},
		{"A16 crit of b64", `{"alg":"RS256","kid":"k1","crit":["b64"],"b64":false}`, "crit_unsupported"},
		{"A16 empty crit", `{"alg":"RS256","kid":"k1","crit":[]}`, "crit_unsupported"},
		{"b64 without crit", `{"alg":"RS256","kid":"k1","b64":false}`, "malformed_token"},
		{"A21 alg twice", `{"alg":"RS256","alg":"none","kid":"k1"}`, "malformed_token"},
		{"A26 access token", `{"alg":"RS256","kid":"k1","typ":"at+jwt"}`, "typ_not_allowed"},
		{"A26 logout token", `{"alg":"RS256","kid":"k1","typ":"logout+jwt"}`, "typ_not_allowed"},
		{"A26 security event", `{"alg":"RS256","kid":"k1","typ":"secevent+jwt"}`, "typ_not_allowed"},
		{"A26 proof of possession", `{"alg":"RS256","kid":"k1","typ":"dpop+jwt"}`, "typ_not_allowed"},
		{"A26 JOSE", `{"alg":"RS256","kid":"k1","typ":"JOSE"}`, "typ_not_allowed"},
		{"A26 null", `{"alg":"RS256","kid":"k1","typ":null}`, "typ_not_allowed"},
		{"C07 one of ours", `{"alg":"RS256","kid":"k1","typ":"wif+at"}`, "typ_not_allowed"},
		{"A27 compressed", `{"alg":"RS256","kid":"k1","zip":"DEF"}`, "malformed_token"},
		{"A27 encrypted", `{"alg":"RS256","kid":"k1","enc":"A128GCM"}`, "malformed_token"},
		{"A27 nested", `{"alg":"RS256","kid":"k1","cty":"JWT"}`, "malformed_token"},
		{"A19 no kid, two keys", `{"alg":"RS256"}`, "kid_missing"},
		{"kid a number", `{"alg":"RS256","kid":1}`, "malformed_token"},
		{"kid of 1 KiB", `{"alg":"RS256","kid":"` + strings.Repeat("k", 1024) + `"}`, "malformed_token"},
		{"alg a number", `{"alg":256,"kid":"k1"}`, "malformed_token"},
		{"unknown alg", `{"alg":"RS1","kid":"k1"}`, "alg_not_allowed"},
		{"alg in small letters", `{"alg":"rs256","kid":"k1"}`, "alg_not_allowed"},
	} {
		t.Run(tc.name, func(t *testing.T) { s.want(t, k.SignBytes(t, []byte(tc.header), payload), tc.want) })
	}
}

func TestAlgorithm(t *testing.T) {
	s := newSite(t)
	k1, ec := s.Key(), idtokentest.NewEC(t, "kEC")
	s.Publish(append(s.Published(), ec.JWK())...)
	claims := s.claims()
	payload := marshal(t, claims)
	as := func(alg string) idtokentest.Key { k := k1; k.Algorithm = alg; return k }
	hs := []byte(`{"alg":"HS256","kid":"k1","typ":"JWT"}`)
	public := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: must(x509.MarshalPKIXPublicKey(k1.Private.Public()))(t)})
	for _, tc := range []struct{ name, raw, want string }{
		{"A04 none", idtokentest.Unsigned(t, "none", claims), "alg_not_allowed"},
		{"A04 None", idtokentest.Unsigned(t, "None", claims), "alg_not_allowed"},
		{"A04 nOnE", idtokentest.Unsigned(t, "nOnE", claims), "alg_not_allowed"},
		{"A04 RS256 without signature", unsigned(`{"alg":"RS256","kid":"k1"}`, payload), "signature_invalid"},
		{"A05 HMAC with the key in PEM form", idtokentest.HMAC(hs, payload, public), "alg_not_allowed"},
		{"A05 HMAC with the JWK", idtokentest.HMAC(hs, payload, marshal(t, k1.JWK())), "alg_not_allowed"},
		{"A06 RS384 with a key for RS256", as("RS384").Sign(t, claims), "alg_not_allowed"},
		{"A06 PS256 with a key for RS256", as("PS256").Sign(t, claims), "alg_not_allowed"},
		{"A07 ES256 with an RSA key", ec.SignBytes(t, []byte(`{"alg":"ES256","kid":"k1"}`), payload), "key_unusable"},
		{"A08 RS256 with an EC key", k1.SignBytes(t, []byte(`{"alg":"RS256","kid":"kEC"}`), payload), "key_unusable"},
		{"GitLab never signs ES256", ec.Sign(t, claims), "alg_not_allowed"},
	} {
		t.Run(tc.name, func(t *testing.T) { s.want(t, tc.raw, tc.want) })
	}
}

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

func TestSignature(t *testing.T) {
	s := newSite(t)
	good := s.token(t)
	parts := strings.Split(good, ".")
	sig := must(decodeBytes(parts[2]))(t)
	signed := func(b []byte) string {
		return parts[0] + "." + parts[1] + "." + base64.RawURLEncoding.EncodeToString(b)
	}
	// A flip that keeps the part valid: "JWT" becomes "jWT", "push" is another word.
	flip := func(part int, from, to string) string {
		p := []string{parts[0], parts[1], parts[2]}
		p[part] = encode(strings.Replace(string(must(decodeBytes(p[part]))(t)), from, to, 1))
		return strings.Join(p, ".")
	}
	bit := append([]byte{}, sig...)
	bit[100] ^= 1
	public := s.Key().Private.Public().(*rsa.PublicKey)
	for _, tc := range []struct{ name, raw string }{
		{"A09 payload", flip(1, "my-group/app", "my-group/apq")},
		{"A09 payload that is no JSON any more", flip(1, "{", "[")},
		{"A09 header", flip(0, "JWT", "jWT")},
		{"A09 signature", signed(bit)},
		{"A10 cut short", signed(sig[:len(sig)-1])},
		{"A10 a zero before", signed(append([]byte{0}, sig...))},
		{"A10 zeros", signed(make([]byte, len(sig)))},
		{"A10 ones", signed(bytes.Repeat([]byte{0xff}, len(sig)))},
		{"A10 the modulus", signed(public.N.Bytes())},
		{"A11 a cube root of a padded hash", signed(forged(len(sig)))},
		{"by a key that goes by the same name", idtokentest.NewRSA(t, "k1").Sign(t, s.claims())},
	} {
		t.Run(tc.name, func(t *testing.T) { s.want(t, tc.raw, "signature_invalid") })
	}
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

func TestPayload(t *testing.T) {
	s := newSite(t)
	k := s.Key()
	header := []byte(`{"alg":"RS256","kid":"k1","typ":"JWT"}`)
	good := string(marshal(t, s.claims()))
	for _, tc := range []struct{ name, payload string }{
		{"A22 sub twice", `{"sub":"x",` + good[1:]},
		{"A22 aud twice", `{"aud":"x",` + good[1:]},
		{"A22 project_path twice", `{"project_path":"evil/app",` + good[1:]},
		{"A22 a name twice, nested", `{"job_config":{"url":"a","url":"b"},` + good[1:]},
		{"A24 null", `null`},
		{"A24 array", `[]`},
		{"A24 string", `"x"`},
		{"A24 empty object", `{}`},
		{"A24 trailing garbage", good + "garbage"},
		{"A24 byte order mark", "\ufeff" + good},
		{"A24 invalid UTF-8 in sub", strings.Replace(good, `"sub":"project_path`, "\"sub\":\"\xffproject_path", 1)},
		{"A24 lone surrogate", strings.Replace(good, `"sub":"project_path`, `"sub":"\ud800project_path`, 1)},
		{"A28 iss an array", strings.Replace(good, `"iss":"`+s.URL()+`"`, `"iss":["`+s.URL()+`"]`, 1)},
		{"A28 sub a number", strings.Replace(good, `"sub":"`, `"sub":1,"x":"`, 1)},
		{"A28 Sub beside no sub", strings.Replace(good, `"sub":`, `"Sub":`, 1)},
		{"A28 project_id a number", strings.Replace(good, `"project_id":"20"`, `"project_id":20`, 1)},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if tc.payload == good {
				t.Fatal("the payload is the good one")
			}
			s.want(t, k.SignBytes(t, header, []byte(tc.payload)), "claims_malformed")
		})
	}
}

func TestIssuer(t *testing.T) {
	s := newSite(t)
	other := idtokentest.New(t, s.clock.now)
	host := strings.TrimPrefix(s.URL(), "https://")
	for _, tc := range []struct{ name, iss string }{
		{"I01 slash behind", s.URL() + "/"},
		{"I01 http", "http://" + host},
		{"I01 capitals", strings.ToUpper(s.URL())},
		{"I01 usual port", s.URL() + ":443"},
		{"I01 user", "https://u@" + host},
		{"I01 bare host, as CI_JOB_JWT has it", host},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s.want(t, s.Key().Sign(t, idtokentest.With(s.claims(), map[string]any{"iss": tc.iss})), "issuer_mismatch")
		})
	}
	t.Run("I02 signed by the other issuer", func(t *testing.T) {
		s.want(t, other.Key().Sign(t, idtokentest.With(s.claims(), map[string]any{"iss": other.URL()})), "issuer_mismatch")
	})
	if got := s.Requests(); got != (idtokentest.Requests{}) {
		t.Errorf("tokens of other issuers led to requests: %+v", got)
	}
	if got := other.Requests(); got != (idtokentest.Requests{}) {
		t.Errorf("an unverified iss led to requests: %+v", got)
	}
}

func TestLoginToken(t *testing.T) {
	s := newSite(t)
	login := idtokentest.NewRSA(t, "kSignIn")
	s.Publish(append(s.Published(), login.JWK())...)
	now := s.clock.now().Unix()
	claims := map[string]any{
		"iss": s.URL(), "aud": ours, "sub": "1", "jti": "a", "iat": now, "nbf": now, "exp": now + 120, "auth_time": now,
		"name": "Sample", "email": "sample@example.com", "email_verified": true, "groups_direct": []string{"my-group"},
	}
	t.Run("C01 sign-in token with our audience", func(t *testing.T) { s.want(t, login.Sign(t, claims), "not_a_job_token") })
	t.Run("C01 sign-in token by the job key", func(t *testing.T) { s.want(t, s.Key().Sign(t, claims), "not_a_job_token") })
	t.Run("C02 names that look like claims", func(t *testing.T) {
		s.want(t, login.Sign(t, idtokentest.With(claims, map[string]any{
			"name": "project_path:my-group/app:ref_type:branch:ref:main", "groups_direct": []string{"project_path:my-group/app"},
			"sub": "project_path:my-group/app:ref_type:branch:ref:main",
		})), "not_a_job_token")
	})
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

func encode(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }

func unsigned(header string, payload []byte) string {
	return encode(header) + "." + encode(string(payload)) + "."
}

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
