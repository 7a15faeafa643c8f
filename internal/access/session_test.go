package access_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"slipway"
	"slipway/internal/access"
	"slipway/internal/idtoken"
	"slipway/internal/store"
)

func TestLoginRefusesAlike(t *testing.T) {
	h := moveIn(t)
	ctx := t.Context()
	h.person("gone@example.com")
	if err := h.DeleteUser(ctx, h.admin, "gone@example.com"); err != nil {
		t.Fatal(err)
	}
	if _, _, err := h.CreateServiceAccount(ctx, h.admin, "", "robot", ""); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ because, email, password string }{
		{"wrong password", adminEmail, "wrong"},
		{"no such person", "nobody@example.com", adminPassword},
		{"deactivated", "gone@example.com", "quite long enough"},
		{"wrong key", "robot@service.bytebase.com", "slpk_guess"},
		{"no such account", "other@service.bytebase.com", "slpk_guess"},
		{"workload identities have no password", "x@workload.bytebase.com", "anything"},
	} {
		_, err := h.Login(ctx, access.SignIn{Email: tt.email, Password: slipway.Secret(tt.password)})
		want(t, tt.because, err, slipway.Unauthenticated, "invalid email or password")
		if slipway.MessageOf(err) != "invalid email or password" {
			t.Errorf("%s reads otherwise: %q", tt.because, slipway.MessageOf(err))
		}
		a := h.lastAudit()
		if a.OK() || a.Resource != "users/"+tt.email || !a.Caller.IsZero() {
			t.Errorf("%s: audit entry %+v, want a failure by nobody on users/%s", tt.because, a, tt.email)
		}
	}
}

func TestLoginIsLimited(t *testing.T) {
	h := open(t, access.Config{AdminEmail: adminEmail, AdminPassword: adminPassword, SignIn: access.Rate{Burst: 2, PerSecond: 0.1}}, idtoken.Config{})
	h.setUp()
	ctx := t.Context()
	from := func(ip, email string, password slipway.Secret) error {
		_, err := h.Login(ctx, access.SignIn{Email: email, Password: password, Origin: slipway.Origin{IP: ip}})
		return err
	}
	for i := range 3 {
		if err := from("192.0.2.1", adminEmail, adminPassword); err != nil {
			t.Fatalf("good sign-in %d counts as a try: %v", i, err)
		}
	}
	for range 2 {
		want(t, "a wrong password", from("192.0.2.1", adminEmail, "wrong"), slipway.Unauthenticated, "invalid")
	}
	err := from("198.51.100.9", adminEmail, adminPassword)
	want(t, "the account, from anywhere", err, slipway.Exhausted, "wait 10s")
	if e, ok := errors.AsType[*slipway.Error](err); !ok || e.RetryAfter != 10*time.Second {
		t.Errorf("the refusal does not say how long: %+v", err)
	}
	want(t, "another account", from("192.0.2.1", "bob@example.com", "wrong"), slipway.Unauthenticated, "invalid")
	for i := range 3 {
		want(t, "one address, many accounts", from("192.0.2.1", fmt.Sprintf("p%d@example.com", i), "wrong"), slipway.Unauthenticated, "invalid")
	}
	want(t, "that address", from("192.0.2.1", "p9@example.com", "wrong"), slipway.Exhausted, "wait")
	want(t, "its neighbour", from("192.0.2.2", "p9@example.com", "wrong"), slipway.Unauthenticated, "invalid")
	for i := range 6 {
		want(t, "one IPv6 subscriber", from(fmt.Sprintf("2001:db8::%d", i), fmt.Sprintf("q%d@example.com", i), "wrong"), slipway.Unauthenticated, "invalid")
	}
	want(t, "with one more of its addresses", from("2001:db8::ffff", "q9@example.com", "wrong"), slipway.Exhausted, "wait")

	h.clock = h.clock.Add(11 * time.Second)
	if err := from("198.51.100.9", adminEmail, adminPassword); err != nil {
		t.Errorf("after the wait: %v", err)
	}
}

func TestSessionsEnd(t *testing.T) {
	h := moveIn(t)
	ctx := t.Context()
	signIn := func() string {
		t.Helper()
		in, err := h.Login(ctx, access.SignIn{Email: adminEmail, Password: adminPassword})
		if err != nil {
			t.Fatal(err)
		}
		return in.Token.Reveal()
	}
	check := func(because, token, words string) {
		t.Helper()
		_, err := h.Authenticate(ctx, token, slipway.Origin{})
		want(t, because, err, slipway.Unauthenticated, words)
	}
	check("nothing", "", "access token not found")
	check("garbage", "hunter2", "none of this server's")
	check("a guess", "slps_"+strings.Repeat("A", 52), "has ended")

	token := signIn()
	check("fresh", token, "")
	h.clock = h.clock.Add(23 * time.Hour)
	check("unused for less than a day", token, "")
	h.clock = h.clock.Add(23 * time.Hour)
	check("used a day ago", token, "")
	h.clock = h.clock.Add(25 * time.Hour)
	check("unused for more than a day", token, "expired")

	token = signIn()
	for range 8 {
		h.clock = h.clock.Add(20 * time.Hour)
		check("in use", token, "")
	}
	h.clock = h.clock.Add(9 * time.Hour)
	check("in use for a week", token, "expired")

	token = signIn()
	if err := h.Logout(ctx, token, slipway.Origin{}); err != nil {
		t.Fatal(err)
	}
	check("signed out", token, "has ended")
	if err := h.Logout(ctx, token, slipway.Origin{}); err != nil {
		t.Errorf("signing out twice: %v", err)
	}

	token = signIn()
	password := slipway.Secret("another password")
	if _, err := h.UpdateUser(ctx, h.admin, adminEmail, access.UserChange{Password: &password}); err != nil {
		t.Fatal(err)
	}
	check("password changed", token, "has ended")
}

func TestStoreHoldsNoCredential(t *testing.T) {
	h := moveIn(t)
	ctx := t.Context()
	in, err := h.Login(ctx, access.SignIn{Email: adminEmail, Password: adminPassword})
	if err != nil {
		t.Fatal(err)
	}
	_, key, err := h.CreateServiceAccount(ctx, h.admin, "", "robot", "")
	if err != nil {
		t.Fatal(err)
	}
	u, err := h.st.User(ctx, adminEmail)
	if err != nil || !strings.HasPrefix(u.PasswordHash, "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Errorf("password is kept as %q, %v", u.PasswordHash, err)
	}
	a, err := h.st.ServiceAccount(ctx, "robot@service.bytebase.com")
	if err != nil || a.KeyHash == key.Reveal() || len(a.KeyHash) != 64 {
		t.Errorf("key is kept as %q, %v", a.KeyHash, err)
	}
	list, _, err := h.st.AuditEntries(ctx, store.AuditQuery{}, slipway.Page{Size: 100})
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{adminPassword, in.Token.Reveal(), key.Reveal()} {
		if text := fmt.Sprintf("%+v", list); strings.Contains(text, secret) {
			t.Errorf("the audit log holds %q", secret)
		}
	}
}
