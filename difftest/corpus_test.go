package difftest

import (
	"encoding/base64"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"slipway/internal/idtokentest"
)

// claims returns those of a good token, issued a minute ago, after changes; nil
// takes a claim out.
func (k *kit) claims(changes map[string]any) map[string]any {
	good := k.issuer.Claims(idtokentest.Job{Audience: audience})
	good["iat"], good["nbf"] = noon.Unix()-60, noon.Unix()-65
	return idtokentest.With(good, changes)
}

// good returns a token that all accept.
func (k *kit) good(t *testing.T) string { return k.rsa.Sign(t, k.claims(nil)) }

// with returns a signed token whose claims are changed.
func (k *kit) with(t *testing.T, changes map[string]any) string {
	return k.rsa.Sign(t, k.claims(changes))
}

// spelled returns a signed token in which the claim has the value as it stands.
func (k *kit) spelled(t *testing.T, name, value string) string {
	return k.payload(t, `{"`+name+`":`+value+`,`+text(t, k.claims(map[string]any{name: nil}))[1:])
}

// payload returns a token signed over that payload.
func (k *kit) payload(t *testing.T, payload string) string {
	return k.rsa.SignBytes(t, []byte(`{"alg":"RS256","kid":"k1","typ":"JWT"}`), []byte(payload))
}

// header returns a good token under that header.
func (k *kit) header(t *testing.T, header string) string {
	return k.rsa.SignBytes(t, []byte(header), []byte(text(t, k.claims(nil))))
}

