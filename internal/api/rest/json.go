package rest

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"slices"
	"strings"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"slipway"
)

// ReadJSON fills m from data, in the JSON mapping of proto3. What does not fit
// is an Invalid: a field that m does not have is named, with the ones it has.
func ReadJSON(data []byte, m proto.Message) error {
	if err := checkJSON(data); err != nil {
		return err
	}
	err := protojson.Unmarshal(data, m)
	if err == nil {
		return nil
	}
	var tree any
	if json.Unmarshal(data, &tree) == nil {
		if why := unknownField(m.ProtoReflect().Descriptor(), tree, ""); why != "" {
			return slipway.Errorf(slipway.Invalid, "%s", why)
		}
	}
	// protojson varies the space after the colon, so that nobody parses it.
	why := strings.TrimLeft(strings.TrimPrefix(err.Error(), "proto:"), " \u00a0")
	return slipway.Errorf(slipway.Invalid, "the request is not a %s in JSON: %.300s", m.ProtoReflect().Descriptor().Name(), strings.ToValidUTF8(why, "\uFFFD"))
}

// WriteJSON writes m in the JSON mapping of proto3: lowerCamelCase names,
// fields at their default left out, no spaces.
func WriteJSON(dst io.Writer, m proto.Message) error {
	data, err := protojson.Marshal(m)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	b.Grow(len(data))
	if err := json.Compact(&b, data); err != nil { // unreachable unless protojson is wrong
		return err
	}
	_, err = dst.Write(b.Bytes())
	return err
}

// unknownField says which field of tree d does not have, or "".
func unknownField(d protoreflect.MessageDescriptor, tree any, at string) string {
	object, ok := tree.(map[string]any)
	if !ok || strings.HasPrefix(string(d.FullName()), "google.protobuf.") {
		return ""
	}
	for _, name := range slices.Sorted(maps.Keys(object)) {
		f := fieldOf(d, name)
		if f == nil {
			return "unknown field " + quote(at+name) + "; the fields here are " + fieldNames(d)
		}
		if why := unknownIn(f, object[name], at+name); why != "" {
			return why
		}
	}
	return ""
}

// unknownIn is unknownField for the messages in the value of f.
func unknownIn(f protoreflect.FieldDescriptor, value any, at string) string {
	d := f.Message()
	switch v := value.(type) {
	case []any:
		for _, item := range v {
			if d == nil || !f.IsList() {
				break
			}
			if why := unknownField(d, item, at+"."); why != "" {
				return why
			}
		}
	case map[string]any:
		switch {
		case f.IsMap():
			if d = f.MapValue().Message(); d == nil {
				return ""
			}
			for _, key := range slices.Sorted(maps.Keys(v)) {
				if why := unknownField(d, v[key], at+"."); why != "" {
					return why
				}
			}
		case d != nil && !f.IsList():
			return unknownField(d, v, at+".")
		}
	}
	return ""
}

func quote(s string) string {
	if len(s) > 100 {
		s = strings.ToValidUTF8(s[:100], "") + "…"
	}
	return `"` + s + `"`
}

// fieldNames lists the fields of d as JSON spells them.
func fieldNames(d protoreflect.MessageDescriptor) string {
	var names []string
	for i := range d.Fields().Len() {
		names = append(names, d.Fields().Get(i).JSONName())
	}
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}
