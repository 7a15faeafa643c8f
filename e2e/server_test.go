package e2e_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
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
	patience      = time.Minute // how long a story waits for what has to come
)

// A running is a server process of the real binary.
type running struct {
	t     testing.TB
	cmd   *exec.Cmd
	args  []string
	env   []string
	URL   string
	Data  string
	token string // of the administrator
	log   *lockedBuffer
}

// newServer prepares `slipway server` on a free port with its data in a folder
// of its own and with the first administrator in its environment. It ends with
// the test.
func newServer(t testing.TB, args ...string) *running {
	t.Helper()
	data := filepath.Join(t.TempDir(), "data")
	s := &running{
		t: t, Data: data, log: new(lockedBuffer),
		args: append([]string{"server", "--listen", "127.0.0.1:0", "--data", data}, args...),
		env:  []string{"PATH=" + os.Getenv("PATH"), "SLIPWAY_ADMIN_EMAIL=" + adminEmail, "SLIPWAY_ADMIN_PASSWORD=" + adminPassword},
	}
	t.Cleanup(func() {
		s.stop(syscall.SIGTERM)
		if t.Failed() {
			t.Logf("server's log:\n%s", s.log)
		}
	})
	return s
}

// start starts the process, again after a stop: its data is still there, and
// it is where it was.
func (s *running) start() {
	s.t.Helper()
	if err := s.tryStart(); err != nil {
		s.t.Fatal(err)
	}
}

// tryStart is start for servers that may have reason not to.
func (s *running) tryStart() error {
	if err := readProgram(); err != nil {
		return err
	}
	s.cmd = exec.Command(filepath.Join(bin, "slipway"), s.args...)
	s.cmd.Env = s.env
	s.cmd.Stderr = s.log
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := s.cmd.Start(); err != nil {
		return err
	}
	answers := make(chan string, 1)
	go func() {
		defer close(answers)
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			fmt.Fprintln(s.log, lines.Text())
			if _, u, ok := strings.Cut(lines.Text(), "answers on "); ok {
				answers <- u
			}
		}
	}()
	select {
	case u, ok := <-answers:
		if !ok {
			code := s.stop(syscall.SIGTERM)
			return fmt.Errorf("the server ended with exit code %d before it answered:\n%s", code, s.log)
		}
		return s.answersOn(u)
	case <-time.After(patience):
		return fmt.Errorf("the server does not answer:\n%s", s.log)
	}
}

// answersOn notes where the server is and has it come back there.
func (s *running) answersOn(base string) error {
	u, err := url.Parse(base)
	if err != nil {
		return err
	}
	s.URL = base
	for i, arg := range s.args {
		if arg == "--listen" {
			s.args[i+1] = u.Host
		}
	}
	return nil
}

// stop sends sig to the process, waits until it is gone and returns its exit
// code, -1 if a signal ended it.
func (s *running) stop(sig syscall.Signal) int {
	if s.cmd == nil || s.cmd.Process == nil {
		return 0
	}
	_ = s.cmd.Process.Signal(sig)
	done := make(chan error, 1)
	go func() { done <- s.cmd.Wait() }()
	var err error
	select {
	case err = <-done:
	case <-time.After(patience):
		_ = s.cmd.Process.Kill()
		s.t.Errorf("the server did not end within %s of %v", patience, sig)
		err = <-done
	}
	s.cmd = nil
	return exitCode(err)
}

// accepts reports whether the server takes connections.
func (s *running) accepts() bool {
	conn, err := net.DialTimeout("tcp", strings.TrimPrefix(s.URL, "http://"), time.Second)
	if err != nil {
		return false
	}
	_ = conn.Close()
	return true
}

// admin calls the REST API as the administrator and decodes the answer into
// out; anything but 200 fails the test.
func (s *running) admin(method, path string, body, out any) {
	s.t.Helper()
	s.mustCall(s.adminToken(), method, path, body, out)
}

func (s *running) adminToken() string {
	s.t.Helper()
	if s.token == "" {
		s.token = s.signIn(adminEmail, adminPassword)
	}
	return s.token
}

func (s *running) signIn(email, password string) string {
	s.t.Helper()
	var login struct{ Token string }
	s.mustCall("", "POST", "/v1/auth/login", object{"email": email, "password": password}, &login)
	return login.Token
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

// call makes one request and returns the status and the body. A body of type
// []byte is sent as it is, anything else as JSON.
func (s *running) call(token, method, path string, body any) (int, []byte) {
	s.t.Helper()
	resp, text := s.do(token, method, path, body)
	return resp.StatusCode, text
}

func (s *running) do(token, method, path string, body any) (*http.Response, []byte) {
	s.t.Helper()
	in, raw := body.([]byte)
	if body != nil && !raw {
		var err error
		if in, err = json.Marshal(body); err != nil {
			s.t.Fatal(err)
		}
	}
	req, err := http.NewRequest(method, s.URL+path, bytes.NewReader(in))
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
	return resp, text
}

// noRedirects returns a client that shows a redirection as what it is.
func noRedirects() *http.Client {
	return &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// await asks done until it says yes, and fails the test if it never does.
func await(t testing.TB, what string, done func() bool) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for pause := 5 * time.Millisecond; !done(); pause = min(2*pause, 200*time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited %s in vain until %s", patience, what)
		}
		<-time.After(pause)
	}
}

func exitCode(err error) int {
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return exit.ExitCode()
	}
	return 0
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
