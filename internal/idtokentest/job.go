package idtokentest

import (
	"crypto/rand"
	"maps"
	"path"
	"testing"
	"time"
)

// A Job is a CI job, as far as it shows in its token. Empty fields are those of
// a push to branch main of my-group/app.
type Job struct {
	Project  string // full path
	Ref      string
	RefType  string // "branch" or "tag"
	Audience string // "" is the issuer's URL, as GitLab fills it in
	Source   string // pipeline_source
}

// Claims returns what the token of job says at now, with GitLab's names and
// types. The token begins 5 s ago and lasts an hour.
func Claims(issuer string, job Job, now time.Time) map[string]any {
	or := func(s, usual string) string {
		if s == "" {
			return usual
		}
		return s
	}
	project, ref, typ := or(job.Project, "my-group/app"), or(job.Ref, "main"), or(job.RefType, "branch")
	namespace, name := path.Dir(project), path.Base(project)
	refPath := map[string]string{"branch": "refs/heads/", "tag": "refs/tags/"}[typ] + ref
	const sha = "714a629c0b401fdce83e847fc9589983fc6f46bc"
	return map[string]any{
		"iss": issuer, "aud": or(job.Audience, issuer), "jti": rand.Text(),
		"sub": "project_path:" + namespace + "/" + name + ":ref_type:" + typ + ":ref:" + ref,
		"iat": now.Unix(), "nbf": now.Unix() - 5, "exp": now.Unix() + 3600,
		"namespace_id": "72", "namespace_path": namespace, "project_id": "20", "project_path": project,
		"job_namespace_id": "72", "job_namespace_path": namespace, "job_project_id": "20", "job_project_path": project,
		"user_id": "1", "user_login": "sample", "user_email": "sample@example.com", "user_access_level": "maintainer",
		"pipeline_id": "574", "pipeline_source": or(job.Source, "push"), "job_id": "302",
		"ref": ref, "ref_type": typ, "ref_path": refPath, "ref_protected": "true",
		"runner_id": 1, "runner_environment": "self-hosted", "sha": sha, "project_visibility": "private",
		"ci_config_ref_uri": "gitlab.example.com/" + project + "//.gitlab-ci.yml@" + refPath, "ci_config_sha": sha,
	}
}

// Token returns the token of job, signed now.
func (i *Issuer) Token(t testing.TB, job Job) string {
	t.Helper()
	return i.Key().Sign(t, i.Claims(job))
}

// Claims returns what the token of job says now, to be changed and signed.
func (i *Issuer) Claims(job Job) map[string]any { return Claims(i.URL(), job, i.now()) }

// With returns claims with those of changes; a nil value in changes takes the
// claim out.
func With(claims, changes map[string]any) map[string]any {
	out := maps.Clone(claims)
	for name, v := range changes {
		if v == nil {
			delete(out, name)
			continue
		}
		out[name] = v
	}
	return out
}
