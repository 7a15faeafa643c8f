package api_test

import (
	"net/url"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A condition on the state picks, and one that cannot hold is refused.
func TestProjectsByState(t *testing.T) {
	s := newShop(t)
	for _, id := range []string{"kept", "gone"} {
		s.call(200, "POST", "/v1/projects?projectId="+id, tree{"title": id})
	}
	s.call(200, "DELETE", "/v1/projects/gone", nil)
	for _, tc := range []struct {
		name, filter, more string
		want               []string
	}{
		{"none", ``, "", []string{"default", "kept"}},
		{"none, deleted ones too", ``, "&showDeleted=true", []string{"default", "gone", "kept"}},
		{"deleted", `state == "DELETED"`, "", []string{"gone"}},
		{"active, deleted ones too", `state == "ACTIVE"`, "&showDeleted=true", []string{"default", "kept"}},
		{"both at once", `state == "ACTIVE" && state == "DELETED"`, "", nil},
		{"deleted of a name", `state == "DELETED" && name.matches("kept")`, "", nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := s.call(200, "GET", "/v1/projects?filter="+url.QueryEscape(tc.filter)+tc.more, nil)
			list, _ := got["projects"].([]any)
			var ids []string
			for i := range list {
				if id := got.text(t, "projects", i, "name")[len("projects/"):]; id != "shop" {
					ids = append(ids, id)
				}
			}
			if diff := cmp.Diff(tc.want, ids); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	s.call(400, "GET", "/v1/projects?filter="+url.QueryEscape(`state == "deleted"`), nil)
}

// A setting that stands for a check nobody makes yet is refused, not ignored.
func TestCreateProjectRefusesWhatIsNotBuilt(t *testing.T) {
	s := newShop(t)
	for _, tc := range []struct {
		name    string
		project tree
		status  int
	}{
		{"approval", tree{"title": "A", "requireIssueApproval": true}, 501},
		{"review enforced", tree{"title": "A", "enforceSqlReview": true}, 501},
		{"retries", tree{"title": "A", "executionRetryPolicy": tree{"maximumRetries": 3}}, 501},
		{"what an answer looks like", tree{"title": "A", "executionRetryPolicy": tree{}, "requireIssueApproval": false}, 200},
	} {
		t.Run(tc.name, func(t *testing.T) { s.call(tc.status, "POST", "/v1/projects?projectId=a", tc.project) })
	}
}
