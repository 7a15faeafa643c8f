package difftest

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
)

// payloads are signed texts that are no proper claims.
func (k *kit) payloads(t *testing.T) []token {
	good := text(t, k.claims(nil))
	var all []token
	add := func(name, payload, want string, differs ...[]difference) {
		all = append(all, token{name: "payload: " + name, raw: k.payload(t, payload), want: want, differs: slices.Concat(differs...)})
	}
	add("spaces around", " \n"+good+"\t ", "")
	add("unknown claims", `{"x":[{"a":null},true,1.5e300,"ü"],`+good[1:], "")
	add("an escaped NUL in a claim that says nothing", `{"x":"a\u0000b",`+good[1:], "")
	add("sub twice", `{"sub":"x",`+good[1:], "claims_malformed", but(whyTwice, golang, jwx))
	add("aud twice, the good one last", `{"aud":"x",`+good[1:], "claims_malformed", but(whyTwice, golang, jwx))
	add("exp twice, the good one last", `{"exp":1,`+good[1:], "claims_malformed", but(whyTwice, golang, jwx))
	add("exp twice, the good one first", good[:len(good)-1]+`,"exp":1}`, "claims_malformed")
	add("a name twice by an escape", `{"s\u0075b":"x",`+good[1:], "claims_malformed", but(whyTwice, golang, jwx))
	add("a name twice, nested", `{"x":{"a":1,"a":2},`+good[1:], "claims_malformed", but(whyTwice, everyone...))
	add("Sub beside sub", `{"Sub":"x",`+good[1:], "")
	add("EXP behind exp", good[:len(good)-1]+`,"EXP":1}`, "")
	add("AUD behind aud", good[:len(good)-1]+`,"AUD":"x"}`, "")
	add("empty", ``, "malformed_token")
	add("null", `null`, "claims_malformed")
	add("an array", `[]`, "claims_malformed")
	add("a string", `"x"`, "claims_malformed")
	add("an empty object", `{}`, "claims_malformed")
	add("something behind", good+"garbage", "claims_malformed", but(whyBehind, jwx))
	add("another object behind", good+good, "claims_malformed", but(whyBehind, jwx))
	add("NUL behind", good+"\x00", "claims_malformed", but(whyBehind, jwx))
	add("byte order mark", "\ufeff"+good, "claims_malformed")
	add("not UTF-8", "{\"x\":\"\xff\","+good[1:], "claims_malformed", but(whyText, everyone...))
	add("a surrogate in UTF-8", "{\"x\":\"\xed\xa0\x80\","+good[1:], "claims_malformed", but(whyText, everyone...))
	add("lone surrogate", `{"x":"\ud800",`+good[1:], "claims_malformed", but(whyText, everyone...))
	add("control character in a string", "{\"x\":\"\n\","+good[1:], "claims_malformed")
	add("trailing comma", good[:len(good)-1]+",}", "claims_malformed")
	add("a comment", "/**/"+good, "claims_malformed")
	add("a number with a leading zero", `{"x":01,`+good[1:], "claims_malformed")
	add("NaN", `{"x":NaN,`+good[1:], "claims_malformed")
	add("cut short", good[:len(good)-1], "claims_malformed")
	add("nested 100 deep", `{"x":`+strings.Repeat("[", 100)+strings.Repeat("]", 100)+`,`+good[1:], "claims_malformed", but(whyDeep, everyone...))
	add("encoded twice", encode(good), "claims_malformed")
	return all
}

// dates are good tokens but for one date.
func (k *kit) dates(t *testing.T) []token {
	now := noon.Unix()
	var all []token
	add := func(claim, name, value, want string, differs ...[]difference) {
		all = append(all, token{name: claim + ": " + name, raw: k.spelled(t, claim, value), want: want, differs: slices.Concat(differs...)})
	}
	at := func(d int64) string { return text(t, now+d) }
	add("exp", "a second ago, within the leeway", at(-1), "")
	add("exp", "29 s ago", at(-29), "")
	add("exp", "30 s ago", at(-30), "expired", but(whyEnd, jose))
	add("exp", "31 s ago", at(-31), "expired")
	add("exp", "null", `null`, "claims_malformed", but(whyNumber, jose))
	add("exp", "zero", `0`, "expired")
	add("exp", "negative", `-1`, "expired")
	add("exp", "in quotes", `"`+at(3600)+`"`, "claims_malformed", but(whyNumber, jwx))
	add("exp", "a fraction", at(3600)+".5", "")
	add("exp", "1e300", `1e300`, "claims_malformed")
	add("exp", "with an exponent", `1.7684784e9`, "claims_malformed", but(whyExponent, everyone...))
	add("exp", "beyond 64 bits", `9223372036854775808`, "claims_malformed")
	add("exp", "-2^63", `-9223372036854775808`, "claims_malformed")
	add("exp", "of 400 digits", strings.Repeat("9", 400), "claims_malformed")
	add("exp", "year 10000", `253402300800`, "claims_malformed", but(whyFar, everyone...))
	add("exp", "true", `true`, "claims_malformed")
	add("exp", "an array", `[`+at(3600)+`]`, "claims_malformed")
	add("exp", "an object", `{"n":1}`, "claims_malformed")
	add("exp", "a date in words", `"2026-01-15T13:00:00Z"`, "claims_malformed", but(whyNumber, jwx))
	add("exp", "in two days", at(48*3600), "lifetime_too_long", but(whyLifetime, everyone...))
	add("nbf", "30 s ahead", at(30), "")
	add("nbf", "31 s ahead", at(31), "not_yet_valid")
	add("nbf", "a day ahead", at(86400), "not_yet_valid")
	add("nbf", "a fraction, 30.9 s ahead", at(30)+".9", "")
	add("nbf", "in quotes", `"`+at(0)+`"`, "claims_malformed", but(whyNumber, jwx))
	add("nbf", "1e300", `1e300`, "claims_malformed", but(whyExponent, golang))
	add("nbf", "null", `null`, "claims_malformed", but(whyNumber, jose))
	add("nbf", "negative", `-5`, "", but(whyPast, jwx))
	add("iat", "30 s ahead", at(30), "")
	add("iat", "31 s ahead", at(31), "issued_in_future")
	add("iat", "a day ago", at(-86400), "lifetime_too_long", but(whyLifetime, everyone...))
	add("iat", "behind the end", at(7200), "claims_malformed")
	add("iat", "in quotes", `"`+at(0)+`"`, "claims_malformed", but(whyNumber, jwx))
	add("iat", "null", `null`, "claims_malformed", but(whyNumber, jose))
	for claim, differs := range map[string][]difference{"exp": but(whyDated, jose), "nbf": but(whyDated, everyone...), "iat": but(whyDated, everyone...)} {
		all = append(all, token{name: claim + ": missing", raw: k.with(t, map[string]any{claim: nil}), want: "claims_malformed", differs: differs})
	}
	return all
}

