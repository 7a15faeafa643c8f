package bench_test

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
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

const (
	adminEmail    = "admin@example.com"
	adminPassword = "correct horse battery staple"
	patience      = time.Minute // how long anything that has to come is waited for
)

type object = map[string]any

// A server is a process of the real binary.
type server struct {
	t     testing.TB
	cmd   *exec.Cmd
	url   string
	ready time.Duration // from the start of the process until /readyz said yes
	token string        // of the administrator
	ended chan error
}

// serve starts `slipway server` with its data in a folder, and ends it with the
// test.
func serve(t testing.TB, data string, args ...string) *server {
	t.Helper()
	s := &server{t: t, ended: make(chan error, 1)}
	s.cmd = exec.Command(binary, append([]string{"server", "--listen", "127.0.0.1:0", "--data", data}, args...)...)
	s.cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "SLIPWAY_ADMIN_EMAIL=" + adminEmail, "SLIPWAY_ADMIN_PASSWORD=" + adminPassword}
	log, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	s.cmd.Stderr = log
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	begin := time.Now()
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.stop)
	lines := bufio.NewScanner(out)
	for s.url == "" && lines.Scan() {
		_, s.url, _ = strings.Cut(lines.Text(), "answers on ")
	}
	go func() {
		for lines.Scan() { // so that the pipe never fills
		}
		s.ended <- s.cmd.Wait()
	}()
	for s.ready == 0 {
		resp, err := http.Get(s.url + "/readyz")
		if err == nil {
			resp.Body.Close()
		}
		switch {
		case err == nil && resp.StatusCode == http.StatusOK:
			s.ready = time.Since(begin)
		case time.Since(begin) > patience:
			text, _ := os.ReadFile(log.Name())
			t.Fatalf("the server is not ready: %v\n%s", err, text)
		default:
			time.Sleep(time.Millisecond)
		}
	}
	return s
}

// stop ends the process. It may be called again.
func (s *server) stop() {
	if s.cmd == nil {
		return
	}
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-s.ended:
	case <-time.After(patience):
		_ = s.cmd.Process.Kill()
		s.t.Errorf("the server did not end within %s of SIGTERM", patience)
	}
	s.cmd = nil
}

// cpu returns the processor time that the process has used, in user and kernel
// mode together.
func (s *server) cpu() time.Duration {
	s.t.Helper()
	// The clock of another process: clock_getcpuclockid(3). It counts
	// nanoseconds where /proc/PID/stat counts hundredths of a second.
	var ts unix.Timespec
	if err := unix.ClockGettime(int32(^s.cmd.Process.Pid<<3|2), &ts); err != nil {
		s.t.Fatalf("read the processor time of the server: %v", err)
	}
	return time.Duration(ts.Nano())
}

// memory returns a line of the process's /proc/PID/status in bytes: VmRSS, or
// VmHWM for its peak since forgetPeak.
func (s *server) memory(line string) int64 {
	s.t.Helper()
	return statusLine(s.t, s.cmd.Process.Pid, line)
}

func statusLine(t testing.TB, pid int, line string) int64 {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	for l := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(l, line+":"); ok {
			n, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(value), "kB")), 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			return n << 10
		}
	}
	t.Fatalf("/proc/%d/status has no line %s", pid, line)
	return 0
}

// forgetPeak has VmHWM count anew.
func (s *server) forgetPeak() {
	s.t.Helper()
	if err := os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", s.cmd.Process.Pid), []byte("5"), 0); err != nil {
		s.t.Fatal(err)
	}
}

// admin calls the REST API as the administrator and decodes the answer into out.
func (s *server) admin(method, path string, body, out any) {
	s.t.Helper()
	if s.token == "" {
		var login struct{ Token string }
		s.call("", "POST", "/v1/auth/login", object{"email": adminEmail, "password": adminPassword}, &login)
		s.token = login.Token
	}
	s.call(s.token, method, path, body, out)
}

func (s *server) call(token, method, path string, body, out any) {
	s.t.Helper()
	var in []byte
	if body != nil {
		var err error
		if in, err = json.Marshal(body); err != nil {
			s.t.Fatal(err)
		}
	}
	req, err := http.NewRequest(method, s.url+path, bytes.NewReader(in))
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
	if resp.StatusCode != http.StatusOK {
		s.t.Fatalf("%s %s answered %d: %s", method, path, resp.StatusCode, text)
	}
	if out != nil {
		if err := json.Unmarshal(text, out); err != nil {
			s.t.Fatalf("%s %s answered %s: %v", method, path, text, err)
		}
	}
}

// client runs a command of the program in a folder, as a pipeline does, and
// returns its output and how long it took.
func (s *server) client(dir string, args ...string) (string, time.Duration) {
	s.t.Helper()
	s.admin("GET", "/v1/users/me", nil, nil) // signs in
	cmd := exec.Command(binary, args...)
	cmd.Dir = dir
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "SLIPWAY_URL=" + s.url, "SLIPWAY_TOKEN=" + s.token, "SLIPWAY_PROJECT=shop", "NO_COLOR=1"}
	begin := time.Now()
	out, err := cmd.CombinedOutput()
	took := time.Since(begin)
	if err != nil {
		s.t.Fatalf("slipway %.200q: %v\n%.3000s", args, err, out)
	}
	return string(out), took
}

// usedHere is the processor time that this process has used.
func usedHere(t testing.TB) time.Duration {
	t.Helper()
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// cost returns the processor time of one call of f in this process, over n.
func cost(t testing.TB, n int, f func() error) time.Duration {
	t.Helper()
	begin := usedHere(t)
	for range n {
		if err := f(); err != nil {
			t.Fatal(err)
		}
	}
	return (usedHere(t) - begin) / time.Duration(n)
}
