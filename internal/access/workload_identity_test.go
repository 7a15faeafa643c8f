package access_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"slipway"
	"slipway/internal/access"
	"slipway/internal/iam"
	"slipway/internal/trust"
)

func gitlabTrust() slipway.Trust {
	return slipway.Trust{
		Platform: slipway.GitLab, Issuer: "https://gitlab.example.com", Audiences: []string{"https://db.example.com", "https://gitlab.example.com"},
		GitLab:      &slipway.GitLabTrust{Group: "my-group", Project: "app", Refs: []slipway.RefRule{{Type: slipway.Branch, Pattern: "main"}}},
		MaxLifetime: 3600e9,
	}
}

// TestUnsafeTrustIsRefused: what would let everyone in is refused when it is
// written, so that it never stands in the store.
func TestUnsafeTrustIsRefused(t *testing.T) {
	h := moveIn(t)
	ctx := t.Context()
	tests := []struct {
		because string
		change  func(*slipway.Trust)
		words   string
	}{
		{"U08 no audience", func(t *slipway.Trust) { t.Audiences = nil }, "audience"},
		{"U08 shared audience", func(t *slipway.Trust) { t.Audiences = []string{"vault"} }, "audience"},
		{"S2 no condition at all", func(t *slipway.Trust) { t.GitLab = nil }, ""},
		{"everybody", func(t *slipway.Trust) { t.GitLab = nil; t.SubjectPattern = "*" }, ""},
		{"F02 every group", func(t *slipway.Trust) { t.GitLab.Group = "*" }, "group"},
		{"N01 http", func(t *slipway.Trust) { t.Issuer = "http://gitlab.example.com" }, "https"},
		{"GitHub is not built", func(t *slipway.Trust) { t.Platform = "GITHUB" }, "GitHub Actions cannot be trusted yet"},
		{"no platform", func(t *slipway.Trust) { t.Platform = "" }, "platform"},
	}
	for _, tt := range tests {
		bad := gitlabTrust()
		tt.change(&bad)
		_, err := h.CreateWorkloadIdentity(ctx, h.admin, access.NewWorkloadIdentity{ID: "bad", Trust: bad})
		if err == nil || slipway.KindOf(err) != slipway.Invalid || !strings.Contains(slipway.MessageOf(err), tt.words) {
			t.Errorf("%s: %v, want an Invalid that says %q", tt.because, err, tt.words)
		}
		if _, err := h.st.WorkloadIdentity(ctx, "bad@workload.bytebase.com"); slipway.KindOf(err) != slipway.NotFound {
			t.Errorf("%s: it was stored all the same: %v", tt.because, err)
		}
	}
	if _, err := h.CreateWorkloadIdentity(ctx, h.admin, access.NewWorkloadIdentity{ID: "deploy", Trust: gitlabTrust()}); err != nil {
		t.Fatal(err)
	}
	_, err := h.CreateWorkloadIdentity(ctx, h.admin, access.NewWorkloadIdentity{ID: "deploy", Title: "dup"})
	want(t, "a taken name comes first", err, slipway.Exists, `workload identity with email "deploy@workload.bytebase.com" already exists`)
	_, err = h.CreateWorkloadIdentity(ctx, h.admin, access.NewWorkloadIdentity{ID: "Deploy", Trust: gitlabTrust()})
	want(t, "an id that is none", err, slipway.Invalid, "lower-case")
	_, err = h.CreateWorkloadIdentity(ctx, h.admin, access.NewWorkloadIdentity{ID: "x", Project: "nowhere", Trust: gitlabTrust()})
	want(t, "a project that is not", err, slipway.NotFound, "nowhere")
}

