package rest

import (
	"bytes"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"slipway"
)

// bind fills m from the call: the body first, then the query, then the path,
// which has the last word.
func (s *stream) bind(m proto.Message) error {
	if err := s.bindBody(m.ProtoReflect()); err != nil {
		return err
	}
	if err := s.bindQuery(m.ProtoReflect()); err != nil {
		return err
	}
	for _, v := range s.route.vars {
		text, err := v.capture(s.segments)
		if err != nil || !utf8.ValidString(text) {
			return slipway.Errorf(slipway.Invalid, "path: %s is not valid UTF-8, escaped by percent signs", v.name)
		}
		at := m.ProtoReflect()
		for _, f := range v.fields[:len(v.fields)-1] {
			at = at.Mutable(f).Message()
		}
		at.Set(v.fields[len(v.fields)-1], protoreflect.ValueOfString(text))
	}
	return nil
}

func (s *stream) bindBody(m protoreflect.Message) error {
	if e := s.r.Header.Get("Content-Encoding"); e != "" && !strings.EqualFold(e, "identity") {
		return slipway.Errorf(slipway.Invalid, "Content-Encoding %.40q: a body is sent as it is", e)
	}
	data, err := io.ReadAll(s.r.Body)
	if err != nil {
		if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
			return TooLarge(s.max)
		}
		return slipway.Errorf(slipway.Canceled, "the body ended before all of it was sent").Because(err)
	}
	data = bytes.TrimSpace(data)
	switch {
	case len(data) == 0:
		return nil
	case s.route.body == "":
		if !bytes.Equal(data, []byte("{}")) {
			return slipway.Errorf(slipway.Invalid, "this method takes no body; its fields stand in the path and the query")
		}
		return nil
	case s.route.body != "*":
		m = m.Mutable(m.Descriptor().Fields().ByName(protoreflect.Name(s.route.body))).Message()
	}
	return ReadJSON(data, m.Interface())
}

func (s *stream) bindQuery(m protoreflect.Message) error {
	query, err := url.ParseQuery(s.r.URL.RawQuery)
	if err != nil {
		return slipway.Errorf(slipway.Invalid, "query: it is not field=value, joined by & and escaped by percent signs")
	}
	for _, key := range slices.Sorted(maps.Keys(query)) {
		if s.route.body == "*" {
			return slipway.Errorf(slipway.Invalid, "query: %.100q: this method takes its fields in the body", key)
		}
		way, err := queryField(m.Descriptor(), key)
		if err != nil {
			return err
		}
		if s.bound(way) {
			return slipway.Errorf(slipway.Invalid, "query: %.100q stands in the path or the body of this method", key)
		}
		at := m
		for _, f := range way[:len(way)-1] {
			at = at.Mutable(f).Message()
		}
		if err := setField(at, way[len(way)-1], key, query[key]); err != nil {
			return err
		}
	}
	return nil
}

// bound reports whether the path or the body sets the field at the end of way.
func (s *stream) bound(way []protoreflect.FieldDescriptor) bool {
	if string(way[0].Name()) == s.route.body {
		return true
	}
	return slices.ContainsFunc(s.route.vars, func(v variable) bool { return slices.Equal(v.fields, way) })
}

// queryField returns the way to the field that key names, in the spelling of
// the .proto file or of JSON.
func queryField(d protoreflect.MessageDescriptor, key string) ([]protoreflect.FieldDescriptor, error) {
	var way []protoreflect.FieldDescriptor
	for name := range strings.SplitSeq(key, ".") {
		if d == nil {
			return nil, slipway.Errorf(slipway.Invalid, "query: %.100q leads into a field that has no parts", key)
		}
		f := fieldOf(d, name)
		if f == nil {
			return nil, slipway.Errorf(slipway.Invalid, "query: unknown field %.100q; the fields are %s", key, fieldNames(d))
		}
		way = append(way, f)
		d = nil
		if f.Message() != nil && !f.IsList() && !f.IsMap() && !wellKnown(f.Message()) {
			d = f.Message()
		}
	}
	return way, nil
}

// fieldOf finds a field by its name in the .proto file or in JSON.
func fieldOf(d protoreflect.MessageDescriptor, name string) protoreflect.FieldDescriptor {
	if f := d.Fields().ByJSONName(name); f != nil {
		return f
	}
	return d.Fields().ByName(protoreflect.Name(name))
}
