package e2e_test

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"slipway/internal/dbtest"
	"slipway/internal/idtokentest"
	"slipway/internal/servertest"
	"slipway/internal/trusttest"
)

// A scene is a case that only a whole server has.
type scene struct {
	id, name string
	run      func(t *testing.T, d *door, w *world)
}

var surface = []scene{
	{"C07", "one sort of token is no other", sortsOfToken},
	{"K17", "a private CA that was not given", unknownCA},
	{"N06", "a private issuer that was not allowed", notAllowed},
	{"N08", "a proxy in the environment", proxyInEnvironment},
	{"O02", "e-mail addresses", addressesOfIdentities},
	{"O03", "too many tries", tooManyTries},
	{"O04", "requests of another form", otherForms},
	{"O05", "a token where it is not looked for", elsewhere},
	{"O06", "the answer", answerToJobs},
	{"O07", "no token is kept", noTokenIsKept},
	{"R03", "a rule that is mended", mendedRule},
	{"L01", "what is taken away is gone on every replica", takenAway},
	{"L03", "nobody grants more than they hold", grantsMore},
	{"L04", "rights on one project are none on another", otherProject},
}

// letIn returns an access token of a new identity and what it was traded for.
func (d *door) letIn(t testing.TB) (email, raw, access string) {
	t.Helper()
	email, raw = d.ofIssuer(t, d.issuer.URL()), d.issuer.Token(t, job)
	a := d.exchange(t, raw, email)
	d.want(t, a, email, "", "")
	return email, raw, a.AccessToken
}

// wantStatus fails t unless a has the status and says words.
func wantStatus(t testing.TB, what string, a told, status int, words string) {
	t.Helper()
	if a.status != status || !strings.Contains(a.text, words) {
		t.Errorf("%s: %d %s, want %d that says %q", what, a.status, a.text, status, words)
	}
}

