package review

import (
	"strings"

	"slipway/internal/sqltext"
)

// A sqliteStatement is a statement as words and parentheses. SQLite's grammar
// is small enough for its statements to be told apart so; expressions are
// passed over.
type sqliteStatement struct {
	sqltext.Statement
	tokens []token
	*check
}

// A token is a token with its depth in parentheses.
type token struct {
	text   string
	upper  string // of a word without quotes; "" for all else
	name   string // of a word or quoted identifier, without quotes; "" for all else
	offset int
	depth  int
}

func newSQLiteStatement(st sqltext.Statement, c *check) *sqliteStatement {
	s := &sqliteStatement{Statement: st, check: c}
	depth := 0
	for t := range sqltext.Tokens(sqltext.SQLite, []byte(st.Text)) {
		w := token{text: st.Text[t.Start:t.End], offset: t.Start}
		switch {
		case t.Kind == sqltext.Word:
			w.upper, w.name = strings.ToUpper(w.text), w.text
		case t.Kind == sqltext.Quoted:
			w.name = unquote(w.text)
		case w.text == ")":
			depth = max(depth-1, 0)
		}
		w.depth = depth
		if w.text == "(" {
			depth++
		}
		s.tokens = append(s.tokens, w)
	}
	return s
}

// unquote returns the identifier in "", “ or [].
func unquote(s string) string {
	inner := s[1 : len(s)-1]
	if s[0] == '[' {
		return inner
	}
	return strings.ReplaceAll(inner, s[:1]+s[:1], s[:1])
}

// reader goes through tokens. Its methods move on only when they succeed.
type reader struct {
	tokens []token
}

func (s *sqliteStatement) reader() *reader { return &reader{s.tokens} }

// word reads the upper-case words given, in a row.
func (r *reader) word(words ...string) bool {
	if len(r.tokens) < len(words) {
		return false
	}
	for i, w := range words {
		if r.tokens[i].upper != w {
			return false
		}
	}
	r.tokens = r.tokens[len(words):]
	return true
}

// symbol reads one punctuation mark.
func (r *reader) symbol(text string) bool {
	if len(r.tokens) == 0 || r.tokens[0].text != text {
		return false
	}
	r.tokens = r.tokens[1:]
	return true
}

// name reads an identifier; "" is none.
func (r *reader) name() string {
	if len(r.tokens) == 0 || r.tokens[0].name == "" {
		return ""
	}
	n := r.tokens[0].name
	r.tokens = r.tokens[1:]
	return n
}

// table reads [schema.]name and returns it as findings spell it. SQLite
// compares names without case, so that this is their lower case.
func (r *reader) table() string {
	n := r.name()
	if n != "" && r.symbol(".") {
		n = r.name()
	}
	if n == "" {
		return ""
	}
	return quoteLite(n)
}

func quoteLite(name string) string { return `"` + strings.ToLower(name) + `"` }

// parenthesis reads ( … ) and returns what is inside.
func (r *reader) parenthesis() []token {
	if len(r.tokens) == 0 || r.tokens[0].text != "(" {
		return nil
	}
	for i, t := range r.tokens {
		if i > 0 && t.text == ")" && t.depth == r.tokens[0].depth {
			inside := r.tokens[1:i]
			r.tokens = r.tokens[i+1:]
			return inside
		}
	}
	return nil
}

// createTable reads up to what follows the name of CREATE TABLE.
func (s *sqliteStatement) createTable() (r *reader, table string, temporary bool) {
	r = s.reader()
	if !r.word("CREATE") {
		return r, "", false
	}
	temporary = r.word("TEMP") || r.word("TEMPORARY")
	if !r.word("TABLE") {
		return r, "", false
	}
	r.word("IF", "NOT", "EXISTS")
	return r, r.table(), temporary
}

// creates returns the table that the statement makes, or renames while it is new.
func (s *sqliteStatement) creates() string {
	if _, table, _ := s.createTable(); table != "" {
		return table
	}
	r, table := s.alterTable()
	if table != "" && s.made[table] && r.word("RENAME", "TO") {
		return r.table()
	}
	return ""
}

// alterTable reads up to what follows the name of ALTER TABLE.
func (s *sqliteStatement) alterTable() (*reader, string) {
	r := s.reader()
	if !r.word("ALTER", "TABLE") {
		return r, ""
	}
	return r, r.table()
}

// An item is a column or a constraint between the commas of CREATE TABLE.
type item struct {
	column string // "" for a constraint
	tokens []token
}

// items splits the inside of CREATE TABLE's parentheses.
func items(inside []token) []item {
	var out []item
	for len(inside) > 0 {
		depth, end := inside[0].depth, len(inside)
		for i, t := range inside {
			if t.text == "," && t.depth == depth {
				end = i
				break
			}
		}
		if end > 0 {
			it := item{tokens: inside[:end], column: inside[0].name}
			switch inside[0].upper {
			case "CONSTRAINT", "PRIMARY", "UNIQUE", "CHECK", "FOREIGN":
				it.column = ""
			}
			out = append(out, it)
		}
		inside = inside[min(end+1, len(inside)):]
	}
	return out
}

// has reports whether the words stand in a row in the item, outside of
// parentheses.
func (it item) has(words ...string) bool {
	for i := range it.tokens {
		if it.tokens[i].depth == it.tokens[0].depth && (&reader{it.tokens[i:]}).word(words...) {
			return true
		}
	}
	return false
}

// main returns the statement behind WITH …, where a WITH begins it.
func (s *sqliteStatement) main() []token {
	if len(s.tokens) == 0 || s.tokens[0].upper != "WITH" {
		return s.tokens
	}
	for i, t := range s.tokens {
		if t.depth == 0 && t.upper == string(s.Kind) {
			return s.tokens[i:]
		}
	}
	return nil
}
