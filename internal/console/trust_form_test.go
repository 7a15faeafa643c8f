package console_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"slipway"
	"slipway/internal/access"
	"slipway/internal/iam"
)

// filled returns what a person types for a workload identity, with changes.
func filled(changes map[string]string) url.Values {
	v := url.Values{
		"type": {"workload-identity"}, "title": {"GitLab Deploy"}, "id": {"gitlab-deploy"}, "platform": {"GITLAB"},
		"group": {"my-group"}, "project": {"my-project"}, "refs": {"all"},
	}
	for name, value := range changes {
		v.Set(name, value)
	}
	return v
}

// stored returns an identity as it is stored.
func (w *world) stored(id string) slipway.WorkloadIdentity {
	w.t.Helper()
	found, err := w.st.WorkloadIdentity(w.t.Context(), id+"@"+slipway.WorkloadIdentityDomain)
	if err != nil {
		w.t.Fatal(err)
	}
	return found
}

func TestAddWorkloadIdentityByTheGuide(t *testing.T) {
	w := newWorld(t)
	v := w.visitor(adminEmail)
	p := v.get("/").follow("Users & Groups").follow("Add User")
	values := filled(nil)
	values["roles"] = []string{iam.GitOpsServiceAgent}
	done := p.submit("Confirm", values)
	done.expect(t, http.StatusOK, in("h1", says("GitLab Deploy")), in(".toast", is("GitLab Deploy was added.")),
		in(".says", says("Any branch or tag of my-group/my-project on gitlab.com may sign in", "project_path:my-group/my-project:*")),
		in(".page", says("GitOps Service Agent", "Workspace, in every project")))
	want := slipway.Trust{
		Platform: slipway.GitLab, Issuer: "https://gitlab.com", Audiences: []string{"https://gitlab.com"},
		GitLab: &slipway.GitLabTrust{Group: "my-group", Project: "my-project"},
	}
	if diff := cmp.Diff(want, w.stored("gitlab-deploy").Trust); diff != "" {
		t.Errorf("stored trust (-want +got):\n%s", diff)
	}
	v.get(done.url.Path).expect(t, http.StatusOK, times(0, ".toast"))
	v.get("/users?q=GITLAB-dep").expect(t, http.StatusOK, times(1, "tbody tr"), in("tbody", says("GitLab Deploy", "Active")))
}

