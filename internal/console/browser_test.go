package console_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// chromium starts the browser that all tests share, each in cookies of its own.
var chromium = sync.OnceValues(func() (context.Context, error) {
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(chromiumPath), chromedp.NoSandbox, chromedp.Flag("disable-gpu", true),
		chromedp.Flag("hide-scrollbars", true))
	ctx, cancel := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, _ = chromedp.NewContext(ctx)
	stopChromium = cancel
	return ctx, chromedp.Do(ctx)
})

const chromiumPath = "/usr/bin/chromium"

var stopChromium = func() {}

func TestMain(m *testing.M) {
	code := m.Run()
	stopChromium()
	os.Exit(code)
}

// A tab is a page in a real browser.
type tab struct {
	t   testing.TB
	w   *world
	ctx context.Context

	mu     sync.Mutex
	errors []string // of scripts, and of what the Content-Security-Policy stopped
}

// listen gathers what no page may do.
func (b *tab) listen(event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		b.errors = append(b.errors, fmt.Sprintf("%s %v", e.ExceptionDetails.Text, e.ExceptionDetails.Exception))
	case *log.EventEntryAdded:
		if strings.Contains(e.Entry.Text, "Content Security Policy") {
			b.errors = append(b.errors, e.Entry.Text)
		}
	}
}

// tab opens an empty tab of somebody who is signed in; "" is a stranger. It
// skips the test where there is no browser, but not in CI.
func (w *world) tab(t testing.TB, email string) *tab {
	t.Helper()
	if _, err := os.Stat(chromiumPath); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skip("no browser at " + chromiumPath)
	}
	browser, err := chromium()
	if err != nil {
		t.Fatal(err)
	}
	b := &tab{t: t, w: w}
	ctx, cancel := chromedp.NewContext(browser, chromedp.WithNewBrowserContext(), chromedp.WithListener(b.listen))
	t.Cleanup(func() {
		cancel()
		b.mu.Lock()
		defer b.mu.Unlock()
		for _, e := range b.errors {
			t.Errorf("browser: %s", e)
		}
	})
	b.ctx = ctx
	b.do(chromedp.EmulateViewport(1440, 900), command(log.Enable, cdp.Empty{}))
	if email != "" {
		b.do(command(network.SetCookie, network.SetCookieParams{Name: "slipway", Value: w.session(email), URL: w.url}))
	}
	return b
}

// in returns the tab with failures told to a subtest.
func (b *tab) in(t testing.TB) *tab { return &tab{t: t, w: b.w, ctx: b.ctx} }

// command is a DevTools command as a step of do.
func command[P, R any](c cdp.Command[P, R], params P) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, c, params)
		return err
	})
}

// do runs steps; no step takes more than ten seconds on the slowest machine.
func (b *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	for _, step := range steps {
		if err := b.try(step); err != nil {
			b.t.Fatalf("browser: %v\nThe page:\n%s", err, b.visible())
		}
	}
}

func (b *tab) try(step chromedp.Action[chromedp.Void]) error {
	if chromedp.FromContext(b.ctx).Target == nil { // the first step opens the tab, which lives as long as its context
		if err := chromedp.Do(b.ctx); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithTimeout(b.ctx, 10*time.Second)
	defer cancel()
	return chromedp.Do(ctx, step)
}

// script returns what a JavaScript expression yields, which may be a promise.
func script[T any](b *tab, expression string) T {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, 20*time.Second)
	defer cancel()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		b.t.Fatalf("browser: %s: %v", expression, err)
	}
	return v
}

// open shows a page.
func (b *tab) open(path string) {
	b.t.Helper()
	b.do(chromedp.Navigate(b.w.url + path))
}

