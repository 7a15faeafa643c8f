package console

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"slipway"
	"slipway/internal/access"
	"slipway/internal/iam"
)

// An exchangeRow is an exchange in a list.
type exchangeRow struct {
	slipway.Exchange
	URL     string
	Outcome chip
	Why     string // title of the check that failed first

	PipelineURL, JobURL, CommitURL string // in GitLab; "" for none
}

func exchangeRows(list []slipway.Exchange) []exchangeRow {
	rows := make([]exchangeRow, len(list))
	for i, x := range list {
		rows[i] = newExchangeRow(x)
	}
	return rows
}

func newExchangeRow(x slipway.Exchange) exchangeRow {
	r := exchangeRow{
		Exchange: x, URL: "/exchanges/" + x.Reference, Outcome: chip{"ok", "Let in"},
		PipelineURL: jobURL(x.Job, "pipelines", x.Job.PipelineID), JobURL: jobURL(x.Job, "jobs", x.Job.JobID), CommitURL: jobURL(x.Job, "commit", x.Job.SHA),
	}
	if !x.Allowed {
		r.Outcome = chip{"bad", "Refused"}
		if i := firstFailed(x.Checks); i >= 0 {
			r.Why = checkTitle(x.Checks[i].Name)
		}
	}
	return r
}

// ShortSHA returns as much of the commit as people read out.
func (r exchangeRow) ShortSHA() string {
	return r.Job.SHA[:min(len(r.Job.SHA), 12)]
}

type exchangesPage struct {
	identityFrame
	Outcome string
	Rows    []exchangeRow
	Pager   pager
}

// exchanges lists the exchanges of one identity.
func (c *Console) exchanges(v visit) error {
	f, err := c.identity(v, "/exchanges", "")
	if err != nil {
		return err
	}
	page, err := v.after(50)
	if err != nil {
		return err
	}
	p := exchangesPage{identityFrame: f, Outcome: v.query("outcome")}
	list, next, err := c.Access.Exchanges(v.ctx(), v.who, access.ExchangeQuery{Identity: f.Identity.Email, Outcome: p.Outcome}, page)
	if err != nil {
		return err
	}
	p.Rows, p.Pager = exchangeRows(list), v.pager(next)
	return c.show(v, "exchanges", p)
}

type exchangePage struct {
	Frame
	X        exchangeRow
	Name     string // of the identity, or its address where there is none
	Identity string // URL of its page; "" where there is none
	MayEdit  bool
	Allow    string // URL of the edit that would let this ref in; "" where that is not all that is wrong
	Headline string
	Advice   string
	Checks   []checkRow
	Claims   string
}

// A checkRow is one check, what the token said beside what was expected.
type checkRow struct {
	Title             string
	Outcome           chip
	Got, Want, Advice string
}

// exchange explains one exchange, check by check.
func (c *Console) exchange(v visit) error {
	x, err := c.Access.ExchangeByReference(v.ctx(), v.who, v.r.PathValue("reference"))
	if err != nil {
		return err
	}
	p := exchangePage{X: newExchangeRow(x), Name: x.Identity, Checks: checkRows(x.Checks), Claims: pretty(x.Claims)}
	p.Headline, p.Advice = explain(x.Checks, x.Job)
	var above []Crumb
	w, err := c.Access.WorkloadIdentity(v.ctx(), v.who, x.Identity)
	switch kind := slipway.KindOf(err); {
	case err == nil:
		p.Name, p.Identity = w.Title, accountURL(slipway.WorkloadIdentityKind, w.Email)
		above = []Crumb{{Title: w.Title, URL: p.Identity}, {Title: "Exchanges", URL: p.Identity + "/exchanges"}}
		held, err := c.Access.Held(v.ctx(), v.who, w.Project)
		if err != nil {
			return err
		}
		p.MayEdit = held[iam.WorkloadIdentitiesUpdate] && !w.Deleted
		if p.MayEdit && onlyRefRefused(x.Checks) && w.Trust.GitLab != nil && w.Trust.SubjectPattern == "" {
			p.Allow = p.Identity + "/edit?" + url.Values{"type": {x.Job.RefType}, "ref": {x.Job.Ref}}.Encode()
		}
	case kind != slipway.NotFound && kind != slipway.Denied:
		return err
	}
	p.Frame = c.frame(v, x.Reference, "/users", above...)
	return c.show(v, "exchange", p)
}

