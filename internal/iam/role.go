package iam

import (
	"maps"
	"slices"
	"strings"
	"sync"

	"slipway"
)

// Names of the predefined roles.
const (
	WorkspaceAdmin     = "roles/workspaceAdmin"
	WorkspaceDBA       = "roles/workspaceDBA"
	WorkspaceMember    = "roles/workspaceMember"
	ProjectOwner       = "roles/projectOwner"
	ProjectDeveloper   = "roles/projectDeveloper"
	ProjectReleaser    = "roles/projectReleaser"
	ProjectViewer      = "roles/projectViewer"
	GitOpsServiceAgent = "roles/gitopsServiceAgent"
)

// workspaceOnly are the roles that no project's policy may bind.
var workspaceOnly = []string{WorkspaceAdmin, WorkspaceDBA, WorkspaceMember}

// member is what anyone signed in may see besides itself. Which projects
// exist is not part of it: the projects one belongs to come with their roles.
var member = []Permission{RolesGet, RolesList, SettingsGetEnvironment}

// view is what reading a project takes.
var view = []Permission{
	ChangelogsGet, ChangelogsList, DatabaseGroupsGet, DatabaseGroupsList,
	DatabasesGet, DatabasesGetSchema, DatabasesList, PlanCheckRunsGet, PlansGet, PlansList,
	ProjectsGet, ProjectsGetIamPolicy, ProjectsList, ReleasesGet, ReleasesList,
	RevisionsGet, RevisionsList, RolloutsGet, RolloutsList, SheetsGet, TaskRunsList,
}

// write is what preparing a change takes on top of view; run is what carrying
// it out takes. No role but the owner's holds both, so that a change can need
// two people. The one exception is a pipeline, whose second person is whoever
// merged.
var (
	write = []Permission{
		DatabasesCheck, DatabasesDiffMetadata, DatabasesSync, PlanCheckRunsRun, PlansCreate, PlansUpdate,
		ReleasesCheck, ReleasesCreate, ReleasesUpdate, SheetsCreate,
	}
	run = []Permission{RolloutsCreate, TaskRunsCreate}
)

// own is what a project's owner may do besides writing and running changes.
var own = []Permission{
	AuditLogsExport, AuditLogsSearch, DatabaseGroupsCreate, DatabaseGroupsDelete, DatabaseGroupsUpdate,
	DatabasesUpdate, ProjectsDelete, ProjectsSetIamPolicy, ProjectsUndelete, ProjectsUpdate,
	ReleasesDelete, ReleasesUndelete, RevisionsCreate, RevisionsDelete,
	ServiceAccountsCreate, ServiceAccountsDelete, ServiceAccountsGet, ServiceAccountsList,
	ServiceAccountsUndelete, ServiceAccountsUpdate,
	WorkloadIdentitiesCreate, WorkloadIdentitiesDelete, WorkloadIdentitiesGet, WorkloadIdentitiesList,
	WorkloadIdentitiesUndelete, WorkloadIdentitiesUpdate,
}

// administer is what a DBA may do besides changes: instances, databases,
// environments and review policies, in every project.
var administer = []Permission{
	DatabaseGroupsCreate, DatabaseGroupsDelete, DatabaseGroupsUpdate, DatabasesUpdate,
	InstancesCreate, InstancesDelete, InstancesGet, InstancesList, InstancesSync, InstancesUndelete, InstancesUpdate,
	ReleasesDelete, ReleasesUndelete,
	ReviewConfigsCreate, ReviewConfigsDelete, ReviewConfigsGet, ReviewConfigsList, ReviewConfigsUpdate,
	RevisionsCreate, RevisionsDelete, SettingsGet, SettingsGetEnvironment, SettingsList, SettingsSetEnvironment,
}

// pipeline is exactly what clients of this API rely on a pipeline to hold.
var pipeline = []Permission{
	PlansCreate, PlansGet, ReleasesCheck, ReleasesCreate, ReleasesGet,
	RolloutsCreate, RolloutsGet, RolloutsList, TaskRunsCreate, TaskRunsList,
}

