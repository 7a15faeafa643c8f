package access

import (
	"context"
	"slices"
	"strings"
	"time"

	"slipway"
	"slipway/internal/gate"
	"slipway/internal/iam"
	"slipway/internal/store"
)

// GroupKind is the Kind of an Account that is a group.
const GroupKind slipway.PrincipalKind = "group"

// An Account is anybody who may sign in, or a group of them, as a list of all
// shows it.
type Account struct {
	Kind    slipway.PrincipalKind
	Email   string
	Title   string
	Project string // id of the project that owns it; "" is the workspace
	Deleted bool
	Seen    time.Time      // last signed in, or exchanged a token; zero: never
	Trust   *slipway.Trust // of a workload identity
	Members int            // how many, of a group
}

// Member returns the account as IAM bindings name it.
func (a Account) Member() string { return string(a.Kind) + ":" + a.Email }

// An AnyoneQuery picks accounts.
type AnyoneQuery struct {
	Kind        slipway.PrincipalKind // "" is every kind
	Search      string                // part of the e-mail address or the title, any case
	ShowDeleted bool
}

// Accounts lists people, service accounts, workload identities and groups
// together, by e-mail address. But for people it leaves out the kinds that who
// may not list, unless it is asked for that kind alone.
func (s *Service) Accounts(ctx context.Context, who slipway.Principal, q AnyoneQuery, page slipway.Page) ([]Account, string, error) {
	kinds := []accountKind{
		{slipway.UserKind, iam.UsersList, "/bytebase.v1.UserService/ListUsers", s.userAccounts},
		{slipway.ServiceAccountKind, iam.ServiceAccountsList, serviceAccounts + "ListServiceAccounts", s.serviceAccounts},
		{slipway.WorkloadIdentityKind, iam.WorkloadIdentitiesList, workloadIdentities + "ListWorkloadIdentities", s.identityAccounts},
		{GroupKind, iam.GroupsList, groupService + "ListGroups", s.groupAccounts},
	}
	held, err := s.Held(ctx, who, "")
	if err != nil {
		return nil, "", err
	}
	var found []Account
	more := ""
	for _, k := range kinds {
		asked := q.Kind == k.kind || q.Kind == "" && k.kind == slipway.UserKind
		if q.Kind != "" && !asked || !asked && !held[k.list] {
			continue
		}
		act := gate.Act{Who: who, Permission: k.list, Resource: slipway.WorkspaceName, Method: k.method}
		if err := s.gate.Can(ctx, act); err != nil {
			return nil, "", err
		}
		some, next, err := k.read(ctx, q, page)
		if err != nil {
			return nil, "", err
		}
		found, more = append(found, some...), more+next
	}
	slices.SortFunc(found, func(a, b Account) int { return strings.Compare(a.Email, b.Email) })
	size := page.Limit() - 1
	if len(found) > size {
		found, more = found[:size], "more"
	}
	next := ""
	if more != "" {
		next = found[len(found)-1].Email
	}
	return found, next, s.lastSeen(ctx, found)
}

// An accountKind is one of the tables that Accounts reads.
type accountKind struct {
	kind   slipway.PrincipalKind
	list   iam.Permission
	method string
	read   func(context.Context, AnyoneQuery, slipway.Page) ([]Account, string, error)
}

func (s *Service) userAccounts(ctx context.Context, q AnyoneQuery, page slipway.Page) ([]Account, string, error) {
	list, next, err := s.st.Users(ctx, store.UserQuery{Search: q.Search, ShowDeleted: q.ShowDeleted}, page)
	out := make([]Account, len(list))
	for i, u := range list {
		out[i] = Account{Kind: slipway.UserKind, Email: u.Email, Title: u.Title, Deleted: u.Deleted, Seen: u.LastLogin}
	}
	return out, next, err
}

func (s *Service) serviceAccounts(ctx context.Context, q AnyoneQuery, page slipway.Page) ([]Account, string, error) {
	list, next, err := s.st.ServiceAccounts(ctx, store.AccountQuery{Search: q.Search, ShowDeleted: q.ShowDeleted}, page)
	out := make([]Account, len(list))
	for i, a := range list {
		out[i] = Account{Kind: slipway.ServiceAccountKind, Email: a.Email, Title: a.Title, Project: a.Project, Deleted: a.Deleted}
	}
	return out, next, err
}

func (s *Service) identityAccounts(ctx context.Context, q AnyoneQuery, page slipway.Page) ([]Account, string, error) {
	list, next, err := s.st.WorkloadIdentities(ctx, store.AccountQuery{Search: q.Search, ShowDeleted: q.ShowDeleted}, page)
	out := make([]Account, len(list))
	for i, w := range list {
		out[i] = Account{Kind: slipway.WorkloadIdentityKind, Email: w.Email, Title: w.Title, Project: w.Project, Deleted: w.Deleted, Trust: &w.Trust}
	}
	return out, next, err
}

func (s *Service) groupAccounts(ctx context.Context, q AnyoneQuery, page slipway.Page) ([]Account, string, error) {
	list, next, err := s.st.Groups(ctx, store.GroupQuery{Search: q.Search}, page)
	out := make([]Account, len(list))
	for i, g := range list {
		out[i] = Account{Kind: GroupKind, Email: g.Email, Title: g.Title, Members: len(g.Members)}
	}
	return out, next, err
}

// lastSeen fills in when accounts that are no people were last seen.
func (s *Service) lastSeen(ctx context.Context, list []Account) error {
	var emails []string
	for _, a := range list {
		if a.Kind == slipway.WorkloadIdentityKind || a.Kind == slipway.ServiceAccountKind {
			emails = append(emails, a.Email)
		}
	}
	seen, err := s.st.LastSeen(ctx, emails)
	if err != nil {
		return err
	}
	for i, a := range list {
		if at, ok := seen[a.Email]; ok && a.Kind != slipway.UserKind {
			list[i].Seen = at
		}
	}
	return nil
}