// until waits for a JavaScript expression to be true, through navigations.
func (b *tab) until(expression, what string) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, 10*time.Second)
	defer cancel()
	for {
		_, err := chromedp.Run(ctx, chromedp.Poll[bool]("!!("+expression+")", chromedp.WithPollingTimeout(10*time.Second)))
		if err == nil {
			return
		}
		// A navigation takes the page away under the question.
		if ctx.Err() != nil || errors.Is(err, chromedp.ErrPollingTimeout) {
			b.t.Fatalf("browser: %s: %v\nThe page:\n%s", what, err, b.visible())
		}
	}
}

// see waits for a text to show.
func (b *tab) see(texts ...string) {
	b.t.Helper()
	for _, s := range texts {
		b.until(fmt.Sprintf("document.body && document.body.innerText.includes(%s)", quoted(s)), "no text "+s)
	}
}

// at waits for the page of a path.
func (b *tab) at(path string) {
	b.t.Helper()
	b.until(fmt.Sprintf("location.pathname === %s && document.readyState === 'complete'", quoted(path)), "not at "+path)
}

// find marks what a visible text names and returns its selector: a control by
// its label, a button, a link, a tick or a segment by its own text.
const finder = `(want, kind) => {
  const shown = (e) => e.checkVisibility() && !e.closest("[inert]");
  const plain = (e) => e.innerText.replace(/\*\s*$/, "").trim();
  const mark = (e) => { document.querySelectorAll("[data-found]").forEach(x => x.removeAttribute("data-found")); e.setAttribute("data-found", ""); return true; };
  if (kind === "field") {
    for (const l of document.querySelectorAll("label")) if (shown(l) && plain(l) === want && l.control) return mark(l.control);
    return false;
  }
  for (const e of document.querySelectorAll("button, a, summary, label")) {
    if (shown(e) && (plain(e) === want || e.getAttribute("aria-label") === want)) return mark(e);
  }
  return false;
}`

func (b *tab) locate(name, kind string) {
	b.t.Helper()
	b.until(fmt.Sprintf("(%s)(%s, %s)", finder, quoted(name), quoted(kind)), "no "+kind+" "+name)
}

// click presses a button, a link, a tick or a segment by its text.
func (b *tab) click(name string) {
	b.t.Helper()
	b.locate(name, "thing to click")
	b.do(chromedp.Click(chromedp.CSS("[data-found]"), chromedp.NodeVisible))
}

// fill types text, key by key, into the field with that label, over what is
// there.
func (b *tab) fill(label, text string) {
	b.t.Helper()
	b.locate(label, "field")
	script[bool](b, `(() => { const e = document.querySelector("[data-found]"); e.focus(); e.select(); return true; })()`)
	if text == "" {
		b.do(chromedp.KeyEvent("\b"))
		return
	}
	b.do(chromedp.KeyEvent(text))
}

// choose picks an option of the select with that label.
func (b *tab) choose(label, option string) {
	b.t.Helper()
	b.locate(label, "field")
	found := script[bool](b, fmt.Sprintf(`(() => {
		const s = document.querySelector("[data-found]");
		const o = [...s.options].find(o => o.label === %s);
		if (!o) return false;
		s.value = o.value;
		s.dispatchEvent(new Event("input", {bubbles: true}));
		s.dispatchEvent(new Event("change", {bubbles: true}));
		return true;
	})()`, quoted(option)))
	if !found {
		b.t.Fatalf("browser: %s has no option %q", label, option)
	}
}

// set fills in controls by their names, as far as the page has them.
func (b *tab) set(values url.Values) {
	b.t.Helper()
	for name, v := range values {
		script[bool](b, fmt.Sprintf(`(() => {
			for (const e of document.querySelectorAll("main ~ .sheet [name=%[1]s], main [name=%[1]s]")) {
				if (e.type === "radio" || e.type === "checkbox") e.checked = e.value === %[2]s;
				else e.value = %[2]s;
				e.dispatchEvent(new Event("change", {bubbles: true}));
			}
			return true;
		})()`, name, quoted(v[0])))
	}
}

// visible returns the text that the page shows, for failures.
func (b *tab) visible() string {
	text, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](`location.href + "\n" + (document.body ? document.body.innerText : "")`))
	if err != nil {
		return err.Error()
	}
	return text
}

