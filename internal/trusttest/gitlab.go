package trusttest

import (
	"strings"

	"slipway"
	"slipway/internal/idtokentest"
)

func projects(p Place) []Case {
	group, direct := p.anyRef("my-group", ""), p.anyRef("my-group", "")
	direct.GitLab.ExcludeSubgroups = true
	nested, alice, deepest := p.anyRef("top/sub", "app"), p.anyRef("alice", ""), p.anyRef("g23456789", "")
	in := func(project string) idtokentest.Job { return idtokentest.Job{Project: project} }
	sub := func(s string) map[string]any { return claim("sub", s) }
	deep := strings.Repeat("g23456789/", 19) + "app"
	long := func(size int) idtokentest.Job { // a job whose sub has that size in bytes
		return idtokentest.Job{Project: deep, Ref: strings.Repeat("r", size-len(deep)-len("project_path::ref_type:branch:ref:"))}
	}
	return []Case{
		{ID: "P01", Name: "direct child", Trust: direct, Job: in("my-group/app")},
		{ID: "P02", Name: "subgroup left out", Trust: direct, Job: in("my-group/sub/app"), Reason: "namespace_mismatch"},
		{ID: "P03", Name: "subgroup", Trust: group, Job: in("my-group/sub/deep/app")},
		{ID: "P04", Name: "longer name", Trust: group, Job: in("my-group-evil/app"), Reason: "namespace_mismatch"},
		{ID: "P04", Name: "longer by a letter", Trust: group, Job: in("my-groupx/app"), Reason: "namespace_mismatch"},
		{ID: "P04", Name: "letter before", Trust: group, Job: in("amy-group/app"), Reason: "namespace_mismatch"},
		{ID: "P04", Name: "group within another", Trust: group, Job: in("evil/my-group/app"), Reason: "namespace_mismatch"},
		{ID: "P04", Name: "project of the group's name", Trust: group, Job: in("evil/my-group"), Reason: "namespace_mismatch"},
		{ID: "P05", Name: "user", Trust: alice, Job: in("alice/app")},
		{ID: "P05", Name: "another user", Trust: alice, Job: in("alice2/app"), Reason: "namespace_mismatch"},
		{ID: "P06", Name: "nested", Trust: nested, Job: in("top/sub/app")},
		{ID: "P06", Name: "deeper", Trust: nested, Job: in("top/sub/x/app"), Reason: "project_mismatch"},
		{ID: "P06", Name: "above", Trust: nested, Job: in("top/app"), Reason: "project_mismatch"},
		{ID: "P08", Name: "stored spelling", Job: in("My-Group/App")},
		{ID: "P08", Name: "only ASCII is folded", Trust: p.anyRef("kelvin", ""), Job: in("\u212aelvin/app"), Reason: "namespace_mismatch"},
		{ID: "P10", Name: "paths disagree", Claims: claim("project_path", "other/app"), Reason: "claims_inconsistent", Check: "paths"},
		{ID: "P10", Name: "namespace too short", Trust: group, Job: in("my-group/sub/app"), Claims: claim("namespace_path", "my-group"), Reason: "claims_inconsistent", Check: "paths"},
		{ID: "P10", Name: "empty segment", Trust: group, Job: in("my-group//app"), Claims: claim("namespace_path", "my-group/"), Reason: "claims_inconsistent", Check: "paths"},
		{ID: "P10", Name: "dots in a path", Trust: group, Job: in("my-group/../app"), Claims: claim("namespace_path", "my-group/.."), Reason: "claims_inconsistent", Check: "paths"},
		{ID: "P12", Name: "project_path missing", Claims: claim("project_path", nil), Reason: "claim_missing"},
		{ID: "P12", Name: "namespace_path missing", Claims: claim("namespace_path", nil), Reason: "claim_missing"},
		{ID: "P12", Name: "ref missing", Claims: claim("ref", nil), Reason: "claim_missing"},
		{ID: "P12", Name: "ref empty", Claims: claim("ref", ""), Reason: "claim_missing"},
		{ID: "P14", Name: "sub of the project alone", Claims: sub("project_path:my-group/app")},
		{ID: "P14", Name: "sub without ref_type", Claims: sub("project_path:my-group/app:ref:main")},
		{ID: "P14", Name: "sub with ref_protected", Claims: sub("project_path:my-group/app:ref_protected:true")},
		{ID: "P14", Name: "sub with an empty part for a claim that is not there", Claims: sub("project_path:my-group/app:deployment_tier::ref:main")},
		{ID: "P15", Name: "sub by id", Claims: sub("project_id:20:ref_type:branch:ref:main")},
		{ID: "P15", Name: "sub by another id", Claims: sub("project_id:21:ref_type:branch:ref:main"), Reason: "sub_inconsistent"},
		{ID: "P15", Name: "sub by a longer id", Claims: sub("project_id:200:ref_type:branch:ref:main"), Reason: "sub_inconsistent"},
		{ID: "P15", Name: "sub of another ref", Claims: sub("project_path:my-group/app:ref_type:branch:ref:dev"), Reason: "sub_inconsistent"},
		{ID: "P15", Name: "sub of a longer ref", Claims: sub("project_path:my-group/app:ref:main-evil"), Reason: "sub_inconsistent"},
		{ID: "P15", Name: "sub with a part twice", Claims: sub("project_path:my-group/app:ref:main:ref:main"), Reason: "sub_inconsistent"},
		{ID: "P16", Name: "sub empty", Claims: sub(""), Reason: "claims_malformed"},
		{ID: "P16", Name: "sub absent", Claims: claim("sub", nil), Reason: "claims_malformed"},
		{ID: "P16", Name: "sub of unknown kind", Claims: sub("repo:octo-org/octo-repo:ref:refs/heads/main"), Reason: "sub_inconsistent"},
		{ID: "P16", Name: "sub that names no project", Claims: sub("ref_type:branch:ref:main"), Reason: "sub_inconsistent"},
		{ID: "P16", Name: "sub by a claim that is not there", Claims: sub("source_project_id:"), Reason: "sub_inconsistent"},
		{ID: "P16", Name: "sub with unknown part", Claims: sub("project_path:my-group/app:colour:red"), Reason: "sub_inconsistent"},
		{ID: "P17", Name: "sub of 1024 bytes", Trust: deepest, Job: long(1024)},
		{ID: "P17", Name: "sub of 1025 bytes", Trust: deepest, Job: long(1025), Reason: "claims_malformed"},
	}
}

