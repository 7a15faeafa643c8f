package idtoken_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"slipway/internal/idtoken"
	"slipway/internal/idtokentest"
)

// FuzzSigned signs whatever the header and one claim are, as a broken or a
// malicious issuer could; without a name, value is the whole payload. What is
// verified says the same to the standard library, is spelled in the one way
// that base64url has, names this issuer, and is not verified any more with one
// bit of it changed.
func FuzzSigned(f *testing.F) {
	s := newSite(f)
	k := idtokentest.NewEd(f, "ed") // a signature of it costs little
	s.Rotate(k)
	const head = `{"alg":"EdDSA","kid":"ed"}`
	for _, header := range []string{
		`{"alg":"EdDSA","kid":"ed","typ":"JWT"}`, `{"alg":"EdDSA"}`, `{"alg":"EdDSA","kid":"ed","jku":"https://evil.example.com"}`,
		`{"alg":"EdDSA","alg":"none","kid":"ed"}`, `{"alg":"EdDSA","kid":"ed","crit":["b64"],"b64":false}`, `{"ALG":"EdDSA","Kid":"ed"}`,
		`{"alg":"EdDSA","kid":"ed","zip":"DEF"}`, `{"alg":"RS256","kid":"k1"}`,
	} {
		f.Add([]byte(header), "x", []byte("1"), uint(0))
	}
	for name, value := range map[string]string{
		"x": `{"a":{"a":[1,2,"\ud83d\ude00"]}}`, "aud": `["a"]`, "exp": `1e300`, "iat": `-1.5`, "sub": `"a","sub":"b"`, "jti": `null`, "iss": `["x"]`,
	} {
		f.Add([]byte(head), name, []byte(value), uint(9))
	}
	for _, payload := range []string{`{}`, `[]`, `null`, "\ufeff{}", `{"a":1}{"a":2}`} {
		f.Add([]byte(head), "", []byte(payload), uint(2000))
	}
	f.Fuzz(func(t *testing.T, header []byte, name string, value []byte, bit uint) {
		payload := value
		if name != "" {
			payload = spliced(t, s.claims(), name, value)
		}
		raw := k.SignBytes(t, header, payload)
		claims, checks, err := s.verifier.Verify(context.Background(), s.URL(), raw)
		for _, c := range checks {
			if c.Name == "" || c.OK != (err == nil) || len(c.Got) > 256 {
				t.Fatalf("%s: check %+v", raw, c)
			}
		}
		if err != nil {
			if _, ok := errors.AsType[*idtoken.Refusal](err); !ok {
				t.Fatalf("%v is no Refusal", err)
			}
			return
		}
		var head struct{ Alg, Kid string }
		if err := json.Unmarshal(header, &head); err != nil || head.Alg != "EdDSA" || claims.Algorithm != "EdDSA" || head.Kid != "ed" {
			t.Fatalf("verified under header %q: %v", header, err)
		}
		d := json.NewDecoder(bytes.NewReader(payload))
		d.UseNumber()
		var want map[string]any
		if err := d.Decode(&want); err != nil {
			t.Fatalf("verified %q, which is no JSON: %v", payload, err)
		}
		if diff := cmp.Diff(want, claims.All()); diff != "" || claims.Issuer != s.URL() {
			t.Fatalf("%q (-encoding/json +ours):\n%s", payload, diff)
		}
		for i, part := range strings.Split(raw, ".") {
			b, err := base64.RawURLEncoding.DecodeString(part)
			if err != nil || base64.RawURLEncoding.EncodeToString(b) != part {
				t.Fatalf("part %d of %s does not come back when it is encoded again", i, raw)
			}
		}
		changed := []byte(raw)
		changed[bit/8%uint(len(changed))] ^= 1 << (bit % 8)
		if _, _, err := s.verifier.Verify(context.Background(), s.URL(), string(changed)); err == nil {
			t.Fatalf("verified %s, which was signed as %s", changed, raw)
		}
	})
}

// spliced returns claims as JSON in which name has the value as it stands.
func spliced(t *testing.T, claims map[string]any, name string, value []byte) []byte {
	t.Helper()
	rest := marshal(t, idtokentest.With(claims, map[string]any{name: nil}))
	return slices.Concat([]byte("{"), marshal(t, name), []byte(":"), value, []byte(","), rest[1:])
}
