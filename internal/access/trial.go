package access

import (
	"context"
	"encoding/base64"
	"errors"
	"slices"
	"strings"
	"time"

	"slipway"
	"slipway/internal/iam"
	"slipway/internal/idtoken"
	"slipway/internal/trust"
)

// A Trial is what would have come of exchanging a token.
type Trial struct {
	// Signed says that a whole token was tried and its signature verified. Of
	// claims alone nobody knows who signed them.
	Signed  bool
	Allowed bool   // every check passed; without a signature, every one but that
	Reason  string // code of the first failed check
	Checks  []slipway.TrustCheck
	Claims  map[string]any // verified if Signed
	Job     slipway.Job
}

// maxTrial bounds what TestToken reads, in bytes: claims as a person would
// format them.
const maxTrial = 4 * maxToken

// TestToken holds an ID token, or a JSON object of claims, against what an
// identity trusts, for those who may look at the identity. It never mints
// anything, and it is no exchange.
func (s *Service) TestToken(ctx context.Context, who slipway.Principal, email, text string) (Trial, error) {
	w, act, missing := s.identityAct(ctx, who, email, iam.WorkloadIdentitiesGet, "TestToken")
	if err := s.gate.Can(ctx, act); err != nil {
		return Trial{}, err
	}
	if missing != nil {
		return Trial{}, missing
	}
	t, err := s.try(ctx, w, strings.TrimSpace(text))
	act.Request = map[string]any{"signed": t.Signed, "allowed": t.Allowed, "reason": t.Reason}
	s.gate.Note(ctx, act, err)
	return t, err
}

func (s *Service) try(ctx context.Context, w slipway.WorkloadIdentity, text string) (Trial, error) {
	if len(text) > maxTrial {
		return Trial{}, slipway.Errorf(slipway.Invalid, "at most %d KiB: one ID token, or its claims", maxTrial>>10)
	}
	m, err := trust.Compile(w.Trust)
	if err != nil {
		return Trial{}, err
	}
	var t Trial
	if found := identityCheck(w.Email, true, w.Deleted); !found.OK {
		t.Checks = append(t.Checks, found)
	}
	payload, algorithm := []byte(text), usualAlgorithm
	if !strings.HasPrefix(text, "{") {
		if payload, algorithm, err = t.verify(ctx, s.tokens, w.Trust.Issuer, text); err != nil {
			return Trial{}, err
		}
	}
	t.decide(m, payload, algorithm, s.now())
	for _, c := range t.Checks {
		if !c.OK && t.Reason == "" {
			t.Reason = c.Reason
		}
	}
	t.Allowed = t.Reason == ""
	return t, nil
}

// usualAlgorithm stands for the algorithm of a signature that was not verified:
// what is wrong with it is told by the verifier, or by nobody.
const usualAlgorithm = "RS256"

// verify checks the signature of raw and returns what it says, whether the
// signature is good or not, and the algorithm.
func (t *Trial) verify(ctx context.Context, v *idtoken.Verifier, issuer, raw string) (payload []byte, algorithm string, err error) {
	parts := strings.Split(raw, ".")
	if len(parts) != 3 {
		return nil, "", slipway.Errorf(slipway.Invalid, "that is neither an ID token, which has three parts with dots between them, nor a JSON object of claims")
	}
	if payload, err = base64.RawURLEncoding.DecodeString(parts[1]); err != nil {
		return nil, "", slipway.Errorf(slipway.Invalid, "the token's middle part is not base64url: was it copied whole?")
	}
	claims, checks, err := v.Verify(ctx, issuer, raw)
	t.Checks = append(t.Checks, checks...)
	if err == nil {
		t.Signed = true
		return payload, claims.Algorithm, nil
	}
	if _, refused := errors.AsType[*idtoken.Refusal](err); !refused {
		return nil, "", err
	}
	return payload, usualAlgorithm, nil
}

// decide holds payload against m, as far as it can be read.
func (t *Trial) decide(m *trust.Matcher, payload []byte, algorithm string, now time.Time) {
	all, err := trust.ParseObject(payload)
	var claims trust.Claims
	if err == nil {
		t.Claims = all
		claims, err = trust.ReadClaims(all, algorithm)
	}
	if err != nil {
		t.Checks = append(t.Checks, slipway.TrustCheck{
			Name: "claims", Want: "the claims of an ID token", Got: err.Error(), Reason: "claims_malformed",
			Advice: "Paste the token as the job got it, or all of its claims as one JSON object.",
		})
		return
	}
	d := m.Decide(claims, now)
	t.Job = d.Job
	for _, c := range d.Checks {
		// The verifier has looked at the issuer already.
		if !slices.ContainsFunc(t.Checks, func(was slipway.TrustCheck) bool { return was.Name == c.Name }) {
			t.Checks = append(t.Checks, c)
		}
	}
}
