package oauth_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"slipway"
	"slipway/internal/access"
	"slipway/internal/oauth"
)

const base = "https://slipway.example.com"

// An exchanger is asked by the handler, and answers what the test wants. The
// decision itself is tested where it is made; e2e has both together.
type exchanger struct {
	asked []access.TokenRequest
	token access.AccessToken
	err   error
}

func (x *exchanger) Exchange(_ context.Context, in access.TokenRequest) (access.AccessToken, error) {
	x.asked = append(x.asked, in)
	return x.token, x.err
}

func (x *exchanger) post(t *testing.T, contentType, body string) (*http.Response, map[string]any) {
	t.Helper()
	now := func() time.Time { return time.Unix(1_768_478_400, 0) }
	h := oauth.New(slog.New(slog.DiscardHandler), x, oauth.Config{URL: base, KeysURL: base + "/keys", Now: now})
	r := httptest.NewRequest(http.MethodPost, oauth.TokenPath+"?subject_token=inurl&client_id=inurl", strings.NewReader(body))
	r.Header.Set("Content-Type", contentType)
	r.Header.Set("User-Agent", "curl/8")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	out := map[string]any{}
	if err := json.Unmarshal(w.Body.Bytes(), &out); err != nil {
		t.Fatalf("%d, not JSON: %s", w.Code, w.Body)
	}
	if got := w.Header().Get("Cache-Control"); got != "no-store" {
		t.Errorf("Cache-Control: %q", got)
	}
	return w.Result(), out
}

const formType = "application/x-www-form-urlencoded"

// good is a request that is in order.
func good() url.Values {
	return url.Values{
		"grant_type":         {"urn:ietf:params:oauth:grant-type:token-exchange"},
		"subject_token":      {"the.id.token"},
		"subject_token_type": {"urn:ietf:params:oauth:token-type:id_token"},
		"client_id":          {"gitlab-deploy@workload.bytebase.com"},
	}
}

func TestToken(t *testing.T) {
	for name, more := range map[string]url.Values{
		"plain":        {},
		"a JWT":        {"subject_token_type": {"urn:ietf:params:oauth:token-type:jwt"}},
		"ours":         {"audience": {base, base + "/"}, "resource": {base}},
		"type":         {"requested_token_type": {"urn:ietf:params:oauth:token-type:access_token"}},
		"unknown kept": {"x-extension": {"1"}},
	} {
		t.Run(name, func(t *testing.T) {
			form := good()
			for k, v := range more {
				form[k] = v
			}
			x := &exchanger{token: access.AccessToken{Token: "minted", Expires: time.Unix(1_768_478_400+900, 0)}}
			res, out := x.post(t, formType+"; charset=utf-8", form.Encode())
			if res.StatusCode != http.StatusOK || out["access_token"] != "minted" || out["token_type"] != "Bearer" ||
				out["expires_in"] != 900.0 || out["issued_token_type"] != "urn:ietf:params:oauth:token-type:access_token" || len(out) != 4 {
				t.Errorf("%d %v", res.StatusCode, out)
			}
			if len(x.asked) != 1 || x.asked[0].Token != "the.id.token" || x.asked[0].Email != "gitlab-deploy@workload.bytebase.com" || x.asked[0].Origin.IP != "192.0.2.1" {
				t.Errorf("asked %+v", x.asked)
			}
		})
	}
}

