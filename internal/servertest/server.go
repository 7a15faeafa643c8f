package servertest

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
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// The first administrator, and how long a story waits for what has to come.
const (
	AdminEmail    = "admin@example.com"
	AdminPassword = "correct horse battery staple"
	Patience      = time.Minute
)

// A Server is a server process of the real binary.
type Server struct {
	T     testing.TB
	Under []string // a program and its arguments that start the server; nil starts it directly
	Args  []string
	Env   []string
	Cmd   *exec.Cmd // nil while there is no process
	URL   string
	Data  string
	Log   *Buffer
	token string // of the administrator
}

// New prepares `slipway server` on a free port with its data in a folder
// of its own and with the first administrator in its environment. It ends with
// the test.
func New(t testing.TB, args ...string) *Server {
	t.Helper()
	data := filepath.Join(t.TempDir(), "data")
	s := &Server{
		T: t, Data: data, Log: new(Buffer),
		Args: append([]string{"server", "--listen", "127.0.0.1:0", "--data", data}, args...),
		Env:  []string{"PATH=" + os.Getenv("PATH"), "SLIPWAY_ADMIN_EMAIL=" + AdminEmail, "SLIPWAY_ADMIN_PASSWORD=" + AdminPassword},
	}
	t.Cleanup(func() {
		s.Stop(syscall.SIGTERM)
		if t.Failed() {
			t.Logf("server's log:\n%s", s.Log)
		}
	})
	return s
}

// Start starts the process, again after a stop: its data is still there, and
// it is where it was.
func (s *Server) Start() {
	s.T.Helper()
	if err := s.TryStart(); err != nil {
		s.T.Fatal(err)
	}
}

// TryStart is Start for servers that may have reason not to.
func (s *Server) TryStart() error {
	if err := readProgram(); err != nil {
		return err
	}
	line := slices.Concat(s.Under, []string{filepath.Join(Bin(), "slipway")}, s.Args)
	s.Cmd = exec.Command(line[0], line[1:]...)
	s.Cmd.Env = s.Env
	s.Cmd.Stderr = s.Log
	out, err := s.Cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := s.Cmd.Start(); err != nil {
		return err
	}
	answers := make(chan string, 1)
	go func() {
		defer close(answers)
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			fmt.Fprintln(s.Log, lines.Text())
			if _, u, ok := strings.Cut(lines.Text(), "answers on "); ok {
				answers <- u
			}
		}
	}()
	select {
	case u, ok := <-answers:
		if !ok {
			code := s.Stop(syscall.SIGTERM)
			return fmt.Errorf("the server ended with exit code %d before it answered:\n%s", code, s.Log)
		}
		return s.answersOn(u)
	case <-time.After(Patience):
		return fmt.Errorf("the server does not answer:\n%s", s.Log)
	}
}

// answersOn notes where the server is and has it come back there.
func (s *Server) answersOn(base string) error {
	u, err := url.Parse(base)
	if err != nil {
		return err
	}
	s.URL = base
	for i, arg := range s.Args {
		if arg == "--listen" {
			s.Args[i+1] = u.Host
		}
	}
	return nil
}

// Stop sends sig to the process, waits until it is gone and returns its exit
// code, -1 if a signal ended it.
func (s *Server) Stop(sig syscall.Signal) int {
	if s.Cmd == nil || s.Cmd.Process == nil {
		return 0
	}
	_ = s.Cmd.Process.Signal(sig)
	done := make(chan error, 1)
	go func() { done <- s.Cmd.Wait() }()
	var err error
	select {
	case err = <-done:
	case <-time.After(Patience):
		_ = s.Cmd.Process.Kill()
		s.T.Errorf("the server did not end within %s of %v", Patience, sig)
		err = <-done
	}
	s.Cmd = nil
	return ExitCode(err)
}

// Accepts reports whether the server takes connections.
func (s *Server) Accepts() bool {
	conn, err := net.DialTimeout("tcp", strings.TrimPrefix(s.URL, "http://"), time.Second)
	if err != nil {
		return false
	}
	_ = conn.Close()
	return true
}

// Admin calls the REST API as the administrator and decodes the answer into
// out; anything but 200 fails the test.
func (s *Server) Admin(method, path string, body, out any) {
	s.T.Helper()
	s.MustCall(s.AdminToken(), method, path, body, out)
}

// AdminToken returns an access token of the administrator.
func (s *Server) AdminToken() string {
	s.T.Helper()
	if s.token == "" {
		s.token = s.SignIn(AdminEmail, AdminPassword)
	}
	return s.token
}

// SignIn returns an access token of somebody with a password.
func (s *Server) SignIn(email, password string) string {
	s.T.Helper()
	var login struct{ Token string }
	s.MustCall("", "POST", "/v1/auth/login", map[string]any{"email": email, "password": password}, &login)
	return login.Token
}

// MustCall is Call where anything but 200 fails the test; out may be nil.
func (s *Server) MustCall(token, method, path string, body, out any) {
	s.T.Helper()
	status, text := s.Call(token, method, path, body)
	if status != http.StatusOK {
		s.T.Fatalf("%s %s answered %d: %s", method, path, status, text)
	}
	if out == nil {
		return
	}
	if err := json.Unmarshal(text, out); err != nil {
		s.T.Fatalf("%s %s answered %s: %v", method, path, text, err)
	}
}

// Call makes one request and returns the status and the body. A body of type
// []byte is sent as it is, anything else as JSON.
func (s *Server) Call(token, method, path string, body any) (int, []byte) {
	s.T.Helper()
	resp, text := s.Do(token, method, path, body) //nolint:bodyclose // Try has closed it
	return resp.StatusCode, text
}

// Do is Call for those who want all of the response; its body is closed.
func (s *Server) Do(token, method, path string, body any) (*http.Response, []byte) {
	s.T.Helper()
	resp, text, err := s.Try(token, method, path, body)
	if err != nil {
		s.T.Fatal(err)
	}
	return resp, text
}

// Try is Do for servers that may not answer.
func (s *Server) Try(token, method, path string, body any) (*http.Response, []byte, error) {
	in, raw := body.([]byte)
	if body != nil && !raw {
		var err error
		if in, err = json.Marshal(body); err != nil {
			return nil, nil, err
		}
	}
	req, err := http.NewRequest(method, s.URL+path, bytes.NewReader(in))
	if err != nil {
		return nil, nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, nil, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return resp, text, err
}

// Await asks done until it says yes, and fails the test if it never does.
func Await(t testing.TB, what string, done func() bool) {
	t.Helper()
	deadline := time.Now().Add(Patience)
	for pause := 5 * time.Millisecond; !done(); pause = min(2*pause, 200*time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited %s in vain until %s", Patience, what)
		}
		<-time.After(pause)
	}
}

// ExitCode returns the exit code of a process that ended with err, -1 if a
// signal ended it.
func ExitCode(err error) int {
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return exit.ExitCode()
	}
	return 0
}

// A Buffer is written by a process's output and read by the test.
type Buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

// Write implements io.Writer.
func (l *Buffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

// String returns what was written so far.
func (l *Buffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
