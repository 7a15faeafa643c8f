package access_test

import (
	"fmt"
	"testing"
	"time"

	"slipway"
	"slipway/internal/access"
	"slipway/internal/idtoken"
)

// TestPurge: strangers cannot make the store grow for ever, and nothing goes
// that anybody did whom the server knows.
func TestPurge(t *testing.T) {
	h := open(t, access.Config{
		AdminEmail: adminEmail, AdminPassword: adminPassword, StrangersFor: 24 * time.Hour, StrangersMost: 3,
	}, idtoken.Config{})
	h.setUp()
	ctx := t.Context()
	in, err := h.Login(ctx, access.SignIn{Email: adminEmail, Password: adminPassword})
	if err != nil {
		t.Fatal(err)
	}
	stranger := func(n int) {
		t.Helper()
		_, err := h.Exchange(ctx, access.TokenRequest{Token: "x.y.z", Email: fmt.Sprintf("nobody-%d@workload.bytebase.com", n)})
		want(t, "an exchange", err, slipway.Unauthenticated, "token not accepted")
		h.clock = h.clock.Add(time.Minute)
	}
	count := func() (exchanges, strangers, others int) {
		t.Helper()
		xs, _, err := h.st.Exchanges(ctx, access.ExchangeQuery{}, slipway.Page{})
		if err != nil {
			t.Fatal(err)
		}
		es, _, err := h.st.AuditEntries(ctx, access.AuditQuery{}, slipway.Page{})
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range es {
			if e.Caller.IsZero() {
				strangers++
			} else {
				others++
			}
		}
		return len(xs), strangers, others
	}
	purge := func(what string, wantExchanges, wantStrangers int) {
		t.Helper()
		_, _, before := count()
		if err := h.Purge(ctx); err != nil {
			t.Fatal(err)
		}
		if exchanges, strangers, others := count(); exchanges != wantExchanges || strangers != wantStrangers || others != before {
			t.Errorf("%s: %d exchanges, %d entries of strangers and %d of others are left, want %d, %d and %d",
				what, exchanges, strangers, others, wantExchanges, wantStrangers, before)
		}
	}
	for n := range 5 {
		stranger(n)
	}
	purge("beyond the number", 3, 3)
	if xs, _, err := h.st.Exchanges(ctx, access.ExchangeQuery{Identity: "nobody-4@workload.bytebase.com"}, slipway.Page{}); err != nil || len(xs) != 1 {
		t.Errorf("the newest went instead of the oldest: %v", err)
	}
	_, err = h.Authenticate(ctx, in.Token.Reveal(), slipway.Origin{})
	want(t, "a session that is good", err, 0, "")
	h.clock = h.clock.Add(23 * time.Hour)
	stranger(9)
	h.clock = h.clock.Add(time.Hour)
	purge("too old", 1, 1)
	_, err = h.Authenticate(ctx, in.Token.Reveal(), slipway.Origin{})
	want(t, "a session that went unused for too long", err, slipway.Unauthenticated, "has ended")
}
