package console

import (
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"slipway"
	"slipway/internal/access"
	"slipway/internal/iam"
)

// A visit is a request of somebody who is signed in, and where its answer goes.
type visit struct {
	w   http.ResponseWriter
	r   *http.Request
	who slipway.Principal
	// held is what who may do in the project that the URL names, or else on
	// the workspace: for choosing what to offer. Verbs decide.
	held iam.Set
	// everywhere is what who may do on the workspace.
	everywhere iam.Set
}

// A handler answers a visit. What it returns is shown as a page; having written
// an answer, it returns nil.
type handler func(v visit) error

// maxForm bounds a form in bytes: the largest holds a few thousand characters,
// or a token and some certificates.
const maxForm = 1 << 20

// page lets only people through who hold what the route needs, and shows its
// errors.
func (c *Console) page(rt route) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, maxForm)
		who, err := c.who(r)
		if slipway.KindOf(err) == slipway.Unauthenticated {
			toSignIn(w, r)
			return
		}
		v := visit{w: w, r: r, who: who}
		if err == nil {
			err = c.enter(&v, rt)
		}
		if err == nil {
			err = rt.answer(v)
		}
		if err != nil {
			c.renderError(v, err)
		}
	})
}

// enter finds out what the visitor may do, and refuses whoever lacks what the
// route needs.
func (c *Console) enter(v *visit, rt route) (err error) {
	if v.everywhere, err = c.Access.Held(v.ctx(), v.who, ""); err != nil {
		return err
	}
	v.held = v.everywhere
	project := v.r.PathValue("project")
	if project != "" {
		if v.held, err = c.Access.Held(v.ctx(), v.who, project); err != nil {
			return err
		}
	}
	if rt.needs == "" || v.held[rt.needs] {
		return nil
	}
	return c.Access.See(v.ctx(), v.who, access.Sight{Permission: rt.needs, Project: project, Page: rt.pattern})
}

func (v visit) ctx() context.Context { return v.r.Context() }

// query returns a parameter of the URL without spaces around it.
func (v visit) query(name string) string { return strings.TrimSpace(v.r.URL.Query().Get(name)) }

// scripted reports whether htmx asks, which wants a part and not a page.
func (v visit) scripted() bool { return v.r.Header.Get("HX-Request") == "true" }

// after returns which piece of a list the URL asks for.
func (v visit) after(size int) (slipway.Page, error) {
	text, err := base64.RawURLEncoding.DecodeString(v.r.URL.Query().Get("after"))
	if err != nil {
		return slipway.Page{}, slipway.Errorf(slipway.Invalid, "This address does not belong to any page of the list.")
	}
	return slipway.Page{Size: size, After: string(text)}, nil
}

// A pager links to the first page of a list and to the next; "" is no link.
type pager struct{ First, Next string }

// pager returns the links around the page that v shows, next being what the
// list returned.
func (v visit) pager(next string) pager {
	var p pager
	q := v.r.URL.Query()
	if q.Has("after") {
		q.Del("after")
		p.First = link(v.r.URL.Path, q)
	}
	if next != "" {
		q.Set("after", base64.RawURLEncoding.EncodeToString([]byte(next)))
		p.Next = link(v.r.URL.Path, q)
	}
	return p
}

// link returns path with the parameters q.
func link(path string, q url.Values) string {
	if len(q) == 0 {
		return path
	}
	return path + "?" + q.Encode()
}

// form returns what was posted.
func (v visit) form() (form, error) {
	if err := v.r.ParseForm(); err != nil {
		if _, large := errors.AsType[*http.MaxBytesError](err); large {
			return form{}, slipway.Errorf(slipway.Invalid, "The form holds more than %d KiB.", maxForm>>10)
		}
		return form{}, slipway.Errorf(slipway.Invalid, "The form could not be read.").Because(err)
	}
	return form{Values: v.r.PostForm}, nil
}

// done ends an act that succeeded: the browser goes to the page at to, which
// shows message once.
func (c *Console) done(v visit, to, message string) error {
	c.keep(v.w, "toast", url.QueryEscape(message), 60)
	http.Redirect(v.w, v.r, to, http.StatusSeeOther)
	return nil
}

// trouble ends an act that succeeded in part: the browser goes to the page at
// to, which says in words what did not.
func (c *Console) trouble(v visit, to, message string) error {
	c.keep(v.w, "trouble", url.QueryEscape(message), 60)
	http.Redirect(v.w, v.r, to, http.StatusSeeOther)
	return nil
}
