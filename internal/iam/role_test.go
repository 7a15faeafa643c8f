package iam_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"slipway"
	"slipway/internal/iam"

	"github.com/google/go-cmp/cmp"
)

// TestPermissionsAreConstants holds the list against the constants: a
// permission missing from it would be unknown everywhere.
func TestPermissionsAreConstants(t *testing.T) {
	source, err := os.ReadFile("permission.go")
	if err != nil {
		t.Fatal(err)
	}
	var want []iam.Permission
	for _, m := range regexp.MustCompile(`Permission = "(bb\.[A-Za-z.]+)"`).FindAllStringSubmatch(string(source), -1) {
		want = append(want, iam.Permission(m[1]))
	}
	slices.Sort(want)
	if diff := cmp.Diff(want, iam.Permissions()); diff != "" {
		t.Errorf("constants and list differ (-constants +list):\n%s", diff)
	}
	if len(want) != 96 {
		t.Errorf("%d permissions, want the 96 in use", len(want))
	}
}

func role(t *testing.T, name string) slipway.Role {
	t.Helper()
	for _, r := range iam.Predefined() {
		if r.Name() == name {
			return r
		}
	}
	t.Fatalf("no role %s", name)
	return slipway.Role{}
}

func TestGitOpsServiceAgentIsExact(t *testing.T) {
	want := []string{
		"bb.plans.create", "bb.plans.get", "bb.releases.check", "bb.releases.create", "bb.releases.get",
		"bb.rollouts.create", "bb.rollouts.get", "bb.rollouts.list", "bb.taskRuns.create", "bb.taskRuns.list",
	}
	if diff := cmp.Diff(want, role(t, iam.GitOpsServiceAgent).Permissions); diff != "" {
		t.Errorf("permissions (-want +got):\n%s", diff)
	}
}

func TestPredefinedRoles(t *testing.T) {
	roles := iam.RolesOf(nil)
	if got := len(roles[iam.WorkspaceAdmin]); got != len(iam.Permissions()) {
		t.Errorf("the admin holds %d permissions of %d", got, len(iam.Permissions()))
	}
	tests := []struct {
		role    string
		holds   []iam.Permission
		lacks   []iam.Permission
		because string
	}{
		{
			iam.WorkspaceDBA,
			[]iam.Permission{iam.InstancesCreate, iam.SettingsSetEnvironment, iam.ReviewConfigsUpdate, iam.TaskRunsCreate},
			[]iam.Permission{iam.WorkspacesSetIamPolicy, iam.ProjectsSetIamPolicy, iam.UsersCreate, iam.RolesCreate, iam.WorkloadIdentitiesCreate, iam.SettingsSet},
			"runs databases and changes, makes nobody",
		},
		{
			iam.WorkspaceMember,
			[]iam.Permission{iam.SettingsGetEnvironment, iam.RolesList},
			[]iam.Permission{iam.ProjectsList, iam.ProjectsGet, iam.DatabasesList, iam.UsersList},
			"sees projects by belonging to them",
		},
		{
			iam.ProjectDeveloper,
			[]iam.Permission{iam.ReleasesCreate, iam.PlansCreate, iam.SheetsCreate, iam.ReleasesCheck},
			[]iam.Permission{iam.RolloutsCreate, iam.TaskRunsCreate, iam.ProjectsSetIamPolicy},
			"writes and does not run",
		},
		{
			iam.ProjectReleaser,
			[]iam.Permission{iam.RolloutsCreate, iam.TaskRunsCreate},
			[]iam.Permission{iam.ReleasesCreate, iam.PlansCreate, iam.SheetsCreate, iam.PlansUpdate},
			"runs and does not write",
		},
		{
			iam.ProjectOwner,
			[]iam.Permission{iam.ProjectsSetIamPolicy, iam.AuditLogsSearch, iam.WorkloadIdentitiesCreate},
			[]iam.Permission{iam.ProjectsCreate, iam.UsersCreate, iam.RolesCreate, iam.InstancesCreate, iam.WorkspacesSetIamPolicy},
			"rules one project and nothing above it",
		},
	}
	for _, tt := range tests {
		for _, p := range tt.holds {
			if !roles[tt.role][p] {
				t.Errorf("%s (%s) lacks %s", tt.role, tt.because, p)
			}
		}
		for _, p := range tt.lacks {
			if roles[tt.role][p] {
				t.Errorf("%s (%s) holds %s", tt.role, tt.because, p)
			}
		}
	}
	for name, set := range roles {
		if name != iam.ProjectViewer && name != iam.ProjectDeveloper && name != iam.ProjectReleaser && name != iam.GitOpsServiceAgent {
			continue
		}
		if missing := roles[iam.ProjectOwner].Missing(set); len(missing) > 0 {
			t.Errorf("an owner could not grant %s, since it lacks %v", name, missing)
		}
	}
	for p := range roles[iam.ProjectViewer] {
		verb := string(p[strings.LastIndexByte(string(p), '.')+1:])
		if !strings.HasPrefix(verb, "get") && verb != "list" {
			t.Errorf("a viewer may %s", p)
		}
	}
}

func TestCheckRole(t *testing.T) {
	ok := slipway.Role{ID: "auditor", Title: "Auditor", Permissions: []string{"bb.plans.get", "bb.auditLogs.search", "bb.plans.get"}}
	got, err := iam.CheckRole(ok)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"bb.auditLogs.search", "bb.plans.get"}, got.Permissions); diff != "" {
		t.Errorf("permissions are sorted, each once (-want +got):\n%s", diff)
	}
	tests := []struct {
		because string
		change  func(*slipway.Role)
		want    string
	}{
		{"unknown permission", func(r *slipway.Role) { r.Permissions = []string{"bb.everything"} }, "bb.everything"},
		{"nothing granted", func(r *slipway.Role) { r.Permissions = nil }, "no permissions"},
		{"id in upper case", func(r *slipway.Role) { r.ID = "Auditor" }, "lower-case"},
		{"blank title", func(r *slipway.Role) { r.Title = "" }, "title"},
		{"long description", func(r *slipway.Role) { r.Description = strings.Repeat("x", 1001) }, "1000"},
	}
	for _, tt := range tests {
		r := ok
		tt.change(&r)
		if _, err := iam.CheckRole(r); slipway.KindOf(err) != slipway.Invalid || err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want an Invalid that says %q", tt.because, err, tt.want)
		}
	}
}

func TestCustomRoleNeverShadowsAPredefinedOne(t *testing.T) {
	roles := iam.RolesOf([]slipway.Role{{ID: "projectViewer", Permissions: []string{"bb.workspaces.setIamPolicy"}}})
	if roles[iam.ProjectViewer][iam.WorkspacesSetIamPolicy] {
		t.Error("a stored role of a predefined name changed what the predefined one grants")
	}
}
