package console

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"io/fs"
	"maps"
	"net/http"
	"strings"
	"time"
)

//go:embed template/*.html
var templateFiles embed.FS

// loadTemplates parses each page together with the layout and the parts that
// pages share, whose names begin with "_".
func loadTemplates(funcs template.FuncMap) (map[string]*template.Template, error) {
	base, err := template.New("").Funcs(funcs).ParseFS(templateFiles, "template/_*.html")
	if err != nil {
		return nil, fmt.Errorf("parse shared templates: %w", err)
	}
	files, err := fs.Glob(templateFiles, "template/[a-z]*.html")
	if err != nil {
		return nil, fmt.Errorf("list templates: %w", err)
	}
	pages := map[string]*template.Template{}
	for _, file := range files {
		t, err := base.Clone()
		if err != nil {
			return nil, fmt.Errorf("parse %s: %w", file, err)
		}
		if _, err := t.ParseFS(templateFiles, file); err != nil {
			return nil, fmt.Errorf("parse %s: %w", file, err)
		}
		pages[strings.TrimSuffix(file[len("template/"):], ".html")] = t
	}
	return pages, nil
}

// show answers with page name filled from data.
func (c *Console) show(v visit, name string, data any) error {
	return c.render(v.w, http.StatusOK, name, "layout", data)
}

// showForm is show with the status that says whether f was taken.
func (c *Console) showForm(v visit, name string, f form, data any) error {
	return c.render(v.w, f.Status(), name, "layout", data)
}

// showPart answers with one template of page name, for htmx to put into a page
// that is there already.
func (c *Console) showPart(v visit, name, part string, data any) error {
	return c.render(v.w, http.StatusOK, name, part, data)
}

// render renders a page whole before the first byte leaves, so that a broken
// one is an error and not half a page.
func (c *Console) render(w http.ResponseWriter, status int, name, part string, data any) error {
	page := c.pages[name]
	if page == nil {
		return fmt.Errorf("render page: there is no template %q", name)
	}
	var b bytes.Buffer
	if err := page.ExecuteTemplate(&b, part, data); err != nil {
		return fmt.Errorf("render page %s: %w", name, err)
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes()) // the browser went away
	return nil
}

// functions are what templates may call.
func (c *Console) functions() template.FuncMap {
	funcs := template.FuncMap{
		"moment": func(t time.Time) moment { return moment{t, c.now()} },
		"chip":   newChip,
		"status": statusChip,
		"took":   took,
		"count":  count,
	}
	maps.Copy(funcs, fieldFunctions())
	return funcs
}
