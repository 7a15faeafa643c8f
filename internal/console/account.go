package console

import (
	"net/http"
	"strings"

	"slipway"
	"slipway/internal/access"
)

var themes = []option{{Value: "auto", Label: "As the system"}, {Value: "light", Label: "Light"}, {Value: "dark", Label: "Dark"}}

type myAccountPage struct {
	Frame
	User     slipway.User
	Profile  form
	Password form
	Themes   field
	Sessions []sessionRow
	Holdings []holding
}

type sessionRow struct {
	access.OwnSession
	Device string
}

func (c *Console) account(v visit) error {
	return c.myAccount(v, func(*myAccountPage) {})
}

// myAccount shows the page, with what change puts into it.
func (c *Console) myAccount(v visit, change func(*myAccountPage)) error {
	p := myAccountPage{Frame: c.frame(v, "Account", "")}
	var err error
	if p.User, err = c.Access.Self(v.ctx(), v.who); err != nil {
		return err
	}
	p.Profile.Values = map[string][]string{"title": {p.User.Title}}
	theme := c.theme(v.r)
	if theme == "" {
		theme = "auto"
	}
	p.Themes = newField(form{Values: map[string][]string{"theme": {theme}}}, "theme", "Colours").with(themes)
	sessions, err := c.Access.Sessions(v.ctx(), v.who, c.token(v.r))
	if err != nil {
		return err
	}
	for _, s := range sessions {
		p.Sessions = append(p.Sessions, sessionRow{s, device(s)})
	}
	if p.Holdings, err = c.holdings(v, v.who.Member()); err != nil {
		return err
	}
	change(&p)
	status := max(p.Profile.Status(), p.Password.Status())
	return c.render(v, status, "account", "layout", p)
}

func (c *Console) saveProfile(v visit) error {
	f, err := v.form()
	if err != nil {
		return err
	}
	title := typed(f.Values, "title")
	f.check("title", slipway.CheckTitle("name", title))
	if f.ok() {
		if _, err := c.Access.UpdateUser(v.ctx(), v.who, v.who.Email, access.UserChange{Title: &title}); err != nil {
			return err
		}
		return c.done(v, "/account", "Saved.")
	}
	return c.myAccount(v, func(p *myAccountPage) { p.Profile = f })
}

// changePassword ends every session, and begins a new one here.
func (c *Console) changePassword(v visit) error {
	f, err := v.form()
	if err != nil {
		return err
	}
	current, next := slipway.Secret(f.Get("current")), slipway.Secret(f.Get("password"))
	f.check("password", access.CheckPassword(next))
	if f.ok() {
		err = c.Access.ChangePassword(v.ctx(), v.who, current, next)
		switch slipway.KindOf(err) {
		case slipway.Unauthenticated, slipway.Exhausted:
			f.blame("current", slipway.MessageOf(err))
		default:
			if err != nil {
				return err
			}
		}
	}
	if !f.ok() {
		return c.myAccount(v, func(p *myAccountPage) { p.Password = f })
	}
	in, err := c.Access.Login(v.ctx(), access.SignIn{Email: v.who.Email, Password: next, Web: true, Origin: v.who.Origin})
	if err != nil { // the password is changed: signing in by hand will do
		http.Redirect(v.w, v.r, "/signin", http.StatusSeeOther)
		return nil
	}
	c.setCookie(v.w, in.Token.Reveal(), in.Expires)
	return c.done(v, "/account", "Your password is changed. Everywhere else you are signed out.")
}

// saveTheme keeps the choice in a cookie: it is the browser's rather than the
// person's.
func (c *Console) saveTheme(v visit) error {
	f, err := v.form()
	if err != nil {
		return err
	}
	theme, seconds := f.Get("theme"), 365*24*60*60
	if theme != "light" && theme != "dark" {
		theme, seconds = "", -1 // the system's
	}
	c.keep(v.w, "theme", theme, seconds)
	http.Redirect(v.w, v.r, "/account", http.StatusSeeOther)
	return nil
}

func (c *Console) endSession(v visit) error {
	if err := c.Access.EndSession(v.ctx(), v.who, v.r.PathValue("id")); err != nil {
		return err
	}
	return c.done(v, "/account", "Signed out there.")
}

func (c *Console) endSessions(v visit) error {
	if err := c.Access.EndSessions(v.ctx(), v.who); err != nil {
		return err
	}
	http.Redirect(v.w, v.r, "/signin", http.StatusSeeOther)
	return nil
}

// device says what a session is used with, as far as browsers tell.
func device(s access.OwnSession) string {
	agent := s.Origin.UserAgent
	find := func(names ...string) string {
		for _, n := range names {
			mark, name, _ := strings.Cut(n, "=")
			if strings.Contains(agent, mark) {
				return name
			}
		}
		return ""
	}
	browser := find("Edg/=Edge", "OPR/=Opera", "Firefox/=Firefox", "Chrome/=Chrome", "Safari/=Safari")
	system := find("Android=Android", "iPhone=iPhone", "iPad=iPad", "Windows=Windows", "Mac OS X=macOS", "Linux=Linux")
	switch {
	case browser != "" && system != "":
		return browser + " on " + system
	case agent == "":
		return "Unknown"
	case !s.Web:
		return "API: " + agent
	}
	return agent
}
