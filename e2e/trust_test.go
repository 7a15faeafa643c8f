package e2e_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"slipway"
	"slipway/internal/idtokentest"
	"slipway/internal/trust"
	"slipway/internal/trusttest"
)

// TestTrust plays the trust cases before one server: who gets in, who does not,
// which check refuses them, and what they are told.
func TestTrust(t *testing.T) {
	t.Parallel()
	proxied := &atomic.Int64{} // requests to the proxy that the server's environment names: it has no use for one
	proxy := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { proxied.Add(1) }))
	t.Cleanup(proxy.Close)

	w := prepareWorld(t, "--trusted-proxy", "127.0.0.0/8", "--private-issuers", unresolved)
	w.Env = append(w.Env, "HTTPS_PROXY="+proxy.URL, "HTTP_PROXY="+proxy.URL, "ALL_PROXY="+proxy.URL, "NO_PROXY=")
	d := &door{t: t, issuer: w.issuer, other: idtokentest.New(t, nil)}
	sets := trusttest.KeySets(t, w.issuer.Key())
	relapses, misleads, plays := trusttest.Relapses(), trusttest.Misleads(), trusttest.Plays()
	twins := make([]*idtokentest.Issuer, len(sets)+len(relapses)+len(misleads)+len(plays))
	for i := range twins {
		twins[i] = w.issuer.Twin(t, nil)
		w.Args = append(w.Args, "--private-issuers", twins[i].URL())
	}
	twin := func() *idtokentest.Issuer { i := twins[0]; twins = twins[1:]; return i }
	w.Start()
	session := w.AdminToken()
	d.url, d.token = w.URL, func() string { return session }

	t.Run("cases", d.cases)
	t.Run("key sets", func(t *testing.T) { d.keySets(t, sets, twin, w.Log) })
	t.Run("issuers", func(t *testing.T) {
		for _, a := range relapses {
			i := twin()
			t.Run(a.String(), func(t *testing.T) { t.Parallel(); d.relapse(t, a, i, w.Log) })
		}
		for _, a := range misleads {
			i := twin()
			t.Run(a.String(), func(t *testing.T) { t.Parallel(); d.mislead(t, a, i) })
		}
		for _, p := range plays {
			i := twin()
			if !p.Turns {
				t.Run(p.String(), func(t *testing.T) { t.Parallel(); p.Run(t, newPlayer(t, d, i)) })
			}
		}
	})
	t.Run("addresses", d.addresses)
	t.Run("configurations", d.configurations)
	for _, s := range surface {
		t.Run(s.id+" "+s.name, func(t *testing.T) { s.run(t, d, w) })
	}
	if got := d.other.Requests(); got != (idtokentest.Requests{}) {
		t.Errorf("an issuer whom nobody trusts was asked: %+v", got)
	}
	if got := proxied.Load(); got != 0 {
		t.Errorf("N08 the proxy was asked %d times", got)
	}
}

// A door is where jobs ask to be let in: a server's API, called by many
// machines, and an administrator who makes identities and looks at the record.
type door struct {
	t      testing.TB
	url    string
	issuer *idtokentest.Issuer // whom identities trust
	other  *idtokentest.Issuer // whom nobody may ask
	token  func() string       // of the administrator
	made   atomic.Int64        // identities and requests so far
}

// A told is what a caller is told.
type told struct {
	status      int
	header      http.Header
	text        string
	Code        int
	Message     string
	AccessToken string
}

// ask calls the API from a machine of its own, so that no case uses up the
// rate of another.
func (d *door) ask(t testing.TB, token, method, path string, body any) told {
	t.Helper()
	n := d.made.Add(1)
	return d.askFrom(t, fmt.Sprintf("10.%d.%d.%d", n>>16&255, n>>8&255, n&255), token, method, path, body)
}

// askFrom is ask from the machine of that address.
func (d *door) askFrom(t testing.TB, address, token, method, path string, body any) told {
	t.Helper()
	in, raw := body.([]byte)
	if body != nil && !raw {
		var err error
		if in, err = json.Marshal(body); err != nil {
			t.Fatal(err)
		}
	}
	req, err := http.NewRequestWithContext(t.Context(), method, d.url+path, bytes.NewReader(in))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-Forwarded-For", address)
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	return send(t, req)
}

