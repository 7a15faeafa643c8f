package idtoken

import (
	"unicode/utf8"

	"slipway"
)

// A Refusal is why a token was not verified. Its Kind is Unauthenticated, or
// Unavailable when Reason is "jwks_unavailable" and CI should retry. Its
// message may be shown to anyone; Reason and Check are for whoever configured
// the identity.
type Refusal struct {
	Reason string // "signature_invalid"
	Check  slipway.TrustCheck
	err    *slipway.Error
}

// Error returns the reason and, for the log, the cause.
func (r *Refusal) Error() string { return r.Reason + ": " + r.err.Error() }

// Unwrap returns the *slipway.Error.
func (r *Refusal) Unwrap() error { return r.err }

// refuse returns the refusal of that reason. Cause goes to the log only.
func refuse(reason string, cause error) *Refusal {
	k, known := reasons[reason]
	if !known {
		k = reasons["malformed_token"] // unreachable unless a reason is not in the table
	}
	err := slipway.Errorf(slipway.Unauthenticated, "token not accepted")
	if reason == "jwks_unavailable" {
		err = slipway.Errorf(slipway.Unavailable, "the keys of the token's issuer cannot be had right now; retry in a minute")
	}
	return &Refusal{
		Reason: reason,
		Check:  slipway.TrustCheck{Name: k.check, Want: k.want, Reason: reason, Advice: k.advice},
		err:    err.Because(cause),
	}
}

// got returns r with what the token says.
func (r *Refusal) got(s string) *Refusal { r.Check.Got = cut(s); return r }

// want returns r with what was expected of it.
func (r *Refusal) want(s string) *Refusal { r.Check.Want = cut(s); return r }

type explanation struct{ check, want, advice string }

// reasons says of every code which check it belongs to and what to do.
var reasons = map[string]explanation{
	"bad_request":       {"form", "a token", "No token was sent: is the variable of the job's id_tokens entry set where the request is made?"},
	"token_too_large":   {"form", "at most 16 KiB", "No CI platform makes tokens of this size."},
	"malformed_token":   {"form", "a signed token in compact form", "What was sent is no JSON Web Token. Was it cut, quoted or given a line break on the way?"},
	"crit_unsupported":  {"form", "no critical header parameters", "The token demands an extension that is not understood here."},
	"typ_not_allowed":   {"form", "typ JWT or none", "This is a token for something else than showing who a job is."},
	"alg_not_allowed":   {"algorithm", "RS256, RS384, RS512, PS256, ES256, ES384 or EdDSA, as its key says", "The token is signed in a way that is not accepted."},
	"issuer_mismatch":   {"issuer", "", "The token comes from another issuer than this identity trusts. The two are compared character by character."},
	"kid_missing":       {"key", "a kid in the token's header", "The issuer has several keys and the token does not say which one signed it."},
	"kid_unknown":       {"key", "a key that the issuer publishes", "The issuer does not publish the key that signed this token: it was withdrawn, or another instance made the token."},
	"key_unusable":      {"key", "a signature key: RSA of 2048 to 4096 bits with exponent 65537, P-256, P-384 or Ed25519", "The issuer publishes a key of that name which cannot verify such a signature."},
	"signature_invalid": {"signature", "", "The token was changed after it was signed, or somebody else made it."},
	"claims_malformed":  {"claims", "one JSON object with iss, sub, jti, exp, nbf and iat, no name twice", "The issuer signed something that is no proper ID token."},
	"audience_mismatch": {"audience", "", "The ID token was made for another client: compare the client ID with the provider's."},
	"token_expired":     {"expires", "", "The ID token is too old: is the clock of one of the two servers wrong?"},
	"issued_in_future":  {"issued_at", "", "The ID token is of the future: is the clock of one of the two servers wrong?"},
	"not_yet_valid":     {"not_before", "", "The ID token is not valid yet: is the clock of one of the two servers wrong?"},
	"nonce_mismatch":    {"nonce", "", "The ID token belongs to another sign-in."},
	"code_refused":      {"code", "", "The provider did not redeem the code: compare client ID, client secret and redirect URL with what it has."},
	"jwks_unavailable":  {"keys", "the issuer's keys", "The issuer's discovery document or keys could not be fetched: look at its URL, its address, its certificate."},
}

// cut shortens s to what a TrustCheck may hold, at a character's border.
func cut(s string) string {
	const most = 256
	if len(s) <= most {
		return s
	}
	end := most - len("…")
	for end > 0 && !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end] + "…"
}
