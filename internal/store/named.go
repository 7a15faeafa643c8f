package store

import (
	"context"
	"slices"
	"strings"
)

// A Named is what a member of a binding is called.
type Named struct {
	Member  string // "user:ann@example.com"
	Title   string
	Deleted bool
}

// Names returns what members of bindings are called, by member; those that do
// not exist are left out.
func (r Reader) Names(ctx context.Context, members []string) (map[string]Named, error) {
	var emails []any
	asked := map[string]bool{}
	for _, m := range members {
		if _, email, ok := strings.Cut(m, ":"); ok && !asked[m] {
			emails = append(emails, email)
		}
		asked[m] = true
	}
	names := map[string]Named{}
	for chunk := range slices.Chunk(emails, 250) {
		var w where
		in := " WHERE email IN (" + w.list(chunk) + ")"
		found, err := all(ctx, r, "read what members are called", func(r row) (n Named, err error) {
			err = r.Scan(&n.Member, &n.Title, &n.Deleted)
			return n, err
		}, stmt{`
			SELECT 'user:' || email, title, deleted FROM person` + in + `
			UNION ALL SELECT 'serviceAccount:' || email, title, deleted FROM service_account` + in + `
			UNION ALL SELECT 'workloadIdentity:' || email, title, deleted FROM workload_identity` + in + `
			UNION ALL SELECT 'group:' || email, title, 0 FROM principal_group` + in, w.args})
		if err != nil {
			return nil, err
		}
		for _, n := range found {
			if asked[n.Member] {
				names[n.Member] = n
			}
		}
	}
	return names, nil
}
