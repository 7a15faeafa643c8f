package console

import (
	"context"
	"net/http"

	"slipway"
	"slipway/internal/access"
	"slipway/internal/iam"
)

func (c *Console) serviceAccount(v visit) error {
	p, err := c.serviceAccountPage(v, "")
	if err != nil {
		return err
	}
	return c.show(v, "account_of", p)
}

func (c *Console) serviceAccountPage(v visit, title string) (accountPage, error) {
	a, err := c.Access.ServiceAccount(v.ctx(), v.who, v.r.PathValue("email"))
	if err != nil {
		return accountPage{}, err
	}
	held, err := c.Access.Held(v.ctx(), v.who, a.Project)
	if err != nil {
		return accountPage{}, err
	}
	at := accountURL(slipway.ServiceAccountKind, a.Email)
	p := accountPage{
		Frame: c.accountFrame(v, title, a.Title, at), Kind: typeNames[slipway.ServiceAccountKind], Name: a.Title, Email: a.Email, At: at,
		Project: a.Project, Deleted: a.Deleted, Created: a.Created,
		MayEdit: held[iam.ServiceAccountsUpdate], MayDelete: held[iam.ServiceAccountsDelete], MayUndelete: held[iam.ServiceAccountsUndelete],
	}
	p.Holdings, err = c.holdings(v, "serviceAccount:"+a.Email)
	return p, err
}

func (c *Console) editServiceAccountForm(v visit) error {
	p, err := c.serviceAccountPage(v, "Edit")
	if err != nil {
		return err
	}
	p.Form = form{Values: map[string][]string{"title": {p.Name}}}
	return c.show(v, "account_edit", p)
}

func (c *Console) editServiceAccount(v visit) error {
	p, err := c.serviceAccountPage(v, "Edit")
	if err != nil {
		return err
	}
	if p.Form, err = v.form(); err != nil {
		return err
	}
	f := &p.Form
	title := typed(f.Values, "title")
	f.check("title", slipway.CheckTitle("name", title))
	if f.ok() {
		if _, _, err := c.Access.UpdateServiceAccount(v.ctx(), v.who, p.Email, access.ServiceAccountChange{Title: &title}); err != nil {
			if err = f.take(err); err != nil {
				return err
			}
		}
	}
	if !f.ok() {
		return c.showForm(v, "account_edit", *f, p)
	}
	return c.done(v, p.At, "Saved.")
}

// resetKey asks whether to replace the key, and on a POST shows the new one.
func (c *Console) resetKey(v visit) error {
	p, err := c.serviceAccountPage(v, "")
	if err != nil {
		return err
	}
	q := question{
		Frame: c.frame(v, "Reset the key of "+p.Name+"?", "/users", Crumb{Title: p.Name, URL: p.At}),
		Text:  "The old key and every session that it opened end now. Whatever uses it fails until it has the new one.",
		Act:   "Reset key", Danger: true, Back: p.At,
	}
	if v.r.Method != http.MethodPost {
		return c.ask(v, q)
	}
	a, key, err := c.Access.UpdateServiceAccount(v.ctx(), v.who, p.Email, access.ServiceAccountChange{NewKey: true})
	if err != nil {
		if err = q.Form.take(err); err != nil {
			return err
		}
		return c.ask(v, q)
	}
	return c.showKey(v, made{kind: slipway.ServiceAccountKind, email: a.Email, title: a.Title, key: key}, "")
}

func (c *Console) deleteServiceAccount(v visit) error {
	p, err := c.serviceAccountPage(v, "")
	if err != nil {
		return err
	}
	return c.deactivate(v, p, "Its key stops working now and every session ends. Restored, it has the same key and roles.",
		func(ctx context.Context) error { return c.Access.DeleteServiceAccount(ctx, v.who, p.Email) })
}

func (c *Console) undeleteServiceAccount(v visit) error {
	a, err := c.Access.UndeleteServiceAccount(v.ctx(), v.who, v.r.PathValue("email"))
	if err != nil {
		return err
	}
	return c.done(v, accountURL(slipway.ServiceAccountKind, a.Email), a.Title+" works again, with the key that it had.")
}
