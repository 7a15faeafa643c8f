package console_test

import (
	"database/sql"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"slipway"
	"slipway/internal/access"
	"slipway/internal/console"
	"slipway/internal/iam"
)

// A scene is a page in one state.
type scene struct {
	name   string // of its golden and its pictures
	at     string // its URL; {words} come from the room
	who    string // "" is the administrator, stranger nobody
	see    string // a text that shows when the page is whole
	status int    // 0 is 200

	// fill is typed into the page at that URL before press, the text of a
	// button, is clicked. What that leads to is the scene.
	fill  url.Values
	press string
}

const stranger = "nobody"

// A room is a world and the scenes in it, in an order in which none spoils the
// next.
type room struct {
	name   string
	build  func(t testing.TB) (w *world, words map[string]string)
	scenes []scene
}

// rooms have a scene for every page. It is what the goldens, the pictures and
// the checks against WCAG are made of.
var rooms = []room{
	{"empty", func(t testing.TB) (*world, map[string]string) {
		w, token := newEmptyWorld(t)
		return w, map[string]string{"token": token}
	}, []scene{
		{name: "setup", at: "/setup?token={token}", who: stranger, see: "Make the first Workspace Admin"},
		{
			name: "setup-wrong", at: "/setup?token=guess", who: stranger, see: "setup token", press: "Make the account", status: http.StatusUnauthorized,
			fill: url.Values{"title": {"Ada Admin"}, "email": {adminEmail}, "password": {password}},
		},
	}},
	{"fresh", func(t testing.TB) (*world, map[string]string) { return newWorld(t), nil }, []scene{
		{name: "signin", at: "/signin", who: stranger, see: "Sign in"},
		{name: "signin-wrong", at: "/signin", who: stranger, see: "Invalid email or password.", press: "Sign in", status: http.StatusUnauthorized, fill: url.Values{"email": {adminEmail}, "password": {"wrong"}}},
		{name: "signin-back-in-vain", at: "/signin/callback?state=x&code=y", who: stranger, see: "Sign in", status: http.StatusNotFound},
		{name: "home-fresh", at: "/", see: "Four steps lead"},
		{name: "projects-fresh", at: "/projects", see: "Default project"},
		{name: "instances-fresh", at: "/instances", see: "No instance yet"},
		{name: "rollouts-fresh", at: "/rollouts", see: "No rollout yet"},
		{name: "issuers-fresh", at: "/settings/issuers", see: "issuer"},
		{name: "settings-sign-in-fresh", at: "/settings/sign-in", see: "People sign in with passwords"},
		{name: "search-fresh", at: "/search", see: "Type a part of a name"},
		{name: "error-not-found", at: "/nowhere", see: "Nothing here", status: http.StatusNotFound},
		{name: "error-wrong-address", at: "/users?after=!", see: "That did not work", status: http.StatusBadRequest},
	}},
	{"accounts", func(t testing.TB) (*world, map[string]string) {
		w := newWorld(t)
		identity, refused := settle(w)
		list, _, err := w.access.Exchanges(t.Context(), w.admin, access.ExchangeQuery{Identity: identity, Outcome: "allowed"}, slipway.Page{})
		if err != nil || len(list) == 0 {
			t.Fatalf("exchanges: %v, %v", list, err)
		}
		return w, map[string]string{"refused": refused, "allowed": list[0].Reference}
	}, accountScenes},
	{"office", func(t testing.TB) (*world, map[string]string) {
		w := newWorld(t)
		furnishOffice(w)
		list, _, err := w.access.Audit(t.Context(), w.admin, access.AuditQuery{Caller: "user:grace@example.com"}, slipway.Page{Size: 1})
		if err != nil || len(list) == 0 {
			t.Fatalf("audit log: %v, %v", list, err)
		}
		return w, map[string]string{"refusal": fmt.Sprint(list[0].ID)}
	}, adminScenes},
	{"work", func(t testing.TB) (*world, map[string]string) {
		y := newYard(t)
		return y.world, map[string]string{"release": strings.TrimPrefix(y.failed.Stages[0].Tasks[0].Release, "projects/shop/releases/")}
	}, workScenes},
	{"viewer", func(t testing.TB) (*world, map[string]string) {
		w := newWorld(t)
		furnish(w)
		return w, nil
	}, []scene{
		{name: "home-viewer", at: "/", who: viewerEmail, see: "Home"},
		{name: "projects-viewer", at: "/projects", who: viewerEmail, see: "Shop"},
		{name: "project-viewer", at: "/projects/shop", who: viewerEmail, see: "Latest rollouts"},
		{name: "rollout-viewer", at: "/projects/shop/rollouts/1", who: viewerEmail, see: "Not started"},
		{name: "error-denied", at: "/users", who: viewerEmail, see: string(iam.UsersList), status: http.StatusForbidden},
		{name: "error-denied-in-project", at: "/projects/shop/members/grant", who: viewerEmail, see: string(iam.ProjectsSetIamPolicy), status: http.StatusForbidden},
	}},
	{"provider", func(t testing.TB) (*world, map[string]string) {
		w, idp := newOffice(t)
		withProvider(w, idp)
		return w, nil
	}, []scene{
		{name: "signin-provider", at: "/signin", who: stranger, see: "Sign in with Example Corp"},
		{name: "settings-sign-in", at: "/settings/sign-in", see: "Groups that the provider tells"},
		{name: "settings-provider", at: "/settings/sign-in/provider", see: "Redirect URL"},
		{name: "settings-provider-wrong", at: "/settings/sign-in/provider", see: "https", press: "Confirm", status: http.StatusBadRequest, fill: url.Values{"issuer": {"http://idp.example.com"}, "domains": {"not a domain"}}},
	}},
	{"busy", func(t testing.TB) (*world, map[string]string) { return newBusyYard(t).world, nil }, []scene{
		{name: "home-busy", at: "/", see: "Needs attention"},
		{name: "instances-busy", at: "/instances", see: "SQLite test"},
		{name: "instance-away", at: "/instances/test", see: "SQLite test"},
	}},
	{"long", func(t testing.TB) (*world, map[string]string) { return newLongWorld(t), nil }, longScenes},
	{"broken", func(t testing.TB) (*world, map[string]string) {
		w := newWorld(t)
		db, err := sql.Open("sqlite", filepath.Join(w.data, "slipway.db"))
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		if _, err := db.ExecContext(t.Context(), "ALTER TABLE role RENAME TO lost"); err != nil {
			t.Fatal(err)
		}
		return w, nil
	}, []scene{
		{name: "error-broken", at: "/roles", see: "Something went wrong", status: http.StatusInternalServerError},
	}},
}

