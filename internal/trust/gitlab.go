package trust

import (
	"encoding/json"
	"net/url"
	"slices"
	"strings"

	"slipway"
)

// gitlab is GitLab CI: gitlab.com and self-managed instances (id_tokens, since
// GitLab 15.7).
type gitlab struct{}

// A gitlabRule says which jobs are meant. Either projectID or group is set.
type gitlabRule struct {
	group     string // full path
	project   string // one segment; "" is every project below group
	direct    bool   // with project "": leave out subgroups
	projectID string
	refs      []slipway.RefRule // none is every branch and tag
}

// fromPath sets group and project from the value of project_path in a subject
// pattern: "my-group/app", or "my-group/*" for all below my-group.
func (r *gitlabRule) fromPath(value string) error {
	cut := strings.LastIndexByte(value, '/')
	if cut < 0 {
		return problem(subjectField, "", "subject pattern: project_path is GROUP/PROJECT or GROUP/*, not %.200q", value)
	}
	r.group, r.project = value[:cut], value[cut+1:]
	if wrong := checkPath(r.group); wrong != "" {
		return problem(subjectField, "", "subject pattern: project_path %.200q: %s", value, wrong)
	}
	if r.project == "*" {
		r.project = ""
		return nil
	}
	if wrong := checkSegment(r.project); wrong != "" {
		return problem(subjectField, "", "subject pattern: project_path %.200q: %s", value, wrong)
	}
	return nil
}

// rules returns the rule of the fields, the rule of the subject pattern, and
// the pattern; each is nil where t has none. t is normal.
func (gitlab) rules(t slipway.Trust) (fields, pattern *gitlabRule, sub *subject, err error) {
	if g := t.GitLab; g != nil {
		fields = &gitlabRule{group: g.Group, project: g.Project, direct: g.ExcludeSubgroups, refs: g.Refs}
	}
	if t.SubjectPattern != "" {
		s, err := parseSubject(t.SubjectPattern)
		if err != nil {
			return nil, nil, nil, err
		}
		pattern, sub = &s.rule, &s
	}
	return fields, pattern, sub, nil
}

// GitLab signs with RSA and SHA-256 only, whatever else its keys could do.
func (gitlab) algorithms() []string { return []string{"RS256"} }

func (g gitlab) normalize(t slipway.Trust) (slipway.Trust, error) {
	t.Issuer = strings.TrimRight(t.Issuer, "/") // GitLab's iss never ends with one
	t.SubjectPattern = strings.TrimSpace(t.SubjectPattern)
	if t.GitLab == nil && t.SubjectPattern == "" {
		return t, problem("gitlab.group", "", "group: say which group or user may sign in; without it every project on %s could", t.Issuer)
	}
	if t.GitLab != nil {
		fields, err := normalFields(t.Issuer, *t.GitLab)
		if err != nil {
			return t, err
		}
		t.GitLab = &fields
		// A client that was shown the computed pattern sends it back: it says
		// nothing new, and as a condition it would bind the job to one form of sub.
		if t.SubjectPattern == fieldsPattern(fields) {
			t.SubjectPattern = ""
		}
	}
	if t.SubjectPattern != "" {
		if _, err := parseSubject(t.SubjectPattern); err != nil {
			return t, err
		}
	}
	return t, nil
}

// normalFields returns f as it is stored. issuer is the instance's URL, which
// people paste in front of a group's path.
func normalFields(issuer string, f slipway.GitLabTrust) (slipway.GitLabTrust, error) {
	group, project := strings.TrimSpace(f.Group), strings.TrimSpace(f.Project)
	if len(group) > len(issuer) && strings.EqualFold(group[:len(issuer)+1], issuer+"/") {
		group = group[len(issuer):]
	}
	if strings.Contains(group, "://") {
		return f, problem("gitlab.group", "", "group %.200q is a URL of another host than %s", group, issuer)
	}
	f.Group, f.Project = strings.Trim(group, "/"), strings.Trim(project, "/")
	if f.Group == "" {
		return f, problem("gitlab.group", "", "group: say which group or user may sign in; without it every project on %s could", issuer)
	}
	if wrong := checkPath(f.Group); wrong != "" {
		return f, problem("gitlab.group", "", "group %.200q: %s", f.Group, wrong)
	}
	if above, name, nested := cutLast(f.Project, "/"); nested {
		return f, problem("gitlab.project", "", "project %.200q: write the project's own name here (%.80q) and the path of its group in the group field (%.200q)", f.Project, name, f.Group+"/"+above)
	}
	if f.Project != "" {
		if wrong := checkSegment(f.Project); wrong != "" {
			return f, problem("gitlab.project", "", "project %.200q: %s", f.Project, wrong)
		}
	}
	var err error
	if f.Refs, err = refRules(f.Refs); err != nil {
		return f, err
	}
	return normalJob(f)
}

