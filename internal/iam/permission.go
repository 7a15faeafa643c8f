package iam

import (
	"slices"
	"sync"
)

// A Permission is the right to one kind of act: "bb.releases.check".
type Permission string

// The permissions, named for resource and verb. Sorted by resource.
const (
	AuditLogsExport Permission = "bb.auditLogs.export"
	AuditLogsSearch Permission = "bb.auditLogs.search"

	ChangelogsGet  Permission = "bb.changelogs.get"
	ChangelogsList Permission = "bb.changelogs.list"

	DatabaseGroupsCreate Permission = "bb.databaseGroups.create"
	DatabaseGroupsDelete Permission = "bb.databaseGroups.delete"
	DatabaseGroupsGet    Permission = "bb.databaseGroups.get"
	DatabaseGroupsList   Permission = "bb.databaseGroups.list"
	DatabaseGroupsUpdate Permission = "bb.databaseGroups.update"

	DatabasesCheck        Permission = "bb.databases.check"
	DatabasesDiffMetadata Permission = "bb.databases.diffMetadata"
	DatabasesGet          Permission = "bb.databases.get"
	DatabasesGetSchema    Permission = "bb.databases.getSchema"
	DatabasesList         Permission = "bb.databases.list"
	DatabasesSync         Permission = "bb.databases.sync"
	DatabasesUpdate       Permission = "bb.databases.update"

	GroupsCreate Permission = "bb.groups.create"
	GroupsDelete Permission = "bb.groups.delete"
	GroupsGet    Permission = "bb.groups.get"
	GroupsList   Permission = "bb.groups.list"
	GroupsUpdate Permission = "bb.groups.update"

	InstancesCreate   Permission = "bb.instances.create"
	InstancesDelete   Permission = "bb.instances.delete"
	InstancesGet      Permission = "bb.instances.get"
	InstancesList     Permission = "bb.instances.list"
	InstancesSync     Permission = "bb.instances.sync"
	InstancesUndelete Permission = "bb.instances.undelete"
	InstancesUpdate   Permission = "bb.instances.update"

	PlanCheckRunsGet Permission = "bb.planCheckRuns.get"
	PlanCheckRunsRun Permission = "bb.planCheckRuns.run"

	PlansCreate Permission = "bb.plans.create"
	PlansGet    Permission = "bb.plans.get"
	PlansList   Permission = "bb.plans.list"
	PlansUpdate Permission = "bb.plans.update"

	ProjectsCreate       Permission = "bb.projects.create"
	ProjectsDelete       Permission = "bb.projects.delete"
	ProjectsGet          Permission = "bb.projects.get"
	ProjectsGetIamPolicy Permission = "bb.projects.getIamPolicy"
	ProjectsList         Permission = "bb.projects.list"
	ProjectsSetIamPolicy Permission = "bb.projects.setIamPolicy"
	ProjectsUndelete     Permission = "bb.projects.undelete"
	ProjectsUpdate       Permission = "bb.projects.update"

	ReleasesCheck    Permission = "bb.releases.check"
	ReleasesCreate   Permission = "bb.releases.create"
	ReleasesDelete   Permission = "bb.releases.delete"
	ReleasesGet      Permission = "bb.releases.get"
	ReleasesList     Permission = "bb.releases.list"
	ReleasesUndelete Permission = "bb.releases.undelete"
	ReleasesUpdate   Permission = "bb.releases.update"

	ReviewConfigsCreate Permission = "bb.reviewConfigs.create"
	ReviewConfigsDelete Permission = "bb.reviewConfigs.delete"
	ReviewConfigsGet    Permission = "bb.reviewConfigs.get"
	ReviewConfigsList   Permission = "bb.reviewConfigs.list"
	ReviewConfigsUpdate Permission = "bb.reviewConfigs.update"

	RevisionsCreate Permission = "bb.revisions.create"
	RevisionsDelete Permission = "bb.revisions.delete"
	RevisionsGet    Permission = "bb.revisions.get"
	RevisionsList   Permission = "bb.revisions.list"

	RolesCreate Permission = "bb.roles.create"
	RolesDelete Permission = "bb.roles.delete"
	RolesGet    Permission = "bb.roles.get"
	RolesList   Permission = "bb.roles.list"
	RolesUpdate Permission = "bb.roles.update"

	RolloutsCreate Permission = "bb.rollouts.create"
	RolloutsGet    Permission = "bb.rollouts.get"
	RolloutsList   Permission = "bb.rollouts.list"

	ServiceAccountsCreate   Permission = "bb.serviceAccounts.create"
	ServiceAccountsDelete   Permission = "bb.serviceAccounts.delete"
	ServiceAccountsGet      Permission = "bb.serviceAccounts.get"
	ServiceAccountsList     Permission = "bb.serviceAccounts.list"
	ServiceAccountsUndelete Permission = "bb.serviceAccounts.undelete"
	ServiceAccountsUpdate   Permission = "bb.serviceAccounts.update"

	SettingsGet            Permission = "bb.settings.get"
	SettingsGetEnvironment Permission = "bb.settings.getEnvironment"
	SettingsList           Permission = "bb.settings.list"
	SettingsSet            Permission = "bb.settings.set"
	SettingsSetEnvironment Permission = "bb.settings.setEnvironment"

	SheetsCreate Permission = "bb.sheets.create"
	SheetsGet    Permission = "bb.sheets.get"

	TaskRunsCreate Permission = "bb.taskRuns.create"
	TaskRunsList   Permission = "bb.taskRuns.list"

	UsersCreate   Permission = "bb.users.create"
	UsersDelete   Permission = "bb.users.delete"
	UsersGet      Permission = "bb.users.get"
	UsersList     Permission = "bb.users.list"
	UsersUndelete Permission = "bb.users.undelete"
	UsersUpdate   Permission = "bb.users.update"

	WorkloadIdentitiesCreate   Permission = "bb.workloadIdentities.create"
	WorkloadIdentitiesDelete   Permission = "bb.workloadIdentities.delete"
	WorkloadIdentitiesGet      Permission = "bb.workloadIdentities.get"
	WorkloadIdentitiesList     Permission = "bb.workloadIdentities.list"
	WorkloadIdentitiesUndelete Permission = "bb.workloadIdentities.undelete"
	WorkloadIdentitiesUpdate   Permission = "bb.workloadIdentities.update"

	WorkspacesGetIamPolicy Permission = "bb.workspaces.getIamPolicy"
	WorkspacesSetIamPolicy Permission = "bb.workspaces.setIamPolicy"
	WorkspacesUpdate       Permission = "bb.workspaces.update"
)

