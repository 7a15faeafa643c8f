// Package rest serves the methods of a connect.Server as the google.api.http
// annotations in their descriptors say: a transport beside connecthttp, with
// the same interceptors around every call.
//
// A path is matched segment by segment as it was sent. What a variable captures
// is unescaped except for "%2F": a slash inside a segment never becomes one
// between segments, so no spelling of a name reaches another resource. Nothing
// is cleaned and nothing redirected; a path that matches no template is not
// found.
//
// A field that the request does not have, a value of the wrong type and a body
// that is too large are refused by name. Failures are google.rpc.Status as
// JSON, {code, message, details}, with the HTTP status that grpc-gateway gives.
package rest