func TestBadRequests(t *testing.T) {
	without := func(name string) url.Values { f := good(); f.Del(name); return f }
	with := func(name string, values ...string) url.Values { f := good(); f[name] = values; return f }
	for name, test := range map[string]struct {
		contentType, body string
		status            int
		code, says        string
	}{
		"JSON":              {"application/json", `{"grant_type":"x"}`, 415, "invalid_request", "x-www-form-urlencoded"},
		"no content type":   {"", good().Encode(), 415, "invalid_request", "x-www-form-urlencoded"},
		"no form":           {formType, "%zz", 400, "invalid_request", "not a form"},
		"empty":             {formType, "", 400, "invalid_request", "grant_type is missing"},
		"too large":         {formType, with("subject_token", strings.Repeat("a", 25<<10)).Encode(), 413, "invalid_request", "24 KiB"},
		"no grant type":     {formType, without("grant_type").Encode(), 400, "invalid_request", "grant_type is missing"},
		"other grant":       {formType, with("grant_type", "client_credentials").Encode(), 400, "unsupported_grant_type", "token-exchange"},
		"no token":          {formType, without("subject_token").Encode(), 400, "invalid_request", "subject_token is missing"},
		"two tokens":        {formType, with("subject_token", "a", "b").Encode(), 400, "invalid_request", "subject_token"},
		"two of unknown":    {formType, with("pa\"ss", "a", "b").Encode(), 400, "invalid_request", "not known here"},
		"no token type":     {formType, without("subject_token_type").Encode(), 400, "invalid_request", "subject_token_type"},
		"SAML":              {formType, with("subject_token_type", "urn:ietf:params:oauth:token-type:saml2").Encode(), 400, "invalid_request", "subject_token_type"},
		"no client":         {formType, without("client_id").Encode(), 400, "invalid_request", "client_id is missing"},
		"actor":             {formType, with("actor_token", "a").Encode(), 400, "invalid_request", "actor_token"},
		"refresh token":     {formType, with("requested_token_type", "urn:ietf:params:oauth:token-type:refresh_token").Encode(), 400, "invalid_request", "requested_token_type"},
		"foreign audience":  {formType, with("audience", base, "https://elsewhere.example.com").Encode(), 400, "invalid_target", base},
		"foreign resource":  {formType, with("resource", "https://elsewhere.example.com").Encode(), 400, "invalid_target", base},
		"a scope":           {formType, with("scope", "check").Encode(), 400, "invalid_scope", "leave it out"},
		"token in the path": {formType, without("subject_token").Encode(), 400, "invalid_request", "subject_token is missing"},
	} {
		t.Run(name, func(t *testing.T) {
			x := &exchanger{}
			res, out := x.post(t, test.contentType, test.body)
			text, _ := out["error_description"].(string)
			if res.StatusCode != test.status || out["error"] != test.code || !strings.Contains(text, test.says) {
				t.Errorf("%d %v, want %d %s with %q", res.StatusCode, out, test.status, test.code, test.says)
			}
			if len(x.asked) > 0 {
				t.Error("the exchange was asked")
			}
		})
	}
}

// allowed is what an error_description may hold (RFC 6749 §5.2).
var allowed = regexp.MustCompile(`^[\x20-\x21\x23-\x5B\x5D-\x7E]*$`)

func TestRefusals(t *testing.T) {
	busy := slipway.Errorf(slipway.Exhausted, "too many tries")
	busy.RetryAfter = 1500 * time.Millisecond
	for name, test := range map[string]struct {
		err    error
		status int
		code   string
		says   string
	}{
		"not accepted": {slipway.Errorf(slipway.Unauthenticated, `token not accepted: it says iss "https://x\y/ä"`), 400, "invalid_request", `it says iss 'https://x?y/?'`},
		"bad address":  {slipway.Errorf(slipway.Invalid, "email is no address"), 400, "invalid_request", "email is no address"},
		"limited":      {busy, 429, "temporarily_unavailable", "too many tries"},
		"issuer down":  {slipway.Errorf(slipway.Unavailable, "try again"), 503, "temporarily_unavailable", "try again"},
		"a defect":     {errors.New("dial /secret/socket"), 500, "server_error", "log"},
	} {
		t.Run(name, func(t *testing.T) {
			x := &exchanger{err: test.err}
			res, out := x.post(t, formType, good().Encode())
			text, _ := out["error_description"].(string)
			if res.StatusCode != test.status || out["error"] != test.code || !strings.Contains(text, test.says) || strings.Contains(text, "secret") {
				t.Errorf("%d %v", res.StatusCode, out)
			}
			if !allowed.MatchString(text) {
				t.Errorf("a character that RFC 6749 forbids: %s", text)
			}
			if got := res.Header.Get("Retry-After"); (got == "2") != (name == "limited") {
				t.Errorf("Retry-After: %q", got)
			}
		})
	}
}

func TestMethods(t *testing.T) {
	h := oauth.New(slog.New(slog.DiscardHandler), &exchanger{}, oauth.Config{URL: base})
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, oauth.TokenPath, nil))
	if w.Code != http.StatusMethodNotAllowed {
		t.Errorf("GET: %d", w.Code)
	}
}