// all lists every permission; a test holds it against the constants.
var all = []Permission{
	AuditLogsExport, AuditLogsSearch,
	ChangelogsGet, ChangelogsList,
	DatabaseGroupsCreate, DatabaseGroupsDelete, DatabaseGroupsGet, DatabaseGroupsList,
	DatabaseGroupsUpdate,
	DatabasesCheck, DatabasesDiffMetadata, DatabasesGet, DatabasesGetSchema, DatabasesList,
	DatabasesSync, DatabasesUpdate,
	GroupsCreate, GroupsDelete, GroupsGet, GroupsList, GroupsUpdate,
	InstancesCreate, InstancesDelete, InstancesGet, InstancesList, InstancesSync, InstancesUndelete,
	InstancesUpdate,
	PlanCheckRunsGet, PlanCheckRunsRun,
	PlansCreate, PlansGet, PlansList, PlansUpdate,
	ProjectsCreate, ProjectsDelete, ProjectsGet, ProjectsGetIamPolicy, ProjectsList,
	ProjectsSetIamPolicy, ProjectsUndelete, ProjectsUpdate,
	ReleasesCheck, ReleasesCreate, ReleasesDelete, ReleasesGet, ReleasesList, ReleasesUndelete,
	ReleasesUpdate,
	ReviewConfigsCreate, ReviewConfigsDelete, ReviewConfigsGet, ReviewConfigsList,
	ReviewConfigsUpdate,
	RevisionsCreate, RevisionsDelete, RevisionsGet, RevisionsList,
	RolesCreate, RolesDelete, RolesGet, RolesList, RolesUpdate,
	RolloutsCreate, RolloutsGet, RolloutsList,
	ServiceAccountsCreate, ServiceAccountsDelete, ServiceAccountsGet, ServiceAccountsList,
	ServiceAccountsUndelete, ServiceAccountsUpdate,
	SettingsGet, SettingsGetEnvironment, SettingsList, SettingsSet, SettingsSetEnvironment,
	SheetsCreate, SheetsGet,
	TaskRunsCreate, TaskRunsList,
	UsersCreate, UsersDelete, UsersGet, UsersList, UsersUndelete, UsersUpdate,
	WorkloadIdentitiesCreate, WorkloadIdentitiesDelete, WorkloadIdentitiesGet, WorkloadIdentitiesList,
	WorkloadIdentitiesUndelete, WorkloadIdentitiesUpdate,
	WorkspacesGetIamPolicy, WorkspacesSetIamPolicy, WorkspacesUpdate,
}

// Permissions lists every permission there is, sorted.
func Permissions() []Permission {
	list := slices.Clone(all)
	slices.Sort(list)
	return list
}

var known = sync.OnceValue(func() Set {
	set := Set{}
	for _, p := range all {
		set[p] = true
	}
	return set
})

// Known reports whether p is a permission there is.
func (p Permission) Known() bool { return known()[p] }

// A Set is a set of permissions.
type Set map[Permission]bool

// Missing lists what want holds and s does not, sorted.
func (s Set) Missing(want Set) []Permission {
	var list []Permission
	for p := range want {
		if !s[p] {
			list = append(list, p)
		}
	}
	slices.Sort(list)
	return list
}
