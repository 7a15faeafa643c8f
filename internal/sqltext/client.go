package sqltext

import (
	"bytes"
	"strings"
)

// client looks at the beginning of a statement for what client programs read
// themselves: it obeys MySQL's DELIMITER, and refuses the dot commands of the
// sqlite3 shell and SOURCE of MySQL's.
func (s *splitter) client() *Error {
	for {
		if s.skip() != nil {
			return nil // the lexer comes upon it again and says so
		}
		switch {
		case s.dialect == MySQL && s.keyword("DELIMITER"):
			start := s.pos + len("DELIMITER")
			s.pos = lineEnd(s.text, s.pos, MySQL)
			s.delimiter = bytes.TrimSpace(s.text[start:s.pos])
			if string(s.delimiter) == ";" || len(s.delimiter) == 0 {
				s.delimiter = nil
			}
			continue
		case s.dialect == MySQL && s.keyword("SOURCE"):
			return s.command(s.pos)
		case s.dialect == SQLite && s.dot():
			return s.command(s.pos)
		}
		return nil
	}
}

// keyword reports whether the word at hand is the upper-case keyword, with
// white space behind it.
func (s *splitter) keyword(keyword string) bool {
	behind := s.pos + len(keyword)
	return behind < len(s.text) && classOf[s.text[behind]] == space && fold(s.text[s.pos:behind], keyword)
}

// dot reports whether a line begins at hand with a dot and a word.
func (s *splitter) dot() bool {
	i := s.pos
	return i+1 < len(s.text) && s.text[i] == '.' && classOf[s.text[i+1]] == letter && (i == 0 || s.text[i-1] == '\n')
}

// command returns the refusal of the client's command at start and moves
// behind its line.
func (s *splitter) command(start int) *Error {
	s.pos = lineEnd(s.text, start, MySQL)
	words := strings.Fields(string(s.text[start:min(s.pos, start+80)]))
	name := words[0]
	program := map[Dialect]string{Postgres: "psql", MySQL: "mysql", SQLite: "the sqlite3 shell"}[s.dialect]
	err := &Error{Problem: ClientCommand, Offset: start}
	err.Message = name + " is a command of " + program + ", which a database server does not know: " + instead(name)
	return err
}

// instead says what to do about a client's command.
func instead(name string) string {
	switch strings.ToLower(strings.TrimLeft(name, `\.`)) {
	case "c", "connect", "u", "use", "open":
		return "a file changes the database that it is rolled out to; put what is for another one into a release for that one"
	case "i", "ir", "include", "include_relative", "source", "read", "", ".":
		return "put the SQL of that file here, or make it a migration of its own"
	case "copy", "import":
		return "write the rows as INSERT statements"
	case "set", "gset", "if", "elif", "else", "endif":
		return "write the values out; nothing replaces variables here"
	}
	return "take the line out"
}
