package console

import (
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"slipway"
	"slipway/internal/access"
	"slipway/internal/iam"
)

type signInSettings struct {
	settingsFrame
	Provider     access.Provider
	HasSecret    bool
	Passwords    string // whether people sign in with these
	State        chip
	Groups       []groupMapping
	Callback     string
	Session      string // how long a session lasts
	Idle, Tokens string
	MaySet       bool
	Form         form
}

// A groupMapping says which group a value of the provider's claim stands for.
type groupMapping struct{ Value, Email, URL string }

// signInSettings shows how people sign in.
func (c *Console) signInSettings(v visit) error {
	p, err := c.signInSettingsPage(v, "Sign-in")
	if err != nil {
		return err
	}
	return c.show(v, "settings_signin", p)
}

func (c *Console) signInSettingsPage(v visit, title string) (signInSettings, error) {
	p := signInSettings{settingsFrame: c.settings(v, title, "/settings/sign-in"), Callback: c.callback(), MaySet: v.everywhere[iam.SettingsSet]}
	session, idle, tokens := c.Access.Lifetimes()
	p.Session, p.Idle, p.Tokens = lasts(session), lasts(idle), lasts(tokens)
	var err error
	if p.Provider, p.HasSecret, err = c.Access.Provider(v.ctx(), v.who); err != nil {
		return p, err
	}
	switch allowed, anyway := c.Access.PasswordsFor(p.Provider); {
	case anyway:
		p.Passwords = "Off, but this server was started with --allow-passwords"
	case !allowed:
		p.Passwords = "Off: people sign in with the provider alone"
	default:
		p.Passwords = "On, beside the provider"
	}
	p.State = chip{"", "Off"}
	if p.Provider.Enabled {
		p.State = chip{"ok", "On"}
	}
	for _, value := range slices.Sorted(maps.Keys(p.Provider.Groups)) {
		email := p.Provider.Groups[value]
		p.Groups = append(p.Groups, groupMapping{value, email, accountURL(access.GroupKind, email)})
	}
	return p, nil
}

// lasts says how long something lasts, in days or else in hours.
func lasts(d time.Duration) string {
	if days := int(d / (24 * time.Hour)); days > 1 && d%(24*time.Hour) == 0 {
		return count(days, "day", "days")
	}
	if d%time.Hour == 0 {
		return count(int(d/time.Hour), "hour", "hours")
	}
	return took(d)
}

func (c *Console) providerForm(v visit) error {
	p, _, err := c.Access.Provider(v.ctx(), v.who)
	if err != nil {
		return err
	}
	values := url.Values{
		"title": {p.Title}, "issuer": {p.Issuer}, "client_id": {p.ClientID}, "scopes": {strings.Join(p.Scopes, " ")},
		"domains": {strings.Join(p.Domains, "\n")}, "groups_claim": {p.GroupsClaim},
	}
	var lines []string
	for _, value := range slices.Sorted(maps.Keys(p.Groups)) {
		lines = append(lines, value+" = "+p.Groups[value])
	}
	values.Set("groups", strings.Join(lines, "\n"))
	if p.Enabled || p.Issuer == "" {
		values.Set("enabled", "yes")
	}
	if p.CreateUsers {
		values.Set("create", "yes")
	}
	if p.PasswordsOff {
		values.Set("passwords_off", "yes")
	}
	return c.providerSheet(v, form{Values: values})
}

func (c *Console) providerSheet(v visit, f form) error {
	p, err := c.signInSettingsPage(v, "Identity provider")
	if err != nil {
		return err
	}
	p.Form, p.Sheet = f, &Sheet{Title: "Identity provider", Close: "/settings/sign-in"}
	return c.showForm(v, "provider_form", f, p)
}

// setProvider saves the identity provider.
func (c *Console) setProvider(v visit) error {
	f, err := v.form()
	if err != nil {
		return err
	}
	p := access.Provider{
		Title: typed(f.Values, "title"), Issuer: typed(f.Values, "issuer"), ClientID: typed(f.Values, "client_id"),
		ClientSecret: slipway.Secret(typed(f.Values, "client_secret")), Scopes: strings.Fields(f.Get("scopes")),
		Enabled: f.Get("enabled") != "", CreateUsers: f.Get("create") != "", PasswordsOff: f.Get("passwords_off") != "", Domains: strings.Fields(strings.ReplaceAll(f.Get("domains"), ",", " ")),
		GroupsClaim: typed(f.Values, "groups_claim"), Groups: map[string]string{},
	}
	for field, label := range map[string]string{"title": "name", "issuer": "issuer", "client_id": "client ID"} {
		if typed(f.Values, field) == "" {
			f.blame(field, "the "+label+" is needed")
		}
	}
	for line := range strings.SplitSeq(typed(f.Values, "groups"), "\n") {
		if strings.TrimSpace(line) == "" {
			continue
		}
		at := strings.LastIndexByte(line, '=')
		if at < 0 {
			f.blame("groups", "write a value of the claim, = and the address of a group, one on a line")
			continue
		}
		p.Groups[strings.TrimSpace(line[:at])] = strings.TrimSpace(line[at+1:])
	}
	if f.ok() {
		if err = c.Access.SetProvider(v.ctx(), v.who, p); err == nil {
			return c.done(v, "/settings/sign-in", "Saved.")
		}
		if err = f.take(err); err != nil {
			return err
		}
	}
	return c.providerSheet(v, f)
}
