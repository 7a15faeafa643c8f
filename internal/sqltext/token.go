package sqltext

import (
	"bytes"
	"iter"
)

// A TokenKind is a class of tokens. The zero TokenKind is the end of the text.
type TokenKind uint8

// The classes of tokens.
const (
	Word      TokenKind = iota + 1 // a keyword or an identifier without quotes
	Quoted                         // an identifier in quotes, quotes included
	String                         // a constant in quotes, quotes and prefix included
	Number                         // without its sign
	Parameter                      // $1
	Symbol                         // one byte of an operator or a punctuation mark; in MySQL also /*!50001 and its */
)

// A Token is a piece of a text, by byte offsets.
type Token struct {
	Kind       TokenKind
	Start, End int
}

// Tokens yields the tokens of one statement as Split returned it, without
// white space and comments. It ends early at a quote that is never closed,
// which no statement of Split has.
func Tokens(d Dialect, text []byte) iter.Seq[Token] {
	return func(yield func(Token) bool) {
		l := lexer{dialect: d, text: text}
		for {
			t, err := l.next()
			if err != nil || t.Kind == 0 || !yield(t) {
				return
			}
		}
	}
}

// A lexer cuts text into tokens.
type lexer struct {
	dialect     Dialect
	text        []byte
	pos         int
	escapes     bool   // Postgres: standard_conforming_strings is off
	delimiter   []byte // MySQL: what ends a statement instead of a semicolon; nil for that
	conditional bool   // MySQL: inside /*! … */
	escaped     int    // Postgres: where the last string with escapes ended, for one that carries it on
}

// Classes of bytes. Every byte above ASCII may be part of an identifier, so
// that lexing needs no decoding.
const (
	other = iota
	space
	letter
	digit
)

var classOf = func() (c [256]uint8) {
	for b := range c {
		switch {
		case b == ' ' || b >= '\t' && b <= '\r':
			c[b] = space
		case b >= '0' && b <= '9':
			c[b] = digit
		case b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b == '_' || b >= 0x80:
			c[b] = letter
		}
	}
	return c
}()

// next returns the next token; at the end of the text its Kind is 0. The error
// is an *Error of problem Unterminated without line and column.
func (l *lexer) next() (Token, error) {
	if err := l.skip(); err != nil {
		return Token{}, err
	}
	start := l.pos
	if start >= len(l.text) {
		return Token{}, nil
	}
	if l.delimiter != nil && bytes.HasPrefix(l.text[start:], l.delimiter) {
		l.pos += len(l.delimiter)
		return Token{Symbol, start, l.pos}, nil
	}
	c := l.text[start]
	switch classOf[c] {
	case letter:
		return l.word()
	case digit:
		l.number()
		return Token{Number, start, l.pos}, nil
	}
	switch c {
	case '\'':
		escapes := l.escapes || l.dialect == MySQL || l.escaped > 0 && carriesOn(l.text[l.escaped:start])
		return l.quoted(String, start, start, escapes)
	case '"':
		if l.dialect == MySQL {
			return l.quoted(String, start, start, true)
		}
		return l.quoted(Quoted, start, start, false)
	case '`':
		if l.dialect != Postgres {
			return l.quoted(Quoted, start, start, false)
		}
	case '[':
		if l.dialect == SQLite {
			return l.bracketed()
		}
	case '$':
		return l.dollar()
	case '.':
		if start+1 < len(l.text) && classOf[l.text[start+1]] == digit {
			l.number()
			return Token{Number, start, l.pos}, nil
		}
	case '\\':
		if l.dialect == MySQL && l.at(`\N`) { // another spelling of NULL, not a client's command
			l.pos += 2
			return Token{Word, start, l.pos}, nil
		}
	case '/':
		if l.dialect == MySQL && l.at("/*") { // skip has left only those that the server reads
			return l.conditionalStart()
		}
	case '*':
		if l.conditional && l.at("*/") {
			l.conditional = false
			l.pos += 2
			return Token{Symbol, start, l.pos}, nil
		}
	}
	l.pos++
	return Token{Symbol, start, l.pos}, nil
}

func (l *lexer) at(s string) bool {
	return len(l.text)-l.pos >= len(s) && string(l.text[l.pos:l.pos+len(s)]) == s
}

// word reads an identifier or keyword, or a string whose prefix it is.
func (l *lexer) word() (Token, error) {
	start, text := l.pos, l.text
	i := start + 1
	for i < len(text) && (classOf[text[i]] >= letter || text[i] == '$') {
		i++
	}
	if l.delimiter != nil { // "END$$": a dollar sign is part of a word and of the delimiter
		if n := bytes.Index(text[start:i], l.delimiter); n > 0 {
			i = start + n
		}
	}
	l.pos = i
	if l.dialect == Postgres && i == start+1 && i < len(text) {
		switch c := text[start] | 0x20; {
		case text[i] == '\'' && c == 'e':
			return l.quoted(String, start, i, true)
		case text[i] == '\'' && (c == 'b' || c == 'x'):
			return l.quoted(String, start, i, false)
		case text[i] == '&' && c == 'u' && i+1 < len(text) && text[i+1] == '\'':
			return l.quoted(String, start, i+1, false)
		case text[i] == '&' && c == 'u' && i+1 < len(text) && text[i+1] == '"':
			return l.quoted(Quoted, start, i+1, false)
		}
	}
	return Token{Word, start, i}, nil
}

