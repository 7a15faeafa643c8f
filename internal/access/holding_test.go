package access_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"slipway"
	"slipway/internal/iam"
)

func TestGrantUntilAndRevoke(t *testing.T) {
	h := moveIn(t)
	ctx := t.Context()
	ann := h.person("ann@example.com")
	h.project("shop", bind(iam.ProjectOwner, h.admin.Member()))
	end := h.clock.Add(24 * time.Hour)
	for _, until := range []time.Time{end, {}} {
		if err := h.GrantUntil(ctx, h.admin, "projects/shop", ann.Member(), []string{iam.ProjectViewer}, until); err != nil {
			t.Fatal(err)
		}
	}
	want(t, "an end that is over", h.GrantUntil(ctx, h.admin, "projects/shop", ann.Member(), []string{iam.ProjectViewer}, h.clock), slipway.Invalid, "which is over")
	list, err := h.Holdings(ctx, h.admin, ann.Member())
	if err != nil {
		t.Fatal(err)
	}
	both := []slipway.Binding{
		bind(iam.ProjectOwner, h.admin.Member()),
		{Role: iam.ProjectViewer, Members: []string{ann.Member()}, Condition: iam.Until(end)},
		bind(iam.ProjectViewer, ann.Member()),
	}
	policy, err := h.Policy(ctx, h.admin, "projects/shop")
	if err != nil || len(list) != 2 {
		t.Fatalf("%v, %v", list, err)
	}
	if diff := cmp.Diff(both, policy.Bindings); diff != "" {
		t.Errorf("the policy (-want +got):\n%s", diff)
	}

	forever := iam.Grant{Role: iam.ProjectViewer, Member: ann.Member()}
	want(t, "revoking by who may not", h.Revoke(ctx, ann, "projects/shop", forever), slipway.Denied, "setIamPolicy")
	want(t, "revoking", h.Revoke(ctx, h.admin, "projects/shop", forever), 0, "")
	want(t, "revoking again", h.Revoke(ctx, h.admin, "projects/shop", forever), slipway.NotFound, "does not hold roles/projectViewer")
	may := func() bool {
		ok, err := h.gate.May(ctx, ann, iam.PlansGet, "shop")
		if err != nil {
			t.Fatal(err)
		}
		return ok
	}
	if !may() {
		t.Error("the grant with an end went with the other")
	}
	h.clock = end
	if may() {
		t.Error("the grant outlives its end")
	}
	last := iam.Grant{Role: iam.WorkspaceAdmin, Member: h.admin.Member()}
	want(t, "revoking the last administrator", h.Revoke(ctx, h.admin, slipway.WorkspaceName, last), slipway.Precondition, "without an administrator")
}
