package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode"

	"connectrpc.com/connect/v2"
	"golang.org/x/term"

	"slipway"
)

// The rules of speech, for everything that this package says:
//
//   - Standard output has what was asked for: findings, resource names, how each
//     database ended. Standard error has the rest: progress, warnings, hints, and
//     last the error that ended the run, behind the program's name.
//   - A line is a fact, in lower case, without a full stop. Resource names stand
//     as the API spells them, so that they can be pasted into the next command.
//   - No token, password or key is ever part of a line, whole or cut.
//   - Text of others (a server's message, SQL, a path) passes through clean: a
//     control character in it must not move a cursor or forge a log line.
//   - Colour only says again what a word says, and only to a terminal. Lines are
//     rewritten in place on a terminal alone, never in CI.

// Exit codes, part of the interface: pipelines branch on them.
const (
	codeDone        = 0
	codeFailed      = 1
	codeUsage       = 2
	codeRefused     = 3
	codeGate        = 4
	codeInterrupted = 130 // as a shell reports a process that Ctrl-C ended
)

const exitHelp = `Exit codes:
  0    what was asked for is done
  1    it failed: a migration, a finding at the level of --check-release, the server
  2    the command, its configuration or its files are wrong; nothing was started
  3    refused: the token is not accepted, or lacks a permission
  4    waiting for a gate: an approval, or a stage that the server holds back
  130  interrupted; the task runs that the command had started were cancelled`

// A stop is an error that knows its exit code and what to do about it.
type stop struct {
	code int
	err  error
	hint string
}

func (s *stop) Error() string { return s.err.Error() }
func (s *stop) Unwrap() error { return s.err }

func usagef(format string, args ...any) error {
	return &stop{code: codeUsage, err: fmt.Errorf(format, args...)}
}

func failf(format string, args ...any) error {
	return &stop{code: codeFailed, err: fmt.Errorf(format, args...)}
}

// hinted adds a line on what to do about err.
func hinted(err error, format string, args ...any) error {
	return &stop{code: exitCode(err), err: err, hint: fmt.Sprintf(format, args...)}
}

// exitCode is the table from errors to exit codes. It is the only one.
func exitCode(err error) int {
	if err == nil {
		return codeDone
	}
	if s, ok := errors.AsType[*stop](err); ok {
		return s.code
	}
	if errors.Is(err, context.Canceled) {
		return codeInterrupted
	}
	if e, ok := errors.AsType[*callError](err); ok {
		switch e.code {
		case connect.CodeUnauthenticated, connect.CodePermissionDenied:
			return codeRefused
		case connect.CodeInvalidArgument, connect.CodeNotFound:
			return codeUsage
		case connect.CodeCanceled:
			return codeInterrupted
		}
		return codeFailed
	}
	if slipway.KindOf(err) == slipway.Invalid {
		return codeUsage
	}
	return codeFailed
}

// A voice is all that the client says. Nothing else in this package writes to
// a stream of the process.
type voice struct {
	out, err io.Writer
	outColor bool
	errColor bool
	width    int // of the terminal on err, in columns; 0 when lines may not be rewritten
	drawn    int // lines of the region at the end of err that the next line replaces
}

func newVoice(p Program) *voice {
	v := &voice{out: p.Stdout, err: p.Stderr}
	fancy := p.Getenv("NO_COLOR") == "" && p.Getenv("TERM") != "dumb"
	_, outTerminal := terminal(p.Stdout)
	width, errTerminal := terminal(p.Stderr)
	v.outColor, v.errColor = fancy && outTerminal, fancy && errTerminal
	if p.Getenv("CI") == "" && p.Getenv("TERM") != "dumb" {
		v.width = width
	}
	return v
}

func terminal(w io.Writer) (width int, ok bool) {
	f, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return 0, false
	}
	if width, _, err := term.GetSize(int(f.Fd())); err == nil && width > 20 {
		return width, true
	}
	return 80, true
}

// printf says a line of what was asked for.
func (v *voice) printf(format string, args ...any) {
	v.draw(nil)
	fmt.Fprintf(v.out, format+"\n", args...)
}

// notef says a line of progress.
func (v *voice) notef(format string, args ...any) {
	v.draw(nil)
	fmt.Fprintf(v.err, format+"\n", args...)
}

func (v *voice) warnf(format string, args ...any) {
	v.notef("%s %s", paint(v.errColor, yellow, "warning:"), clean(fmt.Sprintf(format, args...)))
}

// draw replaces the lines that it drew last at the end of standard error. They
// are cut to the terminal's width, because a wrapped line counts as two.
func (v *voice) draw(lines []string) {
	var b strings.Builder
	if v.drawn > 0 {
		fmt.Fprintf(&b, "\x1b[%dA\r\x1b[J", v.drawn)
	}
	v.drawn = 0
	if v.width > 0 {
		for _, l := range lines {
			b.WriteString(cut(l, v.width-1) + "\n")
		}
		v.drawn = len(lines)
	}
	if b.Len() > 0 {
		fmt.Fprint(v.err, b.String())
	}
}

// finish says how the run ended and returns its exit code.
func (v *voice) finish(name string, err error) int {
	v.draw(nil)
	if err == nil {
		return codeDone
	}
	for line := range strings.Lines(clean(err.Error())) {
		v.notef("%s %s", paint(v.errColor, red, name+":"), strings.TrimRight(line, "\n"))
	}
	for _, h := range hints(err) {
		v.notef("%s: hint: %s", name, clean(h))
	}
	return exitCode(err)
}

// hints collects what to do from all of err's tree.
func hints(err error) []string {
	var found []string
	switch e := err.(type) { //nolint:errorlint // it walks the tree itself, joined branches included
	case *stop:
		if e.hint != "" {
			found = append(found, e.hint)
		}
		found = append(found, hints(e.err)...)
	case interface{ Unwrap() error }:
		found = append(found, hints(e.Unwrap())...)
	case interface{ Unwrap() []error }:
		for _, inner := range e.Unwrap() {
			found = append(found, hints(inner)...)
		}
	}
	return found
}

// SGR parameters of the colours in use.
const (
	red    = "31"
	green  = "32"
	yellow = "33"
	faint  = "2"
)

func paint(on bool, color, s string) string {
	if !on {
		return s
	}
	return "\x1b[" + color + "m" + s + "\x1b[0m"
}

// clean makes text of others safe to show: control characters and those that
// reorder a line (Unicode TR 9) become U+FFFD; line ends and tabs stay.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n', r == '\t':
			return r
		case unicode.IsControl(r), r >= 0x202a && r <= 0x202e, r >= 0x2066 && r <= 0x2069:
			return unicode.ReplacementChar
		}
		return r
	}, strings.ReplaceAll(s, "\r\n", "\n"))
}

// line is clean for text that must stay on one line.
func line(s string) string { return strings.Join(strings.Fields(clean(s)), " ") }

// cut shortens s to n characters.
func cut(s string, n int) string {
	r := []rune(s)
	if len(r) <= n {
		return s
	}
	return string(r[:max(n-1, 0)]) + "…"
}
