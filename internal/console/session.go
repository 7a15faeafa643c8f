package console

import (
	"net/http"
	"net/url"
	"strings"
	"time"

	"slipway"
	"slipway/internal/access"
)

func (c *Console) setCookie(w http.ResponseWriter, token string, expires time.Time) {
	http.SetCookie(w, &http.Cookie{
		Name: c.cookie(""), Value: token, Path: "/", Expires: expires,
		HttpOnly: true, Secure: c.secure, SameSite: http.SameSiteLaxMode,
	})
}

// token returns the session's token, "" where there is none.
func (c *Console) token(r *http.Request) string { return c.kept(r, "") }

// who returns whose session the request carries. Anything but a person is
// Unauthenticated: workloads have no business here.
func (c *Console) who(r *http.Request) (slipway.Principal, error) {
	cookie, err := r.Cookie(c.cookie(""))
	if err != nil {
		return slipway.Principal{}, slipway.Errorf(slipway.Unauthenticated, "sign in first")
	}
	who, err := c.Access.Authenticate(r.Context(), cookie.Value, c.origin(r))
	if err == nil && who.Kind != slipway.UserKind {
		return slipway.Principal{}, slipway.Errorf(slipway.Unauthenticated, "the console is for people")
	}
	return who, err
}

// origin returns where r comes from.
func (c *Console) origin(r *http.Request) slipway.Origin {
	return slipway.NewOrigin(c.cfg.TrustedProxies, r.RemoteAddr, r.Header.Values("X-Forwarded-For"), r.UserAgent())
}

// toSignIn sends the browser to the sign-in page and remembers where it was
// going, if that was to read a page.
func toSignIn(w http.ResponseWriter, r *http.Request) {
	to := "/signin"
	if r.Method == http.MethodGet && r.URL.Path != "/" {
		to += "?next=" + url.QueryEscape(r.URL.RequestURI())
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
}

// local returns next if it is a path on this server, else "/": a sign-in must
// not send anyone to a stranger's site.
func local(next string) string {
	u, err := url.Parse(next)
	if err != nil || u.Host != "" || u.Scheme != "" || !strings.HasPrefix(next, "/") || strings.HasPrefix(next, "//") || strings.ContainsAny(next, "\\\r\n") {
		return "/"
	}
	return next
}

type signInPage struct {
	Frame
	Email, Next, Error string
	Provider           string // what people can sign in with; "" for none
	Passwords          bool   // they can sign in with these
}

func (c *Console) signInForm(w http.ResponseWriter, r *http.Request) {
	if _, err := c.who(r); err == nil {
		http.Redirect(w, r, "/", http.StatusSeeOther)
		return
	}
	c.alone(w, r, http.StatusOK, "signin", c.signInPage(r))
}

func (c *Console) signIn(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	p := c.signInPage(r)
	p.Email, p.Next = r.PostFormValue("email"), local(r.PostFormValue("next"))
	in, err := c.Access.Login(r.Context(), access.SignIn{
		Email: p.Email, Password: slipway.Secret(r.PostFormValue("password")), Web: true, Origin: c.origin(r),
	})
	if err != nil {
		p.Error = sentence(slipway.MessageOf(err))
		c.alone(w, r, statusOf[slipway.KindOf(err)], "signin", p)
		return
	}
	c.setCookie(w, in.Token.Reveal(), in.Expires)
	c.keep(w, providerCookie, "", -1)
	http.Redirect(w, r, p.Next, http.StatusSeeOther)
}

func (c *Console) signOut(v visit) error {
	cookie, err := v.r.Cookie(c.cookie(""))
	if err != nil {
		return slipway.Errorf(slipway.Unauthenticated, "sign in first")
	}
	if err := c.Access.Logout(v.ctx(), cookie.Value, v.who.Origin); err != nil {
		return err
	}
	c.setCookie(v.w, "", time.Unix(1, 0))
	if !c.signOutThere(v) {
		http.Redirect(v.w, v.r, "/signin", http.StatusSeeOther)
	}
	return nil
}

// alone answers a stranger with a page that stands alone.
func (c *Console) alone(w http.ResponseWriter, r *http.Request, status int, name string, data any) {
	v := visit{w: w, r: r}
	if err := c.render(v, status, name, "layout", data); err != nil {
		c.renderError(v, err)
	}
}

type setupPage struct {
	Frame
	Token, Name, Email, Error string
}

// setupForm is for the first start only; later it leads to the sign-in page.
func (c *Console) setupForm(w http.ResponseWriter, r *http.Request) {
	needed, err := c.Access.NeedsSetup(r.Context())
	if err != nil {
		c.renderError(visit{w: w, r: r}, err)
		return
	}
	if !needed {
		http.Redirect(w, r, "/signin", http.StatusSeeOther)
		return
	}
	c.alone(w, r, http.StatusOK, "setup", setupPage{Frame: c.narrow(r, "Welcome"), Token: r.URL.Query().Get("token")})
}

func (c *Console) setup(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	p := setupPage{
		Frame: c.narrow(r, "Welcome"), Token: r.PostFormValue("token"),
		Name: r.PostFormValue("title"), Email: r.PostFormValue("email"),
	}
	password := r.PostFormValue("password")
	if _, err := c.Access.CompleteSetup(r.Context(), p.Token, p.Email, password, p.Name); err != nil {
		if needed, asked := c.Access.NeedsSetup(r.Context()); asked == nil && !needed {
			c.renderError(visit{w: w, r: r}, err) // the form would be filled in for nothing
			return
		}
		p.Error = sentence(slipway.MessageOf(err))
		c.alone(w, r, statusOf[slipway.KindOf(err)], "setup", p)
		return
	}
	in, err := c.Access.Login(r.Context(), access.SignIn{Email: p.Email, Password: slipway.Secret(password), Web: true, Origin: c.origin(r)})
	if err != nil { // the account is there: signing in by hand will do
		http.Redirect(w, r, "/signin", http.StatusSeeOther)
		return
	}
	c.setCookie(w, in.Token.Reveal(), in.Expires)
	http.Redirect(w, r, "/", http.StatusSeeOther)
}
