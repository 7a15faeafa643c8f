package console

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"time"

	"slipway"
	"slipway/internal/access"
)

// The cookies that a sign-in with the provider is bound to, and that say that a
// session began so.
const (
	flowCookie     = "flow"
	providerCookie = "provider"
)

// A keptFlow is what the browser keeps while it is at the provider.
type keptFlow struct {
	access.Flow
	Next string `json:"next"`
}

// callback is where the provider sends browsers back to.
func (c *Console) callback() string { return c.cfg.URL + "/signin/callback" }

// beginSignIn sends the browser to the provider.
func (c *Console) beginSignIn(w http.ResponseWriter, r *http.Request) {
	to, flow, err := c.Access.BeginSignIn(r.Context(), c.callback())
	var kept []byte
	if err == nil {
		kept, err = json.Marshal(keptFlow{flow, local(r.URL.Query().Get("next"))})
	}
	if err != nil {
		c.signInFailed(w, r, err)
		return
	}
	c.keep(w, flowCookie, base64.RawURLEncoding.EncodeToString(kept), int(access.FlowTime.Seconds()))
	w.Header().Set("Cache-Control", "no-store")
	http.Redirect(w, r, to, http.StatusSeeOther)
}

// finishSignIn begins the session of whom the provider vouches for.
func (c *Console) finishSignIn(w http.ResponseWriter, r *http.Request) {
	var kept keptFlow
	if raw, err := base64.RawURLEncoding.DecodeString(c.kept(r, flowCookie)); err != nil || json.Unmarshal(raw, &kept) != nil {
		kept = keptFlow{} // none of ours: the flow will not fit
	}
	c.keep(w, flowCookie, "", -1) // good for one try
	q := r.URL.Query()
	in, err := c.Access.FinishSignIn(r.Context(), access.Return{
		Flow: kept.Flow, State: q.Get("state"), Code: q.Get("code"), Error: q.Get("error"), Issuer: q.Get("iss"),
		Redirect: c.callback(), Origin: c.origin(r),
	})
	if err != nil {
		c.signInFailed(w, r, err)
		return
	}
	c.setCookie(w, in.Token.Reveal(), in.Expires)
	c.keep(w, providerCookie, "yes", int(time.Until(in.Expires).Seconds()))
	http.Redirect(w, r, local(kept.Next), http.StatusSeeOther)
}

// signInFailed shows the sign-in page with what went wrong.
func (c *Console) signInFailed(w http.ResponseWriter, r *http.Request, err error) {
	if slipway.KindOf(err) == slipway.Internal {
		c.renderError(visit{w: w, r: r}, err)
		return
	}
	p := c.signInPage(r)
	p.Error = sentence(slipway.MessageOf(err))
	c.alone(w, r, statusOf[slipway.KindOf(err)], "signin", p)
}

// signInPage returns the page without anything typed yet.
func (c *Console) signInPage(r *http.Request) signInPage {
	p := signInPage{Frame: c.narrow(r, "Sign in"), Next: local(r.URL.Query().Get("next"))}
	ways, err := c.Access.SignInWays(r.Context())
	if err != nil {
		// Passwords may still do; what is wrong is the operator's to know.
		c.lg.ErrorContext(r.Context(), "read the identity provider", "err", err)
		ways.Passwords = true
	}
	p.Provider, p.Passwords = ways.Provider, ways.Passwords
	return p
}

type signedOutPage struct {
	Frame
	Provider, URL string
}

// signOutThere sends the browser of somebody who signed out here to the provider
// to sign out there too, and reports whether it could. The page does so, as
// form-action keeps a redirect of the form's own answer on this server.
func (c *Console) signOutThere(v visit) bool {
	if c.kept(v.r, providerCookie) == "" {
		return false
	}
	c.keep(v.w, providerCookie, "", -1)
	title, to, err := c.Access.SignOutWith(v.ctx(), c.cfg.URL+"/signin")
	if err != nil {
		c.lg.WarnContext(v.ctx(), "sign out of the identity provider", "err", err)
	}
	if to == "" {
		return false
	}
	v.w.Header().Set("Refresh", "0; url="+to)
	c.alone(v.w, v.r, http.StatusOK, "signed_out", signedOutPage{c.narrow(v.r, "Signed out"), title, to})
	return true
}
