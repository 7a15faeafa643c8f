package rest

import (
	"encoding/base64"
	"encoding/json"
	"strconv"
	"strings"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"slipway"
)

// setField sets f of m from the values that key has in a query.
func setField(m protoreflect.Message, f protoreflect.FieldDescriptor, key string, values []string) error {
	if f.IsMap() || f.Message() != nil && !wellKnown(f.Message()) {
		return slipway.Errorf(slipway.Invalid, "query: %.100q has parts; give them as %.100s.PART", key, key)
	}
	if f.IsList() {
		list := m.Mutable(f).List()
		for _, text := range values {
			v, err := valueOf(list.NewElement, f, key, text)
			if err != nil {
				return err
			}
			list.Append(v)
		}
		return nil
	}
	if len(values) != 1 {
		return slipway.Errorf(slipway.Invalid, "query: %.100q stands there %d times", key, len(values))
	}
	if o := f.ContainingOneof(); o != nil {
		if other := m.WhichOneof(o); other != nil && other != f {
			return slipway.Errorf(slipway.Invalid, "query: %s and %s exclude each other", other.JSONName(), f.JSONName())
		}
	}
	v, err := valueOf(func() protoreflect.Value { return m.NewField(f) }, f, key, values[0])
	if err != nil {
		return err
	}
	m.Set(f, v)
	return nil
}

// valueOf reads text as a value of f's type. Empty makes a message to fill.
func valueOf(empty func() protoreflect.Value, f protoreflect.FieldDescriptor, key, text string) (protoreflect.Value, error) {
	var v protoreflect.Value
	var ok bool
	switch f.Kind() {
	case protoreflect.MessageKind, protoreflect.GroupKind:
		v = empty()
		ok = setWellKnown(v.Message(), text)
	case protoreflect.EnumKind:
		v, ok = enumOf(f.Enum(), text)
	default:
		v, ok = scalarOf(f.Kind(), text)
	}
	if !ok {
		return v, slipway.Errorf(slipway.Invalid, "query: %.100q: %.100q is not %s", key, text, kindName(f))
	}
	return v, nil
}

func enumOf(e protoreflect.EnumDescriptor, text string) (protoreflect.Value, bool) {
	if v := e.Values().ByName(protoreflect.Name(text)); v != nil {
		return protoreflect.ValueOfEnum(v.Number()), true
	}
	n, err := strconv.ParseInt(text, 10, 32)
	if err != nil || e.Values().ByNumber(protoreflect.EnumNumber(n)) == nil {
		return protoreflect.Value{}, false
	}
	return protoreflect.ValueOfEnum(protoreflect.EnumNumber(n)), true
}

func scalarOf(kind protoreflect.Kind, text string) (protoreflect.Value, bool) {
	switch kind {
	case protoreflect.StringKind:
		return protoreflect.ValueOfString(text), utf8.ValidString(text)
	case protoreflect.BytesKind:
		plain := strings.NewReplacer("-", "+", "_", "/").Replace(strings.TrimRight(text, "="))
		b, err := base64.RawStdEncoding.DecodeString(plain)
		return protoreflect.ValueOfBytes(b), err == nil
	case protoreflect.BoolKind:
		return protoreflect.ValueOfBool(text == "true"), text == "true" || text == "false"
	case protoreflect.Int32Kind, protoreflect.Sint32Kind, protoreflect.Sfixed32Kind:
		n, err := strconv.ParseInt(text, 10, 32)
		return protoreflect.ValueOfInt32(int32(n)), err == nil
	case protoreflect.Int64Kind, protoreflect.Sint64Kind, protoreflect.Sfixed64Kind:
		n, err := strconv.ParseInt(text, 10, 64)
		return protoreflect.ValueOfInt64(n), err == nil
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind:
		n, err := strconv.ParseUint(text, 10, 32)
		return protoreflect.ValueOfUint32(uint32(n)), err == nil
	case protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		n, err := strconv.ParseUint(text, 10, 64)
		return protoreflect.ValueOfUint64(n), err == nil
	case protoreflect.FloatKind:
		n, err := strconv.ParseFloat(text, 32)
		return protoreflect.ValueOfFloat32(float32(n)), err == nil
	case protoreflect.DoubleKind:
		n, err := strconv.ParseFloat(text, 64)
		return protoreflect.ValueOfFloat64(n), err == nil
	}
	return protoreflect.Value{}, false
}

// wellKnown reports whether d has a form of its own in JSON that is a single
// word, so that it can stand in a query.
func wellKnown(d protoreflect.MessageDescriptor) bool {
	switch d.FullName() {
	case "google.protobuf.Timestamp", "google.protobuf.Duration", "google.protobuf.FieldMask",
		"google.protobuf.BoolValue", "google.protobuf.StringValue", "google.protobuf.BytesValue",
		"google.protobuf.Int32Value", "google.protobuf.Int64Value", "google.protobuf.UInt32Value",
		"google.protobuf.UInt64Value", "google.protobuf.FloatValue", "google.protobuf.DoubleValue":
		return true
	}
	return false
}

func setWellKnown(m protoreflect.Message, text string) bool {
	if mask, ok := m.Interface().(*fieldmaskpb.FieldMask); ok {
		for path := range strings.SplitSeq(text, ",") {
			if path = strings.TrimSpace(path); path != "" {
				mask.Paths = append(mask.Paths, snake(path))
			}
		}
		return utf8.ValidString(text)
	}
	if f := m.Descriptor().Fields().ByName("value"); f != nil { // a wrapper
		v, ok := scalarOf(f.Kind(), text)
		if ok {
			m.Set(f, v)
		}
		return ok
	}
	quoted, err := json.Marshal(text)
	return err == nil && protojson.Unmarshal(quoted, m.Interface()) == nil
}

// snake turns the JSON spelling of a field path into that of the .proto file;
// a path in the latter stays as it is.
func snake(path string) string {
	var b strings.Builder
	for _, r := range path {
		if 'A' <= r && r <= 'Z' {
			b.WriteByte('_')
			r += 'a' - 'A'
		}
		b.WriteRune(r)
	}
	return b.String()
}

// kindName says what a value of f looks like in a query.
func kindName(f protoreflect.FieldDescriptor) string {
	switch {
	case f.Enum() != nil:
		var names []string
		for i := range min(f.Enum().Values().Len(), 40) {
			names = append(names, string(f.Enum().Values().Get(i).Name()))
		}
		return "one of " + strings.Join(names, ", ")
	case f.Message() != nil:
		return "a " + string(f.Message().Name()) + " as JSON spells it"
	}
	switch f.Kind() {
	case protoreflect.StringKind:
		return "valid UTF-8"
	case protoreflect.BytesKind:
		return "base64"
	case protoreflect.BoolKind:
		return "true or false"
	case protoreflect.FloatKind, protoreflect.DoubleKind:
		return "a number"
	case protoreflect.Int64Kind, protoreflect.Sint64Kind, protoreflect.Sfixed64Kind, protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		return "a whole number of 64 bits"
	}
	return "a whole number of 32 bits"
}
