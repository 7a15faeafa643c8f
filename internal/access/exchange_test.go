package access_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"slipway"
	"slipway/internal/access"
	"slipway/internal/iam"
	"slipway/internal/idtoken"
	"slipway/internal/idtokentest"
	"slipway/internal/store"
)

const deploy = "deploy@workload.bytebase.com"

// A pipeline is a house with a GitLab and an identity that its jobs on main of
// my-group/app may become.
type pipeline struct {
	*house
	gitlab *idtokentest.Issuer
}

func newPipeline(t *testing.T, cfg access.Config) *pipeline {
	t.Helper()
	cfg.AdminEmail, cfg.AdminPassword = adminEmail, adminPassword
	p := &pipeline{}
	p.gitlab = idtokentest.New(t, func() time.Time { return p.clock })
	tokens := idtoken.Config{PrivateIssuers: []string{p.gitlab.URL()}, RootCAs: p.gitlab.Roots()}
	p.house = open(t, cfg, tokens)
	p.setUp()
	_, err := p.CreateWorkloadIdentity(t.Context(), p.admin, access.NewWorkloadIdentity{ID: "deploy", Title: "Deploy", Trust: p.trust()})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func (p *pipeline) trust() slipway.Trust {
	return slipway.Trust{
		Platform: slipway.GitLab, Issuer: p.gitlab.URL(), Audiences: []string{p.gitlab.URL()},
		GitLab: &slipway.GitLabTrust{Group: "my-group", Project: "app", Refs: []slipway.RefRule{{Type: slipway.Branch, Pattern: "main"}}},
	}
}

// exchange asks a second later than the time before, so that last finds it.
func (p *pipeline) exchange(ctx context.Context, raw, email string) (access.AccessToken, error) {
	p.clock = p.clock.Add(time.Second)
	return p.Exchange(ctx, access.TokenRequest{Token: slipway.Secret(raw), Email: email, Origin: slipway.Origin{IP: "192.0.2.7", UserAgent: "curl/8"}})
}

// last returns the newest exchange.
func (p *pipeline) last() slipway.Exchange {
	p.t.Helper()
	list, _, err := p.st.Exchanges(p.t.Context(), store.ExchangeQuery{}, slipway.Page{Size: 1})
	if err != nil || len(list) != 1 {
		p.t.Fatalf("newest exchange: %v, %v", list, err)
	}
	return list[0]
}

func TestExchangeLetsTheJobIn(t *testing.T) {
	p := newPipeline(t, access.Config{})
	ctx := t.Context()
	raw := p.gitlab.Token(t, idtokentest.Job{})
	out, err := p.exchange(ctx, raw, "Deploy@Workload.Bytebase.com")
	if err != nil {
		t.Fatalf("exchange: %v\nchecks: %+v", err, p.last().Checks)
	}
	if got := out.Expires.Sub(p.clock); got != time.Hour {
		t.Errorf("the token lives %s, want 1 h", got)
	}
	who, err := p.Authenticate(ctx, out.Token.Reveal(), slipway.Origin{IP: "192.0.2.7"})
	if err != nil {
		t.Fatal(err)
	}
	if who.Member() != "workloadIdentity:"+deploy || who.Job == nil || who.Job.ProjectPath != "my-group/app" || who.Job.JobID != "302" || who.Job.SHA == "" {
		t.Errorf("the token speaks for %+v, job %+v", who, who.Job)
	}
	self, err := p.Self(ctx, who)
	if err != nil || self.Email != deploy || self.Title != "Deploy" {
		t.Errorf("Self = %+v, %v", self, err)
	}

	x := p.last()
	if !x.Allowed || x.Reason != "" || x.Identity != deploy || x.Reference != out.Reference || x.Claims["project_path"] != "my-group/app" || len(x.Checks) < 5 || x.Job != *who.Job || x.Origin.IP != "192.0.2.7" {
		t.Errorf("exchange on record: %+v", x)
	}
	if _, there := x.Claims["jti"]; there || len(x.TokenID) != 64 {
		t.Errorf("O07 on record are jti %v and TokenID %q", x.Claims["jti"], x.TokenID)
	}
	a := p.lastAudit()
	if !a.OK() || a.Reference != out.Reference || a.Caller.Member() != who.Member() || a.Resource != "workloadIdentities/"+deploy || !strings.Contains(a.Request, `"project_path":"my-group/app"`) || !strings.Contains(a.Request, `"checks":[`) {
		t.Errorf("audit entry: %+v", a)
	}
	for _, secret := range []string{raw, out.Token.Reveal()} {
		for what, v := range map[string]any{"exchange": x, "audit entry": a} {
			text, err := json.Marshal(v)
			if err != nil {
				t.Fatal(err)
			}
			if sign := secret[strings.LastIndexByte(secret, '.')+1:]; strings.Contains(string(text), sign) {
				t.Errorf("the %s holds a token's signature", what)
			}
		}
	}
	// A job may exchange its own token again.
	if _, err := p.exchange(ctx, raw, deploy); err != nil {
		t.Errorf("a second time: %v", err)
	}
}

// TestExchangeRefusesAlike is what a stranger sees: that the reasons differ
// shows in the record alone.
func TestExchangeRefusesAlike(t *testing.T) {
	p := newPipeline(t, access.Config{})
	ctx := t.Context()
	if _, err := p.CreateWorkloadIdentity(ctx, p.admin, access.NewWorkloadIdentity{ID: "retired", Trust: p.trust()}); err != nil {
		t.Fatal(err)
	}
	if err := p.DeleteWorkloadIdentity(ctx, p.admin, "retired@workload.bytebase.com"); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name, email string
		job         idtokentest.Job
		change      map[string]any
		reason      string
		verified    bool
	}{
		{"no such identity", "nobody@workload.bytebase.com", idtokentest.Job{}, nil, "identity_unknown", false},
		{"deactivated", "retired@workload.bytebase.com", idtokentest.Job{}, nil, "identity_deactivated", false},
		{"a person's address", adminEmail, idtokentest.Job{}, nil, "identity_unknown", false},
		{"other project", deploy, idtokentest.Job{Project: "my-group/other"}, nil, "project_mismatch", true},
		{"other group", deploy, idtokentest.Job{Project: "my-group-evil/app"}, nil, "project_mismatch", true},
		{"other branch", deploy, idtokentest.Job{Ref: "dev"}, nil, "ref_mismatch", true},
		{"tag of the branch's name", deploy, idtokentest.Job{RefType: "tag"}, nil, "ref_type_mismatch", true},
		{"other audience", deploy, idtokentest.Job{Audience: "vault"}, nil, "audience_mismatch", true},
		{"two audiences", deploy, idtokentest.Job{}, map[string]any{"aud": []string{"x", "y"}}, "audience_multiple", true},
		{"expired", deploy, idtokentest.Job{}, map[string]any{"exp": morning.Unix() - 31, "iat": morning.Unix() - 3600}, "expired", true},
		{"other issuer", deploy, idtokentest.Job{}, map[string]any{"iss": "https://gitlab.com"}, "issuer_mismatch", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			claims := idtokentest.With(p.gitlab.Claims(tt.job), tt.change)
			_, err := p.exchange(ctx, p.gitlab.Key().Sign(t, claims), tt.email)
			want(t, "exchange", err, slipway.Unauthenticated, "token not accepted (reference ")
			x := p.last()
			if x.Allowed || x.Reason != tt.reason || x.Identity != tt.email {
				t.Errorf("on record: allowed %t, reason %q for %s, want %q\nchecks %+v", x.Allowed, x.Reason, x.Identity, tt.reason, x.Checks)
			}
			if (x.Claims != nil) != tt.verified {
				t.Errorf("claims on record: %v, though verified is %t", x.Claims, tt.verified)
			}
			// The words are the token's own, and nothing else.
			aud, isText := claims["aud"].(string)
			if !isText {
				aud = `["x","y"]`
			}
			told := fmt.Sprintf("token not accepted (reference %s): it says iss %q, aud %q, sub %q, namespace_path %q, project_path %q, ref_type %q, ref %q",
				x.Reference, claims["iss"], aud, claims["sub"], claims["namespace_path"], claims["project_path"], claims["ref_type"], claims["ref"])
			if diff := cmp.Diff(told, slipway.MessageOf(err)); diff != "" {
				t.Errorf("what the caller is told (-want +got):\n%s", diff)
			}
			a := p.lastAudit()
			if a.OK() || a.Reference != x.Reference || !a.Caller.IsZero() || a.Kind != slipway.Unauthenticated || !strings.Contains(a.Request, `"reason":"`+tt.reason+`"`) {
				t.Errorf("audit entry: %+v", a)
			}
		})
	}
}

