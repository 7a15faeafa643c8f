package trust_test

import (
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"slipway"
	"slipway/internal/idtokentest"
	"slipway/internal/trust"
)

// Generators of short names over few letters, so that near misses are frequent.
func names() *rapid.Generator[string] { return rapid.StringMatching(`[ab]{1,2}(-[ab])?`) }

func paths() *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		return strings.Join(rapid.SliceOfN(names(), 1, 3).Draw(t, "segments"), "/")
	})
}

func jobs() *rapid.Generator[idtokentest.Job] {
	return rapid.Custom(func(t *rapid.T) idtokentest.Job {
		return idtokentest.Job{
			Project: paths().Draw(t, "namespace") + "/" + names().Draw(t, "project"),
			RefType: rapid.SampledFrom([]string{"branch", "tag"}).Draw(t, "type"),
			Ref:     paths().Draw(t, "ref"),
		}
	})
}

func fields() *rapid.Generator[slipway.GitLabTrust] {
	return rapid.Custom(func(t *rapid.T) slipway.GitLabTrust {
		f := slipway.GitLabTrust{Group: paths().Draw(t, "group"), ExcludeSubgroups: rapid.Bool().Draw(t, "direct")}
		if rapid.Bool().Draw(t, "one project") {
			f.Project = names().Draw(t, "project")
		}
		for range rapid.IntRange(0, 2).Draw(t, "refs") {
			f.Refs = append(f.Refs, slipway.RefRule{
				Type:    rapid.SampledFrom([]slipway.RefType{slipway.Branch, slipway.Tag}).Draw(t, "type"),
				Pattern: rapid.SampledFrom([]string{"", "a", "b/*", "a*", "*-a", "a/b"}).Draw(t, "pattern"),
			})
		}
		return f
	})
}

// decide is reason for a rapid test.
func decide(t *rapid.T, config slipway.Trust, claims map[string]any) string {
	m, err := trust.Compile(config)
	if err != nil {
		t.Fatalf("Compile: %v", err)
	}
	c, err := read(claims)
	if err != nil {
		t.Fatalf("read claims: %v", err)
	}
	return m.Decide(c, noon).Reason
}

// TestFieldsMeanWhatTheySay compares decisions with a plain reading of the
// fields, by regular expressions, which the code does not use.
func TestFieldsMeanWhatTheySay(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f, j := fields().Draw(t, "fields"), jobs().Draw(t, "job")
		config := pushes()
		config.GitLab = &f
		path := "^" + regexp.QuoteMeta(f.Group) + "/"
		switch {
		case f.Project != "":
			path += regexp.QuoteMeta(f.Project) + "$"
		case f.ExcludeSubgroups:
			path += "[^/]+$"
		default:
			path += ".+$"
		}
		want := regexp.MustCompile(path).MatchString(j.Project)
		ok := len(f.Refs) == 0
		for _, r := range f.Refs {
			p := "^" + strings.ReplaceAll(regexp.QuoteMeta(r.Pattern), `\*`, ".*") + "$"
			ok = ok || string(r.Type) == j.RefType && (r.Pattern == "" || regexp.MustCompile(p).MatchString(j.Ref))
		}
		want = want && ok
		if got := decide(t, config, job(j)); (got == "") != want {
			t.Fatalf("reason %q, want allowed %v", got, want)
		}
	})
}

// TestPatternMeansTheFields holds what clients are told against the fields: a
// pattern sent back alone lets in exactly the same jobs, or it is refused.
func TestPatternMeansTheFields(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f, j := fields().Draw(t, "fields"), jobs().Draw(t, "job")
		config := pushes()
		config.GitLab = &f
		alone := only(trust.Pattern(config))
		if _, err := trust.Compile(alone); err != nil {
			return
		}
		byFields, byPattern := decide(t, config, job(j)), decide(t, alone, job(j))
		if (byFields == "") != (byPattern == "") {
			t.Fatalf("fields %q, pattern %q: %q", byFields, alone.SubjectPattern, byPattern)
		}
	})
}

// TestPatternsHaveFirmEnds tries patterns of all shapes: whatever is let in, no
// job is whose project merely begins like an allowed one, and none is beyond
// what the text of sub says.
func TestPatternsHaveFirmEnds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		j := jobs().Draw(t, "job")
		pattern := "project_path:" + rapid.StringMatching(`[ab](/[ab]){0,2}(/?\*)?`).Draw(t, "path") +
			rapid.SampledFrom([]string{"", ":*", ":ref_type:branch:*", ":ref_type:tag:ref:a", ":ref:a/*", ":ref:b*"}).Draw(t, "rest")
		config := only(pattern)
		if _, err := trust.Compile(config); err != nil {
			return
		}
		claims := job(j)
		if decide(t, config, claims) != "" {
			return
		}
		text := "^" + strings.ReplaceAll(regexp.QuoteMeta(pattern), `\*`, ".*") + "$"
		if !regexp.MustCompile(text).MatchString(claims["sub"].(string)) {
			t.Fatalf("pattern %q let in sub %q", pattern, claims["sub"])
		}
		evil := j
		evil.Project = strings.Replace(j.Project, "/", "-evil/", 1)
		if got := decide(t, config, job(evil)); got == "" {
			t.Fatalf("pattern %q let in %q as well as %q", pattern, evil.Project, j.Project)
		}
	})
}

// TestNothingWidens removes or garbles one claim at a time: a token that was
// refused is never let in by saying less.
func TestNothingWidens(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f, j := fields().Draw(t, "fields"), jobs().Draw(t, "job")
		config := pushes()
		config.GitLab = &f
		claims := job(j)
		if decide(t, config, claims) == "" {
			return
		}
		name := rapid.SampledFrom([]string{"project_path", "namespace_path", "ref", "ref_type", "ref_path", "sub", "aud", "project_id", "job_id"}).Draw(t, "claim")
		less := idtokentest.With(claims, map[string]any{name: nil})
		c, err := read(less)
		if err != nil {
			return
		}
		m, err := trust.Compile(config)
		if err != nil {
			t.Fatal(err)
		}
		if d := m.Decide(c, noon); d.Allowed {
			t.Fatalf("without %s the job is let in", name)
		}
	})
}