func sortsOfToken(t *testing.T, d *door, _ *world) {
	email, raw, access := d.letIn(t)
	wantStatus(t, "an ID token as an access token", d.ask(t, raw, "GET", "/v1/users/me", nil), 401, "")
	d.want(t, d.exchange(t, access, email), email, "form", "typ_not_allowed")
	// As the cookie of a session, under the name that a session's has.
	signIn, err := http.NewRequest("POST", d.url+"/signin", strings.NewReader(url.Values{"email": {servertest.AdminEmail}, "password": {servertest.AdminPassword}}.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	signIn.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := noRedirects().Do(signIn)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	i := slices.IndexFunc(resp.Cookies(), func(c *http.Cookie) bool { return strings.HasPrefix(c.Value, "slps_") })
	if i < 0 {
		t.Fatalf("signed in without a session: %d cookies", len(resp.Cookies()))
	}
	session := resp.Cookies()[i]
	for value, want := range map[string]int{session.Value: http.StatusOK, access: http.StatusSeeOther, raw: http.StatusSeeOther} {
		req, err := http.NewRequest("GET", d.url+"/users", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.AddCookie(&http.Cookie{Name: session.Name, Value: value})
		resp, err := noRedirects().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("a page for a cookie of %d bytes: %d, want %d", len(value), resp.StatusCode, want)
		}
	}
	wantStatus(t, "signing out with an access token", d.ask(t, access, "POST", "/v1/auth/logout", object{}), 200, "")
	wantStatus(t, "the access token, after that", d.ask(t, access, "GET", "/v1/users/me", nil), 200, email)
}

// plain starts a server that trusts no proxy and no CA but the system's.
func plain(t *testing.T, args ...string) *door {
	t.Helper()
	i := idtokentest.New(t, nil)
	s := servertest.New(t, append([]string{"--private-issuers", i.URL()}, args...)...)
	s.Start()
	return &door{t: t, url: s.URL, issuer: i, other: i, token: s.AdminToken}
}

func unknownCA(t *testing.T, _ *door, _ *world) {
	d := plain(t)
	email := d.ofIssuer(t, d.issuer.URL())
	if why := d.want(t, d.exchange(t, d.issuer.Token(t, job), email), email, "keys", "jwks_unavailable"); !strings.Contains(why, "unknown authority") {
		t.Errorf("on record is %q", why)
	}
}

// notAllowed has the address of one that may be private with another path, and
// another address.
func notAllowed(t *testing.T, d *door, _ *world) {
	stranger := d.issuer.Twin(t, nil)
	for _, iss := range []string{stranger.URL(), d.issuer.URL() + "/gitlab"} {
		email := d.ofIssuer(t, iss)
		raw := d.issuer.Key().Sign(t, idtokentest.Claims(iss, job, time.Now()))
		if why := d.want(t, d.exchange(t, raw, email), email, "keys", "jwks_unavailable"); !strings.Contains(why, "not on the public internet") {
			t.Errorf("on record is %q", why)
		}
	}
	if got := stranger.Requests(); got != (idtokentest.Requests{}) {
		t.Errorf("it was asked: %+v", got)
	}
}

// unresolved is an issuer that resolves nowhere (RFC 6761). It may be private,
// so that no guard stands before a proxy on the loopback interface.
const unresolved = "https://gitlab.invalid"

// proxyInEnvironment has an issuer asked that a proxy would be used for; that
// no proxy was shows at the end.
func proxyInEnvironment(t *testing.T, d *door, _ *world) {
	email := d.ofIssuer(t, unresolved)
	raw := d.issuer.Key().Sign(t, idtokentest.Claims(unresolved, job, time.Now()))
	d.want(t, d.exchange(t, raw, email), email, "keys", "jwks_unavailable")
}

func addressesOfIdentities(t *testing.T, d *door, _ *world) {
	email := d.ofIssuer(t, d.issuer.URL())
	good := func() string { return d.issuer.Token(t, job) }
	// Spelled otherwise it is the same identity: addresses are lower case.
	d.want(t, d.exchange(t, good(), " "+strings.ToUpper(email)+" "), email, "", "")
	name, _, _ := strings.Cut(email, "@")
	for what, bad := range map[string]string{
		"a space": strings.Replace(email, "@", " @", 1), "NUL": name + "\x00@workload.bytebase.com", "a line break": email + "\n" + email,
		"10 KiB": strings.Repeat("a", 10<<10) + "@workload.bytebase.com", "nothing": "",
	} {
		wantStatus(t, what, d.exchange(t, good(), bad), 400, `"code":3`)
	}
	for _, other := range []string{name + "@other.workload.bytebase.com", name + "@service.bytebase.com", servertest.AdminEmail, "workloadIdentities/" + email, "*"} {
		d.want(t, d.exchange(t, good(), other), other, "identity", "identity_unknown")
	}
}

// tooManyTries floods a server that trusts no proxy, then one address and one
// identity of a server that does.
func tooManyTries(t *testing.T, d *door, _ *world) {
	lone := plain(t)
	flood := func(d *door, from, email func(n int64) string) {
		t.Helper()
		var n, limited, others atomic.Int64
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				for i := n.Add(1); i <= 3_000 && limited.Load() == 0; i = n.Add(1) {
					a := d.askFrom(t, from(i), "", "POST", "/v1/auth:exchangeToken", object{"token": "a.b.c", "email": email(i)})
					switch a.status {
					case 401:
					case 429:
						if s, err := strconv.Atoi(a.header.Get("Retry-After")); err != nil || s < 1 || s > 60 {
							t.Errorf("Retry-After %q", a.header.Get("Retry-After"))
						}
						limited.Add(1)
					default:
						others.Add(1)
						t.Errorf("%d %s", a.status, a.text)
						return
					}
				}
			})
		}
		wg.Wait()
		if limited.Load() == 0 {
			t.Errorf("%d tries and no end", n.Load())
		}
		if n.Load() < 200 {
			t.Errorf("limited after %d tries, want 200 at once", n.Load())
		}
	}
	each := func(prefix, suffix string) func(int64) string {
		return func(n int64) string { return prefix + strconv.FormatInt(n%200+1, 10) + suffix }
	}
	one := func(s string) func(int64) string { return func(int64) string { return s } }

	flood(lone, each("198.51.100.", ""), each("n", "@workload.bytebase.com")) // a forged X-Forwarded-For does not help
	email := d.ofIssuer(t, d.issuer.URL())
	flood(d, one("198.51.100.7"), each("m", "@workload.bytebase.com"))
	a := d.askFrom(t, "198.51.100.8", "", "POST", "/v1/auth:exchangeToken", object{"token": d.issuer.Token(t, job), "email": email})
	d.want(t, a, email, "", "") // another address
	flood(d, each("203.0.113.", ""), one("flooded@workload.bytebase.com"))
	d.want(t, d.exchange(t, d.issuer.Token(t, job), email), email, "", "") // another identity
}

