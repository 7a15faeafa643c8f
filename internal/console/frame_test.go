package console_test

import (
	"net/http"
	"net/url"
	"testing"
)

func TestSignInInABrowser(t *testing.T) {
	w := newWorld(t)
	b := w.tab(t, "")
	b.open("/")
	b.at("/signin")
	b.fill("Email", adminEmail)
	b.fill("Password", "wrong")
	b.click("Sign in")
	b.see("Invalid email or password.")
	b.fill("Password", password)
	b.click("Sign in")
	b.at("/")
	b.see("Ada Admin")
	b.click("Sign out")
	b.at("/signin")
}

func TestStrangersSignInFirst(t *testing.T) {
	w := newWorld(t)
	p := w.visitor("").get("/nowhere?x=1")
	p.expect(t, http.StatusOK, in("h1", is("Sign in")), in("input[name=next]", value("value", "/nowhere?x=1")))
}

func TestUnknownPage(t *testing.T) {
	w := newWorld(t)
	w.visitor(adminEmail).get("/nowhere").expect(t, http.StatusNotFound, in("h1", is("Nothing here")), in("nav.side"))
}

// TestFirstStart makes the first administrator by the link that the server
// prints, which then leads nowhere any more.
func TestFirstStart(t *testing.T) {
	w, token := newEmptyWorld(t)
	v := w.visitor("")
	p := v.get("/setup?token=" + token)
	p.expect(t, http.StatusOK, in("h1", is("Welcome")))
	p = p.submit("Make the account", url.Values{"title": {"Ada Admin"}, "email": {adminEmail}, "password": {password}})
	p.expect(t, http.StatusOK, in("h1", is("Home")), in(".who", says("Ada Admin")))
	w.visitor("").get("/setup?token="+token).expect(t, http.StatusOK, in("h1", is("Sign in")))
}
