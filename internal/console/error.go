package console

import (
	"net/http"

	"slipway"
)

// statusOf is the console's one table from kinds to HTTP statuses.
var statusOf = map[slipway.Kind]int{
	slipway.Internal:        http.StatusInternalServerError,
	slipway.Invalid:         http.StatusBadRequest,
	slipway.Unauthenticated: http.StatusUnauthorized,
	slipway.Denied:          http.StatusForbidden,
	slipway.NotFound:        http.StatusNotFound,
	slipway.Exists:          http.StatusConflict,
	slipway.Conflict:        http.StatusConflict,
	slipway.Precondition:    http.StatusConflict,
	slipway.Exhausted:       http.StatusTooManyRequests,
	slipway.Unavailable:     http.StatusServiceUnavailable,
	slipway.Unimplemented:   http.StatusNotImplemented,
	slipway.Canceled:        499, // the browser went away; nobody reads it
	slipway.Timeout:         http.StatusGatewayTimeout,
}

// Headings of error pages, for people; what went wrong stands under them.
var headingOf = map[int]string{
	http.StatusBadRequest:         "That did not work",
	http.StatusForbidden:          "You may not see this",
	http.StatusNotFound:           "Nothing here",
	http.StatusMethodNotAllowed:   "Nothing here",
	http.StatusConflict:           "Something else came first",
	http.StatusTooManyRequests:    "Too many attempts",
	http.StatusServiceUnavailable: "Not available right now",
	http.StatusNotImplemented:     "Not built yet",
}

// An errorPage is what the error template shows.
type errorPage struct {
	Frame
	Heading, Message string
	Permission       string // that was missing; "" when that is not what went wrong
}

// renderError answers with err as a page. It is the only place that picks a
// status for a failure and the only one that logs it.
func (c *Console) renderError(v visit, err error) {
	kind := slipway.KindOf(err)
	status := statusOf[kind]
	if kind == slipway.Internal {
		c.lg.ErrorContext(v.ctx(), "page failed", "path", v.r.URL.Path, "err", err)
	}
	heading := headingOf[status]
	if heading == "" {
		heading = "Something went wrong"
	}
	p := errorPage{Frame: c.frame(v, heading, ""), Heading: heading, Message: sentence(slipway.MessageOf(err))}
	if d := denialOf(err); d != nil {
		p.Permission = d.Permission
	}
	if err := c.render(v, status, "error", "layout", p); err != nil {
		c.lg.ErrorContext(v.ctx(), "error page failed", "path", v.r.URL.Path, "err", err)
		http.Error(v.w, "Something went wrong inside the server; its log has the details.", http.StatusInternalServerError)
	}
}