func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return "", s, false
}

func (g gitlab) conditions(t slipway.Trust) ([]condition, error) {
	fields, pattern, sub, err := g.rules(t)
	if err != nil {
		return nil, err
	}
	list := []condition{
		{gate: true, check: gitlabTypes},
		{gate: true, check: gitlabClass},
		{gate: true, check: gitlabPresent},
		{check: gitlabNamespace},
		{check: gitlabRefPath},
	}
	job := gitlabJobOf(fields, pattern, t.GitLab)
	if job.mergeRequests {
		// Before the project: a fork's merge request names the fork's.
		list = append(list, condition{check: checkFork})
	}
	if fields != nil {
		list = append(list, fields.conditions("")...)
	}
	if pattern != nil {
		list = append(list, pattern.conditions(" (from the subject pattern)")...)
	}
	if !job.mergeRequests {
		list = append(list, condition{check: checkFork})
	}
	list = append(list, job.conditions()...)
	list = append(list, condition{check: gitlabSubject})
	if sub != nil {
		list = append(list, condition{check: func(c Claims) slipway.TrustCheck {
			check := slipway.TrustCheck{Name: "subject_pattern", Want: t.SubjectPattern, Got: cut(c.Subject)}
			return settle(check, sub.match(c.Subject), "subject_mismatch",
				"The token's sub has another form than the pattern. A project can change its sub; then clear the pattern and use the group, project and ref fields.")
		}})
	}
	return list, nil
}

// conditions returns what r demands; note tells where r comes from.
func (r gitlabRule) conditions(note string) []condition {
	return []condition{
		{check: func(c Claims) slipway.TrustCheck { return r.checkProject(c, note) }},
		{check: func(c Claims) slipway.TrustCheck { return r.checkRefType(c, note) }},
		{check: func(c Claims) slipway.TrustCheck { return r.checkRef(c, note) }},
	}
}

func (r gitlabRule) checkProject(c Claims, note string) slipway.TrustCheck {
	if r.projectID != "" {
		id, _ := c.Text("project_id")
		check := slipway.TrustCheck{Name: "project_id", Want: r.projectID + note, Got: cut(id)}
		return settle(check, id == r.projectID, "project_mismatch", "The job runs in another project than the one allowed.")
	}
	path, _ := c.Text("project_path")
	namespace, _ := c.Text("namespace_path")
	if r.project != "" {
		want := r.group + "/" + r.project
		check := slipway.TrustCheck{Name: "project_path", Want: want + note, Got: cut(path)}
		return settle(check, lower(path) == lower(want), "project_mismatch",
			"The job runs in another project than the one allowed. If the project was renamed or moved, write its new path.")
	}
	group, got := lower(r.group), lower(namespace)
	want := r.group + " or a group below it"
	ok := got == group || strings.HasPrefix(got, group+"/")
	if r.direct {
		want, ok = r.group+" itself", got == group
	}
	check := slipway.TrustCheck{Name: "namespace_path", Want: want + note, Got: cut(namespace)}
	return settle(check, ok, "namespace_mismatch", "The job's project is not in the group allowed.")
}

func (r gitlabRule) checkRefType(c Claims, note string) slipway.TrustCheck {
	typ, _ := c.Text("ref_type")
	allowed := []string{string(slipway.Branch), string(slipway.Tag)}
	if len(r.refs) > 0 {
		allowed = nil
		for _, ref := range r.refs {
			if !slices.Contains(allowed, string(ref.Type)) {
				allowed = append(allowed, string(ref.Type))
			}
		}
	}
	check := slipway.TrustCheck{Name: "ref_type", Want: strings.Join(allowed, " or ") + note, Got: cut(typ)}
	return settle(check, slices.Contains(allowed, typ), "ref_type_mismatch",
		"The job runs for another kind of ref than the ones allowed: a tag does not stand for a branch of the same name.")
}

