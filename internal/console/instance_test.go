package console_test

import (
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"slipway"
	"slipway/internal/dbtest"
	"slipway/internal/iam"
)

func TestAnInstanceIsTriedAndAdded(t *testing.T) {
	w := newWorld(t)
	folder := filepath.Join(w.root, "files")
	if err := os.MkdirAll(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "shop.db"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	v := w.visitor(adminEmail)
	form := v.get("/instances").follow("Add Instance")
	filled := url.Values{"engine": {"SQLITE"}, "title": {"Files"}, "id": {"files"}, "environment": {"prod"}, "folder": {folder + "/none"}, "labels": {"tier=gold"}}
	p := form.submit("Test connection", filled)
	p.expect(t, http.StatusOK, in("#tried .says.bad", says("No connection.", "there is no folder")),
		in("#f-folder", value("value", folder+"/none")), in("#f-title", value("value", "Files")))
	p = p.submit("Test connection", url.Values{"folder": {folder}})
	p.expect(t, http.StatusOK, in("#tried", says("Connected.", "1 database")))
	v.get("/instances/files").expect(t, http.StatusNotFound) // a test keeps nothing

	form.submit("Confirm", url.Values{"engine": {"SQLITE"}}).expect(t, http.StatusBadRequest,
		in("#f-folder-error", says("folder")), in("#f-id-error", says("Instance id")), in("#f-title-error", says("title")))
	filled.Set("folder", "/etc")
	form.submit("Confirm", filled).expect(t, http.StatusBadRequest, in(".says.bad", says("not one that this server may open")))
	p = p.submit("Confirm", nil)
	p.expect(t, http.StatusOK, in("h1", says("Files", "Active")), in("tbody", says("shop", "None yet", "Prod")), in(".facts", says("tier=gold", folder)))

	if err := os.WriteFile(filepath.Join(folder, "till.db"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	p = p.submit("Sync", nil)
	p.expect(t, http.StatusOK, in(".toast", says("2 databases found.")), times(2, "tbody tr"))
	p = p.follow("Edit").submit("Confirm", url.Values{"title": {"Archive"}})
	p.expect(t, http.StatusOK, in("h1", says("Archive")))
	if err := os.RemoveAll(folder); err != nil {
		t.Fatal(err)
	}
	p.submit("Sync", nil).expect(t, http.StatusOK, in(".says.bad", says("there is no folder")))
	p = p.follow("Delete").submit("Delete", nil)
	p.expect(t, http.StatusOK, in("h1", says("Deleted")), in(".says.warn", says("Nothing is rolled out")))
	p.submit("Restore", nil).expect(t, http.StatusOK, in("h1", says("No answer"), lacks("Deleted")))
}

// What a server under management says of a refusal is shown, no password is.
func TestPasswordsAreNeverShown(t *testing.T) {
	w := newWorld(t)
	v := w.visitor(adminEmail)
	const secret = "a-password-that-nobody-shall-see"
	p := v.get("/instances/new").submit("Test connection", url.Values{
		"engine": {"POSTGRES"}, "title": {"PG"}, "id": {"pg"}, "host": {"127.0.0.1"}, "port": {"1"}, "username": {"me"}, "password": {secret},
	})
	p.expect(t, http.StatusOK, in("#tried .says.bad", says("No connection.")), in("#f-host", value("value", "127.0.0.1")))
	if strings.Contains(p.body, secret) {
		t.Error("the password stands in the page")
	}
}

// Instances are not a project viewer's business, but its databases are.
func TestViewersSeeNoInstances(t *testing.T) {
	w := newWorld(t)
	w.project("shop")
	w.database("prod", "a", "shop")
	w.grant("projects/shop", iam.ProjectViewer, w.person(viewerEmail).Member())
	v := w.visitor(viewerEmail)
	v.get("/").expect(t, http.StatusOK, in("nav.side", lacks("Instances")))
	v.get("/instances").expect(t, http.StatusForbidden, in(".empty", says("bb.instances.list")))
	p := v.get("/projects/shop/databases/prod/a")
	p.expect(t, http.StatusOK, in(".facts", says("SQLite prod")), in(".title", lacks("Edit", "Sync")), times(0, ".facts a"))
}

// A PostgreSQL server is added, its database changed and looked at.
func TestAPostgresInstanceFromTheFormToTheSchema(t *testing.T) {
	pg := dbtest.Postgres(t)
	w := newWorld(t)
	w.project("shop")
	v := w.visitor(adminEmail)
	fields := url.Values{
		"engine": {"POSTGRES"}, "title": {"PG"}, "id": {"pg"}, "environment": {"test"}, "tls": {"none"},
		"host": {pg.Source.Host}, "port": {"1"}, "username": {pg.Source.Username}, "password": {pg.Source.Password.Reveal()},
	}
	form := v.get("/instances/new")
	form.submit("Test connection", fields).expect(t, http.StatusOK, in("#tried .says.bad", says("No connection.", pg.Source.Host+":1")))
	fields.Set("port", pg.Source.Port)
	form.submit("Test connection", fields).expect(t, http.StatusOK, in("#tried", says("Connected.")))
	form.submit("Confirm", fields).expect(t, http.StatusOK, in("h1", says("PG")), in(".facts", says("PostgreSQL", "Off")), in("tbody", says(pg.Name)))
	ref := slipway.DatabaseRef{Instance: "pg", Database: pg.Name}
	w.take("shop", ref)
	ro := w.rollout("shop", map[string]string{"1_a.sql": "CREATE TABLE customer (\n  id bigint PRIMARY KEY,\n  email text NOT NULL\n);\nCREATE INDEX customer_email ON customer (email);\n", "2_b.sql": "ALTER TABLE custmer ADD COLUMN x int;\n"}, ref)
	w.run(ro, "test")
	p := v.get("/projects/shop/rollouts/1")
	p.expect(t, http.StatusOK, in("#task .says", says("42P01: relation \"custmer\" does not exist", "2_b.sql, line 1")), in("pre.sql mark", is("custmer")),
		in("pre.sql .caret", is("^^^^^^^")))
	v.get("/projects/shop/databases/pg/"+pg.Name+"/schema").expect(t, http.StatusOK,
		in(".card", says("customer", "id", "bigint NOT NULL", "email", "text NOT NULL", "PRIMARY KEY (id)", "customer_email")))
	// The stored password is kept while it goes to the same place, and no longer.
	edit := v.get("/instances/pg/edit")
	edit.submit("Confirm", url.Values{"title": {"Postgres"}}).expect(t, http.StatusOK, in("h1", says("Postgres")))
	edit.submit("Confirm", url.Values{"host": {"elsewhere.example.com"}}).expect(t, http.StatusBadRequest, in(".says.bad", says("Data source \"admin\": give the password")))
}

func TestAConnectionIsTriedInABrowser(t *testing.T) {
	w := newWorld(t)
	b := w.tab(t, adminEmail)
	b.open("/instances/new")
	b.click("SQLite")
	b.fill("Name", "Files")
	b.fill("Folder", w.root+"/none")
	b.click("Test connection")
	b.see("No connection.", "there is no folder")
	b.fill("Folder", w.root)
	b.click("Test connection")
	b.see("Connected.")
	b.click("PostgreSQL")
	b.fill("Password", "kept while it is tried")
	b.fill("Host", "127.0.0.1")
	b.fill("Port", "1")
	b.click("Test connection")
	b.see("No connection.", "127.0.0.1:1")
	if got := script[string](b, `document.querySelector("[name=password]").value`); got != "kept while it is tried" {
		t.Errorf("the password field holds %q after the test", got)
	}
}
