package access

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"slipway"
	"slipway/internal/gate"
	"slipway/internal/iam"
	"slipway/internal/store"
)

// A scope is where a policy holds, and what its methods are called.
type scope struct {
	resource string // "projects/shop", or WorkspaceName
	project  string // id, or ""
	service  string // "/bytebase.v1.ProjectService/"
	noun     string // "project"
	get, set iam.Permission
}

func scopeOf(resource string) (scope, error) {
	if ids, err := slipway.ParseName("projects/*", resource); err == nil {
		return scope{"projects/" + ids[0], ids[0], "/bytebase.v1.ProjectService/", "project", iam.ProjectsGetIamPolicy, iam.ProjectsSetIamPolicy}, nil
	}
	ids, err := slipway.ParseName("workspaces/*", resource)
	if err != nil || ids[0] != "-" && ids[0] != slipway.WorkspaceID {
		return scope{}, slipway.Errorf(slipway.Invalid, "%.200q has no IAM policy: name projects/{project} or workspaces/-", resource)
	}
	return scope{slipway.WorkspaceName, "", "/bytebase.v1.WorkspaceService/", "workspace", iam.WorkspacesGetIamPolicy, iam.WorkspacesSetIamPolicy}, nil
}

// Policy returns who holds which roles on resource, a project or the workspace.
func (s *Service) Policy(ctx context.Context, who slipway.Principal, resource string) (slipway.Policy, error) {
	sc, err := scopeOf(resource)
	if err != nil {
		return slipway.Policy{}, err
	}
	act := gate.Act{Who: who, Permission: sc.get, Resource: sc.resource, Project: sc.project, Method: sc.service + "GetIamPolicy"}
	if err := s.gate.Can(ctx, act); err != nil {
		return slipway.Policy{}, err
	}
	if sc.project != "" {
		if _, err := s.st.Project(ctx, sc.project); err != nil {
			return slipway.Policy{}, err
		}
	}
	return s.st.Policy(ctx, sc.resource)
}

// SetPolicy replaces the policy of resource. Nobody grants a role that holds
// more than they hold there themselves, a member has to exist when it is
// added, and the workspace keeps an administrator.
func (s *Service) SetPolicy(ctx context.Context, who slipway.Principal, resource string, p slipway.Policy) (slipway.Policy, error) {
	sc, err := scopeOf(resource)
	if err != nil {
		return slipway.Policy{}, err
	}
	act := gate.Act{Who: who, Permission: sc.set, Resource: sc.resource, Project: sc.project, Method: sc.service + "SetIamPolicy", Request: p}
	var saved slipway.Policy
	err = s.gate.Do(ctx, act, func(tx *store.Tx) error {
		if err := ownerExists(ctx, tx, sc.project); err != nil {
			return err
		}
		custom, err := tx.Roles(ctx)
		if err != nil {
			return err
		}
		roles := iam.RolesOf(custom)
		old, err := tx.Policy(ctx, sc.resource)
		if err != nil {
			return err
		}
		lost := slipway.Errorf(slipway.Conflict, "there is concurrent update to the %s iam policy, please refresh and try again", sc.noun)
		if p.Etag != "" && p.Etag != old.Etag {
			return lost
		}
		next, err := iam.CheckPolicy(p, sc.resource, roles)
		if err != nil {
			return err
		}
		for _, g := range iam.Added(old, next) {
			if err := s.noMore(ctx, tx.Reader, who, handout{"grant " + g.Role, sc.project, roles[g.Role], g.Condition}); err != nil {
				return err
			}
			if err := memberExists(ctx, tx.Reader, g.Member); err != nil {
				return err
			}
		}
		if sc.project == "" {
			if err := keepsAnAdmin(ctx, tx.Reader, next); err != nil {
				return err
			}
		}
		if saved, err = tx.SetPolicy(ctx, sc.resource, next); slipway.KindOf(err) == slipway.Conflict {
			return lost
		}
		return err
	})
	return saved, err
}

// memberExists reports why a member cannot be granted anything: a role that
// waits for an address to be taken would be a gift to whoever takes it.
func memberExists(ctx context.Context, r store.Reader, member string) error {
	kind, email, _ := strings.Cut(member, ":")
	var err error
	switch kind {
	case "user":
		_, err = r.User(ctx, email)
	case "serviceAccount":
		_, err = r.ServiceAccount(ctx, email)
	case "workloadIdentity":
		_, err = r.WorkloadIdentity(ctx, email)
	case "group":
		_, err = r.Group(ctx, email)
	}
	if slipway.KindOf(err) == slipway.NotFound {
		return slipway.Errorf(slipway.Invalid, "member %q: there is no such %s; make it first", member, kind)
	}
	return err
}

// keepsAnAdmin refuses a policy of the workspace by which no active person
// would be its administrator without a condition.
func keepsAnAdmin(ctx context.Context, r store.Reader, p slipway.Policy) error {
	for _, b := range p.Bindings {
		if b.Role != iam.WorkspaceAdmin || b.Condition != "" {
			continue
		}
		for _, m := range b.Members {
			email, isUser := strings.CutPrefix(m, "user:")
			if !isUser {
				continue
			}
			u, err := r.User(ctx, email)
			if err != nil && slipway.KindOf(err) != slipway.NotFound {
				return err
			}
			if err == nil && !u.Deleted {
				return nil
			}
		}
	}
	return slipway.Errorf(slipway.Precondition, "the workspace would be left without an administrator: one active person has to hold %s without a condition", iam.WorkspaceAdmin)
}

const roleService = "/bytebase.v1.RoleService/"