func send(t testing.TB, req *http.Request) told {
	t.Helper()
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	a := told{status: resp.StatusCode, header: resp.Header, text: string(text)}
	_ = json.Unmarshal(text, &a) // not every answer is JSON
	return a
}

// into decodes an answer that has to be good.
func (a told) into(t testing.TB, out any) {
	t.Helper()
	if err := json.Unmarshal([]byte(a.text), out); err != nil || a.status != http.StatusOK {
		t.Fatalf("%d %s: %v", a.status, a.text, err)
	}
}

// exchange asks for an access token.
func (d *door) exchange(t testing.TB, raw, email string) told {
	t.Helper()
	return d.ask(t, "", "POST", "/v1/auth:exchangeToken", object{"token": raw, "email": email})
}

// identity makes an identity that trusts and returns its address.
func (d *door) identity(t testing.TB, config slipway.Trust) string {
	t.Helper()
	id := fmt.Sprintf("case-%d", d.made.Add(1))
	a := d.ask(t, d.token(), "POST", "/v1/workspaces/-/workloadIdentities?workloadIdentityId="+id, object{"title": id, "workloadIdentityConfig": configOf(config)})
	if a.status != http.StatusOK {
		t.Fatalf("make an identity: %d %s", a.status, a.text)
	}
	return id + "@" + slipway.WorkloadIdentityDomain
}

// configOf returns config as the API has it.
func configOf(config slipway.Trust) object {
	out := object{
		"providerType": config.Platform, "issuerUrl": config.Issuer, "allowedAudiences": config.Audiences, "subjectPattern": config.SubjectPattern,
	}
	if g := config.GitLab; g != nil {
		refs := []object{}
		for _, r := range g.Refs {
			refs = append(refs, object{"type": strings.ToUpper(string(r.Type)), "pattern": r.Pattern})
		}
		requests := map[slipway.MergeRequests]string{slipway.MergeRequestsLetIn: "LET_IN", slipway.MergeRequestsRefuse: "REFUSE"}[g.MergeRequests]
		if requests == "" {
			requests = "MERGE_REQUESTS_UNSPECIFIED"
		}
		out["gitlab"] = object{
			"group": g.Group, "project": g.Project, "includeSubgroups": !g.ExcludeSubgroups, "refs": refs,
			"mergeRequests": requests, "sources": g.Sources, "protectedRefs": g.Protected,
			"environments": g.Environments, "protectedEnvironment": g.ProtectedEnvironment, "runner": g.Runner, "accessLevel": g.AccessLevel,
		}
	}
	return out
}

// A record is what the administrator sees of an attempt.
type record struct {
	Allowed bool
	Reason  string
	Checks  []struct {
		Name, Got, Reason string
		OK                bool
	}
}

var (
	refusedWords = regexp.MustCompile(`^token not accepted \(reference ([A-Z2-7]{16})\): (it says .+|it is not a readable JWT|it names no iss, aud or sub)$`)
	awayWords    = regexp.MustCompile(`^the issuer of the token cannot be reached right now: try again; reference ([A-Z2-7]{16})$`)
)

// want fails t unless raw was let in, for the check "", or refused by that check
// for that reason: in the words that all refusals have, and with the reason on
// record. It returns what failed there.
func (d *door) want(t testing.TB, a told, email, check, reason string) string {
	t.Helper()
	status, code, words := http.StatusUnauthorized, 16, refusedWords
	switch reason {
	case "":
		if a.status != http.StatusOK || a.AccessToken == "" {
			t.Errorf("%d %s, want to be let in%s", a.status, a.text, d.why(t, a))
			return ""
		}
		if me := d.ask(t, a.AccessToken, "GET", "/v1/users/me", nil); me.status != http.StatusOK || !strings.Contains(me.text, `"email":"`+email+`"`) {
			t.Errorf("the access token is worth %d %s", me.status, me.text)
		}
		return ""
	case "jwks_unavailable":
		status, code, words = http.StatusServiceUnavailable, 14, awayWords
		if a.header.Get("Retry-After") == "" {
			t.Error("no word of when to try again")
		}
	}
	m := words.FindStringSubmatch(a.Message)
	if a.status != status || a.Code != code || m == nil || a.AccessToken != "" {
		t.Errorf("%d %s, want %d with code %d and %v%s", a.status, a.text, status, code, words, d.why(t, a))
		return ""
	}
	if strings.Contains(a.text, reason) {
		t.Errorf("a stranger is told why: %s", a.text)
	}
	x := d.record(t, m[1])
	for _, c := range x.Checks {
		if !c.OK {
			if x.Allowed || x.Reason != reason || c.Name != check || c.Reason != reason {
				t.Errorf("on record: allowed %v, reason %q, by check %q with %q (%s); want %q by %q", x.Allowed, x.Reason, c.Name, c.Reason, c.Got, reason, check)
			}
			return c.Got
		}
	}
	t.Errorf("no check failed on record: %+v", x)
	return ""
}

