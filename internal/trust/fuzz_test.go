package trust_test

import (
	"encoding/json"
	"math/big"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"slipway"
	"slipway/internal/idtokentest"
	"slipway/internal/trust"
)

// FuzzClaims decodes a job's claims of which one is as it pleases; without a
// name, value is the whole payload. What is taken for claims has the strings
// and the audience that the standard library reads, dates that are the floor
// of the numbers as exact fractions, and comes back the same from JSON; a
// decision on it explains itself.
func FuzzClaims(f *testing.F) {
	for _, s := range [][2]string{
		{"x", `[null,true,{"\u00fc":"\u0000"}]`},
		{"aud", `["a","b"]`},
		{"exp", `-1.5`},
		{"iat", `1768478390.9`},
		{"nbf", `1e9`},
		{"exp", `99999999999999999999`},
		{"project_id", `20`},
		{"sub", `"project_id:20:ref:main"`},
		{"ref_path", `"refs/tags/main"`},
		{"jti", `"a","jti":"b"`},
		{"", `{"iss":"a","sub":"b","jti":"c","exp":1,"nbf":2,"iat":3.0}`},
		{"", `[]`},
	} {
		f.Add(s[0], []byte(s[1]))
	}
	m, err := trust.Compile(pushes())
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, name string, value []byte) {
		data := value
		if name != "" {
			data = spliced(t, name, value)
		}
		all, err := trust.ParseObject(data)
		if err != nil {
			return
		}
		c, err := trust.ReadClaims(all, "RS256")
		if err != nil {
			return
		}
		var std struct {
			ISS string          `json:"iss"`
			Sub string          `json:"sub"`
			JTI string          `json:"jti"`
			Aud json.RawMessage `json:"aud"`
			Exp json.Number     `json:"exp"`
			NBF json.Number     `json:"nbf"`
			IAT json.Number     `json:"iat"`
		}
		again, err := json.Marshal(all) // by its exact names: encoding/json takes Sub for sub
		if err != nil {
			t.Fatal(err)
		}
		exact := map[string]json.RawMessage{}
		if err := json.Unmarshal(again, &exact); err != nil {
			t.Fatal(err)
		}
		for name, to := range map[string]any{"iss": &std.ISS, "sub": &std.Sub, "jti": &std.JTI, "exp": &std.Exp, "nbf": &std.NBF, "iat": &std.IAT} {
			if err := json.Unmarshal(exact[name], to); err != nil {
				t.Fatalf("%s of %q: %v", name, data, err)
			}
		}
		if c.Issuer != std.ISS || c.Subject != std.Sub || c.ID != std.JTI || c.Issuer == "" || c.Subject == "" || c.ID == "" {
			t.Fatalf("%q: read as iss %q, sub %q, jti %q", data, c.Issuer, c.Subject, c.ID)
		}
		wantFloor(t, std.Exp, c.Expires)
		wantFloor(t, std.NBF, c.NotBefore)
		wantFloor(t, std.IAT, c.IssuedAt)
		if list, err := json.Marshal(c.Audience); err != nil || !sameAudience(exact["aud"], list) {
			t.Fatalf("aud %s was read as %s", exact["aud"], list)
		}
		if diff := cmp.Diff(all, c.All()); diff != "" {
			t.Fatalf("claims changed:\n%s", diff)
		}
		wantExplained(t, m.Decide(c, noon))
	})
}

// spliced returns a job's claims as JSON in which name has the value as it
// stands.
func spliced(t *testing.T, name string, value []byte) []byte {
	t.Helper()
	rest, err := json.Marshal(idtokentest.With(job(idtokentest.Job{}), map[string]any{name: nil}))
	if err != nil {
		t.Fatal(err)
	}
	key, err := json.Marshal(name)
	if err != nil {
		t.Fatal(err)
	}
	return slices.Concat([]byte("{"), key, []byte(":"), value, []byte(","), rest[1:])
}

