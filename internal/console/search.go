package console

import (
	"net/url"
	"strings"
	"unicode/utf8"

	"slipway"
	"slipway/internal/access"
	"slipway/internal/iam"
	"slipway/internal/inventory"
)

// Bounds of a search. A shorter text would find nearly everything.
const (
	searchShortest = 2
	searchLongest  = 100 // characters
	searchEach     = 6   // of a kind
)

type searchPage struct {
	Frame
	Text  string
	Short bool // too short to look for
	Kinds []hits
	Found int
}

// Hits are what was found of a kind.
type hits struct {
	Title string
	List  []hit
	More  string // URL of the whole list, when there is more
}

// A hit is one thing that was found.
type hit struct{ Title, Sub, URL string }

// search looks for projects, databases, identities, releases and rollouts that
// the visitor may see. Asked by htmx it answers with the results alone.
func (c *Console) search(v visit) error {
	p := searchPage{Frame: c.frame(v, "Search", ""), Text: v.query("q")}
	if n := utf8.RuneCountInString(p.Text); n > searchLongest {
		return slipway.Errorf(slipway.Invalid, "Look for at most %d characters.", searchLongest)
	} else if n < searchShortest {
		p.Short = true
	}
	if !p.Short {
		for _, find := range []func(visit, string) (hits, error){
			c.findProjects, c.findDatabases, c.findIdentities, c.findReleases, c.findRollouts,
		} {
			found, err := find(v, p.Text)
			if err != nil {
				return err
			}
			if len(found.List) > 0 {
				p.Kinds = append(p.Kinds, found)
				p.Found += len(found.List)
			}
		}
	}
	if v.scripted() {
		return c.showPart(v, "search", "found", p)
	}
	return c.show(v, "search", p)
}

var searchPiece = slipway.Page{Size: searchEach}

func (c *Console) findProjects(v visit, text string) (hits, error) {
	list, next, err := c.Inventory.SearchProjects(v.ctx(), v.who, inventory.ProjectFilter{Search: text}, searchPiece)
	h := hits{Title: "Projects"}
	for _, p := range list {
		h.List = append(h.List, hit{p.Title, p.ID, projectURL(p.ID)})
	}
	return h.more(next, "/projects", url.Values{"q": {text}}), err
}

// more links to the whole list, if there is more than was found.
func (h hits) more(next, path string, q url.Values) hits {
	if next != "" {
		h.More = link(path, q)
	}
	return h
}

func (c *Console) findDatabases(v visit, text string) (hits, error) {
	list, _, err := c.Inventory.SearchDatabases(v.ctx(), v.who, text, searchPiece)
	h := hits{Title: "Databases"}
	for _, d := range list {
		h.List = append(h.List, hit{d.DatabaseRef.Database, d.Instance + ", project " + d.Project, databaseURL(d.Project, d.DatabaseRef)})
	}
	return h, err
}

// findIdentities looks among all accounts, or, for whom these are not, among
// the workload identities.
func (c *Console) findIdentities(v visit, text string) (hits, error) {
	h := hits{Title: "Identities"}
	if v.everywhere[iam.UsersList] {
		list, next, err := c.Access.Accounts(v.ctx(), v.who, access.AnyoneQuery{Search: text}, searchPiece)
		for _, a := range list {
			h.List = append(h.List, hit{a.Title, typeNames[a.Kind] + ", " + a.Email, accountURL(a.Kind, a.Email)})
		}
		return h.more(next, "/users", url.Values{"q": {text}}), err
	}
	if !v.everywhere[iam.WorkloadIdentitiesList] {
		return h, nil
	}
	list, _, err := c.Access.WorkloadIdentities(v.ctx(), v.who, access.AccountQuery{Search: text}, searchPiece)
	for _, w := range list {
		h.List = append(h.List, hit{w.Title, typeNames[slipway.WorkloadIdentityKind] + ", " + w.Email, accountURL(slipway.WorkloadIdentityKind, w.Email)})
	}
	return h, err
}

func (c *Console) findReleases(v visit, text string) (hits, error) {
	list, err := c.Releases.Search(v.ctx(), v.who, text, searchEach)
	h := hits{Title: "Releases"}
	for _, r := range list {
		sub := "project " + r.Project
		if r.Category != "" {
			sub += ", " + r.Category
		}
		h.List = append(h.List, hit{r.ID, sub, releaseURL(r.Project, r.ID)})
	}
	return h, err
}

func (c *Console) findRollouts(v visit, text string) (hits, error) {
	list, _, err := c.Rollouts.Search(v.ctx(), v.who, text, searchPiece)
	h := hits{Title: "Rollouts"}
	for _, r := range rolloutRows(list, false) {
		h.List = append(h.List, hit{r.Title, "project " + r.Project + ", " + strings.ToLower(r.State.Text), r.URL})
	}
	return h, err
}
