package sqlite

import (
	"context"
	"errors"
	"math/rand/v2"
	"regexp"
	"strings"
	"time"

	"modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"

	"slipway"
	"slipway/internal/engine"
	"slipway/internal/sqltext"
)

// driverFrame is what the driver puts around the library's message: a general
// phrase before it, the code behind it.
var driverFrame = regexp.MustCompile(`(?s)^(?:SQL logic error|constraint failed|authorization denied|not authorized|datatype mismatch): (.*)$`)

var driverCode = regexp.MustCompile(` \(\d+\)( \(SQLITE_BUSY\))?$`)

// words is what may be shown of an error: the library's own message.
func words(err error) string {
	if e, ok := errors.AsType[*slipway.Error](err); ok {
		return e.Message
	}
	e, ok := errors.AsType[*sqlite.Error](err)
	if !ok {
		if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
			return "canceled"
		}
		return "the statement could not be run: " + err.Error()
	}
	text := driverCode.ReplaceAllString(e.Error(), "")
	if m := driverFrame.FindStringSubmatch(text); m != nil {
		text = m[1]
	}
	return text
}

// code is the library's name of an error, "SQLITE_CONSTRAINT".
func code(err error) string {
	e, ok := errors.AsType[*sqlite.Error](err)
	if !ok {
		return ""
	}
	for _, c := range []int{e.Code(), e.Code() & 0xff} {
		text := sqlite.ErrorCodeString[c]
		if i := strings.LastIndex(text, "(SQLITE_"); i >= 0 {
			return strings.TrimSuffix(text[i+1:], ")")
		}
	}
	return "SQLITE_ERROR"
}

func primary(err error) int {
	e, ok := errors.AsType[*sqlite.Error](err)
	if !ok {
		return 0
	}
	return e.Code() & 0xff
}

func constraint(err error) bool { return primary(err) == lib.SQLITE_CONSTRAINT }

func busy(err error) bool {
	p := primary(err)
	return p == lib.SQLITE_BUSY || p == lib.SQLITE_LOCKED
}

// classify makes a driver's error one of ours; the caller has said in err what
// was being done.
func classify(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if _, ours := errors.AsType[*slipway.Error](err); ours {
		return err
	}
	if errors.Is(context.Cause(ctx), errEnded) {
		return slipway.Errorf(slipway.Unavailable, "the session was ended by another").Because(err)
	}
	if ctx.Err() != nil || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return slipway.Errorf(slipway.Canceled, "the work in the database was given up").Because(err)
	}
	kind := slipway.Precondition
	switch primary(err) {
	case lib.SQLITE_BUSY, lib.SQLITE_LOCKED, lib.SQLITE_CANTOPEN, lib.SQLITE_IOERR:
		kind = slipway.Unavailable
	case lib.SQLITE_FULL, lib.SQLITE_NOMEM:
		kind = slipway.Exhausted
	}
	return slipway.Errorf(kind, "the database says: %s", words(err)).Because(err)
}

// fileError is an error that no statement of the file is to blame for.
func (a *application) fileError(ctx context.Context, err error) *engine.StatementError {
	if ready, ok := errors.AsType[*engine.StatementError](err); ok {
		return ready
	}
	ours, _ := errors.AsType[*slipway.Error](classify(ctx, err))
	e := a.script.FailFile(engine.Failed, code(err), ours)
	if e.Failure.Code != "" {
		e.Failure.Message = words(err)
	}
	return e
}

func (a *application) statementError(ctx context.Context, st sqltext.Statement, err error) error {
	ours, _ := errors.AsType[*slipway.Error](classify(ctx, err))
	f := slipway.Failure{Message: words(err), Code: code(err)}
	if ctx.Err() != nil {
		f = slipway.Failure{Message: "canceled while the statement ran; it was rolled back", Code: "SQLITE_INTERRUPT"}
	}
	return a.script.Fail(st, place(st.Text, f.Message), f, ours)
}

// named finds the word that a message is about.
var named = regexp.MustCompile(`^(?:near "(.+)": syntax error|unrecognized token: "(.+)"|no such (?:table|column|index|view|trigger|function|collation sequence|module): (\S+)|table (\S+) already exists|(?:table|view|index) (\S+) already exists|duplicate column name: (\S+))`)

// place is where in a statement an error lies, in bytes, -1 if its message does
// not tell. A syntax error is asked for again, for the library knows the place
// and the driver does not pass it on; of other messages the word they name is
// looked for.
func place(text, message string) int {
	if at := syntaxOffset(text); at >= 0 {
		return at
	}
	m := named.FindStringSubmatch(message)
	if m == nil {
		return -1
	}
	word := strings.Join(m[1:], "")
	word = word[strings.LastIndexByte(word, '.')+1:]
	for t := range sqltext.Tokens(sqltext.SQLite, []byte(text)) {
		if strings.EqualFold(strings.Trim(text[t.Start:t.End], "\"`[]"), word) {
			return t.Start
		}
	}
	return -1
}

// retries counts how often a file lost against other writers.
type retries struct {
	count int
	until time.Time
}

// maxRetries bounds the tries of one file, for the log to say how many are left.
const maxRetries = 20

// again waits and reports whether the file that another writer kept out is
// worth another try.
func (a *application) again(ctx context.Context, err error) bool {
	e, ok := errors.AsType[*engine.StatementError](err)
	if !ok || e.Class != engine.Failed || a.retries.count >= maxRetries || time.Now().After(a.retries.until) ||
		!busy(e.Err) {
		return false
	}
	a.retries.count++
	a.tell(slipway.LogEntry{Retry: &slipway.RetryLog{Error: e.Failure.Message, Count: a.retries.count, Maximum: maxRetries}})
	base := min(50*time.Millisecond<<min(a.retries.count, 6), 2*time.Second)
	return pause(ctx, base/2+rand.N(base/2)) == nil
}
