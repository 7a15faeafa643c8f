package iam

import (
	"slices"
	"strings"

	"slipway"
)

// Bounds of a policy. They keep a decision to a few thousand comparisons.
const (
	MaxBindings       = 250
	MaxPolicyMembers  = 2000 // in all bindings together
	maxConditionTitle = 100
)

// CheckPolicy reports why p cannot be the policy of resource, "workspaces/…" or
// "projects/…", where roles are those there are. It returns p as it is stored:
// e-mail addresses in lower case, each member once, and no binding without
// members.
func CheckPolicy(p slipway.Policy, resource string, roles Roles) (slipway.Policy, error) {
	checked := slipway.Policy{Etag: p.Etag}
	if len(p.Bindings) > MaxBindings {
		return p, slipway.Errorf(slipway.Invalid, "a policy has at most %d bindings, not %d", MaxBindings, len(p.Bindings))
	}
	total := 0
	for i, b := range p.Bindings {
		b, err := checkBinding(b, resource, roles)
		if err != nil {
			return p, slipway.Errorf(slipway.Invalid, "bindings[%d]: %w", i, err)
		}
		if total += len(b.Members); total > MaxPolicyMembers {
			return p, slipway.Errorf(slipway.Invalid, "a policy has at most %d members in all its bindings", MaxPolicyMembers)
		}
		if len(b.Members) > 0 {
			checked.Bindings = append(checked.Bindings, b)
		}
	}
	return checked, nil
}

func checkBinding(b slipway.Binding, resource string, roles Roles) (slipway.Binding, error) {
	if _, ok := roles[b.Role]; !ok {
		return b, slipway.Errorf(slipway.Invalid, "there is no role %.80q", b.Role)
	}
	if err := CheckPlace(b.Role, resource); err != nil {
		return b, err
	}
	if len(b.Title) > maxConditionTitle {
		return b, slipway.Errorf(slipway.Invalid, "condition title: at most %d bytes, not %d", maxConditionTitle, len(b.Title))
	}
	if err := CheckCondition(b.Condition); err != nil {
		return b, err
	}
	var members []string
	for _, m := range b.Members {
		m, err := CheckMember(m)
		if err != nil {
			return b, err
		}
		if m == AllUsers && b.Role == WorkspaceAdmin {
			return b, slipway.Errorf(slipway.Invalid, "%s cannot be granted to %s", WorkspaceAdmin, AllUsers)
		}
		if !slices.Contains(members, m) {
			members = append(members, m)
		}
	}
	b.Members = members
	return b, nil
}

// CheckPlace reports why the policy of resource, "workspaces/…" or "projects/…",
// cannot bind a role that there is.
func CheckPlace(role, resource string) error {
	if slices.Contains(workspaceOnly, role) && !strings.HasPrefix(resource, "workspaces/") {
		return slipway.Errorf(slipway.Invalid, "%s can be granted on the workspace only, not on %s", role, resource)
	}
	return nil
}

// CheckMember reports why m cannot be a member of a binding, and returns it
// with its address in lower case.
func CheckMember(m string) (string, error) {
	if m == AllUsers {
		return m, nil
	}
	kind, email, _ := strings.Cut(m, ":")
	email = strings.ToLower(email)
	switch kind {
	case "user", "group":
		email, err := slipway.CheckEmail(email)
		if err != nil {
			return "", err
		}
		return kind + ":" + email, nil
	case "serviceAccount":
		return checkAccount(kind, email, slipway.ServiceAccountDomain)
	case "workloadIdentity":
		return checkAccount(kind, email, slipway.WorkloadIdentityDomain)
	}
	return "", slipway.Errorf(slipway.Invalid, "member %.80q: write user:EMAIL, serviceAccount:EMAIL, workloadIdentity:EMAIL, group:EMAIL or %s", m, AllUsers)
}

func checkAccount(kind, email, domain string) (string, error) {
	id, ok := strings.CutSuffix(email, "@"+domain)
	if !ok {
		return "", slipway.Errorf(slipway.Invalid, "member %.80q: the address of a %s ends with @%s", kind+":"+email, kind, domain)
	}
	if err := slipway.CheckID(kind, id); err != nil {
		return "", err
	}
	return kind + ":" + email, nil
}

// A Grant is one role for one member under one condition: a policy's smallest
// part.
type Grant struct{ Role, Member, Condition string }

// Added lists the grants of p that old has not, in the order of p.
func Added(old, p slipway.Policy) []Grant {
	had := map[Grant]bool{}
	for _, g := range grants(old) {
		had[g] = true
	}
	return slices.DeleteFunc(grants(p), func(g Grant) bool { return had[g] })
}

func grants(p slipway.Policy) []Grant {
	var list []Grant
	for _, b := range p.Bindings {
		for _, m := range b.Members {
			list = append(list, Grant{b.Role, m, b.Condition})
		}
	}
	return list
}
