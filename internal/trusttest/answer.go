package trusttest

import (
	"net/http"
	"strings"
	"time"

	"slipway/internal/idtokentest"
)

// An Answer is how an issuer misbehaves where keys are fetched.
type Answer struct {
	ID, Name string
	Slow     bool // it takes until the verifier gives up
	Do       func(i, other *idtokentest.Issuer)
	Words    string // of the explanation
}

// String returns the name of the case's test.
func (a Answer) String() string { return a.ID + " " + a.Name }

// Relapses are what an issuer does whose keys are known: they go on serving.
func Relapses() []Answer {
	big := `{"keys":[` + strings.Repeat(`{"kty":"XYZ"},`, 400000) + `{"kty":"XYZ"}]}`
	many := `{"keys":[` + strings.Repeat(`{"kty":"XYZ"},`, 100) + `{"kty":"XYZ"}]}`
	keys := func(h http.HandlerFunc) func(i, other *idtokentest.Issuer) {
		return func(i, _ *idtokentest.Issuer) { i.AnswerKeys(h) }
	}
	json := func(body string) http.HandlerFunc { return idtokentest.Answer("application/json", []byte(body)) }
	return []Answer{
		{ID: "K11", Name: "5 MiB", Do: keys(json(big)), Words: "more than"},
		{ID: "K11", Name: "101 keys", Do: keys(json(many)), Words: "101 keys"},
		{ID: "K11", Name: "packed", Do: keys(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			json("\x1f\x8b\x08\x00")(w, r)
		}), Words: "read key set"},
		{ID: "K11", Name: "a byte at a time", Do: keys(Trickle), Words: "deadline", Slow: true},
		{ID: "K11", Name: "nothing at all", Do: keys(idtokentest.Stall), Words: "deadline", Slow: true},
		{ID: "K11", Name: "wrong content type", Do: keys(idtokentest.Answer("text/plain", []byte(`{"keys":[]}`))), Words: "content type"},
		{ID: "K11", Name: "a page", Do: keys(idtokentest.Answer("text/html", []byte("<html></html>"))), Words: "content type"},
		{ID: "K11", Name: "a page that says it is JSON", Do: keys(json("<html></html>")), Words: "read key set"},
		{ID: "K11", Name: "keys in capitals", Do: keys(json(`{"Keys":[]}`)), Words: "keys is no array"},
		{ID: "K11", Name: "keys an object", Do: keys(json(`{"keys":{}}`)), Words: "keys is no array"},
		{ID: "K11", Name: "trailing garbage", Do: keys(json(`{"keys":[]}x`)), Words: "read key set"},
		{ID: "K11", Name: "redirect", Do: keys(idtokentest.Redirect("/")), Words: "status 302"},
		{ID: "K11", Name: "a fault", Do: keys(idtokentest.Down), Words: "status 503"},
		{ID: "K12", Name: "no keys", Do: keys(json(`{"keys":[]}`)), Words: "no key that can be used"},
		{ID: "K12", Name: "no usable keys", Do: keys(json(`{"keys":[{"kty":"XYZ","kid":"k1"}]}`)), Words: "no key that can be used"},
	}
}

// Trickle sends a byte at a time and never ends.
func Trickle(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-r.Context().Done():
			panic(http.ErrAbortHandler) // an answer that just ended would be a whole one
		case <-tick.C:
			_, _ = w.Write([]byte(" ")) // the client goes away at some point
			_ = http.NewResponseController(w).Flush()
		}
	}
}