func TestExchangeRefusesWhatIsNoToken(t *testing.T) {
	p := newPipeline(t, access.Config{})
	ctx := t.Context()
	for _, tt := range []struct{ name, raw, email, reason string }{
		{"A03 not a JWT", "not-a-jwt", deploy, "malformed_token"},
		{"A03 three parts of nothing", "a.b.c", deploy, "malformed_token"},
		{"A02 too large", strings.Repeat("a", 16<<10+1), deploy, "token_too_large"},
		{"not a JWT, no such identity", "not-a-jwt", "nobody@workload.bytebase.com", "identity_unknown"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := p.exchange(ctx, tt.raw, tt.email)
			x := p.last()
			want(t, "exchange", err, slipway.Unauthenticated, "token not accepted (reference "+x.Reference+"): it is not a readable JWT")
			if x.Reason != tt.reason {
				t.Errorf("reason %q, want %q", x.Reason, tt.reason)
			}
		})
	}
	before := p.last().Reference
	for _, tt := range []struct{ name, raw, email string }{
		{"A02 no token", "", deploy},
		{"no address", "a.b.c", ""},
		{"O02 NUL", "a.b.c", "deploy\x00@workload.bytebase.com"},
		{"O02 10 KiB", "a.b.c", strings.Repeat("a", 10<<10)},
	} {
		_, err := p.exchange(ctx, tt.raw, tt.email)
		want(t, tt.name, err, slipway.Invalid, "email")
	}
	if p.last().Reference != before {
		t.Error("a request that is none is on record as an exchange")
	}
}

