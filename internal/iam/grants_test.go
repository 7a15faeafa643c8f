package iam_test

import (
	"strings"
	"testing"
	"time"

	"slipway"
	"slipway/internal/iam"

	"github.com/google/go-cmp/cmp"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func policy(role, member, condition string) slipway.Policy {
	return slipway.Policy{Bindings: []slipway.Binding{{Role: role, Members: []string{member}, Condition: condition}}}
}

func TestAllow(t *testing.T) {
	ann := slipway.Principal{Kind: slipway.UserKind, Email: "ann@example.com"}
	bot := slipway.Principal{Kind: slipway.WorkloadIdentityKind, Email: "deploy@workload.bytebase.com"}
	key := slipway.Principal{Kind: slipway.ServiceAccountKind, Email: "old@service.bytebase.com"}
	tests := []struct {
		name       string
		policy     slipway.Policy
		who        slipway.Principal
		permission iam.Permission
		want       bool
	}{
		{"no binding, no permission", slipway.Policy{}, ann, iam.PlansGet, false},
		{"bound", policy(iam.ProjectViewer, "user:ann@example.com", ""), ann, iam.PlansGet, true},
		{"the role lacks it", policy(iam.ProjectViewer, "user:ann@example.com", ""), ann, iam.PlansCreate, false},
		{"somebody else", policy(iam.ProjectViewer, "user:bob@example.com", ""), ann, iam.PlansGet, false},
		{"same address, other kind", policy(iam.ProjectViewer, "user:deploy@workload.bytebase.com", ""), bot, iam.PlansGet, false},
		{"workload bound", policy(iam.GitOpsServiceAgent, bot.Member(), ""), bot, iam.ReleasesCheck, true},
		{"workload reads no databases", policy(iam.GitOpsServiceAgent, bot.Member(), ""), bot, iam.DatabasesGet, false},
		{"allUsers is people", policy(iam.WorkspaceMember, iam.AllUsers, ""), ann, iam.RolesList, true},
		{"allUsers is no workload", policy(iam.WorkspaceMember, iam.AllUsers, ""), bot, iam.RolesList, false},
		{"allUsers is no service account", policy(iam.WorkspaceMember, iam.AllUsers, ""), key, iam.RolesList, false},
		{"allUsers is not nobody", policy(iam.WorkspaceMember, iam.AllUsers, ""), slipway.Principal{}, iam.RolesList, false},
		{"a person without address is nobody", policy(iam.WorkspaceMember, iam.AllUsers, ""), slipway.Principal{Kind: slipway.UserKind}, iam.RolesList, false},
		{"in the group", policy(iam.ProjectViewer, "group:devs@example.com", ""), ann, iam.PlansGet, true},
		{"in another group", policy(iam.ProjectViewer, "group:ops@example.com", ""), ann, iam.PlansGet, false},
		{"role that is gone", policy("roles/gone", "user:ann@example.com", ""), ann, iam.PlansGet, false},
		{"before the expiry", policy(iam.ProjectViewer, "user:ann@example.com", `request.time < timestamp("2026-11-22T12:00:01Z")`), ann, iam.PlansGet, true},
		{"at the expiry", policy(iam.ProjectViewer, "user:ann@example.com", `request.time < timestamp("2026-11-22T12:00:00Z")`), ann, iam.PlansGet, false},
		{"condition that does not compile", policy(iam.ProjectViewer, "user:ann@example.com", `request.time <`), ann, iam.PlansGet, false},
		{"condition of another type", policy(iam.ProjectViewer, "user:ann@example.com", `1`), ann, iam.PlansGet, false},
		{"condition that fails", policy(iam.ProjectViewer, "user:ann@example.com", `request.time < timestamp("soon")`), ann, iam.PlansGet, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			g := iam.Grants{Policies: []slipway.Policy{{}, tt.policy}, Roles: iam.RolesOf(nil), Groups: []string{"devs@example.com"}}
			if got := g.Allow(tt.who, tt.permission, noon); got != tt.want {
				t.Errorf("Allow(%s, %s) = %t, want %t", tt.who.Member(), tt.permission, got, tt.want)
			}
			if got := g.Held(tt.who, noon)[tt.permission]; got != tt.want {
				t.Errorf("Held(%s)[%s] = %t, and Allow says %t", tt.who.Member(), tt.permission, got, tt.want)
			}
		})
	}
}

