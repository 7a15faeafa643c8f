package api_test

import (
	"net/http"
	"strings"
	"testing"
)

// TestExchangeWantsJSON is the row O04 of the trust cases: what a page of
// another site can have a browser send is no exchange.
func TestExchangeWantsJSON(t *testing.T) {
	f := newAdminFront(t)
	for typ, want := range map[string]int{
		"application/json": 401, "application/json; charset=utf-8": 401, "Application/JSON": 401,
		"": 415, "text/plain": 415, "application/x-www-form-urlencoded": 415, "multipart/form-data; boundary=x": 415, "application/jsonx": 415, "application/json;": 401,
	} {
		req, err := http.NewRequestWithContext(t.Context(), "POST", f.url+"/v1/auth:exchangeToken", strings.NewReader(`{"token":"a.b.c","email":"a@workload.bytebase.com"}`))
		if err != nil {
			t.Fatal(err)
		}
		if typ != "" {
			req.Header.Set("Content-Type", typ)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("Content-Type %q: %s, want %d", typ, resp.Status, want)
		}
	}
}
