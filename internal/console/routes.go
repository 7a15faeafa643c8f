package console

import (
	"net/http"

	"slipway"
	"slipway/internal/iam"
)

// A route is a page or an act.
type route struct {
	pattern string // of http.ServeMux
	answer  handler
	// needs is what whoever asks has to hold: in the project, where the pattern
	// has {project}, else on the workspace. "" lets in everyone who is signed
	// in; what the answer calls asks for more.
	needs iam.Permission
}

// routes is every page there is for people who are signed in. A navigation
// entry shows when its page is among them and the caller holds what it needs.
func (c *Console) routes() []route {
	return []route{
		{"GET /{$}", c.home, ""},
		{"POST /signout", c.signOut, ""},
		{"/", c.nowhere, ""},
	}
}

// handler joins the routes with what strangers may reach.
func (c *Console) handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /static/", c.assets)
	mux.HandleFunc("GET /signin", c.signInForm)
	mux.HandleFunc("POST /signin", c.signIn)
	mux.HandleFunc("GET /setup", c.setupForm)
	mux.HandleFunc("POST /setup", c.setup)
	c.needs = map[string]string{}
	for _, r := range c.routes() {
		c.needs[r.pattern] = string(r.needs)
		mux.Handle(r.pattern, c.page(r))
	}
	return mux
}

func (c *Console) nowhere(visit) error {
	return slipway.Errorf(slipway.NotFound, "There is no page at this address.")
}
