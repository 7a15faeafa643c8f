package bench_test

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"slipway"
	"slipway/internal/dbtest"
	"slipway/internal/idtoken"
	"slipway/internal/idtokentest"
	"slipway/internal/store"
	"slipway/internal/trust"
)

// measureParts measures what an exchange is made of, each part alone and within
// this process.
func measureParts(t *testing.T, r *report) {
	s := r.section("What an exchange is made of", partsText)
	s.columns("part", "CPU", "in RSA-2048 verifications")
	bare := bareRSA(t)
	s.row("bare RSA-2048 verification", bare, times(1))
	row := func(name string, d time.Duration) { s.row(name, d, times(float64(d)/float64(bare))) }

	issuer := idtokentest.New(t, nil)
	v := idtoken.New(slog.New(slog.DiscardHandler), idtoken.Config{PrivateIssuers: []string{issuer.URL()}, RootCAs: issuer.Roots()})
	raw := issuer.Token(t, idtokentest.Job{Project: gateProject})
	claims, _, err := v.Verify(t.Context(), issuer.URL(), raw)
	if err != nil {
		t.Fatal(err)
	}
	row("verify the ID token: form, key, signature, claims", cost(t, 3000, func() error {
		_, _, err := v.Verify(t.Context(), issuer.URL(), raw)
		return err
	}))
	conf := slipway.Trust{
		Platform: slipway.GitLab, Issuer: issuer.URL(), Audiences: []string{issuer.URL()},
		GitLab: &slipway.GitLabTrust{Group: "my-group", Project: "app", Refs: []slipway.RefRule{{Type: slipway.Branch, Pattern: "main"}}},
	}
	var checks []slipway.TrustCheck
	row("hold the claims against the identity's conditions", cost(t, 3000, func() error {
		m, err := trust.Compile(conf)
		if err != nil {
			return err
		}
		d := m.Decide(claims, time.Now())
		if !d.Allowed {
			return fmt.Errorf("refused: %s", d.Reason)
		}
		checks = d.Checks
		return nil
	}))
	measureRecords(t, row, claims, checks)
	row("answer an HTTP request that does nothing, client included", plainHTTP(t, raw))
}

// measureRecords measures reading an identity and writing the two durable rows of
// an exchange, by one caller.
func measureRecords(t *testing.T, row func(string, time.Duration), claims trust.Claims, checks []slipway.TrustCheck) {
	for _, metadata := range []string{"SQLite", "PostgreSQL"} {
		cfg := store.Config{Dir: filepath.Join(t.TempDir(), "data"), Key: make([]byte, 32)}
		if metadata == "PostgreSQL" {
			cfg.URL = dbtest.Durable(t).URL
		}
		st, err := store.Open(t.Context(), slog.New(slog.DiscardHandler), cfg)
		if err != nil {
			t.Fatal(err)
		}
		defer st.Close()
		email := "deploy@" + slipway.WorkloadIdentityDomain
		err = st.Update(t.Context(), func(tx *store.Tx) error {
			return tx.CreateWorkloadIdentity(t.Context(), slipway.WorkloadIdentity{Email: email, Created: time.Now()})
		})
		if err != nil {
			t.Fatal(err)
		}
		row("read the identity, "+metadata, cost(t, 1000, func() error {
			_, err := st.WorkloadIdentity(t.Context(), email)
			return err
		}))
		n := 0
		row("write the exchange and its audit row durably, "+metadata, cost(t, 1000, func() error {
			n++
			x := slipway.Exchange{Reference: fmt.Sprintf("REF%013d", n), Time: time.Now(), Identity: email, Allowed: true, Claims: claims.All(), Checks: checks}
			return st.Update(t.Context(), func(tx *store.Tx) error {
				if err := tx.AddExchange(t.Context(), x); err != nil {
					return err
				}
				return tx.AddAudit(t.Context(), slipway.AuditEntry{
					Time: x.Time, Method: "/bytebase.v1.AuthService/ExchangeToken", Resource: "workloadIdentities/" + email,
					Caller: slipway.Principal{Kind: slipway.WorkloadIdentityKind, Email: email}, Request: strings.Repeat("x", 4000), Reference: x.Reference,
				})
			})
		}))
	}
}

// plainHTTP is what net/http needs, of both sides, to carry a request and an
// answer as long as an exchange's.
func plainHTTP(t *testing.T, raw string) time.Duration {
	t.Helper()
	answer := []byte(strings.Repeat("x", 1200))
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write(answer)
	}))
	defer s.Close()
	return cost(t, 2000, func() error {
		resp, err := http.Post(s.URL, "application/json", strings.NewReader(raw))
		if err != nil {
			return err
		}
		return resp.Body.Close()
	})
}
