package console

import "slipway/internal/iam"

// adminRoutes are the routes of IAM & Admin beside Users & Groups.
func (c *Console) adminRoutes() []route {
	return []route{
		{"GET /groups/new", c.newGroupForm, iam.GroupsCreate},
		{"POST /groups/new", c.addGroup, iam.GroupsCreate},
		{"GET /groups/{email}", c.group, ""}, // by permission, or its owners; so are the next four
		{"GET /groups/{email}/edit", c.groupEditForm, ""},
		{"POST /groups/{email}/edit", c.groupEdit, ""},
		{"GET /groups/{email}/members", c.groupAddForm, ""},
		{"POST /groups/{email}/members", c.groupAdd, ""},
		{"GET /groups/{email}/members/{member}", c.groupMemberForm, ""},
		{"POST /groups/{email}/members/{member}", c.groupMember, ""},
		{"GET /groups/{email}/delete", c.groupDeleteForm, iam.GroupsDelete},
		{"POST /groups/{email}/delete", c.groupDelete, iam.GroupsDelete},

		{"GET /members", c.members, iam.WorkspacesGetIamPolicy},
		{"GET /members/grant", c.grantForm, iam.WorkspacesSetIamPolicy},
		{"POST /members/grant", c.grant, iam.WorkspacesSetIamPolicy},
		{"GET /members/revoke", c.revoke, iam.WorkspacesSetIamPolicy},
		{"POST /members/revoke", c.revoke, iam.WorkspacesSetIamPolicy},

		{"GET /roles", c.roles, iam.RolesList},
		{"GET /roles/new", c.newRoleForm, iam.RolesCreate},
		{"POST /roles/new", c.addRole, iam.RolesCreate},
		{"GET /roles/{id}", c.role, iam.RolesGet},
		{"GET /roles/{id}/edit", c.editRoleForm, iam.RolesUpdate},
		{"POST /roles/{id}/edit", c.editRole, iam.RolesUpdate},
		{"GET /roles/{id}/delete", c.deleteRole, iam.RolesDelete},
		{"POST /roles/{id}/delete", c.deleteRole, iam.RolesDelete},

		{"GET /settings", c.environmentSettings, iam.SettingsGetEnvironment},
		{"POST /settings/environments/order", c.orderEnvironments, iam.SettingsSetEnvironment},
		{"GET /settings/environments/new", c.newEnvironmentForm, iam.SettingsSetEnvironment},
		{"POST /settings/environments/new", c.addEnvironment, iam.SettingsSetEnvironment},
		{"GET /settings/environments/{id}/edit", c.editEnvironmentForm, iam.SettingsSetEnvironment},
		{"POST /settings/environments/{id}/edit", c.editEnvironment, iam.SettingsSetEnvironment},
		{"GET /settings/environments/{id}/delete", c.deleteEnvironment, iam.SettingsSetEnvironment},
		{"POST /settings/environments/{id}/delete", c.deleteEnvironment, iam.SettingsSetEnvironment},
		{"GET /settings/issuers", c.issuers, iam.SettingsGet},
		{"POST /settings/issuers/ask", c.askIssuer, iam.SettingsSet},
		{"GET /settings/sign-in", c.signInSettings, iam.SettingsGet},
		{"GET /settings/sign-in/provider", c.providerForm, iam.SettingsSet},
		{"POST /settings/sign-in/provider", c.setProvider, iam.SettingsSet},

		{"GET /search", c.search, ""}, // what the visitor sees

		{"GET /audit", c.audit, iam.AuditLogsSearch},
		{"GET /audit/export", c.exportAudit, iam.AuditLogsExport},
		{"GET /audit/{id}", c.auditEntry, ""}, // a project's owners read the project's entries
	}
}
