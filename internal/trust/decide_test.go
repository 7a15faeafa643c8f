package trust_test

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"

	"slipway"
	"slipway/internal/idtokentest"
)

// A row is one line of the decision table: a configuration, a token, and the
// code of the refusal, "" for let in.
type row struct {
	name   string
	trust  slipway.Trust
	job    idtokentest.Job
	change map[string]any // of the job's claims; nil takes one out
	want   string
}

func run(t *testing.T, rows []row) {
	t.Helper()
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			config := r.trust
			if config.Platform == "" {
				config = pushes()
			}
			if got := reason(t, config, idtokentest.With(job(r.job), r.change)); got != r.want {
				t.Errorf("reason %q, want %q", got, r.want)
			}
		})
	}
}

// at returns the Unix time that many seconds after noon.
func at(seconds int64) int64 { return noon.Unix() + seconds }

func TestTime(t *testing.T) {
	week := pushes()
	week.MaxLifetime = 7 * 24 * time.Hour
	set := func(name string, v any) map[string]any { return map[string]any{name: v} }
	past := func(exp any) map[string]any { return map[string]any{"exp": exp, "iat": at(-4000), "nbf": at(-4005)} }
	run(t, []row{
		{name: "T01 ended 1 s ago", change: past(at(-1))},
		{name: "T01 ended 29 s ago", change: past(at(-29))},
		{name: "T01 ended 30 s ago", change: past(at(-30)), want: "expired"},
		{name: "T01 ended 31 s ago", change: past(at(-31)), want: "expired"},
		{name: "T02 exp missing", change: set("exp", nil), want: "claims_malformed"},
		{name: "T02 exp null", change: set("exp", json.RawMessage("null")), want: "claims_malformed"},
		{name: "T02 exp 0", change: set("exp", 0), want: "expired"},
		{name: "T02 exp negative", change: set("exp", -5), want: "expired"},
		{name: "T02 exp negative fraction", change: set("exp", json.RawMessage("-0.5")), want: "expired"},
		{name: "T02 exp a string", change: set("exp", "1768481990"), want: "claims_malformed"},
		{name: "T02 exp 1e300", change: set("exp", json.RawMessage("1e300")), want: "claims_malformed"},
		{name: "T02 exp with fraction", change: set("exp", json.RawMessage("1768481990.5"))},
		{name: "T02 exp with fraction is rounded down", change: past(json.RawMessage("1768478370.9")), want: "expired"},
		{name: "T02 exp over 64 bits", change: set("exp", json.RawMessage("9223372036854775808")), want: "claims_malformed"},
		{name: "T02 exp the last of 64 bits", change: set("exp", int64(math.MaxInt64)), want: "claims_malformed"},
		{name: "T02 exp text NaN", change: set("exp", "NaN"), want: "claims_malformed"},
		{name: "T02 exp fraction with exponent", change: set("exp", json.RawMessage("1.7e9")), want: "claims_malformed"},
		{name: "T03 nbf in 30 s", change: set("nbf", at(30))},
		{name: "T03 nbf in 31 s", change: set("nbf", at(31)), want: "not_yet_valid"},
		{name: "T03 nbf in a day", change: set("nbf", at(86400)), want: "not_yet_valid"},
		{name: "T03 nbf missing", change: set("nbf", nil), want: "claims_malformed"},
		{name: "T05 iat in 30 s", change: set("iat", at(30))},
		{name: "T05 iat in 31 s", change: set("iat", at(31)), want: "issued_in_future"},
		{name: "T06 iat missing", change: set("iat", nil), want: "claims_malformed"},
		{name: "T07 iat after exp", change: set("iat", at(3591)), want: "claims_malformed"},
		{name: "T08 lives 24 h", change: map[string]any{"iat": at(-10), "exp": at(86390)}},
		{name: "T08 lives 24 h and 1 s", change: map[string]any{"iat": at(-10), "exp": at(86391)}, want: "lifetime_too_long"},
		{name: "T09 a job of three days, two in", trust: week, change: map[string]any{"iat": at(-172800), "nbf": at(-172805), "exp": at(86400)}},
		{name: "T09 the same without a longer lifetime", change: map[string]any{"iat": at(-172800), "nbf": at(-172805), "exp": at(86400)}, want: "lifetime_too_long"},
		{name: "T10 nbf long before iat", change: set("nbf", at(-610))},
	})
}

