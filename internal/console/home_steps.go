package console

import (
	"slipway"
	"slipway/internal/access"
	"slipway/internal/iam"
	"slipway/internal/inventory"
)

// A step is one of those that the guide leads through.
type step struct {
	Title, Text string
	Link, URL   string
	State       chip
	done        bool
}

// identitiesLookedAt bounds for how many workload identities it is asked
// whether they hold a role: a server with more is not new.
const identitiesLookedAt = 20

// steps adds the guide to the page of whoever can follow all of it, until
// something was rolled out.
func (c *Console) steps(v visit, p *homePage) error {
	if len(p.Rollouts) > 0 || !v.everywhere[iam.InstancesCreate] || !v.everywhere[iam.WorkloadIdentitiesCreate] || !v.everywhere[iam.ProjectsSetIamPolicy] {
		return nil
	}
	one := slipway.Page{Size: 1}
	databases, _, err := c.Inventory.Databases(v.ctx(), v.who, inventory.DatabaseFilter{AssignedOnly: true}, one)
	if err != nil {
		return err
	}
	instances, _, err := c.Inventory.Instances(v.ctx(), v.who, inventory.InstanceFilter{}, one)
	if err != nil {
		return err
	}
	projects, _, err := c.Inventory.SearchProjects(v.ctx(), v.who, inventory.ProjectFilter{}, slipway.Page{Size: 2})
	if err != nil {
		return err
	}
	identities, _, err := c.Access.WorkloadIdentities(v.ctx(), v.who, access.AccountQuery{}, slipway.Page{Size: identitiesLookedAt})
	if err != nil {
		return err
	}
	granted, err := c.firstGranted(v, identities)
	if err != nil {
		return err
	}
	let, _, err := c.Access.Exchanges(v.ctx(), v.who, access.ExchangeQuery{Outcome: "allowed"}, one)
	if err != nil {
		return err
	}
	p.Steps = guide(state{
		instances: len(instances) > 0, databases: len(databases) > 0, project: ownProject(projects), identities: identities, granted: granted, letIn: len(let) > 0,
	})
	return nil
}

// firstGranted returns the address of an identity that holds a role, or "".
func (c *Console) firstGranted(v visit, list []slipway.WorkloadIdentity) (string, error) {
	for _, w := range list {
		held, err := c.Access.Holdings(v.ctx(), v.who, string(slipway.WorkloadIdentityKind)+":"+w.Email)
		if err != nil || len(held) > 0 {
			return w.Email, err
		}
	}
	return "", nil
}

// ownProject returns the id of a project that is not where databases wait, or
// "".
func ownProject(list []slipway.Project) string {
	for _, p := range list {
		if p.ID != slipway.DefaultProject {
			return p.ID
		}
	}
	return ""
}

// A state is how far somebody is with the guide.
type state struct {
	instances, databases bool
	project              string // id; "" for none
	identities           []slipway.WorkloadIdentity
	granted              string // address of one that holds a role
	letIn                bool
}

// guide returns the steps of the guide, with where the next thing of each is
// done.
func guide(s state) []step {
	connect := step{Title: "Connect a database", Text: "Add the instance that it is on, and take it over into a project.", Link: "Add Instance", URL: "/instances/new", done: s.databases}
	switch {
	case s.databases:
		connect.Link, connect.URL = "Instances", "/instances"
	case s.instances && s.project == "":
		connect.Link, connect.URL = "Add Project", "/projects/new"
	case s.instances:
		connect.Link, connect.URL = "Take over databases", projectURL(s.project)+"/databases"
	}
	create := step{Title: "Create a workload identity", Text: "The jobs of your GitLab project sign in as it, without a stored secret.", Link: "Add User", URL: "/users/new?type=workload-identity", done: len(s.identities) > 0}
	if create.done {
		create.Link, create.URL = "Users & Groups", "/users?kind=workload-identities"
	}
	assign := step{Title: "Assign roles", Text: "Grant it GitOps Service Agent under the project's Settings > Members.", Link: "Projects", URL: "/projects", done: s.granted != ""}
	if s.project != "" {
		assign.Link, assign.URL = "Members", projectURL(s.project)+"/members"
	}
	configure := step{Title: "Configure the pipeline", Text: "Copy the .gitlab-ci.yml into your GitLab project and push.", Link: "Pipeline", URL: "/projects", done: s.letIn}
	switch {
	case s.granted != "":
		configure.URL = accountURL(slipway.WorkloadIdentityKind, s.granted) + "/pipeline"
	case len(s.identities) > 0:
		configure.URL = accountURL(slipway.WorkloadIdentityKind, s.identities[0].Email) + "/pipeline"
	}
	steps := []step{connect, create, assign, configure}
	next := true
	for i := range steps {
		switch {
		case steps[i].done:
			steps[i].State = chip{"ok", "Done"}
		case next:
			steps[i].State, next = chip{"run", "Next"}, false
		default:
			steps[i].State = chip{"", "To do"}
		}
	}
	return steps
}
