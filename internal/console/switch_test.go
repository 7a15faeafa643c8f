package console_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"slipway"
	"slipway/internal/iam"
)

// TestSwitchProject goes from the pages of one project to those of another, as
// a browser without scripts does.
func TestSwitchProject(t *testing.T) {
	w := newWorld(t)
	w.project("shop")
	w.project("bank")
	w.database("test", "shop", "shop")
	v := w.visitor(adminEmail)
	for _, tc := range []struct{ from, title, to string }{
		{"/", "Choose a project", "/projects/bank"},
		{"/projects/shop", "Shop", "/projects/bank"},
		{"/projects/shop/databases", "Shop", "/projects/bank/databases"},
		{"/projects/shop/databases/test/shop/schema", "Shop", "/projects/bank/databases"},
		{"/projects/shop/rollouts", "Shop", "/projects/bank/rollouts"},
		{"/projects/shop/members", "Shop", "/projects/bank/members"},
		{"/projects/shop/delete", "Shop", "/projects/bank"},
		{"/projects/gone/databases", "gone", "/projects/bank/databases"},
	} {
		p := v.get(tc.from)
		if wrong := in("nav .switch .now", is(tc.title))(p.root); wrong != "" {
			t.Errorf("%s: %s", tc.from, wrong)
		}
		list := v.get(attr(find(p.root, "nav .switch")[0], "href"))
		list.expect(t, http.StatusOK, in("h1", is("Switch project")))
		for _, a := range find(list.root, "main a[data-hit]") {
			if b := find(a, "b"); len(b) == 1 && text(b[0]) == "Bank" && attr(a, "href") != tc.to {
				t.Errorf("from %s the bank is at %s, want %s", tc.from, attr(a, "href"), tc.to)
			}
		}
	}
	list := v.get("/switch?from=shop&to=databases")
	list.expect(t, http.StatusOK, times(1, "main [aria-current=true]"), in("main [aria-current=true]", says("Shop", "Here")), in("main", says("To Databases of another project.")))
	list.submit("Filter", url.Values{"q": {"BAN"}}).expect(t, http.StatusOK, in("main .hits", says("Bank"), lacks("Shop")),
		in("main .hits a", value("href", "/projects/bank/databases")), in("main .last a", value("href", "/projects?q=BAN")))
	v.get("/switch?q=%3Cnone%3E").expect(t, http.StatusOK, says("No project that you may see has “<none>” in its name or id."))
	v.get("/switch?to=//example.com").expect(t, http.StatusBadRequest, says("Projects have no section"))
	v.get("/switch?q="+strings.Repeat("s", 101)).expect(t, http.StatusBadRequest)
}

// TestSwitchShowsWhatIsSeen has somebody who is a viewer of one project and may
// only see that there is another.
func TestSwitchShowsWhatIsSeen(t *testing.T) {
	w := newWorld(t)
	for _, id := range []string{"shop", "bank", "secret"} {
		w.project(id)
	}
	if _, err := w.access.CreateRole(t.Context(), w.admin, slipway.Role{ID: "looker", Title: "Looker", Permissions: []string{string(iam.ProjectsGet)}}); err != nil {
		t.Fatal(err)
	}
	vera := w.person(viewerEmail)
	w.grant("projects/shop", iam.ProjectViewer, vera.Member())
	w.grant("projects/bank", "roles/looker", vera.Member())
	p := w.visitor(vera.Email).get("/switch?to=databases")
	got := ""
	for _, a := range find(p.root, "main a[data-hit]") {
		got += attr(a, "href") + " "
	}
	if want := "/projects/bank /projects/shop/databases /projects "; got != want {
		t.Errorf("leads to %s, want %s", got, want)
	}
	w.visitor(w.person("bob@example.com").Email).get("/switch").expect(t, http.StatusOK, says("You see a project once somebody grants you a role in it."))
}

func TestSwitchIsBounded(t *testing.T) {
	w := newWorld(t)
	for i := range 24 {
		w.project(fmt.Sprintf("app-%02d", i))
	}
	v := w.visitor(adminEmail)
	v.get("/switch").expect(t, http.StatusOK, in("main .hits", times(20, "a")), in("main .last", says("There are more")))
	v.get("/switch?q=app-2").expect(t, http.StatusOK, in("main .hits", times(4, "a")), in("main .last", is("All projects")))
}

// TestSwitchFromTheKeyboard opens the projects, filters them, goes to one by
// arrows and to another by Enter alone, and gets the focus back from Escape.
func TestSwitchFromTheKeyboard(t *testing.T) {
	w := newWorld(t)
	for _, id := range []string{"shop", "shipping", "bank"} {
		w.project(id)
	}
	b := w.tab(t, adminEmail)
	b.open("/projects/shop/databases")
	opened := `document.querySelector("#switch").open && document.activeElement.name === "q"`
	open := func() {
		t.Helper()
		script[bool](b, `document.querySelector("nav .switch").focus() ?? true`)
		b.do(chromedp.KeyEvent(kb.Enter))
		b.until(opened, "no dialog with the focus")
	}
	open()
	b.see("Bank", "Shipping", "Here")
	b.look("switch-dialog")
	b.do(chromedp.KeyEvent(kb.Escape))
	b.until(`!document.querySelector("#switch").open && document.activeElement.matches(".switch")`, "Escape does not give the focus back")

	open()
	b.do(chromedp.KeyEvent("sh"))
	b.until(`document.querySelectorAll("#switch [data-hit]").length === 3`, "not two projects and the link to all")
	b.do(chromedp.KeyEvent(kb.ArrowDown), chromedp.KeyEvent(kb.Enter))
	b.at("/projects/shipping/databases")

	// Enter before the list has answered goes by what was typed, to a page.
	open()
	b.see("Bank")
	b.do(chromedp.KeyEvent("ban"), chromedp.KeyEvent(kb.Enter))
	b.until(`location.pathname !== "/projects/shipping/databases" && document.readyState === "complete"`, "Enter leads nowhere")
	if at := script[string](b, "location.pathname"); at == "/switch" {
		b.see("Bank")
		b.do(chromedp.Click(chromedp.CSS("main a[data-hit]"), chromedp.NodeVisible))
	}
	b.at("/projects/bank/databases")
}
