// Package sqltext cuts SQL files into statements and says what each one is,
// for three dialects. It imports the standard library alone and parses no
// further than cutting needs: what a statement means is the server's business.
//
// Split walks the text once and holds one statement at a time, so that a file
// of 100 MB costs its own bytes and no more. A statement runs from its first
// token to its last; white space, comments and the delimiter stand between
// statements and belong to none.
//
// The invariant that everyone above relies on: the server, given the whole
// file, would see the same statements. Where a client program reads the file
// differently from the server (psql's backslash commands, COPY data, MySQL's
// DELIMITER), Split does as the client does or refuses with the line.
package sqltext

import "fmt"

// A Dialect is a family of servers that cut text in the same way.
type Dialect int

// The dialects. MySQL is MariaDB as well.
const (
	Postgres Dialect = iota + 1
	MySQL
	SQLite
)

// A Statement is one statement of a text.
type Statement struct {
	Text   string // without comments around it and without its delimiter
	Start  int    // byte offset of its first token
	End    int    // byte offset behind its last token
	Line   int    // 1-based, of the first token
	Column int    // 1-based, in characters
	Kind   Kind

	// NonTransactional says that the server refuses or ignores the statement
	// inside a transaction, or ends the transaction by itself (MySQL's DDL).
	NonTransactional bool
	Control          Control

	// CopyStdin marks COPY … FROM STDIN, whose rows follow it in the file up
	// to a line \. and are skipped.
	CopyStdin bool

	// Escapes says that the file turned standard_conforming_strings off before
	// this statement, so that backslashes escape in plain strings as well.
	Escapes bool
}

// A Kind is what a statement does, spelled by its leading keywords in upper
// case: "INSERT", and with the kind of object "CREATE TABLE", "ALTER TYPE",
// "DROP MATERIALIZED VIEW". Words between the two, such as OR REPLACE, UNIQUE
// or TEMPORARY, are left out. A statement WITH … has the kind of its main part.
// "" is a statement that begins with no word.
type Kind string

// A Control says what a statement does to the transaction around it.
type Control string

// The controls. None is every statement that leaves the transaction alone.
const (
	None      Control = ""
	Begin     Control = "BEGIN"     // also START TRANSACTION
	Commit    Control = "COMMIT"    // also END, PREPARE TRANSACTION, COMMIT PREPARED
	Rollback  Control = "ROLLBACK"  // also ABORT, ROLLBACK PREPARED
	Savepoint Control = "SAVEPOINT" // also RELEASE and ROLLBACK TO
)

// A Problem is a class of reasons why a text cannot be run.
type Problem int

// The problems.
const (
	Unterminated  Problem = iota + 1 // a quote or comment is never closed
	ClientCommand                    // a command of psql, mysql or the sqlite3 shell, which no server knows
	Encoding                         // NUL, UTF-16, bytes that are not UTF-8
)

// An Error is a problem of a text, with its place. Message says what is wrong
// and what to do, without the place.
type Error struct {
	Problem Problem
	Offset  int // in bytes
	Line    int // 1-based
	Column  int // 1-based, in characters
	Message string
}

// Error returns the line and the message.
func (e *Error) Error() string { return fmt.Sprintf("line %d: %s", e.Line, e.Message) }
