package e2e_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"slipway/internal/idtokentest"
)

// TestTokenExchangeStandard follows the metadata to the token endpoint and
// trades a job's token there, as a client would that knows RFC 8414 and RFC
// 8693 and nothing of Slipway.
func TestTokenExchangeStandard(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setting{"sqlite", "sqlite"})
	w.trust(object{"type": "BRANCH", "pattern": "main"})
	w.grant()

	var meta struct {
		Issuer        string   `json:"issuer"`
		TokenEndpoint string   `json:"token_endpoint"`
		JWKSURI       string   `json:"jwks_uri"`
		GrantTypes    []string `json:"grant_types_supported"`
	}
	getJSON(t, w.URL+"/.well-known/oauth-authorization-server", &meta)
	if meta.Issuer != w.URL || len(meta.GrantTypes) != 1 {
		t.Fatalf("metadata: %+v", meta)
	}

	trade := func(job idtokentest.Job) (int, object) {
		t.Helper()
		res, err := http.PostForm(meta.TokenEndpoint, url.Values{
			"grant_type": {meta.GrantTypes[0]}, "client_id": {identity},
			"subject_token": {w.issuer.Token(t, job)}, "subject_token_type": {"urn:ietf:params:oauth:token-type:id_token"},
		})
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		body, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		out := object{}
		if err := json.Unmarshal(body, &out); err != nil {
			t.Fatalf("%d: %s", res.StatusCode, body)
		}
		return res.StatusCode, out
	}

	code, out := trade(idtokentest.Job{Project: "my-group/my-project"})
	if code != http.StatusOK {
		t.Fatalf("%d %v", code, out)
	}
	var me struct{ Email string }
	w.MustCall(out["access_token"].(string), "GET", "/v1/users/me", nil, &me)
	if me.Email != identity {
		t.Errorf("the token acts as %q", me.Email)
	}
	var keys struct{ Keys []object }
	getJSON(t, meta.JWKSURI, &keys) // the first key is made with the first token
	if len(keys.Keys) != 1 || keys.Keys[0]["d"] != nil {
		t.Errorf("%d public keys, not 1, or more than public ones", len(keys.Keys))
	}

	code, out = trade(idtokentest.Job{Project: "my-group/other"})
	said, _ := out["error_description"].(string)
	if code != http.StatusBadRequest || out["error"] != "invalid_request" || !strings.Contains(said, "my-group/other") || strings.Contains(said, "my-project") {
		t.Errorf("a stranger's job: %d %v", code, out)
	}
	var tries struct{ Exchanges []object }
	w.Admin("GET", "/v1/exchanges", nil, &tries)
	if len(tries.Exchanges) != 2 {
		t.Errorf("%d exchanges are on record, not 2", len(tries.Exchanges))
	}
}

func getJSON(t testing.TB, address string, out any) {
	t.Helper()
	res, err := http.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		t.Fatalf("GET %s: %s", address, res.Status)
	}
	if err := json.NewDecoder(res.Body).Decode(out); err != nil {
		t.Fatal(err)
	}
}
