package postgres

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"slipway"
	"slipway/internal/engine"
	"slipway/internal/sqltext"
)

// SQLSTATEs that are treated each in its way.
const (
	lockNotAvailable     = "55P03"
	queryCanceled        = "57014"
	diskFull             = "53100"
	deadlockDetected     = "40P01"
	serializationFailure = "40001"
)

// words is what may be shown of a server's error: its message and hint. The
// detail is left out, for it quotes rows.
func words(err error) string {
	pg, ok := errors.AsType[*pgconn.PgError](err)
	if !ok {
		if e, ok := errors.AsType[*slipway.Error](err); ok {
			return e.Message
		}
		if errors.Is(err, errNotCommitted) {
			return errNotCommitted.Error()
		}
		return "the connection to the server was lost"
	}
	if pg.Hint != "" {
		return pg.Message + " (hint: " + pg.Hint + ")"
	}
	return pg.Message
}

// fatal reports whether the server ended the session with the error.
func fatal(err error) bool {
	pg, ok := errors.AsType[*pgconn.PgError](err)
	return ok && slices.Contains([]string{"FATAL", "PANIC"}, cmpOr(pg.SeverityUnlocalized, pg.Severity))
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
	if ctx.Err() != nil {
		return slipway.Errorf(slipway.Canceled, "the work in the database was given up").Because(err)
	}
	pg, ok := errors.AsType[*pgconn.PgError](err)
	if !ok || fatal(err) {
		return slipway.Errorf(slipway.Unavailable, "%s", words(err)).Because(err)
	}
	return slipway.Errorf(kindOf(pg.Code), "the database says: %s (%s)", words(err), pg.Code).Because(err)
}

func kindOf(code string) slipway.Kind {
	switch code {
	case lockNotAvailable, deadlockDetected, serializationFailure:
		return slipway.Unavailable
	case queryCanceled:
		return slipway.Timeout
	}
	if strings.HasPrefix(code, "53") { // insufficient resources
		return slipway.Exhausted
	}
	return slipway.Precondition
}

// fileError is an error that no statement of the file is to blame for.
func (a *application) fileError(ctx context.Context, err error) *engine.StatementError {
	if ready, ok := errors.AsType[*engine.StatementError](err); ok {
		return ready
	}
	code := ""
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok {
		code = pg.Code
	}
	ours, _ := errors.AsType[*slipway.Error](classify(ctx, err))
	e := a.script.FailFile(engine.Failed, code, ours)
	if code != "" {
		e.Failure.Message = words(err)
	}
	return e
}

// statementError is a statement's own error, with what a person wants to know
// beside the server's message.
func (a *application) statementError(ctx context.Context, st sqltext.Statement, offset int, err error, blockers string) *engine.StatementError {
	f := slipway.Failure{Message: words(err)}
	pg, answered := errors.AsType[*pgconn.PgError](err)
	if answered {
		f.Code = pg.Code
	}
	switch {
	case ctx.Err() != nil:
		f.Message = "canceled while the statement ran; it was rolled back"
	case !answered:
		f.Message = "the connection was lost while the statement ran, before the file's commit: nothing of its transaction stays"
	case f.Code == queryCanceled:
		f.Message = fmt.Sprintf("%s after %s: look at its plan with EXPLAIN, or give it longer with SET statement_timeout", f.Message, a.e.cfg.Now().Sub(a.began).Round(time.Millisecond))
	case f.Code == diskFull:
		if space := a.fullTablespace(ctx, f.Message); space != "" {
			f.Message += "; tablespace " + space + " is full"
		}
	case f.Code == lockNotAvailable && blockers != "":
		f.Message += "; it waited for " + blockers
	}
	ours, _ := errors.AsType[*slipway.Error](classify(ctx, err))
	if ours.Kind != slipway.Canceled {
		ours = slipway.Errorf(ours.Kind, "%s", f.Message).Because(err)
	}
	return a.script.Fail(st, offset, f, ours)
}

// retries counts how often a file lost against other transactions.
type retries struct {
	count int
	until time.Time
}

// maxRetries bounds the tries of one file, for the log to say how many are left.
const maxRetries = 20

// again waits and reports whether the transaction that err ended is worth
// another try: the server undid it for the sake of others, with one of the
// codes, and there is budget.
func (a *application) again(ctx context.Context, err error, codes ...string) bool {
	e, ok := errors.AsType[*engine.StatementError](err)
	if !ok || a.conn.IsClosed() || e.Class != engine.Failed || a.retries.count >= maxRetries || time.Now().After(a.retries.until) ||
		!slices.Contains(codes, e.Failure.Code) {
		return false
	}
	a.retries.count++
	a.tell(slipway.LogEntry{Retry: &slipway.RetryLog{Error: e.Failure.Message, Count: a.retries.count, Maximum: maxRetries}})
	// Half of it is jitter, so that two that collided do not meet again.
	base := min(100*time.Millisecond<<min(a.retries.count, 8), 10*time.Second)
	return pause(ctx, base/2+rand.N(base/2)) == nil
}
