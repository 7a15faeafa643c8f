package idtoken

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"slipway"
	"slipway/internal/trust"
)

// A Client is this server as an OpenID provider knows it: what people sign in
// with (OpenID Connect Core 1.0 §3.1, the authorization code flow).
type Client struct {
	Issuer   string // of the provider, byte for byte as in iss
	ID       string
	Secret   slipway.Secret // "" for a client without one, which PKCE alone protects
	Redirect string         // where the provider sends the browser back to
	Scopes   []string       // beside openid
	Claims   []string       // that are asked for at the userinfo endpoint too, beside who it is
}

// A Flow is one sign-in under way. All of it is random and known to the browser
// that began it alone.
type Flow struct {
	State    string `json:"state"`    // comes back with the code
	Nonce    string `json:"nonce"`    // comes back in the ID token
	Verifier string `json:"verifier"` // of PKCE (RFC 7636), method S256
}

// A Login is whom a provider has signed in.
type Login struct {
	Subject       string
	Email         string // "" if the provider tells none
	EmailVerified bool
	Name          string
	claims        map[string]any
}

// Strings returns a claim that is a list of strings or one string, nil if it is
// absent or anything else.
func (l Login) Strings(claim string) []string {
	switch v := l.claims[claim].(type) {
	case string:
		return []string{v}
	case []any:
		var out []string
		for _, e := range v {
			if s, ok := e.(string); ok {
				out = append(out, s)
			}
		}
		return out
	}
	return nil
}

// Endpoints are the parts of a discovery document that a sign-in goes through.
type endpoints struct {
	authorize, token, userinfo string
	endSession                 string   // "" where it offers none
	methods                    []string // of showing the client's secret; nil is not told
}

func readEndpoints(doc map[string]any) endpoints {
	var e endpoints
	e.authorize, _ = doc["authorization_endpoint"].(string)
	e.token, _ = doc["token_endpoint"].(string)
	e.userinfo, _ = doc["userinfo_endpoint"].(string)
	e.endSession, _ = doc["end_session_endpoint"].(string)
	e.methods = Login{claims: doc}.Strings("token_endpoint_auth_methods_supported")
	return e
}

// leeway is how far the provider's clock may be ahead or behind.
const leeway = time.Minute

// SignInURL returns where to send a browser that begins flow f. It is
// Unavailable if the provider's discovery document cannot be had, and a
// Precondition if the provider is none that people can sign in with.
func (v *Verifier) SignInURL(ctx context.Context, c Client, f Flow) (string, error) {
	e, err := v.cache.endpointsOf(ctx, c.Issuer)
	if err != nil {
		return "", unavailable(err)
	}
	for name, raw := range map[string]string{"authorization_endpoint": e.authorize, "token_endpoint": e.token} {
		if _, err := parseURL(raw); err != nil {
			return "", slipway.Errorf(slipway.Precondition, "the provider's discovery document has no good %s: %.200q", name, raw).Because(err)
		}
	}
	u, err := url.Parse(e.authorize)
	if err != nil { // unreachable unless parseURL lets it through
		return "", slipway.Errorf(slipway.Precondition, "the provider's authorization_endpoint is no URL").Because(err)
	}
	challenge := sha256.Sum256([]byte(f.Verifier))
	q := u.Query()
	for name, value := range map[string]string{
		"response_type": "code", "client_id": c.ID, "redirect_uri": c.Redirect,
		"scope": strings.Join(slices.Concat([]string{"openid"}, c.Scopes), " "), "state": f.State, "nonce": f.Nonce,
		"code_challenge": base64.RawURLEncoding.EncodeToString(challenge[:]), "code_challenge_method": "S256",
	} {
		q.Set(name, value)
	}
	u.RawQuery = q.Encode()
	return u.String(), nil
}

// SignOutURL returns where to send a browser that signs out of the provider too
// (OpenID Connect RP-Initiated Logout 1.0 §2), and that comes back to the URL
// back; "" if the provider does not offer it. Without an ID token, which is not
// kept, the provider may ask the person.
func (v *Verifier) SignOutURL(ctx context.Context, c Client, back string) (string, error) {
	e, err := v.cache.endpointsOf(ctx, c.Issuer)
	if err != nil {
		return "", unavailable(err)
	}
	if e.endSession == "" {
		return "", nil
	}
	u, err := parseURL(e.endSession)
	if err != nil {
		return "", slipway.Errorf(slipway.Precondition, "the provider's discovery document has no good end_session_endpoint: %.200q", e.endSession).Because(err)
	}
	q := u.Query()
	q.Set("client_id", c.ID)
	q.Set("post_logout_redirect_uri", back)
	u.RawQuery = q.Encode()
	return u.String(), nil
}