// wantFloor fails the test unless got is n seconds, rounded down.
func wantFloor(t *testing.T, n json.Number, got time.Time) {
	t.Helper()
	exact, ok := new(big.Rat).SetString(n.String())
	if !ok {
		t.Fatalf("%q is no number", n)
	}
	low := new(big.Rat).SetInt64(got.Unix())
	high := new(big.Rat).SetInt64(got.Unix() + 1)
	if got.Nanosecond() != 0 || exact.Cmp(low) < 0 || exact.Cmp(high) >= 0 {
		t.Fatalf("%s was read as %d", n, got.Unix())
	}
}

// sameAudience compares aud as it stands with the list that was read.
func sameAudience(aud json.RawMessage, list []byte) bool {
	switch {
	case aud == nil:
		return string(list) == "null"
	case aud[0] == '"':
		return string(list) == "["+string(aud)+"]"
	}
	return string(list) == string(aud)
}

// wantExplained fails the test unless d is the outcome of its own checks.
func wantExplained(t *testing.T, d trust.Decision) {
	t.Helper()
	first := ""
	for _, c := range d.Checks {
		if c.OK != (c.Reason == "") || c.Name == "" || !c.OK && c.Advice == "" || len(c.Got) > 256 || !utf8.ValidString(c.Got) {
			t.Fatalf("check %+v", c)
		}
		if first == "" {
			first = c.Reason
		}
	}
	if d.Reason != first || d.Allowed != (first == "") || len(d.Checks) == 0 {
		t.Fatalf("decision %v for %q with first failed check %q", d.Allowed, d.Reason, first)
	}
}

// FuzzRefPattern holds branch patterns against refs. Whatever Compile takes
// means what a plain table of prefixes says: "*" is any characters or none.
func FuzzRefPattern(f *testing.F) {
	for _, s := range [][2]string{
		{"main", "main"},
		{"main", "main-evil"},
		{"release/*", "release/a/b"},
		{"*a*b*", "xaab"},
		{"a*a", "a"},
		{"**x", "x"},
		{"v*.*", "v1."},
		{"*é", "é"},
		{strings.Repeat("*a", 120), strings.Repeat("a", 200) + "b"},
	} {
		f.Add(s[0], s[1])
	}
	f.Fuzz(func(t *testing.T, pattern, ref string) {
		if len(ref) > 300 {
			return
		}
		m, err := trust.Compile(refs(slipway.RefRule{Type: slipway.Branch, Pattern: pattern}))
		if err != nil {
			if slipway.KindOf(err) != slipway.Invalid || slipway.MessageOf(err) == "" {
				t.Fatalf("Compile(%q): %v", pattern, err)
			}
			return
		}
		stored := m.Trust().GitLab.Refs[0].Pattern
		again := pushes()
		again.GitLab.Refs = m.Trust().GitLab.Refs
		if twice, err := trust.Normalize(again); err != nil || twice.GitLab.Refs[0].Pattern != stored {
			t.Fatalf("%q is stored as %q, and that as %+v, %v", pattern, stored, twice.GitLab, err)
		}
		claims, err := read(job(idtokentest.Job{Ref: ref}))
		if err != nil || ref == "" || !utf8.ValidString(ref) {
			return
		}
		want := stored == "" || covers(stored, ref)
		if got := outcome(t, m.Decide(claims, noon), "ref"); got != want {
			t.Fatalf("pattern %q, ref %q: %v, want %v", stored, ref, got, want)
		}
	})
}

// covers is what a pattern means, slowly: reach[i] says whether the pattern so
// far can end behind the first i bytes of s.
func covers(pattern, s string) bool {
	reach := make([]bool, len(s)+1)
	reach[0] = true
	for _, p := range []byte(pattern) {
		next := make([]bool, len(s)+1)
		for i := range next {
			if p == '*' {
				next[i] = reach[i] || i > 0 && next[i-1]
			} else {
				next[i] = i > 0 && reach[i-1] && s[i-1] == p
			}
		}
		reach = next
	}
	return reach[len(s)]
}

// outcome returns how the check of that name came out.
func outcome(t *testing.T, d trust.Decision, name string) bool {
	t.Helper()
	wantExplained(t, d)
	for _, c := range d.Checks {
		if c.Name == name {
			return c.OK
		}
	}
	t.Fatalf("the decision %q has no check %s", d.Reason, name)
	return false
}

