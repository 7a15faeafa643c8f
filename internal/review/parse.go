package review

import (
	"errors"
	"fmt"
	"strings"

	pgquery "github.com/pganalyze/pg_query_go/v6"
	"github.com/pganalyze/pg_query_go/v6/parser"

	"slipway/internal/sqltext"
)

// maxNesting bounds how deep the tree of a statement may be. The parser's C
// code recurses without looking at its stack and takes the process down at
// 4,000 to 8,000 levels on a stack of 2 MiB, the smallest in use.
const maxNesting = 3000

// A syntaxError is the parser's refusal, with its place in the file.
type syntaxError struct {
	message      string
	line, column int
}

// Error returns the parser's words.
func (e *syntaxError) Error() string { return e.message }

// parse returns the trees of st: one, unless the parser sees more statements
// than Split. Any error other than a *syntaxError says why st is not parsed.
func parse(st sqltext.Statement) ([]*pgquery.Node, error) {
	if st.Escapes && strings.Contains(st.Text, `\`) {
		return nil, errors.New("it is read with standard_conforming_strings off, which the reviewer cannot do; write E'…' for strings with escapes instead")
	}
	text, depth := flatten(st.Text)
	if depth > maxNesting {
		return nil, fmt.Errorf("its parts are chained or nested some %d deep, and the reviewer reads %d; split it", depth, maxNesting)
	}
	tree, err := pgquery.Parse(text)
	if err != nil {
		var e *parser.Error
		if !errors.As(err, &e) || e.Cursorpos <= 0 {
			return nil, err
		}
		line, column := sqltext.Position([]byte(st.Text), byteOffset(text, e.Cursorpos-1))
		if line == 1 {
			column += st.Column - 1
		}
		return nil, &syntaxError{e.Message, line + st.Line - 1, column}
	}
	var nodes []*pgquery.Node
	for _, raw := range tree.Stmts {
		nodes = append(nodes, raw.Stmt)
	}
	return nodes, nil
}

// byteOffset returns the offset of the n-th character of s.
func byteOffset(s string, n int) int {
	for i := range s {
		if n == 0 {
			return i
		}
		n--
	}
	return len(s)
}

// flatten returns text with its comments blanked out, every byte else in its
// place, and an upper bound of the depth of its tree. Comments go because this
// build of the parser does not join strings over them as a server does.
//
// Depth grows with operators in a row, casts, prefixes, joins, all of which
// end at a comma, with what is in parentheses, and with set operations, which
// a comma does not end. So it is at most the tokens since the last comma plus
// the set operations, summed over the open parentheses.
func flatten(text string) (string, int) {
	b := []byte(text)
	type level struct{ tokens, sets int }
	levels := []level{{}}
	sum, deepest, end := 0, 0, 0
	for t := range sqltext.Tokens(sqltext.Postgres, []byte(text)) {
		blank(b[end:t.Start])
		end = t.End
		top := &levels[len(levels)-1]
		switch w := text[t.Start:t.End]; {
		case w == "(" || w == "[":
			levels = append(levels, level{})
			sum++
			top.tokens++
		case w == ")" || w == "]":
			sum -= top.tokens + top.sets
			if levels = levels[:len(levels)-1]; len(levels) == 0 {
				levels = append(levels, level{})
			}
		case w == ",":
			sum -= top.tokens
			top.tokens = 0
		case w == ";":
			sum -= top.tokens + top.sets
			*top = level{}
		default:
			if t.Kind == sqltext.Word && (strings.EqualFold(w, "UNION") || strings.EqualFold(w, "INTERSECT") || strings.EqualFold(w, "EXCEPT")) {
				top.sets++
				sum++
			}
			top.tokens++
			sum++
		}
		deepest = max(deepest, sum)
	}
	blank(b[end:])
	return string(b), deepest
}

// blank replaces all but line ends by spaces.
func blank(b []byte) {
	for i, c := range b {
		if c != '\n' && c != '\r' {
			b[i] = ' '
		}
	}
}
