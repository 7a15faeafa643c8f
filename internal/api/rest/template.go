package rest

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// A template is a parsed path of a google.api.http rule: literals and "*", each
// a segment, and a custom verb. "**" is not used by our contract and refused.
type template struct {
	segments []string
	verb     string // after the colon of "/v1/auth:exchangeToken"
	vars     []variable
}

// A variable captures the segments from (inclusive) to (exclusive) into a field
// of the request.
type variable struct {
	name     string // "database.name"
	from, to int
	fields   []protoreflect.FieldDescriptor // the way to the field
}

var (
	templateLiteral = regexp.MustCompile(`^[A-Za-z0-9_.~-]+$`)
	templateField   = regexp.MustCompile(`^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*$`)
)

// parseTemplate reads "/v1/{parent=projects/*}/releases:check".
func parseTemplate(text string) (template, error) {
	var t template
	bad := func(why string) (template, error) { return template{}, fmt.Errorf("path template %q: %s", text, why) }
	rest, ok := strings.CutPrefix(text, "/")
	if !ok {
		return bad("it begins with a slash")
	}
	if i := strings.LastIndexByte(rest, ':'); i > strings.LastIndexAny(rest, "/}") || i > 0 && rest[i-1] == '}' {
		rest, t.verb = rest[:i], rest[i+1:]
		if !templateLiteral.MatchString(t.verb) {
			return bad("the verb after the colon is not a word")
		}
	}
	for rest != "" {
		if inner, ok := strings.CutPrefix(rest, "{"); ok {
			capture, after, closed := strings.Cut(inner, "}")
			name, inside, has := strings.Cut(capture, "=")
			if !has {
				inside = "*"
			}
			if !closed || !templateField.MatchString(name) {
				return bad("a variable is {field} or {field=segments}")
			}
			segments := strings.Split(inside, "/")
			t.vars = append(t.vars, variable{name: name, from: len(t.segments), to: len(t.segments) + len(segments)})
			t.segments = append(t.segments, segments...)
			rest = after
		} else {
			segment, _, _ := strings.Cut(rest, "/")
			t.segments = append(t.segments, segment)
			rest = rest[len(segment):]
		}
		if rest == "" {
			break
		}
		if rest, ok = strings.CutPrefix(rest, "/"); !ok || rest == "" {
			return bad("segments are separated by one slash")
		}
	}
	if len(t.segments) == 0 || slices.ContainsFunc(t.segments, func(s string) bool { return s != "*" && !templateLiteral.MatchString(s) }) {
		return bad("a segment is a word or *")
	}
	return t, nil
}

// fieldsOf returns the way from d to the text field that path names.
func fieldsOf(d protoreflect.MessageDescriptor, path string) ([]protoreflect.FieldDescriptor, error) {
	var way []protoreflect.FieldDescriptor
	for name := range strings.SplitSeq(path, ".") {
		if d == nil {
			return nil, fmt.Errorf("variable %q leads through a field that is no message", path)
		}
		f := d.Fields().ByName(protoreflect.Name(name))
		if f == nil || f.IsList() || f.IsMap() {
			return nil, fmt.Errorf("variable %q: %s has no single field %q", path, d.FullName(), name)
		}
		way = append(way, f)
		d = f.Message()
	}
	if last := way[len(way)-1]; last.Kind() != protoreflect.StringKind {
		return nil, fmt.Errorf("variable %q is not a string", path)
	}
	return way, nil
}
