package sqltext

import (
	"bytes"
	"strings"
)

// A class is what classify finds out about a statement.
type class struct {
	kind      Kind
	control   Control
	alone     bool // NonTransactional
	copyStdin bool
}

// classify reads the head of a statement, and more of it only where the head
// does not decide.
func classify(d Dialect, text []byte) class {
	r := words{lexer: lexer{dialect: d, text: text}}
	first := r.first()
	c := class{kind: Kind(first)}
	switch first {
	case "CREATE", "ALTER", "DROP":
		c.kind = r.object(first)
	case "WITH":
		c.kind = r.main()
	default:
		c.control = r.control(first)
	}
	switch d {
	case Postgres:
		c.alone = r.alonePostgres(c.kind)
		c.copyStdin = c.kind == "COPY" && r.fromStdin()
	case MySQL:
		c.alone = r.aloneMySQL(c.kind)
	case SQLite:
		c.alone = r.aloneSQLite(c.kind)
	}
	return c
}

// keywords are the words that statements begin with, so that reading one makes
// no garbage.
var keywords = func() map[string]string {
	m := map[string]string{}
	for w := range strings.FieldsSeq(`ABORT ALTER ANALYZE ATTACH BEGIN CALL CLUSTER COMMENT COMMIT COPY CREATE
		DELETE DETACH DISCARD DO DROP END EXPLAIN GRANT INDEX INSERT INTO LOCK MERGE OR PRAGMA PREPARE REFRESH
		REINDEX RELEASE REPLACE RESET REVOKE ROLLBACK SAVEPOINT SELECT SET START TABLE TEMPORARY TRANSACTION
		TRUNCATE UNIQUE UPDATE USE VACUUM VALUES VIEW WITH FUNCTION PROCEDURE TRIGGER SCHEMA TYPE SEQUENCE`) {
		m[w] = w
	}
	return m
}()

// words reads a statement word by word.
type words struct{ lexer }

// next returns the next token: words in upper case, symbols as they are, and
// one character for a constant or quoted identifier, which may be large. "" is
// the end.
func (r *words) next() string {
	t, err := r.lexer.next()
	if err != nil {
		return ""
	}
	w := r.text[t.Start:t.End]
	switch t.Kind {
	case 0:
		return ""
	case Symbol:
		return string(w[:1])
	case Quoted:
		return `"`
	case String:
		return "'"
	case Number, Parameter:
		return "0"
	}
	var buf [16]byte
	if len(w) <= len(buf) {
		for i, b := range w {
			if 'a' <= b && b <= 'z' {
				b -= 'a' - 'A'
			}
			buf[i] = b
		}
		if k, ok := keywords[string(buf[:len(w)])]; ok {
			return k
		}
	}
	return strings.ToUpper(string(w))
}

// first returns the word that a statement begins with, be it behind opening
// parentheses or the mark of a conditional comment; "" for none.
func (r *words) first() string {
	for {
		w := r.next()
		if w != "(" && w != "/" {
			if w != "" && classOf[w[0]] != letter {
				return ""
			}
			return w
		}
	}
}

// modifiers stand between CREATE, ALTER or DROP and the kind of object.
var modifiers = map[string]bool{
	"OR": true, "REPLACE": true, "GLOBAL": true, "LOCAL": true, "TEMP": true, "TEMPORARY": true,
	"UNLOGGED": true, "UNIQUE": true, "RECURSIVE": true, "CONSTRAINT": true, "TRUSTED": true,
	"PROCEDURAL": true, "FULLTEXT": true, "SPATIAL": true, "AGGREGATE": true, "ONLINE": true, "OFFLINE": true,
}

// halves are the kinds of objects that take two words, by the first.
var halves = map[string]string{
	"MATERIALIZED": "VIEW", "FOREIGN": "TABLE DATA", "EVENT": "TRIGGER", "ACCESS": "METHOD",
	"VIRTUAL": "TABLE", "USER": "MAPPING", "TEXT": "SEARCH", "OPERATOR": "CLASS FAMILY",
	"DEFAULT": "PRIVILEGES", "LARGE": "OBJECT",
}

// object reads on behind CREATE, ALTER or DROP up to the kind of object.
func (r *words) object(verb string) Kind {
	w := r.next()
	for modifiers[w] {
		if w == "AGGREGATE" && r.dialect != MySQL {
			break
		}
		w = r.next()
	}
	if r.dialect == MySQL && (w == "DEFINER" || w == "ALGORITHM" || w == "SQL") {
		for w != "" && w != "VIEW" && w != "FUNCTION" && w != "PROCEDURE" && w != "TRIGGER" && w != "EVENT" {
			w = r.next()
		}
	}
	if w == "" || classOf[w[0]] != letter {
		return Kind(verb)
	}
	if second, ok := halves[w]; ok {
		at := r.pos
		if next := r.next(); next != "" && bytes.Contains([]byte(second), []byte(next)) {
			w += " " + next
		} else {
			r.pos = at
		}
	}
	switch w { // one string each for the common ones
	case "TABLE":
		return kindTable[verb]
	case "INDEX":
		return kindIndex[verb]
	}
	return Kind(verb + " " + w)
}

var (
	kindTable = map[string]Kind{"CREATE": "CREATE TABLE", "ALTER": "ALTER TABLE", "DROP": "DROP TABLE"}
	kindIndex = map[string]Kind{"CREATE": "CREATE INDEX", "ALTER": "ALTER INDEX", "DROP": "DROP INDEX"}
)

// main reads on behind WITH up to the statement that the expressions are for.
func (r *words) main() Kind {
	depth, before := 0, ""
	for {
		w := r.next()
		switch w {
		case "":
			return "WITH"
		case "(":
			depth++
		case ")":
			depth--
		case "SELECT", "INSERT", "UPDATE", "DELETE", "MERGE":
			if depth == 0 {
				return Kind(w)
			}
		case "VALUES", "REPLACE", "TABLE": // may name an expression as well
			if depth == 0 && before == ")" {
				return Kind(w)
			}
		}
		before = w
	}
}

// control says what a statement that begins with first does to the transaction.
func (r *words) control(first string) Control {
	at := r.pos
	defer func() { r.pos = at }()
	switch first {
	case "BEGIN":
		if r.dialect == MySQL && r.next() == "NOT" { // MariaDB's BEGIN NOT ATOMIC is a block
			return None
		}
		return Begin
	case "START":
		if r.next() == "TRANSACTION" {
			return Begin
		}
	case "COMMIT", "END":
		return Commit
	case "PREPARE":
		if r.dialect == Postgres && r.next() == "TRANSACTION" {
			return Commit
		}
	case "ABORT":
		if r.dialect == Postgres {
			return Rollback
		}
	case "ROLLBACK":
		w := r.next()
		if w == "WORK" || w == "TRANSACTION" {
			w = r.next()
		}
		if w == "TO" {
			return Savepoint
		}
		return Rollback
	case "SAVEPOINT", "RELEASE":
		return Savepoint
	case "XA":
		return map[string]Control{"START": Begin, "BEGIN": Begin, "END": Commit, "PREPARE": Commit, "COMMIT": Commit, "ROLLBACK": Rollback}[r.next()]
	}
	return None
}