// TestFormMeansWhatItSays holds what is typed against what is trusted: no field
// left blank means more than its hint says, and nothing is stored that lets in
// nobody or everybody.
func TestFormMeansWhatItSays(t *testing.T) {
	gl := func(change func(*slipway.GitLabTrust)) *slipway.GitLabTrust {
		g := &slipway.GitLabTrust{Group: "my-group", Project: "my-project"}
		change(g)
		return g
	}
	for _, tt := range []struct {
		because string
		typed   map[string]string
		want    *slipway.GitLabTrust
	}{
		{
			"a specific tag without a name is every tag and no branch",
			map[string]string{"refs": "tag"},
			gl(func(g *slipway.GitLabTrust) { g.Refs = []slipway.RefRule{{Type: slipway.Tag}} }),
		},
		{
			"a specific branch without a name is every branch and no tag",
			map[string]string{"refs": "branch", "branch": "  "},
			gl(func(g *slipway.GitLabTrust) { g.Refs = []slipway.RefRule{{Type: slipway.Branch}} }),
		},
		{
			"a branch; what was typed for a tag does not count",
			map[string]string{"refs": "branch", "branch": "main", "tag": "v*"},
			gl(func(g *slipway.GitLabTrust) { g.Refs = []slipway.RefRule{{Type: slipway.Branch, Pattern: "main"}} }),
		},
		{
			"several",
			map[string]string{"refs": "several", "several": "branch main\r\n\r\n  tag v*\r\nbranch hotfix/*"},
			gl(func(g *slipway.GitLabTrust) {
				g.Refs = []slipway.RefRule{{Type: slipway.Branch, Pattern: "main"}, {Type: slipway.Tag, Pattern: "v*"}, {Type: slipway.Branch, Pattern: "hotfix/*"}}
			}),
		},
		{
			"a nested group",
			map[string]string{"group": "top/sub/leaf", "project": "app"},
			gl(func(g *slipway.GitLabTrust) { g.Group, g.Project = "top/sub/leaf", "app" }),
		},
		{"spaces and slashes around a group", map[string]string{"group": " /my-group/ "}, gl(func(*slipway.GitLabTrust) {})},
		{"a group pasted as a URL", map[string]string{"group": "https://gitlab.com/my-group"}, gl(func(*slipway.GitLabTrust) {})},
		{"every project", map[string]string{"project": ""}, gl(func(g *slipway.GitLabTrust) { g.Project = "" })},
		{
			"every project but those of subgroups",
			map[string]string{"project": "", "direct": "yes"},
			gl(func(g *slipway.GitLabTrust) { g.Project, g.ExcludeSubgroups = "", true }),
		},
		{
			"conditions on the job",
			map[string]string{
				"refs": "branch", "branch": "main", "protected": "yes", "merge-requests": "let in", "sources": "push\r\n web\r\n",
				"environments": "production", "protected-environment": "yes", "runner": "self-hosted", "level": "maintainer",
			},
			gl(func(g *slipway.GitLabTrust) {
				g.Refs = []slipway.RefRule{{Type: slipway.Branch, Pattern: "main"}}
				g.Protected, g.MergeRequests, g.Sources = true, slipway.MergeRequestsLetIn, []string{"push", "web"}
				g.Environments, g.ProtectedEnvironment, g.Runner, g.AccessLevel = []string{"production"}, true, "self-hosted", "maintainer"
			}),
		},
	} {
		w := newWorld(t)
		p := w.visitor(adminEmail).post("/users/new", filled(tt.typed))
		if p.status != http.StatusOK || p.url.Path == "/users/new" {
			t.Errorf("%s: not taken: %s", tt.because, excerpt(find(p.root, ".sheet")[0]))
			continue
		}
		if diff := cmp.Diff(tt.want, w.stored("gitlab-deploy").Trust.GitLab); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.because, diff)
		}
	}
}

func TestWrongInputIsExplainedBesideItsField(t *testing.T) {
	w := newWorld(t)
	w.identity("taken", "Taken", w.trust())
	v := w.visitor(adminEmail)
	for _, tt := range []struct {
		because, field, value string
		more                  map[string]string
		words                 string
	}{
		{"no group", "group", "", nil, "which group"},
		{"everybody", "group", "*", nil, "not a wildcard"},
		{"part of a name", "group", "my*", nil, "not a wildcard"},
		{"up", "group", "..", nil, "names are made"},
		{"an empty name", "group", "a//b", nil, "missing between slashes"},
		{"too long", "group", strings.Repeat("g", 300), nil, "255"},
		{"a space", "group", "my group", nil, "names are made"},
		{"another host's URL", "group", "https://gitlab.corp/my-group", nil, "another host"},
		{"a path for a project: the message says where each part belongs", "project", "sub/app", nil, `my-group/sub`},
		{"a wildcard for a project", "project", "app*", nil, "not a wildcard"},
		{"every branch by a wildcard", "branch", "*", map[string]string{"refs": "branch"}, "All branches and tags"},
		{"a full ref", "tag", "refs/tags/v1", map[string]string{"refs": "tag"}, "short name"},
		{"several, none", "several", "\n", map[string]string{"refs": "several"}, "at least one"},
		{"several, of no kind", "several", "main", map[string]string{"refs": "several"}, "Line 1"},
		{"http", "issuer", "http://gitlab.corp", nil, "only https"},
		{"a pipeline source of no such form", "sources", "Push!", nil, "a word such as push"},
		{"every environment", "environments", "*", nil, "leave the list empty"},
		{"another platform's issuer", "issuer", "https://token.actions.githubusercontent.com", nil, "GitHub"},
		{"an audience of everybody", "audiences", "sts.amazonaws.com", nil, "another service"},
		{"a pattern that lets in a stranger", "pattern", "project_path:my-group*", nil, "my-group-evil"},
		{"a pattern for everybody", "pattern", "*", nil, "every project"},
		{"an address in capitals", "id", "Deploy", nil, "lower-case"},
		{"no address", "id", "", nil, "lower-case"},
		{"a taken address", "id", "taken", nil, "is taken"},
		{"an endless name", "title", strings.Repeat("x", 201), nil, "200"},
	} {
		typed := filled(tt.more)
		typed.Set(tt.field, tt.value)
		typed.Set("roles", iam.GitOpsServiceAgent)
		p := v.post("/users/new", typed)
		status := http.StatusBadRequest
		if tt.value == "taken" {
			status = http.StatusConflict
		}
		p.expect(t, status, in("#f-"+tt.field+"-error", says(tt.words)), in("#f-"+tt.field, value("aria-invalid", "true")))
		kept := controls(find(p.root, ".sheet form")[0])
		for name, want := range typed {
			got := kept[name]
			if name == "several" {
				got = []string{strings.TrimSpace(kept.Get(name))}
				want = []string{strings.TrimSpace(want[0])}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s: what stood in %s is lost (-typed +shown):\n%s", tt.because, name, diff)
			}
		}
	}
	list, _, err := w.st.WorkloadIdentities(t.Context(), access.AccountQuery{}, slipway.Page{})
	if err != nil || len(list) != 1 {
		t.Errorf("refused forms made identities: %v, %v", list, err)
	}
}