func otherForms(t *testing.T, d *door, _ *world) {
	email := d.ofIssuer(t, d.issuer.URL())
	raw := d.issuer.Token(t, job)
	good := `{"token":"` + raw + `","email":"` + email + `"}`
	try := func(method, typ, body string) told {
		t.Helper()
		req, err := http.NewRequest(method, d.url+"/v1/auth:exchangeToken", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		if typ != "" {
			req.Header.Set("Content-Type", typ)
		}
		return send(t, req)
	}
	d.want(t, try("POST", "application/json", good), email, "", "")
	for _, tt := range []struct {
		what, method, typ, body string
		status                  int
	}{
		{"plain text", "POST", "text/plain", good, 415},
		{"a form", "POST", "application/x-www-form-urlencoded", url.Values{"token": {raw}, "email": {email}}.Encode(), 415},
		{"JSON that says it is a form", "POST", "application/x-www-form-urlencoded", good, 415},
		{"no type", "POST", "", good, 415},
		{"GET", "GET", "application/json", good, 405},
		{"PUT", "PUT", "application/json", good, 405},
		{"an unknown field", "POST", "application/json", strings.Replace(good, "{", `{"audience":"x",`, 1), 400},
		{"email twice", "POST", "application/json", strings.Replace(good, "{", `{"email":"x@workload.bytebase.com",`, 1), 400},
		{"token twice", "POST", "application/json", strings.Replace(good, "{", `{"token":"x",`, 1), 400},
		{"email in capitals too", "POST", "application/json", strings.Replace(good, "{", `{"Email":"x@workload.bytebase.com",`, 1), 400},
		{"email a number", "POST", "application/json", `{"token":"` + raw + `","email":5}`, 400},
		{"something behind", "POST", "application/json", good + good, 400},
		{"an array", "POST", "application/json", "[" + good + "]", 400},
		{"nothing", "POST", "application/json", "", 400},
		{"half of it", "POST", "application/json", good[:len(good)/2], 400},
	} {
		a := try(tt.method, tt.typ, tt.body)
		wantStatus(t, tt.what, a, tt.status, "")
		if a.AccessToken != "" || strings.Contains(a.text, raw) {
			t.Errorf("%s: %s", tt.what, a.text)
		}
	}
}

func elsewhere(t *testing.T, d *door, _ *world) {
	email := d.ofIssuer(t, d.issuer.URL())
	raw := d.issuer.Token(t, job)
	query := url.Values{"token": {raw}, "email": {email}}.Encode()
	path := "/v1/auth:exchangeToken"
	wantStatus(t, "token and e-mail in the URL", d.ask(t, "", "POST", path+"?"+query, object{}), 400, "")
	wantStatus(t, "token in the URL", d.ask(t, "", "POST", path+"?token="+raw, object{"email": email}), 400, "")
	wantStatus(t, "token as the credential", d.ask(t, raw, "POST", path, object{"email": email}), 400, "token and email are needed")
	d.want(t, d.ask(t, raw, "POST", path, object{"email": email, "token": "a.b.c"}), email, "form", "malformed_token")
	_, _, access := d.letIn(t)
	wantStatus(t, "an access token in the URL", d.ask(t, "", "GET", "/v1/users/me?access_token="+access, nil), 401, "")
}

func answerToJobs(t *testing.T, d *door, _ *world) {
	email := d.ofIssuer(t, d.issuer.URL())
	a := d.exchange(t, d.issuer.Token(t, job), email)
	d.want(t, a, email, "", "")
	if a.header.Get("Cache-Control") != "no-store" || !strings.Contains(a.text, `"tokenType":"Bearer"`) || !strings.Contains(a.text, `"expireTime":"`) {
		t.Errorf("%v %s", a.header, a.text)
	}
	resp, err := http.PostForm(d.url+"/oauth/token", url.Values{
		"grant_type": {"urn:ietf:params:oauth:grant-type:token-exchange"}, "client_id": {email},
		"subject_token": {d.issuer.Token(t, job)}, "subject_token_type": {"urn:ietf:params:oauth:token-type:id_token"},
	})
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != 200 || resp.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("the standard's endpoint: %s, Cache-Control %q", resp.Status, resp.Header.Get("Cache-Control"))
	}
}

