package console_test

import (
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/net/html"
)

var update = flag.Bool("update", false, "write the pages as they are into testdata/golden")

const goldenFolder = "testdata/golden"

// TestGoldens holds every scene against the page as it was last looked at. The
// first has the frame too; of the others it is what the page has of its own.
func TestGoldens(t *testing.T) {
	if *update {
		if err := errors.Join(os.RemoveAll(goldenFolder), os.MkdirAll(goldenFolder, 0o755)); err != nil {
			t.Fatal(err)
		}
	}
	kept := map[string]bool{}
	for _, r := range rooms {
		t.Run(r.name, func(t *testing.T) {
			w, words := r.build(t)
			visitors := map[string]*visitor{}
			for _, s := range r.scenes {
				kept[s.name+".html"] = true
				if visitors[s.who] == nil {
					visitors[s.who] = w.visitor(s.email())
				}
				p := s.visit(visitors[s.who], words)
				if want := max(s.status, http.StatusOK); p.status != want {
					t.Errorf("%s: status %d, want %d: %s", s.name, p.status, want, excerpt(p.root))
					continue
				}
				p.expect(t, p.status, says(s.see))
				compareGolden(t, s.name, w.normal(words).Replace(normal(written(p.root, s.name == "home-fresh"))))
			}
		})
	}
	entries, err := os.ReadDir(goldenFolder)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !kept[e.Name()] {
			t.Errorf("%s/%s belongs to no scene: remove it", goldenFolder, e.Name())
		}
	}
}

func compareGolden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join(goldenFolder, name+".html")
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%s has no golden: look at the page, then run go test ./internal/console -run TestGoldens -update", name)
		return
	} else if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); diff != "" {
		t.Errorf("%s is otherwise than its golden (-want +got); if that is right, run go test ./internal/console -run TestGoldens -update\n%s", name, diff)
	}
}

// normal returns what takes the places of a world and the words of a room out
// of a page.
func (w *world) normal(words map[string]string) *strings.Replacer {
	pairs := []string{w.root, "/databases", w.data, "/data"}
	for name, word := range words {
		if len(word) > 8 { // shorter ones would be found elsewhere
			pairs = append(pairs, word, "{"+name+"}")
		}
	}
	return strings.NewReplacer(pairs...)
}

// changing is what is otherwise each time.
var changing = []struct {
	pattern *regexp.Regexp
	normal  string
}{
	{regexp.MustCompile(`/static/[^/"]+/`), "/static/{hash}/"},
	{regexp.MustCompile(`127\.0\.0\.1:\d+|127\.0\.0\.1%3A\d+`), "{host}"},
	{regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)`), "{time}"},
	{regexp.MustCompile(`\d{4}-\d\d-\d\d \d\d:\d\d(:\d\d)?`), "{time}"},
	{regexp.MustCompile(`(<time[^>]*>)[^<]*`), "$1{time}"},
	{regexp.MustCompile(`(<time[^>]* title=)"[^"]*"`), `$1"{time}"`},
	{regexp.MustCompile(`\b\d{1,2} [A-Z][a-z]{2} \d{4}`), "{date}"},
	{regexp.MustCompile(`\b\d\d:\d\d:\d\d(\.\d+)?`), "{clock}"},
	{regexp.MustCompile(`seen=[0-9a-z]+`), "seen={state}"},
	{regexp.MustCompile(`release_\d{8}`), "release_{date}"},
	{regexp.MustCompile(`\d{4}-\d\d-\d\d`), "{date}"},
	{regexp.MustCompile(`\b\d{1,2} (January|February|March|April|May|June|July|August|September|October|November|December)\b( \d{4})?`), "{date}"},
	{regexp.MustCompile(`(&lt; )?\b\d+(\.\d+)? (µs|ms|s|min)\b`), "{duration}"},
	{regexp.MustCompile(`/exchanges/[A-Z2-7]{16}`), "/exchanges/{reference}"},
	{regexp.MustCompile(`"(exp|iat|nbf)": \d+`), `"$1": {time}`},
	{regexp.MustCompile(`"jti": "[^"]*"`), `"jti": "{id}"`},
	{regexp.MustCompile(`slpk_[A-Z0-9]+`), "{key}"},
	{regexp.MustCompile(`/account/sessions/[^/"]+/end`), "/account/sessions/{session}/end"},
}

func normal(text string) string {
	for _, c := range changing {
		text = c.pattern.ReplaceAllString(text, c.normal)
	}
	return text
}

// written returns a page with an element to a line, for people to compare: the
// whole of it, or what is in its frame.
func written(root *html.Node, whole bool) string {
	var b strings.Builder
	if whole {
		write(&b, find(root, "html")[0], 0)
		return b.String()
	}
	write(&b, find(root, "title")[0], 0)
	for _, part := range []string{".alone", ".switch", ".crumbs", ".page", ".sheet", ".toast"} {
		for _, n := range find(root, part)[:min(1, len(find(root, part)))] {
			write(&b, n, 0)
		}
	}
	return b.String()
}

// verbatim returns the text below n as it stands.
func verbatim(n *html.Node) string {
	var b strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			b.WriteString(d.Data)
		}
	}
	return b.String()
}

var inText = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

// void elements have no end.
var void = []string{"br", "hr", "img", "input", "link", "meta"}

func write(b *strings.Builder, n *html.Node, depth int) {
	indent := strings.Repeat("  ", depth)
	if n.Type == html.TextNode {
		if s := strings.Join(strings.Fields(n.Data), " "); s != "" {
			fmt.Fprintf(b, "%s%s\n", indent, inText.Replace(s))
		}
		return
	}
	if n.Type != html.ElementNode {
		return
	}
	fmt.Fprintf(b, "%s<%s", indent, n.Data)
	for _, a := range n.Attr {
		fmt.Fprintf(b, " %s=\"%s\"", a.Key, html.EscapeString(a.Val))
	}
	b.WriteString(">")
	if n.Data == "svg" && has(n, "aria-hidden") && !has(n, "class") { // an icon: pictures show it
		b.WriteString("\n")
		return
	}
	switch {
	case n.Data == "pre" || n.Data == "textarea":
		fmt.Fprintf(b, "%s</%s>\n", inText.Replace(verbatim(n)), n.Data)
	case slices.Contains(void, n.Data) || n.FirstChild == nil:
		b.WriteString("\n")
	case n.FirstChild == n.LastChild && n.FirstChild.Type == html.TextNode:
		fmt.Fprintf(b, "%s</%s>\n", inText.Replace(strings.Join(strings.Fields(n.FirstChild.Data), " ")), n.Data)
	default:
		b.WriteString("\n")
		for c := range n.ChildNodes() {
			write(b, c, depth+1)
		}
	}
}
