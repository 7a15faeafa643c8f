package console

import (
	"bytes"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"slipway"
	"slipway/internal/sqltext"
)

// dialects says how the SQL of an engine is coloured.
var dialects = map[slipway.Engine]sqltext.Dialect{
	slipway.Postgres: sqltext.Postgres,
	slipway.SQLite:   sqltext.SQLite,
}

// A piece is a piece of SQL of one colour.
type piece struct {
	Class string // "k" keyword, "s" string, "n" number, "c" comment; "" is the rest
	Text  string
	Mark  bool // it is what is wrong
}

// A codeLine is a line of SQL with what is to be said about it.
type codeLine struct {
	N      int // 1-based
	Pieces []piece
	Tone   string // "bad" or "wait" where something is wrong with the whole line
	Caret  string // stands under the marked part
	Notes  []note
}

// A note stands under the line of SQL that it is about.
type note struct{ Tone, Title, Text string }

// A code is a piece of SQL, as the template "code" shows it.
type code struct {
	Label string // says to a screen reader what it is
	Lines []codeLine
	Cut   bool // the text goes on
}

// newCode colours text. Dialects that are not known are taken for PostgreSQL.
func newCode(label string, engine slipway.Engine, text []byte) code {
	d := dialects[engine]
	if d == 0 {
		d = sqltext.Postgres
	}
	c := code{Label: label, Lines: []codeLine{{N: 1}}}
	for _, s := range pieces(d, text) {
		for i, part := range strings.Split(s.Text, "\n") {
			if i > 0 {
				c.Lines = append(c.Lines, codeLine{N: len(c.Lines) + 1})
			}
			if part = strings.TrimSuffix(part, "\r"); part != "" {
				last := &c.Lines[len(c.Lines)-1]
				last.Pieces = append(last.Pieces, piece{Class: s.Class, Text: part})
			}
		}
	}
	if n := len(c.Lines); n > 1 && len(c.Lines[n-1].Pieces) == 0 {
		c.Lines = c.Lines[:n-1]
	}
	return c
}

// pieces cuts text into pieces of one colour. A text that cannot be cut to its
// end, a file that was cut short for instance, ends in one plain piece.
func pieces(d sqltext.Dialect, text []byte) []piece {
	var out []piece
	at := 0
	add := func(class string, to int) {
		if to > at {
			out = append(out, piece{Class: class, Text: string(text[at:to])})
			at = to
		}
	}
	gap := func(to int) {
		class := ""
		if to < len(text) || !unclosed(text[at:to]) {
			if len(bytes.TrimSpace(text[at:to])) > 0 {
				class = "c" // between tokens there are comments and spaces alone
			}
		}
		add(class, to)
	}
	for t := range sqltext.Tokens(d, text) {
		gap(t.Start)
		add(tokenClass(t.Kind, text[t.Start:t.End]), t.End)
	}
	gap(len(text))
	return out
}

// unclosed reports whether the rest of a text, behind its last token, begins
// with something else than a comment: a quote that is never closed.
func unclosed(rest []byte) bool {
	rest = bytes.TrimSpace(rest)
	return len(rest) > 0 && !bytes.HasPrefix(rest, []byte("--")) && !bytes.HasPrefix(rest, []byte("/*"))
}

func tokenClass(k sqltext.TokenKind, text []byte) string {
	switch k {
	case sqltext.String:
		return "s"
	case sqltext.Number:
		return "n"
	case sqltext.Word:
		if keyword.Match(text) {
			return "k"
		}
	}
	return ""
}

// keyword matches the words that stand out in migrations; names of types and
// functions are left plain, and so are words that are often names of columns.
var keyword = regexp.MustCompile(`^(?i:ADD|ALL|ALTER|ALWAYS|ANALYZE|AND|AS|ASC|BEGIN|BETWEEN|BY|CASCADE|CASE|CHECK|CLUSTER|COLLATE|COLUMN|COMMENT|COMMIT|CONCURRENTLY|CONFLICT|CONSTRAINT|CREATE|CROSS|DEFAULT|DEFERRABLE|DEFERRED|DELETE|DESC|DISTINCT|DO|DOMAIN|DROP|ELSE|END|ENUM|EXCEPT|EXCLUDE|EXECUTE|EXISTS|EXTENSION|FALSE|FOR|FOREIGN|FROM|FULL|FUNCTION|GENERATED|GRANT|GROUP|HAVING|IDENTITY|IF|IN|INCLUDE|INDEX|INITIALLY|INNER|INSERT|INTERSECT|INTO|IS|JOIN|KEY|LANGUAGE|LEFT|LIKE|LIMIT|LOCK|MATERIALIZED|NOT|NOTHING|NULL|OFFSET|ON|OR|ORDER|OUTER|OVER|OWNER|PARTITION|POLICY|PRAGMA|PRIMARY|PROCEDURE|REFERENCES|REINDEX|RELEASE|RENAME|REPLACE|RESTRICT|RETURNING|RETURNS|REVOKE|RIGHT|ROLE|ROLLBACK|SAVEPOINT|SCHEMA|SELECT|SEQUENCE|SET|STORED|STRICT|TABLE|TEMP|TEMPORARY|THEN|TO|TRIGGER|TRUE|TRUNCATE|TYPE|UNION|UNIQUE|UNLOGGED|UPDATE|USING|VACUUM|VALID|VALIDATE|VALUES|VIEW|WHEN|WHERE|WITH|WITHOUT)$`)