// Misleads are discovery documents that lead nowhere good: no key is fetched,
// and nobody gets in.
func Misleads() []Answer {
	const keys = "/oauth/discovery/keys"
	// keysAt names where the keys are said to be, as a change of the truth.
	keysAt := func(from, to string) func(i, other *idtokentest.Issuer) {
		return func(i, _ *idtokentest.Issuer) { i.Claim("", strings.Replace(i.URL()+keys, from, to, 1)) }
	}
	fixed := func(url string) func(i, other *idtokentest.Issuer) {
		return func(i, _ *idtokentest.Issuer) { i.Claim("", url) }
	}
	document := func(doc string) func(i, other *idtokentest.Issuer) {
		return func(i, _ *idtokentest.Issuer) {
			i.AnswerDiscovery(idtokentest.Answer("application/json", []byte(strings.ReplaceAll(doc, "URL", i.URL()))))
		}
	}
	return []Answer{
		{ID: "I04", Name: "discovery of another issuer", Do: func(i, _ *idtokentest.Issuer) { i.Claim("https://gitlab.com", "") }, Words: "belongs to issuer"},
		{ID: "I04", Name: "discovery with a slash more", Do: func(i, _ *idtokentest.Issuer) { i.Claim(i.URL()+"/", "") }, Words: "belongs to issuer"},
		{ID: "I04", Name: "issuer twice", Do: document(`{"issuer":"x","issuer":"URL","jwks_uri":"URL/oauth/discovery/keys"}`), Words: "twice"},
		{ID: "I04", Name: "Issuer in capitals", Do: document(`{"Issuer":"URL","jwks_uri":"URL/oauth/discovery/keys"}`), Words: "belongs to issuer"},
		{ID: "N04", Name: "discovery elsewhere", Do: func(i, other *idtokentest.Issuer) {
			i.AnswerDiscovery(idtokentest.Redirect(other.URL() + "/.well-known/openid-configuration"))
		}, Words: "status 302"},
		{ID: "N04", Name: "keys over http", Do: keysAt("https", "http"), Words: "no https URL"},
		{ID: "N04", Name: "keys in a file", Do: fixed("file:///etc/passwd"), Words: "no https URL"},
		{ID: "N04", Name: "keys on port 22", Do: fixed("https://127.0.0.1:22/keys"), Words: "port 22 is neither"},
		{ID: "N04", Name: "keys on port 6379", Do: fixed("https://127.0.0.1:6379/keys"), Words: "port 6379 is neither"},
		{ID: "N04", Name: "keys on a live server's other port", Do: func(i, other *idtokentest.Issuer) { i.Claim("", other.URL()+keys) }, Words: "is neither 443 nor"},
		{ID: "N04", Name: "keys with a user", Do: keysAt("https://", "https://u@"), Words: "user name"},
		{ID: "N04", Name: "keys on another private host", Do: keysAt("127.0.0.1", "localhost"), Words: "not on the public internet"},
		{ID: "N04", Name: "keys at an address in disguise", Do: keysAt("127.0.0.1", "2130706433"), Words: "in disguise"},
		{ID: "N07", Name: "a fault with words of its own", Do: func(i, _ *idtokentest.Issuer) { i.AnswerDiscovery(idtokentest.Down) }, Words: "status 503"},
		{ID: "N04", Name: "no keys named", Do: document(`{"issuer":"URL"}`), Words: "no https URL"},
	}
}

// Addresses says which hosts of an issuer's URL may be dialled.
var Addresses = map[string]bool{
	"127.0.0.1": false, "127.8.8.8": false, "::1": false, "::ffff:127.0.0.1": false, "0.0.0.0": false, "::": false,
	"169.254.169.254": false, "fd00::1": false, "fd00:ec2::254": false, "fe80::1": false,
	"10.1.2.3": false, "172.16.0.1": false, "172.31.255.255": false, "192.168.1.1": false, "::ffff:10.0.0.1": false, "::ffff:100.64.0.1": false,
	"100.64.0.1": false, "100.127.255.255": false, "192.0.0.8": false, "198.18.0.1": false, "198.19.255.255": false,
	"224.0.0.1": false, "255.255.255.255": false, "240.0.0.1": false, "ff02::1": false, "::7f00:1": false,
	"64:ff9b::7f00:1": false, "64:ff9b::a00:1": false, "64:ff9b:1::1": false, "2002:7f00:1::": false, "2001::1": false,
	"192.0.2.1": false, "203.0.113.9": false, "2001:db8::1": false,
	"::ffff:0:7f00:1": false, "::ffff:0:808:808": false, "4000::1": false, "fe00::1": false, "1::1": false, "3ffe::1": true,
	"172.64.1.1": true, "172.15.255.255": true, "100.128.0.1": true, "8.8.8.8": true, "198.20.0.1": true,
	"::ffff:8.8.8.8": true, "64:ff9b::808:808": true, "2606:4700::1111": true, "192.0.1.1": true,
}

// Numbers are hosts that some resolvers read as 127.0.0.1 or another address.
var Numbers = map[string]bool{
	"2130706433": true, "0x7f.1": true, "0177.1": true, "127.1": true, "0x7f000001": true, "1.2.3.4.": true, "127.0.0.0x1": true,
	"10.example.com": false, "127.0.0.1": false, "::1": false, "gitlab.com": false, "0xample.com": false, "a.b1": false, "localhost": false,
}
