// Package console is the web console: pages that the server renders, one Go
// file and one template each, all routes in routes.go.
//
// A page calls verbs with the caller's Principal, as the API does, so both ask
// the same permissions and leave the same audit rows; it never reaches the
// store. Every form posts to its own URL and works without JavaScript; scripts
// only make what is there quicker. The Content-Security-Policy allows nothing
// inline, so a page that needs a style or a script gets it from static/.
package console