// noTokenIsKept looks for tokens of all outcomes in what the server wrote;
// TestSecrets looks at every answer too.
func noTokenIsKept(t *testing.T, d *door, w *world) {
	email, raw, access := d.letIn(t)
	says := d.issuer.Claims(idtokentest.Job{Audience: "vault"})
	refused := d.issuer.Key().Sign(t, says)
	d.want(t, d.exchange(t, refused, email), email, "audience", "audience_mismatch")
	d.ask(t, raw+"x", "GET", "/v1/users/me", nil)
	d.ask(t, access+"x", "GET", "/v1/users/me", nil)
	places := append(w.files(t), place{"the log", []byte(w.Log.String())}, place{"the metrics", []byte(d.ask(t, "", "GET", "/metrics", nil).text)})
	seen := false
	for _, p := range places {
		seen = seen || strings.Contains(string(p.text), email)
		for what, secret := range map[string]string{"an ID token": raw, "a refused ID token": refused, "an access token": access, "a token's jti": says["jti"].(string)} {
			for _, s := range []string{secret, secret[strings.LastIndexByte(secret, '.')+1:]} {
				if form := found(p.text, s); form != "" {
					t.Errorf("%s is in %s, %s", what, p.name, form)
				}
			}
		}
	}
	if !seen {
		t.Error("the identity is nowhere to be found: the search sees nothing")
	}
}

// mendedRule tries one token before and after the identity is mended.
func mendedRule(t *testing.T, d *door, _ *world) {
	config := trusttest.Place{Issuer: d.issuer.URL()}.Trust()
	config.GitLab.Project = "other"
	email, raw := d.identity(t, config), d.issuer.Token(t, job)
	d.want(t, d.exchange(t, raw, email), email, "project_path", "project_mismatch")
	config.GitLab.Project = "app"
	wantStatus(t, "mend the identity", d.ask(t, d.token(), "PATCH", "/v1/workloadIdentities/"+email+"?updateMask=workloadIdentityConfig.gitlab", object{"workloadIdentityConfig": configOf(config)}), 200, "")
	d.want(t, d.exchange(t, raw, email), email, "", "")
}

// takenAway uses an access token on one of two servers with one database, a
// moment after the other was told otherwise.
func takenAway(t *testing.T, _ *door, _ *world) {
	metadata, key := dbtest.Postgres(t), filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(key, []byte(base64.StdEncoding.EncodeToString(make([]byte, 32))), 0o600); err != nil {
		t.Fatal(err)
	}
	w := prepareWorld(t, "--database-url", metadata.URL, "--master-key-file", key)
	w.Start()
	d := &door{t: t, url: w.URL, issuer: w.issuer, token: w.AdminToken}
	second := servertest.New(t, "--database-url", metadata.URL, "--master-key-file", key)
	second.Start()
	replica := &door{t: t, url: second.URL, token: w.AdminToken}
	d.ask(t, d.token(), "POST", "/v1/projects?projectId=shop", object{"title": "Shop"})
	me := func(access string) told { return replica.ask(t, access, "GET", "/v1/users/me", nil) }
	releases := func(access string) told {
		return replica.ask(t, access, "GET", "/v1/projects/shop/releases/none", nil)
	}
	tightened := trusttest.Place{Issuer: d.issuer.URL()}.Trust()
	tightened.GitLab.Refs[0].Pattern = "release"
	for _, tt := range []struct {
		what          string
		take          func(email string) told
		use           func(access string) told
		before, after int
		words         string
	}{
		{"the identity is deactivated", func(email string) told {
			return d.ask(t, d.token(), "DELETE", "/v1/workloadIdentities/"+email, nil)
		}, me, 200, 401, "is deactivated"},
		{"its trust is tightened", func(email string) told {
			return d.ask(t, d.token(), "PATCH", "/v1/workloadIdentities/"+email+"?updateMask=workloadIdentityConfig.gitlab", object{"workloadIdentityConfig": configOf(tightened)})
		}, me, 200, 401, "trusts others now"},
		{"its role is removed", func(string) told {
			w.bind("projects/shop", "roles/gitopsServiceAgent")
			return told{status: 200}
		}, releases, 404, 403, "bb.releases.get"},
	} {
		email, _, access := d.letIn(t)
		w.bind("projects/shop", "roles/gitopsServiceAgent", "workloadIdentity:"+email)
		wantStatus(t, tt.what+", before", tt.use(access), tt.before, "")
		wantStatus(t, tt.what, tt.take(email), 200, "")
		wantStatus(t, tt.what+", after", tt.use(access), tt.after, tt.words)
	}
}

