// Package access knows who calls. It keeps people, service accounts, workload
// identities, roles and policies; it signs people in; it trades a CI job's ID
// token for a token of ours; and it turns the credential of every call into a
// Principal.
//
// Credentials come in three sorts, and none is ever stored or logged: people
// and service accounts hold opaque random tokens, of which the store has the
// SHA-256; workload identities hold short-lived signed tokens, which are
// compared with the identity as it stands at every call, so that deactivating
// it or changing whom it trusts ends them at once. What a Principal may do is
// looked up at every call too, by package gate.
//
// Strangers reach Login, CompleteSetup and Exchange. These say the same
// whatever went wrong, are bounded in rate and memory, and leave the reason in
// the audit log.
package access

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"log/slog"
	"runtime"
	"time"

	"slipway"
	"slipway/internal/gate"
	"slipway/internal/iam"
	"slipway/internal/idtoken"
	"slipway/internal/signer"
	"slipway/internal/store"
)

// A Config tunes a Service. The zero Config is good for production.
type Config struct {
	AdminEmail    string         // with AdminPassword: the first Workspace Admin, made when there is nobody yet
	AdminPassword slipway.Secret //

	// AllowPasswords lets people sign in with passwords where the settings have
	// switched that off: the way back in when the provider is gone.
	AllowPasswords bool

	SessionTTL  time.Duration // how long a sign-in lasts at most; 0: 7 days
	SessionIdle time.Duration // how long it lasts unused; 0: 24 h
	TokenTTL    time.Duration // how long an exchanged token lasts at most; 0: 1 h

	SignIn   Rate // tries per account; an address has three times as many. 0: 10, then one in 30 s
	Exchange Rate // per address and per identity. 0: 200, then 20 in a second

	// StrangersFor is how long it stays on record what people and jobs tried that
	// were let in nowhere, and StrangersMost how many of such tries. 0: 90 days,
	// 200,000.
	StrangersFor  time.Duration
	StrangersMost int

	Now func() time.Time // nil: time.Now
}

// A Rate is how often something may be tried.
type Rate struct {
	Burst     int     // at once
	PerSecond float64 // in the long run
}

// A Service answers who calls. It is safe for many goroutines.
type Service struct {
	lg     *slog.Logger
	st     *store.Store
	gate   *gate.Gate
	tokens *idtoken.Verifier
	signer *signer.Signer
	cfg    Config
	now    func() time.Time

	// hashing bounds how many passwords are hashed at once, since each takes
	// 19 MiB.
	hashing chan struct{}

	accounts, addresses          *limiter // tries to sign in
	exchangeEmails, exchangeFrom *limiter

	decoy decoy
}

// New returns a Service that remembers in st, asks g before it acts, and
// trades tokens that v verifies for tokens that sign mints.
func New(lg *slog.Logger, st *store.Store, g *gate.Gate, v *idtoken.Verifier, sign *signer.Signer, cfg Config) (*Service, error) {
	orDuration := func(d *time.Duration, def time.Duration) {
		if *d <= 0 {
			*d = def
		}
	}
	orRate := func(r *Rate, def Rate) {
		if r.Burst <= 0 || r.PerSecond <= 0 {
			*r = def
		}
	}
	orDuration(&cfg.SessionTTL, 7*24*time.Hour)
	orDuration(&cfg.SessionIdle, 24*time.Hour)
	orDuration(&cfg.TokenTTL, time.Hour)
	orDuration(&cfg.StrangersFor, 90*24*time.Hour)
	if cfg.StrangersMost <= 0 {
		cfg.StrangersMost = 200_000
	}
	orRate(&cfg.SignIn, Rate{Burst: 10, PerSecond: 1.0 / 30})
	orRate(&cfg.Exchange, Rate{Burst: 200, PerSecond: 20})
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	d, err := newDecoy()
	if err != nil {
		return nil, err
	}
	address := Rate{Burst: 3 * cfg.SignIn.Burst, PerSecond: 3 * cfg.SignIn.PerSecond}
	return &Service{
		lg: lg, st: st, gate: g, tokens: v, signer: sign, cfg: cfg, now: cfg.Now,
		hashing:        make(chan struct{}, max(2, runtime.GOMAXPROCS(0))),
		accounts:       newLimiter(cfg.SignIn, cfg.Now),
		addresses:      newLimiter(address, cfg.Now),
		exchangeEmails: newLimiter(cfg.Exchange, cfg.Now),
		exchangeFrom:   newLimiter(cfg.Exchange, cfg.Now),
		decoy:          d,
	}, nil
}

// Prefixes of the opaque credentials, so that scanners for leaked secrets find
// them. Exchanged tokens are JWTs.
const (
	sessionPrefix = "slps_"
	keyPrefix     = "slpk_"
	setupPrefix   = "slpu_"
)

// opaque returns a new credential with 260 random bits, and its hash.
func opaque(prefix string) (token, hash string) {
	token = prefix + rand.Text() + rand.Text()
	return token, hashOf(token)
}

// hashOf returns the hex SHA-256 of a random credential, which needs no slow
// hash, having more entropy than any search could cover.
func hashOf(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}

// instant returns now as the store keeps it: in UTC, to the microsecond.
func (s *Service) instant() time.Time { return s.now().UTC().Truncate(time.Microsecond) }

// A handout is what somebody would hand on.
type handout struct {
	what      string  // being done: "grant roles/projectOwner"
	project   string  // where; "" is the workspace
	want      iam.Set // permissions
	condition string  // under which
}

// noMore refuses who if it would hand out a permission that it does not hold
// itself, there and for as long. Whoever grants can therefore never grant itself
// more.
func (s *Service) noMore(ctx context.Context, r store.Reader, who slipway.Principal, h handout) error {
	if who.Kind == slipway.SystemKind {
		return nil
	}
	g, err := gate.Grants(ctx, r, who, h.project)
	if err != nil {
		return err
	}
	missing := g.HeldFor(who, h.condition, s.now()).Missing(h.want)
	if len(missing) == 0 {
		return nil
	}
	resource := slipway.WorkspaceName
	if h.project != "" {
		resource = "projects/" + h.project
	}
	lacks := "lacks %q there itself"
	if g.Held(who, s.now())[missing[0]] {
		lacks = "holds %q there for a shorter time itself"
	}
	e := slipway.Errorf(slipway.Denied, "permission denied: %s cannot %s on %s, since it "+lacks, who.Member(), h.what, resource, missing[0])
	e.Denial = &slipway.Denial{Permission: string(missing[0]), Resource: resource, Caller: who.Member()}
	return e
}
