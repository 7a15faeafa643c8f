// Package console is the web console: pages that the server renders, one Go
// file and one template each, all routes in routes.go.
//
// A page calls verbs with the caller's Principal, as the API does, so both ask
// the same permissions and leave the same audit rows; it never reaches the
// store. Every form posts to its own URL and works without JavaScript; scripts
// only make what is there quicker. The Content-Security-Policy allows nothing
// inline, neither scripts nor styles nor style attributes, so a page that needs
// one gets it from static/; a bar is a <progress>, a <meter> or an SVG whose
// width is an attribute.
//
// # A page
//
// A page is a line in routes, a Go file and a template of the same name:
//
//	{"GET /roles", c.roles, iam.RolesList},          // routes.go
//
//	type rolesPage struct {                          // roles.go
//		Frame
//		Roles []slipway.Role
//	}
//
//	func (c *Console) roles(v visit) error {
//		list, err := c.Access.Roles(v.ctx(), v.who)
//		if err != nil {
//			return err
//		}
//		return c.show(v, "roles", rolesPage{Frame: c.frame(v, "Roles", "/roles"), Roles: list})
//	}
//
//	{{define "content"}}<div class="title"><div><h1>Roles</h1>…   // template/roles.html
//
// An error that a handler returns becomes a page; error.go picks the status. The
// route's permission is asked in the project that {project} in the pattern
// names, or else on the workspace; whoever lacks it gets a 403 that names it.
// frame takes the URL of the navigation entry, which shows when there is a route
// for it and the visitor holds what that needs. {{if .May "bb.roles.create"}} in
// the template offers only what may be done. Every route also has a line in
// rounds of routes_test.go.
//
// # A form
//
// A form is shown by GET and taken by POST of the same URL. It is a sheet: the
// page that it belongs to, with Frame.Sheet set, whose template defines "sheet".
// Everything behind it is inert, so focus stays in it without a script; Escape
// follows its closing link.
//
//	{{define "sheet"}}<form method="post"><div class="body">
//	{{template "formError" .Form}}
//	{{template "field" (field .Form "title" "Name" | required | hint "Shown in lists" | focus)}}
//	</div><footer><a class="btn" href="{{.Sheet.Close}}">Cancel</a><button class="btn primary">Confirm</button></footer></form>{{end}}
//
// Fields are drawn by "field" (kind "text", "email", "password", "number",
// "select", "area"), "segments" (radio buttons side by side) and "ticks" (check
// boxes); form.go has the words that go between the pipes. A handler reads
// v.form(), blames fields, gives errors of verbs to form.take, which hands back
// those that the person can't mend, and shows the same page again by showForm:
// nothing typed is lost. When all is well c.done redirects and leaves a toast;
// c.trouble does so when a part failed, and says which.
// What only some choice of a form needs is hidden by CSS with :has(), so that it
// works without a script and loses nothing.
//
// An act that is hard to take back asks first: c.ask at the act's own URL.
//
// # Parts
//
// In templates: {{template "chip" (chip "ok" "Active")}}, {{template "chip"
// (status .Status)}}, {{template "time" (moment .Created)}} (how long ago, the
// time itself on hover, in the viewer's zone), {{template "instant" (moment
// .Time)}} (the time itself), {{template "pager" .Pager}} with v.after and
// v.pager, {{template "copy" "#id"}}. Classes of console.css: title, actions,
// card with head and body, table with td.two, tabs, empty, says, facts, filters.
//
// What htmx swaps in is a template of the same page, answered by showPart:
// hx-post="/users/preview" hx-trigger="input delay:150ms" hx-target="#preview".
// Server-sent events come by hx-ext="sse" sse-connect="…" sse-swap="…".
//
// # Tests
//
// world_test.go has a console on a real store, page_test.go reads pages as
// trees and submits forms as a browser without scripts does, browser_test.go
// drives Chromium by visible labels. gallery_test.go has a scene for every page:
// of each there is a golden, which -update writes, a check against WCAG, and,
// by make screenshots, four pictures.
package console
