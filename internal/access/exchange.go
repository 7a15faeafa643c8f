package access

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"slipway"
	"slipway/internal/idtoken"
	"slipway/internal/signer"
	"slipway/internal/trust"
)

const methodExchange = "/bytebase.v1.AuthService/ExchangeToken"

// maxToken bounds a token in bytes, ours and foreign ones.
const maxToken = 16 << 10

// A TokenRequest asks for an access token in trade for an ID token.
type TokenRequest struct {
	Token  slipway.Secret // the CI job's ID token
	Email  string         // of the workload identity to become
	Origin slipway.Origin
}

// An AccessToken is what an ID token was traded for.
type AccessToken struct {
	Token     slipway.Secret
	Expires   time.Time
	Reference string // of the exchange
}

// Exchange trades a CI job's ID token for a token of ours (after RFC 8693),
// bound to the identity as it stands and to the job, and not outliving the ID
// token.
//
// Every refusal reads the same to the caller, whether or not there is such an
// identity: a reference, and what its own token says. What was expected stands
// in the exchange of that reference. An issuer that cannot be reached is
// Unavailable, so that CI may retry. Without an identity that names an issuer
// nothing is fetched: a stranger cannot make the server call a URL.
func (s *Service) Exchange(ctx context.Context, in TokenRequest) (AccessToken, error) {
	email := strings.ToLower(strings.TrimSpace(in.Email))
	if in.Token == "" || email == "" {
		return AccessToken{}, slipway.Errorf(slipway.Invalid, "token and email are needed: the job's ID token, and the e-mail address of the workload identity")
	}
	if len(email) > 254 || strings.ContainsFunc(email, func(r rune) bool { return r <= ' ' || r == 0x7f }) {
		return AccessToken{}, slipway.Errorf(slipway.Invalid, "email is no address of a workload identity")
	}
	if err := s.exchangeFrom.take(addressKey(in.Origin.IP)); err != nil {
		return AccessToken{}, err
	}
	if err := s.exchangeEmails.take(email); err != nil {
		return AccessToken{}, err
	}
	start := s.now()
	x := slipway.Exchange{Reference: rand.Text()[:16], Time: start.UTC().Truncate(time.Microsecond), Identity: email, Origin: in.Origin}
	w, claims, err := s.judge(ctx, in.Token.Reveal(), &x)
	var out AccessToken
	if err == nil {
		out, err = s.mint(ctx, w, claims, x)
	}
	x.Allowed, x.Latency = err == nil, s.now().Sub(start)
	if recordErr := s.record(ctx, x, w.Project, err); recordErr != nil {
		return AccessToken{}, fmt.Errorf("record the exchange %s: %w", x.Reference, errors.Join(recordErr, err))
	}
	if err != nil {
		return AccessToken{}, err
	}
	return out, nil
}

// judge finds out whether raw may become the identity that x asks for, and
// writes into x what it found on the way. Its errors may be shown to anyone.
func (s *Service) judge(ctx context.Context, raw string, x *slipway.Exchange) (slipway.WorkloadIdentity, trust.Claims, error) {
	w, err := s.st.WorkloadIdentity(ctx, x.Identity)
	if err != nil && slipway.KindOf(err) != slipway.NotFound {
		return w, trust.Claims{}, err
	}
	if found := identityCheck(x.Identity, err == nil, w.Deleted); !found.OK {
		s.decoy.verify(raw)
		return w, trust.Claims{}, refuse(x, raw, []slipway.TrustCheck{found}, found.Reason)
	}
	m, err := trust.Compile(w.Trust)
	if err != nil {
		check := slipway.TrustCheck{Name: "configuration", Reason: "not_configured", Advice: slipway.MessageOf(err)}
		return w, trust.Claims{}, refuse(x, raw, []slipway.TrustCheck{check}, check.Reason)
	}
	claims, checks, err := s.tokens.Verify(ctx, w.Trust.Issuer, raw)
	if err != nil {
		return w, claims, refusal(x, raw, checks, err)
	}
	x.Claims, x.TokenID = claims.All(), tokenID(claims)
	delete(x.Claims, "jti") // TokenID stands for it
	d := m.Decide(claims, s.now())
	x.Job = d.Job
	checks = append(checks, d.Checks...)
	if !d.Allowed {
		return w, claims, refuse(x, raw, checks, d.Reason)
	}
	x.Checks = checks
	return w, claims, nil
}

func identityCheck(email string, found, deleted bool) slipway.TrustCheck {
	c := slipway.TrustCheck{Name: "identity", OK: true, Want: "an active workload identity", Got: email}
	switch {
	case !found:
		c.OK, c.Reason = false, "identity_unknown"
		c.Advice = "There is no workload identity of this address. Compare it with the list under Users & Groups."
	case deleted:
		c.OK, c.Reason = false, "identity_deactivated"
		c.Advice = "This workload identity is deactivated. Restore it, or let the pipeline use another."
	}
	return c
}

