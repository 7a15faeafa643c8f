package slipway

import "time"

// A Group is a set of callers that roles are granted to together: whoever is in
// it holds what is bound to its Member. A group is in no other group.
type Group struct {
	Email       string // "dba@example.com": a name of the form of an address; no mail goes there
	Title       string
	Description string
	Created     time.Time
	Revision    int64         // grows with every change
	Members     []GroupMember // by Member
}

// Name returns "groups/dba@example.com".
func (g Group) Name() string { return "groups/" + g.Email }

// Member returns the group as IAM bindings name it: "group:dba@example.com".
func (g Group) Member() string { return GroupPrefix + g.Email }

// GroupPrefix begins a member of a binding that is a group.
const GroupPrefix = "group:"

// A GroupMember is somebody in a group.
type GroupMember struct {
	Member string // as IAM bindings name callers: "user:ann@example.com"
	Role   GroupRole
}

// A GroupRole says what somebody is in a group, spelled as in the API.
type GroupRole string

// The roles. An owner is a member who may change the group.
const (
	GroupOwner      GroupRole = "OWNER"
	GroupMemberOnly GroupRole = "MEMBER"
)

// Has reports whether member is in the group, in any role.
func (g Group) Has(member string) bool {
	_, ok := g.RoleOf(member)
	return ok
}

// RoleOf returns what member is in the group, and whether it is in it.
func (g Group) RoleOf(member string) (GroupRole, bool) {
	for _, m := range g.Members {
		if m.Member == member {
			return m.Role, true
		}
	}
	return "", false
}
