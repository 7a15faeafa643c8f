package api_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"connectrpc.com/connect/v2"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"slipway/internal/api"
	"slipway/internal/pb"
)

// newWhole serves all services, with no verbs behind them: calls that would
// reach one must be refused before.
func newWhole(t *testing.T) *httptest.Server {
	t.Helper()
	h, err := api.New(slog.New(slog.DiscardHandler), api.Deps{Authenticator: ann}, api.Config{
		ExternalURL: "https://slipway.example.com", ExternalURLGiven: true,
		Version: "0.1.0",
		Commit:  "37339d73c8a7",
		Now:     func() time.Time { return time.Date(2026, 11, 22, 19, 22, 6, 5e8, time.UTC) },
	})
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	return srv
}

func TestActuatorInfo(t *testing.T) {
	srv := newWhole(t)
	status, got := get(t, srv.URL+"/v1/actuator/info", "ann-token")
	want := map[string]any{
		"version":             "3.22.11",
		"slipwayVersion":      "0.1.0",
		"gitCommit":           "37339d73c8a7",
		"externalUrl":         "https://slipway.example.com",
		"externalUrlFromFlag": true,
		"lastActiveTime":      "2026-11-22T19:22:06Z",
		"workspace":           "workspaces/default",
		"defaultProject":      "projects/default",
		"replicaCount":        float64(1),
	}
	if diff := cmp.Diff(want, got); status != http.StatusOK || diff != "" {
		t.Errorf("status %d (-want +got):\n%s", status, diff)
	}
}

// An address that nobody gave is told, and not as if somebody had.
func TestActuatorAddressNotGiven(t *testing.T) {
	h, err := api.New(slog.New(slog.DiscardHandler), api.Deps{Authenticator: ann}, api.Config{ExternalURL: "http://127.0.0.1:8080"})
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	_, got := get(t, srv.URL+"/v1/actuator/info", "ann-token")
	if given, there := got["externalUrlFromFlag"]; there || got["externalUrl"] != "http://127.0.0.1:8080" {
		t.Errorf("%v, given %v", got, given)
	}
}

// Every method of the contract is served, and all but these four refuse a call
// without a credential.
func TestOnlySignInIsOpen(t *testing.T) {
	open := []string{
		pb.AuthServiceLoginProcedure, pb.AuthServiceSignupProcedure,
		pb.AuthServiceExchangeTokenProcedure, pb.AuthServiceLogoutProcedure,
	}
	srv := newWhole(t)
	asked := 0
	for _, pkg := range []protoreflect.FullName{"bytebase.v1", "slipway.v1"} {
		protoregistry.GlobalFiles.RangeFilesByPackage(pkg, func(f protoreflect.FileDescriptor) bool {
			for i := range f.Services().Len() {
				service := f.Services().Get(i)
				for j := range service.Methods().Len() {
					procedure := "/" + string(service.FullName()) + "/" + string(service.Methods().Get(j).Name())
					if slices.Contains(open, procedure) {
						continue
					}
					asked++
					if status := post(t, srv.URL+procedure); status != http.StatusUnauthorized {
						t.Errorf("%s without a credential: status %d, want 401", procedure, status)
					}
				}
			}
			return true
		})
	}
	if asked < 100 {
		t.Errorf("asked %d methods: the walk does not see the contract", asked)
	}
}

func post(t *testing.T, url string) int {
	t.Helper()
	resp, err := http.Post(url, "application/json", strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	return resp.StatusCode
}

// Compressing a small answer costs more than it saves.
func TestCompression(t *testing.T) {
	srv, _ := newServer(t)
	for _, tc := range []struct {
		name string
		size int
		want string
	}{{"small", 10, ""}, {"large", 2000, "gzip"}} {
		body := `{"name": "` + strings.Repeat("x", tc.size) + `"}`
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, srv.URL+pb.ReleaseServiceGetReleaseProcedure, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header = http.Header{
			"Authorization":   {"Bearer ann-token"},
			"Content-Type":    {"application/json"},
			"Accept-Encoding": {connect.CompressionNameGzip},
		}
		resp, err := http.DefaultTransport.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if got := resp.Header.Get("Content-Encoding"); resp.StatusCode != http.StatusOK || got != tc.want {
			t.Errorf("%s: status %d, Content-Encoding %q, want %q", tc.name, resp.StatusCode, got, tc.want)
		}
	}
}
