package console

import (
	"errors"
	"fmt"
	"net/url"
	"reflect"
	"slices"
	"strings"

	"slipway"
	"slipway/internal/trust"
)

// usualIssuer is the GitLab URL that an empty field stands for.
const usualIssuer = "https://gitlab.com"

// The choices of Allowed Branches/Tags. What none of the guide's three can say
// is written line by line.
var refChoices = []option{
	{Value: "all", Label: "All branches and tags"},
	{Value: "branch", Label: "Specific branch"},
	{Value: "tag", Label: "Specific tag"},
	{Value: "several", Label: "Several branches and tags"},
}

var platforms = []option{{Value: string(slipway.GitLab), Label: "GitLab CI"}}

// The choices of the conditions on a job.
var (
	mergeRequestChoices = []option{
		{Value: string(slipway.MergeRequestsUsual), Label: "Let in where every branch is"},
		{Value: string(slipway.MergeRequestsLetIn), Label: "Let in"},
		{Value: string(slipway.MergeRequestsRefuse), Label: "Not let in"},
	}
	runnerChoices = []option{{Label: "Any"}, {Value: "gitlab-hosted", Label: "GitLab's own"}, {Value: "self-hosted", Label: "Self-hosted"}}
	levelChoices  = []option{
		{Label: "Any"},
		{Value: "guest", Label: "Guest"},
		{Value: "planner", Label: "Planner"},
		{Value: "reporter", Label: "Reporter"},
		{Value: "developer", Label: "Developer"},
		{Value: "maintainer", Label: "Maintainer"},
		{Value: "owner", Label: "Owner"},
	}
)

// trustChoices are the lists that the fields of trust choose from.
type trustChoices struct {
	Platforms, Refs, MergeRequests, Runners, Levels []option
}

var allTrustChoices = trustChoices{platforms, refChoices, mergeRequestChoices, runnerChoices, levelChoices}

// trustFields are the fields that trustOf reads.
var trustFields = append([]string{"platform", "group", "project", "direct", "refs", "branch", "tag", "several", "protected", "issuer", "audiences", "pattern"}, conditionFields...)

// conditionFields are those of them that stand under Conditions.
var conditionFields = []string{"merge-requests", "sources", "environments", "protected-environment", "runner", "level"}

// trustValues returns the fields that say what t says, all of it but the
// longest lifetime, which no field holds and every edit keeps.
func trustValues(t slipway.Trust) url.Values {
	v := url.Values{}
	v.Set("platform", string(t.Platform))
	v.Set("issuer", t.Issuer)
	v.Set("audiences", strings.Join(t.Audiences, "\n"))
	v.Set("pattern", t.SubjectPattern)
	v.Set("refs", "all")
	if t.GitLab == nil {
		return v
	}
	v.Set("group", t.GitLab.Group)
	v.Set("project", t.GitLab.Project)
	if t.GitLab.ExcludeSubgroups {
		v.Set("direct", "yes")
	}
	if t.GitLab.Protected {
		v.Set("protected", "yes")
	}
	v.Set("merge-requests", string(t.GitLab.MergeRequests))
	v.Set("sources", strings.Join(t.GitLab.Sources, "\n"))
	v.Set("environments", strings.Join(t.GitLab.Environments, "\n"))
	if t.GitLab.ProtectedEnvironment {
		v.Set("protected-environment", "yes")
	}
	v.Set("runner", t.GitLab.Runner)
	v.Set("level", t.GitLab.AccessLevel)
	refs := t.GitLab.Refs
	switch {
	case len(refs) == 1:
		v.Set("refs", string(refs[0].Type))
		v.Set(string(refs[0].Type), refs[0].Pattern)
	case len(refs) > 1:
		lines := make([]string, len(refs))
		for i, r := range refs {
			lines[i] = strings.TrimSpace(string(r.Type) + " " + r.Pattern)
		}
		v.Set("refs", "several")
		v.Set("several", strings.Join(lines, "\n"))
	}
	return v
}

// sameTrust reports whether two sets of values say the same in every field of
// trust: then an edit touches nothing of it.
func sameTrust(a, b url.Values) bool {
	return !slices.ContainsFunc(trustFields, func(name string) bool { return typed(a, name) != typed(b, name) })
}

// typed returns what a field holds without what browsers and people put around
// it.
func typed(v url.Values, name string) string {
	return strings.TrimSpace(strings.ReplaceAll(v.Get(name), "\r\n", "\n"))
}

// trustOf returns stored with what the form says in its place, and blames the
// fields that are wrong. It is checked, and not yet normalised.
func trustOf(f *form, stored slipway.Trust) slipway.Trust {
	t := stored
	t.Platform = slipway.Platform(typed(f.Values, "platform"))
	if t.Issuer = typed(f.Values, "issuer"); t.Issuer == "" {
		t.Issuer = usualIssuer
	}
	t.Audiences = lines(f.Get("audiences"))
	if len(t.Audiences) == 0 {
		t.Audiences = []string{strings.TrimRight(t.Issuer, "/")}
	}
	t.SubjectPattern = typed(f.Values, "pattern")
	t.GitLab = &slipway.GitLabTrust{
		Group: typed(f.Values, "group"), Project: typed(f.Values, "project"), ExcludeSubgroups: f.Get("direct") != "",
		Refs: refsOf(f), Protected: f.Get("protected") != "",
		MergeRequests: slipway.MergeRequests(f.Get("merge-requests")), Sources: lines(f.Get("sources")),
		Environments: lines(f.Get("environments")), ProtectedEnvironment: f.Get("protected-environment") != "",
		Runner: f.Get("runner"), AccessLevel: f.Get("level"),
	}
	if t.SubjectPattern != "" && reflect.ValueOf(*t.GitLab).IsZero() {
		t.GitLab = nil // an identity by subject pattern alone stays one
	}
	if _, err := trust.Compile(t); err != nil {
		f.blameTrust(err)
	}
	return t
}

