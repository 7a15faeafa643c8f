package bench_test

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"slipway"
	"slipway/internal/dbtest"
	"slipway/internal/idtokentest"
	"slipway/internal/secret"
	"slipway/internal/store"
)

// A gate is a server that trusts an issuer, with some workload identities.
type gate struct {
	issuer *idtokentest.Issuer
	data   string
	args   []string
	emails []string // of identities to exchange for, spread over all
	tokens []string
}

const gateProject = "my-group/app"

// newGate makes the data of a server with n identities. They are written past
// the API, which would take minutes for the larger n.
func newGate(t testing.TB, metadata string, n int) *gate {
	t.Helper()
	g := &gate{issuer: idtokentest.New(t, nil), data: filepath.Join(t.TempDir(), "data")}
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, g.issuer.CA(), 0o600); err != nil {
		t.Fatal(err)
	}
	g.args = []string{"--private-issuers", g.issuer.URL(), "--issuer-ca-file", ca, "--trusted-proxy", "127.0.0.0/8"}
	cfg := store.Config{Dir: g.data}
	if metadata == "PostgreSQL" {
		cfg.URL = dbtest.Durable(t).URL
		g.args = append(g.args, "--database-url", cfg.URL)
	}
	var err error
	if cfg.Key, err = secret.MasterKey(g.data, ""); err != nil {
		t.Fatal(err)
	}
	st, err := store.Open(t.Context(), slog.New(slog.DiscardHandler), cfg)
	if err != nil {
		t.Fatal(err)
	}
	g.fill(t, st, n)
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
	for range 64 {
		g.tokens = append(g.tokens, g.issuer.Token(t, idtokentest.Job{Project: gateProject}))
	}
	return g
}

func (g *gate) fill(t testing.TB, st *store.Store, n int) {
	t.Helper()
	email := func(i int) string { return fmt.Sprintf("pipeline-%06d@%s", i, slipway.WorkloadIdentityDomain) }
	for from := 0; from < n; from += 5000 {
		err := st.Update(t.Context(), func(tx *store.Tx) error {
			for i := from; i < min(n, from+5000); i++ {
				err := tx.CreateWorkloadIdentity(t.Context(), slipway.WorkloadIdentity{
					Email: email(i), Title: "Pipeline", Created: time.Now(), Revision: 1, Trust: slipway.Trust{
						Platform: slipway.GitLab, Issuer: g.issuer.URL(), Audiences: []string{g.issuer.URL()},
						GitLab: &slipway.GitLabTrust{Group: "my-group", Project: "app", Refs: []slipway.RefRule{{Type: slipway.Branch, Pattern: "main"}}},
					},
				})
				if err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	picks := min(n, 1000)
	for i := range picks {
		g.emails = append(g.emails, email(i*(n/picks)))
	}
}

// A load is what callers at a time found.
type load struct {
	perSecond float64
	p50, p99  time.Duration
	cpu       time.Duration // of the server, per exchange
	bare      time.Duration // of a bare RSA verification, in the same seconds
}

const exchangesAtOnce = 1600 // of one load: what the limits of ten identities let through

// run has some callers exchange tokens with a server started for it.
func (g *gate) run(t testing.TB, callers int) load {
	t.Helper()
	s := serve(t, g.data, g.args...)
	defer s.stop()
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: callers}}
	defer client.CloseIdleConnections()
	for i := range 4 * callers { // the first fetches the issuer's keys, each opens a connection
		g.exchange(t, client, s.url, i)
	}
	took := make([]time.Duration, exchangesAtOnce)
	before := bareRSA(t)
	var next atomic.Int64
	var wg sync.WaitGroup
	used, begin := s.cpu(), time.Now()
	for range callers {
		wg.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= len(took) || t.Failed() {
					return
				}
				start := time.Now()
				g.exchange(t, client, s.url, i)
				took[i] = time.Since(start)
			}
		})
	}
	wg.Wait()
	elapsed, used := time.Since(begin), s.cpu()-used
	if t.Failed() {
		t.FailNow()
	}
	slices.Sort(took)
	return load{
		perSecond: float64(len(took)) / elapsed.Seconds(),
		p50:       took[len(took)/2], p99: took[len(took)*99/100],
		cpu: used / time.Duration(len(took)), bare: (before + bareRSA(t)) / 2,
	}
}

// exchange trades one token. Addresses differ, since each has a limit.
func (g *gate) exchange(t testing.TB, client *http.Client, url string, i int) {
	body, err := json.Marshal(object{"token": g.tokens[i%len(g.tokens)], "email": g.emails[i%len(g.emails)]})
	if err != nil {
		t.Error(err)
		return
	}
	req, err := http.NewRequest("POST", url+"/v1/auth:exchangeToken", bytes.NewReader(body))
	if err != nil {
		t.Error(err)
		return
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-Forwarded-For", fmt.Sprintf("10.0.%d.%d", i%64, i%251))
	resp, err := client.Do(req)
	if err != nil {
		t.Error(err)
		return
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Errorf("an exchange was answered %d: %s (%v)", resp.StatusCode, text, err)
	}
}

var benchKey = sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) })

// bareRSA is the processor time of one RSA-2048 verification and nothing else.
func bareRSA(t testing.TB) time.Duration {
	t.Helper()
	key, err := benchKey()
	if err != nil {
		t.Fatal(err)
	}
	digest := sha256.Sum256([]byte("digest"))
	sig, err := rsa.SignPKCS1v15(nil, key, crypto.SHA256, digest[:])
	if err != nil {
		t.Fatal(err)
	}
	return cost(t, 2000, func() error { return rsa.VerifyPKCS1v15(&key.PublicKey, crypto.SHA256, digest[:], sig) })
}

func measureExchange(t *testing.T, r *report) {
	s := r.section("Token exchange", exchangeText)
	s.columns("server's data on", "identities", "callers", "exchanges/s", "p50", "p99", "server CPU each", "bare RSA-2048 verification", "ratio (goal at most 3)")
	flat := r.section("As identities grow", flatText)
	flat.columns("server's data on", "callers", "CPU each with ten identities", "with 100,000", "ratio (goal: flat)")
	for _, metadata := range []string{"SQLite", "PostgreSQL"} {
		few := map[int]load{}
		for _, n := range []int{10, 100_000} {
			g := newGate(t, metadata, n)
			for _, callers := range []int{1, 8, 32} {
				l := g.run(t, callers)
				s.row(metadata, thousands(n), callers, fmt.Sprintf("%.0f", l.perSecond), l.p50, l.p99, l.cpu, l.bare, atMost(float64(l.cpu)/float64(l.bare), 3))
				if n == 10 {
					few[callers] = l
					continue
				}
				// In verifications, so that a change of the machine's speed between the two is no change of ours.
				a, b := float64(few[callers].cpu)/float64(few[callers].bare), float64(l.cpu)/float64(l.bare)
				flat.row(metadata, callers, times(a), times(b), atMost(b/a, 1.1))
			}
		}
	}
}
