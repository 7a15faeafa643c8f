package console

import (
	"net/http"

	"slipway"
)

type homePage struct {
	Frame
}

// home greets whoever signed in.
func (c *Console) home(w http.ResponseWriter, _ *http.Request, who slipway.Principal) error {
	c.render(w, http.StatusOK, "home", homePage{Frame: c.frame(who, "Home", "/")})
	return nil
}
