package engine

import (
	"fmt"
	"strings"
	"time"

	"slipway"
)

// A Busy says that another session holds a database's lock, and which.
type Busy struct {
	Database    string
	Process     string // its process id on the server, or on the machine of the folder
	User        string
	Application string // what the session calls itself; a task run's name for one of ours
	Since       time.Time
}

// Error names the holder.
func (b *Busy) Error() string {
	var who []string
	for _, part := range [][2]string{{"process", b.Process}, {"user", b.User}, {"application", b.Application}} {
		if part[1] != "" {
			who = append(who, part[0]+" "+part[1])
		}
	}
	if !b.Since.IsZero() {
		who = append(who, "since "+b.Since.UTC().Format(time.RFC3339))
	}
	if len(who) == 0 {
		who = append(who, "a session that is not visible from here")
	}
	return fmt.Sprintf("database %q is locked by another change: %s", b.Database, strings.Join(who, ", "))
}

// Unwrap makes it an Unavailable: waiting helps.
func (b *Busy) Unwrap() error { return slipway.Errorf(slipway.Unavailable, "%s", b.Error()) }

// A Class says what is known about a file whose run ended in an error.
type Class int

// The classes.
const (
	// Failed: nothing of the current transaction stayed. A later try may succeed.
	Failed Class = iota
	// Attention: the database is in a state that only a person can judge, so
	// that trying again would guess.
	Attention
	// InDoubt: the connection was lost and the server could not be asked what
	// became of the file. The next session finds out before it runs anything.
	InDoubt
)

// String returns the class in words.
func (c Class) String() string {
	return [...]string{"failed", "needs a person's attention", "in doubt"}[c]
}

// A StatementError is a file that did not run to its end.
type StatementError struct {
	Failure slipway.Failure
	Err     error // has a *slipway.Error in its tree
	Class   Class
}

// Error returns the database's message with its place in the file.
func (e *StatementError) Error() string {
	f := e.Failure
	where := f.Path
	if f.Line > 0 {
		where = fmt.Sprintf("%s:%d", where, f.Line)
		if f.Column > 0 {
			where = fmt.Sprintf("%s:%d", where, f.Column)
		}
	}
	return where + ": " + f.Message
}

// Unwrap returns Err.
func (e *StatementError) Unwrap() error { return e.Err }
