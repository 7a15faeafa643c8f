package engine

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"iter"

	"slipway"
	"slipway/internal/sqltext"
)

// MaxSegments bounds what the journal holds for one file.
const MaxSegments = 10_000

// maxExcerpt is what logs and failures keep of a statement, in bytes.
const maxExcerpt = 4 << 10

// A Script is a file cut for execution: runs of statements that share a
// transaction, with statements that cannot be in one standing alone between
// them, in the order of the file.
type Script struct {
	Segments []Segment

	rev     slipway.Revision
	dialect sqltext.Dialect
	text    []byte
	skipped int                 // bytes of the raw file before text: a byte order mark
	kept    []sqltext.Statement // of a script that needs a journal; else nil, so that a big file is never held twice
}

// A Segment is one step of a Script.
type Segment struct {
	Index      int
	Alone      bool // one statement, run outside transactions
	Start, End int  // bytes of the script's text
	Statements int
	Digest     string // hex SHA-256 of the text without comments and spacing: tells on resumption that it is the same
}

// A Reading is what an engine adds to the reading of a file.
type Reading struct {
	Alone  func(sqltext.Statement) bool   // it runs outside transactions
	Refuse func(sqltext.Statement) string // why it is not run at all; "" if it is
}

// Cut reads a whole file before any of it runs, so that one that cannot run to
// its end does not begin: it refuses what no server takes from a connection
// (client commands, COPY FROM STDIN), statements that would end the transaction
// around them, and bytes that are not text. Its error is a *StatementError.
func Cut(d sqltext.Dialect, rev slipway.Revision, raw []byte, how Reading) (*Script, error) {
	s := &Script{rev: rev, dialect: d}
	text, err := sqltext.Prepare(raw)
	if err != nil {
		return nil, s.textError(err)
	}
	s.text, s.skipped = text, len(raw)-len(text)
	for st, err := range sqltext.Split(d, text) {
		if err != nil {
			return nil, s.textError(err)
		}
		why := refusal(st)
		if why == "" {
			why = how.Refuse(st)
		}
		if why != "" {
			return nil, s.Fail(st, -1, slipway.Failure{Message: why}, slipway.Errorf(slipway.Invalid, "%s", why))
		}
		s.add(st, how.Alone(st))
		if len(s.Segments) > MaxSegments {
			why := "the file has too many statements that run outside a transaction: split it"
			return nil, s.Fail(st, -1, slipway.Failure{Message: why}, slipway.Errorf(slipway.Invalid, "%s", why))
		}
	}
	if len(s.Segments) > 1 || len(s.Segments) == 1 && s.Segments[0].Alone {
		s.keep()
	}
	return s, nil
}

func refusal(st sqltext.Statement) string {
	switch {
	case st.Control != sqltext.None && st.Control != sqltext.Savepoint:
		return string(st.Control) + " in a migration file: Slipway begins and ends the transaction itself, so that the file and its revision commit together; remove it"
	case st.CopyStdin:
		return "COPY FROM STDIN needs a client that sends the rows: use INSERT"
	}
	return ""
}

func (s *Script) add(st sqltext.Statement, alone bool) {
	n := len(s.Segments)
	if n > 0 && !alone && !s.Segments[n-1].Alone {
		s.Segments[n-1].End = st.End
		s.Segments[n-1].Statements++
		return
	}
	s.Segments = append(s.Segments, Segment{Index: n, Alone: alone, Start: st.Start, End: st.End, Statements: 1})
}

// keep holds the statements of a script that needs a journal, whose text would
// otherwise be cut anew for each segment, and names the segments by content.
func (s *Script) keep() {
	for st, err := range sqltext.Split(s.dialect, s.text) {
		if err != nil {
			return // unreachable unless Split answers differently the second time
		}
		s.kept = append(s.kept, st)
	}
	for i := range s.Segments {
		seg := &s.Segments[i]
		sum := sha256.Sum256(sqltext.Normalize(s.dialect, s.text[seg.Start:seg.End]))
		seg.Digest = hex.EncodeToString(sum[:])
	}
}

// Statements yields the statements of a segment.
func (s *Script) Statements(seg Segment) iter.Seq[sqltext.Statement] {
	return func(yield func(sqltext.Statement) bool) {
		for _, st := range s.kept {
			if st.Start >= seg.Start && st.End <= seg.End && !yield(st) {
				return
			}
		}
		if s.kept != nil {
			return
		}
		for st, err := range sqltext.Split(s.dialect, s.text) {
			if err != nil || !yield(st) {
				return
			}
		}
	}
}

// Log is the log entry of a statement, or of several that were sent as one;
// last is first when it was one. Message is the server's error, "" for none.
func (s *Script) Log(first, last sqltext.Statement, message string) *slipway.StatementLog {
	return &slipway.StatementLog{
		Start: first.Start + s.skipped, End: last.End + s.skipped,
		Text: Excerpt(s.dialect, first), Error: sqltext.MaskIn(s.dialect, last, message),
	}
}

// Begins is how a segment begins, for the journal.
func (s *Script) Begins(seg Segment) string {
	for st := range s.Statements(seg) {
		return Excerpt(s.dialect, st)
	}
	return ""
}

// Fail is the error of a statement: f completed by its place. Offset is that of
// the error in bytes of the statement's text, -1 when the server did not say.
// What f and err say of the statement is shown without its constants.
func (s *Script) Fail(st sqltext.Statement, offset int, f slipway.Failure, err error) *StatementError {
	f.Path, f.Version = s.rev.Path, s.rev.Version
	f.Statement = Excerpt(s.dialect, st)
	f.Message = sqltext.MaskIn(s.dialect, st, f.Message)
	if ours, ok := errors.AsType[*slipway.Error](err); ok {
		err = slipway.Errorf(ours.Kind, "%s", sqltext.MaskIn(s.dialect, st, ours.Message)).Because(ours.Cause)
	}
	f.Line, f.Column = st.Line, st.Column
	if offset >= 0 && st.Start+offset <= len(s.text) {
		f.Line, f.Column = sqltext.Position(s.text, st.Start+offset)
	}
	return &StatementError{Failure: f, Err: err, Class: Failed}
}

// FailFile is an error of the file as a whole: of its commit, of its ledger row.
func (s *Script) FailFile(class Class, code string, err *slipway.Error) *StatementError {
	return &StatementError{
		Failure: slipway.Failure{Path: s.rev.Path, Version: s.rev.Version, Message: err.Message, Code: code},
		Err:     err, Class: class,
	}
}

func (s *Script) textError(err error) *StatementError {
	e := s.FailFile(Failed, "", slipway.Errorf(slipway.Invalid, "%s", err.Error()))
	if at, ok := errors.AsType[*sqltext.Error](err); ok {
		e.Failure.Line, e.Failure.Column, e.Failure.Message = at.Line, at.Column, at.Message
	}
	return e
}

// Excerpt is what logs and failures keep of a statement: its text without its
// constants, cut between characters.
func Excerpt(d sqltext.Dialect, st sqltext.Statement) string {
	return sqltext.Mask(d, st, maxExcerpt)
}
