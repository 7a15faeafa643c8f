package access_test

import (
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"slipway"
	"slipway/internal/access"
	"slipway/internal/iam"
	"slipway/internal/idtoken"
	"slipway/internal/openidtest"
	"slipway/internal/store"
)

const callback = "https://slipway.example.com/signin/callback"

// A company is a house whose people sign in with a real provider.
type company struct {
	*house
	idp *openidtest.Provider
}

func newCompany(t *testing.T, cfg access.Config) *company {
	t.Helper()
	idp := openidtest.New(t, callback)
	cfg.AdminEmail, cfg.AdminPassword = adminEmail, adminPassword
	c := &company{open(t, cfg, idtoken.Config{PrivateIssuers: []string{idp.URL()}, RootCAs: idp.Roots()}), idp}
	c.clock = time.Now() // which the provider's tokens are of
	c.setUp()
	return c
}

// provider is what the tests set, after change.
func (c *company) provider(change func(*access.Provider)) {
	c.t.Helper()
	p := access.Provider{
		Title: "Example Corp", Issuer: c.idp.URL(), ClientID: openidtest.ClientID, ClientSecret: openidtest.ClientSecret, Enabled: true,
	}
	if change != nil {
		change(&p)
	}
	if err := c.SetProvider(c.t.Context(), c.admin, p); err != nil {
		c.t.Fatal(err)
	}
}

// visit signs somebody in at the provider and returns what the browser comes
// back with.
func (c *company) visit(who openidtest.Person) access.Return {
	c.t.Helper()
	c.idp.Next(who)
	to, flow, err := c.BeginSignIn(c.t.Context(), callback)
	if err != nil {
		c.t.Fatal(err)
	}
	browser := c.idp.Client()
	browser.CheckRedirect = func(req *http.Request, _ []*http.Request) error {
		if strings.HasPrefix(req.URL.String(), callback) {
			return http.ErrUseLastResponse
		}
		return nil
	}
	res, err := browser.Get(to)
	if err != nil {
		c.t.Fatal(err)
	}
	defer res.Body.Close()
	back, err := res.Location()
	if err != nil {
		c.t.Fatalf("status %d: %v", res.StatusCode, err)
	}
	return access.Return{
		Flow: flow, State: back.Query().Get("state"), Code: back.Query().Get("code"), Issuer: back.Query().Get("iss"), Redirect: callback,
		Origin: slipway.Origin{IP: "192.0.2.7"},
	}
}

func (c *company) signIn(who openidtest.Person) (access.SignedIn, error) {
	c.t.Helper()
	return c.FinishSignIn(c.t.Context(), c.visit(who))
}

var ann = openidtest.Person{Email: "Ann@example.com", Verified: true, First: "Ann", Last: "Arbor"}

func TestSignInWithTheProvider(t *testing.T) {
	c := newCompany(t, access.Config{})
	ctx := t.Context()
	if ways, err := c.SignInWays(ctx); ways != (access.Ways{Passwords: true}) || err != nil {
		t.Errorf("before it is set up people sign in with %+v, %v", ways, err)
	}
	_, _, err := c.BeginSignIn(ctx, callback)
	want(t, "before it is set up", err, slipway.NotFound, "no identity provider")
	c.provider(nil)
	if ways, err := c.SignInWays(ctx); ways != (access.Ways{Provider: "Example Corp", Passwords: true}) || err != nil {
		t.Errorf("people sign in with %+v, %v", ways, err)
	}

	_, err = c.signIn(ann)
	want(t, "somebody without an account", err, slipway.Unauthenticated, "an administrator finds the reason")
	if a := c.lastAudit(); a.OK() || a.Resource != "users/ann@example.com" || !strings.Contains(a.Message, "has no account here") || a.Caller.Email != "" {
		t.Errorf("on record: %+v", a)
	}
	c.person("ann@example.com")
	in, err := c.signIn(ann)
	if err != nil {
		t.Fatal(err)
	}
	who, err := c.Authenticate(ctx, in.Token.Reveal(), slipway.Origin{})
	if err != nil || who.Member() != "user:ann@example.com" {
		t.Errorf("the session is of %+v, %v", who, err)
	}
	if a := c.lastAudit(); !a.OK() || a.Caller.Member() != "user:ann@example.com" || a.Method != "/slipway.v1.SignInService/SignIn" {
		t.Errorf("on record: %+v", a)
	}
	if err := c.DeleteUser(ctx, c.admin, "ann@example.com"); err != nil {
		t.Fatal(err)
	}
	_, err = c.signIn(ann)
	want(t, "a deactivated account", err, slipway.Unauthenticated, "an administrator finds")

	c.provider(func(p *access.Provider) { p.Enabled, p.ClientSecret = false, "" })
	_, _, err = c.BeginSignIn(ctx, callback)
	want(t, "when it is switched off", err, slipway.NotFound, "no identity provider")
}

