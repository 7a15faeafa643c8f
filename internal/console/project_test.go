package console_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"slipway"
	"slipway/internal/iam"
)

// followIn clicks the link with that text inside of what a selector finds: the
// navigation has some of the same words.
func (p page) followIn(selector, link string) page {
	p.v.w.t.Helper()
	for _, a := range find(p.root, selector+" a") {
		if text(a) == link {
			return p.v.get(attr(a, "href"))
		}
	}
	p.v.w.t.Fatalf("%s has no link %q in %s:\n%s", p.url.Path, link, selector, text(p.root))
	return page{}
}

func TestAProjectIsAdded(t *testing.T) {
	w := newWorld(t)
	v := w.visitor(adminEmail)
	form := v.get("/projects").follow("Add Project")
	p := form.submit("Confirm", url.Values{"title": {"My project"}, "id": {"My Project"}})
	p.expect(t, http.StatusBadRequest, in("#f-id-error", says("lower-case")), in("#f-title", value("value", "My project")), in("#f-id", value("value", "My Project")))
	p = p.submit("Confirm", url.Values{"id": {"my-project"}})
	p.expect(t, http.StatusOK, in("h1", is("My project")), in(".toast", says("My project is there")), in("ol.steps", says("Databases", "Access", "Pipeline")))
	form.submit("Confirm", url.Values{"title": {"Again"}, "id": {"my-project"}}).
		expect(t, http.StatusConflict, in("#f-id-error", says("The id my-project is taken")))
	v.get("/projects?q=nothing").expect(t, http.StatusOK, in(".empty", says("No project fits")))
}

// People see the projects that they belong to, and nothing of the others.
func TestProjectsOfOthersStayHidden(t *testing.T) {
	w := newWorld(t)
	w.project("shop")
	w.project("secret")
	w.grant("projects/shop", iam.ProjectViewer, w.person(viewerEmail).Member())
	v := w.visitor(viewerEmail)
	v.get("/projects").expect(t, http.StatusOK, in("tbody", says("Shop"), lacks("Secret")), in("main", lacks("Add Project")))
	v.get("/projects/secret").expect(t, http.StatusForbidden, in(".empty", says("bb.projects.get")))
	v.get("/projects/nowhere").expect(t, http.StatusForbidden, in(".empty", says("bb.projects.get")))
	v.get("/projects/shop").expect(t, http.StatusOK, in("main", lacks("Take Over", "Grant Access")))
	v.get("/projects/shop/settings").expect(t, http.StatusOK, in("dl.facts", says("Shop")), in("main", lacks("Save", "Delete")))
}

func TestDatabasesAreTakenOver(t *testing.T) {
	w := newWorld(t)
	w.project("shop")
	w.database("prod", "a", slipway.DefaultProject)
	w.more("prod", slipway.DefaultProject, "b", "c%2Fd ü")
	v := w.visitor(adminEmail)
	form := v.get("/projects/shop/databases").follow("Take Over Databases")
	form.expect(t, http.StatusOK, times(3, ".ticks input"), in(".ticks", says("a", "b", "c%2Fd ü")))
	// A search keeps what is chosen already.
	v.get("/projects/shop/databases/take-over?find=c%25&db=instances/prod/databases/a").
		expect(t, http.StatusOK, times(2, ".ticks input"), times(1, ".ticks [checked]"))
	form.submit("Confirm", nil).expect(t, http.StatusBadRequest, in("#f-db-error", says("at least one")))
	p := form.submit("Confirm", url.Values{"db": {"instances/prod/databases/a", "instances/prod/databases/c%252Fd%20%C3%BC"}})
	p.expect(t, http.StatusOK, in(".toast", says("2 databases taken over.")), times(2, "tbody tr"), in("tbody", says("c%2Fd ü")))

	// A name with everything that URLs mind leads to its page.
	db := p.follow("c%2Fd ü")
	db.expect(t, http.StatusOK, in("h1", says("c%2Fd ü")), in(".facts", says("Prod", "its instance's")))
	edit := db.follow("Edit")
	edit.submit("Confirm", url.Values{"labels": {strings.Repeat("k", 70) + "=v"}}).
		expect(t, http.StatusBadRequest, in(".says.bad", says("Label")), in("textarea", says("kkk")))
	p = edit.submit("Confirm", url.Values{"environment": {"test"}, "labels": {"tier = gold\r\n\r\nold"}})
	p.expect(t, http.StatusOK, in(".facts", says("Test", "its own", "tier=gold", "old")))
	p.follow("Schema").expect(t, http.StatusOK, in(".empty", says("The database is empty")))
	p = p.follow("Edit").submit("Confirm", url.Values{"project": {"default"}})
	if p.url.Path != "/projects/default/databases/prod/c%2Fd ü" {
		t.Errorf("a database that has moved is at %s", p.url.Path)
	}
	v.get("/projects/shop/databases/prod/c%252Fd%20%C3%BC").expect(t, http.StatusNotFound)

	// Taking one over twice says so.
	form.submit("Confirm", url.Values{"db": {"instances/prod/databases/a"}}).expect(t, http.StatusNotFound)
}

