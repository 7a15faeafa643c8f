package trusttest

import (
	"slipway"
	"slipway/internal/idtokentest"
)

// jobs are the cases about how a pipeline was started and where its job runs.
func jobs(p Place) []Case {
	// with returns the usual trust, one thing more asked of the job.
	with := func(change func(*slipway.GitLabTrust)) slipway.Trust {
		t := p.Trust()
		change(t.GitLab)
		return t
	}
	reviews := p.anyRef("my-group", "app")
	group := p.anyRef("my-group", "")
	no := p.anyRef("my-group", "app")
	no.GitLab.MergeRequests = slipway.MergeRequestsRefuse
	mergeMain := with(func(g *slipway.GitLabTrust) { g.MergeRequests = slipway.MergeRequestsLetIn })
	chat := with(func(g *slipway.GitLabTrust) { g.Sources = []string{"chat"} })
	protected := with(func(g *slipway.GitLabTrust) { g.Protected = true })
	prod := with(func(g *slipway.GitLabTrust) { g.Environments = []string{"production", "live/*"} })
	prodProtected := with(func(g *slipway.GitLabTrust) { g.Environments, g.ProtectedEnvironment = []string{"production"}, true })
	hosted := with(func(g *slipway.GitLabTrust) { g.Runner = "gitlab-hosted" })
	maintainers := with(func(g *slipway.GitLabTrust) { g.AccessLevel = "maintainer" })

	started := func(source string) map[string]any { return claim("pipeline_source", source) }
	// fork is a job that the parent (project 20) runs for the fork (999).
	fork := map[string]any{"pipeline_source": "merge_request_event", "project_id": "999"}
	env := func(name, action string) map[string]any {
		return map[string]any{"environment": name, "environment_action": action}
	}
	const denied = "pipeline_source_denied"
	cases := []Case{
		{ID: "B15", Name: "protected", Trust: protected},
		{ID: "B15", Name: "not protected", Trust: protected, Claims: claim("ref_protected", "false"), Reason: "ref_not_protected", Check: "ref_protected"},
		{ID: "B15", Name: "nothing said", Trust: protected, Claims: claim("ref_protected", nil), Reason: "claim_missing", Check: "ref_protected"},
		{ID: "B15", Name: "True", Trust: protected, Claims: claim("ref_protected", "True"), Reason: "ref_not_protected", Check: "ref_protected"},

		{ID: "M01", Name: "merge request from the branch itself", Claims: started("merge_request_event"), Reason: denied},
		{ID: "M01", Name: "let in from the branch itself", Trust: mergeMain, Claims: started("merge_request_event")},
		{ID: "M01", Name: "let in, from another branch", Trust: mergeMain, Job: idtokentest.Job{Ref: "feature"}, Claims: started("merge_request_event"), Reason: "ref_mismatch"},
		{ID: "M02", Name: "a fork's, said to be the project's", Claims: map[string]any{"pipeline_source": "merge_request_event", "ref_protected": "false"}, Reason: denied},
		{ID: "M03", Name: "a fork's", Job: idtokentest.Job{Project: "evil/app"}, Claims: fork, Reason: "project_mismatch"},
		{ID: "M05", Name: "merge request from a feature branch", Trust: reviews, Job: idtokentest.Job{Ref: "feature"}, Claims: started("merge_request_event")},
		{ID: "M05", Name: "every branch, but no merge requests", Trust: no, Claims: started("merge_request_event"), Reason: denied},
		{ID: "M05", Name: "every branch, pushed", Trust: no, Claims: started("push")},
		{ID: "M06", Name: "a fork's, for review", Trust: reviews, Job: idtokentest.Job{Project: "evil/app"}, Claims: fork, Reason: "fork_denied"},
		{ID: "M06", Name: "a fork within the group", Trust: group, Job: idtokentest.Job{Project: "my-group/fork"}, Claims: fork, Reason: "fork_denied"},
		{ID: "M06", Name: "the fork named as the source", Trust: group, Claims: map[string]any{"source_project_id": "999"}, Reason: "fork_denied"},
		{ID: "M06", Name: "an older GitLab names no project of the job", Trust: group, Claims: claim("job_project_id", nil)},
		{ID: "M07", Name: "external pull request", Claims: started("external_pull_request_event"), Reason: denied},
		{ID: "M07", Name: "external pull request, for review", Trust: reviews, Claims: started("external_pull_request_event")},
		{ID: "M08", Name: "a new way", Claims: started("unknown_new_value"), Reason: denied},
		{ID: "M08", Name: "chat", Claims: started("chat"), Reason: denied},
		{ID: "M08", Name: "chat, which is let in", Trust: chat, Claims: started("chat")},
		{ID: "M08", Name: "push, where only chat is", Trust: chat, Claims: started("push"), Reason: denied},
		{ID: "M08", Name: "nothing said", Claims: claim("pipeline_source", nil), Reason: "claim_missing", Check: "pipeline_source"},

		{ID: "M09", Name: "the environment", Trust: prod, Claims: env("production", "start")},
		{ID: "M09", Name: "other case", Trust: prod, Claims: env("Production", "start"), Reason: "environment_mismatch"},
		{ID: "M09", Name: "longer", Trust: prod, Claims: env("production-evil", "start"), Reason: "environment_mismatch"},
		{ID: "M09", Name: "none", Trust: prod, Reason: "environment_mismatch"},
		{ID: "M09", Name: "below", Trust: prod, Claims: env("live/eu", "start")},
		{ID: "M10", Name: "protected", Trust: prodProtected, Claims: map[string]any{"environment": "production", "environment_protected": "true"}},
		{ID: "M10", Name: "not protected", Trust: prodProtected, Claims: map[string]any{"environment": "production", "environment_protected": "false"}, Reason: "environment_mismatch", Check: "environment_protected"},
		{ID: "M10", Name: "nothing said", Trust: prodProtected, Claims: map[string]any{"environment": "production"}, Reason: "claim_missing", Check: "environment_protected"},
		{ID: "M11", Name: "stop", Trust: prod, Claims: env("production", "stop"), Reason: "environment_action_denied"},
		{ID: "M11", Name: "access", Trust: prod, Claims: env("production", "access"), Reason: "environment_action_denied"},
		{ID: "M11", Name: "nothing said", Trust: prod, Claims: claim("environment", "production")},
		{ID: "M12", Name: "the right runner", Trust: hosted, Claims: claim("runner_environment", "gitlab-hosted")},
		{ID: "M12", Name: "another runner", Trust: hosted, Reason: "runner_denied"},
		{ID: "M12", Name: "nothing said", Trust: hosted, Claims: claim("runner_environment", nil), Reason: "claim_missing", Check: "runner_environment"},
		{ID: "M15", Name: "high enough", Trust: maintainers},
		{ID: "M15", Name: "higher", Trust: maintainers, Claims: claim("user_access_level", "owner")},
		{ID: "M15", Name: "too low", Trust: maintainers, Claims: claim("user_access_level", "developer"), Reason: "user_level"},
		{ID: "M15", Name: "unknown", Trust: maintainers, Claims: claim("user_access_level", "emperor"), Reason: "user_level"},
		{ID: "M15", Name: "nothing said", Trust: maintainers, Claims: claim("user_access_level", nil), Reason: "claim_missing", Check: "user_access_level"},
	}
	for _, usual := range []string{"push", "web", "schedule", "api", "trigger", "pipeline", "parent_pipeline"} {
		cases = append(cases, Case{ID: "M08", Name: usual, Claims: started(usual)})
	}
	return cases
}
