package idtoken

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"math/big"
	"slices"

	"github.com/go-jose/go-jose/v4"

	"slipway/internal/trust"
)

// A key is a public key that an issuer publishes and that may verify tokens.
type key struct {
	id     string // kid; "" is none
	alg    string // "" where the issuer does not say
	family family
	public any // *rsa.PublicKey, *ecdsa.PublicKey or ed25519.PublicKey
}

// A family is a kind of key: what an algorithm needs.
type family string

const (
	rsaKey  family = "RSA"
	p256Key family = "P-256"
	p384Key family = "P-384"
	edKey   family = "Ed25519"
)

// familyOf returns the family of keys that make signatures of alg.
func familyOf(alg string) family {
	switch jose.SignatureAlgorithm(alg) {
	case jose.RS256, jose.RS384, jose.RS512, jose.PS256:
		return rsaKey
	case jose.ES256:
		return p256Key
	case jose.ES384:
		return p384Key
	case jose.EdDSA:
		return edKey
	}
	return ""
}

// parseKey reads one JSON Web Key (RFC 7517 §4). The kid comes back even with
// an error, so that a token can be told that its key is there but unusable;
// secret reports private or symmetric material, which no issuer may publish.
func parseKey(data []byte) (k key, secret bool, err error) {
	all, err := trust.ParseObject(data)
	if err != nil {
		return key{}, false, err
	}
	if kid, there := all["kid"]; there {
		var ok bool
		if k.id, ok = kid.(string); !ok || len(k.id) > maxKeyID {
			return key{}, false, fmt.Errorf("kid is no short string")
		}
	}
	for _, name := range []string{"d", "k", "p", "q", "dp", "dq", "qi", "oth"} {
		if _, there := all[name]; there {
			return k, true, fmt.Errorf("holds secret parameter %s", name)
		}
	}
	if all["kty"] == "oct" {
		return k, true, fmt.Errorf("is symmetric")
	}
	if err := checkUse(all); err != nil {
		return k, false, err
	}
	if err := k.readPublic(all); err != nil {
		return k, false, err
	}
	if alg, there := all["alg"]; there {
		k.alg, _ = alg.(string)
		if familyOf(k.alg) != k.family {
			return k, false, fmt.Errorf("alg %.20q does not fit a key of family %s", k.alg, k.family)
		}
	}
	return k, false, nil
}

// checkUse refuses keys that are meant for something else than signatures.
func checkUse(all map[string]any) error {
	if use, there := all["use"]; there && use != "sig" {
		return fmt.Errorf("is not for signatures")
	}
	if ops, there := all["key_ops"]; there {
		list, ok := ops.([]any)
		if !ok || !slices.Contains(list, any("verify")) {
			return fmt.Errorf("is not for verifying")
		}
	}
	return nil
}

func (k *key) readPublic(all map[string]any) error {
	switch all["kty"] {
	case "RSA":
		return k.readRSA(all)
	case "EC":
		switch all["crv"] {
		case "P-256":
			return k.readEC(all, p256Key, elliptic.P256())
		case "P-384":
			return k.readEC(all, p384Key, elliptic.P384())
		}
		return fmt.Errorf("has a curve other than P-256 and P-384")
	case "OKP":
		x, err := bytesOf(all, "x")
		if err != nil {
			return err
		}
		if all["crv"] != "Ed25519" || len(x) != ed25519.PublicKeySize {
			return fmt.Errorf("is no Ed25519 key")
		}
		k.family, k.public = edKey, ed25519.PublicKey(x)
		return nil
	}
	return fmt.Errorf("has an unknown type")
}

// readRSA takes moduli of 2048 to 4096 bits and the exponent 65537, which is
// what every CI platform uses: a modulus of 32,768 bits costs 0.1 s a token.
func (k *key) readRSA(all map[string]any) error {
	modulus, err := bytesOf(all, "n")
	if err != nil {
		return err
	}
	exponent, err := bytesOf(all, "e")
	if err != nil {
		return err
	}
	n, e := new(big.Int).SetBytes(modulus), new(big.Int).SetBytes(exponent)
	switch {
	case n.BitLen() < 2048 || n.BitLen() > 4096:
		return fmt.Errorf("has a modulus of %d bits", n.BitLen())
	case n.Bit(0) == 0:
		return fmt.Errorf("has an even modulus")
	case !e.IsInt64() || e.Int64() != 65537:
		return fmt.Errorf("has an exponent other than 65537")
	}
	k.family, k.public = rsaKey, &rsa.PublicKey{N: n, E: 65537}
	return nil
}

