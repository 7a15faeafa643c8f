package console_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/security"

	"slipway"
	"slipway/internal/access"
	"slipway/internal/iam"
	"slipway/internal/openidtest"
)

// newOffice returns a world with an identity provider beside it, which knows the
// console as a client.
func newOffice(t testing.TB) (*world, *openidtest.Provider) {
	t.Helper()
	idp := openidtest.New(t, "https://unknown.example.com")
	w := newWorld(t, idp.URL())
	idp.Allow(w.url + "/signin/callback")
	return w, idp
}

// browser returns a visitor who trusts the provider's certificate too.
func (w *world) browser(idp *openidtest.Provider) *visitor {
	v := w.visitor("")
	v.client.Transport = idp.Client().Transport
	return v
}

// providerValues fill in the form of the identity provider.
func providerValues(idp *openidtest.Provider) url.Values {
	return url.Values{
		"title": {"Example Corp"}, "issuer": {idp.URL()}, "client_id": {openidtest.ClientID}, "client_secret": {openidtest.ClientSecret},
		"domains": {"example.com"}, "create": {"yes"}, "groups_claim": {"groups"}, "groups": {"DB Admins = " + teamEmail + "\n"},
	}
}

// TestSignInWithTheCompany sets a real provider up by the form and signs
// somebody in with it, who gets an account, a group, and what that may.
func TestSignInWithTheCompany(t *testing.T) {
	w, idp := newOffice(t)
	w.team(w.admin)
	w.grant(slipway.WorkspaceName, iam.WorkspaceDBA, "group:"+teamEmail)
	admin := w.visitor(adminEmail)
	w.visitor("").get("/signin").expect(t, http.StatusOK, lacks("Sign in with"))
	p := admin.get("/settings/issuers").follow("Sign-in")
	p.expect(t, http.StatusOK, says("People sign in with passwords", "7 days, or 24 hours unused"))
	p = p.follow("Add an identity provider")
	p.expect(t, http.StatusOK, in("#callback", is(w.url+"/signin/callback")))
	p = p.submit("Confirm", providerValues(idp))
	p.expect(t, http.StatusOK, in(".toast", is("Saved.")), in("main", says("Example Corp", "On", "Kept, encrypted", "makes an account", "DB Admins", teamEmail)))
	if strings.Contains(p.body, "s3cr3t") {
		t.Error("the page tells the client secret")
	}

	idp.Next(openidtest.Person{Email: "ann@example.com", Verified: true, First: "Ann", Last: "Arbor", Groups: []string{"DB Admins"}})
	ann := w.browser(idp)
	p = ann.get("/instances?x=1") // where she was going
	p.expect(t, http.StatusOK, in("h1", is("Sign in")))
	p = p.follow("Sign in with Example Corp")
	p.expect(t, http.StatusOK, in("h1", is("Instances")), in(".who", says("Ann Arbor", "ann@example.com")))
	if p.url.RequestURI() != "/instances?x=1" {
		t.Errorf("signed in, ann is at %s", p.url)
	}
	p = ann.get("/account")
	p.expect(t, http.StatusOK, says("Ann Arbor"))

	// Signing out goes on to the provider, and comes back.
	p = p.submit("Sign out", nil)
	p.expect(t, http.StatusOK, in("h1", is("Signed out")))
	there, _ := strings.CutPrefix(p.header.Get("Refresh"), "0; url=")
	if !strings.HasPrefix(there, idp.URL()+"/end_session?") {
		t.Errorf("signing out leads to %q", there)
	}
	ann.get("/account").expect(t, http.StatusOK, in("h1", is("Sign in")))
	back := p.follow("Sign out of Example Corp")
	back.expect(t, http.StatusOK, in("h1", is("Sign in")))
	if back.url.String() != w.url+"/signin" {
		t.Errorf("signed out of both, ann is at %s", back.url)
	}
	ann.get("/signin").follow("Sign in with Example Corp").expect(t, http.StatusOK, in("h1", is("Home")))
	admin.get(teamURL).expect(t, http.StatusOK, in("table", says("Ann Arbor")))
	admin.get("/audit?who=ann@example.com").expect(t, http.StatusOK, in("table", says("Sign in", "Done")))

	// Another subject with her address is not her until her link is reset.
	idp.Next(openidtest.Person{Email: "ann@example.com", Verified: true, Subject: "another-ann"})
	w.browser(idp).get("/signin").follow("Sign in with Example Corp").expect(t, http.StatusUnauthorized)
	p = admin.get("/users/ann@example.com")
	p.expect(t, http.StatusOK, in(".facts", says("Linked to", "id-of-ann@example.com", idp.URL())))
	p = p.follow("Reset")
	p.expect(t, http.StatusOK, says("Whoever signs in next with ann@example.com"))
	p.submit("Reset", nil).expect(t, http.StatusOK, in(".toast", says("is reset")), in(".facts", lacks("Linked to")))
	ann.get("/account").expect(t, http.StatusOK, in("h1", is("Sign in")))
	idp.Next(openidtest.Person{Email: "ann@example.com", Verified: true, Groups: []string{"DB Admins"}})
	ann.get("/signin").follow("Sign in with Example Corp").expect(t, http.StatusOK, in("h1", is("Home")))

	// Without the group the same person sees no instances any more.
	idp.Next(openidtest.Person{Email: "ann@example.com", Verified: true})
	ann = w.browser(idp)
	ann.get("/signin").follow("Sign in with Example Corp").expect(t, http.StatusOK, in("h1", is("Home")))
	ann.get("/instances").expect(t, http.StatusForbidden, says("bb.instances.list"))
}

