package console

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"strings"
	"time"

	"slipway"
)

//go:embed template/*.html
var templateFiles embed.FS

// A Frame is what every page shows around its own content. Pages embed it.
type Frame struct {
	Title  string
	Crumbs []Crumb
	Nav    []navSection
	Who    slipway.Principal // zero when nobody is signed in
	Static string            // URL prefix of assets
	Narrow bool              // no navigation: sign-in, set-up
}

// A Crumb is a step on the way to a page. The last has no URL.
type Crumb struct{ Title, URL string }

type navSection struct {
	Title string
	Items []navItem
}

type navItem struct {
	Title, URL string
	Current    bool
}

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

// render answers with page name filled from data. A page is rendered whole
// before the first byte leaves, so a broken one is an error and not half a page.
func (c *Console) render(w http.ResponseWriter, status int, name string, data any) {
	var b bytes.Buffer
	if err := c.pages[name].ExecuteTemplate(&b, "layout", data); err != nil {
		c.lg.Error("render page", "page", name, "err", err)
		http.Error(w, "Something went wrong inside the server; its log has the details.", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes()) // the browser went away
}

// functions are what templates may call.
func (c *Console) functions() template.FuncMap {
	return template.FuncMap{
		"ago":   func(t time.Time) string { return ago(c.now().Sub(t)) },
		"stamp": func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
	}
}

// ago says how long ago something was, in the largest unit that fits.
func ago(d time.Duration) string {
	switch {
	case d < time.Minute:
		return "just now"
	case d < time.Hour:
		return fmt.Sprintf("%d min ago", d/time.Minute)
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h ago", d/time.Hour)
	}
	return fmt.Sprintf("%d d ago", d/(24*time.Hour))
}