// TestEditTouchesNothingElse edits only the title of identities that the form
// can hardly say: what they trust stays byte for byte, and their tokens good.
func TestEditTouchesNothingElse(t *testing.T) {
	w := newWorld(t)
	v := w.visitor(adminEmail)
	for id, change := range map[string]func(*slipway.Trust){
		"plain":      func(*slipway.Trust) {},
		"all-refs":   func(s *slipway.Trust) { s.GitLab.Refs = nil },
		"any-tag":    func(s *slipway.Trust) { s.GitLab.Refs = []slipway.RefRule{{Type: slipway.Tag}} },
		"audiences":  func(s *slipway.Trust) { s.Audiences = []string{"https://a.example.com", "https://b.example.com"} },
		"nested":     func(s *slipway.Trust) { s.GitLab.Group = "top/sub/leaf" },
		"group-wide": func(s *slipway.Trust) { s.GitLab = &slipway.GitLabTrust{Group: "my-group"} },
		"direct":     func(s *slipway.Trust) { s.GitLab = &slipway.GitLabTrust{Group: "my-group", ExcludeSubgroups: true} },
		"several": func(s *slipway.Trust) {
			s.GitLab.Refs = []slipway.RefRule{{Type: slipway.Branch, Pattern: "main"}, {Type: slipway.Tag}, {Type: slipway.Branch, Pattern: "release/*"}}
		},
		"by-pattern": func(s *slipway.Trust) {
			s.GitLab, s.SubjectPattern = nil, "project_path:my-group/app:ref_type:branch:ref:main"
		},
		"by-project-id": func(s *slipway.Trust) { s.GitLab, s.SubjectPattern = nil, "project_id:20:ref_type:branch:ref:main" },
		"both":          func(s *slipway.Trust) { s.SubjectPattern = "project_id:20:*" },
		"lifetime":      func(s *slipway.Trust) { s.MaxLifetime = 72 * time.Hour },
		"protected":     func(s *slipway.Trust) { s.GitLab.Protected = true },
		"conditions": func(s *slipway.Trust) {
			g := s.GitLab
			g.MergeRequests, g.Sources, g.Environments = slipway.MergeRequestsRefuse, []string{"api", "chat"}, []string{"live/*", "prod"}
			g.ProtectedEnvironment, g.Runner, g.AccessLevel = true, "gitlab-hosted", "developer"
		},
	} {
		trust := w.trust()
		change(&trust)
		w.identity(id, "Old title", trust)
		before := w.stored(id)
		edit := v.get("/workload-identities/" + before.Email).follow("Edit")
		edit.submit("Confirm", url.Values{"title": {"New title"}}).expect(t, http.StatusOK, in("h1", says("New title")))
		want := before
		want.Title = "New title"
		if diff := cmp.Diff(want, w.stored(id)); diff != "" {
			t.Errorf("%s: an edit of the title (-want +got):\n%s", id, diff)
		}
		entries, _, err := w.access.Audit(t.Context(), w.admin, access.AuditQuery{Resource: "workloadIdentities/" + before.Email}, slipway.Page{Size: 1})
		if err != nil || len(entries) != 1 || entries[0].Request != `{"title":"New title"}` {
			t.Errorf("%s: the act on record is %+v, %v; want the title alone", id, entries, err)
		}
		// One audience more keeps all the rest.
		edit = v.get("/workload-identities/" + before.Email + "/edit")
		kept := controls(find(edit.root, ".sheet form")[0]).Get("audiences")
		edit.submit("Confirm", url.Values{"audiences": {kept + "\nhttps://c.example.com"}}).expect(t, http.StatusOK)
		want.Trust.Audiences = append(before.Trust.Audiences, "https://c.example.com")
		want.Revision++
		if diff := cmp.Diff(want, w.stored(id)); diff != "" {
			t.Errorf("%s: one more audience (-want +got):\n%s", id, diff)
		}
	}
}

