package rollout

import (
	"context"
	"fmt"
	"strings"

	"slipway"
	"slipway/internal/store"
)

// creator says why a run may not begin for the sake of who started it: the
// account has been deactivated since. A run may have been put off for weeks.
func (w *worker) creator(ctx context.Context) error {
	email := strings.TrimPrefix(w.run.Creator, "users/")
	var gone bool
	err := w.retry(ctx, func() (err error) {
		gone, err = deactivated(ctx, w.s.st.Reader, email)
		return err
	})
	if err != nil {
		return cause(ctx)
	}
	if gone {
		return failed("nothing was run: %s, who started this run, has been deactivated since. Somebody else has to run the task again", email)
	}
	return nil
}

// deactivated reports whether the account of an address is deactivated.
// Accounts are never removed: an address without one is the server's own.
func deactivated(ctx context.Context, r store.Reader, email string) (gone bool, err error) {
	switch {
	case strings.HasSuffix(email, "@"+slipway.WorkloadIdentityDomain):
		var i slipway.WorkloadIdentity
		i, err = r.WorkloadIdentity(ctx, email)
		gone = i.Deleted
	case strings.HasSuffix(email, "@"+slipway.ServiceAccountDomain), strings.HasSuffix(email, "."+slipway.ServiceAccountDomain):
		var a slipway.ServiceAccount
		a, err = r.ServiceAccount(ctx, email)
		gone = a.Deleted
	default:
		var u slipway.User
		u, err = r.User(ctx, email)
		gone = u.Deleted
	}
	if err != nil && slipway.KindOf(err) == slipway.NotFound {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("look whether %s is active: %w", email, err)
	}
	return gone, nil
}