func (d *door) record(t testing.TB, reference string) record {
	t.Helper()
	a := d.ask(t, d.token(), "GET", "/v1/exchanges/"+reference, nil)
	var x record
	a.into(t, &x)
	return x
}

// why tells what is on record of a refusal that should be none.
func (d *door) why(t testing.TB, a told) string {
	t.Helper()
	if m := regexp.MustCompile(`reference ([A-Z2-7]{16})`).FindStringSubmatch(a.Message); m != nil {
		return fmt.Sprintf("; on record: %+v", d.record(t, m[1]))
	}
	return ""
}

// cases plays every case. Those that may cause no request come first, while no
// issuer was asked for anything.
func (d *door) cases(t *testing.T) {
	place := trusttest.Place{Issuer: d.issuer.URL(), Other: d.other.URL(), Keys: trusttest.Publish(t, d.issuer)}
	play := func(quiet bool) func(t *testing.T) {
		return func(t *testing.T) {
			for i, c := range trusttest.Cases(place) {
				if c.Quiet == quiet && !c.Stored {
					t.Run(c.String(), func(t *testing.T) { t.Parallel(); d.play(t, place, i) })
				}
			}
		}
	}
	t.Run("quiet", play(true))
	if got := d.issuer.Requests(); got != (idtokentest.Requests{}) {
		t.Errorf("tokens that are not worth it led to requests: %+v", got)
	}
	t.Run("others", play(false))
}

// play plays case i now. One whose outcome turns soon begins with a second and
// counts only if the answer came in time.
func (d *door) play(t *testing.T, place trusttest.Place, i int) {
	for range 50 {
		now := time.Now()
		place.Now = now.Truncate(time.Second)
		c := trusttest.Cases(place)[i]
		if c.Within != 0 {
			place.Now = place.Now.Add(time.Second)
			c = trusttest.Cases(place)[i]
		}
		email, raw := d.identity(t, c.Trust), c.Token(t, place)
		if c.Within != 0 {
			time.Sleep(time.Until(place.Now))
		}
		a := d.exchange(t, raw, email)
		if c.Within != 0 && time.Since(place.Now) >= c.Within {
			continue // the machine is busy
		}
		if c.Status != 0 {
			if a.status != c.Status || a.Code != 3 || a.AccessToken != "" {
				t.Errorf("%d %s, want %d", a.status, a.text, c.Status)
			}
			return
		}
		d.want(t, a, email, c.Check, c.Reason)
		return
	}
	t.Fatal("the server was never quick enough")
}

// configurations tries to make the identities that nobody may make.
func (d *door) configurations(t *testing.T) {
	place := trusttest.Place{Issuer: d.issuer.URL()}
	for _, u := range place.Configurations() {
		t.Run(u.String(), func(t *testing.T) {
			id := fmt.Sprintf("unsafe-%d", d.made.Add(1))
			a := d.ask(t, d.token(), "POST", "/v1/workspaces/-/workloadIdentities?workloadIdentityId="+id, object{"title": id, "workloadIdentityConfig": configOf(u.Trust)})
			_, err := trust.Compile(u.Trust)
			if _, ok := errors.AsType[*trust.Problem](err); !ok {
				t.Fatalf("the rules say %v", err)
			}
			// A platform that is not in the API at all is refused before the rules are asked.
			if a.status != http.StatusBadRequest || a.Code != 3 || a.Message != slipway.MessageOf(err) && !strings.Contains(a.Message, "GENERIC") {
				t.Errorf("%d %s, want 400 that says %q", a.status, a.text, slipway.MessageOf(err))
			}
			if got := d.ask(t, d.token(), "GET", "/v1/workloadIdentities/"+id+"@"+slipway.WorkloadIdentityDomain, nil); got.status != http.StatusNotFound {
				t.Errorf("it is there all the same: %d %s", got.status, got.text)
			}
		})
	}
}