func TestSignInIsRefused(t *testing.T) {
	c := newCompany(t, access.Config{})
	c.provider(func(p *access.Provider) { p.CreateUsers, p.Domains = true, []string{"Example.com"} })
	if _, err := c.CreateGroup(t.Context(), c.admin, slipway.Group{Email: "team@example.com"}); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		why    string
		who    openidtest.Person
		change func(*access.Return)
		words  string // of the audit log
	}{
		{"an address that is not verified", openidtest.Person{Email: "ann@example.com"}, nil, "has not verified the address"},
		{"no address", openidtest.Person{Verified: true}, nil, "tells no e-mail address"},
		{"another domain", openidtest.Person{Email: "eve@evil.example.net", Verified: true}, nil, "addresses of evil.example.net do not sign in here"},
		{"a domain below", openidtest.Person{Email: "eve@sub.example.com", Verified: true}, nil, "do not sign in here"},
		{"a group's address", openidtest.Person{Email: "team@example.com", Verified: true}, nil, "address of a group"},
		{"a workload's address", openidtest.Person{Email: "x@workload.bytebase.com", Verified: true}, nil, "tells no e-mail address"},
		{"another browser", ann, func(r *access.Return) { r.Flow.State = "another" }, "did not begin the sign-in"},
		{"a browser that began nothing", ann, func(r *access.Return) { r.Flow, r.State = access.Flow{}, "" }, "did not begin the sign-in"},
		{"another issuer's answer", ann, func(r *access.Return) { r.Issuer = "https://evil.example.com" }, "https://evil.example.com"},
		{"a person who says no", ann, func(r *access.Return) { r.Error, r.Code = "access_denied", "" }, `answered "access_denied"`},
		{"a browser that took too long", ann, func(r *access.Return) { r.Flow.Begun = r.Flow.Begun.Add(-16 * time.Minute) }, "more than 15m0s ago"},
		{"a sign-in begun with another provider", ann, func(r *access.Return) { r.Flow.Issuer = "https://evil.example.com" }, "begun with issuer"},
		{"no code", ann, func(r *access.Return) { r.Code = "" }, "sent no code"},
		{"a guessed code", ann, func(r *access.Return) { r.Code = "guess" }, "code_refused"},
		{"another sign-in's nonce", ann, func(r *access.Return) { r.Flow.Nonce = "x" }, "nonce_mismatch"},
		{"another verifier", ann, func(r *access.Return) { r.Flow.Verifier = strings.Repeat("x", 43) }, "code_refused"},
	} {
		r := c.visit(tc.who)
		if tc.change != nil {
			tc.change(&r)
		}
		_, err := c.FinishSignIn(t.Context(), r)
		want(t, tc.why, err, slipway.Unauthenticated, "the sign-in with Example Corp did not succeed")
		if a := c.lastAudit(); a.OK() || !strings.Contains(a.Message, tc.words) {
			t.Errorf("%s: on record is %q, want %q", tc.why, a.Message, tc.words)
		}
	}
	list, _, err := c.Users(t.Context(), c.admin, access.UserQuery{}, slipway.Page{})
	if err != nil || len(list) != 1 {
		t.Errorf("accounts after all these: %v, %v", list, err)
	}
}

