package signer_test

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"slipway"
	"slipway/internal/idtoken"
	"slipway/internal/idtokentest"
	"slipway/internal/signer"
)

const day = 24 * time.Hour

// A ring keeps keys in memory, as the store keeps them in a table.
type ring struct {
	mu    sync.Mutex
	keys  []signer.Key
	reads int
	err   error
}

func (r *ring) SigningKeys(context.Context) ([]signer.Key, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.reads++
	return slices.Clone(r.keys), r.err
}

func (r *ring) AddSigningKey(_ context.Context, k signer.Key) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.keys = slices.Insert(r.keys, 0, k)
	return r.err
}

func (r *ring) DropSigningKeys(_ context.Context, before time.Time) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.keys = slices.DeleteFunc(r.keys, func(k signer.Key) bool { return k.Created.Before(before) })
	return r.err
}

// A house is a signer with its ring and its clock.
type house struct {
	*signer.Signer
	ring *ring
	time time.Time
}

func newHouse() *house {
	h := &house{ring: &ring{}, time: time.Date(2026, 1, 15, 12, 0, 0, 0, time.UTC)}
	h.Signer = signer.New(h.ring, func() time.Time { return h.time })
	return h
}

func (h *house) token() signer.Token {
	return signer.Token{
		Identity: "ci@workload.bytebase.com", Revision: 7, Expires: h.time.Add(time.Hour),
		Job: slipway.Job{ProjectPath: "my-group/app", Ref: "main", PipelineID: "574"},
	}
}

func (h *house) mint(t *testing.T) string {
	t.Helper()
	raw, err := h.Mint(t.Context(), h.token())
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// good reports whether raw verifies; a refusal has to be Unauthenticated.
func (h *house) good(t *testing.T, raw string) bool {
	t.Helper()
	_, err := h.Verify(t.Context(), raw)
	if err != nil && slipway.KindOf(err) != slipway.Unauthenticated {
		t.Errorf("Verify: %v, want Unauthenticated", err)
	}
	return err == nil
}

func TestRoundTrip(t *testing.T) {
	h := newHouse()
	got, err := h.Verify(t.Context(), h.mint(t))
	if err != nil {
		t.Fatal(err)
	}
	want := h.token()
	want.Issued, want.ID = h.time, got.ID
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Verify (-minted +verified):\n%s", diff)
	}
	other, err := h.Verify(t.Context(), h.mint(t))
	if err != nil || other.ID == got.ID || got.ID == "" {
		t.Errorf("two tokens have ids %q and %q (%v)", got.ID, other.ID, err)
	}
}

func TestEnd(t *testing.T) {
	h := newHouse()
	raw := h.mint(t)
	h.time = h.time.Add(time.Hour - time.Second)
	if !h.good(t, raw) {
		t.Error("refused a second before its end")
	}
	h.time = h.time.Add(time.Second)
	if h.good(t, raw) {
		t.Error("accepted at its end")
	}
}

func TestMintRefuses(t *testing.T) {
	h := newHouse()
	for name, change := range map[string]func(*signer.Token){
		"no identity":   func(k *signer.Token) { k.Identity = "" },
		"ended":         func(k *signer.Token) { k.Expires = h.time },
		"no end":        func(k *signer.Token) { k.Expires = time.Time{} },
		"over a day":    func(k *signer.Token) { k.Expires = h.time.Add(day + time.Second) },
		"huge job data": func(k *signer.Token) { k.Job.Ref = strings.Repeat("r", 8<<10) },
	} {
		k := h.token()
		change(&k)
		if _, err := h.Mint(t.Context(), k); slipway.KindOf(err) != slipway.Invalid {
			t.Errorf("%s: Mint = %v, want Invalid", name, err)
		}
	}
}

