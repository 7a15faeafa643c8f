package console_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"slipway"
	"slipway/internal/access"
	"slipway/internal/iam"
)

func TestSearch(t *testing.T) {
	w := newWorld(t)
	w.project("shop")
	w.project("bank")
	ref := w.database("test", "shop_db", "shop")
	w.more("test", "bank", "shopping")
	w.identity("shop-deploy", "Shop deploy", w.trust())
	ro := w.rollout("shop", map[string]string{"1_a.sql": "CREATE TABLE a (x INT);"}, ref)
	v := w.visitor(adminEmail)
	v.get("/search").expect(t, http.StatusOK, says("Type a part of a name"))
	v.get("/search?q=s").expect(t, http.StatusOK, says("Two characters at least"))
	v.get("/search?q="+strings.Repeat("s", 101)).expect(t, http.StatusBadRequest)
	v.get("/search?q=%3Cnone%3E").expect(t, http.StatusOK, says("Nothing that you may see has “<none>” in its name."))
	p := v.get("/search").submit("Search", url.Values{"q": {" SHOP "}})
	p.expect(t, http.StatusOK, in("main input[name=q]", value("value", "SHOP")),
		in("main", says("Projects Shop", "Databases shop_db", "shopping", "test, project bank", "Identities Shop deploy", "Workload Identity, shop-deploy@workload.bytebase.com")))
	p = v.get("/search?q=release_")
	p.expect(t, http.StatusOK, in("main", says("Releases", "Rollouts", "project shop, not started")))
	for _, hit := range find(p.root, "main a[data-hit]") {
		if got := v.get(attr(hit, "href")); got.status != http.StatusOK {
			t.Errorf("%s leads to %s with status %d", text(hit), got.url, got.status)
		}
	}
	if got := v.get("/search?q=" + slipway.Plan{ID: ro.Plan}.Name()[len("projects//plans/"):]); !strings.Contains(got.body, "Two characters") {
		t.Errorf("a plan of one digit: %s", text(got.root))
	}

	// A viewer of shop finds what is shop's.
	vera := w.person(viewerEmail)
	w.grant("projects/shop", iam.ProjectViewer, vera.Member())
	seen := w.visitor(vera.Email).get("/search?q=shop")
	seen.expect(t, http.StatusOK, in("main", says("Projects Shop", "shop_db"), lacks("shopping", "Identities", "deploy")))
	w.visitor(w.person("bob@example.com").Email).get("/search?q=shop").expect(t, http.StatusOK, in("main", says("Nothing that you may see")))
}

func TestSearchIsBounded(t *testing.T) {
	w := newWorld(t)
	for _, id := range []string{"app-a", "app-b", "app-c", "app-d", "app-e", "app-f", "app-g", "app-h"} {
		w.project(id)
		if _, err := w.access.CreateUser(t.Context(), w.admin, access.NewUser{Email: id + "@example.com", Password: password}); err != nil {
			t.Fatal(err)
		}
	}
	p := w.visitor(adminEmail).get("/search?q=app")
	p.expect(t, http.StatusOK, times(2, "main .hits"), in("main .hits", times(7, "li"), says("All of them")))
	p.follow("All of them").expect(t, http.StatusOK, in("h1", is("Projects")), in("table", says("App-h")))
}

// TestSearchFromTheKeyboard opens the search with Ctrl-K, goes through what it
// finds by arrows, and leaves it by Escape.
func TestSearchFromTheKeyboard(t *testing.T) {
	w := newWorld(t)
	w.project("shop")
	w.project("shipping")
	b := w.tab(t, adminEmail)
	b.open("/roles/new")
	b.see("Add Role")
	ctrlK := chromedp.KeyEvent("k", chromedp.KeyModifiers(2))
	b.do(ctrlK)
	b.until(`document.querySelector("dialog.search").open && document.activeElement.name === "q"`, "no dialog with the focus")
	b.do(chromedp.KeyEvent("sh"))
	b.see("Shop", "Shipping")
	b.look("search-dialog")
	b.do(chromedp.KeyEvent(kb.Escape))
	b.until(`!document.querySelector("dialog.search").open`, "Escape leaves the dialog open")
	b.at("/roles/new") // the sheet behind it stays
	b.do(ctrlK, chromedp.KeyEvent("sho"))
	b.until(`document.querySelectorAll("[data-hit]").length === 1`, "not one hit")
	b.do(chromedp.KeyEvent(kb.ArrowDown))
	b.until(`document.activeElement.matches("[data-hit]")`, "the arrow does not reach the hit")
	b.do(chromedp.KeyEvent(kb.Enter))
	b.at("/projects/shop")

	b.do(chromedp.Click(chromedp.CSS(`[data-opens="search"]`), chromedp.NodeVisible))
	b.until(`document.querySelector("dialog.search").open`, "the box does not open the dialog")
	b.do(chromedp.KeyEvent("shi"))
	b.until(`document.querySelectorAll("[data-hit]").length === 1`, "not one hit")
	b.do(chromedp.KeyEvent(kb.Enter))
	b.at("/projects/shipping")
}