func (k *key) readEC(all map[string]any, f family, curve elliptic.Curve) error {
	point := []byte{4} // uncompressed, SEC 1 §2.3.3
	for _, name := range []string{"x", "y"} {
		b, err := bytesOf(all, name)
		if err != nil {
			return err
		}
		if len(b) != (curve.Params().BitSize+7)/8 {
			return fmt.Errorf("has a coordinate of %d bytes", len(b))
		}
		point = append(point, b...)
	}
	public, err := ecdsa.ParseUncompressedPublicKey(curve, point)
	if err != nil {
		return fmt.Errorf("is no point of the curve: %w", err)
	}
	k.family, k.public = f, public
	return nil
}

func bytesOf(all map[string]any, name string) ([]byte, error) {
	s, ok := all[name].(string)
	if !ok || s == "" {
		return nil, fmt.Errorf("has no %s", name)
	}
	b, err := decode(s)
	if err != nil {
		return nil, fmt.Errorf("has a %s that is not base64url", name)
	}
	return b, nil
}

const maxKeys = 100

// A keySet is what an issuer publishes at one time. It is immutable.
type keySet struct {
	usable []key
	byID   map[string]key    // the usable ones that have a kid
	broken map[string]string // kid of the others → what is wrong with them
	junk   int
	secret int // keys with private or symmetric material
}

// parseKeys reads a key set (RFC 7517 §5) key by key, so that one strange key
// does not take the others along. Of two keys with one kid the first counts.
func parseKeys(body []byte) (*keySet, error) {
	var doc map[string]json.RawMessage // by exact case, unlike a struct
	if err := json.Unmarshal(body, &doc); err != nil {
		return nil, fmt.Errorf("read key set: %w", err)
	}
	var list []json.RawMessage
	if err := json.Unmarshal(doc["keys"], &list); err != nil {
		return nil, fmt.Errorf("read key set: keys is no array")
	}
	if len(list) > maxKeys {
		return nil, fmt.Errorf("read key set: %d keys, at most %d are read", len(list), maxKeys)
	}
	s := &keySet{byID: map[string]key{}, broken: map[string]string{}}
	for _, data := range list {
		k, secret, err := parseKey(data)
		if secret {
			s.secret++
		}
		_, twice := s.byID[k.id]
		switch {
		case err != nil:
			s.junk++
			if k.id != "" {
				s.broken[k.id] = err.Error()
			}
		case k.id == "":
			s.usable = append(s.usable, k)
		case twice:
			s.junk++
		default:
			s.byID[k.id] = k
			s.usable = append(s.usable, k)
		}
	}
	return s, nil
}

// choose returns the one key that h names and that may verify h's algorithm.
// Without a kid that is the only usable one.
func (s *keySet) choose(h header) (key, error) {
	var k key
	if h.keyID == "" {
		if len(s.usable) != 1 {
			return key{}, refuse("kid_missing", nil).got(fmt.Sprintf("none, with %d keys published", len(s.usable)))
		}
		k = s.usable[0]
	} else {
		var ok bool
		if k, ok = s.byID[h.keyID]; !ok {
			if why, broken := s.broken[h.keyID]; broken {
				return key{}, refuse("key_unusable", nil).got("key " + h.keyID + " " + why)
			}
			return key{}, refuse("kid_unknown", nil).got("kid " + h.keyID)
		}
	}
	if familyOf(h.alg) != k.family {
		return key{}, refuse("key_unusable", nil).got(fmt.Sprintf("alg %s with a key of family %s", h.alg, k.family))
	}
	if k.alg != "" && k.alg != h.alg {
		return key{}, refuse("alg_not_allowed", nil).got(fmt.Sprintf("alg %s with a key for %s", h.alg, k.alg))
	}
	return k, nil
}
