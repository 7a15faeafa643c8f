package trust_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"slipway"
	"slipway/internal/idtokentest"
	"slipway/internal/trust"
)

// decision decides on claims at noon.
func decision(t *testing.T, config slipway.Trust, claims map[string]any) trust.Decision {
	t.Helper()
	m, err := trust.Compile(config)
	if err != nil {
		t.Fatal(err)
	}
	c, err := read(claims)
	if err != nil {
		t.Fatal(err)
	}
	return m.Decide(c, noon)
}

func TestDecisionNamesEveryCondition(t *testing.T) {
	d := decision(t, pushes(), job(idtokentest.Job{Project: "my-group/other", Ref: "dev"}))
	var names, failed []string
	for _, c := range d.Checks {
		names = append(names, c.Name)
		switch {
		case !c.OK && (c.Reason == "" || c.Advice == ""):
			t.Errorf("%s failed without reason or advice: %+v", c.Name, c)
		case c.OK && (c.Reason != "" || c.Advice != ""):
			t.Errorf("%s holds and has a reason or advice: %+v", c.Name, c)
		case !c.OK:
			failed = append(failed, c.Reason)
		}
		if c.Want == "" {
			t.Errorf("%s does not say what it wants", c.Name)
		}
	}
	want := []string{
		"expires", "issued_at", "not_before", "lifetime", "issuer", "algorithm", "audience",
		"claims", "token_class", "required_claims", "paths", "ref_path", "project_path", "ref_type", "ref", "fork", "pipeline_source", "subject",
	}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Errorf("checks (-want +got):\n%s", diff)
	}
	// The first one is the reason; the others save whoever mends it a second try.
	if diff := cmp.Diff([]string{"project_mismatch", "ref_mismatch"}, failed); diff != "" {
		t.Errorf("failed (-want +got):\n%s", diff)
	}
	if d.Reason != "project_mismatch" || d.Allowed {
		t.Errorf("Reason %q, Allowed %v", d.Reason, d.Allowed)
	}
}

func TestDecisionShowsWantAndGot(t *testing.T) {
	d := decision(t, refs(slipway.RefRule{Type: slipway.Branch, Pattern: "release/*"}), job(idtokentest.Job{Ref: "dev"}))
	for _, c := range d.Checks {
		if c.Name == "ref" {
			if c.Want != "branches release/*" || c.Got != "dev" {
				t.Errorf("ref wants %q and got %q", c.Want, c.Got)
			}
			return
		}
	}
	t.Error("no check of ref")
}

func TestDecisionStopsAtAnotherKindOfToken(t *testing.T) {
	d := decision(t, pushes(), idtokentest.With(job(idtokentest.Job{}), map[string]any{"job_id": nil}))
	if last := d.Checks[len(d.Checks)-1]; last.Name != "token_class" {
		t.Errorf("after %s the decision went on to %s", "token_class", last.Name)
	}
}

func TestDecisionTellsTheJob(t *testing.T) {
	want := slipway.Job{
		Issuer: gitlabURL, ProjectPath: "my-group/app", ProjectID: "20", Ref: "main", RefType: "branch",
		SHA: "714a629c0b401fdce83e847fc9589983fc6f46bc", PipelineID: "574", JobID: "302",
		UserLogin: "sample", UserEmail: "sample@example.com", Source: "push",
	}
	if diff := cmp.Diff(want, decision(t, pushes(), job(idtokentest.Job{})).Job); diff != "" {
		t.Errorf("Job (-want +got):\n%s", diff)
	}
}

func TestChecksAreShort(t *testing.T) {
	d := decision(t, anyRef("my-group", "app"), job(idtokentest.Job{Ref: strings.Repeat("ä", 400)}))
	for _, c := range d.Checks {
		if len(c.Got) > 256 || !utf8.ValidString(c.Got) {
			t.Errorf("%s got %d bytes: %q", c.Name, len(c.Got), c.Got)
		}
	}
	if !d.Allowed {
		t.Errorf("refused as %s", d.Reason)
	}
}

func TestOtherAlgorithm(t *testing.T) {
	m, err := trust.Compile(pushes())
	if err != nil {
		t.Fatal(err)
	}
	c, err := read(job(idtokentest.Job{}))
	if err != nil {
		t.Fatal(err)
	}
	for _, alg := range []string{"", "RS384", "PS256", "ES256", "EdDSA", "none", "rs256"} {
		c.Algorithm = alg
		if d := m.Decide(c, noon); d.Reason != "alg_not_allowed" {
			t.Errorf("a token signed with %q: reason %q, want alg_not_allowed", alg, d.Reason)
		}
	}
}

func TestZeroMatcherLetsNobodyIn(t *testing.T) {
	c, err := read(job(idtokentest.Job{}))
	if err != nil {
		t.Fatal(err)
	}
	var m trust.Matcher
	if d := m.Decide(c, noon); d.Allowed || d.Reason == "" {
		t.Errorf("the zero Matcher decided %+v", d)
	}
}