// TestVerifyRefuses signs nearly right tokens with the right key.
func TestVerifyRefuses(t *testing.T) {
	h := newHouse()
	raw := h.mint(t)
	key := h.ring.keys[0]
	parts := strings.Split(raw, ".")
	head, body := decode(t, parts[0]), decode(t, parts[1])
	sign := func(head, body string) string {
		input := encode(head) + "." + encode(body)
		return input + "." + encode(string(ed25519.Sign(key.Private, []byte(input))))
	}
	claim := func(from, to string) string {
		if !strings.Contains(body, from) {
			t.Fatalf("%s does not hold %s", body, from)
		}
		return sign(head, strings.Replace(body, from, to, 1))
	}
	if !h.good(t, sign(head, body)) {
		t.Fatal("refused its own token signed anew: the cases below would prove nothing")
	}
	for name, bad := range map[string]string{
		"nothing":              "",
		"two parts":            parts[0] + "." + parts[1],
		"four parts":           raw + ".x",
		"padding":              raw + "=",
		"line break":           raw[:40] + "\n" + raw[40:],
		"signature cut":        raw[:len(raw)-2],
		"payload changed":      parts[0] + "." + encode(strings.Replace(body, `"rev":7`, `"rev":8`, 1)) + "." + parts[2],
		"too long":             raw + strings.Repeat("A", 8<<10),
		"typ JWT":              sign(strings.Replace(head, signer.Type, "JWT", 1), body),
		"no typ":               sign(strings.Replace(head, `,"typ":"wif+at"`, "", 1), body),
		"alg none":             sign(strings.Replace(head, "EdDSA", "none", 1), body),
		"space in header":      sign(" "+head, body),
		"more in header":       sign(strings.Replace(head, "{", `{"jku":"https://evil.example.com",`, 1), body),
		"unknown kid":          sign(strings.Replace(head, key.ID, "other", 1), body),
		"another issuer":       claim(`"iss":"slipway/default"`, `"iss":"slipway/other"`),
		"another audience":     claim(`"aud":"slipway/default/api"`, `"aud":"slipway/default"`),
		"no identity":          claim(`"sub":"ci@workload.bytebase.com"`, `"sub":""`),
		"a claim twice":        claim(`{"iss"`, `{"sub":"x","iss"`),
		"something behind":     sign(head, body+"x"),
		"revision as a string": claim(`"rev":7`, `"rev":"7"`),
	} {
		t.Run(name, func(t *testing.T) {
			if h.good(t, bad) {
				t.Errorf("accepted %q", bad)
			}
		})
	}
}

func TestRotation(t *testing.T) {
	h := newHouse()
	first := h.mint(t)
	h.time = h.time.Add(30*day - time.Hour)
	h.mint(t)
	if n := len(h.ring.keys); n != 1 {
		t.Fatalf("%d keys before the month is over, want 1", n)
	}
	h.time = h.time.Add(time.Hour)
	byOld := h.mint(t)
	if n := len(h.ring.keys); n != 2 {
		t.Fatalf("%d keys after a month, want 2", n)
	}
	if kid(t, byOld) != kid(t, first) {
		t.Error("a new key signs before other replicas have read it")
	}
	h.time = h.time.Add(5 * time.Minute)
	if kid(t, h.mint(t)) != h.ring.keys[0].ID {
		t.Error("the new key does not sign after five minutes")
	}
	if !h.good(t, byOld) {
		t.Error("a token by the old key is refused while it lives")
	}
	set, err := h.Keys(t.Context())
	if err != nil || len(set.Keys) != 2 {
		t.Errorf("Keys = %+v, %v; want 2", set, err)
	}
}

func TestOldKeysStopVerifying(t *testing.T) {
	h := newHouse()
	h.mint(t)
	old := h.ring.keys[0]
	h.time = h.time.Add(30 * day)
	h.mint(t) // makes the second key
	h.time = h.time.Add(48*time.Hour - time.Minute)
	long := h.token()
	long.Expires = h.time.Add(12 * time.Hour)
	raw := by(t, h, old, long)
	if !h.good(t, raw) {
		t.Fatal("the old key does not verify within 48 hours of its successor")
	}
	h.time = h.time.Add(time.Minute)
	if h.good(t, raw) {
		t.Error("the old key verifies 48 hours after its successor came")
	}
	if set, err := h.Keys(t.Context()); err != nil || len(set.Keys) != 1 || set.Keys[0].ID == old.ID {
		t.Errorf("Keys = %+v, %v; want the new one alone", set, err)
	}
	h.time = h.time.Add(30 * day)
	h.mint(t)
	if slices.ContainsFunc(h.ring.keys, func(k signer.Key) bool { return k.ID == old.ID }) {
		t.Error("the next rotation keeps a key that verifies nothing")
	}
}

