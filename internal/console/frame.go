package console

import (
	"fmt"
	"net/http"

	"slipway"
	"slipway/internal/iam"
)

// A Frame is what every page shows around its own content. Pages embed it.
type Frame struct {
	Title  string
	Crumbs []Crumb
	Switch switcher
	Nav    []navSection
	Who    slipway.Principal // zero when nobody is signed in
	Static string            // URL prefix of assets
	Theme  string            // "light", "dark", or "" where the browser chooses
	Toast  string            // what was just done
	// Trouble is what of it did not succeed.
	Trouble string
	Narrow  bool   // no navigation: sign-in, set-up
	Sheet   *Sheet // a form over the page; nil for none
	held    iam.Set
}

// A Crumb is a step on the way to a page. The last has no URL.
type Crumb struct{ Title, URL string }

// A Sheet is the frame of a form that stands at the right of the page it
// belongs to, on narrow screens in its place. The page's template defines what
// is in it under the name "sheet".
type Sheet struct {
	Title string
	Close string // URL of the page without it
}

// May reports whether the visitor holds a permission in the project that the
// page is about, or else on the workspace: what they may not do is not offered.
func (f Frame) May(permission string) (bool, error) {
	p := iam.Permission(permission)
	if !p.Known() {
		return false, fmt.Errorf("there is no permission %q", permission)
	}
	return f.held[p], nil
}

type navSection struct {
	Title   string
	InCrumb bool // the crumbs of its pages begin with it
	Items   []navItem
}

type navItem struct {
	Title, URL string
	Current    bool
}

// navigation is every entry there is, in order. Routes say what each needs.
var navigation = []navSection{
	{Title: "Overview", Items: []navItem{{Title: "Home", URL: "/"}}},
	{Title: "Work", Items: []navItem{
		{Title: "Projects", URL: "/projects"}, {Title: "Instances", URL: "/instances"}, {Title: "Rollouts", URL: "/rollouts"},
	}},
	{Title: "IAM & Admin", InCrumb: true, Items: []navItem{
		{Title: "Users & Groups", URL: "/users"},
		{Title: "Members", URL: "/members"},
		{Title: "Roles", URL: "/roles"},
		{Title: "Audit Log", URL: "/audit"},
		{Title: "Settings", URL: "/settings"},
	}},
}

// narrow returns the frame of a page for people who are not signed in.
func (c *Console) narrow(r *http.Request, title string) Frame {
	return Frame{Title: title, Static: c.assets.prefix, Theme: c.theme(r), Narrow: true}
}

// frame returns the frame of a page called title. It belongs to the navigation
// entry with the URL at, "" for none; crumbs lead from there to the page.
func (c *Console) frame(v visit, title, at string, crumbs ...Crumb) Frame {
	if v.who.IsZero() {
		return c.narrow(v.r, title)
	}
	f := Frame{
		Title: title, Who: v.who, Static: c.assets.prefix, Theme: c.theme(v.r), Toast: c.once(v, "toast"), Trouble: c.once(v, "trouble"), held: v.held,
	}
	for _, section := range navigation {
		shown := navSection{Title: section.Title}
		for _, item := range section.Items {
			if item.Current = item.URL == at; item.Current {
				f.Crumbs = append(section.crumbs(item, title), crumbs...)
			}
			if c.offers(v, item.URL) {
				shown.Items = append(shown.Items, item)
			}
		}
		if len(shown.Items) > 0 {
			f.Nav = append(f.Nav, shown)
		}
	}
	if f.Crumbs == nil {
		f.Crumbs = crumbs
	}
	f.Crumbs = append(f.Crumbs, Crumb{Title: title})
	f.Switch = v.switcher(f.Crumbs)
	return f
}

// crumbs returns the steps to a page called title below item.
func (s navSection) crumbs(item navItem, title string) []Crumb {
	var list []Crumb
	if s.InCrumb {
		list = append(list, Crumb{Title: s.Title})
	}
	if item.Title != title {
		list = append(list, Crumb{Title: item.Title, URL: item.URL})
	}
	return list
}

// offers reports whether there is a page at url that the visitor may see.
func (c *Console) offers(v visit, url string) bool {
	if url == "/" {
		url = "/{$}"
	}
	needs, there := c.needs["GET "+url]
	return there && (needs == "" || v.everywhere[iam.Permission(needs)])
}
