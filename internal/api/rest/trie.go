package rest

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
)

// A node is a place in the tree of path templates, one level for a segment.
type node struct {
	literal map[string]*node
	any     *node           // "*"
	leaves  map[string]leaf // by custom verb, "" for none
}

// A leaf holds the routes of one template by HTTP method.
type leaf map[string]*route

// A match is a leaf that a path leads to, with the path's segments as sent.
type match struct {
	leaf     leaf
	segments []string
}

// add puts r where t says. Two routes for one method and path are an error.
func (n *node) add(method string, t template, r *route) error {
	for _, s := range t.segments {
		n = n.child(s)
	}
	if n.leaves == nil {
		n.leaves = map[string]leaf{}
	}
	l := n.leaves[t.verb]
	if l == nil {
		l = leaf{}
		n.leaves[t.verb] = l
	}
	if other := l[method]; other != nil {
		return fmt.Errorf("%s /%s is taken by %s", method, strings.Join(t.segments, "/"), other.method.FullName())
	}
	l[method] = r
	return nil
}

func (n *node) child(segment string) *node {
	if segment == "*" {
		if n.any == nil {
			n.any = &node{}
		}
		return n.any
	}
	if n.literal == nil {
		n.literal = map[string]*node{}
	}
	c := n.literal[segment]
	if c == nil {
		c = &node{}
		n.literal[segment] = c
	}
	return c
}

// find returns where the escaped path leads, the most literal way first: with a
// custom verb before without, words before "*". There is more than one match
// where templates overlap, as /v1/users/me and /v1/{name=users/*} do.
func (n *node) find(escaped string) []match {
	rest, ok := strings.CutPrefix(escaped, "/")
	if !ok {
		return nil
	}
	segments := strings.Split(rest, "/")
	var found []match
	last := len(segments) - 1
	if i := strings.LastIndexByte(segments[last], ':'); i >= 0 {
		cut := slices.Clone(segments)
		cut[last] = segments[last][:i]
		n.walk(cut, 0, segments[last][i+1:], &found)
	}
	n.walk(segments, 0, "", &found)
	return found
}

func (n *node) walk(segments []string, depth int, verb string, found *[]match) {
	if depth == len(segments) {
		if l := n.leaves[verb]; l != nil {
			*found = append(*found, match{l, segments})
		}
		return
	}
	word, err := url.PathUnescape(segments[depth])
	if err != nil || word == "" {
		return
	}
	if c := n.literal[word]; c != nil {
		c.walk(segments, depth+1, verb, found)
	}
	if n.any != nil {
		n.any.walk(segments, depth+1, verb, found)
	}
}

// allowed lists the methods of all of found, for the Allow header.
func allowed(found []match) string {
	methods := map[string]bool{}
	for _, m := range found {
		for method := range m.leaf {
			methods[method] = true
		}
	}
	return strings.Join(slices.Sorted(maps.Keys(methods)), ", ")
}

// capture returns what the variable holds in segments: unescaped, but for
// slashes (google/api/http.proto, "Path template syntax").
func (v variable) capture(segments []string) (string, error) {
	var b strings.Builder
	for i, s := range segments[v.from:v.to] {
		if i > 0 {
			b.WriteByte('/')
		}
		word, err := unescapeSegment(s)
		if err != nil {
			return "", err
		}
		b.WriteString(word)
	}
	return b.String(), nil
}

// unescapeSegment is url.PathUnescape that leaves "%2F" as it is.
func unescapeSegment(s string) (string, error) {
	parts := splitSlash(s)
	for i, p := range parts {
		word, err := url.PathUnescape(p)
		if err != nil {
			return "", err
		}
		parts[i] = word
	}
	return strings.Join(parts, "%2F"), nil
}

// splitSlash splits s around "%2F" and "%2f". In s, as sent, a "%" is never
// part of an escaped one: "%252F" has no "%2F" in it.
func splitSlash(s string) []string {
	return strings.Split(strings.ReplaceAll(s, "%2f", "%2F"), "%2F")
}