// by mints k as a signer that has only key.
func by(t *testing.T, h *house, key signer.Key, k signer.Token) string {
	t.Helper()
	key.Created = h.time
	raw, err := signer.New(&ring{keys: []signer.Key{key}}, func() time.Time { return h.time }).Mint(t.Context(), k)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func TestReplicas(t *testing.T) {
	a := newHouse()
	b := signer.New(a.ring, func() time.Time { return a.time })
	if _, err := b.Keys(t.Context()); err != nil { // b has read an empty ring
		t.Fatal(err)
	}
	raw := a.mint(t)
	a.time = a.time.Add(time.Second)
	if _, err := b.Verify(t.Context(), raw); err != nil {
		t.Errorf("another replica refuses a token by a key it has not read yet: %v", err)
	}
	a.ring.reads = 0
	stray := strings.Replace(raw, raw[:strings.IndexByte(raw, '.')], encode(`{"alg":"EdDSA","kid":"stray","typ":"wif+at"}`), 1)
	for range 100 {
		if _, err := b.Verify(t.Context(), stray); err == nil {
			t.Fatal("accepted a token by nobody's key")
		}
	}
	if a.ring.reads > 1 {
		t.Errorf("%d reads for unknown key ids within a second, want at most 1", a.ring.reads)
	}
}

func TestKeyringDown(t *testing.T) {
	h := newHouse()
	raw := h.mint(t)
	h.time = h.time.Add(2 * time.Minute)
	h.ring.err = errors.New("disk full")
	if _, err := h.Verify(t.Context(), raw); !errors.Is(err, h.ring.err) || slipway.KindOf(err) == slipway.Unauthenticated {
		t.Errorf("Verify = %v: a fault of ours must not pass for a bad token", err)
	}
	if _, err := h.Mint(t.Context(), h.token()); !errors.Is(err, h.ring.err) {
		t.Errorf("Mint = %v", err)
	}
}

// TestC07KindsOfTokenDoNotMix: ours is no ID token and an ID token none of ours,
// even under one key and one issuer.
func TestC07KindsOfTokenDoNotMix(t *testing.T) {
	h := newHouse()
	i := idtokentest.New(t, func() time.Time { return h.time })
	if h.good(t, i.Token(t, idtokentest.Job{})) {
		t.Error("an ID token passes for one of ours")
	}
	ours := h.mint(t)
	key := h.ring.keys[0]
	i.Publish(idtokentest.Key{ID: key.ID, Algorithm: "EdDSA", Private: key.Private}.JWK())
	v := idtoken.New(slog.New(slog.DiscardHandler), idtoken.Config{
		PrivateIssuers: []string{i.URL()}, RootCAs: i.Roots(), Now: func() time.Time { return h.time },
	})
	_, _, err := v.Verify(t.Context(), i.URL(), ours)
	if r, ok := errors.AsType[*idtoken.Refusal](err); !ok || r.Reason != "typ_not_allowed" {
		t.Errorf("one of ours as an ID token: %v, want typ_not_allowed", err)
	}
}

func TestKeysAreJWKs(t *testing.T) {
	h := newHouse()
	h.mint(t)
	set, err := h.Keys(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	got, err := json.Marshal(set)
	if err != nil {
		t.Fatal(err)
	}
	k := h.ring.keys[0]
	want := `{"keys":[{"kty":"OKP","crv":"Ed25519","x":"` + encode(string(k.Private.Public().(ed25519.PublicKey))) +
		`","kid":"` + k.ID + `","use":"sig","alg":"EdDSA"}]}`
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("Keys (-want +got):\n%s", diff)
	}
}

func FuzzVerify(f *testing.F) {
	h := newHouse()
	raw, err := h.Mint(f.Context(), h.token())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(raw)
	f.Add("..")
	f.Fuzz(func(t *testing.T, s string) {
		if s != raw && h.good(t, s) {
			t.Errorf("accepted %q", s)
		}
	})
}

func kid(t *testing.T, raw string) string {
	t.Helper()
	var head struct {
		ID string `json:"kid"`
	}
	if err := json.Unmarshal([]byte(decode(t, strings.Split(raw, ".")[0])), &head); err != nil {
		t.Fatal(err)
	}
	return head.ID
}

func encode(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }

func decode(t *testing.T, s string) string {
	t.Helper()
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
