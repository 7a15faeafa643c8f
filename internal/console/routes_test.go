package console_test

import (
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"slipway"
	"slipway/internal/console"
	"slipway/internal/iam"
)

// A round is what three people get of a route: an administrator, a viewer of
// the project shop who is nothing else, and a stranger, who is sent to the
// sign-in page by every route but the open ones.
type round struct {
	at            string // a URL of the route in the world of furnish; "" is the pattern's own path
	admin, viewer int    // statuses, redirects not followed; posts are empty forms
	stranger      int    // of open routes
}

// openRounds are the rounds of openRoutes on a server that is set up and has no
// identity provider.
var openRounds = map[string]round{
	"GET /signin":          {admin: 303, viewer: 303, stranger: 200}, // who is in has no need
	"POST /signin":         {admin: 400, viewer: 400, stranger: 400},
	"GET /signin/provider": {admin: 404, viewer: 404, stranger: 404},
	"GET /signin/callback": {admin: 404, viewer: 404, stranger: 404},
	"GET /setup":           {admin: 303, viewer: 303, stranger: 303}, // there is nothing to set up
	"POST /setup":          {admin: 403, viewer: 403, stranger: 403},
}

// rounds has every route. A route that is missing here fails the test.
var rounds = map[string]round{
	"/":             {at: "/nowhere", admin: 404, viewer: 404},
	"GET /{$}":      {at: "/", admin: 200, viewer: 200},
	"POST /signout": {admin: 303, viewer: 303},

	"GET /users":          {admin: 200, viewer: 403},
	"GET /users/new":      {admin: 200, viewer: 403},
	"POST /users/new":     {admin: 400, viewer: 403},
	"POST /users/preview": {admin: 200, viewer: 200},

	"GET /users/{email}":             {at: "/users/zoe@example.com", admin: 200, viewer: 403},
	"GET /users/{email}/edit":        {at: "/users/zoe@example.com/edit", admin: 200, viewer: 403},
	"POST /users/{email}/edit":       {at: "/users/zoe@example.com/edit", admin: 400, viewer: 403},
	"GET /users/{email}/deactivate":  {at: "/users/zoe@example.com/deactivate", admin: 200, viewer: 403},
	"POST /users/{email}/deactivate": {at: "/users/zoe@example.com/deactivate", admin: 303, viewer: 403},
	"POST /users/{email}/restore":    {at: "/users/zoe@example.com/restore", admin: 303, viewer: 403},

	"GET /service-accounts/{email}":             {at: "/service-accounts/bot@service.bytebase.com", admin: 200, viewer: 403},
	"GET /service-accounts/{email}/edit":        {at: "/service-accounts/bot@service.bytebase.com/edit", admin: 200, viewer: 403},
	"POST /service-accounts/{email}/edit":       {at: "/service-accounts/bot@service.bytebase.com/edit", admin: 400, viewer: 403},
	"GET /service-accounts/{email}/reset-key":   {at: "/service-accounts/bot@service.bytebase.com/reset-key", admin: 200, viewer: 403},
	"POST /service-accounts/{email}/reset-key":  {at: "/service-accounts/bot@service.bytebase.com/reset-key", admin: 200, viewer: 403},
	"GET /service-accounts/{email}/deactivate":  {at: "/service-accounts/bot@service.bytebase.com/deactivate", admin: 200, viewer: 403},
	"POST /service-accounts/{email}/deactivate": {at: "/service-accounts/bot@service.bytebase.com/deactivate", admin: 303, viewer: 403},
	"POST /service-accounts/{email}/restore":    {at: "/service-accounts/bot@service.bytebase.com/restore", admin: 303, viewer: 403},

	"GET /workload-identities/{email}":             {at: "/workload-identities/deploy@workload.bytebase.com", admin: 200, viewer: 403},
	"GET /workload-identities/{email}/edit":        {at: "/workload-identities/deploy@workload.bytebase.com/edit", admin: 200, viewer: 403},
	"POST /workload-identities/{email}/edit":       {at: "/workload-identities/deploy@workload.bytebase.com/edit", admin: 400, viewer: 403},
	"GET /workload-identities/{email}/exchanges":   {at: "/workload-identities/deploy@workload.bytebase.com/exchanges", admin: 200, viewer: 403},
	"GET /workload-identities/{email}/test":        {at: "/workload-identities/deploy@workload.bytebase.com/test", admin: 200, viewer: 403},
	"POST /workload-identities/{email}/test":       {at: "/workload-identities/deploy@workload.bytebase.com/test", admin: 400, viewer: 403},
	"GET /workload-identities/{email}/pipeline":    {at: "/workload-identities/deploy@workload.bytebase.com/pipeline", admin: 200, viewer: 403},
	"GET /workload-identities/{email}/deactivate":  {at: "/workload-identities/deploy@workload.bytebase.com/deactivate", admin: 200, viewer: 403},
	"POST /workload-identities/{email}/deactivate": {at: "/workload-identities/deploy@workload.bytebase.com/deactivate", admin: 303, viewer: 403},
	"POST /workload-identities/{email}/restore":    {at: "/workload-identities/deploy@workload.bytebase.com/restore", admin: 303, viewer: 403},
	"GET /exchanges/{reference}":                   {at: "/exchanges/AAAAAAAAAAAAAAAA", admin: 404, viewer: 403},

	"GET /account":                    {admin: 200, viewer: 200},
	"POST /account/profile":           {admin: 400, viewer: 400},
	"POST /account/password":          {admin: 400, viewer: 400},
	"POST /account/theme":             {admin: 303, viewer: 303},
	"POST /account/sessions/{id}/end": {at: "/account/sessions/none/end", admin: 404, viewer: 404},
	"POST /account/sessions/end":      {admin: 303, viewer: 303},
}

