package trust_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"slipway"
	"slipway/internal/trust"
)

// with returns the usual configuration after change.
func with(change func(*slipway.Trust)) slipway.Trust {
	t := pushes()
	change(&t)
	return t
}

func group(g string) slipway.Trust   { return with(func(t *slipway.Trust) { t.GitLab.Group = g }) }
func project(p string) slipway.Trust { return with(func(t *slipway.Trust) { t.GitLab.Project = p }) }
func issuer(u string) slipway.Trust  { return with(func(t *slipway.Trust) { t.Issuer = u }) }
func audience(list ...string) slipway.Trust {
	return with(func(t *slipway.Trust) { t.Audiences = list })
}
func ref(p string) slipway.Trust { return refs(slipway.RefRule{Type: slipway.Branch, Pattern: p}) }

func TestNormalize(t *testing.T) {
	for _, tc := range []struct {
		name     string
		in, want slipway.Trust
	}{
		{"as it stands", pushes(), pushes()},
		{"F01 spaces", group(" my-group "), group("my-group")},
		{"F01 slash behind", group("my-group/"), group("my-group")},
		{"F01 slash before", group("/my-group"), group("my-group")},
		{"F01 URL of the group", group(gitlabURL + "/my-group"), group("my-group")},
		{"F01 URL of a nested group", group("https://GitLab.example.com/top/sub/"), group("top/sub")},
		{"F01 project with spaces", project(" app/ "), project("app")},
		{"F03 slash behind the issuer", issuer(gitlabURL + "/"), pushes()},
		{"issuer with path", issuer("https://git.example.com/gitlab/"), issuer("https://git.example.com/gitlab")},
		{"issuer with port", issuer("https://git.example.com:8443"), issuer("https://git.example.com:8443")},
		{"audience with spaces and twice", audience(" "+ours, ours), audience(ours)},
		{"U08 the issuer as audience, as the guide has it", audience(gitlabURL), audience(gitlabURL)},
		{"F08 two audiences", audience(ours, "https://old.example.com"), audience(ours, "https://old.example.com")},
		{"refs twice", refs(slipway.RefRule{Type: slipway.Branch, Pattern: "main"}, slipway.RefRule{Type: slipway.Branch, Pattern: " main "}), ref("main")},
		{"pattern with spaces", only(" project_path:my-group/app:* "), only("project_path:my-group/app:*")},
		{"computed pattern sent back", with(func(t *slipway.Trust) { t.SubjectPattern = "project_path:my-group/app:ref_type:branch:ref:main" }), pushes()},
		{"another pattern beside the fields", with(func(t *slipway.Trust) { t.SubjectPattern = "project_path:my-group/*" }), with(func(t *slipway.Trust) { t.SubjectPattern = "project_path:my-group/*" })},
	} {
		t.Run(tc.name, func(t *testing.T) {
			before := pushes()
			got, err := trust.Normalize(tc.in)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("Normalize (-want +got):\n%s", diff)
			}
			again, err := trust.Normalize(got)
			if err != nil {
				t.Fatalf("Normalize again: %v", err)
			}
			if diff := cmp.Diff(got, again); diff != "" {
				t.Errorf("normalising again changed it (-once +twice):\n%s", diff)
			}
			if diff := cmp.Diff(before, pushes()); diff != "" {
				t.Errorf("shared state changed:\n%s", diff)
			}
		})
	}
}

// TestNormalizeLeavesItsArgument guards callers that keep what was written.
func TestNormalizeLeavesItsArgument(t *testing.T) {
	in := group(" my-group/ ")
	if _, err := trust.Normalize(in); err != nil {
		t.Fatal(err)
	}
	if in.GitLab.Group != " my-group/ " {
		t.Errorf("Normalize wrote %q into its argument", in.GitLab.Group)
	}
}

