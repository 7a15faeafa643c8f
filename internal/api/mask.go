package api

import (
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"slipway"
)

// A mask is the set of field paths that an update changes.
type mask []string

// has reports whether the update changes path.
func (m mask) has(path string) bool { return slices.Contains(m, path) }

// maskOf returns which of the paths that may change an update changes: those
// that fm names, all of them for "*", and without a mask those that are set in
// msg (AIP-134). A path that may not change is an Invalid that names it and the
// ones that may. Paths may be spelled as in JSON.
func maskOf(fm *fieldmaskpb.FieldMask, msg proto.Message, may ...string) (mask, error) {
	if len(fm.GetPaths()) == 0 {
		return setPaths(msg.ProtoReflect(), may), nil
	}
	var m mask
	for _, given := range fm.GetPaths() {
		if given == "*" {
			return slices.Clone(mask(may)), nil
		}
		path := protoPath(msg.ProtoReflect().Descriptor(), given)
		if !slices.Contains(may, path) {
			return nil, slipway.Errorf(slipway.Invalid, "update_mask: %.100q is not a field that can be changed here; these are: %s", given, strings.Join(may, ", "))
		}
		if !m.has(path) {
			m = append(m, path)
		}
	}
	return m, nil
}

// setPaths returns those of paths that are set in m.
func setPaths(m protoreflect.Message, paths []string) mask {
	var set mask
	for _, path := range paths {
		if isSet(m, strings.Split(path, ".")) {
			set = append(set, path)
		}
	}
	return set
}

func isSet(m protoreflect.Message, path []string) bool {
	f := m.Descriptor().Fields().ByName(protoreflect.Name(path[0]))
	if f == nil || !m.Has(f) {
		return false
	}
	if len(path) == 1 {
		return true
	}
	return f.Message() != nil && !f.IsList() && !f.IsMap() && isSet(m.Get(f).Message(), path[1:])
}

// protoPath returns path in the spelling of the .proto file; parts that are no
// fields stay as they are.
func protoPath(d protoreflect.MessageDescriptor, path string) string {
	parts := strings.Split(path, ".")
	for i, part := range parts {
		if d == nil {
			break
		}
		f := d.Fields().ByName(protoreflect.Name(part))
		if f == nil {
			f = d.Fields().ByJSONName(part)
		}
		if f == nil {
			break
		}
		parts[i] = string(f.Name())
		d = f.Message()
	}
	return strings.Join(parts, ".")
}
