package console

import (
	"net/http"
	"net/url"
	"strings"
)

func isHTTPS(base string) bool { return strings.HasPrefix(base, "https://") }

// cookie returns the full name of a cookie; "" is the session's. The prefix
// makes browsers refuse one that is not Secure or that another host of the
// domain set (RFC 6265bis §4.1.3); it can be had over https only.
func (c *Console) cookie(name string) string {
	if name != "" {
		name = "-" + name
	}
	if c.secure {
		return "__Host-slipway" + name
	}
	return "slipway" + name
}

// keep sets a cookie that holds no secret; seconds below 0 remove it.
func (c *Console) keep(w http.ResponseWriter, name, value string, seconds int) {
	http.SetCookie(w, &http.Cookie{
		Name: c.cookie(name), Value: value, Path: "/", MaxAge: seconds,
		HttpOnly: true, Secure: c.secure, SameSite: http.SameSiteLaxMode,
	})
}

func (c *Console) kept(r *http.Request, name string) string {
	cookie, err := r.Cookie(c.cookie(name))
	if err != nil {
		return ""
	}
	return cookie.Value
}

// theme returns "light", "dark", or "" where the browser chooses.
func (c *Console) theme(r *http.Request) string {
	switch t := c.kept(r, "theme"); t {
	case "light", "dark":
		return t
	}
	return ""
}

// once returns the message that done or trouble left for this page, and
// forgets it.
func (c *Console) once(v visit, name string) string {
	raw := c.kept(v.r, name)
	if raw == "" {
		return ""
	}
	c.keep(v.w, name, "", -1)
	text, err := url.QueryUnescape(raw)
	if err != nil || len(text) > 2000 {
		return "" // not one of ours
	}
	return text
}
