package e2e_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

const (
	adminEmail    = "admin@example.com"
	adminPassword = "correct horse battery staple"
)

// A running is a server process of the real binary.
type running struct {
	t     *testing.T
	cmd   *exec.Cmd
	args  []string
	env   []string
	URL   string
	Data  string
	token string // of the administrator
	log   *lockedBuffer
}

// startServer runs `slipway server` on a free port with its data in a folder of
// its own and waits until it answers. It ends with the test.
func startServer(t *testing.T, env []string, args ...string) *running {
	t.Helper()
	data := filepath.Join(t.TempDir(), "data")
	s := &running{
		t: t, Data: data, log: new(lockedBuffer),
		args: append([]string{"server", "--listen", "127.0.0.1:0", "--data", data}, args...),
		env:  append([]string{"PATH=" + os.Getenv("PATH"), "SLIPWAY_ADMIN_EMAIL=" + adminEmail, "SLIPWAY_ADMIN_PASSWORD=" + adminPassword}, env...),
	}
	t.Cleanup(func() {
		s.stop(syscall.SIGTERM)
		if t.Failed() {
			t.Logf("server's log:\n%s", s.log)
		}
	})
	s.start()
	return s
}

// start starts the process, again after a stop: its data is still there.
func (s *running) start() {
	s.t.Helper()
	s.cmd = exec.Command(filepath.Join(bin, "slipway"), s.args...)
	s.cmd.Env = s.env
	s.cmd.Stderr = s.log
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		s.t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	url := make(chan string, 1)
	go func() {
		defer close(url)
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			fmt.Fprintln(s.log, lines.Text())
			if _, u, ok := strings.Cut(lines.Text(), "answers on "); ok {
				url <- u
			}
		}
	}()
	select {
	case u, ok := <-url:
		if !ok {
			s.t.Fatalf("the server ended before it answered:\n%s", s.log)
		}
		s.URL = u
	case <-time.After(30 * time.Second):
		s.t.Fatalf("the server does not answer:\n%s", s.log)
	}
}

// stop sends sig to the process and waits until it is gone.
func (s *running) stop(sig syscall.Signal) {
	if s.cmd == nil || s.cmd.Process == nil {
		return
	}
	_ = s.cmd.Process.Signal(sig)
	done := make(chan struct{})
	go func() { _ = s.cmd.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(60 * time.Second):
		_ = s.cmd.Process.Kill()
		s.t.Errorf("the server did not end within a minute of %v", sig)
		<-done
	}
	s.cmd = nil
}

// admin calls the REST API as the administrator and decodes the answer into
// out; anything but 200 fails the test.
func (s *running) admin(method, path string, body, out any) {
	s.t.Helper()
	if s.token == "" {
		var login struct{ Token string }
		s.mustCall("", "POST", "/v1/auth/login", map[string]string{"email": adminEmail, "password": adminPassword}, &login)
		s.token = login.Token
	}
	s.mustCall(s.token, method, path, body, out)
}

func (s *running) mustCall(token, method, path string, body, out any) {
	s.t.Helper()
	status, text := s.call(token, method, path, body)
	if status != http.StatusOK {
		s.t.Fatalf("%s %s answered %d: %s", method, path, status, text)
	}
	if out == nil {
		return
	}
	if err := json.Unmarshal(text, out); err != nil {
		s.t.Fatalf("%s %s answered %s: %v", method, path, text, err)
	}
}

// call makes one request and returns the status and the body.
func (s *running) call(token, method, path string, body any) (int, []byte) {
	s.t.Helper()
	var in io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			s.t.Fatal(err)
		}
		in = bytes.NewReader(text)
	}
	req, err := http.NewRequest(method, s.URL+path, in)
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return resp.StatusCode, text
}

// A lockedBuffer is written by a process's output and read by the test.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