func TestTwoAdministratorsEditOneIdentity(t *testing.T) {
	w := newWorld(t)
	at := "/workload-identities/" + w.identity("deploy", "Deploy", w.trust())
	v := w.visitor(adminEmail)
	first, second := v.get(at+"/edit"), v.get(at+"/edit")
	first.submit("Confirm", url.Values{"branch": {"stable"}}).expect(t, http.StatusOK, in(".says", says("Branch stable")))
	lost := second.submit("Confirm", url.Values{"branch": {"next"}})
	lost.expect(t, http.StatusConflict, in(".sheet .says", says("Somebody else has changed", "Branch stable of my-group/app")),
		in("#f-branch", value("value", "next")))
	if got := w.stored("deploy").Trust.GitLab.Refs[0].Pattern; got != "stable" {
		t.Errorf("the second edit went through: %s", got)
	}
	lost.submit("Confirm", nil).expect(t, http.StatusOK, in(".says", says("Branch next")))
}

func TestPreviewSaysWhatTheEvaluatorSays(t *testing.T) {
	w := newWorld(t)
	v := w.visitor(adminEmail)
	for _, tt := range []struct {
		because string
		typed   map[string]string
		says    []string
	}{
		{"the guide's", nil, []string{"Any branch or tag of my-group/my-project on gitlab.com may sign in", "project_path:my-group/my-project:*", "nobody has reviewed"}},
		{"a blank tag", map[string]string{"refs": "tag"}, []string{"Any tag of my-group/my-project", "ref_type:tag:*"}},
		{"a whole group tells of its subgroups", map[string]string{"project": ""}, []string{"and its subgroups", "made later in my-group and in every subgroup"}},
		{"self-hosted, with a slash", map[string]string{"issuer": "https://gitlab.corp/"}, []string{"on gitlab.corp may sign in"}},
		{"nothing yet", map[string]string{"group": ""}, []string{"Nobody may sign in yet"}},
		{"several", map[string]string{"refs": "several", "several": "branch main\ntag v*"}, []string{"Branch main or tags v* of"}},
	} {
		p := v.post("/users/preview", filled(tt.typed))
		p.expect(t, http.StatusOK, says(tt.says...))
	}
	wrong := v.post("/users/preview", filled(map[string]string{"group": "my*"}))
	wrong.expect(t, http.StatusOK, in("#f-group-error", says("not a wildcard")), in("#f-project-error", is("")))
	empty := v.post("/users/preview", filled(map[string]string{"group": ""}))
	empty.expect(t, http.StatusOK, in("#f-group-error", is("")))
	roles := filled(nil)
	roles["roles"] = []string{iam.GitOpsServiceAgent, iam.ProjectViewer}
	v.post("/users/preview", roles).expect(t, http.StatusOK, says("as GitOps Service Agent, Project Viewer in every project"))
}
