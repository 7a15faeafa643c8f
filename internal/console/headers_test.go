package console_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"slipway/internal/console"
)

// unsafe says what is wrong with the headers of an answer, whatever it is to
// whom.
func unsafe(h http.Header) []string {
	var wrong []string
	for name, want := range map[string]string{
		"X-Content-Type-Options":     "nosniff",
		"X-Frame-Options":            "DENY",
		"Referrer-Policy":            "same-origin",
		"Cross-Origin-Opener-Policy": "same-origin",
	} {
		if got := h.Get(name); got != want {
			wrong = append(wrong, name+" is "+got+", want "+want)
		}
	}
	policy := map[string]string{}
	for part := range strings.SplitSeq(h.Get("Content-Security-Policy"), ";") {
		name, sources, _ := strings.Cut(strings.TrimSpace(part), " ")
		policy[name] = sources
	}
	for name, want := range map[string]string{
		"default-src": "'none'", "script-src": "'self'", "style-src": "'self'", "connect-src": "'self'", "form-action": "'self'",
		"base-uri": "'none'", "frame-ancestors": "'none'",
	} {
		if policy[name] != want {
			wrong = append(wrong, "Content-Security-Policy allows "+name+" "+policy[name]+", want "+want)
		}
	}
	if strings.Contains(h.Get("Content-Security-Policy"), "unsafe") {
		wrong = append(wrong, "Content-Security-Policy has an unsafe source")
	}
	for _, c := range (&http.Response{Header: h}).Cookies() {
		if !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/" {
			wrong = append(wrong, "the cookie "+c.Name+" is not HttpOnly, SameSite=Lax and of the whole site")
		}
	}
	return wrong
}

// TestHeadersBehindTLS has a console that browsers reach by https and one that
// they do not.
func TestHeadersBehindTLS(t *testing.T) {
	for _, tc := range []struct{ url, want string }{
		{"https://slipway.example.com", "max-age=31536000"},
		{"http://127.0.0.1:8080", ""},
	} {
		handler, err := console.New(slog.New(slog.DiscardHandler), console.Deps{}, console.Config{URL: tc.url})
		if err != nil {
			t.Fatal(err)
		}
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/static/nothing", nil))
		if got := w.Header().Get("Strict-Transport-Security"); got != tc.want {
			t.Errorf("%s: Strict-Transport-Security is %q, want %q", tc.url, got, tc.want)
		}
		for _, wrong := range unsafe(w.Header()) {
			t.Errorf("%s: %s", tc.url, wrong)
		}
	}
}

// TestRequestsOfOtherSitesAreRefused posts as a form on another site would.
func TestRequestsOfOtherSitesAreRefused(t *testing.T) {
	w := newWorld(t)
	for _, headers := range []map[string]string{{"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example.com"}} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.url+"/signout", nil)
		if err != nil {
			t.Fatal(err)
		}
		for name, value := range headers {
			req.Header.Set(name, value)
		}
		v := w.visitor(adminEmail)
		res, err := v.client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		if err := res.Body.Close(); err != nil {
			t.Error(err)
		}
		if res.StatusCode != http.StatusForbidden {
			t.Errorf("%v: status %d", headers, res.StatusCode)
		}
		v.get("/account").expect(t, http.StatusOK, in("h1", is("Account"))) // still signed in
	}
}