func TestFirstSignInMakesAnAccount(t *testing.T) {
	c := newCompany(t, access.Config{})
	c.provider(func(p *access.Provider) { p.CreateUsers, p.Domains = true, []string{"example.com"} })
	in, err := c.signIn(ann)
	if err != nil {
		t.Fatal(err)
	}
	if in.User.Email != "ann@example.com" || in.User.Title != "Ann Arbor" {
		t.Errorf("the new account: %+v", in.User)
	}
	_, err = c.Login(t.Context(), access.SignIn{Email: "ann@example.com", Password: ""})
	want(t, "an account without a password, by none", err, slipway.Invalid, "password")
	_, err = c.Login(t.Context(), access.SignIn{Email: "ann@example.com", Password: "anything at all"})
	want(t, "an account without a password, by any", err, slipway.Unauthenticated, "invalid email or password")
	made, _, err := c.Audit(t.Context(), c.admin, access.AuditQuery{Caller: "system:system", Resource: "users/ann@example.com"}, slipway.Page{})
	if err != nil || len(made) != 1 || !strings.Contains(made[0].Request, "id-of-ann@example.com") {
		t.Errorf("the account that was made is on record as %+v, %v", made, err)
	}
	if _, err := c.signIn(ann); err != nil {
		t.Errorf("the second time: %v", err)
	}
}