// number reads digits, a fraction, an exponent, or a constant such as 0x1F. A
// letter that belongs to none of these begins a word of its own, as servers
// before PostgreSQL 15 have it.
func (l *lexer) number() {
	text, i := l.text, l.pos
	digits := func(i int) int {
		for i < len(text) && (classOf[text[i]] == digit || text[i] == '_') {
			i++
		}
		return i
	}
	if text[i] == '0' && i+2 < len(text) && text[i+1]|0x20 == 'x' && classOf[text[i+2]] >= letter && text[i+2] < 0x80 {
		i += 2
		for i < len(text) && text[i] < 0x80 && classOf[text[i]] >= letter {
			i++
		}
		l.pos = i
		return
	}
	i = digits(i)
	if i < len(text) && text[i] == '.' {
		i = digits(i + 1)
	}
	if i < len(text) && text[i]|0x20 == 'e' {
		j := i + 1
		if j < len(text) && (text[j] == '+' || text[j] == '-') {
			j++
		}
		if j < len(text) && classOf[text[j]] == digit {
			i = digits(j)
		}
	}
	l.pos = i
}

// dollar reads a dollar-quoted string or a parameter of PostgreSQL; elsewhere a
// dollar sign begins a word.
func (l *lexer) dollar() (Token, error) {
	start, text := l.pos, l.text
	i := start + 1
	if l.dialect != Postgres {
		for i < len(text) && (classOf[text[i]] >= letter || text[i] == '$') {
			i++
		}
		l.pos = i
		return Token{Word, start, i}, nil
	}
	if i < len(text) && classOf[text[i]] == digit {
		for i < len(text) && classOf[text[i]] == digit {
			i++
		}
		l.pos = i
		return Token{Parameter, start, i}, nil
	}
	for i < len(text) && classOf[text[i]] >= letter {
		i++
	}
	if i >= len(text) || text[i] != '$' {
		l.pos = start + 1
		return Token{Symbol, start, l.pos}, nil
	}
	tag := text[start : i+1]
	n := bytes.Index(text[i+1:], tag)
	if n < 0 {
		return Token{}, unterminated(start, "the dollar quote %s is never closed: put %[1]s behind the text that it begins", tag)
	}
	l.pos = i + 1 + n + len(tag)
	return Token{String, start, l.pos}, nil
}

// bracketed reads [an identifier] of SQLite.
func (l *lexer) bracketed() (Token, error) {
	start := l.pos
	n := bytes.IndexByte(l.text[start:], ']')
	if n < 0 {
		return Token{}, unterminated(start, "the identifier that [ begins is never closed: add the ]")
	}
	l.pos = start + n + 1
	return Token{Quoted, start, l.pos}, nil
}

// quoted reads a token that begins at start from the quote at open to its
// match. Two quotes are one inside, and behind a backslash any byte stands for
// itself where escapes says so.
func (l *lexer) quoted(kind TokenKind, start, open int, escapes bool) (Token, error) {
	text, quote := l.text, l.text[open]
	i := open + 1
	for {
		if !escapes {
			n := bytes.IndexByte(text[i:], quote)
			if n < 0 {
				break
			}
			i += n
		} else {
			for i < len(text) && text[i] != quote {
				if text[i] == '\\' {
					i++
				}
				i++
			}
			if i >= len(text) {
				break
			}
		}
		i++
		if i < len(text) && text[i] == quote {
			i++
			continue
		}
		l.pos = i
		if escapes && l.dialect == Postgres {
			l.escaped = i
		}
		return Token{kind, start, i}, nil
	}
	what := "string"
	if kind == Quoted {
		what = "identifier"
	}
	return Token{}, unterminated(open, "the %s that %c begins is never closed: add the closing %[2]c, and double it where it stands inside", what, quote)
}

// carriesOn reports whether a string behind gap obeys the prefix of the one
// before it. PostgreSQL joins two strings with nothing but white space, a line
// end and comments of two dashes between them.
func carriesOn(gap []byte) bool {
	newline := false
	for i := 0; i < len(gap); i++ {
		switch {
		case gap[i] == '\n' || gap[i] == '\r':
			newline = true
		case classOf[gap[i]] == space:
		case gap[i] == '-' && i+1 < len(gap) && gap[i+1] == '-':
			i = lineEnd(gap, i, Postgres) - 1
		default:
			return false
		}
	}
	return newline
}
