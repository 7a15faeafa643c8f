package console

import (
	"slices"
	"strings"

	"slipway/internal/access"
	"slipway/internal/iam"
	"slipway/internal/idtoken"
)

type issuersPage struct {
	settingsFrame
	Issuers []issuerRow
	MayAsk  bool
}

// An issuerRow is an issuer that identities trust.
type issuerRow struct {
	access.Issuer
	Chip chip
	Name string // without the scheme
}

// Deactivated says how many of the identities that trust it are.
func (r issuerRow) Deactivated() int { return r.All - r.Active }

// Keys says how many keys it publishes, and of which kinds.
func (r issuerRow) Keys() string {
	var families []string
	for _, k := range r.State.Keys {
		if !slices.Contains(families, k.Family) {
			families = append(families, k.Family)
		}
	}
	n := len(r.State.Keys)
	if n == 0 {
		return "none"
	}
	return count(n, "key", "keys") + " (" + strings.Join(families, ", ") + ")"
}

// issuerState says in a word how an issuer stands.
func issuerState(s idtoken.State) chip {
	switch {
	case s.Tried.IsZero():
		return chip{"", "Not asked yet"}
	case s.Failure == "":
		return chip{"ok", "Answers"}
	case len(s.Keys) > 0:
		return chip{"wait", "Does not answer, keys are kept"}
	}
	return chip{"bad", "Does not answer"}
}

// issuers lists the issuers in use and what is known of them.
func (c *Console) issuers(v visit) error {
	p := issuersPage{settingsFrame: c.settings(v, "Issuers", "/settings/issuers"), MayAsk: v.held[iam.SettingsSet]}
	list, err := c.Access.Issuers(v.ctx(), v.who)
	if err != nil {
		return err
	}
	for _, i := range list {
		p.Issuers = append(p.Issuers, issuerRow{Issuer: i, Chip: issuerState(i.State), Name: strings.TrimPrefix(i.Issuer, "https://")})
	}
	return c.show(v, "issuers", p)
}

// askIssuer has the keys of an issuer fetched now.
func (c *Console) askIssuer(v visit) error {
	f, err := v.form()
	if err != nil {
		return err
	}
	i, err := c.Access.AskIssuer(v.ctx(), v.who, f.Get("issuer"))
	if err != nil {
		return err
	}
	name := strings.TrimPrefix(i.Issuer, "https://")
	if i.State.Failure != "" {
		return c.trouble(v, "/settings/issuers", sentence(name+" does not answer as it should: "+i.State.Failure))
	}
	return c.done(v, "/settings/issuers", name+" answers.")
}
