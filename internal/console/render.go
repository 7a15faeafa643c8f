package console

import (
	"bytes"
	"compress/gzip"
	"embed"
	"fmt"
	"html/template"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"strings"
	"sync"
	"time"
)

//go:embed template/*.html
var templateFiles embed.FS

// loadTemplates finds the pages. Each is parsed when it is first shown, together
// with the layout and the parts that pages share, whose names begin with "_": all
// of them at once were most of what a start costs in time and memory.
func loadTemplates(funcs template.FuncMap) (map[string]func() (*template.Template, error), error) {
	base, err := template.New("").Funcs(funcs).ParseFS(templateFiles, "template/_*.html")
	if err != nil {
		return nil, fmt.Errorf("parse shared templates: %w", err)
	}
	files, err := fs.Glob(templateFiles, "template/[a-z]*.html")
	if err != nil {
		return nil, fmt.Errorf("list templates: %w", err)
	}
	pages := map[string]func() (*template.Template, error){}
	for _, file := range files {
		pages[strings.TrimSuffix(file[len("template/"):], ".html")] = sync.OnceValues(func() (*template.Template, error) {
			t, err := base.Clone()
			if err == nil {
				_, err = t.ParseFS(templateFiles, file)
			}
			if err != nil {
				return nil, fmt.Errorf("parse %s: %w", file, err)
			}
			return t, nil
		})
	}
	return pages, nil
}

// templates returns the templates of a page.
func (c *Console) templates(name string) (*template.Template, error) {
	page, ok := c.pages[name]
	if !ok {
		return nil, fmt.Errorf("render page: there is no template %q", name)
	}
	return page()
}

// show answers with page name filled from data.
func (c *Console) show(v visit, name string, data any) error {
	return c.render(v, http.StatusOK, name, "layout", data)
}

// showForm is show with the status that says whether f was taken.
func (c *Console) showForm(v visit, name string, f form, data any) error {
	return c.render(v, f.Status(), name, "layout", data)
}

// showPart answers with one template of page name, for htmx to put into a page
// that is there already.
func (c *Console) showPart(v visit, name, part string, data any) error {
	return c.render(v, http.StatusOK, name, part, data)
}

// render renders a page whole before the first byte leaves, so that a broken
// one is an error and not half a page.
func (c *Console) render(v visit, status int, name, part string, data any) error {
	page, err := c.templates(name)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	if err := page.ExecuteTemplate(&b, part, data); err != nil {
		return fmt.Errorf("render page %s: %w", name, err)
	}
	h := v.w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("Vary", "Accept-Encoding")
	text := &b
	if !v.who.IsZero() && b.Len() >= minZipped && acceptsGzip(v.r) {
		zipped, err := c.zip(b.Bytes())
		if err != nil {
			return fmt.Errorf("compress page %s: %w", name, err)
		}
		h.Set("Content-Encoding", "gzip")
		text = zipped
	}
	v.w.WriteHeader(status)
	_, _ = v.w.Write(text.Bytes()) // the browser went away
	return nil
}

// minZipped is from how many bytes on a page is sent compressed: smaller ones
// are one packet as they are.
const minZipped = 1 << 10

// zip compresses a page of somebody who is signed in. The size of a compressed
// page tells whoever can both see it pass and choose a part of it how much that
// part has in common with the rest (BREACH). No page that can be asked for
// again holds a secret to find out in this way: forgeries are stopped by what
// browsers say of a request's origin and not by a token in the page, the session
// is in a cookie alone, and another site's requests come without it. The set-up
// page, which holds its token, is for strangers and not compressed.
func (c *Console) zip(page []byte) (*bytes.Buffer, error) {
	z := c.zips.Get().(*gzip.Writer)
	defer c.zips.Put(z)
	b := new(bytes.Buffer)
	z.Reset(b)
	if _, err := z.Write(page); err != nil {
		return nil, err
	}
	return b, z.Close()
}

func newZipper() any {
	z, _ := gzip.NewWriterLevel(io.Discard, gzip.BestSpeed) // there is no other error than a level that does not exist
	return z
}

// functions are what templates may call.
func (c *Console) functions() template.FuncMap {
	funcs := template.FuncMap{
		"moment":   func(t time.Time) moment { return moment{t, c.now()} },
		"chip":     newChip,
		"status":   statusChip,
		"took":     took,
		"count":    count,
		"sentence": sentence,
	}
	maps.Copy(funcs, fieldFunctions())
	return funcs
}
