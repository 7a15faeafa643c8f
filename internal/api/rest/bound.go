package rest

import (
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"slipway"
)

// MaxParts bounds the fields and elements of a request, at all depths together.
// An empty message of two or three bytes takes some 200 in memory: within the
// bound on bytes alone, a small compressed request would fill all there is.
const MaxParts = 500_000

// maxDepth bounds the nesting of a binary request; ours nest four deep.
const maxDepth = 100

// TooLarge is what is said of a request of more than most bytes.
func TooLarge(most int) error {
	if most < 1<<20 {
		return slipway.Errorf(slipway.Invalid, "the request is larger than %d KiB, the most that this method takes", most>>10)
	}
	return slipway.Errorf(slipway.Invalid, "the request is larger than %d MiB, the most that this method takes", most>>20)
}

func tooMany() error {
	return slipway.Errorf(slipway.Invalid, "the request has more than %d fields and elements: send it in several", MaxParts)
}

// CheckBinary refuses data, a message of m's type on the wire, if it has more
// parts than MaxParts. What is wrong with it otherwise is left to who reads it.
func CheckBinary(data []byte, m proto.Message) error {
	if countBinary(data, m.ProtoReflect().Descriptor(), MaxParts, maxDepth) < 0 {
		return tooMany()
	}
	return nil
}

// countBinary returns left less the parts of data, or a negative number.
func countBinary(data []byte, d protoreflect.MessageDescriptor, left, depth int) int {
	if depth == 0 {
		return -1
	}
	for len(data) > 0 && left >= 0 {
		left--
		number, kind, n := protowire.ConsumeTag(data)
		if n < 0 {
			return left
		}
		data = data[n:]
		if n = protowire.ConsumeFieldValue(number, kind, data); n < 0 {
			return left
		}
		if f := d.Fields().ByNumber(number); f != nil && f.Message() != nil && kind == protowire.BytesType {
			inner, _ := protowire.ConsumeBytes(data)
			left = countBinary(inner, f.Message(), left, depth-1)
		}
		data = data[n:]
	}
	return left
}

// checkJSON refuses data if it has more parts than MaxParts.
func checkJSON(data []byte) error {
	parts := 0
	for i := 0; i < len(data); i++ {
		switch data[i] {
		case '"':
			for i++; i < len(data) && data[i] != '"'; i++ {
				if data[i] == '\\' {
					i++
				}
			}
		case ',', '{', '[':
			if parts++; parts > MaxParts {
				return tooMany()
			}
		}
	}
	return nil
}