func text(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func encode(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }

func decode(t *testing.T, s string) string {
	t.Helper()
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// forms are a good token, sent or spelled in another way.
func (k *kit) forms(t *testing.T) []token {
	good := k.good(t)
	part := strings.Split(good, ".")
	head, body, sig := part[0], part[1], part[2]
	join := func(p ...string) string { return strings.Join(p, ".") }
	// The last of 342 characters stands for four bits and four that say nothing.
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	loose := good[:len(good)-1] + string(alphabet[strings.IndexByte(alphabet, good[len(good)-1])|1])
	return []token{
		{name: "a good token", raw: good},
		{name: "empty", raw: "", want: "bad_request"},
		{name: "one space", raw: " ", want: "malformed_token"},
		{name: "no dots", raw: "abc", want: "malformed_token"},
		{name: "one dot", raw: join(head, body), want: "malformed_token"},
		{name: "dots alone", raw: "..", want: "malformed_token"},
		{name: "letters", raw: "a.b.c", want: "malformed_token"},
		{name: "four parts", raw: good + ".a", want: "malformed_token"},
		{name: "five parts, as if encrypted", raw: good + ".a.b", want: "malformed_token"},
		{name: "a dot behind", raw: good + ".", want: "malformed_token"},
		{name: "a dot before", raw: "." + good, want: "malformed_token"},
		{name: "padding of the header", raw: join(head+"=", body, sig), want: "malformed_token", differs: but(whySpelling, jwx)},
		{name: "padding of the payload", raw: join(head, body+"==", sig), want: "malformed_token"},
		{name: "padding of the signature", raw: join(head, body, sig+"=="), want: "malformed_token", differs: but(whySpelling, jwx)},
		{name: "standard alphabet", raw: join(head, body, "+/"+sig[2:]), want: "malformed_token"},
		{name: "line break within the payload", raw: join(head, body[:9]+"\n"+body[9:], sig), want: "malformed_token", differs: but(whySpelling, jose, jwx)},
		{name: "line break within the header", raw: join(head[:9]+"\n"+head[9:], body, sig), want: "malformed_token", differs: but(whySpelling, jose, jwx)},
		{name: "line break within the signature", raw: join(head, body, sig[:9]+"\n"+sig[9:]), want: "malformed_token", differs: but(whySpelling, everyone...)},
		{name: "carriage return within the signature", raw: join(head, body, sig[:9]+"\r"+sig[9:]), want: "malformed_token", differs: but(whySpelling, everyone...)},
		{name: "space within", raw: join(head, body[:9]+" "+body[9:], sig), want: "malformed_token"},
		{name: "space before", raw: " " + good, want: "malformed_token", differs: but(whySpelling, jwx)},
		{name: "space behind", raw: good + " ", want: "malformed_token", differs: but(whySpelling, jwx)},
		{name: "line break behind", raw: good + "\n", want: "malformed_token", differs: but(whySpelling, everyone...)},
		{name: "NUL behind", raw: good + "\x00", want: "malformed_token"},
		{name: "NUL within", raw: join(head, body[:9]+"\x00"+body[9:], sig), want: "malformed_token"},
		{name: "not UTF-8", raw: join(head, body, sig+"\xff"), want: "malformed_token"},
		{name: "bits behind the last byte", raw: loose, want: "malformed_token", differs: but(whySpelling, jose, jwx)},
		{name: "quotes around", raw: `"` + good + `"`, want: "malformed_token"},
		{name: "Bearer before", raw: "Bearer " + good, want: "malformed_token"},
		{name: "flattened JSON", raw: `{"protected":"` + head + `","payload":"` + body + `","signature":"` + sig + `"}`, want: "malformed_token"},
		{name: "general JSON", raw: `{"payload":"` + body + `","signatures":[{"protected":"` + head + `","signature":"` + sig + `"}]}`, want: "malformed_token"},
		{name: "detached payload", raw: join(head, "", sig), want: "malformed_token"},
		{name: "no header", raw: join("", body, sig), want: "malformed_token"},
		{name: "no signature", raw: join(head, body, ""), want: "signature_invalid"},
		{name: "16 KiB and more", raw: k.with(t, map[string]any{"x": strings.Repeat("a", 16<<10)}), want: "token_too_large", differs: but(whyBound, everyone...)},
		{name: "1 MiB of letters", raw: strings.Repeat("a", 1<<20), want: "token_too_large"},
		{name: "10,000 dots", raw: strings.Repeat(".", 10_000), want: "malformed_token"},
		{name: "header and payload exchanged", raw: join(body, head, sig), want: "malformed_token"},
	}
}

// headers are good tokens under other headers.
func (k *kit) headers(t *testing.T) []token {
	evil := text(t, k.evil.JWK())
	long := strings.Repeat("k", 1024)
	payload := []byte(text(t, k.claims(nil)))
	var all []token
	add := func(name, header, want string, differs ...[]difference) {
		all = append(all, token{name: "header: " + name, raw: k.header(t, header), want: want, differs: slices.Concat(differs...)})
	}
	add("no typ", `{"alg":"RS256","kid":"k1"}`, "")
	add("typ in small letters", `{"alg":"RS256","kid":"k1","typ":"jwt"}`, "")
	add("space around", " {\"alg\" : \"RS256\",\n\"kid\":\"k1\"} ", "", but(whySpace, jwx))
	add("unknown parameters", `{"alg":"RS256","kid":"k1","x-team":{"a":[1]}}`, "")
	add("kid by an escape", `{"alg":"RS256","kid":"\u006b1"}`, "")
	add("jku to elsewhere", `{"alg":"RS256","kid":"k1","jku":"https://evil.example.com/keys"}`, "")
	add("x5u to elsewhere", `{"alg":"RS256","kid":"k1","x5u":"https://evil.example.com/cert"}`, "")
	add("jwk of another, signed by the issuer", `{"alg":"RS256","kid":"k1","jwk":`+evil+`}`, "")
	add("x5c of nothing", `{"alg":"RS256","kid":"k1","x5c":["AA=="]}`, "malformed_token", but(whyChain, golang))
	add("crit of a claim", `{"alg":"RS256","kid":"k1","crit":["exp"]}`, "crit_unsupported", but(whyCritical, golang, jwx))
	add("crit of an extension that is there", `{"alg":"RS256","kid":"k1","crit":["x"],"x":1}`, "crit_unsupported", but(whyCritical, golang, jwx))
	add("crit of b64", `{"alg":"RS256","kid":"k1","crit":["b64"],"b64":false}`, "crit_unsupported", but(whyCritical, golang))
	add("crit of b64 that is true", `{"alg":"RS256","kid":"k1","crit":["b64"],"b64":true}`, "crit_unsupported", but(whyCritical, everyone...))
	add("crit of nothing", `{"alg":"RS256","kid":"k1","crit":[]}`, "crit_unsupported", but(whyCritical, everyone...))
	add("crit no list", `{"alg":"RS256","kid":"k1","crit":"exp"}`, "crit_unsupported", but(whyCritical, golang))
	add("b64 without crit", `{"alg":"RS256","kid":"k1","b64":false}`, "malformed_token", but(whyCritical, golang))
	add("alg twice", `{"alg":"RS256","alg":"none","kid":"k1"}`, "malformed_token", but(whyTwice, jwx))
	add("alg twice, the good one last", `{"alg":"none","alg":"RS256","kid":"k1"}`, "malformed_token", but(whyTwice, golang, jwx))
	add("kid twice", `{"alg":"RS256","kid":"free","kid":"k1"}`, "malformed_token", but(whyTwice, golang, jwx))
	add("typ twice", `{"alg":"RS256","kid":"k1","typ":"at+jwt","typ":"JWT"}`, "malformed_token", but(whyTwice, golang, jwx))
	add("a name twice, nested", `{"alg":"RS256","kid":"k1","x":{"a":1,"a":2}}`, "malformed_token", but(whyTwice, golang, jwx))
	add("Alg for alg", `{"Alg":"RS256","kid":"k1"}`, "malformed_token", but(whyNoAlg, jwx))
	add("KID for kid", `{"alg":"RS256","KID":"k1"}`, "kid_missing")
	add("alg twice in two spellings", `{"alg":"RS256","ALG":"none","kid":"k1"}`, "")
	add("no alg", `{"kid":"k1"}`, "malformed_token", but(whyNoAlg, jwx))
	add("alg a number", `{"alg":256,"kid":"k1"}`, "malformed_token")
	add("alg null", `{"alg":null,"kid":"k1"}`, "malformed_token")
	add("alg in small letters", `{"alg":"rs256","kid":"k1"}`, "alg_not_allowed")
	add("alg with a space", `{"alg":"RS256 ","kid":"k1"}`, "alg_not_allowed")
	add("alg unknown", `{"alg":"RS1","kid":"k1"}`, "alg_not_allowed")
	add("access token", `{"alg":"RS256","kid":"k1","typ":"at+jwt"}`, "typ_not_allowed", but(whyType, everyone...))
	add("logout token", `{"alg":"RS256","kid":"k1","typ":"logout+jwt"}`, "typ_not_allowed", but(whyType, everyone...))
	add("typ JOSE", `{"alg":"RS256","kid":"k1","typ":"JOSE"}`, "typ_not_allowed", but(whyType, everyone...))
	add("typ null", `{"alg":"RS256","kid":"k1","typ":null}`, "typ_not_allowed", but(whyType, everyone...))
	add("typ a number", `{"alg":"RS256","kid":"k1","typ":1}`, "typ_not_allowed", but(whyType, jose, golang))
	add("compressed", `{"alg":"RS256","kid":"k1","zip":"DEF"}`, "malformed_token", but(whyWrapped, everyone...))
	add("encrypted", `{"alg":"RS256","kid":"k1","enc":"A128GCM"}`, "malformed_token", but(whyWrapped, everyone...))
	add("nested", `{"alg":"RS256","kid":"k1","cty":"JWT"}`, "malformed_token", but(whyWrapped, everyone...))
	add("no kid, several keys", `{"alg":"RS256"}`, "kid_missing")
	add("kid empty", `{"alg":"RS256","kid":""}`, "kid_missing")
	add("kid null", `{"alg":"RS256","kid":null}`, "malformed_token")
	add("kid a number", `{"alg":"RS256","kid":1}`, "malformed_token")
	add("kid of another key", `{"alg":"RS256","kid":"free"}`, "signature_invalid")
	add("kid of no key", `{"alg":"RS256","kid":"k9"}`, "kid_unknown")
	add("kid with a path", `{"alg":"RS256","kid":"../../k1"}`, "kid_unknown")
	add("kid with a NUL", `{"alg":"RS256","kid":"k1\u0000"}`, "kid_unknown")
	add("kid of 1 KiB", `{"alg":"RS256","kid":"`+long+`"}`, "malformed_token")
	add("no JSON", `x`, "malformed_token")
	add("an array", `["RS256"]`, "malformed_token")
	add("null", `null`, "malformed_token")
	add("something behind", `{"alg":"RS256","kid":"k1"}x`, "malformed_token")
	add("another object behind", `{"alg":"RS256","kid":"k1"}{"alg":"none"}`, "malformed_token")
	add("byte order mark", "\ufeff"+`{"alg":"RS256","kid":"k1"}`, "malformed_token")
	add("not UTF-8", "{\"alg\":\"RS256\",\"kid\":\"k1\",\"x\":\"\xff\"}", "malformed_token", but(whyText, everyone...))
	add("lone surrogate", `{"alg":"RS256","kid":"k1","x":"\ud800"}`, "malformed_token", but(whyText, everyone...))
	add("trailing comma", `{"alg":"RS256","kid":"k1",}`, "malformed_token")
	add("nested 100 deep", `{"alg":"RS256","kid":"k1","x":`+strings.Repeat("[", 100)+strings.Repeat("]", 100)+`}`, "malformed_token", but(whyDeep, everyone...))
	return append(all,
		token{name: "header: own key in jwk, no kid", raw: k.evil.SignBytes(t, []byte(`{"alg":"RS256","jwk":`+evil+`}`), payload), want: "kid_missing"},
		token{name: "header: own key in jwk, kid of the issuer's", raw: k.evil.SignBytes(t, []byte(`{"alg":"RS256","kid":"k1","jwk":`+evil+`}`), payload), want: "signature_invalid"},
	)
}

// keySets are good tokens of issuers that publish strange keys.
func (k *kit) keySets(t *testing.T) []token {
	own := k.rsa.JWK()
	and := func(changes map[string]any) map[string]any {
		out := maps.Clone(own)
		for name, v := range changes {
			if out[name] = v; v == nil {
				delete(out, name)
			}
		}
		return out
	}
	good, noKid := k.good(t), k.header(t, `{"alg":"RS256"}`)
	small := idtokentest.NewRSABits(t, "small", 1024)
	twin := k.free
	twin.ID = "k1"
	return []token{
		{name: "keys: one, and the token names none", raw: noKid, keys: []any{own}, differs: but(whyOneKey, everyone...)},
		{name: "keys: one without kid, and the token names none", raw: noKid, keys: []any{and(map[string]any{"kid": nil})}, differs: but(whyOneKey, everyone...)},
		{name: "keys: two of one kid, the right one first", raw: good, keys: []any{own, twin.JWK()}},
		{name: "keys: two of one kid, the right one last", raw: good, keys: []any{twin.JWK(), own}, want: "signature_invalid"},
		{name: "keys: meant for encryption", raw: good, keys: []any{and(map[string]any{"use": "enc"})}, want: "key_unusable", differs: but(whyUse, jose, golang)},
		{name: "keys: key_ops without verify", raw: good, keys: []any{and(map[string]any{"use": nil, "key_ops": []string{"encrypt"}})}, want: "key_unusable", differs: but(whyUse, everyone...)},
		{name: "keys: alg of another family", raw: good, keys: []any{and(map[string]any{"alg": "ES256"})}, want: "key_unusable", differs: but(whyKeyAlg, jose)},
		{name: "keys: alg of another hash", raw: good, keys: []any{and(map[string]any{"alg": "RS512"})}, want: "alg_not_allowed", differs: but(whyKeyAlg, jose)},
		{name: "keys: no alg", raw: good, keys: []any{and(map[string]any{"alg": nil})}},
		{name: "keys: RSA of 1024 bits", raw: small.Sign(t, k.claims(nil)), keys: []any{small.JWK()}, want: "key_unusable", differs: but(whySmall, jose, golang)},
		{name: "keys: none", raw: good, keys: []any{}, want: "jwks_unavailable"},
		{name: "keys: junk beside the good one", raw: good, keys: []any{map[string]any{"kty": "XYZ", "kid": "x"}, own}, differs: but(whyJunk, everyone...)},
		{name: "keys: a private one", raw: good, keys: []any{and(map[string]any{"d": encode("secret")})}, want: "key_unusable", differs: but(whySecret, jwx)},
	}
}
