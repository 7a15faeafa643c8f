package e2e_test

import (
	"net/http"
	"testing"
)

// roleLetters are the columns of permissions.txt.
const roleLetters = "ADMOWRVG"

var roleOf = map[byte]string{
	'A': "roles/workspaceAdmin", 'D': "roles/workspaceDBA", 'M': "roles/workspaceMember",
	'O': "roles/projectOwner", 'W': "roles/projectDeveloper", 'R': "roles/projectReleaser",
	'V': "roles/projectViewer", 'G': "roles/gitopsServiceAgent",
}

// ofWorkspace are the roles that only the workspace's policy binds.
const ofWorkspace = "ADM"

// actors makes everybody who calls: a person for each role and place, but a
// service account and workload identities for the pipelines' role; and those
// who hold nothing.
func (w *world) actors(t *testing.T) []actor {
	t.Helper()
	var all []actor
	bindings := map[string][]object{}
	add := func(resource, on string, role byte) {
		who := actor{name: roleOf[role] + " on " + resource, role: role, on: on}
		id := string(role+'a'-'A') + "-" + on
		switch {
		case role != 'G':
			who.caller, who.token = w.someone(id)
		case on == "workspace":
			who.caller, who.token = w.robot(id)
		case on == "project": // it runs the rollout that there is
			who.caller, who.token = w.become(identity)
		default:
			who.caller, who.token = w.pipeline(id)
		}
		all = append(all, who)
		bindings[resource] = append(bindings[resource], object{"role": roleOf[role], "members": []string{who.caller}})
	}
	for i := range len(roleLetters) {
		role := roleLetters[i]
		add("workspaces/-", "workspace", role)
		if i < len(ofWorkspace) {
			w.wantWorkspaceOnly(t, roleOf[role])
			continue
		}
		add("projects/my-project", "project", role)
		add("projects/other", "elsewhere", role)
	}

	nothing := actor{name: "a person without a role"}
	nothing.caller, nothing.token = w.someone("nothing")
	past := actor{name: "an administrator until 2020"}
	past.caller, past.token = w.someone("past")
	gone := map[string]*actor{}
	for kind, make := range map[string]func(string) (string, string){"users": w.someone, "serviceAccounts": w.robot, "workloadIdentities": w.pipeline} {
		caller, token := make("gone")
		gone[kind] = &actor{name: "a deleted administrator among " + kind, token: token}
		bindings["workspaces/-"] = append(bindings["workspaces/-"], object{"role": roleOf['A'], "members": []string{caller}})
	}
	bindings["workspaces/-"] = append(bindings["workspaces/-"], object{
		"role": roleOf['A'], "members": []string{past.caller}, "condition": object{"expression": `request.time < timestamp("2020-01-01T00:00:00Z")`},
	})
	w.bind("workspaces/-", roleOf['M']) // takes it from everybody signed in
	for resource, more := range bindings {
		var now policy
		w.Admin("GET", "/v1/"+resource+":getIamPolicy", nil, &now)
		w.Admin("POST", "/v1/"+resource+":setIamPolicy", object{"policy": policy{Bindings: append(now.Bindings, more...)}}, nil)
	}
	for kind, address := range map[string]string{
		"users": "gone@example.com", "serviceAccounts": "gone@service.bytebase.com", "workloadIdentities": "gone@workload.bytebase.com",
	} {
		w.MustCall(gone[kind].token, "GET", "/v1/roles", nil, nil) // they were somebody
		w.Admin("DELETE", "/v1/"+kind+"/"+address, nil, nil)
		all = append(all, *gone[kind])
	}
	return append(all, nothing, past, actor{name: "nobody"}, actor{name: "a forger", token: "slps_0000000000000000000000000000000000000000000"})
}

// someone makes a person and signs them in.
func (w *world) someone(id string) (member, token string) {
	w.T.Helper()
	email := id + "@example.com"
	w.person(email, personPassword)
	return "user:" + email, w.SignIn(email, personPassword)
}

// robot makes a service account and signs it in.
func (w *world) robot(id string) (member, token string) {
	w.T.Helper()
	email := id + "@service.bytebase.com"
	return "serviceAccount:" + email, w.SignIn(email, w.account("workspaces/-", id))
}

// pipeline makes a workload identity and has the main job become it.
func (w *world) pipeline(id string) (member, token string) {
	w.T.Helper()
	w.identity("workspaces/-", id)
	return w.become(id + "@workload.bytebase.com")
}

// become exchanges a token of the main job.
func (w *world) become(email string) (member, token string) {
	w.T.Helper()
	var out struct{ AccessToken string }
	w.MustCall("", "POST", "/v1/auth:exchangeToken", object{"token": w.issuer.Token(w.T, mainJob), "email": email}, &out)
	return "workloadIdentity:" + email, out.AccessToken
}

// wantWorkspaceOnly checks that no project's policy takes a role.
func (w *world) wantWorkspaceOnly(t *testing.T, role string) {
	t.Helper()
	body := object{"policy": policy{Bindings: []object{{"role": role, "members": []string{"user:bob@example.com"}}}}}
	if status, text := w.Call(w.AdminToken(), "POST", "/v1/projects/other:setIamPolicy", body); status != http.StatusBadRequest {
		t.Errorf("%s on a project: want 400, got %d %s", role, status, text)
	}
}