// refusal turns an error of the verifier into what the caller is told.
func refusal(x *slipway.Exchange, raw string, checks []slipway.TrustCheck, err error) error {
	r, ok := errors.AsType[*idtoken.Refusal](err)
	if !ok {
		x.Checks, x.Reason = checks, "internal"
		return err
	}
	if slipway.KindOf(err) == slipway.Unavailable {
		x.Checks, x.Reason = checks, r.Reason
		e := slipway.Errorf(slipway.Unavailable, "the issuer of the token cannot be reached right now: try again; reference %s", x.Reference)
		e.RetryAfter = 10 * time.Second
		return e.Because(err)
	}
	return refuse(x, raw, checks, r.Reason).Because(err)
}

// refuse completes x and returns the one refusal there is.
func refuse(x *slipway.Exchange, raw string, checks []slipway.TrustCheck, reason string) *slipway.Error {
	x.Checks, x.Reason = checks, reason
	return slipway.Errorf(slipway.Unauthenticated, "token not accepted (reference %s): %s", x.Reference, says(raw))
}

// says repeats what a token says of itself, unverified, for the job's own log.
func says(raw string) string {
	const unreadable = "it is not a readable JWT"
	parts := strings.Split(raw, ".")
	if len(raw) > maxToken || len(parts) != 3 {
		return unreadable
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return unreadable
	}
	claims, err := trust.ParseObject(payload)
	if err != nil {
		return unreadable
	}
	var said []string
	for _, name := range []string{"iss", "aud", "sub", "namespace_path", "project_path", "ref_type", "ref"} {
		v, there := claims[name]
		if !there {
			continue
		}
		text, isText := v.(string)
		if !isText {
			b, _ := json.Marshal(v) // it was just decoded from JSON
			text = string(b)
		}
		said = append(said, fmt.Sprintf("%s %.200q", name, text))
	}
	if len(said) == 0 {
		return "it names no iss, aud or sub"
	}
	return "it says " + strings.Join(said, ", ")
}

// tokenID names a token in the records without being one.
func tokenID(c trust.Claims) string {
	sum := sha256.Sum256([]byte(c.Issuer + "\x00" + c.ID))
	return hex.EncodeToString(sum[:])
}

// mint makes the token. It ends with the ID token, which on GitLab ends with
// the job, give or take the clocks.
func (s *Service) mint(ctx context.Context, w slipway.WorkloadIdentity, c trust.Claims, x slipway.Exchange) (AccessToken, error) {
	expires := s.now().Add(s.cfg.TokenTTL)
	if end := c.Expires.Add(trust.Leeway); end.Before(expires) {
		expires = end
	}
	expires = expires.UTC().Truncate(time.Second)
	raw, err := s.signer.Mint(ctx, signer.Token{Identity: w.Email, Revision: w.Revision, Job: x.Job, Expires: expires})
	if err != nil {
		return AccessToken{}, fmt.Errorf("mint a token for %s: %w", w.Email, err)
	}
	return AccessToken{Token: slipway.Secret(raw), Expires: expires, Reference: x.Reference}, nil
}

// record writes the exchange and its audit entry, also when the caller has
// gone: an attempt that nobody waited for is an attempt.
func (s *Service) record(ctx context.Context, x slipway.Exchange, project string, outcome error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	e := slipway.AuditEntry{
		Time: x.Time, Caller: slipway.Principal{Origin: x.Origin}, Method: methodExchange,
		Resource: "workloadIdentities/" + x.Identity, Project: project,
		Request: auditRequest(x), Latency: x.Latency, Reference: x.Reference,
	}
	if x.Allowed {
		e.Caller = slipway.Principal{Kind: slipway.WorkloadIdentityKind, Email: x.Identity, Job: &x.Job, Origin: x.Origin}
	} else {
		e.Kind, e.Message = slipway.KindOf(outcome), slipway.MessageOf(outcome)
	}
	return s.st.Record(ctx, x, e)
}

// auditRequest tells the audit log what was found. What does not fit the log's
// bound stands in the exchange of the same reference.
func auditRequest(x slipway.Exchange) string {
	const most = 16 << 10
	for _, body := range []any{
		map[string]any{"email": x.Identity, "reason": x.Reason, "checks": x.Checks, "claims": x.Claims},
		map[string]any{"email": x.Identity, "reason": x.Reason, "checks": x.Checks},
		map[string]any{"email": x.Identity, "reason": x.Reason},
	} {
		b, err := json.Marshal(body)
		if err == nil && len(b) <= most {
			return string(b)
		}
	}
	return "" // unreachable unless an address outgrows its bound
}

// A decoy takes about as long as checking a signature does, for identities
// that do not exist.
type decoy struct {
	key       *ecdsa.PrivateKey
	signature []byte // of something else
}

func newDecoy() (decoy, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return decoy{}, fmt.Errorf("make a decoy key: %w", err)
	}
	other := sha256.Sum256([]byte("decoy"))
	signature, err := ecdsa.SignASN1(rand.Reader, key, other[:])
	if err != nil {
		return decoy{}, fmt.Errorf("make a decoy signature: %w", err)
	}
	return decoy{key, signature}, nil
}

func (d decoy) verify(raw string) {
	sum := sha256.Sum256([]byte(raw[:min(len(raw), maxToken)]))
	ecdsa.VerifyASN1(&d.key.PublicKey, sum[:], d.signature)
}