func TestSignInWithTheCompanyIsRefused(t *testing.T) {
	w, idp := newOffice(t)
	w.team(w.admin)
	w.visitor(adminEmail).get("/settings/sign-in/provider").submit("Confirm", providerValues(idp)).expect(t, http.StatusOK)
	idp.Next(openidtest.Person{Email: "eve@evil.example.net", Verified: true})
	eve := w.browser(idp)
	eve.get("/signin").follow("Sign in with Example Corp").expect(t, http.StatusUnauthorized,
		in(".says.bad", says("The sign-in with Example Corp did not succeed; an administrator finds the reason in the audit log.")), in("h1", is("Sign in")))
	w.visitor(adminEmail).get("/audit?outcome=failed").follow("Sign in").expect(t, http.StatusOK, in(".says.bad", says("addresses of evil.example.net do not sign in here")))

	// What comes back to a browser that did not begin it signs nobody in: an
	// attacker could sign a victim in as the attacker.
	idp.Next(openidtest.Person{Email: "ann@example.com", Verified: true})
	attacker := w.browser(idp)
	attacker.client.CheckRedirect = func(req *http.Request, _ []*http.Request) error {
		if req.URL.Path == "/signin/callback" {
			return http.ErrUseLastResponse
		}
		return nil
	}
	stopped := attacker.get("/signin/provider")
	victim := w.browser(idp)
	victim.get(stopped.header.Get("Location")[len(w.url):]).expect(t, http.StatusUnauthorized, in("h1", is("Sign in")))
	victim.get("/").expect(t, http.StatusOK, in("h1", is("Sign in")))

	// The flow's cookie is good for one try, which the victim's did not use up.
	attacker.client.CheckRedirect = nil
	attacker.get("/signin/callback?state=guess&code=guess").expect(t, http.StatusUnauthorized)
	attacker.get(stopped.header.Get("Location")[len(w.url):]).expect(t, http.StatusUnauthorized)
	for _, next := range []string{"//evil.example.com", "https://evil.example.com/"} {
		ok := w.browser(idp)
		if p := ok.get("/signin/provider?next=" + url.QueryEscape(next)); p.status != http.StatusOK || !strings.HasPrefix(p.url.String(), w.url+"/") || p.url.Path != "/" {
			t.Errorf("next=%s leads to %s", next, p.url)
		}
	}
}

