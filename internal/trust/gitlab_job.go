package trust

import (
	"slices"
	"strings"

	"slipway"
)

// What a GitLab identity can ask of a job beside its project and ref.

const (
	maxSources      = 20
	maxEnvironments = 20
)

// usualSources are the ways of starting a pipeline that belong to the project
// itself. Others (a chat message, an editor, GitLab's own scans) and those that
// GitLab may add have to be named.
var usualSources = []string{"push", "web", "schedule", "api", "trigger", "pipeline", "parent_pipeline"}

// mergeRequestSources are GitLab's pipelines for code that is yet to be merged.
var mergeRequestSources = []string{"merge_request_event", "external_pull_request_event"}

// accessLevels are GitLab's roles from the least to the highest.
var accessLevels = []string{"guest", "planner", "reporter", "developer", "maintainer", "owner"}

var runners = []string{"gitlab-hosted", "self-hosted"}

// normalJob returns f with what it asks of jobs checked and in its one spelling.
func normalJob(f slipway.GitLabTrust) (slipway.GitLabTrust, error) {
	switch f.MergeRequests {
	case slipway.MergeRequestsUsual, slipway.MergeRequestsLetIn, slipway.MergeRequestsRefuse:
	default:
		return f, problem("gitlab.merge_requests", "", "merge requests: %q or %q, not %.40q", slipway.MergeRequestsLetIn, slipway.MergeRequestsRefuse, f.MergeRequests)
	}
	var err error
	if f.Sources, err = distinct("gitlab.sources", "pipeline sources", f.Sources, maxSources, wrongSource); err != nil {
		return f, err
	}
	if f.Environments, err = distinct("gitlab.environments", "environments", f.Environments, maxEnvironments, wrongEnvironment); err != nil {
		return f, err
	}
	if f.ProtectedEnvironment && len(f.Environments) == 0 {
		return f, problem("gitlab.environments", "", "environments: say which; a protected environment of any name is no condition")
	}
	if f.Runner != "" && !slices.Contains(runners, f.Runner) {
		return f, problem("gitlab.runner", "", "runner %.40q: %s", f.Runner, strings.Join(runners, " or "))
	}
	if f.AccessLevel != "" && !slices.Contains(accessLevels, f.AccessLevel) {
		return f, problem("gitlab.access_level", "", "access level %.40q: one of %s", f.AccessLevel, strings.Join(accessLevels, ", "))
	}
	return f, nil
}

