package console_test

import (
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

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
	p.submit("Restore", nil).expect(t, http.StatusOK, in("h1", says("Active")))
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