func TestAudience(t *testing.T) {
	asGuided := pushes()
	asGuided.Audiences = []string{gitlabURL}
	two := pushes()
	two.Audiences = []string{"https://old.example.com", ours}
	aud := func(v any) map[string]any { return map[string]any{"aud": v} }
	run(t, []row{
		{name: "I02 another issuer", change: map[string]any{"iss": "https://gitlab.com"}, want: "issuer_mismatch"},
		{name: "I05 trailing slash in iss", change: map[string]any{"iss": gitlabURL + "/"}, want: "issuer_mismatch"},
		{name: "U01 missing", change: aud(nil), want: "audience_missing"},
		{name: "U01 empty string", change: aud(""), want: "audience_missing"},
		{name: "U01 empty array", change: aud([]string{}), want: "audience_missing"},
		{name: "U01 array of an empty string", change: aud([]string{""}), want: "audience_missing"},
		{name: "U02 the instance's default", change: aud(gitlabURL), want: "audience_mismatch"},
		{name: "U02 vault", change: aud("vault"), want: "audience_mismatch"},
		{name: "U02 sts.amazonaws.com", change: aud("sts.amazonaws.com"), want: "audience_mismatch"},
		{name: "U02 bytebase", change: aud("bytebase"), want: "audience_mismatch"},
		{name: "U02 the instance's default where it was configured", trust: asGuided, change: aud(gitlabURL)},
		{name: "U03 array of ours", change: aud([]string{ours})},
		{name: "U03 one of two configured", trust: two, change: aud(ours)},
		{name: "U04 ours and another", change: aud([]string{ours, "vault"}), want: "audience_multiple"},
		{name: "U04 ours twice", change: aud([]string{ours, ours}), want: "audience_multiple"},
		{name: "U05 with slash", change: aud(ours + "/"), want: "audience_mismatch"},
		{name: "U05 upper case", change: aud(strings.ToUpper(ours)), want: "audience_mismatch"},
		{name: "U05 prefix", change: aud(ours[:len(ours)-1]), want: "audience_mismatch"},
		{name: "U05 with space", change: aud(ours + " "), want: "audience_mismatch"},
		{name: "U06 of another identity", change: aud("https://db.example.com/wif/other"), want: "audience_mismatch"},
		{name: "U07 object", change: aud(map[string]any{"0": ours}), want: "claims_malformed"},
		{name: "U07 number", change: aud(5), want: "claims_malformed"},
		{name: "U07 bool", change: aud(true), want: "claims_malformed"},
		{name: "U07 null", change: aud(json.RawMessage("null")), want: "claims_malformed"},
		{name: "U07 array with a number", change: aud([]any{ours, 5}), want: "claims_malformed"},
		{name: "U07 nested array", change: aud([]any{[]any{ours}}), want: "claims_malformed"},
		{name: "C03 job_id missing", change: map[string]any{"job_id": nil}, want: "not_a_job_token"},
		{name: "C03 job_id empty", change: map[string]any{"job_id": ""}, want: "not_a_job_token"},
		{name: "C03 pipeline_id missing", change: map[string]any{"pipeline_id": nil}, want: "not_a_job_token"},
		{name: "C03 pipeline_id empty", change: map[string]any{"pipeline_id": ""}, want: "not_a_job_token"},
	})
}