// Predefined returns the roles that every workspace has, in the order in which
// people are shown them.
func Predefined() []slipway.Role {
	return []slipway.Role{
		predefined(WorkspaceAdmin, "Workspace Admin", "Everything.", all),
		predefined(WorkspaceDBA, "Workspace DBA", "Instances, databases, environments, review policies, and changes in every project; no identities, roles or workspace members.", view, write, run, administer),
		predefined(WorkspaceMember, "Workspace Member", "Signed in: sees itself, the projects it belongs to, environments and roles.", member),
		predefined(ProjectOwner, "Project Owner", "Everything in one project, its members included.", view, write, run, own),
		predefined(ProjectDeveloper, "Project Developer", "Writes changes: sheets, releases, plans and checks. Does not run them.", view, write),
		predefined(ProjectReleaser, "Project Releaser", "Approves and runs rollouts. Writes no changes.", view, run),
		predefined(ProjectViewer, "Project Viewer", "Reads.", view),
		predefined(GitOpsServiceAgent, "GitOps Service Agent", "What a pipeline needs to review, create and run changes, and nothing more.", pipeline),
	}
}

func predefined(name, title, description string, sets ...[]Permission) slipway.Role {
	r := slipway.Role{ID: strings.TrimPrefix(name, "roles/"), Title: title, Description: description, BuiltIn: true}
	for _, p := range slices.Concat(sets...) {
		r.Permissions = append(r.Permissions, string(p))
	}
	slices.Sort(r.Permissions)
	r.Permissions = slices.Compact(r.Permissions)
	return r
}

// Roles are what a policy's bindings may name.
type Roles map[string]Set // role name → permissions

// predefinedSets returns what the predefined roles hold. Every decision asks for
// it, so it is made once.
var predefinedSets = sync.OnceValue(func() Roles {
	roles := Roles{}
	for _, r := range Predefined() {
		roles[r.Name()] = setOf(r)
	}
	return roles
})

// setOf returns what r holds of the permissions that there are.
func setOf(r slipway.Role) Set {
	set := Set{}
	for _, p := range r.Permissions {
		if Permission(p).Known() {
			set[Permission(p)] = true
		}
	}
	return set
}

// RolesOf returns the predefined roles and the custom ones, for reading alone. A
// custom role never stands in for a predefined one, and permissions that no
// longer exist fall out.
func RolesOf(custom []slipway.Role) Roles {
	roles := make(Roles, len(custom)+len(predefinedSets()))
	for _, r := range custom {
		roles[r.Name()] = setOf(r)
	}
	maps.Copy(roles, predefinedSets())
	return roles
}

// MaxCustomRoles bounds how many roles a workspace makes for itself.
const MaxCustomRoles = 200

// CheckRole reports why r cannot be a custom role, and returns it with its
// permissions sorted, each once.
func CheckRole(r slipway.Role) (slipway.Role, error) {
	if err := slipway.CheckID("role", r.ID); err != nil {
		return r, err
	}
	for _, p := range Predefined() {
		if strings.EqualFold(p.ID, r.ID) {
			return r, slipway.Errorf(slipway.Invalid, "role id %q is that of a predefined role", r.ID)
		}
	}
	if err := slipway.CheckTitle("role", r.Title); err != nil {
		return r, err
	}
	if len(r.Description) > 1000 {
		return r, slipway.Errorf(slipway.Invalid, "role description: at most 1000 bytes, not %d", len(r.Description))
	}
	if len(r.Permissions) == 0 {
		return r, slipway.Errorf(slipway.Invalid, "role %q has no permissions", r.ID)
	}
	list := slices.Clone(r.Permissions)
	slices.Sort(list)
	r.Permissions = slices.Compact(list)
	for _, p := range r.Permissions {
		if !Permission(p).Known() {
			return r, slipway.Errorf(slipway.Invalid, "role %q: there is no permission %.80q", r.ID, p)
		}
	}
	return r, nil
}
