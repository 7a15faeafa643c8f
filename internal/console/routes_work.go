package console

import "slipway/internal/iam"

// workRoutes are the pages of the navigation's section Work.
func (c *Console) workRoutes() []route {
	return []route{
		{"GET /projects", c.projects, ""},    // those that the visitor sees
		{"GET /switch", c.switchProject, ""}, // as the line above
		{"GET /projects/new", c.newProjectForm, iam.ProjectsCreate},
		{"POST /projects/new", c.newProject, iam.ProjectsCreate},
		{"GET /projects/{project}", c.project, iam.ProjectsGet},

		{"GET /projects/{project}/databases", c.projectDatabases, iam.DatabasesList},
		{"GET /projects/{project}/databases/take-over", c.takeOverForm, iam.DatabasesUpdate},
		{"POST /projects/{project}/databases/take-over", c.takeOver, iam.DatabasesUpdate},
		{"GET /projects/{project}/databases/{instance}/{database}", c.database, iam.DatabasesGet},
		{"GET /projects/{project}/databases/{instance}/{database}/schema", c.databaseSchema, iam.DatabasesGetSchema},
		{"GET /projects/{project}/databases/{instance}/{database}/revisions", c.databaseRevisions, iam.RevisionsList},
		{"GET /projects/{project}/databases/{instance}/{database}/changes", c.databaseChanges, iam.TaskRunsList},
		{"GET /projects/{project}/databases/{instance}/{database}/edit", c.editDatabaseForm, iam.DatabasesUpdate},
		{"POST /projects/{project}/databases/{instance}/{database}/edit", c.editDatabase, iam.DatabasesUpdate},
		{"POST /projects/{project}/databases/{instance}/{database}/sync", c.syncDatabase, iam.DatabasesSync},

		{"GET /projects/{project}/database-groups", c.databaseGroups, iam.DatabaseGroupsList},
		{"GET /projects/{project}/database-groups/new", c.newDatabaseGroupForm, iam.DatabaseGroupsCreate},
		{"POST /projects/{project}/database-groups/new", c.newDatabaseGroup, iam.DatabaseGroupsCreate},
		{"POST /projects/{project}/database-groups/preview", c.previewGroup, iam.DatabasesList},
		{"GET /projects/{project}/database-groups/{group}", c.editDatabaseGroupForm, iam.DatabaseGroupsUpdate},
		{"POST /projects/{project}/database-groups/{group}", c.editDatabaseGroup, iam.DatabaseGroupsUpdate},
		{"GET /projects/{project}/database-groups/{group}/delete", c.deleteDatabaseGroup, iam.DatabaseGroupsDelete},
		{"POST /projects/{project}/database-groups/{group}/delete", c.deleteDatabaseGroup, iam.DatabaseGroupsDelete},

		{"GET /projects/{project}/releases", c.releases, iam.ReleasesList},
		{"GET /projects/{project}/releases/{release}", c.release, iam.ReleasesGet},
		{"GET /projects/{project}/releases/{release}/check", c.checkRelease, iam.ReleasesCheck},
		{"GET /projects/{project}/sheets/{sha}", c.sheet, iam.SheetsGet},

		{"GET /rollouts", c.rollouts, ""}, // of the projects that the visitor sees
		{"GET /projects/{project}/rollouts", c.projectRollouts, iam.RolloutsList},
		{"GET /projects/{project}/rollouts/{plan}", c.rollout, iam.RolloutsGet},
		{"GET /projects/{project}/rollouts/{plan}/events", c.rolloutEvents, iam.RolloutsGet},
		{"GET /projects/{project}/rollouts/{plan}/runs/{run}/log", c.runLog, iam.TaskRunsList},
		{"GET /projects/{project}/rollouts/{plan}/{act}", c.askTasks, iam.TaskRunsCreate}, // run, retry, skip, cancel
		{"POST /projects/{project}/rollouts/{plan}/{act}", c.actTasks, iam.TaskRunsCreate},

		{"GET /projects/{project}/gitops", c.projectPipeline, iam.ProjectsGet},
		{"GET /projects/{project}/settings", c.projectSettings, iam.ProjectsGet},
		{"POST /projects/{project}/settings", c.saveProject, iam.ProjectsUpdate},
		{"GET /projects/{project}/delete", c.deleteProject, iam.ProjectsDelete},
		{"POST /projects/{project}/delete", c.deleteProject, iam.ProjectsDelete},
		{"POST /projects/{project}/restore", c.undeleteProject, iam.ProjectsUndelete},
		{"GET /projects/{project}/members", c.projectMembers, iam.ProjectsGetIamPolicy},
		{"GET /projects/{project}/members/grant", c.grantInProjectForm, iam.ProjectsSetIamPolicy},
		{"POST /projects/{project}/members/grant", c.grantInProject, iam.ProjectsSetIamPolicy},
		{"GET /projects/{project}/members/revoke", c.revokeInProject, iam.ProjectsSetIamPolicy},
		{"POST /projects/{project}/members/revoke", c.revokeInProject, iam.ProjectsSetIamPolicy},

		{"GET /instances", c.instances, iam.InstancesList},
		{"GET /instances/new", c.newInstanceForm, iam.InstancesCreate},
		{"POST /instances/new", c.newInstance, iam.InstancesCreate},
		{"GET /instances/{instance}", c.instance, iam.InstancesGet},
		{"GET /instances/{instance}/edit", c.editInstanceForm, iam.InstancesUpdate},
		{"POST /instances/{instance}/edit", c.editInstance, iam.InstancesUpdate},
		{"POST /instances/{instance}/sync", c.syncInstance, iam.InstancesSync},
		{"GET /instances/{instance}/delete", c.deleteInstance, iam.InstancesDelete},
		{"POST /instances/{instance}/delete", c.deleteInstance, iam.InstancesDelete},
		{"POST /instances/{instance}/restore", c.undeleteInstance, iam.InstancesUndelete},
	}
}