// scheme makes the browser prefer "light" or "dark".
func (b *tab) scheme(name string) {
	b.t.Helper()
	b.do(command(emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: name}, {Name: "prefers-reduced-motion", Value: "reduce"},
	}}))
}

// look holds the page that shows, light and dark, wide and narrow, against
// WCAG 2.2 A and AA and against what scrolls sideways, and keeps pictures of it
// in the folder $SLIPWAY_SHOTS, if that is set.
func (b *tab) look(name string) {
	b.t.Helper()
	axe, err := os.ReadFile("testdata/axe.min.js")
	if err != nil {
		b.t.Fatal(err)
	}
	script[bool](b, "window.axe ? true : (() => {"+string(axe)+"\nreturn true})()")
	for _, scheme := range []string{"light", "dark"} {
		b.scheme(scheme)
		for _, width := range []int64{1440, 390} {
			// Colours and widths have nothing to do with each other: two of the
			// four show both. Pictures are of all four.
			if (scheme == "light") != (width == 1440) && os.Getenv("SLIPWAY_SHOTS") == "" {
				continue
			}
			b.do(chromedp.EmulateViewport(width, 900))
			what := fmt.Sprintf("%s, %s, %d px wide", name, scheme, width)
			for _, v := range script[[]string](b, violations) {
				b.t.Errorf("%s: %s", what, v)
			}
			if over := script[int](b, "document.documentElement.scrollWidth - document.documentElement.clientWidth"); over > 0 {
				b.t.Errorf("%s: the page is %d px wider than the screen", what, over)
			}
			for _, text := range script[[]string](b, cut) {
				b.t.Errorf("%s: %q is cut and cannot be read on hover", what, text)
			}
			b.shoot(fmt.Sprintf("%s-%s-%d", name, scheme, width))
		}
	}
	b.do(chromedp.EmulateViewport(1440, 900))
}

// violations runs axe and returns what it found, in words.
const violations = `axe.run(document, {runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}).then(r =>
	r.violations.flatMap(v => v.nodes.map(n => v.id + ": " + v.help + ": " + n.html.slice(0, 160) + " " + (n.any[0]?.message ?? ""))))`

// cut returns the texts that end in an ellipsis and have no title, of their own
// or around them, that says the whole.
const cut = `[...document.querySelectorAll("body *")].filter(e => e.checkVisibility() && e.scrollWidth > e.clientWidth + 1 && e.clientWidth > 1 &&
	getComputedStyle(e).textOverflow === "ellipsis" && !e.closest("[title]")?.title && !e.querySelector("[title]")).map(e => e.innerText)`

// tallest bounds pictures of pages, in pixels.
const tallest = 4000

// shoot keeps a picture of the page down to its end.
func (b *tab) shoot(name string) {
	b.t.Helper()
	folder := os.Getenv("SLIPWAY_SHOTS")
	if folder == "" {
		return
	}
	if size := script[[]int64](b, "[innerWidth, innerHeight, document.documentElement.scrollHeight]"); size[2] > size[1] {
		b.do(chromedp.EmulateViewport(size[0], min(size[2], tallest)))
		defer b.do(chromedp.EmulateViewport(size[0], size[1]))
	}
	script[bool](b, "document.fonts.ready.then(() => true)")
	ctx, cancel := context.WithTimeout(b.ctx, 10*time.Second)
	defer cancel()
	png, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
	if err != nil {
		b.t.Fatal(err)
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		b.t.Fatal(err)
	}
	file := filepath.Join(folder, strings.ReplaceAll(name, "/", "-")+".png")
	if err := os.WriteFile(file, png, 0o644); err != nil {
		b.t.Fatal(err)
	}
}

func quoted(s string) string {
	b, err := json.Marshal(s)
	if err != nil {
		return `""` // unreachable unless strings stop being JSON
	}
	return string(b)
}