// TestSubjectIsThePerson gives an address to somebody else, and a person another
// address.
func TestSubjectIsThePerson(t *testing.T) {
	c := newCompany(t, access.Config{})
	ctx := t.Context()
	c.provider(func(p *access.Provider) { p.CreateUsers, p.Domains = true, []string{"example.com"} })
	c.person("ann@example.com")
	first, err := c.signIn(ann)
	if err != nil {
		t.Fatal(err)
	}
	linked, _, err := c.Audit(ctx, c.admin, access.AuditQuery{Caller: "system:system", Resource: "users/ann@example.com"}, slipway.Page{})
	if err != nil || len(linked) != 1 || !strings.HasSuffix(linked[0].Method, "/LinkPerson") {
		t.Errorf("on record: %+v, %v", linked, err)
	}
	if l, err := c.Link(ctx, c.admin, "ann@example.com"); err != nil || l.Issuer != c.idp.URL() || l.Subject != "id-of-ann@example.com" {
		t.Errorf("the link is %+v, %v", l, err)
	}

	renamed := openidtest.Person{Email: "ann.married@example.com", Verified: true, Subject: "id-of-ann@example.com"}
	if in, err := c.signIn(renamed); err != nil || in.User.Email != "ann@example.com" {
		t.Errorf("the same subject with another address is %+v, %v", in.User, err)
	}
	successor := openidtest.Person{Email: "ann@example.com", Verified: true, Subject: "another-ann"}
	_, err = c.signIn(successor)
	want(t, "an address that was given to somebody else", err, slipway.Unauthenticated, "an administrator finds")
	if a := c.lastAudit(); a.OK() || a.Resource != "users/ann@example.com" || !strings.Contains(a.Message, `this is subject "another-ann"`) {
		t.Errorf("on record: %+v", a)
	}

	// Whoever may change people is not enough to say who somebody is.
	dora := c.person("dora@example.com")
	if _, err := c.CreateRole(ctx, c.admin, slipway.Role{ID: "clerk", Title: "Clerk", Permissions: []string{"bb.users.update"}}); err != nil {
		t.Fatal(err)
	}
	c.grant(slipway.WorkspaceName, "roles/clerk", dora.Member())
	want(t, "reset by a clerk", c.ResetLink(ctx, dora, "ann@example.com"), slipway.Denied, "cannot reset the sign-in link")
	if _, err := c.Link(ctx, dora, "dora@example.com"); err != nil {
		t.Errorf("one's own link: %v", err)
	}
	_, err = c.Link(ctx, dora, "ann@example.com")
	want(t, "another's link", err, slipway.Denied, "bb.users.get")
	want(t, "reset where there is none", c.ResetLink(ctx, c.admin, "dora@example.com"), slipway.NotFound, "sign-in link")
	if err := c.ResetLink(ctx, c.admin, "ann@example.com"); err != nil {
		t.Fatal(err)
	}
	_, err = c.Authenticate(ctx, first.Token.Reveal(), slipway.Origin{})
	want(t, "a session from before the reset", err, slipway.Unauthenticated, "session has ended")
	if in, err := c.signIn(successor); err != nil || in.User.Email != "ann@example.com" {
		t.Errorf("after the reset the address is %+v, %v", in.User, err)
	}
	// The subject from before is nobody now, and its new address is free.
	if in, err := c.signIn(renamed); err != nil || in.User.Email != "ann.married@example.com" {
		t.Errorf("the subject from before is %+v, %v", in.User, err)
	}

	if err := c.DeleteUser(ctx, c.admin, "ann@example.com"); err != nil {
		t.Fatal(err)
	}
	successor.Email = "ann.two@example.com"
	_, err = c.signIn(successor)
	want(t, "a deactivated person with another address", err, slipway.Unauthenticated, "an administrator finds")
	if a := c.lastAudit(); !strings.Contains(a.Message, "ann@example.com is deactivated") {
		t.Errorf("on record: %q", a.Message)
	}

	// Another provider's subjects are others: its first sign-in links anew.
	err = c.st.Update(ctx, func(tx *store.Tx) error {
		return tx.PutLink(ctx, store.Link{Email: "dora@example.com", Issuer: "https://old.example.com", Subject: "1"})
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.signIn(openidtest.Person{Email: "dora@example.com", Verified: true}); err != nil {
		t.Errorf("linked to a provider that was replaced: %v", err)
	}
	if l, err := c.Link(ctx, dora, "dora@example.com"); err != nil || l.Issuer != c.idp.URL() {
		t.Errorf("the link is %+v, %v", l, err)
	}
}

func TestProviderTellsGroups(t *testing.T) {
	c := newCompany(t, access.Config{})
	ctx := t.Context()
	person := c.person("ann@example.com")
	for _, g := range []slipway.Group{
		{Email: "dba@example.com"},
		{Email: "dev@example.com"},
		{Email: "other@example.com", Members: []slipway.GroupMember{in(slipway.GroupMemberOnly, person)}},
		{Email: "own@example.com", Members: []slipway.GroupMember{in(slipway.GroupOwner, person)}},
	} {
		if _, err := c.CreateGroup(ctx, c.admin, g); err != nil {
			t.Fatal(err)
		}
	}
	c.grant(slipway.WorkspaceName, iam.WorkspaceDBA, "group:dba@example.com")
	c.provider(func(p *access.Provider) {
		p.GroupsClaim = "groups"
		p.Groups = map[string]string{"DB Admins": "dba@example.com", "db-oncall": "dba@example.com", "Developers": "DEV@example.com", "Owners": "own@example.com"}
	})
	for _, step := range []struct {
		why    string
		groups []string
		want   string
	}{
		{"one of two values for a group", []string{"db-oncall", "unknown"}, "dba other own"},
		{"another value for the same", []string{"DB Admins", "Developers"}, "dba dev other own"},
		{"taken out of one", []string{"Developers"}, "dev other own"},
		{"a value is compared as it is", []string{"developers"}, "other own"},
		{"back", []string{"Developers"}, "dev other own"},
		{"no claim is no group", nil, "other own"},
	} {
		who := ann
		who.Groups = step.groups
		if _, err := c.signIn(who); err != nil {
			t.Fatalf("%s: %v", step.why, err)
		}
		of, err := c.st.GroupsOf(ctx, person.Member())
		if err != nil {
			t.Fatal(err)
		}
		for i, g := range of {
			of[i] = strings.TrimSuffix(g, "@example.com")
		}
		if got := strings.Join(of, " "); got != step.want {
			t.Errorf("%s: in %s, want %s", step.why, got, step.want)
		}
		held, err := c.gate.May(ctx, person, iam.InstancesUpdate, "")
		if err != nil || held != slices.Contains(of, "dba") {
			t.Errorf("%s: may what the group may: %t, %v", step.why, held, err)
		}
	}
	list, _, err := c.Audit(ctx, c.admin, access.AuditQuery{Caller: "system:system", Resource: "groups/dba@example.com"}, slipway.Page{})
	if err != nil || len(list) != 2 || !strings.Contains(list[0].Request, `"in":false`) || !strings.Contains(list[1].Request, `"in":true`) {
		t.Errorf("on record: %+v, %v", list, err)
	}
}

func TestSetProvider(t *testing.T) {
	c := newCompany(t, access.Config{})
	ctx := t.Context()
	good := access.Provider{Title: "Example Corp", Issuer: c.idp.URL(), ClientID: "slipway", ClientSecret: "hush hush", Enabled: true}
	for _, tc := range []struct {
		why    string
		change func(*access.Provider)
		kind   slipway.Kind
		words  string
	}{
		{"no name", func(p *access.Provider) { p.Title = "" }, slipway.Invalid, "name"},
		{"no TLS", func(p *access.Provider) { p.Issuer = "http://id.example.com" }, slipway.Invalid, "issuer"},
		{"an issuer with a password", func(p *access.Provider) { p.Issuer = "https://u:p@id.example.com" }, slipway.Invalid, "user name or password"},
		{"an issuer with a query", func(p *access.Provider) { p.Issuer += "?x=1" }, slipway.Invalid, "issuer"},
		{"no client", func(p *access.Provider) { p.ClientID = "" }, slipway.Invalid, "client ID"},
		{"scopes that are none", func(p *access.Provider) { p.Scopes = []string{"a b"} }, slipway.Invalid, "scopes"},
		{"a domain that is none", func(p *access.Provider) { p.Domains = []string{"@example.com"} }, slipway.Invalid, "domain"},
		{"accounts for everybody in the world", func(p *access.Provider) { p.CreateUsers = true }, slipway.Invalid, "name those whose people"},
		{"groups without a claim", func(p *access.Provider) { p.Groups = map[string]string{"a": "a@example.com"} }, slipway.Invalid, "groups claim"},
		{"a group that is not there", func(p *access.Provider) {
			p.GroupsClaim, p.Groups = "groups", map[string]string{"a": "nope@example.com"}
		}, slipway.Invalid, "there is no such group"},
		{"a provider that is none", func(p *access.Provider) { p.Issuer += "/nowhere" }, slipway.Precondition, "cannot be reached"},
		{"an address inside that the operator did not list", func(p *access.Provider) { p.Issuer = "https://127.0.0.1:1" }, slipway.Precondition, "cannot be reached"},
	} {
		p := good
		tc.change(&p)
		want(t, tc.why, c.SetProvider(ctx, c.admin, p), tc.kind, tc.words)
	}
	if err := c.SetProvider(ctx, c.admin, good); err != nil {
		t.Fatal(err)
	}
	if a := c.lastAudit(); !a.OK() || strings.Contains(a.Request, "hush") || !strings.Contains(a.Request, "Example Corp") {
		t.Errorf("on record: %+v", a)
	}
	got, has, err := c.Provider(ctx, c.admin)
	if err != nil || !has || got.ClientSecret != "" || got.Title != "Example Corp" {
		t.Errorf("Provider = %+v, %t, %v", got, has, err)
	}
	// Without a secret the one that there is stays, but for another issuer.
	got.Title = "Renamed"
	if err := c.SetProvider(ctx, c.admin, got); err != nil {
		t.Fatal(err)
	}
	stored, err := c.st.Provider(ctx)
	if err != nil || stored.ClientSecret.Reveal() != "hush hush" || stored.Title != "Renamed" {
		t.Errorf("stored: %+v, %v", stored, err)
	}
	got.Issuer, got.Enabled = "https://other.example.com", false
	want(t, "another issuer with the secret from before", c.SetProvider(ctx, c.admin, got), slipway.Invalid, "write it again")

	// A custom role with every setting is not enough to choose who vouches.
	dora := c.person("dora@example.com")
	if _, err := c.CreateRole(ctx, c.admin, slipway.Role{ID: "setter", Title: "Setter", Permissions: []string{"bb.settings.get", "bb.settings.set"}}); err != nil {
		t.Fatal(err)
	}
	c.grant(slipway.WorkspaceName, "roles/setter", dora.Member())
	want(t, "by who holds settings alone", c.SetProvider(ctx, dora, good), slipway.Denied, "cannot set the identity provider")
	_, _, err = c.Provider(ctx, c.person("bob@example.com"))
	want(t, "read by nobody in particular", err, slipway.Denied, "bb.settings.get")
}

func TestSignInIsLimited(t *testing.T) {
	c := newCompany(t, access.Config{SignIn: access.Rate{Burst: 1, PerSecond: 0.001}})
	c.provider(nil)
	for range 3 {
		_, err := c.FinishSignIn(t.Context(), access.Return{Origin: slipway.Origin{IP: "192.0.2.1"}})
		want(t, "a try", err, slipway.Unauthenticated, "did not succeed")
	}
	_, err := c.FinishSignIn(t.Context(), access.Return{Origin: slipway.Origin{IP: "192.0.2.1"}})
	want(t, "one too many", err, slipway.Exhausted, "too many tries")
	_, err = c.FinishSignIn(t.Context(), access.Return{Origin: slipway.Origin{IP: "198.51.100.1"}})
	want(t, "from elsewhere", err, slipway.Unauthenticated, "did not succeed")
}

// TestPasswordsOff switches passwords off as soon as that locks nobody out, and
// finds the way back in.
func TestPasswordsOff(t *testing.T) {
	c := newCompany(t, access.Config{})
	ctx := t.Context()
	off := access.Provider{
		Title: "Example Corp", Issuer: c.idp.URL(), ClientID: openidtest.ClientID, ClientSecret: openidtest.ClientSecret, Enabled: true, PasswordsOff: true,
		CreateUsers: true, Domains: []string{"example.com"},
	}
	refused := func(why, words string, change func(*access.Provider)) {
		t.Helper()
		p := off
		change(&p)
		err := c.SetProvider(ctx, c.admin, p)
		if err == nil || !strings.Contains(slipway.MessageOf(err), words) {
			t.Errorf("%s: %v, want one that says %q", why, err, words)
		}
	}
	refused("before the administrator has signed in with it", "sign in with the provider yourself first", func(*access.Provider) {})
	c.provider(func(p *access.Provider) { p.CreateUsers, p.Domains = true, []string{"example.com"} })
	if _, err := c.signIn(openidtest.Person{Email: adminEmail, Verified: true}); err != nil {
		t.Fatal(err)
	}
	refused("while the provider is off", "while the provider is off", func(p *access.Provider) { p.Enabled = false })
	refused("with the administrator's domain left out", "leave your own address out", func(p *access.Provider) { p.Domains = []string{"other.example.net"} })
	second := c.person("second@example.com")
	c.grant(slipway.WorkspaceName, iam.WorkspaceAdmin, second.Member())
	want(t, "by an administrator who has not", c.SetProvider(ctx, second, off), slipway.Precondition, "yourself first")
	if _, err := c.signIn(openidtest.Person{Email: "third@example.com", Verified: true}); err != nil {
		t.Fatal(err)
	}
	third := slipway.Principal{Kind: slipway.UserKind, Email: "third@example.com"}
	c.grant(slipway.WorkspaceName, iam.WorkspaceAdmin, third.Member())
	want(t, "by an administrator without a password", c.SetProvider(ctx, third, off), slipway.Precondition, "set one for yourself first")
	_, key, err := c.CreateServiceAccount(ctx, c.admin, "", "bot", "Bot")
	if err != nil {
		t.Fatal(err)
	}

	if err := c.SetProvider(ctx, c.admin, off); err != nil {
		t.Fatal(err)
	}
	if ways, err := c.SignInWays(ctx); ways != (access.Ways{Provider: "Example Corp"}) || err != nil {
		t.Errorf("people sign in with %+v, %v", ways, err)
	}
	for why, in := range map[string]access.SignIn{
		"the right password": {Email: adminEmail, Password: adminPassword}, "a wrong one": {Email: adminEmail, Password: "wrong horse battery"},
		"nobody's": {Email: "nobody@example.com", Password: adminPassword},
	} {
		_, err := c.Login(ctx, in)
		want(t, why, err, slipway.Unauthenticated, "people sign in with Example Corp here, and not with a password")
	}
	if a := c.lastAudit(); a.OK() || !strings.Contains(a.Message, "not with a password") {
		t.Errorf("on record: %+v", a)
	}
	if _, err := c.Login(ctx, access.SignIn{Email: "bot@" + slipway.ServiceAccountDomain, Password: key}); err != nil {
		t.Errorf("a service account: %v", err)
	}
	if _, err := c.signIn(openidtest.Person{Email: adminEmail, Verified: true}); err != nil {
		t.Errorf("with the provider: %v", err)
	}

	way, err := access.New(slog.New(slog.DiscardHandler), c.st, c.gate, nil, nil, access.Config{AllowPasswords: true, Now: func() time.Time { return c.clock }})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := way.Login(ctx, access.SignIn{Email: adminEmail, Password: adminPassword}); err != nil {
		t.Errorf("on a server that allows passwords: %v", err)
	}
}