// mark marks what stands at a place, both 1-based: the word or piece there, or
// the whole line where column is 0, in a tone. It reports whether there is such
// a line.
func (c *code) mark(line, column int, tone string) bool {
	if line < 1 || line > len(c.Lines) {
		return false
	}
	l := &c.Lines[line-1]
	before := 0 // characters
	for i, s := range l.Pieces {
		n := utf8.RuneCountInString(s.Text)
		if column > before+n || column == 0 {
			before += n
			continue
		}
		l.split(i, column-1-before)
		l.Caret = caret(l.Pieces)
		return true
	}
	if l.Tone != "bad" {
		l.Tone = tone
	}
	return true
}

// word is what is marked of a plain piece: up to the next space or mark.
var word = regexp.MustCompile(`^(?:[\pL\pN_.$"]+|[^\pL\pN\s])`)

// split marks a part of the i-th piece, from a number of characters on: the rest
// of it, or a word where it holds more.
func (l *codeLine) split(i, from int) {
	s := l.Pieces[i]
	at := 0
	for range from {
		_, size := utf8.DecodeRuneInString(s.Text[at:])
		at += size
	}
	end := len(s.Text)
	if s.Class == "" {
		if m := word.FindString(s.Text[at:]); m != "" {
			end = at + len(m)
		}
	}
	var parts []piece
	if at > 0 {
		parts = append(parts, piece{Class: s.Class, Text: s.Text[:at]})
	}
	parts = append(parts, piece{Class: s.Class, Text: s.Text[at:end], Mark: true})
	if end < len(s.Text) {
		parts = append(parts, piece{Class: s.Class, Text: s.Text[end:]})
	}
	l.Pieces = append(l.Pieces[:i:i], append(parts, l.Pieces[i+1:]...)...)
}

// caret returns the line that points at the marked piece: tabs stay tabs, so
// that it stands under it whatever their width.
func caret(list []piece) string {
	var b strings.Builder
	for _, s := range list {
		if s.Mark {
			b.WriteString(strings.Repeat("^", min(utf8.RuneCountInString(s.Text), 80)))
			break
		}
		for _, r := range s.Text {
			if r != '\t' {
				r = ' '
			}
			b.WriteRune(r)
		}
	}
	return b.String()
}

// say puts a note under a line; one that is nowhere goes under the first.
func (c *code) say(line int, n note) {
	i := min(max(line, 1), len(c.Lines)) - 1
	c.Lines[i].Notes = append(c.Lines[i].Notes, n)
}

// around keeps the lines near those that are marked or spoken about; what is
// left out between them shows in the numbers.
func (c *code) around(context int) {
	keep := make([]bool, len(c.Lines))
	for i, l := range c.Lines {
		if l.Tone != "" || l.Caret != "" || len(l.Notes) > 0 {
			for j := max(0, i-context); j <= min(len(c.Lines)-1, i+context); j++ {
				keep[j] = true
			}
		}
	}
	var kept []codeLine
	for i, l := range c.Lines {
		if keep[i] {
			kept = append(kept, l)
		}
	}
	c.Cut = c.Cut || len(kept) < len(c.Lines)
	c.Lines = kept
}

// oneLine returns SQL in one line of at most so many characters.
func oneLine(text string, most int) string {
	s := strings.Join(strings.Fields(text[:min(len(text), 4*most)]), " ")
	if r := []rune(s); len(r) > most {
		return string(r[:most-1]) + "…"
	}
	return s
}

// upTo cuts text to at most so many bytes, at the end of a line if there is one.
func upTo(text []byte, most int) ([]byte, bool) {
	if len(text) <= most {
		return text, false
	}
	text = text[:most]
	if i := bytes.LastIndexByte(text, '\n'); i > 0 {
		return text[:i+1], true
	}
	for len(text) > 0 && !utf8.RuneStart(text[len(text)-1]) {
		text = text[:len(text)-1]
	}
	return text[:max(0, len(text)-1)], true
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
