package console

import (
	"slipway"
)

type trialPage struct {
	identityFrame
	Form     form
	Tried    bool
	Allowed  bool
	Signed   bool
	Headline string
	Advice   string
	Checks   []checkRow
	Claims   string
}

func (c *Console) trialForm(v visit) error {
	f, err := c.identity(v, "/test", "")
	if err != nil {
		return err
	}
	return c.show(v, "trial", trialPage{identityFrame: f})
}

// trial holds what was pasted against the identity. A token is not shown again:
// while it lives it is as good as a password.
func (c *Console) trial(v visit) error {
	f, err := c.identity(v, "/test", "")
	if err != nil {
		return err
	}
	p := trialPage{identityFrame: f}
	if p.Form, err = v.form(); err != nil {
		return err
	}
	t, err := c.Access.TestToken(v.ctx(), v.who, f.Identity.Email, p.Form.Get("token"))
	if slipway.KindOf(err) == slipway.Invalid {
		p.Form.blame("token", slipway.MessageOf(err))
		return c.showForm(v, "trial", p.Form, p)
	}
	if err != nil {
		return err
	}
	p.Tried, p.Allowed, p.Signed = true, t.Allowed, t.Signed
	p.Headline, p.Advice = explain(t.Checks, t.Job)
	p.Checks, p.Claims = checkRows(t.Checks), pretty(t.Claims)
	if typed(p.Form.Values, "token") != "" && typed(p.Form.Values, "token")[0] != '{' {
		p.Form.Set("token", "")
	} else {
		p.Checks = append([]checkRow{{
			Title: "Signature", Outcome: chip{"", "Not checked"}, Got: "claims alone", Want: "made by a key of " + f.Identity.Trust.Issuer,
		}}, p.Checks...)
	}
	return c.show(v, "trial", p)
}
