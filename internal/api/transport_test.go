package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"connectrpc.com/connect/v2"
	"connectrpc.com/connect/v2/connecthttp"
	"connectrpc.com/connect/v2/connectproto"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"

	"slipway"
	"slipway/internal/api"
	"slipway/internal/pb"
)

// keys is an Authenticator that knows tokens by heart.
type keys map[string]slipway.Principal

func (k keys) Authenticate(_ context.Context, bearer string, origin slipway.Origin) (slipway.Principal, error) {
	who, ok := k[bearer]
	if !ok {
		return slipway.Principal{}, slipway.Errorf(slipway.Unauthenticated, "the access token is not good")
	}
	who.Origin = origin
	return who, nil
}

var ann = keys{"ann-token": {Kind: slipway.UserKind, Email: "ann@example.com"}}

// releases answers or fails as the name it is asked for says.
type releases struct {
	pb.UnimplementedReleaseServiceHandler
}

func (releases) GetRelease(ctx context.Context, req *pb.GetReleaseRequest) (*pb.Release, error) {
	switch strings.TrimPrefix(req.GetName(), "projects/shop/releases/") {
	case "denied":
		return nil, fmt.Errorf("read release: %w", &slipway.Error{
			Kind: slipway.Denied, Message: "no",
			Denial: &slipway.Denial{Permission: "bb.releases.get", Resource: "projects/shop", Caller: api.Caller(ctx).Member()},
		})
	case "missing":
		return nil, slipway.Errorf(slipway.NotFound, "release %q not found", "missing").Because(errors.New("sql: no rows"))
	case "broken":
		return nil, errors.New("dial tcp 10.0.0.7: password=hunter2")
	case "panic":
		panic("hunter2")
	}
	return &pb.Release{Name: req.GetName(), Creator: api.Caller(ctx).Name(), State: pb.State_ACTIVE}, nil
}

func (releases) CheckRelease(_ context.Context, req *pb.CheckReleaseRequest) (*pb.CheckReleaseResponse, error) {
	return &pb.CheckReleaseResponse{Pending: int32(len(req.GetRelease().GetFiles()))}, nil
}

// newServer serves releases, over HTTP/1.1 and HTTP/2 without TLS.
func newServer(t *testing.T) (*httptest.Server, *bytes.Buffer) {
	t.Helper()
	var logged bytes.Buffer
	h, err := api.Serve(slog.New(slog.NewTextHandler(&logged, nil)), ann, api.Config{}, func(s *connect.Server) {
		pb.RegisterReleaseServiceHandler(s, releases{})
	})
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewUnstartedServer(h)
	srv.Config.Protocols = new(http.Protocols)
	srv.Config.Protocols.SetHTTP1(true)
	srv.Config.Protocols.SetUnencryptedHTTP2(true)
	srv.Start()
	t.Cleanup(srv.Close)
	return srv, &logged
}

// transports lists the ways that clients of pb come in.
func transports(srv *httptest.Server) map[string]pb.ReleaseServiceClient {
	h2 := new(http.Protocols)
	h2.SetUnencryptedHTTP2(true)
	overH2 := &http.Client{Transport: &http.Transport{Protocols: h2}}
	client := func(c *http.Client, o ...connecthttp.Option) pb.ReleaseServiceClient {
		return pb.NewReleaseServiceClient(connect.NewClient(connecthttp.NewTransport(c, srv.URL, o...)))
	}
	return map[string]pb.ReleaseServiceClient{
		"connect proto": client(srv.Client()),
		"connect json":  client(srv.Client(), connecthttp.WithProtoJSON()),
		"grpc":          client(overH2, connecthttp.WithGRPC()),
		"grpc-web":      client(srv.Client(), connecthttp.WithGRPCWeb()),
	}
}

func as(t *testing.T, token string) context.Context {
	ctx, info := connect.NewClientContext(t.Context())
	if token != "" {
		info.RequestHeader().Set("Authorization", "Bearer "+token)
	}
	return ctx
}

// get asks over REST and returns the status and the answer.
func get(t *testing.T, url, token string) (int, map[string]any) {
	t.Helper()
	return send(t, http.MethodGet, url, token, "")
}

func send(t *testing.T, method, url, token, body string) (int, map[string]any) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	var answer map[string]any
	if err := json.Unmarshal(raw, &answer); err != nil {
		t.Fatalf("%s %s answered no JSON: %q", method, url, raw)
	}
	return resp.StatusCode, answer
}

func TestAnswersAlike(t *testing.T) {
	srv, _ := newServer(t)
	want := &pb.Release{Name: "projects/shop/releases/r1", Creator: "users/ann@example.com", State: pb.State_ACTIVE}
	for name, client := range transports(srv) {
		got, err := client.GetRelease(as(t, "ann-token"), &pb.GetReleaseRequest{Name: want.GetName()})
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if diff := cmp.Diff(want, got, protocmp.Transform()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	status, got := get(t, srv.URL+"/v1/"+want.GetName(), "ann-token")
	wantJSON := map[string]any{"name": want.GetName(), "creator": want.GetCreator(), "state": "ACTIVE"}
	if diff := cmp.Diff(wantJSON, got); status != http.StatusOK || diff != "" {
		t.Errorf("REST: status %d (-want +got):\n%s", status, diff)
	}
}

func TestErrorsAlike(t *testing.T) {
	srv, _ := newServer(t)
	for _, tc := range []struct {
		name, token, release string
		code                 connect.Code
		message              string
		status               int
	}{
		{"no credential", "", "r1", connect.CodeUnauthenticated, "access token not found", 401},
		{"a credential that is not good", "bob-token", "r1", connect.CodeUnauthenticated, "the access token is not good", 401},
		{"a permission is missing", "ann-token", "denied", connect.CodePermissionDenied, "no", 403},
		{"there is none", "ann-token", "missing", connect.CodeNotFound, `release "missing" not found`, 404},
	} {
		for transport, client := range transports(srv) {
			_, err := client.GetRelease(as(t, tc.token), &pb.GetReleaseRequest{Name: "projects/shop/releases/" + tc.release})
			e, ok := errors.AsType[*connect.Error](err)
			if !ok || e.Code() != tc.code || e.Message() != tc.message {
				t.Errorf("%s over %s: %v, want %s: %s", tc.name, transport, err, tc.code, tc.message)
			}
		}
		status, got := get(t, srv.URL+"/v1/projects/shop/releases/"+tc.release, tc.token)
		if status != tc.status || got["message"] != tc.message || got["code"] != float64(tc.code) {
			t.Errorf("%s over REST: %d %v, want %d, code %d, %q", tc.name, status, got, tc.status, tc.code, tc.message)
		}
	}
}

func TestDenialDetail(t *testing.T) {
	srv, _ := newServer(t)
	want := &pb.PermissionDeniedDetail{
		Method:              "/bytebase.v1.ReleaseService/GetRelease",
		RequiredPermissions: []string{"bb.releases.get"},
		Resources:           []string{"projects/shop"},
		Caller:              "user:ann@example.com",
	}
	for transport, client := range transports(srv) {
		_, err := client.GetRelease(as(t, "ann-token"), &pb.GetReleaseRequest{Name: "projects/shop/releases/denied"})
		e, ok := errors.AsType[*connect.Error](err)
		if !ok || len(e.Details()) != 1 {
			t.Fatalf("%s: %v has no detail", transport, err)
		}
		got, err := connectproto.UnmarshalErrorDetail(e.Details()[0])
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got, protocmp.Transform()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", transport, diff)
		}
	}
	_, got := get(t, srv.URL+"/v1/projects/shop/releases/denied", "ann-token")
	wantJSON := []any{map[string]any{
		"@type":               "type.googleapis.com/bytebase.v1.PermissionDeniedDetail",
		"method":              want.GetMethod(),
		"requiredPermissions": []any{"bb.releases.get"},
		"resources":           []any{"projects/shop"},
		"caller":              "user:ann@example.com",
	}}
	if diff := cmp.Diff(wantJSON, got["details"]); diff != "" {
		t.Errorf("REST (-want +got):\n%s", diff)
	}
}

// What went wrong inside is in the log under a reference, and nowhere else.
func TestInsideStaysInside(t *testing.T) {
	for _, release := range []string{"broken", "panic"} {
		srv, logged := newServer(t)
		status, got := get(t, srv.URL+"/v1/projects/shop/releases/"+release, "ann-token")
		message, _ := got["message"].(string)
		if status != http.StatusInternalServerError || got["code"] != float64(connect.CodeInternal) || strings.Contains(message, "hunter2") {
			t.Errorf("%s: %d %v", release, status, got)
		}
		_, id, ok := strings.Cut(strings.TrimSuffix(message, ")"), "(request ")
		if !ok || !strings.Contains(logged.String(), id) || !strings.Contains(logged.String(), "hunter2") {
			t.Errorf("%s: %q and the log %q have no reference in common", release, message, logged)
		}
	}
}

func TestUnknownFieldIsRefused(t *testing.T) {
	srv, _ := newServer(t)
	const body = `{"release": {"filez": []}}`
	const want = `unknown field "release.filez"; the fields here are name, category, files, vcsSource, creator, createTime, state, type, digest, job`
	for name, url := range map[string]string{
		"REST":         srv.URL + "/v1/projects/shop/releases:check",
		"connect json": srv.URL + pb.ReleaseServiceCheckReleaseProcedure,
	} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer ann-token")
		req.Header.Set("Content-Type", "application/json")
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		var got struct{ Message string }
		if err := json.NewDecoder(resp.Body).Decode(&got); err != nil || resp.StatusCode != 400 || got.Message != want {
			t.Errorf("%s: %d %q %v, want %q", name, resp.StatusCode, got.Message, err, want)
		}
	}
}

// Files may be large where migrations go in, and nowhere else.
func TestBodyLimits(t *testing.T) {
	srv, _ := newServer(t)
	large := strings.Repeat("x", 5<<20)
	for name, client := range transports(srv) {
		_, err := client.GetRelease(as(t, "ann-token"), &pb.GetReleaseRequest{Name: large})
		if got, want := fmt.Sprint(err), "invalid_argument: the request is larger than 4 MiB, the most that this method takes"; got != want {
			t.Errorf("%s: %.200s, want %s", name, got, want)
		}
		req := &pb.CheckReleaseRequest{Release: &pb.Release{Files: []*pb.Release_File{{Statement: []byte(large)}}}}
		if got, err := client.CheckRelease(as(t, "ann-token"), req); err != nil || got.GetPending() != 1 {
			t.Errorf("%s: 5 MiB of SQL: %v, %v", name, got, err)
		}
	}
	status, got := send(t, http.MethodPost, srv.URL+"/v1/projects/shop/releases", "ann-token", `"`+strings.Repeat("x", 129<<20)+`"`)
	if want := "the request is larger than 128 MiB, the most that this method takes"; status != 400 || got["message"] != want {
		t.Errorf("REST: %d %v, want %q", status, got, want)
	}
}

// Nothing of a message is read for who has no credential.
func TestCredentialComesFirst(t *testing.T) {
	srv, _ := newServer(t)
	status, got := send(t, http.MethodPost, srv.URL+"/v1/projects/shop/releases:check", "", "{no JSON")
	if status != http.StatusUnauthorized {
		t.Errorf("%d %v, want 401", status, got)
	}
}

func TestNotBuilt(t *testing.T) {
	srv, _ := newServer(t)
	const want = "ReleaseService.DeleteRelease is part of the API, but this version does not have it built"
	for name, client := range transports(srv) {
		_, err := client.DeleteRelease(as(t, "ann-token"), &pb.DeleteReleaseRequest{Name: "projects/shop/releases/r1"})
		if e, ok := errors.AsType[*connect.Error](err); !ok || e.Code() != connect.CodeUnimplemented || e.Message() != want {
			t.Errorf("%s: %v, want %s", name, err, want)
		}
	}
	status, got := send(t, http.MethodDelete, srv.URL+"/v1/projects/shop/releases/r1", "ann-token", "")
	if status != http.StatusNotImplemented || got["message"] != want {
		t.Errorf("REST: %d %v, want %s", status, got, want)
	}
}

// A request of many empty parts is small on the wire, and compressed next to
// nothing, and would take a hundred times its size in memory.
func TestRequestHasBoundedParts(t *testing.T) {
	srv, _ := newServer(t)
	const want = "the request has more than 500000 fields and elements: send it in several"
	req := &pb.CheckReleaseRequest{Parent: "projects/shop", Release: &pb.Release{Files: make([]*pb.Release_File, 1_000_000)}}
	for i := range req.Release.Files {
		req.Release.Files[i] = &pb.Release_File{}
	}
	for name, client := range transports(srv) {
		_, err := client.CheckRelease(as(t, "ann-token"), req)
		if got := fmt.Sprint(err); got != "invalid_argument: "+want {
			t.Errorf("%s: %.200s, want %s", name, got, want)
		}
	}
	body := `{"release":{"files":[` + strings.Repeat("{},", 1_000_000) + `{}]}}`
	status, got := send(t, http.MethodPost, srv.URL+"/v1/projects/shop/releases:check", "ann-token", body)
	if status != 400 || got["message"] != want {
		t.Errorf("REST: %d %.200v, want %q", status, got, want)
	}
	// What stands in a string is no part.
	body = `{"release":{"name":"` + strings.Repeat(`{},\"`, 1_000_000) + `"}}`
	if status, got := send(t, http.MethodPost, srv.URL+"/v1/projects/shop/releases:check", "ann-token", body); status != 200 {
		t.Errorf("REST with a long string: %d %.200v, want 200", status, got)
	}
}

// What needs no credential takes an ID token and an address, and not much more.
func TestStrangersSendLittle(t *testing.T) {
	for _, procedure := range []string{
		pb.AuthServiceLoginProcedure, pb.AuthServiceLogoutProcedure, pb.AuthServiceSignupProcedure, pb.AuthServiceExchangeTokenProcedure,
	} {
		if got := api.MaxBytes(procedure); got != 64<<10 {
			t.Errorf("%s takes %d bytes, want 65536", procedure, got)
		}
	}
	if got := api.MaxBytes(pb.UserServiceGetCurrentUserProcedure); got != 4<<20 {
		t.Errorf("a method that needs a credential takes %d bytes, want 4 MiB", got)
	}
}
