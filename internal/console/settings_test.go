package console_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"slipway"
	"slipway/internal/iam"
	"slipway/internal/idtokentest"
)

// order returns the ids of the environments, in order.
func (w *world) order() string {
	w.t.Helper()
	list, err := w.things.Environments(w.t.Context(), w.admin)
	if err != nil {
		w.t.Fatal(err)
	}
	var ids []string
	for _, e := range list {
		ids = append(ids, e.ID)
	}
	return strings.Join(ids, " ")
}

func TestEnvironmentSettings(t *testing.T) {
	w := newWorld(t)
	w.project("shop")
	w.database("prod", "shop", "shop")
	v := w.visitor(adminEmail)
	p := v.get("/settings").follow("Add Environment")
	p.submit("Confirm", url.Values{"id": {"Not an id"}, "title": {""}, "colored": {"yes"}, "color": {"red"}}).expect(t, http.StatusBadRequest,
		in("#f-id-error", says("lower-case letters")), in("#f-title-error", says("1 to 200")), in("#f-color-error", says("#1757b8")))
	p.submit("Confirm", url.Values{"id": {"prod"}, "title": {"Again"}}).expect(t, http.StatusConflict, in("#f-id-error", says("there already")))
	p = p.submit("Confirm", url.Values{"id": {"staging"}, "title": {"Staging"}, "colored": {"yes"}, "color": {"#1757b8"}})
	p.expect(t, http.StatusOK, in(".toast", says("Staging was added as the last stage")), times(3, "tbody tr"), in(".swatch circle", value("fill", "#1757b8")))

	move := func(button string) {
		t.Helper()
		direction, id, _ := strings.Cut(button, ":")
		v.post("/settings/environments/order", url.Values{"move": {direction + ":" + id}}).expect(t, http.StatusOK, in(".toast", says("order was changed")))
	}
	move("up:staging")
	if got := w.order(); got != "test staging prod" {
		t.Errorf("after a step up: %s", got)
	}
	move("up:test") // is first already
	move("down:test")
	if got := w.order(); got != "staging test prod" {
		t.Errorf("after a step down: %s", got)
	}
	v.post("/settings/environments/order", url.Values{"order": {"prod,test,staging"}}).expect(t, http.StatusOK)
	if got := w.order(); got != "prod test staging" {
		t.Errorf("after a new order: %s", got)
	}
	for _, wrong := range []string{"prod,test", "prod,test,test", "prod,test,staging,new", "prod,test,nope", ""} {
		v.post("/settings/environments/order", url.Values{"order": {wrong}}).expect(t, http.StatusBadRequest)
	}
	v.post("/settings/environments/order", url.Values{"move": {"up:nope"}}).expect(t, http.StatusBadRequest)

	p = v.get("/settings/environments/staging/edit")
	p.expect(t, http.StatusOK, in("#f-color", value("value", "#1757b8")), in("[name=colored]", value("checked", "")))
	p.submit("Confirm", url.Values{"title": {"Stage"}, "colored": nil}).expect(t, http.StatusOK, in("tbody", says("Stage")), times(0, ".swatch"))
	v.get("/settings/environments/prod/delete").submit("Delete", nil).
		expect(t, http.StatusConflict, in(".says.bad", says(`Environment "prod" is in use: instances/prod is in it`)))
	v.get("/settings/environments/test/delete").submit("Delete", nil).expect(t, http.StatusOK, in(".toast", says("Test was deleted")), times(2, "tbody tr"))
	v.get("/settings/environments/test/edit").expect(t, http.StatusNotFound)

	// Everybody sees the environments; who may not change them is offered nothing.
	vera := w.person(viewerEmail)
	w.visitor(vera.Email).get("/settings").expect(t, http.StatusOK, in("tbody", says("Prod")), lacks("Add Environment", "Edit", "Issuers"), times(0, "tbody button"))
}

// TestEnvironmentsAreDragged drags a row in a browser.
func TestEnvironmentsAreDragged(t *testing.T) {
	w := newWorld(t)
	b := w.tab(t, adminEmail)
	b.open("/settings")
	b.see("Test", "Prod")
	b.click("Move Prod up")
	b.see("The order was changed")
	if got := w.order(); got != "prod test" {
		t.Errorf("after the button: %s", got)
	}
	b.open("/settings")
	b.see("Prod")
	script[bool](b, `(() => {
		const [first, second] = document.querySelectorAll("[data-sorts] [data-id]");
		const fire = (on, type, y) => on.dispatchEvent(new DragEvent(type, {bubbles: true, cancelable: true, clientY: y, dataTransfer: new DataTransfer()}));
		const below = second.getBoundingClientRect().bottom - 1;
		fire(first, "dragstart", 0); fire(second, "dragover", below); fire(second, "drop", below); fire(first, "dragend", below);
		return true;
	})()`)
	b.see("The order was changed")
	if got := w.order(); got != "test prod" {
		t.Errorf("after dragging: %s", got)
	}
	b.do(chromedp.EmulateViewport(390, 900))
	b.see("Test")
}

func TestIssuerSettings(t *testing.T) {
	w := newWorld(t)
	v := w.visitor(adminEmail)
	v.get("/settings").follow("Issuers").expect(t, http.StatusOK, says("No issuer yet"))
	deploy := w.identity("deploy", "Deploy", w.trust())
	old := w.identity("old", "Old", w.trust())
	if err := w.access.DeleteWorkloadIdentity(t.Context(), w.admin, old); err != nil {
		t.Fatal(err)
	}
	name := strings.TrimPrefix(w.gitlab.URL(), "https://")
	p := v.get("/settings/issuers")
	p.expect(t, http.StatusOK, in("h2", is(name)), in(".card", says("Not asked yet", "1 workload identity", "and 1 deactivated", "never", "none")))
	p = p.submit("Ask now", nil)
	p.expect(t, http.StatusOK, in(".toast", says(name+" answers.")), in(".card", says("Answers", "2 keys (RSA)", "k1", "Last token never")))
	w.exchange(deploy, idtokentest.Job{})
	v.get("/settings/issuers").expect(t, http.StatusOK, in(".card", says("Last token just now")))
	v.post("/settings/issuers/ask", url.Values{"issuer": {"https://elsewhere.example.com"}}).expect(t, http.StatusNotFound, says("No workload identity trusts"))

	dba := w.person("dba@example.com")
	w.grant(slipway.WorkspaceName, iam.WorkspaceDBA, dba.Member())
	w.visitor(dba.Email).get("/settings/issuers").expect(t, http.StatusOK, says("Answers"), lacks("Ask now"))
}

// TestIssuerInTrouble shows what is wrong with an issuer.
func TestIssuerInTrouble(t *testing.T) {
	w := newWorld(t)
	w.identity("deploy", "Deploy", w.trust())
	w.gitlab.AnswerDiscovery(idtokentest.Down)
	p := w.visitor(adminEmail).get("/settings/issuers").submit("Ask now", nil)
	p.expect(t, http.StatusOK, in("main .says.bad", says("does not answer as it should", "status 503")), in(".card", says("Does not answer", "none")))
}