// Step 2 of the guide, label by label, without a script.
func TestAccessIsGranted(t *testing.T) {
	w := newWorld(t)
	w.project("shop")
	email := w.identity("gitlab-deploy", "GitLab Deploy", w.trust())
	v := w.visitor(adminEmail)
	p := v.get("/projects/shop").followIn(".tabs", "Settings").followIn(".seg", "Members").follow("Grant Access")
	p.expect(t, http.StatusOK, in(".sheet", says("Email", "GitOps Service Agent"), lacks("Workspace Admin")))
	p = p.submit("Confirm", url.Values{"member": {email}, "roles": {iam.GitOpsServiceAgent}})
	p.expect(t, http.StatusOK, in("tbody", says("GitLab Deploy", email, "GitOps Service Agent")))
	if p.url.Path != "/projects/shop/members" {
		t.Errorf("granting led to %s", p.url)
	}
	v.get("/projects/shop/gitops").expect(t, http.StatusOK, in("main", says("no database yet")))
	w.database("prod", "a", "shop")
	for _, flavour := range []string{"client", "curl"} {
		v.get("/projects/shop/gitops?flavour="+flavour).expect(t, http.StatusOK,
			in("#yaml", says(w.url, email, "instances/prod/databases/a", "aud: "+w.gitlab.URL())))
	}
	var revoke string
	for _, a := range find(p.root, "a.quiet") {
		if strings.Contains(attr(a, "href"), url.QueryEscape(email)) {
			revoke = attr(a, "href")
		}
	}
	p = v.get(revoke).submit("Revoke", nil)
	p.expect(t, http.StatusOK, in("tbody", lacks(email)))
}

func TestAProjectIsDeletedAndRestored(t *testing.T) {
	w := newWorld(t)
	w.project("shop")
	v := w.visitor(adminEmail)
	settings := v.get("/projects/shop/settings")
	settings.submit("Save", url.Values{"title": {"The shop"}, "parallel": {"many"}}).
		expect(t, http.StatusBadRequest, in("#f-parallel-error", says("whole number")), in("#f-title", value("value", "The shop")))
	settings.submit("Save", url.Values{"failures": {"-1"}}).expect(t, http.StatusBadRequest, in("#f-failures-error", says("whole number")))
	settings.submit("Save", url.Values{"title": {"The shop"}, "parallel": {"3"}, "failures": {"2"}, "order": {"WARN"}}).
		expect(t, http.StatusOK, in("h1", is("The shop")), in("#f-parallel", value("value", "3")), in("#f-failures", value("value", "2")), in("#f-order option[selected]", value("value", "WARN")))
	p := settings.follow("Delete…").submit("Delete", nil)
	p.expect(t, http.StatusOK, in("h1", says("Deleted")), in(".says.warn", says("This project is deleted.")))
	v.get("/projects").expect(t, http.StatusOK, in("tbody", lacks("The shop")))
	p = v.get("/projects/shop/settings").submit("Restore", nil)
	p.expect(t, http.StatusOK, in("h1", is("The shop")))
	v.get("/projects/default/settings").expect(t, http.StatusOK, in("main", says("The default project stays"), lacks("Delete…")))
}
