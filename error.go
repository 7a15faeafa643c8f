package slipway

import (
	"errors"
	"fmt"
	"time"
)

// A Kind classifies a failure by what the caller can do about it. Faces turn
// it into a status in exactly one table each.
type Kind int

// The kinds. The zero Kind is Internal, so that an unclassified failure tells
// a stranger nothing.
const (
	Internal        Kind = iota
	Invalid              // the request is wrong and stays wrong: mend it
	Unauthenticated      // who is asking is not known: sign in
	Denied               // who is asking is known and may not
	NotFound             // there is no such thing, or none that the caller may see
	Exists               // the name is taken
	Conflict             // somebody else was faster: read again and retry
	Precondition         // right request, wrong moment: something else must happen first
	Exhausted            // too many or too much: wait and retry
	Unavailable          // a part that is needed is away: retry
	Unimplemented        // declared, not built
	Canceled             // the caller gave up
	Timeout              // the time allowed ran out
)

// Kinds lists every Kind, for tests that walk the tables of the faces.
var Kinds = []Kind{
	Internal, Invalid, Unauthenticated, Denied, NotFound, Exists, Conflict,
	Precondition, Exhausted, Unavailable, Unimplemented, Canceled, Timeout,
}

// An Error is a failure whose Message is safe to show to whoever asked.
// Cause is for the log: no face ever renders it.
type Error struct {
	Kind    Kind
	Message string
	Cause   error
	Denial  *Denial // set when Kind is Denied by a missing permission
	// RetryAfter is how long to wait before the next try, where that is known;
	// set with Exhausted and Unavailable.
	RetryAfter time.Duration

	told bool // Message has Cause's text in it
}

// A Denial names what a refused caller lacked.
type Denial struct {
	Permission string // "bb.releases.check"
	Resource   string // "projects/shop"
	Caller     string // "workloadIdentity:gitlab-deploy@workload.bytebase.com"
}

// Error returns the message and, for the log, the cause if the message does not
// have it already.
func (e *Error) Error() string {
	if e.Cause != nil && !e.told {
		return e.Message + ": " + e.Cause.Error()
	}
	return e.Message
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Cause }

// Errorf returns an Error of kind k whose message is safe to show. An operand
// of %w becomes the cause's chain and is shown as well, so wrap only errors
// whose text may be shown; others belong in Because.
func Errorf(k Kind, format string, args ...any) *Error {
	err := fmt.Errorf(format, args...)
	cause := errors.Unwrap(err)
	return &Error{Kind: k, Message: err.Error(), Cause: cause, told: cause != nil}
}

// Because returns e with cause as what the log shall say of it.
func (e *Error) Because(cause error) *Error {
	c := *e
	c.Cause, c.told = cause, false
	return &c
}

// KindOf reports the Kind of the first *Error in err's tree, or Internal.
func KindOf(err error) Kind {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind
	}
	return Internal
}

// MessageOf returns what may be shown of err to whoever asked: the message of
// the first *Error in its tree, or a fixed sentence.
func MessageOf(err error) string {
	if e, ok := errors.AsType[*Error](err); ok && e.Kind != Internal {
		return e.Message
	}
	return "something went wrong inside the server; its log has the details"
}
