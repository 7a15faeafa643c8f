package console_test

import (
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"slipway"
	"slipway/internal/console"
)

func TestSchemaIsReadOffTheDDL(t *testing.T) {
	for _, tc := range []struct {
		why    string
		engine slipway.Engine
		ddl    string
		want   []string
	}{
		{
			"PostgreSQL, as the engine writes it", slipway.Postgres,
			"CREATE SEQUENCE public.s AS integer;\n" +
				"CREATE TABLE public.customer (\n    id integer DEFAULT nextval('s'::regclass) NOT NULL,\n    \"odd name\" numeric(10,2)\n);\n" +
				"CREATE UNLOGGED TABLE audit.entry (\n    at timestamp with time zone NOT NULL\n) PARTITION BY RANGE (at);\n" +
				"ALTER TABLE public.customer ADD CONSTRAINT customer_pkey PRIMARY KEY (id);\n" +
				"CREATE UNIQUE INDEX customer_odd ON public.customer USING btree (\"odd name\");\n" +
				"CREATE VIEW public.v AS\n SELECT 1;\n",
			[]string{
				"table customer", "  id integer DEFAULT nextval('s'::regclass) NOT NULL", "  odd name numeric(10,2)",
				"  constraint CONSTRAINT customer_pkey PRIMARY KEY (id)", "  index customer_odd",
				"table audit.entry", "  at timestamp with time zone NOT NULL",
				"sequence s", "view v",
			},
		},
		{
			"SQLite, as a person wrote it", slipway.SQLite,
			"CREATE TABLE IF NOT EXISTS [a b](x INTEGER PRIMARY KEY, -- the key, of course\n y TEXT CHECK (y IN ('1', '2')), z, UNIQUE (y, z), FOREIGN KEY (z) REFERENCES c(d)) STRICT;\n" +
				"CREATE INDEX IF NOT EXISTS i ON \"a b\"(y);\nCREATE TRIGGER tr AFTER INSERT ON x BEGIN SELECT 1; END;\n",
			[]string{
				"table a b", "  x INTEGER PRIMARY KEY", "  y TEXT CHECK (y IN ('1', '2'))", "  z ",
				"  constraint UNIQUE (y, z)", "  constraint FOREIGN KEY (z) REFERENCES c(d)", "  index i", "trigger tr",
			},
		},
		{"a table of a query has no columns to read", slipway.SQLite, "CREATE TABLE t AS SELECT 1;", []string{"table t"}},
		{"nothing", slipway.Postgres, "", nil},
		{"half a statement", slipway.Postgres, "CREATE TABLE t (a int, b", []string{"table t", "  a int"}},
	} {
		if diff := cmp.Diff(tc.want, console.Outline(tc.engine, tc.ddl)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tc.why, diff)
		}
	}
}

func TestADatabaseIsHeldAgainstTheLatestRelease(t *testing.T) {
	w := newWorld(t)
	w.project("shop")
	ref := w.database("test", "shop", "shop")
	v, at := w.visitor(adminEmail), "/projects/shop/databases/test/shop"
	v.get(at).expect(t, http.StatusOK, in("main", says("Nothing was done to it yet"), lacks("Against the latest release")))
	first := w.rollout("shop", map[string]string{"001_a.sql": good}, ref)
	v.get(at).expect(t, http.StatusOK, in("tbody", says("001_a.sql", "Pending")))
	w.run(first, "test")
	p := v.get(at)
	p.expect(t, http.StatusOK, in("main", says("Up to date", "Its one file is in.")))
	p.follow("Revisions").expect(t, http.StatusOK, in("tbody", says("001_a.sql", "In force")))
	p.follow("Changes").expect(t, http.StatusOK, in("tbody", says("Done", "1 of 1")))
	p.follow("Schema").expect(t, http.StatusOK, in(".card", says("customer", "id", "INTEGER PRIMARY KEY")))
	w.rollout("shop", map[string]string{"000_late.sql": "SELECT 1;", "001_a.sql": "CREATE TABLE other (id INTEGER);", "002_b.sql": "SELECT 2;"}, ref)
	v.get(at).expect(t, http.StatusOK, times(2, "table .wait"), times(1, "table .bad"),
		in("tbody", says("000_late.sql", "Pending, out of order", "Changed since it was applied", "002_b.sql", "Pending")))
}

func TestAReleaseIsChecked(t *testing.T) {
	w := newWorld(t)
	w.project("shop")
	ref := w.database("test", "shop", "shop")
	rel := w.rollout("shop", map[string]string{"001_a.sql": good, "002_b.sql": "\nDELETE FROM custmer;\n"}, ref).Stages[0].Tasks[0].Release
	v := w.visitor(adminEmail)
	p := v.get("/" + rel)
	p.expect(t, http.StatusOK, in("h1", says("Made by hand")), times(2, "pre.sql"), in("main", says("001_a.sql", "version 001")))
	p = p.follow("Check")
	p.expect(t, http.StatusOK, in(".empty", says("Nothing is checked yet")))
	p = p.submit("Check", nil)
	p.expect(t, http.StatusOK, in(".facts", says("error", "1")), in("main", says("STATEMENT_WHERE_REQUIRE_UPDATE_DELETE", "custmer")))
	v.get("/"+rel+"?file=002_b.sql").expect(t, http.StatusOK, times(1, "pre.sql"), in("pre.sql", says("DELETE FROM custmer")))
	v.get("/"+rel+"?file=none").expect(t, http.StatusNotFound)
	raw := v.get(attr(find(v.get("/"+rel+"?file=002_b.sql").root, ".file h2 a")[0], "href"))
	raw.expect(t, http.StatusOK)
}
