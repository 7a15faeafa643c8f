package console

import (
	"net/url"
	"strings"

	"slipway"
	"slipway/internal/iam"
)

// A face is how a member of a policy or of a group is shown.
type face struct {
	Member  string // "user:ann@example.com"
	Title   string // the address where the title is not for the visitor to see
	Email   string // "" of everybody together
	Type    string
	URL     string // of its page; "" where there is none
	Deleted bool
	Missing bool // nobody has the address (any more)
}

// faces returns how members are shown, in their order.
func (c *Console) faces(v visit, members []string) ([]face, error) {
	names, err := c.Access.Names(v.ctx(), v.who, members)
	if err != nil {
		return nil, err
	}
	list := make([]face, len(members))
	for i, m := range members {
		f := faceOf(m)
		if n, ok := names[m]; ok {
			f.Title, f.Deleted = n.Title, n.Deleted
		} else if may, ok := seenBy[f.kind()]; ok && v.everywhere[may] {
			f.Missing = true
		}
		list[i] = f
	}
	return list, nil
}

// seenBy is what shows the visitor whether a member exists.
var seenBy = map[string]iam.Permission{
	"user": iam.UsersGet, "serviceAccount": iam.ServiceAccountsGet, "workloadIdentity": iam.WorkloadIdentitiesGet, "group": iam.GroupsGet,
}

func (f face) kind() string {
	kind, _, _ := strings.Cut(f.Member, ":")
	return kind
}

// words returns the title with the address, where that says more.
func (f face) words() string {
	if f.Email == "" || f.Email == f.Title {
		return f.Title
	}
	return f.Title + " (" + f.Email + ")"
}

// faceOf returns what a member's name alone tells.
func faceOf(member string) face {
	if member == iam.AllUsers {
		return face{Member: member, Title: "All users", Type: "Everybody who signs in"}
	}
	kind, email, _ := strings.Cut(member, ":")
	f := face{Member: member, Title: email, Email: email}
	f.Type, f.URL = typeNames[slipway.PrincipalKind(kind)], accountURL(slipway.PrincipalKind(kind), email)
	return f
}

func groupURL(email string) string { return "/groups/" + url.PathEscape(email) }

// memberOf returns the member that somebody means by an address: what its
// domain says, or else a person, or a group if only that has the address.
func (c *Console) memberOf(v visit, address string) (string, error) {
	address = strings.ToLower(strings.TrimSpace(address))
	switch {
	case strings.EqualFold(address, iam.AllUsers):
		return iam.AllUsers, nil
	case strings.Contains(address, ":"):
		return iam.CheckMember(address)
	case strings.HasSuffix(address, "@"+slipway.WorkloadIdentityDomain):
		return iam.CheckMember(string(slipway.WorkloadIdentityKind) + ":" + address)
	case strings.HasSuffix(address, "@"+slipway.ServiceAccountDomain):
		return iam.CheckMember(string(slipway.ServiceAccountKind) + ":" + address)
	}
	user, err := iam.CheckMember("user:" + address)
	if err != nil {
		return "", slipway.Errorf(slipway.Invalid, "%.80q is not an e-mail address", address)
	}
	group := slipway.GroupPrefix + address
	names, err := c.Access.Names(v.ctx(), v.who, []string{user, group})
	if err != nil {
		return "", err
	}
	_, isUser := names[user]
	if _, isGroup := names[group]; isGroup && !isUser {
		return group, nil
	}
	return user, nil
}
