package console

import (
	"cmp"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"slipway"
	"slipway/internal/access"
	"slipway/internal/iam"
	"slipway/internal/trust"
)

// An identityFrame is what the pages about one workload identity share: its
// heading and its tabs.
type identityFrame struct {
	Frame
	Identity           slipway.WorkloadIdentity
	At                 string // URL of its first page
	Tabs               []tab
	State              chip
	MayEdit, MayDelete bool
	MayUndelete        bool
}

type identityPage struct {
	identityFrame
	trustChoices
	Preview   preview
	Claims    []claim
	Holdings  []holding
	Exchanges []exchangeRow
	Form      form // of the sheet
}

// A claim is what a token has to say to be let in.
type claim struct{ Name, Want, Note string }

// identity returns the frame of a page about the identity in the URL, under the
// tab at path, "" for the first; a form about it has a title.
func (c *Console) identity(v visit, path, title string) (identityFrame, error) {
	w, err := c.Access.WorkloadIdentity(v.ctx(), v.who, v.r.PathValue("email"))
	if err != nil {
		return identityFrame{}, err
	}
	held, err := c.Access.Held(v.ctx(), v.who, w.Project)
	if err != nil {
		return identityFrame{}, err
	}
	at := accountURL(slipway.WorkloadIdentityKind, w.Email)
	f := identityFrame{
		Identity: w, At: at, State: chip{"ok", "Active"},
		MayEdit: held[iam.WorkloadIdentitiesUpdate], MayDelete: held[iam.WorkloadIdentitiesDelete], MayUndelete: held[iam.WorkloadIdentitiesUndelete],
	}
	switch {
	case w.Deleted:
		f.State = chip{"", "Deactivated"}
	case trustsALot(w.Trust):
		f.State = chip{"wait", "Trusts a lot"}
	}
	above := Crumb{Title: w.Title, URL: at}
	for _, t := range []tab{{Title: "Overview"}, {Title: "Exchanges", URL: "/exchanges"}, {Title: "Test a token", URL: "/test"}, {Title: "Pipeline", URL: "/pipeline"}} {
		if t.Current = t.URL == path; t.Current && path != "" {
			f.Frame = c.frame(v, t.Title, "/users", above)
		}
		t.URL = at + t.URL
		f.Tabs = append(f.Tabs, t)
	}
	if path == "" {
		f.Frame = c.accountFrame(v, title, w.Title, at)
	}
	return f, nil
}

func (c *Console) workloadIdentity(v visit) error {
	p, err := c.identityPage(v, "")
	if err != nil {
		return err
	}
	return c.show(v, "identity", p)
}

func (c *Console) identityPage(v visit, title string) (identityPage, error) {
	f, err := c.identity(v, "", title)
	p := identityPage{identityFrame: f, trustChoices: allTrustChoices}
	if err != nil {
		return p, err
	}
	p.Preview = newPreview(form{Values: trustValues(f.Identity.Trust)}, f.Identity.Trust, nil)
	p.Claims = claims(f.Identity.Trust)
	if p.Holdings, err = c.holdings(v, "workloadIdentity:"+f.Identity.Email); err != nil {
		return p, err
	}
	list, _, err := c.Access.Exchanges(v.ctx(), v.who, access.ExchangeQuery{Identity: f.Identity.Email}, slipway.Page{Size: 5})
	p.Exchanges = exchangeRows(list)
	return p, err
}

// claims says what t demands, claim by claim.
func claims(t slipway.Trust) []claim {
	out := []claim{
		{"iss", t.Issuer, "signed with a key that it publishes"},
		{"aud", strings.Join(t.Audiences, " or "), "the only audience"},
	}
	if g := t.GitLab; g != nil {
		switch {
		case g.Project != "":
			out = append(out, claim{"project_path", g.Group + "/" + g.Project, "case does not count"})
		case g.ExcludeSubgroups:
			out = append(out, claim{"namespace_path", g.Group, "projects of subgroups are left out"})
		default:
			out = append(out, claim{"namespace_path", g.Group + " or " + g.Group + "/…", "subgroups too, now and later"})
		}
		for _, r := range g.Refs {
			out = append(out, claim{"ref_type, ref", string(r.Type) + " " + cmp.Or(r.Pattern, "of any name"), "case counts"})
		}
		if len(g.Refs) == 0 {
			out = append(out, claim{"ref_type, ref", "any branch or tag", ""})
		}
	}
	out = append(out, jobClaims(t)...)
	if t.SubjectPattern != "" {
		out = append(out, claim{"sub", t.SubjectPattern, "and the claims that it names"})
	}
	return append(out, claim{"exp − iat", "at most " + hours(cmp.Or(t.MaxLifetime, 24*time.Hour)), "as long as the job may run"})
}

// jobClaims says what t demands of the job beside its project and ref.
func jobClaims(t slipway.Trust) []claim {
	var out []claim
	g := cmp.Or(t.GitLab, &slipway.GitLabTrust{})
	if g.Protected {
		out = append(out, claim{"ref_protected", "true", "protected branches and tags only"})
	}
	sources := "push, web, schedule, api, trigger, pipeline or parent_pipeline"
	if len(g.Sources) > 0 {
		sources = strings.Join(g.Sources, " or ")
	}
	merges := "merge requests are not let in"
	if letIn, _ := trust.MergeRequests(t); letIn {
		merges = "merge requests too, but not from forks"
	}
	out = append(out, claim{"pipeline_source", sources, merges})
	if len(g.Environments) > 0 {
		out = append(out, claim{"environment", strings.Join(g.Environments, " or "), "case counts"})
	}
	if g.ProtectedEnvironment {
		out = append(out, claim{"environment_protected", "true", ""})
	}
	if g.Runner != "" {
		out = append(out, claim{"runner_environment", g.Runner, ""})
	}
	if g.AccessLevel != "" {
		out = append(out, claim{"user_access_level", g.AccessLevel + " or higher", "of who started the pipeline"})
	}
	return out
}

