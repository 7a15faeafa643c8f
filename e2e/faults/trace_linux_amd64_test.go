package faults_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unsafe"
)

// A tracer is this test binary as the parent of a server: it stops the server
// at each of its system calls, counts those that change the files of one SQLite
// database, and kills it before the n-th. Between two of these calls nothing
// that would be found after a kill is any different, so that these are all the
// moments there are. The environment says what to do.
const (
	traceFile  = "SLIPWAY_FAULTS_FILE"  // the database's file name; the names of its journals and its lock contain it
	traceCall  = "SLIPWAY_FAULTS_CALL"  // n; 0 counts only
	traceCount = "SLIPWAY_FAULTS_COUNT" // the file that gets how many there were, when the server is gone
)

func traced() bool { return os.Getenv(traceFile) != "" }

// trace starts the server and attends it to its end.
func trace(line []string) int {
	t := tracer{file: os.Getenv(traceFile)}
	t.at, _ = strconv.Atoi(os.Getenv(traceCall))
	if err := t.run(line); err != nil {
		fmt.Fprintln(os.Stderr, "trace:", err)
		return 1
	}
	if err := os.WriteFile(os.Getenv(traceCount), []byte(strconv.Itoa(t.seen)), 0o600); err != nil {
		fmt.Fprintln(os.Stderr, "trace:", err)
		return 1
	}
	return 0
}

type tracer struct {
	file     string
	at, seen int
	pid      int
}

const canTrace = true

// Of ptrace(2); the standard library has no names for them.
const (
	optionExitKill = 0x100000
	waitAll        = 0x40000000
	syscallStop    = syscall.SIGTRAP | 0x80
	getSyscallInfo = 0x420e
)

func (t *tracer) run(line []string) error {
	runtime.LockOSThread() // the thread that started the server is its tracer
	cmd := exec.Command(line[0], line[1:]...)
	cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "SLIPWAY_FAULTS_") })
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Ptrace: true}
	if err := cmd.Start(); err != nil {
		return err
	}
	t.pid = cmd.Process.Pid
	var ws syscall.WaitStatus
	if _, err := syscall.Wait4(t.pid, &ws, 0, nil); err != nil {
		return err
	}
	if err := syscall.PtraceSetOptions(t.pid, optionExitKill|syscall.PTRACE_O_TRACESYSGOOD|syscall.PTRACE_O_TRACECLONE); err != nil {
		return err
	}
	if err := syscall.PtraceSyscall(t.pid, 0); err != nil {
		return err
	}
	asked := make(chan os.Signal, 1)
	signal.Notify(asked, syscall.SIGTERM)
	go func() {
		for range asked {
			_ = syscall.Kill(t.pid, syscall.SIGTERM)
		}
	}()
	for {
		tid, err := syscall.Wait4(-1, &ws, waitAll, nil)
		if errors.Is(err, syscall.ECHILD) {
			return nil // all threads are gone
		}
		if err != nil && !errors.Is(err, syscall.EINTR) {
			return err
		}
		if err == nil && ws.Stopped() {
			t.stopped(tid, ws.StopSignal())
		}
	}
}

// stopped looks at what a thread has stopped for and lets it go on. Errors are
// those of threads that were killed meanwhile.
func (t *tracer) stopped(tid int, why syscall.Signal) {
	pass := 0
	switch why {
	case syscallStop:
		if t.changes(tid) {
			if t.seen++; t.seen == t.at {
				_ = syscall.Kill(t.pid, syscall.SIGKILL)
				return
			}
		}
	case syscall.SIGTRAP, syscall.SIGSTOP: // a new thread
	default:
		pass = int(why)
	}
	_ = syscall.PtraceSyscall(tid, pass)
}

// changes reports whether the thread is about to change the database's files.
func (t *tracer) changes(tid int) bool {
	var info struct {
		op     uint8
		_      [3]uint8
		_      uint32
		_, _   uint64
		number uint64
		args   [6]uint64
	}
	_, _, errno := syscall.RawSyscall6(syscall.SYS_PTRACE, getSyscallInfo, uintptr(tid), unsafe.Sizeof(info), uintptr(unsafe.Pointer(&info)), 0, 0)
	const entry = 1
	if errno != 0 || info.op != entry {
		return false
	}
	path := ""
	switch info.number {
	case syscall.SYS_PWRITE64, syscall.SYS_WRITE, syscall.SYS_FTRUNCATE, syscall.SYS_FSYNC, syscall.SYS_FDATASYNC:
		path, _ = os.Readlink(fmt.Sprintf("/proc/%d/fd/%d", t.pid, info.args[0]))
	case syscall.SYS_UNLINK:
		path = text(tid, uintptr(info.args[0]))
	case syscall.SYS_UNLINKAT:
		path = text(tid, uintptr(info.args[1]))
	case syscall.SYS_OPENAT:
		if info.args[2]&syscall.O_CREAT != 0 {
			path = text(tid, uintptr(info.args[1]))
		}
	}
	return strings.Contains(path, t.file)
}

// text reads a string of the thread's memory.
func text(tid int, at uintptr) string {
	buf := make([]byte, 4096)
	n, err := syscall.PtracePeekData(tid, at, buf)
	if err != nil {
		return ""
	}
	s, _, _ := strings.Cut(string(buf[:n]), "\x00")
	return s
}

// under starts the server under a tracer that kills it at change n of a
// database's files, and returns a function that says how many changes there
// were, once the server is gone.
func (w *world) under(s *subject, n int) (gone <-chan struct{}, seen func() int) {
	w.T.Helper()
	count := filepath.Join(w.T.TempDir(), "count")
	env := w.Env
	w.Under = []string{os.Args[0]}
	w.Env = slices.Concat(env, []string{traceFile + "=" + filepath.Base(s.path), traceCall + "=" + strconv.Itoa(n), traceCount + "=" + count})
	w.Start()
	w.Under, w.Env = nil, env
	end := make(chan struct{})
	go func() {
		defer close(end)
		for w.T.Context().Err() == nil {
			if _, err := os.Stat(count); err == nil {
				return
			}
			<-time.After(10 * time.Millisecond)
		}
	}()
	return end, func() int {
		w.T.Helper()
		text, err := os.ReadFile(count)
		if err != nil {
			w.T.Fatal(err)
		}
		n, err := strconv.Atoi(string(text))
		if err != nil {
			w.T.Fatal(err)
		}
		return n
	}
}