func TestUnknownIdentityCausesNoRequest(t *testing.T) {
	p := newPipeline(t, access.Config{})
	if _, err := p.exchange(t.Context(), p.gitlab.Token(t, idtokentest.Job{}), "nobody@workload.bytebase.com"); err == nil {
		t.Fatal("let in")
	}
	if got := p.gitlab.Requests(); got != (idtokentest.Requests{}) {
		t.Errorf("a stranger made the server call the issuer: %+v", got)
	}
}

func TestIssuerAway(t *testing.T) {
	p := newPipeline(t, access.Config{})
	p.gitlab.AnswerDiscovery(idtokentest.Down)
	_, err := p.exchange(t.Context(), p.gitlab.Token(t, idtokentest.Job{}), deploy)
	want(t, "exchange", err, slipway.Unavailable, "cannot be reached right now")
	x := p.last()
	if x.Allowed || x.Reason != "jwks_unavailable" {
		t.Errorf("on record: %+v", x)
	}
	if e, ok := errors.AsType[*slipway.Error](err); !ok || e.RetryAfter == 0 || !strings.Contains(e.Message, x.Reference) {
		t.Errorf("error %+v, want one with a time to wait and the reference %s", err, x.Reference)
	}
}

func TestTokenEndsWithTheJob(t *testing.T) {
	p := newPipeline(t, access.Config{})
	ctx := t.Context()
	for _, tt := range []struct{ left, want time.Duration }{
		{10 * time.Minute, 10*time.Minute + 30*time.Second},
		{23 * time.Hour, time.Hour},
	} {
		claims := idtokentest.With(p.gitlab.Claims(idtokentest.Job{}), map[string]any{"exp": p.clock.Add(time.Second + tt.left).Unix()})
		out, err := p.exchange(ctx, p.gitlab.Key().Sign(t, claims), deploy)
		if err != nil {
			t.Fatal(err)
		}
		if got := out.Expires.Sub(p.clock); got != tt.want {
			t.Errorf("an ID token with %s left is traded for %s, want %s", tt.left, got, tt.want)
		}
	}
}