func (r gitlabRule) checkRef(c Claims, note string) slipway.TrustCheck {
	typ, _ := c.Text("ref_type")
	ref, _ := c.Text("ref")
	ok := len(r.refs) == 0 || slices.ContainsFunc(r.refs, func(rule slipway.RefRule) bool {
		return matchRef(rule, slipway.RefType(typ), ref)
	})
	check := slipway.TrustCheck{Name: "ref", Want: cut(refsInWords(r.refs)) + note, Got: cut(ref)}
	return settle(check, ok, "ref_mismatch",
		"The job runs for another branch or tag than the ones allowed. Case counts in their names.")
}

// gitlabTypes holds the types of GitLab's claims: a string that is suddenly a
// number is no token of GitLab's. Claims about people and configuration may be
// null; nothing is decided on them.
func gitlabTypes(c Claims) slipway.TrustCheck {
	check := slipway.TrustCheck{Name: "claims", Want: "GitLab's claims, each of its type"}
	for _, name := range []string{
		"project_id", "project_path", "namespace_id", "namespace_path", "ref", "ref_type", "ref_path", "ref_protected",
		"pipeline_id", "job_id", "job_project_id", "job_project_path", "job_namespace_id", "job_namespace_path",
	} {
		if v, there := c.all[name]; there {
			if _, ok := v.(string); !ok {
				check.Got = name + " is not a string"
				return settle(check, false, "claims_malformed", "GitLab writes this claim as a string: who made this token?")
			}
		}
	}
	for _, name := range []string{
		"pipeline_source", "user_id", "user_login", "user_email", "user_access_level", "environment", "environment_protected",
		"deployment_tier", "runner_environment", "sha", "ci_config_ref_uri", "ci_config_sha", "project_visibility",
	} {
		if _, ok := c.all[name].(string); !ok && c.all[name] != nil {
			check.Got = name + " is not a string"
			return settle(check, false, "claims_malformed", "GitLab writes this claim as a string: who made this token?")
		}
	}
	if _, ok := c.all["runner_id"].(json.Number); !ok && c.all["runner_id"] != nil {
		check.Got = "runner_id is not a number"
		return settle(check, false, "claims_malformed", "GitLab writes this claim as a number: who made this token?")
	}
	return settle(check, true, "", "")
}

// gitlabClass tells a job's token from the token that "Sign in with GitLab"
// gives to web sites: the same issuer signs both with the same set of keys
// (RFC 8725 §3.12).
func gitlabClass(c Claims) slipway.TrustCheck {
	check := slipway.TrustCheck{Name: "token_class", Want: "the token of a CI job"}
	for _, name := range []string{"job_id", "pipeline_id"} {
		if v, _ := c.Text(name); v == "" {
			check.Got = "no " + name
			return settle(check, false, "not_a_job_token", "Only tokens from a job's id_tokens entry are exchanged, no sign-in tokens.")
		}
	}
	check.Got = check.Want
	return settle(check, true, "", "")
}

func gitlabPresent(c Claims) slipway.TrustCheck {
	check := slipway.TrustCheck{Name: "required_claims", Want: "project_id, project_path, namespace_path, ref, ref_type"}
	for name := range strings.SplitSeq(check.Want, ", ") {
		if v, _ := c.Text(name); v == "" {
			check.Got = "no " + name
			return settle(check, false, "claim_missing", "Every GitLab since 15.7 writes this claim into ID tokens.")
		}
	}
	check.Got = "all"
	return settle(check, true, "", "")
}

// gitlabNamespace wants the project to lie directly in its namespace.
func gitlabNamespace(c Claims) slipway.TrustCheck {
	namespace, _ := c.Text("namespace_path")
	path, _ := c.Text("project_path")
	check := slipway.TrustCheck{Name: "paths", Want: "project_path is namespace_path and one name", Got: cut(path + " in " + namespace)}
	above, _, nested := cutLast(path, "/")
	return settle(check, nested && isPath(path) && lower(above) == lower(namespace), "claims_inconsistent",
		"The token contradicts itself about its project: no GitLab makes such a token.")
}

