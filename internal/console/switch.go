package console

import (
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"slipway"
	"slipway/internal/inventory"
)

// A switcher is the control of the frame that leads to another project. It
// names projects only when asked, so that no page waits for a list of them.
type switcher struct {
	Title    string // of the project that the page is about; "" where there is none
	From, To string // id of that project and path of the section that the page is in
}

// URL returns where the projects to choose from are.
func (s switcher) URL() string {
	q := url.Values{}
	if s.From != "" {
		q.Set("from", s.From)
	}
	if s.To != "" {
		q.Set("to", s.To)
	}
	return link("/switch", q)
}

// switchShown bounds the projects to choose from.
const switchShown = 20

// switcher returns the control on a page with those crumbs.
func (v visit) switcher(crumbs []Crumb) switcher {
	s := switcher{From: v.r.PathValue("project")}
	if s.From == "" {
		return s
	}
	at := projectURL(s.From)
	s.Title = s.From // where the page does not come as far as to find out the title
	for _, c := range crumbs {
		if c.URL == at {
			s.Title = c.Title
		}
	}
	under := strings.TrimPrefix(v.r.URL.EscapedPath(), at)
	if under == "" {
		s.Title = crumbs[len(crumbs)-1].Title
	}
	path, _, _ := strings.Cut(strings.TrimPrefix(under, "/"), "/")
	if _, there := sectionOf(path); there {
		s.To = path
	}
	return s
}

// sectionOf returns the section of a project's pages with a path, "" being the
// first.
func sectionOf(path string) (section, bool) {
	if path != "" {
		path = "/" + path
	}
	i := slices.IndexFunc(projectSections, func(s section) bool { return s.path == path })
	if i < 0 {
		return section{}, false
	}
	return projectSections[i], true
}

type switchPage struct {
	Frame
	Text, From, To string
	In             string // title of the section that rows lead to; "" is the first page
	Rows           []switchRow
	More           bool   // than those in Rows
	All            string // URL of the whole list
}

type switchRow struct {
	hit
	Current bool
}

// switchProject lists projects that the visitor may see, for going to one. It
// leads to the same section there, where the visitor may see that, and else to
// the project's first page. Asked by htmx it answers with the list alone.
func (c *Console) switchProject(v visit) error {
	p := switchPage{Frame: c.frame(v, "Switch project", ""), Text: v.query("q"), From: v.query("from"), To: v.query("to"), All: "/projects"}
	if utf8.RuneCountInString(p.Text) > searchLongest {
		return slipway.Errorf(slipway.Invalid, "Look for at most %d characters.", searchLongest)
	}
	to, there := sectionOf(p.To)
	if !there {
		return slipway.Errorf(slipway.Invalid, "Projects have no section %.40q.", p.To)
	}
	if p.To != "" {
		p.In = to.title
	}
	list, next, err := c.Inventory.SearchProjects(v.ctx(), v.who, inventory.ProjectFilter{Search: p.Text}, slipway.Page{Size: switchShown})
	if err != nil {
		return err
	}
	if p.Text != "" {
		p.All = link(p.All, url.Values{"q": {p.Text}})
	}
	p.More = next != ""
	for _, project := range list {
		at := projectURL(project.ID)
		may := v.everywhere[to.needs]
		if !may {
			held, err := c.Access.Held(v.ctx(), v.who, project.ID)
			if err != nil {
				return err
			}
			may = held[to.needs]
		}
		if may {
			at += to.path
		}
		p.Rows = append(p.Rows, switchRow{hit{project.Title, project.ID, at}, project.ID == p.From})
	}
	if v.scripted() {
		return c.showPart(v, "switch", "choices", p)
	}
	return c.show(v, "switch", p)
}
