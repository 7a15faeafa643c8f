// Package oauth trades ID tokens for access tokens as OAuth 2.0 Token Exchange
// has it (RFC 8693), for clients that know the standard rather than the API's
// own method, and tells where by authorization server metadata (RFC 8414).
//
// It is a second door to the same decision: access.Service.Exchange judges,
// limits and records whatever comes through.
package oauth

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"math"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"slipway"
	"slipway/internal/access"
)

// Paths that the handler serves.
const (
	TokenPath    = "/oauth/token"
	MetadataPath = "/.well-known/oauth-authorization-server"
)

// Identifiers of RFC 8693 §2.1 and §3.
const (
	grantType       = "urn:ietf:params:oauth:grant-type:token-exchange"
	typeJWT         = "urn:ietf:params:oauth:token-type:jwt"
	typeIDToken     = "urn:ietf:params:oauth:token-type:id_token"
	typeAccessToken = "urn:ietf:params:oauth:token-type:access_token"
)

// maxBody bounds a request in bytes: an ID token of 16 KiB, and the rest.
const maxBody = 24 << 10

// An Exchanger trades tokens: *access.Service. Its errors may be shown to the
// caller.
type Exchanger interface {
	Exchange(ctx context.Context, in access.TokenRequest) (access.AccessToken, error)
}

// Config is what New can be told.
type Config struct {
	URL            string           // of this server, "https://slipway.example.com": the issuer, and the one audience that can be asked for
	KeysURL        string           // of the public keys of access tokens
	TrustedProxies slipway.Proxies  // whose X-Forwarded-For is believed
	Now            func() time.Time // nil is time.Now
}

// New returns a handler of TokenPath and MetadataPath.
func New(lg *slog.Logger, x Exchanger, cfg Config) http.Handler {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	h := handler{lg: lg, exchanger: x, cfg: cfg}
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+TokenPath, h.token)
	mux.HandleFunc("GET "+MetadataPath, h.metadata)
	return mux
}

type handler struct {
	lg        *slog.Logger
	exchanger Exchanger
	cfg       Config
}

// An answer is a successful one (RFC 8693 §2.2.1). Scope is left out: the token
// has what was asked for, since no scope can be.
type answer struct {
	AccessToken     string `json:"access_token"`
	IssuedTokenType string `json:"issued_token_type"`
	TokenType       string `json:"token_type"`
	ExpiresIn       int64  `json:"expires_in"` // seconds
}

func (h handler) token(w http.ResponseWriter, r *http.Request) {
	in, wrong := h.read(w, r)
	if wrong != nil {
		h.refuse(w, r, wrong)
		return
	}
	in.Origin = slipway.NewOrigin(h.cfg.TrustedProxies, r.RemoteAddr, r.Header.Values("X-Forwarded-For"), r.UserAgent())
	t, err := h.exchanger.Exchange(r.Context(), in)
	if err != nil {
		h.refuse(w, r, refusalOf(err))
		return
	}
	reply(w, http.StatusOK, answer{
		AccessToken: t.Token.Reveal(), IssuedTokenType: typeAccessToken, TokenType: "Bearer",
		ExpiresIn: max(0, int64(t.Expires.Sub(h.cfg.Now()).Seconds())),
	})
}