func unavailable(cause error) error {
	return slipway.Errorf(slipway.Unavailable, "the identity provider does not answer right now; try again in a minute").Because(cause)
}

// SignIn redeems the code that came back from flow f and returns who signed in.
// What is wrong with it is a *Refusal, or Unavailable.
func (v *Verifier) SignIn(ctx context.Context, c Client, f Flow, code string) (Login, error) {
	e, err := v.cache.endpointsOf(ctx, c.Issuer)
	if err != nil {
		return Login{}, unavailable(err)
	}
	raw, access, err := v.cache.fetcher.redeem(ctx, c, e, f.Verifier, code)
	if err != nil {
		return Login{}, err
	}
	t, err := v.signed(ctx, c.Issuer, raw)
	if err != nil {
		return Login{}, err
	}
	if err := checkLogin(t.claims, c, f, v.cache.now()); err != nil {
		return Login{}, err
	}
	claims := t.claims
	missing := slices.ContainsFunc(slices.Concat([]string{"email", "email_verified"}, c.Claims), func(name string) bool {
		_, told := claims[name]
		return !told
	})
	if missing && access != "" && e.userinfo != "" {
		// A provider may tell who it is only to who asks (OpenID Connect Core
		// 1.0 §5.4).
		if claims, err = v.cache.fetcher.userinfo(ctx, c.Issuer, e.userinfo, access, claims); err != nil {
			return Login{}, err
		}
	}
	l := Login{claims: claims}
	l.Subject, _ = claims["sub"].(string)
	l.Email, _ = claims["email"].(string)
	l.Name, _ = claims["name"].(string)
	l.EmailVerified = claims["email_verified"] == true || claims["email_verified"] == "true"
	return l, nil
}

// checkLogin refuses an ID token that is not for this client, this flow and
// this moment (OpenID Connect Core 1.0 §3.1.3.7).
func checkLogin(claims map[string]any, c Client, f Flow, now time.Time) error {
	bad := func(reason, want, got string) error { return refuse(reason, nil).want(want).got(got) }
	if iss, _ := claims["iss"].(string); iss != c.Issuer {
		return bad("issuer_mismatch", c.Issuer, iss)
	}
	if sub, _ := claims["sub"].(string); sub == "" || len(sub) > 255 {
		return bad("claims_malformed", "a sub of 1 to 255 bytes", sub)
	}
	audiences := Login{claims: claims}.Strings("aud")
	if !slices.Contains(audiences, c.ID) {
		return bad("audience_mismatch", c.ID, strings.Join(audiences, ", "))
	}
	if azp, there := claims["azp"]; there && azp != c.ID || !there && len(audiences) > 1 {
		return bad("audience_mismatch", "azp "+c.ID, fmt.Sprint(azp))
	}
	expires, ok := instant(claims["exp"])
	if !ok || !now.Before(expires.Add(leeway)) {
		return bad("token_expired", "an exp to come", fmt.Sprint(claims["exp"]))
	}
	issued, ok := instant(claims["iat"])
	if !ok || issued.After(now.Add(leeway)) {
		return bad("issued_in_future", "an iat that is over", fmt.Sprint(claims["iat"]))
	}
	if begins, there := claims["nbf"]; there {
		if at, ok := instant(begins); !ok || at.After(now.Add(leeway)) {
			return bad("not_yet_valid", "an nbf that is over", fmt.Sprint(begins))
		}
	}
	nonce, _ := claims["nonce"].(string)
	if f.Nonce == "" || subtle.ConstantTimeCompare([]byte(nonce), []byte(f.Nonce)) != 1 {
		return bad("nonce_mismatch", "the nonce of this sign-in", "another")
	}
	return nil
}

// instant reads a NumericDate (RFC 7519 §2).
func instant(v any) (time.Time, bool) {
	n, ok := v.(json.Number)
	if !ok {
		return time.Time{}, false
	}
	seconds, err := n.Float64()
	if err != nil || seconds < 0 || seconds > 1<<40 {
		return time.Time{}, false
	}
	return time.UnixMilli(int64(seconds * 1000)), true
}