// FuzzSubjectPattern holds subject patterns against subs. Whatever Compile
// takes matches a sub only if a regular expression made from its parts does,
// and nobody is let in whom the same sub spelled as claims would not show.
func FuzzSubjectPattern(f *testing.F) {
	for _, s := range [][3]string{
		{"project_path:my-group/app:*", "my-group/app", "main"},
		{"project_path:my-group/*", "my-group/sub/app", "main"},
		{"project_path:my-group/*:ref_type:*:ref:release/*", "my-group/app", "release/1"},
		{"project_path:My-Group/APP:ref_type:branch:ref:main", "my-group/app", "main"},
		{"project_path:my-group/app:ref:x", "my-group/app", "x:y"},
		{"project_id:20:*", "a/b", "main"},
	} {
		f.Add(s[0], s[1], s[2])
	}
	f.Fuzz(func(t *testing.T, pattern, project, ref string) {
		m, err := trust.Compile(only(pattern))
		if err != nil {
			if slipway.KindOf(err) != slipway.Invalid || slipway.MessageOf(err) == "" {
				t.Fatalf("Compile(%q): %v", pattern, err)
			}
			return
		}
		if !utf8.ValidString(project) || !utf8.ValidString(ref) || len(project)+len(ref) > 600 || project == "" || ref == "" {
			return
		}
		claims := job(idtokentest.Job{Project: project, Ref: ref})
		// The kit cleans the path up; the token shall say what was drawn.
		above, _ := cutPath(project)
		claims["project_path"], claims["namespace_path"] = project, above
		claims["sub"] = "project_path:" + project + ":ref_type:branch:ref:" + ref
		c, err := read(claims)
		if err != nil {
			t.Fatal(err)
		}
		d := m.Decide(c, noon)
		wantExplained(t, d)
		re := subjectExpression(m.Trust().SubjectPattern)
		if d.Allowed && !re.MatchString(c.Subject) {
			t.Fatalf("pattern %q let in sub %q", pattern, c.Subject)
		}
		for _, check := range d.Checks { // there unless a gate failed before
			if check.Name == "subject_pattern" && check.OK != re.MatchString(c.Subject) {
				t.Fatalf("pattern %q, sub %q: %v, want what %s says", pattern, c.Subject, check.OK, re)
			}
		}
		if d.Allowed {
			claims["project_path"], claims["namespace_path"] = "evil-"+project, "evil-"+above
			c, err := read(claims)
			if err != nil {
				t.Fatal(err)
			}
			if m.Decide(c, noon).Allowed {
				t.Fatalf("pattern %q let in a token whose claims and sub differ", pattern)
			}
		}
	})
}

func cutPath(path string) (above, name string) {
	i := strings.LastIndexByte(path, '/')
	if i < 0 {
		return "", path
	}
	return path[:i], path[i+1:]
}

// subjectExpression spells a pattern that Compile took as an expression: "*"
// ends a part, or at the very end everything; paths have no case.
func subjectExpression(pattern string) *regexp.Regexp {
	parts := strings.Split(pattern, ":")
	var b strings.Builder
	b.WriteString(`(?s)^`)
	for i, p := range parts {
		if i > 0 {
			b.WriteString(":")
		}
		head, star := strings.CutSuffix(p, "*")
		text := regexp.QuoteMeta(head)
		if i == 1 && parts[0] == "project_path" {
			text = foldASCII(head)
		}
		b.WriteString(text)
		switch {
		case !star:
		case i == len(parts)-1 && head == "":
			b.WriteString(`.*`)
		case i == len(parts)-1:
			b.WriteString(`[^:].*`) // it stands for something of its own part
		case head == "":
			b.WriteString(`[^:]*`)
		default:
			b.WriteString(`[^:]+`)
		}
	}
	b.WriteString(`$`)
	return regexp.MustCompile(b.String())
}

// foldASCII returns an expression for s in any case of its ASCII letters.
func foldASCII(s string) string {
	var b strings.Builder
	for _, r := range s {
		if r < utf8.RuneSelf && (r|0x20 >= 'a' && r|0x20 <= 'z') {
			b.WriteString("[" + string(r|0x20) + string(r&^0x20) + "]")
			continue
		}
		b.WriteString(regexp.QuoteMeta(string(r)))
	}
	return b.String()
}