// distinct returns list trimmed and without repetitions; check says what is
// wrong with an entry.
func distinct(field, what string, list []string, most int, check func(string) string) ([]string, error) {
	var out []string
	for _, s := range list {
		s = strings.TrimSpace(s)
		if wrong := check(s); wrong != "" {
			return nil, problem(field, "", "%s: %.80q: %s", what, s, wrong)
		}
		if !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	if len(out) > most {
		return nil, problem(field, "", "%s: at most %d, not %d", what, most, len(out))
	}
	return out, nil
}

// wrongSource says what is wrong with a pipeline_source that is let in.
func wrongSource(s string) string {
	switch {
	case s == "" || len(s) > 64 || strings.Trim(s, "abcdefghijklmnopqrstuvwxyz_") != "":
		return "a pipeline_source is a word such as push or schedule"
	case slices.Contains(mergeRequestSources, s):
		return "whether merge requests are let in is a setting of its own"
	}
	return ""
}

// wrongEnvironment takes what GitLab takes as the name of an environment, and "*".
func wrongEnvironment(s string) string {
	switch {
	case s == "" || len(s) > 255:
		return "a name of 1 to 255 bytes"
	case strings.Trim(s, "*") == "":
		return "that is every environment, and so no condition; leave the list empty"
	case strings.ContainsFunc(s, func(r rune) bool {
		return (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') && !strings.ContainsRune("-_/${}. *", r)
	}):
		return "GitLab allows letters, digits, spaces, and - _ / $ { } . in a name; * stands for any characters"
	}
	return ""
}

// A gitlabJob is what an identity asks of the job beside its project and ref.
type gitlabJob struct {
	slipway.GitLabTrust
	mergeRequests bool
}

// gitlabJobOf joins what the fields ask with what follows from the refs. One of
// fields and pattern may be nil; f is nil when fields is.
func gitlabJobOf(fields, pattern *gitlabRule, f *slipway.GitLabTrust) gitlabJob {
	var j gitlabJob
	if f != nil {
		j.GitLabTrust = *f
	}
	every := lettingInEveryBranch(fields, pattern)
	j.mergeRequests = j.MergeRequests == slipway.MergeRequestsLetIn || j.MergeRequests == slipway.MergeRequestsUsual && every
	return j
}

func lettingInEveryBranch(rules ...*gitlabRule) bool {
	return !slices.ContainsFunc(rules, func(r *gitlabRule) bool { return r != nil && !everyBranch(r.refs) })
}

func everyBranch(refs []slipway.RefRule) bool {
	return len(refs) == 0 || slices.Contains(refs, slipway.RefRule{Type: slipway.Branch})
}

// MergeRequests reports whether t lets in pipelines of merge requests, and
// whether from every branch. Both are false of a configuration that Compile
// refuses.
func MergeRequests(t slipway.Trust) (letIn, fromEveryBranch bool) {
	t, err := Normalize(t)
	if err != nil || t.Platform != slipway.GitLab {
		return false, false
	}
	fields, pattern, _, err := gitlab{}.rules(t)
	if err != nil || !gitlabJobOf(fields, pattern, t.GitLab).mergeRequests {
		return false, false
	}
	return true, lettingInEveryBranch(fields, pattern)
}

func (j gitlabJob) conditions() []condition {
	list := []condition{{check: j.checkSource}}
	if j.Protected {
		list = append(list, condition{check: func(c Claims) slipway.TrustCheck {
			return wantText(c, "ref_protected", "true", "ref_not_protected",
				"The identity is for protected branches and tags. Protect this one in GitLab, under Settings > Repository, or run the job on one that is. In merge request pipelines a ref counts as protected from GitLab 18.1 on only, and only where both branches are.")
		}})
	}
	if len(j.Environments) > 0 {
		list = append(list, condition{check: j.checkEnvironment}, condition{check: checkEnvironmentAction})
	}
	if j.ProtectedEnvironment {
		list = append(list, condition{check: func(c Claims) slipway.TrustCheck {
			return wantText(c, "environment_protected", "true", "environment_mismatch",
				"The environment is not protected. GitLab protects environments from its Premium tier on.")
		}})
	}
	if j.Runner != "" {
		list = append(list, condition{check: func(c Claims) slipway.TrustCheck {
			return wantText(c, "runner_environment", j.Runner, "runner_denied",
				"The job ran on another kind of runner than the identity allows: give the job tags of the right one.")
		}})
	}
	if j.AccessLevel != "" {
		list = append(list, condition{check: j.checkLevel})
	}
	return list
}

// wantText holds one claim against the one value that is allowed. A claim that
// is not there is missing rather than wrong.
func wantText(c Claims, name, want, reason, advice string) slipway.TrustCheck {
	got, there := c.Text(name)
	check := slipway.TrustCheck{Name: name, Want: want, Got: cut(got)}
	if !there {
		return missing(check)
	}
	return settle(check, got == want, reason, advice)
}

func missing(check slipway.TrustCheck) slipway.TrustCheck {
	check.Got = "not there"
	return settle(check, false, "claim_missing", "The token lacks a claim that a condition needs: is GitLab old, or was it made for something else than a job?")
}

func (j gitlabJob) checkSource(c Claims) slipway.TrustCheck {
	allowed := j.Sources
	if len(allowed) == 0 {
		allowed = usualSources
	}
	if j.mergeRequests {
		allowed = append(slices.Clone(allowed), mergeRequestSources...)
	}
	source, there := c.Text("pipeline_source")
	check := slipway.TrustCheck{Name: "pipeline_source", Want: cut(strings.Join(allowed, ", ")), Got: cut(source)}
	switch {
	case !there:
		return missing(check)
	case !j.mergeRequests && slices.Contains(mergeRequestSources, source):
		return settle(check, false, "pipeline_source_denied",
			"Merge requests are not let in: their code has been reviewed by nobody. Let them in on the identity, or better make a second identity for them that can review and nothing else.")
	}
	return settle(check, slices.Contains(allowed, source), "pipeline_source_denied",
		"The pipeline was started in a way that the identity does not allow. Add it to the pipeline sources if it is wanted.")
}

// checkFork refuses a job that one project runs with the code of another: a
// merge request from a fork. GitLab tells since 18.3, in job_project_id.
func checkFork(c Claims) slipway.TrustCheck {
	own, _ := c.Text("project_id")
	check := slipway.TrustCheck{Name: "fork", Want: "a job of the project itself", Got: "project " + cut(own)}
	for _, name := range []string{"job_project_id", "source_project_id"} {
		if other, there := c.Text(name); there && other != own {
			check.Got = cut("project " + own + ", " + name + " " + other)
			return settle(check, false, "fork_denied", "The job runs with the code of a fork. Anybody can make one, so no fork's job is let in.")
		}
	}
	return settle(check, true, "", "")
}

func (j gitlabJob) checkEnvironment(c Claims) slipway.TrustCheck {
	name, there := c.Text("environment")
	check := slipway.TrustCheck{Name: "environment", Want: cut(strings.Join(j.Environments, " or ")), Got: cut(name)}
	if !there {
		check.Got = "not there"
		return settle(check, false, "environment_mismatch", "The job names no environment. Give it environment: in .gitlab-ci.yml.")
	}
	ok := slices.ContainsFunc(j.Environments, func(p string) bool { return glob(p, name) })
	return settle(check, ok, "environment_mismatch", "The job deploys to another environment than those allowed. Case counts in their names.")
}

// checkEnvironmentAction refuses jobs that name an environment without
// deploying to it. Older GitLabs do not write the claim.
func checkEnvironmentAction(c Claims) slipway.TrustCheck {
	action, there := c.Text("environment_action")
	check := slipway.TrustCheck{Name: "environment_action", Want: "start", Got: cut(action)}
	if !there {
		check.Got = "not there"
	}
	return settle(check, !there || action == "start", "environment_action_denied",
		"The job stops, prepares or only looks at the environment; the identity is for jobs that deploy to it.")
}

func (j gitlabJob) checkLevel(c Claims) slipway.TrustCheck {
	level, there := c.Text("user_access_level")
	check := slipway.TrustCheck{Name: "user_access_level", Want: j.AccessLevel + " or higher", Got: cut(level)}
	if !there {
		return missing(check)
	}
	return settle(check, slices.Index(accessLevels, level) >= slices.Index(accessLevels, j.AccessLevel), "user_level",
		"Whoever started the pipeline has a lesser role in the project than the identity asks for.")
}

// jobWords says what f asks of jobs beside project and ref, each as the end of
// a sentence: "if the ref is protected".
func jobWords(f slipway.GitLabTrust) []string {
	var out []string
	add := func(on bool, words string) {
		if on {
			out = append(out, words)
		}
	}
	add(f.Protected, "if the ref is protected")
	if len(f.Environments) > 0 {
		kind := "environment "
		if f.ProtectedEnvironment {
			kind = "the protected environment "
		}
		out = append(out, "to deploy to "+kind+strings.Join(f.Environments, " or "))
	}
	add(len(f.Sources) > 0, "in pipelines by "+strings.Join(f.Sources, " or "))
	add(f.MergeRequests == slipway.MergeRequestsLetIn && !everyBranch(f.Refs), "in merge requests from there too")
	add(f.MergeRequests == slipway.MergeRequestsRefuse && everyBranch(f.Refs), "but not in merge requests")
	add(f.Runner != "", "on "+f.Runner+" runners")
	add(f.AccessLevel != "", "started by a "+f.AccessLevel+" or higher")
	return out
}
