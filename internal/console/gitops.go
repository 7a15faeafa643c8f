package console

import (
	"slices"
	"strings"

	"slipway"
	"slipway/internal/access"
	"slipway/internal/iam"
	"slipway/internal/inventory"
)

// moreDatabases warns that a pipeline leaves databases out.
const moreDatabases = "This project has more databases than are offered here, and the pipeline names only these. Name the others in its targets by hand."

type gitopsPage struct {
	projectFrame
	Form       form
	Flavours   []option
	Identities []option
	Databases  []option
	Warnings   []string
	Missing    string // what is to be done first
	NextURL    string // where that is done; "" where the visitor can't
	NextTitle  string
	YAML       string
}

// A deployer is a workload identity that holds a role in a project.
type deployer struct {
	email, title string
	audience     string // "" where the visitor may not see what it trusts
}

// projectPipeline shows the .gitlab-ci.yml that deploys to this project. It is
// asked by GET: nothing changes, and a link to it stays good.
func (c *Console) projectPipeline(v visit) error {
	f, err := c.inProject(v, "GitOps", "GitOps")
	if err != nil {
		return err
	}
	p := gitopsPage{projectFrame: f, Form: form{Values: v.r.URL.Query()}, Flavours: flavours}
	if p.Form.Get("flavour") != curlFlavour {
		p.Form.Set("flavour", clientFlavour)
	}
	chosen, err := c.chosenDeployer(v, &p)
	if err != nil {
		return err
	}
	if err := c.pipelineTargets(v, &p); err != nil {
		return err
	}
	if p.Missing == "" {
		file := pipeline{
			URL: c.cfg.URL, Identity: chosen.email, Audience: chosen.audience,
			Project: p.Project.ID, Targets: p.Form.Values["db"], Flavour: p.Form.Get("flavour"),
		}
		if file.Audience == "" {
			file.Audience = "https://gitlab.com"
			p.Warnings = append(p.Warnings, "You may not see what "+chosen.email+" trusts: ask whoever manages it whether its audience is https://gitlab.com.")
		}
		p.YAML = file.Text()
	}
	if v.scripted() {
		return c.showPart(v, "gitops", "result", p)
	}
	return c.show(v, "gitops", p)
}

// chosenDeployer fills in the identities to choose from and returns the chosen
// one.
func (c *Console) chosenDeployer(v visit, p *gitopsPage) (deployer, error) {
	list, err := c.deployers(v, p.Project.ID)
	if err != nil || len(list) == 0 {
		p.Missing = "No workload identity holds a role in this project yet. Grant one the role GitOps Service Agent."
		if v.held[iam.ProjectsSetIamPolicy] {
			p.NextURL, p.NextTitle = p.At+"/members", "Members"
		}
		return deployer{}, err
	}
	chosen := list[0]
	for _, d := range list {
		p.Identities = append(p.Identities, option{Value: d.email, Label: d.title})
		if d.email == p.Form.Get("identity") {
			chosen = d
		}
	}
	p.Form.Set("identity", chosen.email)
	return chosen, nil
}

// deployers lists the workload identities that hold a role in the project by
// name.
func (c *Console) deployers(v visit, project string) ([]deployer, error) {
	if !v.held[iam.ProjectsGetIamPolicy] {
		return nil, nil
	}
	policy, err := c.Access.Policy(v.ctx(), v.who, slipway.Project{ID: project}.Name())
	if err != nil {
		return nil, err
	}
	var emails []string
	for _, b := range policy.Bindings {
		for _, m := range b.Members {
			email, is := strings.CutPrefix(m, string(slipway.WorkloadIdentityKind)+":")
			if is && !slices.Contains(emails, email) {
				emails = append(emails, email)
			}
		}
	}
	known, err := c.knownIdentities(v, project, emails)
	if err != nil {
		return nil, err
	}
	found := make([]deployer, len(emails))
	for i, email := range emails {
		d := deployer{email: email, title: email}
		if w, there := known[email]; there {
			d.title = w.Title + " (" + email + ")"
			if len(w.Trust.Audiences) > 0 {
				d.audience = w.Trust.Audiences[0]
			}
		}
		found[i] = d
	}
	return found, nil
}

// knownIdentities returns what the visitor may see of identities, by address.
// Those of other projects are not asked for one by one by whoever sees this
// project's alone: each refusal would be in the audit log.
func (c *Console) knownIdentities(v visit, project string, emails []string) (map[string]slipway.WorkloadIdentity, error) {
	known := map[string]slipway.WorkloadIdentity{}
	if v.everywhere[iam.WorkloadIdentitiesGet] {
		for _, email := range emails {
			w, err := c.Access.WorkloadIdentity(v.ctx(), v.who, email)
			if slipway.KindOf(err) == slipway.NotFound {
				continue
			}
			if err != nil {
				return nil, err
			}
			known[email] = w
		}
		return known, nil
	}
	if !v.held[iam.WorkloadIdentitiesList] {
		return known, nil
	}
	list, _, err := c.Access.WorkloadIdentities(v.ctx(), v.who, access.AccountQuery{Project: project}, slipway.Page{Size: slipway.MaxPageSize})
	for _, w := range list {
		known[w.Email] = w
	}
	return known, err
}

// pipelineTargets fills in the databases to choose from; all are chosen until
// one is.
func (c *Console) pipelineTargets(v visit, p *gitopsPage) error {
	if !v.held[iam.DatabasesList] {
		return nil
	}
	list, next, err := c.Inventory.Databases(v.ctx(), v.who, inventory.DatabaseFilter{Project: p.Project.ID}, slipway.Page{Size: offered})
	if err != nil {
		return err
	}
	if next != "" {
		p.Warnings = append(p.Warnings, moreDatabases)
	}
	var names []string
	for _, d := range list {
		p.Databases = append(p.Databases, option{Value: d.Name(), Label: d.DatabaseRef.Database, Hint: d.Name()})
		names = append(names, d.Name())
	}
	chosen := slices.DeleteFunc(slices.Clone(p.Form.Values["db"]), func(name string) bool { return !slices.Contains(names, name) })
	if len(chosen) == 0 {
		chosen = names
	}
	p.Form.Values["db"] = chosen
	if len(names) == 0 && p.Missing == "" {
		p.Missing = "This project has no database yet. Let it take over those that it shall change."
		p.NextURL, p.NextTitle = p.At+"/databases", "Databases"
	}
	return nil
}
