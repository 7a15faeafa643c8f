package cli_test

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"slipway/internal/cli"
	"slipway/internal/pb"
)

// pseudoTerminal opens a pair: what is written to the terminal is read from
// the other end.
func pseudoTerminal(t *testing.T) (terminal, other *os.File) {
	t.Helper()
	other, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("no pseudo-terminals here: %v", err)
	}
	t.Cleanup(func() { other.Close() })
	fd := int(other.Fd())
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	terminal, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: 60}); err != nil {
		t.Fatal(err)
	}
	return terminal, other
}

func TestProgressOnATerminal(t *testing.T) {
	for _, tc := range []struct {
		name      string
		env       map[string]string
		args      []string
		rewritten bool
		color     bool
	}{
		{"lines are rewritten", nil, nil, true, true},
		{"without colour when asked", nil, []string{"--no-color"}, true, false},
		{"nor with NO_COLOR", map[string]string{"NO_COLOR": "1"}, nil, true, false},
		{"in CI nothing is rewritten", map[string]string{"CI": "true"}, nil, false, true},
		{"nor on a dumb terminal", map[string]string{"TERM": "dumb"}, nil, false, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := serve(t)
			twoStages(f)
			f.script[testDB] = []*pb.TaskRun{
				{Status: pb.TaskRun_RUNNING, FilesDone: 1, FilesTotal: 3},
				{Status: pb.TaskRun_FAILED, Detail: "the disk is full"},
			}
			terminal, other := pseudoTerminal(t)
			read := make(chan []byte)
			go func() {
				b, _ := io.ReadAll(other) // ends with EIO once the terminal is closed
				read <- b
			}()
			var stdout bytes.Buffer
			code := cli.Main(cli.Program{
				Args: rolloutArgs(f, tc.args...), Stdout: &stdout, Stderr: terminal, Dir: folder(t, migrations),
				Getenv: func(name string) string { return tc.env[name] },
			})
			terminal.Close()
			said := string(<-read)
			if code != 1 || !strings.Contains(said, "running, 1 of 3 files") || !strings.Contains(said, "the disk is full") {
				t.Errorf("exit code %d, said %q", code, said)
			}
			if got := strings.Contains(said, "\x1b[1A\r\x1b[J"); got != tc.rewritten {
				t.Errorf("rewritten: %v, want %v: %q", got, tc.rewritten, said)
			}
			if got := strings.Contains(said, "\x1b[31merror:\x1b[0m"); got != tc.color {
				t.Errorf("colour: %v, want %v: %q", got, tc.color, said)
			}
			for l := range strings.SplitSeq(said, "\r\n") {
				if tc.rewritten && strings.Contains(l, "of 3 files") && len([]rune(l)) > 60 {
					t.Errorf("a rewritten line is wider than the terminal: %q", l)
				}
			}
		})
	}
}
