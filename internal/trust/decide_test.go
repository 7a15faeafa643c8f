package trust_test

import (
	"testing"

	"slipway"
	"slipway/internal/idtokentest"
	"slipway/internal/trust"
	"slipway/internal/trusttest"
)

// place is where the cases are played here: no token is signed.
var place = trusttest.Place{Issuer: gitlabURL, Other: "https://gitlab.com", Now: noon}

// TestCases decides on the claims of every case whose token is signed as it
// should be; package idtoken has the others too.
func TestCases(t *testing.T) {
	for _, c := range trusttest.Cases(place) {
		if c.Raw != nil {
			continue
		}
		t.Run(c.String(), func(t *testing.T) {
			m, err := trust.Compile(c.Trust)
			if err != nil {
				t.Fatal(err)
			}
			claims, err := read(c.All(place))
			if err != nil { // package idtoken reports what cannot be read like this
				if c.Check != "claims" || c.Reason != "claims_malformed" {
					t.Errorf("the claims cannot be read: %v; want %s by check %s", err, c.Reason, c.Check)
				}
				return
			}
			d := m.Decide(claims, noon)
			check, _ := trusttest.FirstFailed(d.Checks)
			if d.Allowed != (c.Reason == "") || d.Reason != c.Reason || check.Name != c.Check {
				t.Errorf("allowed %v, reason %q by check %q, want %q by %q", d.Allowed, d.Reason, check.Name, c.Reason, c.Check)
			}
		})
	}
}

// A row is one line of a decision table of this package's own: a configuration,
// a token, and the code of the refusal, "" for let in.
type row struct {
	name   string
	trust  slipway.Trust
	job    idtokentest.Job
	change map[string]any // of the job's claims; nil takes one out
	want   string
}

func run(t *testing.T, rows []row) {
	t.Helper()
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			if got := reason(t, r.trust, idtokentest.With(job(r.job), r.change)); got != r.want {
				t.Errorf("reason %q, want %q", got, r.want)
			}
		})
	}
}