// redeem trades a code at the token endpoint (RFC 6749 §4.1.3) and returns the
// ID token and the access token.
func (f *fetcher) redeem(ctx context.Context, c Client, e endpoints, verifier, code string) (idToken, access string, err error) {
	ctx, cancel := context.WithTimeout(ctx, f.timeout)
	defer cancel()
	base, err := f.checkIssuer(c.Issuer)
	if err == nil {
		err = checkKeysURL(base, e.token)
	}
	if err != nil {
		return "", "", slipway.Errorf(slipway.Precondition, "the provider's token_endpoint cannot be used").Because(err)
	}
	form := url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {c.Redirect}, "code_verifier": {verifier}}
	basic := c.Secret != "" && (e.methods == nil || slices.Contains(e.methods, "client_secret_basic"))
	if !basic {
		form.Set("client_id", c.ID)
		if c.Secret != "" {
			form.Set("client_secret", c.Secret.Reveal())
		}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, e.token, strings.NewReader(form.Encode()))
	if err != nil {
		return "", "", fmt.Errorf("ask for tokens: %w", err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if basic { // with both encoded as in a form: RFC 6749 §2.3.1
		req.SetBasicAuth(url.QueryEscape(c.ID), url.QueryEscape(c.Secret.Reveal()))
	}
	body, resp, err := f.do(c.Issuer, base, req)
	if err != nil {
		return "", "", unavailable(fmt.Errorf("ask for tokens: %w", err))
	}
	doc, err := trust.ParseObject(body)
	if resp.status != http.StatusOK {
		said, _ := doc["error"].(string) // "invalid_grant"
		if resp.status >= http.StatusInternalServerError {
			return "", "", unavailable(fmt.Errorf("ask for tokens: status %d", resp.status))
		}
		return "", "", refuse("code_refused", errors.New("the token endpoint refuses")).want("tokens for the code").got(fmt.Sprintf("status %d %s", resp.status, said))
	}
	if err != nil {
		return "", "", refuse("code_refused", err).got("an answer that is no JSON object")
	}
	idToken, _ = doc["id_token"].(string)
	access, _ = doc["access_token"].(string)
	if idToken == "" {
		return "", "", refuse("code_refused", nil).want("an ID token").got("none")
	}
	return idToken, access, nil
}

// userinfo returns claims with those added that the userinfo endpoint tells of
// the same subject (OpenID Connect Core 1.0 §5.3).
func (f *fetcher) userinfo(ctx context.Context, issuer, target, access string, claims map[string]any) (map[string]any, error) {
	ctx, cancel := context.WithTimeout(ctx, f.timeout)
	defer cancel()
	base, err := f.checkIssuer(issuer)
	if err == nil {
		err = checkKeysURL(base, target)
	}
	if err != nil {
		return nil, slipway.Errorf(slipway.Precondition, "the provider's userinfo_endpoint cannot be used").Because(err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, target, nil)
	if err != nil {
		return nil, fmt.Errorf("ask who it is: %w", err)
	}
	req.Header.Set("Authorization", "Bearer "+access)
	body, resp, err := f.do(issuer, base, req)
	if err != nil {
		return nil, unavailable(fmt.Errorf("ask who it is: %w", err))
	}
	if resp.status != http.StatusOK {
		return nil, refuse("code_refused", nil).want("who it is").got(fmt.Sprintf("status %d of the userinfo endpoint", resp.status))
	}
	if err := checkJSON(target, resp.header); err != nil {
		return nil, refuse("code_refused", err).got(err.Error())
	}
	told, err := trust.ParseObject(body)
	if err != nil {
		return nil, refuse("claims_malformed", err).got(err.Error())
	}
	if told["sub"] != claims["sub"] { // or one could be swapped for another's
		return nil, refuse("claims_malformed", nil).want("the same sub from the userinfo endpoint").got(fmt.Sprint(told["sub"]))
	}
	// What is signed counts. Whether an address is verified is said of the
	// address beside it, and of no other.
	_, signed := claims["email"]
	if signed && told["email"] != claims["email"] {
		delete(told, "email_verified")
	}
	for name, value := range claims {
		if name != "email_verified" || signed {
			told[name] = value
		}
	}
	return told, nil
}