func TestProviderForm(t *testing.T) {
	w, idp := newOffice(t)
	w.team(w.admin)
	v := w.visitor(adminEmail)
	p := v.get("/settings/sign-in/provider")
	p.submit("Confirm", nil).expect(t, http.StatusBadRequest, in("#f-title-error", says("needed")), in("#f-issuer-error", says("needed")), in("#f-client_id-error", says("needed")))
	change := func(field string, values ...string) url.Values {
		all := providerValues(idp)
		all[field] = values
		return all
	}
	p.submit("Confirm", change("groups", "DB Admins")).expect(t, http.StatusBadRequest, in("#f-groups-error", says("= and the address")), in("#f-groups", says("DB Admins")))
	p.submit("Confirm", change("domains")).expect(t, http.StatusBadRequest, in(".says.bad", says("name those whose people")))
	p.submit("Confirm", change("issuer", idp.URL()+"/none")).expect(t, http.StatusConflict, in(".says.bad", says("cannot be reached")), in("#f-client_secret", lacks("s3cr3t")))
	p.submit("Confirm", change("groups", "a=b = nobody@example.com")).expect(t, http.StatusBadRequest, in(".says.bad", says("a=b", "there is no such group")))
	p.submit("Confirm", providerValues(idp)).expect(t, http.StatusOK)
	p = v.get("/settings/sign-in/provider")
	p.expect(t, http.StatusOK, in("#f-groups", says("DB Admins = "+teamEmail)), in("[name=create]", value("checked", "")), in("#f-client_secret-hint", says("stays as it is")))
	p.submit("Confirm", url.Values{"enabled": nil, "client_secret": {""}}).expect(t, http.StatusOK, in("main", says("Off", "Kept, encrypted")))
	w.visitor("").get("/signin").expect(t, http.StatusOK, lacks("Sign in with"))
	w.visitor("").get("/signin/provider").expect(t, http.StatusNotFound, in(".says.bad", says("no identity provider")))

	// Who sets settings alone is told why that is not enough.
	dora := w.person("dora@example.com")
	if _, err := w.access.CreateRole(t.Context(), w.admin, slipway.Role{ID: "setter", Title: "Setter", Permissions: []string{"bb.settings.get", "bb.settings.set"}}); err != nil {
		t.Fatal(err)
	}
	w.grant(slipway.WorkspaceName, "roles/setter", dora.Member())
	w.visitor(dora.Email).get("/settings/sign-in/provider").submit("Confirm", providerValues(idp)).expect(t, http.StatusForbidden, says("cannot set the identity provider"))
}

// withProvider has people sign in with a provider, and a group that it tells.
func withProvider(w *world, idp *openidtest.Provider) {
	w.t.Helper()
	w.team(w.admin)
	err := w.access.SetProvider(w.t.Context(), w.admin, access.Provider{
		Title: "Example Corp", Issuer: idp.URL(), ClientID: openidtest.ClientID, ClientSecret: openidtest.ClientSecret, Enabled: true,
		GroupsClaim: "groups", Groups: map[string]string{"DB Admins": teamEmail},
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

// TestSignOutInABrowser signs out at the provider too, with the navigation that
// the Content-Security-Policy leaves to the page.
func TestSignOutInABrowser(t *testing.T) {
	w, idp := newOffice(t)
	w.team(w.admin)
	w.visitor(adminEmail).get("/settings/sign-in/provider").submit("Confirm", providerValues(idp)).expect(t, http.StatusOK)
	idp.Next(openidtest.Person{Email: "ann@example.com", Verified: true, First: "Ann", Last: "Arbor"})
	b := w.tab(t, "")
	b.do(command(security.SetIgnoreCertificateErrors, security.SetIgnoreCertificateErrorsParams{Ignore: true}))
	b.open("/signin")
	b.click("Sign in with Example Corp")
	b.see("Ann Arbor")
	b.open("/account")
	b.click("Sign out")
	b.until(`location.pathname === "/signin"`, "the provider sent the browser back")
	if at := idp.SignOuts(); at != 1 {
		t.Errorf("%d sign-outs at the provider", at)
	}
}