// TestEditKeepsWhatItDoesNotName is F05, F08 and the second lesson of the form.
func TestEditKeepsWhatItDoesNotName(t *testing.T) {
	computed := trust.Pattern(gitlabTrust())
	if computed == "" {
		t.Fatal("the fixture amounts to no single pattern")
	}
	title := "New title"
	tests := []struct {
		because  string
		change   access.WorkloadIdentityChange
		want     func(*slipway.Trust)
		revision int64
	}{
		{"title alone", access.WorkloadIdentityChange{Title: &title}, nil, 1},
		{"nothing", access.WorkloadIdentityChange{}, nil, 1},
		{"a client that knows patterns only sends back what it was shown", access.WorkloadIdentityChange{
			Trust: func(s slipway.Trust) (slipway.Trust, error) {
				s.GitLab, s.SubjectPattern = nil, computed
				return s, nil
			},
		}, nil, 1},
		{"a client sends back fields and computed pattern", access.WorkloadIdentityChange{
			Trust: func(s slipway.Trust) (slipway.Trust, error) { s.SubjectPattern = computed; return s, nil },
		}, nil, 1},
		{"one audience taken away", access.WorkloadIdentityChange{
			Trust: func(s slipway.Trust) (slipway.Trust, error) { s.Audiences = s.Audiences[:1]; return s, nil },
		}, func(w *slipway.Trust) { w.Audiences = w.Audiences[:1] }, 2},
		{"fields changed, computed pattern sent along", access.WorkloadIdentityChange{
			Trust: func(s slipway.Trust) (slipway.Trust, error) {
				s.GitLab = &slipway.GitLabTrust{Group: "my-group", Project: "other"}
				s.SubjectPattern = computed
				return s, nil
			},
		}, func(w *slipway.Trust) { w.GitLab = &slipway.GitLabTrust{Group: "my-group", Project: "other"} }, 2},
	}
	for _, tt := range tests {
		t.Run(tt.because, func(t *testing.T) {
			h := moveIn(t)
			ctx := t.Context()
			made, err := h.CreateWorkloadIdentity(ctx, h.admin, access.NewWorkloadIdentity{ID: "deploy", Title: "Deploy", Trust: gitlabTrust()})
			if err != nil {
				t.Fatal(err)
			}
			wanted := made
			if tt.change.Title != nil {
				wanted.Title = *tt.change.Title
			}
			if tt.want != nil {
				tt.want(&wanted.Trust)
			}
			wanted.Revision = tt.revision
			got, err := h.UpdateWorkloadIdentity(ctx, h.admin, made.Email, tt.change)
			if err != nil {
				t.Fatal(err)
			}
			stored, err := h.st.WorkloadIdentity(ctx, made.Email)
			if err != nil {
				t.Fatal(err)
			}
			for what, w := range map[string]slipway.WorkloadIdentity{"answered": got, "stored": stored} {
				if diff := cmp.Diff(wanted, w); diff != "" {
					t.Errorf("identity as %s (-want +got):\n%s", what, diff)
				}
			}
		})
	}
}

func TestConcurrentEdit(t *testing.T) {
	h := moveIn(t)
	ctx := t.Context()
	made, err := h.CreateWorkloadIdentity(ctx, h.admin, access.NewWorkloadIdentity{ID: "deploy", Trust: gitlabTrust()})
	if err != nil {
		t.Fatal(err)
	}
	to := func(project string) access.WorkloadIdentityChange {
		return access.WorkloadIdentityChange{Revision: made.Revision, Trust: func(s slipway.Trust) (slipway.Trust, error) {
			s.GitLab = &slipway.GitLabTrust{Group: "my-group", Project: project}
			return s, nil
		}}
	}
	if _, err := h.UpdateWorkloadIdentity(ctx, h.admin, made.Email, to("one")); err != nil {
		t.Fatal(err)
	}
	_, err = h.UpdateWorkloadIdentity(ctx, h.admin, made.Email, to("two"))
	want(t, "F12 the second of two edits", err, slipway.Conflict, "concurrent update")
}

// TestOwnIdentities: a project's owner manages the identities of that project
// and no others, and learns nothing about those.
func TestOwnIdentities(t *testing.T) {
	h := moveIn(t)
	ctx := t.Context()
	h.project("shop", slipway.Binding{Role: iam.ProjectOwner, Members: []string{"user:owner@example.com"}})
	owner := h.person("owner@example.com")
	const own, other, none = "own@workload.bytebase.com", "other@workload.bytebase.com", "none@workload.bytebase.com"
	if _, err := h.CreateWorkloadIdentity(ctx, owner, access.NewWorkloadIdentity{ID: "own", Project: "shop", Trust: gitlabTrust()}); err != nil {
		t.Fatal(err)
	}
	if _, err := h.CreateWorkloadIdentity(ctx, h.admin, access.NewWorkloadIdentity{ID: "other", Trust: gitlabTrust()}); err != nil {
		t.Fatal(err)
	}
	_, err := h.CreateWorkloadIdentity(ctx, owner, access.NewWorkloadIdentity{ID: "grab", Trust: gitlabTrust()})
	want(t, "on the workspace", err, slipway.Denied, "bb.workloadIdentities.create")
	for _, tt := range []struct{ email, words string }{{own, ""}, {other, "permission denied"}, {none, "permission denied"}} {
		_, err := h.WorkloadIdentity(ctx, owner, tt.email)
		want(t, "get "+tt.email, err, slipway.Denied, tt.words)
		_, err = h.UpdateWorkloadIdentity(ctx, owner, tt.email, access.WorkloadIdentityChange{})
		want(t, "update "+tt.email, err, slipway.Denied, tt.words)
		want(t, "delete "+tt.email, h.DeleteWorkloadIdentity(ctx, owner, tt.email), slipway.Denied, tt.words)
		_, err = h.UndeleteWorkloadIdentity(ctx, owner, tt.email)
		want(t, "undelete "+tt.email, err, slipway.Denied, tt.words)
	}
	_, err = h.WorkloadIdentity(ctx, h.admin, none)
	want(t, "one that is not, for who may ask", err, slipway.NotFound, "not found")
	list, _, err := h.WorkloadIdentities(ctx, owner, access.AccountQuery{Project: "shop"}, slipway.Page{})
	if err != nil || len(list) != 1 || list[0].Email != own {
		t.Errorf("the project's identities: %v, %v", list, err)
	}
	_, _, err = h.WorkloadIdentities(ctx, owner, access.AccountQuery{}, slipway.Page{})
	want(t, "the workspace's identities", err, slipway.Denied, "bb.workloadIdentities.list")
}