func TestGitLabProject(t *testing.T) {
	group, direct := anyRef("my-group", ""), anyRef("my-group", "")
	direct.GitLab.ExcludeSubgroups = true
	nested, alice := anyRef("top/sub", "app"), anyRef("alice", "")
	in := func(project string) idtokentest.Job { return idtokentest.Job{Project: project} }
	claim := func(name string, v any) map[string]any { return map[string]any{name: v} }
	deep := strings.Repeat("g23456789/", 19) + "app"
	run(t, []row{
		{name: "P01 direct child", trust: direct, job: in("my-group/app")},
		{name: "P02 subgroup left out", trust: direct, job: in("my-group/sub/app"), want: "namespace_mismatch"},
		{name: "P03 subgroup", trust: group, job: in("my-group/sub/deep/app")},
		{name: "P04 longer name", trust: group, job: in("my-group-evil/app"), want: "namespace_mismatch"},
		{name: "P04 longer by a letter", trust: group, job: in("my-groupx/app"), want: "namespace_mismatch"},
		{name: "P04 letter before", trust: group, job: in("amy-group/app"), want: "namespace_mismatch"},
		{name: "P04 group within another", trust: group, job: in("evil/my-group/app"), want: "namespace_mismatch"},
		{name: "P04 project of the group's name", trust: group, job: in("evil/my-group"), want: "namespace_mismatch"},
		{name: "P05 user", trust: alice, job: in("alice/app")},
		{name: "P05 another user", trust: alice, job: in("alice2/app"), want: "namespace_mismatch"},
		{name: "P06 nested", trust: nested, job: in("top/sub/app")},
		{name: "P06 deeper", trust: nested, job: in("top/sub/x/app"), want: "project_mismatch"},
		{name: "P06 above", trust: nested, job: in("top/app"), want: "project_mismatch"},
		{name: "P08 stored spelling", job: in("My-Group/App")},
		{name: "P08 only ASCII is folded", trust: anyRef("kelvin", ""), job: in("\u212aelvin/app"), want: "namespace_mismatch"},
		{name: "P10 paths disagree", change: claim("project_path", "other/app"), want: "claims_inconsistent"},
		{name: "P10 namespace too short", trust: group, job: in("my-group/sub/app"), change: claim("namespace_path", "my-group"), want: "claims_inconsistent"},
		{name: "P10 empty segment", trust: group, job: in("my-group//app"), change: claim("namespace_path", "my-group/"), want: "claims_inconsistent"},
		{name: "P10 dots in a path", trust: group, job: in("my-group/../app"), want: "claims_inconsistent"},
		{name: "P12 project_path missing", change: claim("project_path", nil), want: "claim_missing"},
		{name: "P12 namespace_path missing", change: claim("namespace_path", nil), want: "claim_missing"},
		{name: "P12 ref missing", change: claim("ref", nil), want: "claim_missing"},
		{name: "P12 ref empty", change: claim("ref", ""), want: "claim_missing"},
		{name: "P14 sub of the project alone", change: claim("sub", "project_path:my-group/app")},
		{name: "P14 sub without ref_type", change: claim("sub", "project_path:my-group/app:ref:main")},
		{name: "P14 sub with ref_protected", change: claim("sub", "project_path:my-group/app:ref_protected:true")},
		{name: "P14 sub with an empty part for a claim that is not there", change: claim("sub", "project_path:my-group/app:deployment_tier::ref:main")},
		{name: "P15 sub by id", change: claim("sub", "project_id:20:ref_type:branch:ref:main")},
		{name: "P15 sub by another id", change: claim("sub", "project_id:21:ref_type:branch:ref:main"), want: "sub_inconsistent"},
		{name: "P15 sub by a longer id", change: claim("sub", "project_id:200:ref_type:branch:ref:main"), want: "sub_inconsistent"},
		{name: "P15 sub of another ref", change: claim("sub", "project_path:my-group/app:ref_type:branch:ref:dev"), want: "sub_inconsistent"},
		{name: "P15 sub of a longer ref", change: claim("sub", "project_path:my-group/app:ref:main-evil"), want: "sub_inconsistent"},
		{name: "P15 sub with a part twice", change: claim("sub", "project_path:my-group/app:ref:main:ref:main"), want: "sub_inconsistent"},
		{name: "P16 sub empty", change: claim("sub", ""), want: "claims_malformed"},
		{name: "P16 sub absent", change: claim("sub", nil), want: "claims_malformed"},
		{name: "P16 sub of unknown kind", change: claim("sub", "repo:octo-org/octo-repo:ref:refs/heads/main"), want: "sub_inconsistent"},
		{name: "P16 sub that names no project", change: claim("sub", "ref_type:branch:ref:main"), want: "sub_inconsistent"},
		{name: "P16 sub by a claim that is not there", change: claim("sub", "source_project_id:"), want: "sub_inconsistent"},
		{name: "P16 sub with unknown part", change: claim("sub", "project_path:my-group/app:colour:red"), want: "sub_inconsistent"},
		{name: "P17 sub of 1024 bytes", trust: anyRef("g23456789", ""), job: idtokentest.Job{Project: deep, Ref: strings.Repeat("r", 1024-len(deep)-len("project_path::ref_type:branch:ref:"))}},
		{name: "P17 sub of 1025 bytes", trust: anyRef("g23456789", ""), job: idtokentest.Job{Project: deep, Ref: strings.Repeat("r", 1025-len(deep)-len("project_path::ref_type:branch:ref:"))}, want: "claims_malformed"},
		{name: "A28 sub a number", change: claim("sub", 20), want: "claims_malformed"},
		{name: "A28 iss an array", change: claim("iss", []string{gitlabURL}), want: "claims_malformed"},
		{name: "A28 jti a number", change: claim("jti", 7), want: "claims_malformed"},
		{name: "A28 project_id a number", change: claim("project_id", 20), want: "claims_malformed"},
		{name: "A28 ref_protected a bool", change: claim("ref_protected", true), want: "claims_malformed"},
		{name: "A28 project_path null", change: claim("project_path", json.RawMessage("null")), want: "claims_malformed"},
		{name: "A28 runner_id a string", change: claim("runner_id", "1"), want: "claims_malformed"},
		{name: "A28 configuration in another project", change: claim("ci_config_ref_uri", json.RawMessage("null"))},
		{name: "R08 jti empty", change: claim("jti", ""), want: "claims_malformed"},
		{name: "R08 jti missing", change: claim("jti", nil), want: "claims_malformed"},
		{name: "R08 jti of 10 KiB", change: claim("jti", strings.Repeat("j", 10<<10)), want: "claims_malformed"},
		{name: "M03 fork of the project", job: in("evil/app"), change: map[string]any{"project_id": "999", "job_project_path": "my-group/app", "job_project_id": "20"}, want: "project_mismatch"},
	})
}