// names are good tokens but for iss, aud, sub or jti.
func (k *kit) names(t *testing.T) []token {
	url := k.issuer.URL()
	var all []token
	add := func(claim, name, value, want string, differs ...[]difference) {
		all = append(all, token{name: claim + ": " + name, raw: k.spelled(t, claim, value), want: want, differs: slices.Concat(differs...)})
	}
	quoted := func(s string) string { b, _ := json.Marshal(s); return string(b) }
	add("iss", "with a slash behind", quoted(url+"/"), "issuer_mismatch")
	add("iss", "in capitals", quoted(strings.ToUpper(url)), "issuer_mismatch")
	add("iss", "by http", quoted(strings.Replace(url, "https", "http", 1)), "issuer_mismatch")
	add("iss", "with a NUL", `"`+url+`\u0000"`, "issuer_mismatch")
	add("iss", "an array", `[`+quoted(url)+`]`, "claims_malformed")
	add("iss", "null", `null`, "claims_malformed")
	add("iss", "empty", `""`, "claims_malformed")
	add("aud", "an array of ours", `[`+quoted(audience)+`]`, "")
	add("aud", "ours and another", `[`+quoted(audience)+`,"vault"]`, "audience_multiple", but(whyAudience, everyone...))
	add("aud", "another", `"vault"`, "audience_mismatch")
	add("aud", "a slash behind", quoted(audience+"/"), "audience_mismatch")
	add("aud", "in capitals", quoted(strings.ToUpper(audience)), "audience_mismatch")
	add("aud", "a part", quoted(audience[:20]), "audience_mismatch")
	add("aud", "with a NUL", `"`+audience+`\u0000"`, "audience_mismatch")
	add("aud", "empty", `""`, "audience_missing")
	add("aud", "an empty array", `[]`, "audience_missing")
	add("aud", "an array of an empty one", `[""]`, "audience_missing")
	add("aud", "null", `null`, "claims_malformed")
	add("aud", "a number", `5`, "claims_malformed")
	add("aud", "true", `true`, "claims_malformed")
	add("aud", "an object", `{"0":`+quoted(audience)+`}`, "claims_malformed")
	add("aud", "ours and a number", `[`+quoted(audience)+`,5]`, "claims_malformed")
	add("aud", "an array in an array", `[[`+quoted(audience)+`]]`, "claims_malformed")
	add("sub", "a number", `1`, "claims_malformed", but(whySubject, golang))
	add("sub", "null", `null`, "claims_malformed", but(whySubject, everyone...))
	add("sub", "empty", `""`, "claims_malformed", but(whySubject, everyone...))
	add("sub", "an array", `["x"]`, "claims_malformed", but(whySubject, golang))
	add("sub", "of 2 KiB", quoted(strings.Repeat("x", 2048)), "claims_malformed", but(whySubject, everyone...))
	add("jti", "a number", `1`, "claims_malformed", but(whyTokenID, golang))
	add("jti", "empty", `""`, "claims_malformed", but(whyTokenID, everyone...))
	add("jti", "of 1 KiB", quoted(strings.Repeat("x", 1024)), "claims_malformed", but(whyTokenID, everyone...))
	for _, claim := range []struct {
		name, want string
		differs    []difference
	}{
		{"iss", "claims_malformed", nil},
		{"aud", "audience_missing", nil},
		{"sub", "claims_malformed", but(whySubject, everyone...)},
		{"jti", "claims_malformed", but(whyTokenID, everyone...)},
	} {
		all = append(all, token{name: claim.name + ": missing", raw: k.with(t, map[string]any{claim.name: nil}), want: claim.want, differs: claim.differs})
	}
	return all
}
