package console_test

import (
	"net/http"
	"testing"
)

func TestSignInInABrowser(t *testing.T) {
	w := newWorld(t)
	b := w.tab(t, "")
	b.open("/")
	b.at("/signin")
	b.look("signin")
	b.fill("Email", adminEmail)
	b.fill("Password", "wrong")
	b.click("Sign in")
	b.see("invalid email or password")
	b.fill("Password", password)
	b.click("Sign in")
	b.at("/")
	b.see("Ada Admin")
	b.look("home")
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
