package sqltext

import "bytes"

// A body recognises the two statements that hold others with their semicolons:
// CREATE FUNCTION … BEGIN ATOMIC … END of PostgreSQL and CREATE TRIGGER …
// BEGIN … END of SQLite. Both end with an END right behind a semicolon (or
// behind ATOMIC), which no statement inside can begin with; an END of a CASE
// never stands there.
type body struct {
	open  bool // semicolons belong to the statement
	state bodyState
	semi  bool // an END here would close the body
}

type bodyState uint8

const (
	bodyStart  bodyState = iota // nothing yet
	bodyCreate                  // CREATE and words such as OR REPLACE
	bodyOwner                   // CREATE FUNCTION, CREATE TRIGGER: a body may come
	bodyBegin                   // PostgreSQL: BEGIN, and if ATOMIC follows it is a body
	bodyNever                   // another statement, or the body is closed
)

// see takes the next token of the statement.
func (b *body) see(d Dialect, token []byte, kind TokenKind) {
	switch {
	case b.state == bodyNever:
	case b.open:
		if b.semi && kind == Word && fold(token, "END") {
			b.open, b.state = false, bodyNever
		}
		b.semi = kind == Symbol && token[0] == ';'
	case d == MySQL || kind != Word && b.state < bodyOwner:
		b.state = bodyNever
	case kind != Word:
		if b.state == bodyBegin {
			b.state = bodyOwner
		}
	default:
		b.word(d, token)
	}
}

func (b *body) word(d Dialect, w []byte) {
	switch b.state {
	case bodyStart:
		b.state = bodyNever
		if fold(w, "CREATE") {
			b.state = bodyCreate
		} else if d == SQLite && fold(w, "EXPLAIN") {
			b.state = bodyStart
		}
	case bodyCreate:
		switch {
		case fold(w, "OR"), fold(w, "REPLACE"), fold(w, "TEMP"), fold(w, "TEMPORARY"):
		case d == SQLite && fold(w, "TRIGGER"):
			b.state = bodyOwner
		case d == Postgres && (fold(w, "FUNCTION") || fold(w, "PROCEDURE")):
			b.state = bodyOwner
		default:
			b.state = bodyNever
		}
	case bodyOwner:
		if fold(w, "BEGIN") {
			b.state = bodyBegin
			b.open = d == SQLite
		}
	case bodyBegin:
		b.state = bodyOwner
		if fold(w, "ATOMIC") {
			b.open, b.semi = true, true
		}
	}
}

// fold reports whether w is the upper-case ASCII keyword, in any case.
func fold(w []byte, keyword string) bool {
	return len(w) == len(keyword) && bytes.EqualFold(w, []byte(keyword))
}
