package trust_test

import (
	"strings"
	"testing"

	"slipway"
	"slipway/internal/idtokentest"
	"slipway/internal/trust"
)

func TestSubjectPattern(t *testing.T) {
	sub := func(s string) map[string]any { return map[string]any{"sub": s} }
	fork := idtokentest.Job{Project: "my-group-evil/app"}
	both := anyRef("my-group", "")
	both.SubjectPattern = "project_path:my-group/app:*"
	run(t, []row{
		{name: "exact", trust: only("project_path:my-group/app:ref_type:branch:ref:main")},
		{name: "exact, another branch", trust: only("project_path:my-group/app:ref_type:branch:ref:main"), job: idtokentest.Job{Ref: "main-evil"}, want: "ref_mismatch"},
		{name: "exact, a tag of that name", trust: only("project_path:my-group/app:ref_type:branch:ref:main"), job: idtokentest.Job{RefType: "tag"}, want: "ref_type_mismatch"},
		{name: "exact, another project", trust: only("project_path:my-group/app:ref_type:branch:ref:main"), job: idtokentest.Job{Project: "my-group/app2"}, want: "project_mismatch"},
		{name: "paths without regard to case", trust: only("project_path:MY-group/App:*")},
		{name: "refs with regard to case", trust: only("project_path:my-group/app:ref_type:branch:ref:Main"), want: "ref_mismatch"},
		{name: "any ref of a project", trust: only("project_path:my-group/app:*"), job: idtokentest.Job{RefType: "tag", Ref: "v1"}},
		{name: "any ref of a project, another project", trust: only("project_path:my-group/app:*"), job: idtokentest.Job{Project: "my-group/app-evil"}, want: "project_mismatch"},
		{name: "a group", trust: only("project_path:my-group/*"), job: idtokentest.Job{Project: "my-group/x"}},
		{name: "a group's subgroup", trust: only("project_path:my-group/*"), job: idtokentest.Job{Project: "my-group/sub/x"}},
		{name: "a group, a longer name", trust: only("project_path:my-group/*"), job: fork, want: "namespace_mismatch"},
		{name: "a group, one branch", trust: only("project_path:my-group/*:ref_type:branch:ref:main")},
		{name: "a group, another branch", trust: only("project_path:my-group/*:ref_type:branch:ref:main"), job: idtokentest.Job{Ref: "dev"}, want: "ref_mismatch"},
		{name: "refs below", trust: only("project_path:my-group/app:ref_type:branch:ref:release/*"), job: idtokentest.Job{Ref: "release/1/x"}},
		{name: "refs below, not the ref itself", trust: only("project_path:my-group/app:ref_type:branch:ref:release/*"), job: idtokentest.Job{Ref: "release"}, want: "ref_mismatch"},
		{name: "any tag", trust: only("project_path:my-group/app:ref_type:tag:*"), job: idtokentest.Job{RefType: "tag", Ref: "v9"}},
		{name: "any tag, a branch", trust: only("project_path:my-group/app:ref_type:tag:*"), want: "ref_type_mismatch"},
		{name: "any type in the middle", trust: only("project_path:my-group/app:ref_type:*:ref:main"), job: idtokentest.Job{RefType: "tag"}},
		{name: "by id", trust: only("project_id:20:*"), change: sub("project_id:20:ref_type:branch:ref:main")},
		{name: "by another id", trust: only("project_id:21:*"), change: sub("project_id:20:ref_type:branch:ref:main"), want: "project_mismatch"},
		{name: "by id, with a sub by path", trust: only("project_id:20:*"), want: "subject_mismatch"},
		{name: "shortened sub, exact pattern", trust: only("project_path:my-group/app"), change: sub("project_path:my-group/app")},
		{name: "shortened sub says too little", trust: only("project_path:my-group/app:ref_type:branch:ref:main"), change: sub("project_path:my-group/app"), want: "subject_mismatch"},
		{name: "longer sub than an exact pattern", trust: only("project_path:my-group/app"), want: "subject_mismatch"},
		{name: "the star does not end a part early", trust: only("project_path:my-group/*:ref:main"), want: "subject_mismatch"},
		// Both of these subs match as text; the claims tell that the job is another.
		{name: "forged sub, claims of another branch", trust: only("project_path:my-group/app:ref_type:branch:ref:main"), job: idtokentest.Job{Ref: "dev"}, change: sub("project_path:my-group/app:ref_type:branch:ref:main"), want: "ref_mismatch"},
		{name: "forged sub, claims of another project", trust: only("project_path:my-group/app:*"), job: fork, change: sub("project_path:my-group/app:ref_type:branch:ref:main"), want: "project_mismatch"},
		{name: "fields and pattern, both hold", trust: both},
		{name: "fields and pattern, only the fields hold", trust: both, job: idtokentest.Job{Project: "my-group/other"}, want: "project_mismatch"},
	})
}

func TestSubjectPatternRefused(t *testing.T) {
	for name, pattern := range map[string]string{
		"everyone":                      "*",
		"everyone twice":                "**",
		"everyone with a colon":         "*:*",
		"colon alone":                   ":",
		"every project":                 "project_path:*",
		"every project and ref":         "project_path:*:*",
		"every group":                   "project_path:*/*",
		"every group below nothing":     "project_path:/*",
		"every group's app":             "project_path:*/app:ref:main",
		"every id":                      "project_id:*",
		"S3 open end of a group":        "project_path:my-group*",
		"S3 open end of a project":      "project_path:my-group/app*",
		"S3 open end of a branch":       "project_path:my-group/app:ref_type:branch:ref:main*",
		"open end within":               "project_path:my-group/app*:ref:main",
		"star within a name":            "project_path:my-*/app:*",
		"star within a path":            "project_path:top/*/app:*",
		"two stars":                     "project_path:my-group/**",
		"no project":                    "project_path:my-group",
		"empty project":                 "project_path:my-group/:*",
		"empty path":                    "project_path:",
		"no name":                       "my-group/app",
		"no project part":               "ref_type:branch:ref:main",
		"project not first":             "ref:main:project_path:my-group/app",
		"project twice":                 "project_path:my-group/app:project_path:my-group/other",
		"ref twice":                     "project_path:my-group/app:ref:main:ref:dev",
		"star for a name in the middle": "project_path:my-group/app:*:ref:main",
		"name without value":            "project_path:my-group/app:ref",
		"unknown part":                  "project_path:my-group/app:environment:prod",
		"claim that is not held yet":    "project_path:my-group/app:ref_protected:true",
		"GitHub's":                      "repo:octo-org/octo-repo:ref:refs/heads/main",
		"unknown type":                  "project_path:my-group/app:ref_type:merge_request",
		"long form of a ref":            "project_path:my-group/app:ref:refs/heads/main",
		"words for an id":               "project_id:app",
		"too long":                      "project_path:my-group/" + strings.Repeat("a", 1024),
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := trust.Compile(only(pattern)); slipway.KindOf(err) != slipway.Invalid {
				t.Errorf("Compile(%q) = %v, want it refused as Invalid", pattern, err)
			}
		})
	}
}