const viewerEmail = "vera@example.com"

// furnish makes one of everything that URLs of rounds name.
func furnish(w *world) {
	w.project("shop")
	vera := w.person(viewerEmail)
	w.grant("projects/shop", iam.ProjectViewer, vera.Member())
	w.person("zoe@example.com")
	w.identity("deploy", "Deploy", w.trust())
	if _, _, err := w.access.CreateServiceAccount(w.t.Context(), w.admin, "", "bot", "Bot"); err != nil {
		w.t.Fatal(err)
	}
	furnishAdmin(w)
	furnishWork(w)
}

func TestEveryRouteForThreePeople(t *testing.T) {
	w := newWorld(t)
	furnish(w)
	maps.Copy(rounds, adminRounds)
	maps.Copy(rounds, workRounds)
	maps.Copy(rounds, openRounds)
	routes := console.Routes()
	for _, pattern := range console.OpenRoutes() {
		routes[pattern] = ""
	}
	for pattern := range rounds {
		if _, there := routes[pattern]; !there {
			t.Errorf("%s is no route any more", pattern)
		}
	}
	visitors := map[string]*visitor{adminEmail: w.visitor(adminEmail), viewerEmail: w.visitor(viewerEmail), "": w.visitor("")}
	for pattern, needs := range routes {
		r, there := rounds[pattern]
		if !there {
			t.Errorf("%s: say in rounds who may reach it", pattern)
			continue
		}
		method, path, methodGiven := strings.Cut(pattern, " ")
		if !methodGiven {
			method, path = http.MethodGet, pattern
		}
		if r.at != "" {
			path = r.at
		}
		asks := http.StatusSeeOther // what a stranger gets
		_, open := openRounds[pattern]
		if open {
			asks = r.stranger
		}
		for _, who := range []struct {
			email string
			want  int
		}{{adminEmail, r.admin}, {viewerEmail, r.viewer}, {"", asks}} {
			v := visitors[who.email]
			if v == nil {
				v = w.visitor(who.email)
			}
			visitors[who.email] = v
			if strings.Contains(pattern, "sign") || strings.Contains(pattern, "sessions") {
				visitors[who.email] = nil // all sessions are about to end
			}
			v.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
			p := v.do(method, path, url.Values{})
			if p.status != who.want {
				t.Errorf("%s %s by %q: status %d, want %d: %s", method, path, who.email, p.status, who.want, excerpt(p.root))
				continue
			}
			for _, wrong := range unsafe(p.header) {
				t.Errorf("%s %s by %q: %s", method, path, who.email, wrong)
			}
			switch {
			case open: // these ask no permission
			case who.email == "" && !strings.HasPrefix(p.header.Get("Location"), "/signin"):
				t.Errorf("%s %s: a stranger is sent to %q", method, path, p.header.Get("Location"))
			case p.status == http.StatusForbidden && !strings.Contains(text(p.root), "bb."):
				t.Errorf("%s %s: the refusal names no permission: %s", method, path, excerpt(p.root))
			case needs != "" && p.status == http.StatusForbidden && !strings.Contains(text(p.root), needs):
				t.Errorf("%s %s: the refusal does not name %s: %s", method, path, needs, excerpt(p.root))
			}
		}
	}
}

func TestEveryKindHasAStatus(t *testing.T) {
	for _, k := range slipway.Kinds {
		if console.StatusOf[k] == 0 {
			t.Errorf("kind %d has no status", k)
		}
	}
}
