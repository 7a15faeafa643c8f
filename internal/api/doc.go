// Package api serves the public contract of proto/ over Connect, gRPC and REST
// on one port. It turns wire types into nouns, calls a verb, and turns nouns
// back: no SQL, no rules and no permission is decided here.
//
// Each service is an unexported struct in a file of its own, made from Deps by
// its constructor and registered by one line of register. It embeds the
// generated Unimplemented handler, so that what it does not override answers
// UNIMPLEMENTED. A handler hands on caller(ctx) as who asks, and returns the
// verb's error as it is: the outermost interceptor alone chooses codes, by the
// table in error.go.
//
// A credential is checked before a byte of the request's message is read. The
// methods that need none are listed in auth_interceptor.go; a method that is
// missing there needs one.
package api
