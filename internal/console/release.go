package console

import (
	"fmt"
	"net/http"
	"net/url"
	"path"
	"strconv"

	"slipway"
	"slipway/internal/iam"
	"slipway/internal/inventory"
)

// Bounds of what the page of a release shows, so that it stays a page: the
// whole of a file has an address of its own.
const (
	filesPerPage = 50
	sqlPerFile   = 8 << 10  // bytes
	sqlPerPage   = 24 << 10 // bytes
	sqlAlone     = 64 << 10 // bytes, of the one file that was asked for
)

type releasePage struct {
	projectFrame
	Release slipway.Release
	URL     string
	From    origin
	State   chip
	Files   []fileCard
	Only    string // path of the one file that is shown
	Pager   pager
}

// A fileCard is a file of a release with its SQL.
type fileCard struct {
	slipway.File
	Name, Folder string
	URL, Raw     string // of the page of the file alone, and of its bytes
	Size         string
	Code         *code // nil where the page is full
}

func (c *Console) release(v visit) error {
	p, err := c.releasePage(v, v.r.PathValue("release"))
	if err != nil {
		return err
	}
	return c.show(v, "release", p)
}

func (c *Console) releasePage(v visit, title string) (releasePage, error) {
	id := v.r.PathValue("release")
	at := releaseURL(v.r.PathValue("project"), id)
	var crumbs []Crumb
	if title != id {
		crumbs = append(crumbs, Crumb{Title: id, URL: at})
	}
	f, err := c.inProject(v, "Releases", title, crumbs...)
	if err != nil {
		return releasePage{}, err
	}
	p := releasePage{projectFrame: f, URL: at}
	if p.Release, err = c.Releases.Release(v.ctx(), v.who, p.Project.ID, id); err != nil {
		return p, err
	}
	p.From, p.State = newOrigin(p.Release.Creator, p.Release.Job), releaseChip(p.Release)
	return p, c.files(v, &p)
}

// files fills in the files that the URL asks for: one by its path, or a page of
// them.
func (c *Console) files(v visit, p *releasePage) error {
	list, budget, each := p.Release.Files, sqlPerPage, sqlPerFile
	if name := v.r.URL.Query().Get("file"); name != "" {
		p.Only, budget, each, list = name, sqlAlone, sqlAlone, nil
		for _, f := range p.Release.Files {
			if f.Path == name {
				list = []slipway.File{f}
			}
		}
		if list == nil {
			return slipway.Errorf(slipway.NotFound, "The release has no file %q.", name)
		}
	} else {
		page, err := v.after(filesPerPage)
		if err != nil {
			return err
		}
		from, _ := strconv.Atoi(page.After)
		list = list[min(max(from, 0), len(list)):]
		if len(list) > filesPerPage {
			list = list[:filesPerPage]
			p.Pager = v.pager(strconv.Itoa(from + filesPerPage))
		} else {
			p.Pager = v.pager("")
		}
	}
	engine, err := c.engineOf(v, p.Project.ID)
	if err != nil {
		return err
	}
	for _, f := range list {
		card := p.card(f)
		if budget > 0 && v.held[iam.SheetsGet] {
			if err := c.fillFile(v, &card, engine, min(budget, each)); err != nil {
				return err
			}
			budget -= len(card.Statement)
		}
		p.Files = append(p.Files, card)
	}
	return nil
}

// card returns a file of the release without its SQL.
func (p releasePage) card(f slipway.File) fileCard {
	card := fileCard{
		File: f, Name: path.Base(f.Path), URL: p.URL + "?file=" + url.QueryEscape(f.Path),
		Raw: p.At + "/sheets/" + f.SHA256,
	}
	if card.Folder = path.Dir(f.Path); card.Folder == "." {
		card.Folder = ""
	}
	return card
}

// size returns a number of bytes for people.
func size(n int64) string {
	switch {
	case n < 1<<10:
		return count(int(n), "byte", "bytes")
	case n < 1<<20:
		return fmt.Sprintf("%.1f KiB", float64(n)/(1<<10))
	}
	return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
}

// fillFile reads the SQL of a file, most bytes at most, into its card.
func (c *Console) fillFile(v visit, card *fileCard, engine slipway.Engine, most int) error {
	sheet, err := c.Releases.SheetHead(v.ctx(), v.who, v.r.PathValue("project"), card.SHA256, most+1)
	if err != nil {
		return err
	}
	text, cut := upTo(sheet.Content, most)
	card.Size, card.Statement = size(sheet.Size), text
	shown := newCode("The SQL of "+card.Path, engine, text)
	shown.Cut = cut
	card.Code = &shown
	return nil
}

// engineOf returns the engine whose SQL the files of a project are taken to be:
// that of its databases.
func (c *Console) engineOf(v visit, project string) (slipway.Engine, error) {
	if !v.held[iam.DatabasesList] {
		return slipway.Postgres, nil
	}
	list, _, err := c.Inventory.Databases(v.ctx(), v.who, inventory.DatabaseFilter{Project: project}, slipway.Page{Size: 1})
	if err != nil || len(list) == 0 {
		return slipway.Postgres, err
	}
	return list[0].On.Engine, nil
}

// sheet answers with the bytes of a piece of SQL, to be read or kept.
func (c *Console) sheet(v visit) error {
	s, err := c.Releases.Sheet(v.ctx(), v.who, v.r.PathValue("project"), v.r.PathValue("sha"), true)
	if err != nil {
		return err
	}
	h := v.w.Header()
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("Content-Length", strconv.Itoa(len(s.Content)))
	h.Set("Cache-Control", "private, max-age=31536000, immutable")
	v.w.WriteHeader(http.StatusOK)
	_, _ = v.w.Write(s.Content) // the browser went away
	return nil
}