// read takes the request apart. Parameters in the URL are not looked at: what
// is in a URL ends up in logs.
func (h handler) read(w http.ResponseWriter, r *http.Request) (access.TokenRequest, *refusal) {
	if typ, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || typ != "application/x-www-form-urlencoded" {
		return access.TokenRequest{}, &refusal{status: http.StatusUnsupportedMediaType, Code: invalidRequest, Text: "send the parameters as application/x-www-form-urlencoded"}
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
		return access.TokenRequest{}, &refusal{status: http.StatusRequestEntityTooLarge, Code: invalidRequest, Text: "the request is larger than 24 KiB"}
	}
	form, formErr := url.ParseQuery(string(body))
	if err != nil || formErr != nil {
		return access.TokenRequest{}, invalid("the body is not a form")
	}
	one := func(name string) string { return form.Get(name) }
	for name, values := range form {
		// RFC 6749 §3.2; audience and resource may be repeated (RFC 8693 §2.1).
		if len(values) > 1 && name != "audience" && name != "resource" {
			return access.TokenRequest{}, invalid("a parameter stands there twice: " + known(name))
		}
	}
	switch {
	case one("grant_type") == "":
		return access.TokenRequest{}, invalid("grant_type is missing: " + grantType)
	case one("grant_type") != grantType:
		return access.TokenRequest{}, &refusal{status: http.StatusBadRequest, Code: "unsupported_grant_type", Text: "the only grant_type is " + grantType}
	case one("subject_token") == "":
		return access.TokenRequest{}, invalid("subject_token is missing: the ID token of the CI job")
	case one("subject_token_type") != typeJWT && one("subject_token_type") != typeIDToken:
		return access.TokenRequest{}, invalid("subject_token_type is " + typeIDToken + " or " + typeJWT)
	case one("client_id") == "":
		return access.TokenRequest{}, invalid("client_id is missing: the e-mail address of the workload identity")
	case form.Has("actor_token"):
		return access.TokenRequest{}, invalid("actor_token: nobody can act for somebody else here")
	case one("requested_token_type") != "" && one("requested_token_type") != typeAccessToken:
		return access.TokenRequest{}, invalid("requested_token_type: only " + typeAccessToken + " is issued")
	case one("scope") != "":
		return access.TokenRequest{}, &refusal{status: http.StatusBadRequest, Code: "invalid_scope", Text: "scope: tokens of less than the identity's rights are not built yet; leave it out"}
	}
	for _, target := range append(form["audience"], form["resource"]...) {
		if strings.TrimRight(target, "/") != h.cfg.URL {
			return access.TokenRequest{}, &refusal{status: http.StatusBadRequest, Code: "invalid_target", Text: "audience and resource: tokens are for " + h.cfg.URL + " only; leave them out"}
		}
	}
	return access.TokenRequest{Token: slipway.Secret(one("subject_token")), Email: one("client_id")}, nil
}

// known returns name if it is a parameter of the standard: others may be
// anything, also a secret in the wrong place.
func known(name string) string {
	switch name {
	case "grant_type", "subject_token", "subject_token_type", "client_id", "actor_token", "requested_token_type", "scope":
		return name
	}
	return "one that is not known here"
}

// metadata answers RFC 8414 §2.
func (h handler) metadata(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "public, max-age=300")
	_ = json.NewEncoder(w).Encode(map[string]any{ // the client went away
		"issuer":                                h.cfg.URL,
		"token_endpoint":                        h.cfg.URL + TokenPath,
		"jwks_uri":                              h.cfg.KeysURL,
		"grant_types_supported":                 []string{grantType},
		"response_types_supported":              []string{},
		"token_endpoint_auth_methods_supported": []string{"none"},
	})
}

const invalidRequest = "invalid_request"

// A refusal is an error response (RFC 6749 §5.2).
type refusal struct {
	status int
	wait   time.Duration // how long to wait before another try; 0 is not said
	cause  error         // for the log; nil where the request tells it
	Code   string        `json:"error"`
	Text   string        `json:"error_description"`
}

func invalid(text string) *refusal {
	return &refusal{status: http.StatusBadRequest, Code: invalidRequest, Text: text}
}

// refusalOf puts an error of the exchange into the standard's words. A token
// that is not accepted is an invalid_request (RFC 8693 §2.2.2).
func refusalOf(err error) *refusal {
	out := &refusal{status: http.StatusInternalServerError, Code: "server_error", cause: err, Text: "the exchange failed; the server's log has the details"}
	e, ok := errors.AsType[*slipway.Error](err)
	if !ok {
		return out
	}
	switch slipway.KindOf(err) {
	case slipway.Invalid, slipway.Unauthenticated:
		out.status, out.Code, out.cause = http.StatusBadRequest, invalidRequest, nil
	case slipway.Exhausted:
		out.status, out.Code, out.cause = http.StatusTooManyRequests, "temporarily_unavailable", nil
	case slipway.Unavailable:
		out.status, out.Code = http.StatusServiceUnavailable, "temporarily_unavailable"
	default:
		return out
	}
	out.Text, out.wait = slipway.MessageOf(err), e.RetryAfter
	return out
}

func (h handler) refuse(w http.ResponseWriter, r *http.Request, no *refusal) {
	if no.cause != nil {
		h.lg.WarnContext(r.Context(), "exchange a token", "err", no.cause)
	}
	if no.wait > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(no.wait.Seconds()))))
	}
	no.Text = describable(no.Text)
	reply(w, no.status, no)
}

// describable returns s with the characters alone that an error_description
// may have: printable ASCII but for quotation marks and backslashes.
func describable(s string) string {
	return strings.Map(func(c rune) rune {
		switch {
		case c == '"':
			return '\''
		case c < ' ' || c > '~' || c == '\\':
			return '?'
		}
		return c
	}, s)
}

func reply(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store") // RFC 6749 §5.1
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the client went away
}
