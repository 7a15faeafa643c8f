package api

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"slipway"
)

// A listRequest is a request for a page of a list.
type listRequest interface {
	proto.Message
	GetPageSize() int32
	GetPageToken() string
}

// tokenTag is how many bytes of a token bind it to its request.
const tokenTag = 8

// maxPageToken bounds a token in bytes: the longest resource name and then some.
const maxPageToken = 8 << 10

// pageOf returns the page that req asks for. A token is good only with the
// request that it was given for, page_size apart: with another filter it would
// skip rows that the caller has not seen.
func pageOf(req listRequest) (slipway.Page, error) {
	size := int(req.GetPageSize())
	switch {
	case size < 0:
		return slipway.Page{}, slipway.Errorf(slipway.Invalid, "page_size %d: it is 1 to %d, or 0 for %d", size, slipway.MaxPageSize, slipway.DefaultPageSize)
	case size == 0:
		size = slipway.DefaultPageSize
	}
	page := slipway.Page{Size: min(size, slipway.MaxPageSize)}
	if req.GetPageToken() == "" {
		return page, nil
	}
	bad := slipway.Errorf(slipway.Invalid, "page_token: it is not one that this list gave for this parent, filter and order; begin again without it")
	if len(req.GetPageToken()) > maxPageToken {
		return slipway.Page{}, bad
	}
	raw, err := base64.RawURLEncoding.DecodeString(req.GetPageToken())
	if err != nil || len(raw) <= tokenTag || !bytes.Equal(raw[:tokenTag], pageTag(req)) {
		return slipway.Page{}, bad
	}
	page.After = string(raw[tokenTag:])
	return page, nil
}

// pageToken returns the token with which req goes on after the given place, ""
// at the end of the list.
func pageToken(req listRequest, after string) string {
	if after == "" {
		return ""
	}
	return base64.RawURLEncoding.EncodeToString(append(pageTag(req), after...))
}

// pageTag tells requests apart that ask for different lists. It keeps mistakes
// out, not attackers: where a list begins is no secret, and what it may show is
// decided for every page.
func pageTag(req listRequest) []byte {
	m := proto.Clone(req).ProtoReflect()
	for _, name := range []protoreflect.Name{"page_size", "page_token"} {
		if f := m.Descriptor().Fields().ByName(name); f != nil {
			m.Clear(f)
		}
	}
	text, err := proto.MarshalOptions{Deterministic: true}.Marshal(m.Interface())
	if err != nil { // unreachable unless a string is not UTF-8: such a request was not read
		text = nil
	}
	sum := sha256.Sum256(append([]byte(m.Descriptor().FullName()+"\x00"), text...))
	return sum[:tokenTag]
}