func hours(d time.Duration) string {
	return strings.TrimSuffix(strings.TrimSuffix(d.String(), "0s"), "0m")
}

func (c *Console) editIdentityForm(v visit) error {
	p, err := c.identityPage(v, "Edit")
	if err != nil {
		return err
	}
	values := trustValues(withRef(p.Identity.Trust, v.query("type"), v.query("ref")))
	values.Set("title", p.Identity.Title)
	values.Set("revision", strconv.FormatInt(p.Identity.Revision, 10))
	p.Form = form{Values: values}
	p.Preview = c.previewOf(p.Form, nil)
	return c.show(v, "identity_edit", p)
}

// withRef returns t with one more branch or tag let in, as a link from a
// refused exchange proposes; nothing is saved before it is confirmed.
func withRef(t slipway.Trust, kind, ref string) slipway.Trust {
	if ref == "" || t.GitLab == nil || len(t.GitLab.Refs) == 0 {
		return t
	}
	fields := *t.GitLab
	fields.Refs = append(slices.Clone(fields.Refs), slipway.RefRule{Type: slipway.RefType(kind), Pattern: ref})
	t.GitLab = &fields
	return t
}

// editIdentity saves what was changed and nothing else: a trust whose fields
// are as they were stays as it is stored, whatever the fields can't say.
func (c *Console) editIdentity(v visit) error {
	p, err := c.identityPage(v, "Edit")
	if err != nil {
		return err
	}
	if p.Form, err = v.form(); err != nil {
		return err
	}
	f := &p.Form
	var change access.WorkloadIdentityChange
	if title := typed(f.Values, "title"); title != p.Identity.Title {
		f.check("title", slipway.CheckTitle("name", title))
		change.Title = &title
	}
	if !sameTrust(f.Values, trustValues(p.Identity.Trust)) {
		trustOf(f, p.Identity.Trust)
		if change.Revision, err = strconv.ParseInt(f.Get("revision"), 10, 64); err != nil {
			return slipway.Errorf(slipway.Invalid, "The form was not made by this page: open it again.")
		}
		change.Trust = func(stored slipway.Trust) (slipway.Trust, error) { return trustOf(f, stored), nil }
	}
	if f.ok() {
		_, err := c.Access.UpdateWorkloadIdentity(v.ctx(), v.who, p.Identity.Email, change)
		if slipway.KindOf(err) == slipway.Conflict {
			return c.editConflict(v, p)
		}
		if err != nil {
			if err = f.take(err); err != nil {
				return err
			}
		}
	}
	p.Preview = c.previewOf(*f, nil)
	if !f.ok() {
		return c.showForm(v, "identity_edit", *f, p)
	}
	return c.done(v, p.At, "Saved.")
}

// editConflict says what somebody else wrote meanwhile, and keeps what was
// typed: whoever confirms again has seen what they replace.
func (c *Console) editConflict(v visit, p identityPage) error {
	w, err := c.Access.WorkloadIdentity(v.ctx(), v.who, p.Identity.Email)
	if err != nil {
		return err
	}
	p.Form.Error = fmt.Sprintf("Somebody else has changed this identity since you opened it. It now lets in: %s. Confirm again to replace that by what stands here.", subjectOf(w.Trust))
	p.Form.status = statusOf[slipway.Conflict]
	p.Form.Set("revision", strconv.FormatInt(w.Revision, 10))
	p.Preview = c.previewOf(p.Form, nil)
	return c.showForm(v, "identity_edit", p.Form, p)
}

func (c *Console) deleteIdentity(v visit) error {
	f, err := c.identity(v, "", "")
	if err != nil {
		return err
	}
	q := question{
		Frame: c.frame(v, "Deactivate "+f.Identity.Title+"?", "/users", Crumb{Title: f.Identity.Title, URL: f.At}),
		Text:  "No token is exchanged for it from now on, and those that were are worth nothing at once. It is not erased, since its name stands in the record of what was changed; it can be restored.",
		Act:   "Deactivate", Danger: true, Back: f.At,
	}
	if v.r.Method != http.MethodPost {
		return c.ask(v, q)
	}
	if err := c.Access.DeleteWorkloadIdentity(v.ctx(), v.who, f.Identity.Email); err != nil {
		if err = q.Form.take(err); err != nil {
			return err
		}
		return c.ask(v, q)
	}
	return c.done(v, f.At, f.Identity.Title+" is deactivated.")
}

func (c *Console) undeleteIdentity(v visit) error {
	w, err := c.Access.UndeleteWorkloadIdentity(v.ctx(), v.who, v.r.PathValue("email"))
	if err != nil {
		return err
	}
	return c.done(v, accountURL(slipway.WorkloadIdentityKind, w.Email), w.Title+" lets jobs in again.")
}

// jobURL returns a page of GitLab below a job's project, or "" where the claims
// do not say which.
func jobURL(j slipway.Job, below, id string) string {
	if j.Issuer == "" || j.ProjectPath == "" || id == "" || !strings.HasPrefix(j.Issuer, "https://") {
		return ""
	}
	u, err := url.Parse(j.Issuer)
	if err != nil {
		return ""
	}
	return u.JoinPath(j.ProjectPath, "-", below, url.PathEscape(id)).String()
}
