package console_test

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// A page is an answer of the console, as a tree.
type page struct {
	v      *visitor
	status int
	url    *url.URL // where redirects led
	header http.Header
	body   string
	root   *html.Node
}

// get asks for a page and follows redirects.
func (v *visitor) get(path string) page {
	v.w.t.Helper()
	return v.do(http.MethodGet, path, nil)
}

// post sends a form and follows redirects.
func (v *visitor) post(path string, values url.Values) page {
	v.w.t.Helper()
	return v.do(http.MethodPost, path, values)
}

func (v *visitor) do(method, path string, values url.Values) page {
	v.w.t.Helper()
	target, err := url.Parse(v.w.url)
	if err != nil {
		v.w.t.Fatal(err)
	}
	if target, err = target.Parse(path); err != nil {
		v.w.t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(v.w.t.Context(), method, target.String(), strings.NewReader(values.Encode()))
	if err != nil {
		v.w.t.Fatal(err)
	}
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	res, err := v.client.Do(req)
	if err != nil {
		v.w.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		v.w.t.Fatal(err)
	}
	root, err := html.Parse(strings.NewReader(string(body)))
	if err != nil {
		v.w.t.Fatal(err)
	}
	return page{v: v, status: res.StatusCode, url: res.Request.URL, header: res.Header, body: string(body), root: root}
}

// submit fills in the form around the button with that text, as a browser
// does: values replace what the form holds, the rest is sent as it stands.
func (p page) submit(button string, values url.Values) page {
	p.v.w.t.Helper()
	for _, b := range find(p.root, "button") {
		if text(b) != button {
			continue
		}
		f := b
		for f != nil && f.Data != "form" {
			f = f.Parent
		}
		if f == nil {
			continue
		}
		sent := controls(f)
		if name := attr(b, "name"); name != "" {
			sent.Set(name, attr(b, "value"))
		}
		for name, v := range values {
			sent[name] = v
		}
		action := attr(f, "action")
		if action == "" {
			action = p.url.RequestURI()
		}
		if strings.EqualFold(attr(f, "method"), "post") {
			return p.v.post(action, sent)
		}
		path, _, _ := strings.Cut(action, "?")
		return p.v.get(path + "?" + sent.Encode())
	}
	p.v.w.t.Fatalf("%s has no button %q in a form:\n%s", p.url.Path, button, text(p.root))
	return page{}
}

// controls returns what a browser would send of a form that nobody touched.
func controls(f *html.Node) url.Values {
	out := url.Values{}
	for _, n := range find(f, "input") {
		kind := attr(n, "type")
		if (kind == "checkbox" || kind == "radio") && !has(n, "checked") {
			continue
		}
		if name := attr(n, "name"); name != "" {
			out.Add(name, attr(n, "value"))
		}
	}
	for _, n := range find(f, "textarea") {
		out.Add(attr(n, "name"), strings.TrimPrefix(raw(n), "\n"))
	}
	for _, n := range find(f, "select") {
		options := find(n, "option")
		chosen := slices.IndexFunc(options, func(o *html.Node) bool { return has(o, "selected") })
		if len(options) > 0 {
			out.Add(attr(n, "name"), attr(options[max(chosen, 0)], "value"))
		}
	}
	return out
}

// follow clicks the link with that text.
func (p page) follow(link string) page {
	p.v.w.t.Helper()
	for _, a := range find(p.root, "a") {
		if text(a) == link {
			return p.v.get(attr(a, "href"))
		}
	}
	p.v.w.t.Fatalf("%s has no link %q:\n%s", p.url.Path, link, text(p.root))
	return page{}
}

// A check says what is wrong with an element, "" when nothing is.
type check func(n *html.Node) string

// expect fails the test for each check that the page does not pass.
func (p page) expect(t testing.TB, status int, checks ...check) {
	t.Helper()
	if p.status != status {
		t.Errorf("%s: status %d, want %d", p.url, p.status, status)
	}
	for _, c := range checks {
		if wrong := c(p.root); wrong != "" {
			t.Errorf("%s: %s", p.url, wrong)
		}
	}
}

// in wants the first element that selector finds to pass checks.
func in(selector string, checks ...check) check {
	return func(n *html.Node) string {
		found := find(n, selector)
		if len(found) == 0 {
			return "nothing is " + selector + " in: " + excerpt(n)
		}
		for _, c := range checks {
			if wrong := c(found[0]); wrong != "" {
				return selector + ": " + wrong
			}
		}
		return ""
	}
}

// is wants the text of the element to be exactly this.
func is(want string) check {
	return func(n *html.Node) string {
		if got := text(n); got != want {
			return fmt.Sprintf("text %q, want %q", got, want)
		}
		return ""
	}
}

// says wants each part to occur in the text of the element.
func says(parts ...string) check {
	return func(n *html.Node) string {
		got := text(n)
		for _, p := range parts {
			if !strings.Contains(got, p) {
				return fmt.Sprintf("%q is not in: %s", p, excerpt(n))
			}
		}
		return ""
	}
}

// lacks wants none of the parts to occur in the text of the element.
func lacks(parts ...string) check {
	return func(n *html.Node) string {
		for _, p := range parts {
			if strings.Contains(text(n), p) {
				return fmt.Sprintf("%q is in: %s", p, excerpt(n))
			}
		}
		return ""
	}
}

// value wants an attribute to be this.
func value(name, want string) check {
	return func(n *html.Node) string {
		if got := attr(n, name); got != want || want == "" && !has(n, name) {
			return fmt.Sprintf("%s=%q, want %q", name, got, want)
		}
		return ""
	}
}

// times wants selector to find n elements.
func times(n int, selector string) check {
	return func(root *html.Node) string {
		if got := len(find(root, selector)); got != n {
			return fmt.Sprintf("%d are %s, want %d", got, selector, n)
		}
		return ""
	}
}

// find returns the elements below n, in order, that a selector matches: steps
// of tag, #id, .class, [attribute] and [attribute=value], apart by spaces.
func find(n *html.Node, selector string) []*html.Node {
	found := []*html.Node{n}
	for step := range strings.FieldsSeq(selector) {
		var next []*html.Node
		for _, from := range found {
			for d := range from.Descendants() {
				if d.Type == html.ElementNode && matches(d, step) && !slices.Contains(next, d) {
					next = append(next, d)
				}
			}
		}
		found = next
	}
	return found
}

func matches(n *html.Node, step string) bool {
	for step != "" {
		end := strings.IndexAny(step[1:], "#.[") + 1
		if step[0] == '[' {
			end = strings.IndexByte(step, ']') + 1
		}
		if end <= 0 {
			end = len(step)
		}
		part := step[:end]
		step = step[end:]
		ok := false
		switch part[0] {
		case '#':
			ok = attr(n, "id") == part[1:]
		case '.':
			ok = slices.Contains(strings.Fields(attr(n, "class")), part[1:])
		case '[':
			name, want, exact := strings.Cut(part[1:len(part)-1], "=")
			ok = has(n, name) && (!exact || attr(n, name) == want)
		default:
			ok = n.Data == part
		}
		if !ok {
			return false
		}
	}
	return true
}

func attr(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func has(n *html.Node, name string) bool {
	return slices.ContainsFunc(n.Attr, func(a html.Attribute) bool { return a.Key == name })
}

// text returns the text below n with its spacing made single.
func text(n *html.Node) string { return strings.Join(strings.Fields(raw(n)), " ") }

func raw(n *html.Node) string {
	var b strings.Builder
	for d := range n.Descendants() {
		if d.Type != html.TextNode || d.Parent.Data == "script" || d.Parent.Data == "style" {
			continue
		}
		b.WriteString(d.Data)
		if inline := d.Parent.Data; inline != "b" && inline != "code" && inline != "textarea" && inline != "pre" {
			b.WriteByte(' ')
		}
	}
	return b.String()
}

func excerpt(n *html.Node) string {
	s := text(n)
	return s[:min(len(s), 1200)]
}