func TestGitLabRef(t *testing.T) {
	branch := func(p string) slipway.Trust { return refs(slipway.RefRule{Type: slipway.Branch, Pattern: p}) }
	tag := func(p string) slipway.Trust { return refs(slipway.RefRule{Type: slipway.Tag, Pattern: p}) }
	all := anyRef("my-group", "app")
	list := refs(slipway.RefRule{Type: slipway.Branch, Pattern: "main"}, slipway.RefRule{Type: slipway.Branch, Pattern: "hotfix/*"}, slipway.RefRule{Type: slipway.Tag, Pattern: "v*"})
	onBranch := func(ref string) idtokentest.Job { return idtokentest.Job{Ref: ref} }
	onTag := func(ref string) idtokentest.Job { return idtokentest.Job{RefType: "tag", Ref: ref} }
	claim := func(name string, v any) map[string]any { return map[string]any{name: v} }
	const composed, decomposed = "f\u00f6\u00f6bar", "fo\u0308o\u0308bar"
	run(t, []row{
		{name: "B01 the branch", trust: branch("main"), job: onBranch("main")},
		{name: "B02 a tag of the branch's name", trust: branch("main"), job: onTag("main"), want: "ref_type_mismatch"},
		{name: "B03 a branch of the tag's name", trust: tag("v1"), job: onBranch("v1"), want: "ref_type_mismatch"},
		{name: "B04 any tag, a tag", trust: tag(""), job: onTag("v9")},
		{name: "B04 any tag, a branch", trust: tag(""), job: onBranch("main"), want: "ref_type_mismatch"},
		{name: "B05 any branch, a branch", trust: branch(""), job: onBranch("x")},
		{name: "B05 any branch, a tag", trust: branch(""), job: onTag("x"), want: "ref_type_mismatch"},
		{name: "B06 all, a branch", trust: all, job: onBranch("x")},
		{name: "B06 all, a tag", trust: all, job: onTag("x")},
		{name: "B06 all, a merge request", trust: all, change: claim("ref_type", "merge_request"), want: "ref_type_mismatch"},
		{name: "B06 all, unknown", trust: all, change: claim("ref_type", "Branch"), want: "ref_type_mismatch"},
		{name: "B07 longer", job: onBranch("main-evil"), want: "ref_mismatch"},
		{name: "B07 other case", job: onBranch("Main"), want: "ref_mismatch"},
		{name: "B07 with space", job: onBranch("main "), want: "ref_mismatch"},
		{name: "B07 long form", job: onBranch("refs/heads/main"), want: "ref_mismatch"},
		{name: "B07 shorter", job: onBranch("ma"), want: "ref_mismatch"},
		{name: "B07 with line break", job: onBranch("main\n"), want: "ref_mismatch"},
		{name: "B09 ref_path of another branch", change: claim("ref_path", "refs/heads/dev"), want: "claims_inconsistent"},
		{name: "B09 ref_path of a tag", change: claim("ref_path", "refs/tags/main"), want: "claims_inconsistent"},
		{name: "B09 ref_path of a merge request", change: claim("ref_path", "refs/merge-requests/1/head"), want: "claims_inconsistent"},
		{name: "B10 no ref_path", change: claim("ref_path", nil)},
		{name: "B11 below", trust: branch("release/*"), job: onBranch("release/1.2")},
		{name: "B11 far below", trust: branch("release/*"), job: onBranch("release/a/b")},
		{name: "B11 not below", trust: branch("release/*"), job: onBranch("release"), want: "ref_mismatch"},
		{name: "B11 something before", trust: branch("release/*"), job: onBranch("xrelease/1"), want: "ref_mismatch"},
		{name: "B11 other case", trust: branch("release/*"), job: onBranch("Release/1"), want: "ref_mismatch"},
		{name: "B11 something behind", trust: branch("*-stable"), job: onBranch("1-stable-evil"), want: "ref_mismatch"},
		{name: "B11 pieces may not overlap", trust: branch("ab*ba"), job: onBranch("aba"), want: "ref_mismatch"},
		{name: "B11 two wildcards", trust: branch("release/*/hotfix-*"), job: onBranch("release/1/x/hotfix-2")},
		{name: "B13 a branch for a tag's pattern", trust: tag("v*"), job: onBranch("v-evil"), want: "ref_type_mismatch"},
		{name: "B15 ref_protected a bool", change: claim("ref_protected", true), want: "claims_malformed"},
		{name: "B16 first of a list", trust: list, job: onBranch("main")},
		{name: "B16 second of a list", trust: list, job: onBranch("hotfix/7")},
		{name: "B16 third of a list", trust: list, job: onTag("v3")},
		{name: "B16 none of a list", trust: list, job: onBranch("dev"), want: "ref_mismatch"},
		{name: "B16 a tag named like the branch", trust: list, job: onTag("main"), want: "ref_mismatch"},
		{name: "B17 the same bytes", trust: branch(composed), job: onBranch(composed)},
		{name: "B17 the same letters", trust: branch(composed), job: onBranch(decomposed), want: "ref_mismatch"},
	})
}