// TestTokenStops holds whoever had a token to the identity as it is now: L01.
func TestTokenStops(t *testing.T) {
	title := "New title"
	tests := []struct {
		name  string
		act   func(p *pipeline, ctx context.Context) error
		words string // "" keeps working
	}{
		{"title edited", func(p *pipeline, ctx context.Context) error {
			_, err := p.UpdateWorkloadIdentity(ctx, p.admin, deploy, access.WorkloadIdentityChange{Title: &title})
			return err
		}, ""},
		{"same trust saved again", func(p *pipeline, ctx context.Context) error {
			same := func(t slipway.Trust) (slipway.Trust, error) { return t, nil }
			_, err := p.UpdateWorkloadIdentity(ctx, p.admin, deploy, access.WorkloadIdentityChange{Trust: same})
			return err
		}, ""},
		{"trust tightened", func(p *pipeline, ctx context.Context) error {
			tighter := func(t slipway.Trust) (slipway.Trust, error) {
				g := *t.GitLab
				g.Refs = []slipway.RefRule{{Type: slipway.Branch, Pattern: "release"}}
				t.GitLab = &g
				return t, nil
			}
			_, err := p.UpdateWorkloadIdentity(ctx, p.admin, deploy, access.WorkloadIdentityChange{Trust: tighter})
			return err
		}, "trusts others now"},
		{"deactivated", func(p *pipeline, ctx context.Context) error { return p.DeleteWorkloadIdentity(ctx, p.admin, deploy) }, "is deactivated"},
		{"deactivated and restored", func(p *pipeline, ctx context.Context) error {
			if err := p.DeleteWorkloadIdentity(ctx, p.admin, deploy); err != nil {
				return err
			}
			_, err := p.UndeleteWorkloadIdentity(ctx, p.admin, deploy)
			return err
		}, "trusts others now"},
		{"time passed", func(p *pipeline, _ context.Context) error { p.clock = p.clock.Add(61 * time.Minute); return nil }, "expired"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := newPipeline(t, access.Config{})
			ctx := t.Context()
			out, err := p.exchange(ctx, p.gitlab.Token(t, idtokentest.Job{}), deploy)
			if err != nil {
				t.Fatal(err)
			}
			if err := tt.act(p, ctx); err != nil {
				t.Fatal(err)
			}
			_, err = p.Authenticate(ctx, out.Token.Reveal(), slipway.Origin{})
			want(t, "the token", err, slipway.Unauthenticated, tt.words)
		})
	}
}

func TestRolesGoAtOnce(t *testing.T) {
	p := newPipeline(t, access.Config{})
	ctx := t.Context()
	p.project("shop", slipway.Binding{Role: iam.GitOpsServiceAgent, Members: []string{"workloadIdentity:" + deploy}})
	out, err := p.exchange(ctx, p.gitlab.Token(t, idtokentest.Job{}), deploy)
	if err != nil {
		t.Fatal(err)
	}
	who, err := p.Authenticate(ctx, out.Token.Reveal(), slipway.Origin{})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []bool{true, false} {
		if got, err := p.gate.May(ctx, who, iam.ReleasesCheck, "shop"); err != nil || got != want {
			t.Errorf("may check releases: %t, %v, want %t", got, err, want)
		}
		if _, err := p.SetPolicy(ctx, p.admin, "projects/shop", slipway.Policy{}); err != nil {
			t.Fatal(err)
		}
	}
}

// TestTokensAreNotInterchangeable is C07: one sort of credential never passes
// for another.
func TestTokensAreNotInterchangeable(t *testing.T) {
	p := newPipeline(t, access.Config{})
	ctx := t.Context()
	raw := p.gitlab.Token(t, idtokentest.Job{})
	out, err := p.exchange(ctx, raw, deploy)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Authenticate(ctx, raw, slipway.Origin{}); slipway.KindOf(err) != slipway.Unauthenticated {
		t.Errorf("an ID token passes for an access token: %v", err)
	}
	if _, err := p.exchange(ctx, out.Token.Reveal(), deploy); slipway.KindOf(err) != slipway.Unauthenticated {
		t.Errorf("an access token passes for an ID token: %v", err)
	}
}

func TestExchangeIsLimited(t *testing.T) {
	p := newPipeline(t, access.Config{Exchange: access.Rate{Burst: 2, PerSecond: 1}})
	ctx := t.Context()
	from := func(ip, email string) error {
		_, err := p.Exchange(ctx, access.TokenRequest{Token: "a.b.c", Email: email, Origin: slipway.Origin{IP: ip}})
		return err
	}
	for range 2 {
		want(t, "within the limit", from("192.0.2.1", deploy), slipway.Unauthenticated, "not accepted")
	}
	before := p.last().Reference
	want(t, "O03 one address", from("192.0.2.1", "other@workload.bytebase.com"), slipway.Exhausted, "wait 1s")
	want(t, "O03 one e-mail", from("192.0.2.2", deploy), slipway.Exhausted, "wait 1s")
	if p.last().Reference != before {
		t.Error("a limited request is on record: a flood would fill the disk")
	}
	want(t, "others go on", from("192.0.2.3", "other@workload.bytebase.com"), slipway.Unauthenticated, "not accepted")
}