func TestCheckCondition(t *testing.T) {
	tests := []struct{ condition, want string }{
		{"", ""},
		{`request.time < timestamp("2027-01-01T00:00:00Z")`, ""},
		{`request.time.getHours("UTC") >= 8 && request.time.getHours("UTC") < 18`, ""},
		{`true`, ""},
		{`request.time`, "true or false"},
		{`request.time < `, "Syntax error"},
		{`resource.name == "x"`, "undeclared"},
		{`request.time < timestamp("tomorrow")`, "tomorrow"},
		{`[1,2,3].all(x, x > 0)`, "undeclared"},
		{`"` + strings.Repeat("a", 600) + `" == ""`, "at most 512 bytes"},
		{strings.Repeat("(", 100) + "true" + strings.Repeat(")", 100), "recursion"},
		{`"` + strings.Repeat("a", 180) + `".matches("` + strings.Repeat("a", 180) + `")`, "cost"},
	}
	for _, tt := range tests {
		err := iam.CheckCondition(tt.condition)
		switch {
		case tt.want == "" && err != nil:
			t.Errorf("CheckCondition(%q): %v", tt.condition, err)
		case tt.want != "" && (err == nil || slipway.KindOf(err) != slipway.Invalid || !strings.Contains(err.Error(), tt.want)):
			t.Errorf("CheckCondition(%.60q) = %v, want an Invalid that says %q", tt.condition, err, tt.want)
		}
	}
}

func TestCheckPolicy(t *testing.T) {
	roles := iam.RolesOf([]slipway.Role{{ID: "auditor", Permissions: []string{"bb.auditLogs.search"}}})
	given := slipway.Policy{Etag: "7", Bindings: []slipway.Binding{
		{Role: iam.ProjectOwner, Members: []string{"user:Ann@Example.com", "user:ann@example.com", "allUsers"}},
		{Role: iam.ProjectViewer},
		{Role: "roles/auditor", Members: []string{"group:ops@example.com", "serviceAccount:a@service.bytebase.com"}, Condition: "true", Title: "always"},
	}}
	want := slipway.Policy{Etag: "7", Bindings: []slipway.Binding{
		{Role: iam.ProjectOwner, Members: []string{"user:ann@example.com", "allUsers"}},
		{Role: "roles/auditor", Members: []string{"group:ops@example.com", "serviceAccount:a@service.bytebase.com"}, Condition: "true", Title: "always"},
	}}
	got, err := iam.CheckPolicy(given, "projects/shop", roles)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("policy as stored (-want +got):\n%s", diff)
	}
	many := slipway.Policy{Bindings: make([]slipway.Binding, iam.MaxBindings+1)}
	tests := []struct {
		because, resource string
		policy            slipway.Policy
		want              string
	}{
		{"workspace role on a project", "projects/shop", policy(iam.WorkspaceDBA, "user:a@example.com", ""), "on the workspace only"},
		{"unknown role", "projects/shop", policy("roles/none", "user:a@example.com", ""), "there is no role"},
		{"role without its prefix", "projects/shop", policy("projectOwner", "user:a@example.com", ""), "there is no role"},
		{"unknown kind of member", "projects/shop", policy(iam.ProjectViewer, "domain:example.com", ""), "write user:EMAIL"},
		{"everyone", "projects/shop", policy(iam.ProjectViewer, "allAuthenticatedUsers", ""), "write user:EMAIL"},
		{"not an address", "projects/shop", policy(iam.ProjectViewer, "user:ann", ""), "not an e-mail address"},
		{"a workload named as a person", "projects/shop", policy(iam.ProjectViewer, "user:x@workload.bytebase.com", ""), "cannot end with"},
		{"a person named as a workload", "projects/shop", policy(iam.ProjectViewer, "workloadIdentity:ann@example.com", ""), "ends with @workload.bytebase.com"},
		{"the server itself", "workspaces/default", policy(iam.WorkspaceAdmin, "system:system", ""), "write user:EMAIL"},
		{"everyone an admin", "workspaces/default", policy(iam.WorkspaceAdmin, "allUsers", ""), "cannot be granted to allUsers"},
		{"bad condition", "projects/shop", policy(iam.ProjectViewer, "user:a@example.com", "maybe"), "condition"},
		{"too many bindings", "projects/shop", many, "at most 250 bindings"},
	}
	for _, tt := range tests {
		if _, err := iam.CheckPolicy(tt.policy, tt.resource, roles); err == nil || slipway.KindOf(err) != slipway.Invalid || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want an Invalid that says %q", tt.because, err, tt.want)
		}
	}
}

func TestAdded(t *testing.T) {
	old := slipway.Policy{Bindings: []slipway.Binding{{Role: iam.ProjectViewer, Members: []string{"user:a@example.com", "user:b@example.com"}, Condition: "false"}}}
	now := slipway.Policy{Bindings: []slipway.Binding{
		{Role: iam.ProjectViewer, Members: []string{"user:a@example.com"}},
		{Role: iam.ProjectViewer, Members: []string{"user:b@example.com"}, Condition: "false"},
	}}
	want := []iam.Grant{{Role: iam.ProjectViewer, Member: "user:a@example.com"}}
	if diff := cmp.Diff(want, iam.Added(old, now)); diff != "" {
		t.Errorf("a loosened condition is a new grant (-want +got):\n%s", diff)
	}
}
