package console

import (
	"net/http"

	"slipway"
)

// routes is every page there is.
func (c *Console) routes() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /static/", c.assets)
	mux.HandleFunc("GET /signin", c.signInForm)
	mux.HandleFunc("POST /signin", c.signIn)
	mux.HandleFunc("GET /setup", c.setupForm)
	mux.HandleFunc("POST /setup", c.setup)
	mux.Handle("POST /signout", c.page(c.signOut))
	mux.Handle("GET /{$}", c.page(c.home))
	mux.Handle("/", c.page(func(http.ResponseWriter, *http.Request, slipway.Principal) error {
		return slipway.Errorf(slipway.NotFound, "There is no page at this address.")
	}))
	return mux
}

// A handler answers a request of somebody who is signed in. What it returns is
// shown as a page; having written an answer, it returns nil.
type handler func(w http.ResponseWriter, r *http.Request, who slipway.Principal) error

// page lets only people through to h and shows its errors.
func (c *Console) page(h handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, maxForm)
		who, err := c.who(r)
		if slipway.KindOf(err) == slipway.Unauthenticated {
			toSignIn(w, r)
			return
		}
		if err == nil {
			err = h(w, r, who)
		}
		if err != nil {
			c.renderError(w, r, who, err)
		}
	})
}

// maxForm bounds a form in bytes: the largest holds a few thousand characters.
const maxForm = 1 << 20