// grantsMore has the owner of a project give a role that has more than theirs.
func grantsMore(t *testing.T, d *door, w *world) {
	w.Admin("POST", "/v1/projects?projectId=granted", object{"title": "Granted"}, nil)
	w.Admin("POST", "/v1/roles?roleId=keeper", object{"title": "Keeper", "permissions": []string{"bb.instances.update"}}, nil)
	w.person("owner@example.com", "correct horse battery staple")
	w.bind("projects/granted", "roles/projectOwner", "user:owner@example.com")
	owner := w.SignIn("owner@example.com", "correct horse battery staple")
	made := d.ask(t, owner, "POST", "/v1/projects/granted/workloadIdentities?workloadIdentityId=granted", object{
		"title": "Granted", "workloadIdentityConfig": configOf(trusttest.Place{Issuer: d.issuer.URL()}.Trust()),
	})
	wantStatus(t, "an identity of the owner's project", made, 200, "granted@workload.bytebase.com")
	for role, status := range map[string]int{"roles/keeper": 403, "roles/gitopsServiceAgent": 200} {
		a := d.ask(t, owner, "POST", "/v1/projects/granted:setIamPolicy", object{"policy": object{"bindings": []object{
			{"role": "roles/projectOwner", "members": []string{"user:owner@example.com"}},
			{"role": role, "members": []string{"workloadIdentity:granted@workload.bytebase.com"}},
		}}})
		words := ""
		if status == 403 {
			words = "bb.instances.update"
		}
		wantStatus(t, "the owner grants "+role, a, status, words)
	}
	wantStatus(t, "the owner makes one of the workspace", d.ask(t, owner, "POST", "/v1/workspaces/-/workloadIdentities?workloadIdentityId=wide", object{
		"title": "Wide", "workloadIdentityConfig": configOf(trusttest.Place{Issuer: d.issuer.URL()}.Trust()),
	}), 403, "bb.workloadIdentities.create")
}

func otherProject(t *testing.T, d *door, w *world) {
	email, _, access := d.letIn(t)
	for _, id := range []string{"mine", "theirs"} {
		w.Admin("POST", "/v1/projects?projectId="+id, object{"title": id}, nil)
	}
	w.Admin("POST", "/v1/roles?roleId=checker", object{"title": "Checker", "permissions": []string{"bb.releases.check", "bb.releases.get"}}, nil)
	w.bind("projects/mine", "roles/checker", "workloadIdentity:"+email)
	wantStatus(t, "its own project", d.ask(t, access, "GET", "/v1/projects/mine/releases/none", nil), 404, "")
	a := d.ask(t, access, "GET", "/v1/projects/theirs/releases/none", nil)
	wantStatus(t, "another project", a, 403, "bb.releases.get")
	wantStatus(t, "another project, by name", a, 403, "projects/theirs")
	release := object{"files": []object{}}
	wantStatus(t, "a release, for who may check", d.ask(t, access, "POST", "/v1/projects/mine/releases", release), 403, "bb.releases.create")
	wantStatus(t, "a rollout, for who may check", d.ask(t, access, "POST", "/v1/projects/mine/plans/1/rollout", object{}), 403, "bb.rollouts.create")
}