// notPages are the routes with a GET that answer with something else than a page.
var notPages = map[string]string{
	"GET /projects/{project}/rollouts/{plan}/events":         "server-sent events",
	"GET /projects/{project}/rollouts/{plan}/runs/{run}/log": "JSON lines",
	"GET /projects/{project}/sheets/{sha}":                   "a file",
	"GET /audit/export":                                      "a file",
	"GET /signin/provider":                                   "leads to the provider",
}

// TestEveryPageHasAScene holds the rooms against the table of routes.
func TestEveryPageHasAScene(t *testing.T) {
	mux := http.NewServeMux()
	missing := map[string]bool{}
	for _, pattern := range slices.Concat(console.OpenRoutes(), slices.Collect(maps.Keys(console.Routes()))) {
		mux.Handle(pattern, http.NotFoundHandler())
		if method, _, given := strings.Cut(pattern, " "); !given || method == http.MethodGet {
			missing[pattern] = true
		}
	}
	for pattern := range notPages {
		if !missing[pattern] {
			t.Errorf("%s is no route any more", pattern)
		}
		delete(missing, pattern)
	}
	names := map[string]bool{}
	for _, r := range rooms {
		for _, s := range r.scenes {
			if names[s.name] {
				t.Errorf("two scenes are called %s", s.name)
			}
			names[s.name] = true
			at := strings.NewReplacer("{", "", "}", "").Replace(s.at)
			_, pattern := mux.Handler(httptest.NewRequest(http.MethodGet, at, nil))
			delete(missing, pattern)
		}
	}
	for pattern := range missing {
		t.Errorf("%s: put a scene of the page into a room", pattern)
	}
}

// url returns the address of a scene among the words of its room.
func (s scene) url(words map[string]string) string {
	at := s.at
	for name, word := range words {
		at = strings.ReplaceAll(at, "{"+name+"}", word)
	}
	return at
}

// visit returns the page of a scene as a browser without scripts gets it.
func (s scene) visit(v *visitor, words map[string]string) page {
	p := v.get(s.url(words))
	if s.press != "" {
		p = p.submit(s.press, s.fill)
	}
	return p
}

// show brings a scene onto a tab.
func (s scene) show(b *tab, words map[string]string) {
	b.t.Helper()
	b.open(s.url(words))
	if s.press != "" {
		b.set(s.fill)
		script[bool](b, "window.before = true")
		b.click(s.press)
		b.until("!window.before && document.readyState === 'complete'", s.press+" leads nowhere")
	}
	b.see(s.see)
}

// TestEveryPageLooksRight shows every scene to axe, and to people who keep
// pictures.
func TestEveryPageLooksRight(t *testing.T) {
	for _, r := range rooms {
		t.Run(r.name, func(t *testing.T) {
			w, words := r.build(t)
			tabs := map[string]*tab{}
			for _, s := range r.scenes {
				if tabs[s.who] == nil {
					tabs[s.who] = w.tab(t, s.email())
				}
				t.Run(s.name, func(t *testing.T) {
					b := tabs[s.who].in(t)
					s.show(b, words)
					b.look(s.name)
				})
			}
		})
	}
}

// email returns whose session the scene is seen in.
func (s scene) email() string {
	switch s.who {
	case "":
		return adminEmail
	case stranger:
		return ""
	}
	return s.who
}