// Roles lists the predefined roles and the custom ones.
func (s *Service) Roles(ctx context.Context, who slipway.Principal) ([]slipway.Role, error) {
	act := gate.Act{Who: who, Permission: iam.RolesList, Resource: slipway.WorkspaceName, Method: roleService + "ListRoles"}
	if err := s.gate.Can(ctx, act); err != nil {
		return nil, err
	}
	custom, err := s.st.Roles(ctx)
	return append(iam.Predefined(), custom...), err
}

// Role returns a role by its id.
func (s *Service) Role(ctx context.Context, who slipway.Principal, id string) (slipway.Role, error) {
	act := gate.Act{Who: who, Permission: iam.RolesGet, Resource: "roles/" + id, Method: roleService + "GetRole"}
	if err := s.gate.Can(ctx, act); err != nil {
		return slipway.Role{}, err
	}
	for _, r := range iam.Predefined() {
		if r.ID == id {
			return r, nil
		}
	}
	return s.st.Role(ctx, id)
}

// CreateRole makes a custom role. It can hold no more than who holds.
func (s *Service) CreateRole(ctx context.Context, who slipway.Principal, r slipway.Role) (slipway.Role, error) {
	act := gate.Act{Who: who, Permission: iam.RolesCreate, Resource: r.Name(), Method: roleService + "CreateRole", Request: r}
	err := s.gate.Do(ctx, act, func(tx *store.Tx) (err error) {
		if r, err = iam.CheckRole(r); err != nil {
			return err
		}
		r.BuiltIn = false
		custom, err := tx.Roles(ctx)
		if err != nil {
			return err
		}
		if len(custom) >= iam.MaxCustomRoles {
			return slipway.Errorf(slipway.Exhausted, "a workspace has at most %d roles of its own", iam.MaxCustomRoles)
		}
		if err := s.noMore(ctx, tx.Reader, who, handout{what: "make " + r.Name(), want: permissions(r)}); err != nil {
			return err
		}
		return tx.CreateRole(ctx, r)
	})
	return r, err
}

// A RoleChange says what shall change about a custom role; nil stays as it is.
type RoleChange struct {
	Title, Description *string
	Permissions        []string
}

// UpdateRole changes a custom role, for everybody who holds it.
func (s *Service) UpdateRole(ctx context.Context, who slipway.Principal, id string, c RoleChange) (slipway.Role, error) {
	var r slipway.Role
	act := gate.Act{Who: who, Permission: iam.RolesUpdate, Resource: "roles/" + id, Method: roleService + "UpdateRole", Request: c}
	err := s.gate.Do(ctx, act, func(tx *store.Tx) error {
		old, err := customRole(ctx, tx.Reader, id)
		if err != nil {
			return err
		}
		r = old
		if c.Title != nil {
			r.Title = *c.Title
		}
		if c.Description != nil {
			r.Description = *c.Description
		}
		if c.Permissions != nil {
			r.Permissions = c.Permissions
		}
		if r, err = iam.CheckRole(r); err != nil {
			return err
		}
		added := iam.Set{}
		for _, p := range permissions(old).Missing(permissions(r)) {
			added[p] = true
		}
		if err := s.noMore(ctx, tx.Reader, who, handout{what: "widen " + r.Name(), want: added}); err != nil {
			return err
		}
		return tx.UpdateRole(ctx, r)
	})
	return r, err
}

// DeleteRole removes a custom role that no policy binds.
func (s *Service) DeleteRole(ctx context.Context, who slipway.Principal, id string) error {
	act := gate.Act{Who: who, Permission: iam.RolesDelete, Resource: "roles/" + id, Method: roleService + "DeleteRole"}
	return s.gate.Do(ctx, act, func(tx *store.Tx) error {
		r, err := customRole(ctx, tx.Reader, id)
		if err != nil {
			return err
		}
		where, err := boundOn(ctx, tx.Reader, func(b slipway.Binding) bool { return b.Role == r.Name() })
		if err != nil {
			return err
		}
		if where != "" {
			return slipway.Errorf(slipway.Precondition, "%s is granted on %s: take it away there first", r.Name(), where)
		}
		return tx.DeleteRole(ctx, id)
	})
}

func customRole(ctx context.Context, r store.Reader, id string) (slipway.Role, error) {
	if slices.ContainsFunc(iam.Predefined(), func(p slipway.Role) bool { return p.ID == id }) {
		return slipway.Role{}, slipway.Errorf(slipway.Precondition, "roles/%s is predefined and stays as it is", id)
	}
	return r.Role(ctx, id)
}

// boundOn returns a resource whose policy has a binding that match takes, or "".
func boundOn(ctx context.Context, r store.Reader, match func(slipway.Binding) bool) (string, error) {
	where := ""
	err := eachPolicy(ctx, r, func(p store.ResourcePolicy) error {
		if where == "" && slices.ContainsFunc(p.Bindings, match) {
			where = p.Resource
		}
		return nil
	})
	return where, err
}

// eachPolicy calls f with every policy, deleted projects' too, since they can
// come back.
func eachPolicy(ctx context.Context, r store.Reader, f func(store.ResourcePolicy) error) error {
	page := slipway.Page{Size: slipway.MaxPageSize}
	for {
		list, next, err := r.Policies(ctx, page)
		if err != nil {
			return fmt.Errorf("look through the policies: %w", err)
		}
		for _, p := range list {
			if err := f(p); err != nil {
				return err
			}
		}
		if page.After = next; next == "" {
			return nil
		}
	}
}

func permissions(r slipway.Role) iam.Set { return iam.RolesOf([]slipway.Role{r})[r.Name()] }