func refs(p Place) []Case {
	branch := func(pattern string) slipway.Trust {
		return p.refs(slipway.RefRule{Type: slipway.Branch, Pattern: pattern})
	}
	tag := func(pattern string) slipway.Trust {
		return p.refs(slipway.RefRule{Type: slipway.Tag, Pattern: pattern})
	}
	all := p.anyRef("my-group", "app")
	list := p.refs(slipway.RefRule{Type: slipway.Branch, Pattern: "main"}, slipway.RefRule{Type: slipway.Branch, Pattern: "hotfix/*"}, slipway.RefRule{Type: slipway.Tag, Pattern: "v*"})
	onBranch := func(ref string) idtokentest.Job { return idtokentest.Job{Ref: ref} }
	onTag := func(ref string) idtokentest.Job { return idtokentest.Job{RefType: "tag", Ref: ref} }
	refPath := func(s string) map[string]any { return claim("ref_path", s) }
	const composed, decomposed = "f\u00f6\u00f6bar", "fo\u0308o\u0308bar"
	return []Case{
		{ID: "B01", Name: "the branch", Trust: branch("main"), Job: onBranch("main")},
		{ID: "B02", Name: "a tag of the branch's name", Trust: branch("main"), Job: onTag("main"), Reason: "ref_type_mismatch"},
		{ID: "B03", Name: "a branch of the tag's name", Trust: tag("v1"), Job: onBranch("v1"), Reason: "ref_type_mismatch"},
		{ID: "B04", Name: "any tag, a tag", Trust: tag(""), Job: onTag("v9")},
		{ID: "B04", Name: "any tag, a branch", Trust: tag(""), Job: onBranch("main"), Reason: "ref_type_mismatch"},
		{ID: "B05", Name: "any branch, a branch", Trust: branch(""), Job: onBranch("x")},
		{ID: "B05", Name: "any branch, a tag", Trust: branch(""), Job: onTag("x"), Reason: "ref_type_mismatch"},
		{ID: "B06", Name: "all, a branch", Trust: all, Job: onBranch("x")},
		{ID: "B06", Name: "all, a tag", Trust: all, Job: onTag("x")},
		{ID: "B06", Name: "all, a merge request", Trust: all, Claims: claim("ref_type", "merge_request"), Reason: "ref_type_mismatch"},
		{ID: "B06", Name: "all, unknown", Trust: all, Claims: claim("ref_type", "Branch"), Reason: "ref_type_mismatch"},
		{ID: "B07", Name: "longer", Job: onBranch("main-evil"), Reason: "ref_mismatch"},
		{ID: "B07", Name: "other case", Job: onBranch("Main"), Reason: "ref_mismatch"},
		{ID: "B07", Name: "with space", Job: onBranch("main "), Reason: "ref_mismatch"},
		{ID: "B07", Name: "long form", Job: onBranch("refs/heads/main"), Reason: "ref_mismatch"},
		{ID: "B07", Name: "shorter", Job: onBranch("ma"), Reason: "ref_mismatch"},
		{ID: "B07", Name: "with line break", Job: onBranch("main\n"), Reason: "ref_mismatch"},
		{ID: "B09", Name: "ref_path of another branch", Claims: refPath("refs/heads/dev"), Reason: "claims_inconsistent", Check: "ref_path"},
		{ID: "B09", Name: "ref_path of a tag", Claims: refPath("refs/tags/main"), Reason: "claims_inconsistent", Check: "ref_path"},
		{ID: "B09", Name: "ref_path of a merge request", Claims: refPath("refs/merge-requests/1/head"), Reason: "claims_inconsistent", Check: "ref_path"},
		{ID: "B10", Name: "no ref_path", Claims: claim("ref_path", nil)},
		{ID: "B11", Name: "below", Trust: branch("release/*"), Job: onBranch("release/1.2")},
		{ID: "B11", Name: "far below", Trust: branch("release/*"), Job: onBranch("release/a/b")},
		{ID: "B11", Name: "not below", Trust: branch("release/*"), Job: onBranch("release"), Reason: "ref_mismatch"},
		{ID: "B11", Name: "something before", Trust: branch("release/*"), Job: onBranch("xrelease/1"), Reason: "ref_mismatch"},
		{ID: "B11", Name: "other case", Trust: branch("release/*"), Job: onBranch("Release/1"), Reason: "ref_mismatch"},
		{ID: "B11", Name: "something behind", Trust: branch("*-stable"), Job: onBranch("1-stable-evil"), Reason: "ref_mismatch"},
		{ID: "B11", Name: "pieces may not overlap", Trust: branch("ab*ba"), Job: onBranch("aba"), Reason: "ref_mismatch"},
		{ID: "B11", Name: "two wildcards", Trust: branch("release/*/hotfix-*"), Job: onBranch("release/1/x/hotfix-2")},
		{ID: "B13", Name: "a branch for a tag's pattern", Trust: tag("v*"), Job: onBranch("v-evil"), Reason: "ref_type_mismatch"},
		{ID: "B16", Name: "first of a list", Trust: list, Job: onBranch("main")},
		{ID: "B16", Name: "second of a list", Trust: list, Job: onBranch("hotfix/7")},
		{ID: "B16", Name: "third of a list", Trust: list, Job: onTag("v3")},
		{ID: "B16", Name: "none of a list", Trust: list, Job: onBranch("dev"), Reason: "ref_mismatch"},
		{ID: "B16", Name: "a tag named like the branch", Trust: list, Job: onTag("main"), Reason: "ref_mismatch"},
		{ID: "B17", Name: "the same bytes", Trust: branch(composed), Job: onBranch(composed)},
		{ID: "B17", Name: "the same letters", Trust: branch(composed), Job: onBranch(decomposed), Reason: "ref_mismatch"},
	}
}
