package sqltext

import "bytes"

// skip moves over white space and comments.
func (l *lexer) skip() error {
	text := l.text
	for l.pos < len(text) {
		c := text[l.pos]
		switch {
		case classOf[c] == space:
			l.pos++
		case c == '-' && l.dashes():
			l.pos = lineEnd(text, l.pos, l.dialect)
		case c == '#' && l.dialect == MySQL:
			l.pos = lineEnd(text, l.pos, l.dialect)
		case c == '/' && l.at("/*"):
			if l.dialect == MySQL && (l.at("/*!") || l.at("/*M!") || l.at("/*+")) {
				return nil
			}
			if err := l.block(); err != nil {
				return err
			}
		default:
			return nil
		}
	}
	return nil
}

// dashes reports whether a comment of two dashes begins here. MySQL wants
// white space behind them, so that 5--1 stays a number.
func (l *lexer) dashes() bool {
	if !l.at("--") {
		return false
	}
	behind := l.pos + 2
	return l.dialect != MySQL || behind == len(l.text) || l.text[behind] <= ' '
}

// lineEnd returns the offset of the line end at or behind i. For PostgreSQL a
// carriage return ends a line as well.
func lineEnd(text []byte, i int, d Dialect) int {
	n := bytes.IndexByte(text[i:], '\n')
	if n < 0 {
		n = len(text) - i
	}
	if d == Postgres {
		if cr := bytes.IndexByte(text[i:i+n], '\r'); cr >= 0 {
			n = cr
		}
	}
	return i + n
}

// block moves over a comment in /* */. PostgreSQL's nest; SQLite's may end
// with the text.
func (l *lexer) block() error {
	text, start := l.text, l.pos
	i, depth := start+2, 1
	mark := i // behind the last /* or */, whose bytes are used up
	for depth > 0 {
		n := bytes.IndexByte(text[i:], '/')
		if n < 0 {
			if l.dialect == SQLite {
				l.pos = len(text)
				return nil
			}
			return unterminated(start, "the comment that /* begins is never closed: add the */")
		}
		i += n
		switch {
		case i > mark && text[i-1] == '*':
			depth--
			i++
			mark = i
		case l.dialect == Postgres && i+1 < len(text) && text[i+1] == '*':
			depth++
			i += 2
			mark = i
		default:
			i++
		}
	}
	l.pos = i
	return nil
}

// conditionalStart reads the mark /*!50001 that MySQL takes for white space,
// or a whole /*+ hint */.
func (l *lexer) conditionalStart() (Token, error) {
	start := l.pos
	if l.at("/*+") {
		n := bytes.Index(l.text[start:], []byte("*/"))
		if n < 0 {
			return Token{}, unterminated(start, "the hint that /*+ begins is never closed: add the */")
		}
		l.pos = start + n + 2
		return Token{Symbol, start, l.pos}, nil
	}
	l.pos = start + 3
	if l.text[l.pos-1] == 'M' {
		l.pos++
	}
	for l.pos < len(l.text) && classOf[l.text[l.pos]] == digit {
		l.pos++
	}
	l.conditional = true
	return Token{Symbol, start, l.pos}, nil
}
