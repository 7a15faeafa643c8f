package sqltext

import (
	"bytes"
	"errors"
	"fmt"
	"iter"
	"unicode/utf8"
)

// Split yields the statements of text in order. Text shall have been through
// Prepare; a NUL or a byte that is not UTF-8 is an error here as well. Every
// error is an *Error. After a ClientCommand the iteration goes on behind the
// command's line; after any other error it ends.
//
// Not followed are settings that only the server can know: MySQL's sql_mode,
// and standard_conforming_strings other than by SET and RESET in text.
func Split(d Dialect, text []byte) iter.Seq2[Statement, error] {
	return func(yield func(Statement, error) bool) {
		s := splitter{lexer: lexer{dialect: d, text: text}, place: place{text: text, line: 1, column: 1}}
		for {
			st, ok, err := s.next()
			if ok && !yield(st, nil) {
				return
			}
			if err != nil && (!yield(Statement{}, err) || err.Problem != ClientCommand) {
				return
			}
			if !ok && err == nil {
				return
			}
		}
	}
}

// A splitter cuts one text. Checked is the offset up to which the encoding is
// known to be good.
type splitter struct {
	lexer
	place   place
	checked int
}

// next returns the next statement, an error, or a statement and the error
// behind it; neither is the end.
func (s *splitter) next() (Statement, bool, *Error) {
	start, end, depth := -1, 0, 0
	var body body
	for {
		if start < 0 {
			if err := s.client(); err != nil {
				return Statement{}, false, s.refuse(err)
			}
		}
		t, err := s.lexer.next()
		if err != nil {
			e, ok := errors.AsType[*Error](err)
			if !ok { // unreachable unless the lexer makes errors of another type
				e = &Error{Message: err.Error()}
			}
			return Statement{}, false, s.locate(e)
		}
		if t.Kind == 0 || depth <= 0 && !body.open && s.ends(t) {
			if start >= 0 || t.Kind == 0 {
				return s.finish(start, end)
			}
			continue
		}
		if t.Kind == Symbol {
			switch c := s.text[t.Start]; {
			case c == '\\' && s.dialect != SQLite:
				cmd := s.command(t.Start)
				if start < 0 {
					return Statement{}, false, s.refuse(cmd)
				}
				st, ok, err := s.finish(start, end)
				if err == nil {
					err = s.locate(cmd)
				}
				return st, ok, err
			case s.dialect != Postgres:
			case c == '(':
				depth++
			case c == ')':
				depth = max(depth-1, 0)
			}
		}
		if start < 0 {
			start = t.Start
		}
		end = t.End
		body.see(s.dialect, s.text[t.Start:t.End], t.Kind)
	}
}

// ends reports whether t is the delimiter.
func (s *splitter) ends(t Token) bool {
	if s.delimiter != nil {
		return t.Kind == Symbol && bytes.Equal(s.text[t.Start:t.End], s.delimiter)
	}
	return t.Kind == Symbol && s.text[t.Start] == ';' && !s.conditional
}

// finish makes the statement of the bytes from start to end; the lexer stands
// behind its delimiter. A negative start is none.
func (s *splitter) finish(start, end int) (Statement, bool, *Error) {
	if err := s.encoding(s.pos); err != nil {
		return Statement{}, false, err
	}
	if start < 0 {
		return Statement{}, false, nil
	}
	st := Statement{Text: string(s.text[start:end]), Start: start, End: end, Escapes: s.escapes}
	st.Line, st.Column = s.place.of(start)
	c := classify(s.dialect, s.text[start:end])
	st.Kind, st.Control, st.NonTransactional, st.CopyStdin = c.kind, c.control, c.alone, c.copyStdin
	if c.copyStdin {
		s.skipRows()
	}
	if s.dialect == Postgres {
		s.escapes = escapesAfter(c.kind, s.text[start:end], s.escapes)
	}
	return st, true, nil
}

// encoding checks the bytes up to end, each once.
func (s *splitter) encoding(end int) *Error {
	if err := badBytes(s.text[s.checked:end], s.checked); err != nil {
		return s.locate(err)
	}
	s.checked = end
	return nil
}

// refuse returns the refusal of a client's command, or of a byte before it:
// places are found forward alone, and the iteration goes on behind a command.
func (s *splitter) refuse(cmd *Error) *Error {
	if err := s.encoding(cmd.Offset); err != nil {
		return err
	}
	return s.locate(cmd)
}

// skipRows moves over the rows of COPY FROM STDIN: from the next line to a
// line \. or to the end.
func (s *splitter) skipRows() {
	for {
		n := bytes.IndexByte(s.text[s.pos:], '\n')
		if n < 0 {
			s.pos = len(s.text)
			return
		}
		s.pos += n + 1
		line := s.text[s.pos:]
		if n := bytes.IndexByte(line, '\n'); n >= 0 {
			line = line[:n]
		}
		if string(bytes.TrimSuffix(line, []byte("\r"))) == `\.` {
			s.pos += len(line)
			return
		}
	}
}

// locate adds line and column to err, at or behind the last statement.
func (s *splitter) locate(err *Error) *Error {
	err.Line, err.Column = s.place.of(err.Offset)
	return err
}

// A place counts lines and characters forward through a text, so that a file
// in one line costs no more than one in many.
type place struct {
	text         []byte
	offset       int
	line, column int
}

// of returns the line and column of offset, which must not lie before the one
// asked for last.
func (p *place) of(offset int) (line, column int) {
	between := p.text[p.offset:offset]
	if n := bytes.Count(between, []byte{'\n'}); n > 0 {
		p.line += n
		p.column = 1
		between = between[bytes.LastIndexByte(between, '\n')+1:]
	}
	p.column += utf8.RuneCount(between)
	p.offset = offset
	return p.line, p.column
}

func unterminated(offset int, format string, args ...any) *Error {
	return &Error{Problem: Unterminated, Offset: offset, Message: fmt.Sprintf(format, args...)}
}
