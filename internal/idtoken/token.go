package idtoken

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"

	"github.com/go-jose/go-jose/v4"

	"slipway/internal/trust"
)

const (
	maxToken = 16 << 10 // bytes; GitLab's are about 2 KiB
	maxKeyID = 256
)

// A token is a raw token taken apart; nothing in it is verified.
type token struct {
	header    header
	payload   []byte
	claims    map[string]any
	issuer    string // iss, "" if the claims could not be read
	malformed error  // why the claims could not be read
	signed    *jose.JSONWebSignature
}

// A header is what counts in a JOSE header.
type header struct {
	alg   string
	keyID string // kid; "" is none
}

// parse takes raw apart. Only what RFC 7515 §3.1 calls the compact form passes:
// base64url without padding, spaces or line breaks, and three parts.
func parse(raw string) (token, error) {
	switch {
	case raw == "":
		return token{}, refuse("bad_request", nil)
	case len(raw) > maxToken:
		return token{}, refuse("token_too_large", nil).got(fmt.Sprintf("%d bytes", len(raw)))
	}
	parts := strings.Split(raw, ".")
	if len(parts) != 3 {
		return token{}, refuse("malformed_token", nil).got(fmt.Sprintf("%d parts instead of 3", len(parts)))
	}
	var decoded [3][]byte
	for i, part := range parts {
		var err error
		if decoded[i], err = decode(part); err != nil || part == "" && i < 2 {
			return token{}, refuse("malformed_token", err).got("a part that is not base64url")
		}
	}
	t := token{payload: decoded[1]}
	var err error
	if t.header, err = parseHeader(decoded[0]); err != nil {
		return token{}, err
	}
	if t.signed, err = jose.ParseSignedCompact(raw, []jose.SignatureAlgorithm{jose.SignatureAlgorithm(t.header.alg)}); err != nil {
		return token{}, refuse("malformed_token", err).got("a header that cannot be read")
	}
	if t.claims, t.malformed = trust.ParseObject(t.payload); t.malformed == nil {
		t.issuer, _ = t.claims["iss"].(string)
	}
	return t, nil
}

// decode reads base64url strictly: the decoder of the standard library skips
// line breaks, and without Strict it ignores bits behind the last byte.
func decode(s string) ([]byte, error) {
	if strings.ContainsAny(s, "\r\n") {
		return nil, fmt.Errorf("read base64url: a line break")
	}
	return base64.RawURLEncoding.Strict().DecodeString(s)
}

// parseHeader reads a JOSE header. Parameters that point to keys (jku, x5u, jwk,
// x5c) are left alone: RFC 8725 §3.10.
func parseHeader(data []byte) (header, error) {
	all, err := trust.ParseObject(data)
	if err != nil {
		return header{}, refuse("malformed_token", err).got("a header that is no proper JSON object")
	}
	if crit, there := all["crit"]; there {
		return header{}, refuse("crit_unsupported", nil).got(fmt.Sprint("crit ", crit))
	}
	for _, name := range []string{"zip", "enc", "cty", "b64"} {
		if _, there := all[name]; there {
			return header{}, refuse("malformed_token", nil).got("a header with " + name)
		}
	}
	if typ, there := all["typ"]; there {
		if s, ok := typ.(string); !ok || !strings.EqualFold(s, "JWT") {
			return header{}, refuse("typ_not_allowed", nil).got(fmt.Sprint("typ ", typ))
		}
	}
	var h header
	var ok bool
	if h.alg, ok = all["alg"].(string); !ok {
		return header{}, refuse("malformed_token", nil).got("a header without alg")
	}
	if !slices.Contains(algorithms, jose.SignatureAlgorithm(h.alg)) {
		return header{}, refuse("alg_not_allowed", nil).got(h.alg)
	}
	if kid, there := all["kid"]; there {
		if h.keyID, ok = kid.(string); !ok || len(h.keyID) > maxKeyID {
			return header{}, refuse("malformed_token", nil).got("a kid that is no short string")
		}
	}
	return h, nil
}