// gitlabRefPath wants ref_path, which GitLab writes since 16.0, to say the same
// as ref and ref_type.
func gitlabRefPath(c Claims) slipway.TrustCheck {
	ref, _ := c.Text("ref")
	typ, _ := c.Text("ref_type")
	got, there := c.Text("ref_path")
	want := map[string]string{"branch": "refs/heads/" + ref, "tag": "refs/tags/" + ref}[typ]
	check := slipway.TrustCheck{Name: "ref_path", Want: cut(want), Got: cut(got)}
	if !there {
		check.Got = "not there"
	}
	// Of an unknown ref_type nothing follows here; the rule refuses it.
	return settle(check, !there || want == "" || got == want, "claims_inconsistent",
		"The token contradicts itself about its ref: no GitLab makes such a token.")
}

func gitlabSubject(c Claims) slipway.TrustCheck {
	check := slipway.TrustCheck{Name: "subject", Want: "the same project and ref as the other claims", Got: cut(c.Subject)}
	return settle(check, agree(c.Subject, c), "sub_inconsistent",
		"The token's sub says something else than its other claims: no GitLab makes such a token.")
}

func (gitlab) job(c Claims) slipway.Job {
	text := func(name string) string { s, _ := c.Text(name); return cut(s) }
	return slipway.Job{
		Issuer: c.Issuer, ProjectPath: text("project_path"), ProjectID: text("project_id"),
		Ref: text("ref"), RefType: text("ref_type"), SHA: text("sha"),
		PipelineID: text("pipeline_id"), JobID: text("job_id"),
		UserLogin: text("user_login"), UserEmail: text("user_email"), Source: text("pipeline_source"),
	}
}

func (g gitlab) pattern(t slipway.Trust) string {
	if t.SubjectPattern != "" || t.GitLab == nil {
		return t.SubjectPattern
	}
	return fieldsPattern(*t.GitLab)
}

// fieldsPattern returns the subject pattern that says the same as f, or "".
func fieldsPattern(f slipway.GitLabTrust) string {
	if len(f.Refs) > 1 || f.Project == "" && f.ExcludeSubgroups || len(jobWords(f)) > 0 {
		return ""
	}
	path := "project_path:" + f.Group + "/"
	switch {
	case f.Project == "" && len(f.Refs) == 0:
		return path + "*"
	case f.Project == "":
		path += "*"
	default:
		path += f.Project
	}
	switch {
	case len(f.Refs) == 0:
		return path + ":*"
	case f.Refs[0].Pattern == "":
		return path + ":ref_type:" + string(f.Refs[0].Type) + ":*"
	}
	return path + ":ref_type:" + string(f.Refs[0].Type) + ":ref:" + f.Refs[0].Pattern
}

func (g gitlab) sentence(t slipway.Trust) string {
	fields, pattern, _, err := g.rules(t)
	if err != nil {
		return "Nobody may sign in: " + slipway.MessageOf(err)
	}
	extra := ""
	rule := fields
	switch {
	case fields == nil:
		rule = pattern
	case pattern != nil:
		extra = ", if it is also " + pattern.words()
	}
	host := t.Issuer
	if u, err := url.Parse(t.Issuer); err == nil {
		host = u.Host + u.Path
	}
	if t.GitLab != nil {
		for _, words := range jobWords(*t.GitLab) {
			extra += ", " + words
		}
	}
	s := rule.words() + " on " + host + " may sign in" + extra
	return strings.ToUpper(s[:1]) + s[1:]
}

// words says whom r means: "branch main of my-group/app".
func (r gitlabRule) words() string {
	switch {
	case r.projectID != "":
		return refsInWords(r.refs) + " of the project with id " + r.projectID
	case r.project != "":
		return refsInWords(r.refs) + " of " + r.group + "/" + r.project
	case r.direct:
		return refsInWords(r.refs) + " of every project directly in " + r.group
	}
	return refsInWords(r.refs) + " of every project in " + r.group + " and its subgroups"
}
