package console_test

import (
	"net/http"
	"net/url"
	"testing"
)

const groupsAt = "/projects/shop/database-groups"

// Without scripts: preview by its button, then make, change and delete a group.
func TestDatabaseGroupPages(t *testing.T) {
	w := newWorld(t)
	w.project("shop")
	w.database("test", "shop", "shop")
	w.database("prod", "shop", "shop")
	v := w.visitor(adminEmail)
	v.get(groupsAt).expect(t, http.StatusOK, says("No database group yet"))

	p := v.get(groupsAt + "/new")
	p.expect(t, http.StatusOK, in(".sheet h2", is("Add Database Group")), in("#preview", says("no database yet")))
	const onProd = `resource.environment_id == "prod"`
	p = p.submit("Preview", url.Values{"title": {"All prod"}, "id": {"all-prod"}, "expr": {onProd}})
	p.expect(t, http.StatusOK, in("#preview", says("stands for 1 database now", "SQLite prod"), lacks("SQLite test")),
		in("#f-title", value("value", "All prod")), in("#f-expr", is(onProd)))
	v.get(groupsAt).expect(t, http.StatusOK, says("No database group yet"))

	p = p.submit("Confirm", url.Values{"expr": {"resource.nonsense"}})
	p.expect(t, http.StatusBadRequest, in(".says.bad", says("undeclared reference")), in("#f-expr", is("resource.nonsense")))
	p = p.submit("Confirm", url.Values{"expr": {onProd}, "id": {"All"}})
	p.expect(t, http.StatusBadRequest, in("#f-id-error", says("lower-case")))
	p.submit("Confirm", url.Values{"id": {"all-prod"}}).expect(t, http.StatusOK, in(".toast", is("All prod was added.")), in("tbody", says("All prod", onProd, "1")))
	p.submit("Confirm", url.Values{"id": {"all-prod"}}).expect(t, http.StatusConflict, in("#f-id-error", says("already exists")))

	p = v.get(groupsAt).follow("All prod")
	p.expect(t, http.StatusOK, in("#f-expr", is(onProd)), in("#preview", says("1 database")))
	p.submit("Confirm", url.Values{"expr": {""}}).expect(t, http.StatusBadRequest, in(".says.bad", says("empty")))
	p = p.submit("Confirm", url.Values{"title": {"All"}, "expr": {"true"}})
	p.expect(t, http.StatusOK, in(".toast", says("Saved")), in("tbody", says("All", "true", "2")))

	p = p.follow("All").follow("Delete")
	p.expect(t, http.StatusOK, says("Its databases stay"))
	p.submit("Delete", nil).expect(t, http.StatusOK, in(".toast", is("all-prod was deleted.")), says("No database group yet"))
	v.get(groupsAt+"/all-prod").expect(t, http.StatusNotFound)
}

// With scripts the databases show as the condition is typed.
func TestDatabaseGroupIsPreviewed(t *testing.T) {
	w := newWorld(t)
	w.project("shop")
	w.database("test", "shop", "shop")
	w.database("prod", "shop", "shop")
	b := w.tab(t, adminEmail)
	b.open(groupsAt + "/new")
	b.fill("Condition", `resource.instance_id == "prod"`)
	b.see("It stands for 1 database now.")
	b.see("SQLite prod")
	b.fill("Condition", `resource.instance_id ==`)
	b.see("Syntax error")
}
