// Package signer mints and verifies the short-lived tokens that CI jobs call
// Slipway with: Ed25519 JSON Web Tokens of a type and audience of their own,
// which no browser session and no foreign token can be mistaken for.
//
// A token says who may be speaking, not whether they still may: callers look up
// the identity and its revision with every use. The invariant to keep: Verify
// takes exactly what Mint makes, byte for byte the same header, and nothing
// like it.
package signer

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"slipway"
	"slipway/internal/trust"
)

const (
	// Type is the typ of our tokens' header. It keeps ID tokens, sessions and
	// these apart (RFC 8725 §3.11).
	Type = "wif+at"

	issuer   = "slipway/" + slipway.WorkspaceID
	audience = "slipway/" + slipway.WorkspaceID + "/api"

	maxToken    = 8 << 10 // bytes; ours are about 1 KiB
	maxLifetime = 24 * time.Hour
)

// A Token is what one of our tokens says.
type Token struct {
	Identity string      // e-mail of the workload identity
	Revision int64       // of the identity when the token was minted
	Job      slipway.Job // that exchanged its ID token
	Issued   time.Time   // set by Mint
	Expires  time.Time   // whole seconds; the token is refused from then on
	ID       string      // set by Mint, random
}

// payload is a Token on the wire.
type payload struct {
	Issuer   string      `json:"iss"`
	Audience string      `json:"aud"`
	Identity string      `json:"sub"`
	Issued   int64       `json:"iat"`
	Expires  int64       `json:"exp"`
	ID       string      `json:"jti"`
	Revision int64       `json:"rev"`
	Job      slipway.Job `json:"job"`
}

// A Signer mints and verifies tokens. It may be used by many goroutines.
type Signer struct {
	keys *keys
	now  func() time.Time
}

// New returns a Signer with keys from ring. A nil now is time.Now.
func New(ring Keyring, now func() time.Time) *Signer {
	if now == nil {
		now = time.Now
	}
	return &Signer{keys: &keys{ring: ring, now: now}, now: now}
}

// Mint returns t signed. It makes a new signing key when one is due. A token
// that has ended or would live longer than a day is refused.
func (s *Signer) Mint(ctx context.Context, t Token) (string, error) {
	now := s.now()
	if t.Identity == "" || !now.Before(t.Expires) || t.Expires.Sub(now) > maxLifetime {
		return "", slipway.Errorf(slipway.Invalid, "a token needs an identity and an end within the next %v", maxLifetime)
	}
	k, err := s.keys.signing(ctx)
	if err != nil {
		return "", fmt.Errorf("find signing key: %w", err)
	}
	body, err := json.Marshal(payload{
		Issuer: issuer, Audience: audience, Identity: t.Identity, Revision: t.Revision, Job: t.Job,
		Issued: now.Unix(), Expires: t.Expires.Unix(), ID: rand.Text(),
	})
	if err != nil {
		return "", fmt.Errorf("write token: %w", err)
	}
	input := encode([]byte(header(k.ID))) + "." + encode(body)
	raw := input + "." + encode(ed25519.Sign(k.Private, []byte(input)))
	if len(raw) > maxToken {
		return "", slipway.Errorf(slipway.Invalid, "the job's claims make a token of more than %d bytes", maxToken)
	}
	return raw, nil
}

// Verify returns what raw says if it is a token of ours that has not ended.
// Anything else is Unauthenticated, always in the same words; the cause says
// more to the log.
func (s *Signer) Verify(ctx context.Context, raw string) (Token, error) {
	refused := slipway.Errorf(slipway.Unauthenticated, "the access token is not valid or has expired")
	head, body, sig, err := split(raw)
	if err != nil {
		return Token{}, refused.Because(err)
	}
	id, err := keyID(head)
	if err != nil {
		return Token{}, refused.Because(err)
	}
	k, found, err := s.keys.verifying(ctx, id)
	if err != nil {
		return Token{}, fmt.Errorf("find signing key: %w", err)
	}
	input := raw[:strings.LastIndexByte(raw, '.')]
	if !found || !ed25519.Verify(k.Private.Public().(ed25519.PublicKey), []byte(input), sig) {
		return Token{}, refused.Because(fmt.Errorf("no valid signature by key %.80q", id))
	}
	t, err := read(body)
	if err != nil {
		return Token{}, refused.Because(err)
	}
	if !s.now().Before(t.Expires) {
		return Token{}, refused.Because(fmt.Errorf("expired at %s", t.Expires.Format(time.RFC3339)))
	}
	return t, nil
}

// read decodes the payload of a token whose signature is good.
func read(body []byte) (Token, error) {
	if _, err := trust.ParseObject(body); err != nil {
		return Token{}, err
	}
	var p payload
	if err := json.Unmarshal(body, &p); err != nil {
		return Token{}, fmt.Errorf("read token: %w", err)
	}
	if p.Issuer != issuer || p.Audience != audience || p.Identity == "" || p.ID == "" {
		return Token{}, fmt.Errorf("read token: not made for this workspace")
	}
	return Token{
		Identity: p.Identity, Revision: p.Revision, Job: p.Job, ID: p.ID,
		Issued: time.Unix(p.Issued, 0).UTC(), Expires: time.Unix(p.Expires, 0).UTC(),
	}, nil
}

// header returns the one header that a token of ours signed by key id has.
func header(id string) string {
	return `{"alg":"EdDSA","kid":"` + id + `","typ":"` + Type + `"}`
}

// keyID returns the id in head, which must be a header of ours to the byte.
func keyID(head []byte) (string, error) {
	const before, after = `{"alg":"EdDSA","kid":"`, `","typ":"` + Type + `"}`
	id, begins := strings.CutPrefix(string(head), before)
	id, ends := strings.CutSuffix(id, after)
	if !begins || !ends || id == "" || strings.ContainsAny(id, `"\`) {
		return "", fmt.Errorf("read token: the header is not one of ours")
	}
	return id, nil
}

func split(raw string) (head, body, sig []byte, err error) {
	if len(raw) > maxToken || strings.ContainsAny(raw, "\r\n") {
		return nil, nil, nil, fmt.Errorf("read token: too long or with a line break")
	}
	parts := strings.Split(raw, ".")
	if len(parts) != 3 {
		return nil, nil, nil, fmt.Errorf("read token: %d parts instead of 3", len(parts))
	}
	for i, to := range []*[]byte{&head, &body, &sig} {
		// Strict: without it one signature could be written in several ways.
		if *to, err = base64.RawURLEncoding.Strict().DecodeString(parts[i]); err != nil {
			return nil, nil, nil, fmt.Errorf("read token: %w", err)
		}
	}
	return head, body, sig, nil
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }
