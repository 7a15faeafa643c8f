package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"connectrpc.com/connect/v2"

	"slipway"
	"slipway/internal/api"
	"slipway/internal/pb"
)

// However many large requests an account sends, the server holds few of them,
// and those of others have room. Small ones never wait.
func TestLargeRequestsAreBounded(t *testing.T) {
	who := keys{}
	for _, name := range []string{"ann", "bob", "eve"} {
		who[name] = slipway.Principal{Kind: slipway.UserKind, Email: name + "@example.com"}
	}
	h, err := api.Serve(slog.New(slog.DiscardHandler), who, api.Config{}, func(s *connect.Server) {
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
	defer srv.Close()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	// One byte of 128 MiB, and nothing more until the test ends.
	hold := func(name string, path string) {
		body := io.MultiReader(bytes.NewReader([]byte("{")), waiter{ctx})
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, srv.URL+path, body)
		if err != nil {
			t.Error(err)
			return
		}
		req.ContentLength = 128 << 20
		req.Header.Set("Authorization", "Bearer "+name)
		req.Header.Set("Content-Type", "application/json")
		if resp, err := http.DefaultClient.Do(req); err == nil {
			_ = resp.Body.Close()
			t.Errorf("%s: %d before the body was sent", name, resp.StatusCode)
		}
	}
	const rest = "/v1/projects/shop/releases:check"
	done := make(chan struct{})
	large := `{"release":{"name":"` + string(bytes.Repeat([]byte("x"), 5<<20)) + `"}}`
	for _, stand := range []struct{ holds, waits, hasRoom string }{{"ann", "ann", "bob"}, {"bob", "eve", ""}} {
		for _, path := range []string{rest, pb.ReleaseServiceCheckReleaseProcedure} {
			go func() {
				hold(stand.holds, path)
				done <- struct{}{}
			}()
		}
		wantWaiting(t, srv.URL+rest, stand.waits, large)
		if stand.hasRoom != "" {
			if status, message := checkAs(t, srv.URL+rest, stand.hasRoom, large); status != http.StatusOK {
				t.Errorf("a large request of another account: %d %q", status, message)
			}
		}
	}
	for name, client := range transports(srv) {
		small, cancel := context.WithTimeout(as(t, "ann"), 3*time.Second) // less than a large one waits
		if _, err := client.CheckRelease(small, &pb.CheckReleaseRequest{Parent: "projects/shop"}); err != nil {
			t.Errorf("a small request beside large ones, over %s: %v", name, err)
		}
		cancel()
	}
	if status, message := checkAs(t, srv.URL+rest, "ann", `{"release":{}}`); status != http.StatusOK {
		t.Errorf("a small request beside large ones: %d %q", status, message)
	}
	cancel()
	for range 4 {
		<-done
	}
	if status, message := checkAs(t, srv.URL+rest, "eve", large); status != http.StatusOK {
		t.Errorf("after the large ones: %d %q", status, message)
	}
}

// Who sends a byte now and then does not keep its share for ever, nor is a call
// cut short whose message was there in time.
func TestLargeRequestsArriveInTime(t *testing.T) {
	h, err := api.Serve(slog.New(slog.DiscardHandler), ann, api.Config{LargeRead: 2 * time.Second}, func(s *connect.Server) {
		pb.RegisterReleaseServiceHandler(s, slowReleases{})
	})
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(h)
	defer srv.Close()
	for _, path := range []string{"/v1/projects/shop/releases:check", pb.ReleaseServiceCheckReleaseProcedure} {
		body := io.MultiReader(bytes.NewReader([]byte("{")), waiter{t.Context()})
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, srv.URL+path, body)
		if err != nil {
			t.Fatal(err)
		}
		req.ContentLength = 128 << 20
		req.Header.Set("Authorization", "Bearer ann-token")
		req.Header.Set("Content-Type", "application/json")
		begin := time.Now()
		if resp, err := http.DefaultClient.Do(req); err == nil {
			if resp.StatusCode == http.StatusOK {
				t.Errorf("%s: half a request was answered", path)
			}
			_ = resp.Body.Close()
		}
		if took := time.Since(begin); took > 20*time.Second {
			t.Errorf("%s: half a request was held for %s", path, took)
		}
	}
	large := `{"release":{"name":"` + string(bytes.Repeat([]byte("x"), 5<<20)) + `"}}`
	if status, message := checkAs(t, srv.URL+"/v1/projects/shop/releases:check", "ann-token", large); status != http.StatusOK {
		t.Errorf("a call that takes longer than its message: %d %q", status, message)
	}
}

// slowReleases takes longer for a check than a message may take to arrive.
type slowReleases struct {
	pb.UnimplementedReleaseServiceHandler
}

func (slowReleases) CheckRelease(ctx context.Context, _ *pb.CheckReleaseRequest) (*pb.CheckReleaseResponse, error) {
	select {
	case <-time.After(3 * time.Second):
		return &pb.CheckReleaseResponse{}, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// wantWaiting sends body until it is refused for the others that are under way.
func wantWaiting(t *testing.T, url, token, body string) {
	t.Helper()
	const want = "too many large requests are under way; send it again in a moment"
	for deadline := time.Now().Add(30 * time.Second); ; {
		status, message := checkAs(t, url, token, body)
		if status == http.StatusTooManyRequests && message == want {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("a large request of %s: %d %q, want 429 %q", token, status, message, want)
		}
	}
}

// A waiter has nothing to read until its context ends.
type waiter struct{ ctx context.Context }

func (w waiter) Read([]byte) (int, error) {
	<-w.ctx.Done()
	return 0, w.ctx.Err()
}

func checkAs(t *testing.T, url, token, body string) (status int, message string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, bytes.NewReader([]byte(body)))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, fmt.Sprint(err)
	}
	defer resp.Body.Close()
	var got struct{ Message string }
	if err := json.NewDecoder(resp.Body).Decode(&got); err != nil {
		return resp.StatusCode, err.Error()
	}
	return resp.StatusCode, got.Message
}