// refsOf reads Allowed Branches/Tags. An empty name is every ref of the chosen
// kind, never of the other.
func refsOf(f *form) []slipway.RefRule {
	switch kind := f.Get("refs"); kind {
	case "branch", "tag":
		return []slipway.RefRule{{Type: slipway.RefType(kind), Pattern: typed(f.Values, kind)}}
	case "several":
		var rules []slipway.RefRule
		for i, line := range lines(f.Get("several")) {
			kind, pattern, _ := strings.Cut(line, " ")
			if kind != string(slipway.Branch) && kind != string(slipway.Tag) {
				f.blame("several", fmt.Sprintf("line %d begins neither with branch nor with tag: write branch main, or tag v*", i+1))
				continue
			}
			rules = append(rules, slipway.RefRule{Type: slipway.RefType(kind), Pattern: strings.TrimSpace(pattern)})
		}
		if len(rules) == 0 {
			f.blame("several", "write at least one line, such as branch main; for every branch and tag choose All branches and tags")
		}
		return rules
	case "all", "":
		return nil
	default:
		f.blame("refs", "choose one of the four")
		return nil
	}
}

// lines returns the lines of text that hold something.
func lines(text string) []string {
	var out []string
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" {
			out = append(out, line)
		}
	}
	return out
}

// blameTrust puts what is wrong with a trust beside the field that it is about.
func (f *form) blameTrust(err error) {
	problem, ok := errors.AsType[*trust.Problem](err)
	if !ok {
		f.Error = sentence(slipway.MessageOf(err))
		return
	}
	field := map[string]string{
		"platform": "platform", "gitlab.group": "group", "gitlab.project": "project",
		"issuer": "issuer", "audiences": "audiences", "subject_pattern": "pattern",
		"gitlab.merge_requests": "merge-requests", "gitlab.sources": "sources", "gitlab.environments": "environments",
		"gitlab.runner": "runner", "gitlab.access_level": "level",
	}[problem.Field]
	if problem.Field == "gitlab.refs" {
		field = f.Get("refs")
	}
	if field == "" {
		f.Error = sentence(slipway.MessageOf(err))
		return
	}
	f.blame(field, slipway.MessageOf(err))
}

// Advanced reports whether a field under Advanced settings is wrong, so that it
// shows.
func (f form) Advanced() bool {
	return f.Wrong["issuer"] != "" || f.Wrong["audiences"] != "" || f.Wrong["pattern"] != ""
}

// Conditions reports whether a field under Conditions is wrong or says
// something, so that it shows.
func (f form) Conditions() bool {
	return slices.ContainsFunc(conditionFields, func(name string) bool { return f.Wrong[name] != "" || typed(f.Values, name) != "" })
}

// A preview says in words what a form that is still being filled in amounts to.
type preview struct {
	Subject  string // "Any branch or tag of my-group/my-project on gitlab.com"
	Roles    string // what else the sentence says
	Pattern  string // "" where no single pattern says the same
	Wrong    string // why nobody may sign in yet
	Warnings []string
	Fields   []fieldError // for htmx to put beside the fields
}

type fieldError struct{ Name, Words string }

// newPreview is made by the evaluator that decides about tokens. Roles are
// titles; nil says nothing about roles.
func newPreview(f form, t slipway.Trust, roles []string) preview {
	p := preview{Pattern: trust.Pattern(t)}
	// Nobody has done wrong by a field that is yet to be filled in.
	for _, name := range trustFields {
		words := f.Wrong[name]
		if typed(f.Values, name) == "" {
			words = ""
		}
		p.Fields = append(p.Fields, fieldError{name, words})
		if p.Wrong == "" {
			p.Wrong = f.Wrong[name]
		}
	}
	if p.Wrong != "" {
		return p
	}
	p.Subject = subjectOf(t)
	if len(roles) > 0 {
		p.Roles = " as " + strings.Join(roles, ", ") + " in every project"
	}
	p.Warnings = warnings(t)
	return p
}

// warnings says what of t lets in more than people expect.
func warnings(t slipway.Trust) []string {
	n, err := trust.Normalize(t)
	if err != nil || n.GitLab == nil {
		return nil
	}
	var out []string
	if n.GitLab.Project == "" {
		below := " and in every subgroup of it"
		if n.GitLab.ExcludeSubgroups {
			below = ""
		}
		out = append(out, "Projects that are made later in "+n.GitLab.Group+below+" are let in too.")
	}
	anyBranch := slices.ContainsFunc(n.GitLab.Refs, func(r slipway.RefRule) bool { return r.Type == slipway.Branch && r.Pattern == "" })
	if (len(n.GitLab.Refs) == 0 || anyBranch) && !n.GitLab.Protected {
		out = append(out, "Branches that nobody has reviewed are let in too. For an identity that deploys, choose Specific branch, or protected ones only.")
	}
	return out
}