func TestCompileRefuses(t *testing.T) {
	many := make([]string, 11)
	for i := range many {
		many[i] = "https://a" + string(rune('a'+i)) + ".example.com"
	}
	for _, tc := range []struct {
		name, field, reason string
		in                  slipway.Trust
	}{
		{"nothing at all", "platform", "", slipway.Trust{}},
		{"GitHub", "platform", "", with(func(t *slipway.Trust) { t.Platform = "GITHUB" })},
		{"neither fields nor pattern", "gitlab.group", "", only("")},
		{"F03 http with slash", "issuer", "", issuer("http://gitlab.local/")},
		{"usual port", "issuer", "", issuer("https://gitlab.example.com:443")},
		{"audience with space", "audiences", "", audience("my app")},
		{"too many audiences", "audiences", "", audience(many...)},
		{"F02 any group", "gitlab.group", "", group("*")},
		{"F02 wildcard in group", "gitlab.group", "", group("my*")},
		{"F02 no group", "gitlab.group", "", group("")},
		{"F02 slashes for a group", "gitlab.group", "", group("//")},
		{"F02 dots", "gitlab.group", "", group("..")},
		{"F02 dots within", "gitlab.group", "", group("a/../b")},
		{"F02 empty segment", "gitlab.group", "", group("a//b")},
		{"F02 300 characters", "gitlab.group", "", group(strings.Repeat("g", 300))},
		{"F02 space within", "gitlab.group", "", group("my group")},
		{"F02 NUL", "gitlab.group", "", group("my\x00group")},
		{"F02 colon", "gitlab.group", "", group("my-group/app:ref_type:tag")},
		{"F02 too deep", "gitlab.group", "", group(strings.Repeat("g/", 20) + "g")},
		{"F01 URL of another host", "gitlab.group", "", group("https://gitlab.com/my-group")},
		{"wildcard in project", "gitlab.project", "", project("app*")},
		{"any project", "gitlab.project", "", project("*")},
		{"ref in long form", "gitlab.refs", "", ref("refs/heads/main")},
		{"ref with space", "gitlab.refs", "", ref("my branch")},
		{"ref with dots", "gitlab.refs", "", ref("a..b")},
		{"ref with other wildcards", "gitlab.refs", "", ref("release/[0-9]?")},
		{"ref too long", "gitlab.refs", "", ref(strings.Repeat("r", 256))},
		{"ref of no type", "gitlab.refs", "", refs(slipway.RefRule{Pattern: "main"})},
		{"ref of a merge request", "gitlab.refs", "", refs(slipway.RefRule{Type: "merge_request", Pattern: "main"})},
		{"lifetime below zero", "max_lifetime", "", with(func(t *slipway.Trust) { t.MaxLifetime = -time.Hour })},
		{"lifetime of a year", "max_lifetime", "", with(func(t *slipway.Trust) { t.MaxLifetime = 365 * 24 * time.Hour })},
		{"bad pattern beside good fields", "subject_pattern", "", with(func(t *slipway.Trust) { t.SubjectPattern = "*" })},
		{"merge requests of an unknown kind", "gitlab.merge_requests", "", asking(func(g *slipway.GitLabTrust) { g.MergeRequests = "yes" })},
		{"a source that is a sentence", "gitlab.sources", "", asking(func(g *slipway.GitLabTrust) { g.Sources = []string{"push, web"} })},
		{"merge requests as a source", "gitlab.sources", "", asking(func(g *slipway.GitLabTrust) { g.Sources = []string{"merge_request_event"} })},
		{"too many sources", "gitlab.sources", "", asking(func(g *slipway.GitLabTrust) { g.Sources = strings.Split("abcdefghijklmnopqrstu", "") })},
		{"every environment", "gitlab.environments", "", asking(func(g *slipway.GitLabTrust) { g.Environments = []string{"*"} })},
		{"an environment that GitLab cannot have", "gitlab.environments", "", asking(func(g *slipway.GitLabTrust) { g.Environments = []string{"a?b"} })},
		{"a protected environment of no name", "gitlab.environments", "", asking(func(g *slipway.GitLabTrust) { g.ProtectedEnvironment = true })},
		{"a runner of another kind", "gitlab.runner", "", asking(func(g *slipway.GitLabTrust) { g.Runner = "mine" })},
		{"a role that is none", "gitlab.access_level", "", asking(func(g *slipway.GitLabTrust) { g.AccessLevel = "emperor" })},
	} {
		t.Run(tc.name, func(t *testing.T) { wantRefused(t, tc.in, tc.field, tc.reason) })
	}
	for _, u := range place.Configurations() {
		t.Run(u.String(), func(t *testing.T) { wantRefused(t, u.Trust, u.Field, u.Reason) })
	}
}

func wantRefused(t *testing.T, in slipway.Trust, field, reason string) {
	t.Helper()
	m, err := trust.Compile(in)
	if err == nil {
		t.Fatalf("compiled %+v", m.Trust())
	}
	if k := slipway.KindOf(err); k != slipway.Invalid {
		t.Errorf("kind %v, want Invalid", k)
	}
	p, ok := errors.AsType[*trust.Problem](err)
	if !ok {
		t.Fatalf("%v names no field", err)
	}
	if p.Field != field || p.Reason != reason {
		t.Errorf("field %q with code %q, want %q with %q", p.Field, p.Reason, field, reason)
	}
	if got := trust.Sentence(in); !strings.HasPrefix(got, "Nobody may sign in: ") {
		t.Errorf("Sentence = %q", got)
	}
	if got := trust.Pattern(in); got != "" {
		t.Errorf("Pattern = %q", got)
	}
}

// asking returns the configuration of pushes with more asked of the job.
func asking(change func(*slipway.GitLabTrust)) slipway.Trust {
	t := pushes()
	change(t.GitLab)
	return t
}

