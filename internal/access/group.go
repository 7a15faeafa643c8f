package access

import (
	"context"
	"slices"
	"strings"

	"slipway"
	"slipway/internal/gate"
	"slipway/internal/iam"
	"slipway/internal/store"
)

const groupService = "/bytebase.v1.GroupService/"

// Bounds of groups. A decision reads the groups of its caller, and a page shows
// the members of a group.
const (
	maxGroups       = 1000
	maxGroupMembers = 500
	maxGroupWords   = 1000 // bytes of a description
)

// A GroupQuery picks groups.
type GroupQuery = store.GroupQuery

// Group returns a group. Its owners need no permission.
func (s *Service) Group(ctx context.Context, who slipway.Principal, email string) (slipway.Group, error) {
	email = strings.ToLower(email)
	g, err := s.st.Group(ctx, email)
	if err != nil && slipway.KindOf(err) != slipway.NotFound {
		return slipway.Group{}, err
	}
	if !owns(who, g) {
		act := gate.Act{Who: who, Permission: iam.GroupsGet, Resource: "groups/" + email, Method: groupService + "GetGroup"}
		if err := s.gate.Can(ctx, act); err != nil {
			return slipway.Group{}, err
		}
	}
	return g, err
}

func owns(who slipway.Principal, g slipway.Group) bool {
	role, ok := g.RoleOf(who.Member())
	return ok && role == slipway.GroupOwner
}

// Groups lists groups. Everybody may ask for the groups that they are in.
func (s *Service) Groups(ctx context.Context, who slipway.Principal, q GroupQuery, page slipway.Page) ([]slipway.Group, string, error) {
	if who.IsZero() || q.Member != who.Member() {
		act := gate.Act{Who: who, Permission: iam.GroupsList, Resource: slipway.WorkspaceName, Method: groupService + "ListGroups"}
		if err := s.gate.Can(ctx, act); err != nil {
			return nil, "", err
		}
	}
	return s.st.Groups(ctx, q, page)
}

// Memberships returns the addresses of the groups that who is in, which
// everybody may know of themselves.
func (s *Service) Memberships(ctx context.Context, who slipway.Principal) ([]string, error) {
	return s.st.GroupsOf(ctx, who.Member())
}

// CreateGroup makes a group, which holds no role until a policy names it.
func (s *Service) CreateGroup(ctx context.Context, who slipway.Principal, g slipway.Group) (slipway.Group, error) {
	act := gate.Act{Who: who, Permission: iam.GroupsCreate, Resource: g.Name(), Method: groupService + "CreateGroup", Request: g}
	g.Created, g.Revision = s.instant(), 1
	err := s.gate.Do(ctx, act, func(tx *store.Tx) (err error) {
		if g, err = checkGroup(g); err != nil {
			return err
		}
		n, err := tx.CountGroups(ctx)
		if err != nil {
			return err
		}
		if n >= maxGroups {
			return slipway.Errorf(slipway.Exhausted, "a workspace has at most %d groups", maxGroups)
		}
		if _, err := tx.User(ctx, g.Email); slipway.KindOf(err) != slipway.NotFound || err == nil {
			if err != nil {
				return err
			}
			return slipway.Errorf(slipway.Exists, "user %q already exists: an address is a person's or a group's", g.Email)
		}
		for _, m := range g.Members {
			if err := memberExists(ctx, tx.Reader, m.Member); err != nil {
				return err
			}
		}
		return tx.CreateGroup(ctx, g)
	})
	return g, err
}

// checkGroup reports why g cannot be, and returns it as it is stored.
func checkGroup(g slipway.Group) (slipway.Group, error) {
	email, err := slipway.CheckEmail(g.Email)
	if err != nil {
		return g, err
	}
	g.Email = email
	if g.Title == "" {
		g.Title = localPart(email)
	}
	if err := slipway.CheckTitle("group", g.Title); err != nil {
		return g, err
	}
	if len(g.Description) > maxGroupWords {
		return g, slipway.Errorf(slipway.Invalid, "group description: at most %d bytes, not %d", maxGroupWords, len(g.Description))
	}
	if len(g.Members) > maxGroupMembers {
		return g, slipway.Errorf(slipway.Invalid, "a group has at most %d members, not %d", maxGroupMembers, len(g.Members))
	}
	members := map[string]slipway.GroupMember{}
	for _, m := range g.Members {
		if m, err = checkGroupMember(m); err != nil {
			return g, err
		}
		if _, twice := members[m.Member]; twice {
			return g, slipway.Errorf(slipway.Invalid, "%s is in the group twice", m.Member)
		}
		members[m.Member] = m
	}
	g.Members = nil
	for _, m := range members {
		g.Members = append(g.Members, m)
	}
	slices.SortFunc(g.Members, func(a, b slipway.GroupMember) int { return strings.Compare(a.Member, b.Member) })
	return g, nil
}

