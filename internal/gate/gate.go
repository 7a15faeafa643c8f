// Package gate is the one door: a decision of iam and its entry in the audit
// log.
//
// Every verb passes it, reads too. What is refused is always on record; what is
// allowed is on record when it changes something. The entry of a change that
// the store makes is written in the change's own transaction, so that neither
// stands without the other; the entry of a refusal or of a failed change has a
// transaction of its own, so that no rollback erases it.
//
// Policies, roles and groups are read for every decision: what was taken away
// is gone with the next call, on every server that shares the store.
package gate

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"time"

	"slipway"
	"slipway/internal/iam"
	"slipway/internal/store"
)

// An Act is what somebody wants to do.
type Act struct {
	Who        slipway.Principal
	Permission iam.Permission // "" in an act that needs none and is only noted
	Resource   string         // "projects/shop/releases/release_20261122-RC00", "instances/pg"
	Project    string         // id of the project whose grants count too; "" is the workspace's alone
	Method     string         // "/bytebase.v1.ReleaseService/CreateRelease"
	Request    any            // for the audit log, as JSON; holds no secret but slipway.Secret
}

// A Gate decides and records. It is safe for many goroutines.
type Gate struct {
	lg  *slog.Logger
	st  *store.Store
	now func() time.Time
}

// New returns a Gate over the policies and the audit log in st. A nil now is
// time.Now.
func New(lg *slog.Logger, st *store.Store, now func() time.Time) *Gate {
	if now == nil {
		now = time.Now
	}
	return &Gate{lg: lg, st: st, now: now}
}

// Can returns nil if act is allowed, and otherwise a Denied that names the
// permission, the resource and the caller, after it has been recorded. Callers
// must stop on any error.
func (g *Gate) Can(ctx context.Context, act Act) error {
	err := g.decide(ctx, act)
	if err != nil {
		g.record(ctx, act, g.now(), err)
	}
	return err
}

// Do runs f in a transaction of the store if act is allowed, and records the
// outcome either way.
func (g *Gate) Do(ctx context.Context, act Act, f func(tx *store.Tx) error) error {
	start := g.now()
	if err := g.decide(ctx, act); err != nil {
		g.record(ctx, act, start, err)
		return err
	}
	err := g.st.Update(ctx, func(tx *store.Tx) error {
		if err := f(tx); err != nil {
			return err
		}
		return tx.AddAudit(ctx, g.entry(act, start, nil))
	})
	if err != nil {
		g.record(ctx, act, start, err)
	}
	return err
}

// Note records an act that happened outside a transaction of the store, with
// err as its outcome.
func (g *Gate) Note(ctx context.Context, act Act, err error) { g.record(ctx, act, g.now(), err) }

// May reports whether who holds p on project, "" being the workspace. It
// records nothing: it is for choosing what to offer or to list.
func (g *Gate) May(ctx context.Context, who slipway.Principal, p iam.Permission, project string) (bool, error) {
	if who.Kind == slipway.SystemKind {
		return true, nil
	}
	grants, err := Grants(ctx, g.st.Reader, who, project)
	if err != nil {
		return false, err
	}
	return grants.Allow(who, p, g.now()), nil
}

// Projects returns the projects in which who holds p: all of them when p is
// held on the workspace, else those ids, deleted projects' too. There are never
// more than slipway.MaxPageSize ids, and ids is not nil unless all.
func (g *Gate) Projects(ctx context.Context, who slipway.Principal, p iam.Permission) (all bool, ids []string, err error) {
	if all, err = g.May(ctx, who, p, ""); all || err != nil {
		return all, nil, err
	}
	custom, err := g.st.Roles(ctx)
	if err != nil {
		return false, nil, err
	}
	ids = []string{} // never nil, which queries of the store take for all
	groups, err := g.st.GroupsOf(ctx, who.Member())
	if err != nil {
		return false, nil, err
	}
	roles, page := iam.RolesOf(custom), slipway.Page{Size: slipway.MaxPageSize}
	for {
		// A project without a policy of its own grants nothing that the
		// workspace does not.
		list, next, err := g.st.Policies(ctx, page)
		if err != nil {
			return false, nil, err
		}
		for _, policy := range list {
			grants := iam.Grants{Policies: []slipway.Policy{policy.Policy}, Roles: roles, Groups: groups}
			id := slipway.ProjectOf(policy.Resource)
			if id != "" && len(ids) < slipway.MaxPageSize && grants.Allow(who, p, g.now()) {
				ids = append(ids, id)
			}
		}
		if next == "" || len(ids) == slipway.MaxPageSize {
			return false, ids, nil
		}
		page.After = next
	}
}

// decide returns why act is not allowed, or nil.
func (g *Gate) decide(ctx context.Context, act Act) error {
	if act.Who.IsZero() {
		return slipway.Errorf(slipway.Unauthenticated, "sign in first")
	}
	ok, err := g.May(ctx, act.Who, act.Permission, act.Project)
	if err != nil || ok {
		return err
	}
	e := slipway.Errorf(slipway.Denied, "permission denied: %s lacks %q on %s", act.Who.Member(), act.Permission, act.Resource)
	e.Denial = &slipway.Denial{Permission: string(act.Permission), Resource: act.Resource, Caller: act.Who.Member()}
	return e
}

// Grants returns what counts in a decision about who in project, "" being the
// workspace, as r has it.
func Grants(ctx context.Context, r store.Reader, who slipway.Principal, project string) (iam.Grants, error) {
	custom, err := r.Roles(ctx)
	if err != nil {
		return iam.Grants{}, err
	}
	grants := iam.Grants{Roles: iam.RolesOf(custom)}
	resources := []string{slipway.WorkspaceName}
	if project != "" {
		resources = append(resources, slipway.Project{ID: project}.Name())
	}
	for _, name := range resources {
		policy, err := r.Policy(ctx, name)
		if err != nil {
			return iam.Grants{}, err
		}
		grants.Policies = append(grants.Policies, policy)
	}
	if namesGroups(grants.Policies...) {
		grants.Groups, err = r.GroupsOf(ctx, who.Member())
	}
	return grants, err
}

// namesGroups reports whether a group is bound by any of policies: else nobody's
// groups matter, and the read of them is saved.
func namesGroups(policies ...slipway.Policy) bool {
	for _, p := range policies {
		for _, b := range p.Bindings {
			if slices.ContainsFunc(b.Members, func(m string) bool { return strings.HasPrefix(m, slipway.GroupPrefix) }) {
				return true
			}
		}
	}
	return false
}
