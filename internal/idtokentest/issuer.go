// Package idtokentest is a stand-in for a GitLab instance as far as its ID
// tokens go: a real HTTPS server on the loopback interface that publishes a
// discovery document and real keys, and signs tokens with GitLab's claims. It
// can be told to misbehave. It is for tests only and imports nothing of ours,
// so that what it makes is judged by other code than what made it.
package idtokentest

import (
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"
)

// An Issuer publishes keys and signs tokens. It may be used by many goroutines.
type Issuer struct {
	t      testing.TB
	now    func() time.Time
	server *httptest.Server

	mu           sync.Mutex // guards what follows
	signing      Key
	published    []any // what marshals to a JWK
	named        string
	keysAt       string
	cacheControl string
	discovery    http.HandlerFunc // nil: the usual answer
	keys         http.HandlerFunc
	requests     Requests
}

// Requests counts what was asked of an Issuer.
type Requests struct {
	Discovery int
	Keys      int
	Other     int
}

const (
	discoveryPath = "/.well-known/openid-configuration"
	keysPath      = "/oauth/discovery/keys"
)

// New starts an issuer that signs with the RSA key "k1" and publishes, as GitLab
// does, the key "kLogin" of its sign-in tokens next to it. It stops when the
// test ends. A nil now is time.Now.
func New(t testing.TB, now func() time.Time) *Issuer {
	t.Helper()
	k1 := NewRSA(t, "k1")
	return start(t, now, k1, k1.JWK(), NewRSA(t, "kLogin").JWK())
}

// Twin starts an issuer at another address with the keys that i has now: making
// keys is what takes time. A nil now is time.Now.
func (i *Issuer) Twin(t testing.TB, now func() time.Time) *Issuer {
	t.Helper()
	return start(t, now, i.Key(), i.Published()...)
}

func start(t testing.TB, now func() time.Time, signing Key, published ...any) *Issuer {
	if now == nil {
		now = time.Now
	}
	i := &Issuer{
		t: t, now: now, signing: signing, published: published,
		cacheControl: "max-age=86400, public, must-revalidate, no-transform",
	}
	i.server = httptest.NewUnstartedServer(i)
	i.server.Config.ErrorLog = log.New(io.Discard, "", 0) // refused handshakes are part of tests
	i.server.StartTLS()
	t.Cleanup(i.server.Close)
	return i
}

// URL returns what iss and discovery say, without a slash at its end.
func (i *Issuer) URL() string { return i.server.URL }

// CA returns the certificate that vouches for the server, in PEM form.
func (i *Issuer) CA() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: i.server.Certificate().Raw})
}

// Roots returns CA as a pool.
func (i *Issuer) Roots() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(i.server.Certificate())
	return pool
}

// Key returns the key that signs now.
func (i *Issuer) Key() Key {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.signing
}

// Rotate makes k the signing key and publishes it beside the old ones.
func (i *Issuer) Rotate(k Key) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.signing = k
	i.published = append(slices.Clone(i.published), k.JWK())
}

// Publish replaces the published keys: each marshals to a JWK, or to junk.
func (i *Issuer) Publish(keys ...any) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.published = append([]any{}, keys...)
}

// Published returns the published keys.
func (i *Issuer) Published() []any {
	i.mu.Lock()
	defer i.mu.Unlock()
	return slices.Clone(i.published)
}

// CacheControl sets that header of the key set's answer.
func (i *Issuer) CacheControl(value string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.cacheControl = value
}

// Claim makes the discovery document say that it belongs to issuer and that the
// keys are at keysURL; "" is the truth.
func (i *Issuer) Claim(issuer, keysURL string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.named, i.keysAt = issuer, keysURL
}

// AnswerDiscovery and AnswerKeys replace an answer by h; nil brings the usual
// one back.
func (i *Issuer) AnswerDiscovery(h http.HandlerFunc) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.discovery = h
}

// AnswerKeys is as AnswerDiscovery, for the key set.
func (i *Issuer) AnswerKeys(h http.HandlerFunc) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.keys = h
}

// Requests returns the counts so far.
func (i *Issuer) Requests() Requests {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.requests
}

// ServeHTTP answers as a GitLab instance does.
func (i *Issuer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := i.answer(r.URL.Path)
	h(w, r)
}

// answer counts a request and returns what answers it.
func (i *Issuer) answer(path string) http.HandlerFunc {
	i.mu.Lock()
	defer i.mu.Unlock()
	switch path {
	case discoveryPath:
		i.requests.Discovery++
		if i.discovery != nil {
			return i.discovery
		}
		doc := map[string]any{"issuer": i.URL(), "jwks_uri": i.URL() + keysPath, "id_token_signing_alg_values_supported": []string{"RS256"}}
		if i.named != "" {
			doc["issuer"] = i.named
		}
		if i.keysAt != "" {
			doc["jwks_uri"] = i.keysAt
		}
		return answerJSON(doc, "")
	case keysPath:
		i.requests.Keys++
		if i.keys != nil {
			return i.keys
		}
		return answerJSON(map[string]any{"keys": i.published}, i.cacheControl)
	}
	i.requests.Other++
	return http.NotFound
}

func answerJSON(doc any, cacheControl string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		if cacheControl != "" {
			w.Header().Set("Cache-Control", cacheControl)
		}
		_ = json.NewEncoder(w).Encode(doc) // a client that went away is part of tests
	}
}

// Down answers as a server with a fault does.
func Down(w http.ResponseWriter, _ *http.Request) {
	http.Error(w, "upstream secret detail", http.StatusServiceUnavailable)
}

// Stall answers nothing until the client gives up.
func Stall(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

// Redirect returns a handler that sends the client to target.
func Redirect(target string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, target, http.StatusFound) }
}

// Answer returns a handler that answers 200 with body.
func Answer(contentType string, body []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		_, _ = w.Write(body)
	}
}