// onlyRefRefused reports whether nothing but the branch or tag is wrong.
func onlyRefRefused(checks []slipway.TrustCheck) bool {
	return firstFailed(checks) >= 0 && !slices.ContainsFunc(checks, func(c slipway.TrustCheck) bool {
		return !c.OK && c.Name != "ref" && c.Name != "ref_type"
	})
}

func firstFailed(checks []slipway.TrustCheck) int {
	return slices.IndexFunc(checks, func(c slipway.TrustCheck) bool { return !c.OK })
}

// explain says in words why checks refused a job, "" when they did not, and
// what to do.
func explain(checks []slipway.TrustCheck, job slipway.Job) (headline, advice string) {
	i := firstFailed(checks)
	if i < 0 {
		return "", ""
	}
	c := checks[i]
	switch c.Name {
	case "ref", "ref_type":
		headline = fmt.Sprintf("The job runs for %s %s.", job.RefType, job.Ref)
	case "project_path", "namespace_path", "project_id":
		headline = fmt.Sprintf("The job runs in project %s.", job.ProjectPath)
	case "audience":
		headline = fmt.Sprintf("The token is for audience %s.", c.Got)
		if c.Got == "" {
			headline = "The token names no audience."
		}
	case "identity":
		headline = "No job is let in."
	case "claims":
		headline = sentence("the claims cannot be read: " + c.Got)
	default:
		headline = checkTitle(c.Name) + " is not as it has to be."
		if c.Got != "" {
			headline = fmt.Sprintf("%s: the token says %s.", checkTitle(c.Name), c.Got)
		}
	}
	if c.Want != "" && c.Name != "identity" {
		advice = "This identity expects " + c.Want + ". "
	}
	return headline, advice + c.Advice
}

// checkTitles is what checks are called.
var checkTitles = map[string]string{
	"identity": "Identity", "configuration": "Configuration", "form": "Form", "key": "Key", "signature": "Signature",
	"algorithm": "Algorithm", "issuer": "Issuer", "audience": "Audience", "expires": "Not expired", "issued_at": "Issued",
	"not_before": "Valid already", "lifetime": "Lifetime", "claims": "Claims", "token_class": "A job's token",
	"required_claims": "Claims needed", "paths": "Paths agree", "ref_path": "Ref agrees", "project_path": "Project",
	"project_id": "Project id", "namespace_path": "Group", "ref_type": "Branch or tag", "ref": "Ref",
	"subject": "Subject agrees", "subject_pattern": "Subject pattern",
}

func checkTitle(name string) string {
	if title := checkTitles[name]; title != "" {
		return title
	}
	return name
}

// checkRows returns checks with those that failed in front: they are what a
// reader has come for.
func checkRows(checks []slipway.TrustCheck) []checkRow {
	var failed, passed []checkRow
	for _, c := range checks {
		row := checkRow{Title: checkTitle(c.Name), Got: c.Got, Want: c.Want}
		if c.OK {
			row.Outcome = chip{"ok", "Passed"}
			passed = append(passed, row)
			continue
		}
		row.Outcome, row.Advice = chip{"bad", "Refused"}, c.Advice
		failed = append(failed, row)
	}
	return append(failed, passed...)
}

// pretty returns claims as JSON for people, "" for none.
func pretty(claims map[string]any) string {
	if len(claims) == 0 {
		return ""
	}
	b, err := json.MarshalIndent(claims, "", "  ")
	if err != nil {
		return "" // unreachable unless claims were not read from JSON
	}
	return strings.TrimSpace(string(b))
}
