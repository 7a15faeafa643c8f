package iam

import (
	"slices"
	"strings"
	"time"

	"slipway"
)

// AllUsers is the member that means every signed-in person. It never means a
// workload or a service account: those are granted roles one by one.
const AllUsers = "allUsers"

// Grants are what a decision is made from.
type Grants struct {
	Policies []slipway.Policy // the workspace's and, for a question about a project, that project's
	Roles    Roles
	Groups   []string // e-mail addresses of the groups that the caller is in
}

// Allow reports whether who holds p at the instant now.
func (g Grants) Allow(who slipway.Principal, p Permission, now time.Time) bool {
	for b := range g.bindings(who) {
		if g.Roles[b.Role][p] && Holds(b.Condition, now) {
			return true
		}
	}
	return false
}

// Held returns everything that who may do at the instant now.
func (g Grants) Held(who slipway.Principal, now time.Time) Set {
	return g.held(who, now, func(string) bool { return true })
}

// HeldFor returns what who may do at the instant now and for as long as
// condition holds: what who may hand on under it.
func (g Grants) HeldFor(who slipway.Principal, condition string, now time.Time) Set {
	return g.held(who, now, func(own string) bool { return outlasts(own, condition) })
}

func (g Grants) held(who slipway.Principal, now time.Time, counts func(condition string) bool) Set {
	held := Set{}
	for b := range g.bindings(who) {
		if !counts(b.Condition) || !Holds(b.Condition, now) {
			continue
		}
		for p := range g.Roles[b.Role] {
			held[p] = true
		}
	}
	return held
}

// bindings yields the bindings that name who, whatever their conditions.
func (g Grants) bindings(who slipway.Principal) func(yield func(slipway.Binding) bool) {
	return func(yield func(slipway.Binding) bool) {
		if who.IsZero() || who.Email == "" {
			return
		}
		for _, policy := range g.Policies {
			for _, b := range policy.Bindings {
				if slices.ContainsFunc(b.Members, func(m string) bool { return g.names(m, who) }) && !yield(b) {
					return
				}
			}
		}
	}
}

// names reports whether a binding's member is who, or a set that who is in.
func (g Grants) names(member string, who slipway.Principal) bool {
	if member == AllUsers {
		return who.Kind == slipway.UserKind
	}
	if group, ok := strings.CutPrefix(member, "group:"); ok {
		return slices.Contains(g.Groups, group)
	}
	return member == who.Member()
}