func TestMergeRequests(t *testing.T) {
	branches := slipway.RefRule{Type: slipway.Branch}
	for _, tc := range []struct {
		name         string
		in           slipway.Trust
		letIn, every bool
	}{
		{"every branch and tag", anyRef("my-group", "app"), true, true},
		{"every branch", refs(branches), true, true},
		{"every tag", refs(slipway.RefRule{Type: slipway.Tag}), false, false},
		{"one branch", pushes(), false, false},
		{"one branch, let in", asking(func(g *slipway.GitLabTrust) { g.MergeRequests = slipway.MergeRequestsLetIn }), true, false},
		{"every branch, refused", asking(func(g *slipway.GitLabTrust) { g.Refs, g.MergeRequests = nil, slipway.MergeRequestsRefuse }), false, false},
		{"by pattern", only("project_path:my-group/app:*"), true, true},
		{"by pattern, one branch", only("project_path:my-group/app:ref_type:branch:ref:main"), false, false},
		{"nobody", audience(), false, false},
	} {
		letIn, every := trust.MergeRequests(tc.in)
		if letIn != tc.letIn || every != tc.every {
			t.Errorf("%s: let in %v, from every branch %v", tc.name, letIn, every)
		}
	}
}

func TestSentence(t *testing.T) {
	direct := anyRef("my-group", "")
	direct.GitLab.ExcludeSubgroups = true
	public := anyRef("my-group", "my-project")
	public.Issuer = "https://gitlab.com"
	list := refs(slipway.RefRule{Type: slipway.Branch, Pattern: "main"}, slipway.RefRule{Type: slipway.Branch, Pattern: "hotfix/*"}, slipway.RefRule{Type: slipway.Tag})
	both := pushes()
	both.SubjectPattern = "project_path:my-group/*"
	for _, tc := range []struct {
		in   slipway.Trust
		want string
	}{
		{public, "Any branch or tag of my-group/my-project on gitlab.com may sign in"},
		{pushes(), "Branch main of my-group/app on gitlab.example.com may sign in"},
		{list, "Branch main, branches hotfix/* or any tag of my-group/app on gitlab.example.com may sign in"},
		{anyRef("top/sub", ""), "Any branch or tag of every project in top/sub and its subgroups on gitlab.example.com may sign in"},
		{direct, "Any branch or tag of every project directly in my-group on gitlab.example.com may sign in"},
		{only("project_path:my-group/app:*"), "Any branch or tag of my-group/app on gitlab.example.com may sign in"},
		{only("project_path:my-group/*:ref_type:tag:*"), "Any tag of every project in my-group and its subgroups on gitlab.example.com may sign in"},
		{only("project_id:20:ref:main"), "Branch main or tag main of the project with id 20 on gitlab.example.com may sign in"},
		{both, "Branch main of my-group/app on gitlab.example.com may sign in, if it is also any branch or tag of every project in my-group and its subgroups"},
		{asking(func(g *slipway.GitLabTrust) { g.Protected = true }), "Branch main of my-group/app on gitlab.example.com may sign in, if the ref is protected"},
		{asking(func(g *slipway.GitLabTrust) {
			g.Environments, g.ProtectedEnvironment = []string{"production", "live/*"}, true
		}), "Branch main of my-group/app on gitlab.example.com may sign in, to deploy to the protected environment production or live/*"},
		{asking(func(g *slipway.GitLabTrust) {
			g.Sources, g.MergeRequests = []string{"web", "api"}, slipway.MergeRequestsLetIn
		}), "Branch main of my-group/app on gitlab.example.com may sign in, in pipelines by web or api, in merge requests from there too"},
		{asking(func(g *slipway.GitLabTrust) { g.Refs, g.MergeRequests = nil, slipway.MergeRequestsRefuse }), "Any branch or tag of my-group/app on gitlab.example.com may sign in, but not in merge requests"},
		{asking(func(g *slipway.GitLabTrust) { g.Runner, g.AccessLevel = "self-hosted", "maintainer" }), "Branch main of my-group/app on gitlab.example.com may sign in, on self-hosted runners, started by a maintainer or higher"},
	} {
		if got := trust.Sentence(tc.in); got != tc.want {
			t.Errorf("Sentence = %q\nwant       %q", got, tc.want)
		}
	}
}

func TestPattern(t *testing.T) {
	direct := anyRef("my-group", "")
	direct.GitLab.ExcludeSubgroups = true
	for _, tc := range []struct {
		name string
		in   slipway.Trust
		want string
	}{
		{"one branch", pushes(), "project_path:my-group/app:ref_type:branch:ref:main"},
		{"any ref of a project", anyRef("my-group", "app"), "project_path:my-group/app:*"},
		{"any tag of a project", refs(slipway.RefRule{Type: slipway.Tag}), "project_path:my-group/app:ref_type:tag:*"},
		{"any ref of a group", anyRef("top/sub", ""), "project_path:top/sub/*"},
		{"as it was written", only("project_path:my-group/app:ref:main"), "project_path:my-group/app:ref:main"},
		{"several refs", refs(slipway.RefRule{Type: slipway.Tag}, slipway.RefRule{Type: slipway.Branch, Pattern: "main"}), ""},
		{"subgroups left out", direct, ""},
		{"a condition on the job, which a pattern alone would drop", asking(func(g *slipway.GitLabTrust) { g.Protected = true }), ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := trust.Pattern(tc.in); got != tc.want {
				t.Errorf("Pattern = %q, want %q", got, tc.want)
			}
		})
	}
}
