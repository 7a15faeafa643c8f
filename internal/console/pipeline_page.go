package console

import (
	"slices"

	"slipway"
	"slipway/internal/access"
	"slipway/internal/iam"
	"slipway/internal/inventory"
	"slipway/internal/trust"
)

var flavours = []option{
	{Value: clientFlavour, Label: "Slipway client"},
	{Value: curlFlavour, Label: "curl and jq"},
}

type pipelinePage struct {
	identityFrame
	Form      form
	Flavours  []option
	Projects  []option
	Databases []option
	Reviewers []option
	Warnings  []string
	Missing   string // what is to be chosen first
	YAML      string
	Granted   bool // the identity may deploy to the chosen project
	GrantURL  string
}

// identityPipeline shows the .gitlab-ci.yml that deploys as this identity. It asks by
// GET: nothing changes, and a link to it stays good.
func (c *Console) identityPipeline(v visit) error {
	f, err := c.identity(v, "/pipeline", "")
	if err != nil {
		return err
	}
	p := pipelinePage{identityFrame: f, Form: form{Values: v.r.URL.Query()}, Flavours: flavours}
	if p.Form.Get("flavour") != curlFlavour {
		p.Form.Set("flavour", clientFlavour)
	}
	if err := c.pipelineProject(v, &p); err != nil {
		return err
	}
	reviewer, err := c.pipelineReviewer(v, &p)
	if err != nil {
		return err
	}
	if _, every := trust.MergeRequests(reviewer.Trust); !every {
		p.Warnings = append(p.Warnings, "The job sql-review runs for merge requests of any branch, and "+reviewer.Title+
			" lets in: "+subjectOf(reviewer.Trust)+". Give reviews an identity of their own that lets in every branch and merge requests, and choose it here.")
	}
	p.YAML = c.pipelineText(p, reviewer)
	if v.scripted() {
		return c.showPart(v, "pipeline", "chooser", p)
	}
	return c.show(v, "pipeline", p)
}

// pipelineProject fills in the projects to choose from and the databases of the
// chosen one.
func (c *Console) pipelineProject(v visit, p *pipelinePage) error {
	most := slipway.Page{Size: slipway.MaxPageSize}
	projects, _, err := c.Inventory.SearchProjects(v.ctx(), v.who, inventory.ProjectFilter{}, most)
	if err != nil {
		return err
	}
	for _, project := range projects {
		if project.ID != slipway.DefaultProject {
			p.Projects = append(p.Projects, option{Value: project.ID, Label: project.Title})
		}
	}
	id := p.Form.Get("project")
	if !slices.ContainsFunc(p.Projects, func(o option) bool { return o.Value == id }) {
		id = ""
		if len(p.Projects) > 0 {
			id = p.Projects[0].Value
		}
		p.Form.Set("project", id)
	}
	if id == "" {
		p.Missing = "Make a project first, and let it take over a database."
		return nil
	}
	held, err := c.Access.Held(v.ctx(), slipway.Principal{Kind: slipway.WorkloadIdentityKind, Email: p.Identity.Email}, id)
	if err != nil {
		return err
	}
	p.Granted, p.GrantURL = held[iam.RolloutsCreate] && held[iam.ReleasesCreate], projectMembersURL(id)
	databases, next, err := c.Inventory.Databases(v.ctx(), v.who, inventory.DatabaseFilter{Project: id}, slipway.Page{Size: offered})
	if slipway.KindOf(err) == slipway.Denied {
		p.Missing = "You may not see the databases of this project."
		return nil
	}
	if err != nil {
		return err
	}
	if next != "" {
		p.Warnings = append(p.Warnings, moreDatabases)
	}
	var names []string
	for _, d := range databases {
		p.Databases = append(p.Databases, option{Value: d.Name(), Label: d.DatabaseRef.Database, Hint: d.Name()})
		names = append(names, d.Name())
	}
	chosen := slices.DeleteFunc(slices.Clone(p.Form.Values["db"]), func(name string) bool { return !slices.Contains(names, name) })
	if len(chosen) == 0 {
		chosen = names // all of them, until one is chosen
	}
	p.Form.Values["db"] = chosen
	if len(names) == 0 {
		p.Missing = "This project has no database yet."
	}
	return nil
}

// pipelineReviewer returns the identity that the review job acts as.
func (c *Console) pipelineReviewer(v visit, p *pipelinePage) (slipway.WorkloadIdentity, error) {
	reviewer := p.Identity
	p.Reviewers = []option{{Value: p.Identity.Email, Label: p.Identity.Title + " (this one)"}}
	held, err := c.Access.Held(v.ctx(), v.who, p.Identity.Project)
	if err != nil || !held[iam.WorkloadIdentitiesList] {
		return reviewer, err
	}
	q := access.AccountQuery{Project: p.Identity.Project}
	list, _, err := c.Access.WorkloadIdentities(v.ctx(), v.who, q, slipway.Page{Size: 100})
	if err != nil {
		return reviewer, err
	}
	for _, w := range list {
		if w.Email == p.Identity.Email {
			continue
		}
		p.Reviewers = append(p.Reviewers, option{Value: w.Email, Label: w.Title})
		if w.Email == p.Form.Get("reviewer") {
			reviewer = w
		}
	}
	p.Form.Set("reviewer", reviewer.Email)
	return reviewer, nil
}

// pipelineText fills in the pipeline file.
func (c *Console) pipelineText(p pipelinePage, reviewer slipway.WorkloadIdentity) string {
	if p.Missing != "" {
		return ""
	}
	file := pipeline{
		URL: c.cfg.URL, Identity: p.Identity.Email, Audience: p.Identity.Trust.Audiences[0],
		Project: p.Form.Get("project"), Targets: p.Form.Values["db"], Flavour: p.Form.Get("flavour"),
	}
	if reviewer.Email != p.Identity.Email {
		file.Reviewer, file.ReviewerAudience = reviewer.Email, reviewer.Trust.Audiences[0]
	}
	return file.Text()
}