func checkGroupMember(m slipway.GroupMember) (slipway.GroupMember, error) {
	member, err := iam.CheckMember(m.Member)
	if err != nil {
		return m, err
	}
	if member == iam.AllUsers || strings.HasPrefix(member, slipway.GroupPrefix) {
		return m, slipway.Errorf(slipway.Invalid, "member %q: a group holds people, service accounts and workload identities, and no groups", member)
	}
	m.Member = member
	switch m.Role {
	case slipway.GroupMemberOnly:
	case slipway.GroupOwner:
		if !strings.HasPrefix(member, string(slipway.UserKind)+":") {
			return m, slipway.Errorf(slipway.Invalid, "%s cannot own a group: owners are people", member)
		}
	default:
		return m, slipway.Errorf(slipway.Invalid, "role %.40q of %s: it is OWNER or MEMBER", string(m.Role), member)
	}
	return m, nil
}

// A GroupChange says what shall change about a group; nil stays as it is.
type GroupChange struct {
	Title, Description *string
	// Members turns the stored members into the new ones, so that a change of
	// one keeps all others. It may run more than once.
	Members func(stored []slipway.GroupMember) ([]slipway.GroupMember, error)
	// Revision, unless 0, is the one that the change was made from: if somebody
	// else has changed the group since, that is a Conflict.
	Revision int64
}

// UpdateGroup changes a group. To take somebody in is to grant them what the
// group is granted: others than its owners, who hold that themselves, cannot
// give in this way what they do not hold.
func (s *Service) UpdateGroup(ctx context.Context, who slipway.Principal, email string, c GroupChange) (slipway.Group, error) {
	email = strings.ToLower(email)
	request := map[string]any{}
	act := gate.Act{Who: who, Permission: iam.GroupsUpdate, Resource: "groups/" + email, Method: groupService + "UpdateGroup", Request: request}
	now, err := s.st.Group(ctx, email)
	if err != nil && slipway.KindOf(err) != slipway.NotFound {
		return slipway.Group{}, err
	}
	asOwner := owns(who, now)
	var g slipway.Group
	change := func(tx *store.Tx) (err error) {
		if g, err = tx.Group(ctx, email); err != nil {
			return err
		}
		if asOwner && !owns(who, g) {
			return slipway.Errorf(slipway.Conflict, "%s was changed by somebody else; read it again", g.Name())
		}
		old := g
		if g, err = c.apply(g, request); err != nil {
			return err
		}
		if err := s.mayTakeIn(ctx, tx.Reader, who, old, g); err != nil {
			return err
		}
		g.Revision++
		return tx.UpdateGroup(ctx, g, old.Revision)
	}
	if !asOwner {
		err = s.gate.Do(ctx, act, change)
		return g, err
	}
	err = s.st.Update(ctx, change)
	act.Permission = ""
	s.gate.Note(ctx, act, err)
	return g, err
}

// apply returns g with the change, checked, and notes in request what is new.
func (c GroupChange) apply(g slipway.Group, request map[string]any) (slipway.Group, error) {
	if c.Revision != 0 && c.Revision != g.Revision {
		return g, slipway.Errorf(slipway.Conflict, "%s was changed by somebody else; read it again", g.Name())
	}
	if c.Title != nil {
		if err := slipway.CheckTitle("group", *c.Title); err != nil {
			return g, err
		}
		g.Title = *c.Title
		request["title"] = g.Title
	}
	if c.Description != nil {
		g.Description = *c.Description
		request["description"] = g.Description
	}
	if c.Members != nil {
		members, err := c.Members(slices.Clone(g.Members))
		if err != nil {
			return g, err
		}
		g.Members = members
		request["members"] = members
	}
	return checkGroup(g)
}

// mayTakeIn refuses to make members of next who are none of old if that hands
// them a permission that who does not hold, and if they do not exist.
func (s *Service) mayTakeIn(ctx context.Context, r store.Reader, who slipway.Principal, old, next slipway.Group) error {
	grown := false
	for _, m := range next.Members {
		if old.Has(m.Member) {
			continue
		}
		grown = true
		if err := memberExists(ctx, r, m.Member); err != nil {
			return err
		}
	}
	if !grown || owns(who, old) {
		return nil
	}
	custom, err := r.Roles(ctx)
	if err != nil {
		return err
	}
	roles := iam.RolesOf(custom)
	return eachPolicy(ctx, r, func(p store.ResourcePolicy) error {
		for _, b := range p.Bindings {
			if !slices.Contains(b.Members, next.Member()) {
				continue
			}
			h := handout{"grant " + b.Role + " by way of " + next.Name(), slipway.ProjectOf(p.Resource), roles[b.Role], b.Condition}
			if err := s.noMore(ctx, r, who, h); err != nil {
				return err
			}
		}
		return nil
	})
}

// DeleteGroup removes a group that no policy names: a binding that outlived it
// would be a gift to whoever makes a group of its name.
func (s *Service) DeleteGroup(ctx context.Context, who slipway.Principal, email string) error {
	email = strings.ToLower(email)
	act := gate.Act{Who: who, Permission: iam.GroupsDelete, Resource: "groups/" + email, Method: groupService + "DeleteGroup"}
	return s.gate.Do(ctx, act, func(tx *store.Tx) error {
		g, err := tx.Group(ctx, email)
		if err != nil {
			return err
		}
		where, err := boundOn(ctx, tx.Reader, func(b slipway.Binding) bool { return slices.Contains(b.Members, g.Member()) })
		if err != nil {
			return err
		}
		if where != "" {
			return slipway.Errorf(slipway.Precondition, "%s holds a role on %s: take it away there first", g.Name(), where)
		}
		return tx.DeleteGroup(ctx, email)
	})
}