func TestWhoSeesExchanges(t *testing.T) {
	p := newPipeline(t, access.Config{})
	ctx := t.Context()
	p.project("shop", slipway.Binding{Role: iam.ProjectOwner, Members: []string{"user:owner@example.com"}})
	p.project("other", slipway.Binding{Role: iam.ProjectOwner, Members: []string{"user:stranger@example.com"}})
	owner, stranger := p.person("owner@example.com"), p.person("stranger@example.com")
	const own = "own@workload.bytebase.com"
	if _, err := p.CreateWorkloadIdentity(ctx, owner, access.NewWorkloadIdentity{ID: "own", Project: "shop", Trust: p.trust()}); err != nil {
		t.Fatal(err)
	}
	refused := map[string]string{}
	for _, email := range []string{own, deploy, "nobody@workload.bytebase.com"} {
		if _, err := p.exchange(ctx, p.gitlab.Token(t, idtokentest.Job{Ref: "dev"}), email); err == nil {
			t.Fatal("let in")
		}
		refused[email] = p.last().Reference
	}
	tests := []struct {
		because string
		who     slipway.Principal
		email   string
		words   string
	}{
		{"the administrator sees all", p.admin, own, ""},
		{"also of identities that are not", p.admin, "nobody@workload.bytebase.com", ""},
		{"the owner of its project", owner, own, ""},
		{"not of the workspace's", owner, deploy, "bb.workloadIdentities.get"},
		{"not of those that are not", owner, "nobody@workload.bytebase.com", "bb.workloadIdentities.get"},
		{"another project's owner", stranger, own, "bb.workloadIdentities.get"},
	}
	for _, tt := range tests {
		x, err := p.ExchangeByReference(ctx, tt.who, strings.ToLower(refused[tt.email]))
		want(t, tt.because, err, slipway.Denied, tt.words)
		if tt.words == "" && x.Identity != tt.email {
			t.Errorf("%s: %+v", tt.because, x)
		}
		list, _, err := p.Exchanges(ctx, tt.who, access.ExchangeQuery{Identity: tt.email}, slipway.Page{})
		want(t, tt.because+", as a list", err, slipway.Denied, tt.words)
		if tt.words == "" && len(list) != 1 {
			t.Errorf("%s: %d exchanges", tt.because, len(list))
		}
	}
	_, err := p.ExchangeByReference(ctx, owner, "ABCDEFGHIJKLMNOP")
	want(t, "a reference that is none, for who may not ask", err, slipway.Denied, "permission denied")
	_, err = p.ExchangeByReference(ctx, p.admin, "ABCDEFGHIJKLMNOP")
	want(t, "a reference that is none", err, slipway.NotFound, "not found")
	_, _, err = p.Exchanges(ctx, owner, access.ExchangeQuery{}, slipway.Page{})
	want(t, "everything, for the owner of a project", err, slipway.Denied, "bb.auditLogs.search")
}

func TestExchangesPerDay(t *testing.T) {
	p := newPipeline(t, access.Config{})
	ctx := t.Context()
	first := p.clock.Truncate(24 * time.Hour)
	for _, job := range []idtokentest.Job{{}, {Ref: "feature"}, {}} {
		if _, err := p.exchange(ctx, p.gitlab.Token(t, job), deploy); err != nil && slipway.KindOf(err) != slipway.Unauthenticated {
			t.Fatal(err)
		}
	}
	days, err := p.ExchangesPerDay(ctx, p.admin, first, 2)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]access.ExchangeDay{{Allowed: 2, Refused: 1}, {}}, days); diff != "" {
		t.Errorf("exchanges per day (-want +got):\n%s", diff)
	}
	_, err = p.ExchangesPerDay(ctx, p.person("ann@example.com"), first, 2)
	want(t, "by nobody in particular", err, slipway.Denied, "bb.auditLogs.search")
}
