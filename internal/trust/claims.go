package trust

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"strconv"
	"strings"
	"time"
)

// Claims is what an ID token says, read strictly. Whoever makes one vouches
// that the signature over it was verified.
type Claims struct {
	Algorithm string // alg of the signature, "RS256": a platform allows some only
	Issuer    string // iss
	Subject   string // sub
	ID        string // jti
	Audience  []string
	Expires   time.Time
	NotBefore time.Time
	IssuedAt  time.Time
	all       map[string]any
}

// Bounds in bytes. Deep groups make a sub long: GitLab nests 20 of them.
const (
	maxIssuer  = 1024
	maxSubject = 1024
	maxTokenID = 256
)

// ReadClaims reads the payload, decoded by ParseObject, of a token that was
// signed with alg. All of iss, sub, jti, exp, nbf and iat have to be there with
// their types; aud may be absent here and is missed when a decision is made.
// The error says which claim is wrong and nothing else of the token. The map
// must not change afterwards.
func ReadClaims(all map[string]any, alg string) (Claims, error) {
	c := Claims{Algorithm: alg, all: all}
	var err error
	for _, f := range []struct {
		name string
		max  int
		to   *string
	}{
		{"iss", maxIssuer, &c.Issuer}, {"sub", maxSubject, &c.Subject}, {"jti", maxTokenID, &c.ID},
	} {
		s, ok := all[f.name].(string)
		if !ok || s == "" || len(s) > f.max {
			return Claims{}, fmt.Errorf("claim %s is not a string of 1 to %d bytes", f.name, f.max)
		}
		*f.to = s
	}
	for _, f := range []struct {
		name string
		to   *time.Time
	}{
		{"exp", &c.Expires}, {"nbf", &c.NotBefore}, {"iat", &c.IssuedAt},
	} {
		if *f.to, err = numericDate(all[f.name]); err != nil {
			return Claims{}, fmt.Errorf("claim %s %w", f.name, err)
		}
	}
	if c.Audience, err = audience(all); err != nil {
		return Claims{}, err
	}
	return c, nil
}

// Text returns the claim of that name if it is there and a string.
func (c Claims) Text(name string) (string, bool) {
	s, ok := c.all[name].(string)
	return s, ok
}

// All returns every claim by name, as ParseObject decodes them.
func (c Claims) All() map[string]any { return maps.Clone(c.all) }

// lastDate is the end of the year 9999 in Unix seconds: later ones only serve
// to overflow something.
const lastDate = 253402300799

// numericDate reads a NumericDate (RFC 7519 §2), rounding a fraction down.
// Exponents are refused: no issuer writes them, and 1e300 is no date.
func numericDate(v any) (time.Time, error) {
	n, ok := v.(json.Number)
	if !ok {
		return time.Time{}, fmt.Errorf("is not a number")
	}
	whole, fraction, _ := strings.Cut(string(n), ".")
	seconds, err := strconv.ParseInt(whole, 10, 64)
	if err != nil || seconds > lastDate || seconds < math.MinInt32 || strings.ContainsAny(fraction, "eE") {
		return time.Time{}, fmt.Errorf("is not a date")
	}
	if strings.HasPrefix(whole, "-") && strings.Trim(fraction, "0") != "" {
		seconds--
	}
	return time.Unix(seconds, 0).UTC(), nil
}

// audience reads aud, which is a string or an array of strings (RFC 7519 §4.1.3).
func audience(all map[string]any) ([]string, error) {
	v, there := all["aud"]
	if !there {
		return nil, nil
	}
	switch v := v.(type) {
	case string:
		return []string{v}, nil
	case []any:
		list := []string{}
		for _, e := range v {
			s, ok := e.(string)
			if !ok {
				return nil, fmt.Errorf("claim aud holds something else than strings")
			}
			list = append(list, s)
		}
		return list, nil
	}
	return nil, fmt.Errorf("claim aud is neither a string nor an array of strings")
}
