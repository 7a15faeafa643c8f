package sqltext

import (
	"bytes"
	"slices"
	"strings"
	"unicode/utf8"
)

// masked stands for what Mask takes out of a text.
const masked = "…"

// minBare is the length in bytes from which MaskIn takes a constant out of a
// message where it stands there without quotes: a shorter one is found in
// words that have nothing to do with it.
const minBare = 6

// Mask returns st's text for a log: without what its string constants hold,
// which may be a password or a person's address, and without its comments.
// Line breaks stay, so that a place in the text keeps its line. Names and
// numbers stay as well. In the body of a function and of DO, whose code a
// reader needs, the constants in it are taken out. Of a long text the first
// most bytes are returned, with an ellipsis behind them.
func Mask(d Dialect, st Statement, most int) string {
	out := appendMasked(nil, d, st, st.Text, most)
	if len(out) <= most {
		return string(out)
	}
	for most > 0 && !utf8.RuneStart(out[most]) {
		most--
	}
	return string(out[:most]) + "…"
}

// appendMasked writes text, which is st's or that of a body in it, and stops
// when more than most bytes are written.
func appendMasked(out []byte, d Dialect, st Statement, text string, most int) []byte {
	l := lexer{dialect: d, text: []byte(text), escapes: st.Escapes}
	end := 0
	for len(out) <= most {
		t, err := l.next()
		if err != nil { // only in a body: a quote that is open to its end
			return append(out, masked...)
		}
		if t.Kind == 0 {
			return appendGap(out, text[end:])
		}
		out = appendGap(out, text[end:t.Start])
		word := text[t.Start:t.End]
		switch tag := dollarTag(word); {
		case t.Kind != String:
			out = append(out, word...)
		case tag != "" && hasBody(st):
			out = append(out, tag...)
			out = appendMasked(out, d, st, word[len(tag):len(word)-len(tag)], most)
			out = append(out, tag...)
		default:
			before, inside, behind := unquote(word)
			out = append(out, before...)
			if inside != "" {
				out = append(out, masked...)
				out = append(out, lineBreaks(inside)...)
			}
			out = append(out, behind...)
		}
		end = t.End
	}
	return out
}

// appendGap writes what stands between two tokens: white space, and of comments
// their line breaks.
func appendGap(out []byte, gap string) []byte {
	if strings.TrimSpace(gap) == "" {
		return append(out, gap...)
	}
	last := strings.LastIndexByte(gap, '\n')
	if last < 0 {
		return append(out, ' ')
	}
	out = append(out, lineBreaks(gap)...)
	if indent := gap[last+1:]; strings.TrimSpace(indent) == "" {
		out = append(out, indent...)
	}
	return out
}

func lineBreaks(s string) string { return strings.Repeat("\n", strings.Count(s, "\n")) }

// hasBody reports whether a dollar-quoted string in st is code.
func hasBody(st Statement) bool {
	return slices.Contains([]Kind{"DO", "CREATE FUNCTION", "CREATE PROCEDURE"}, st.Kind)
}

// dollarTag returns the "$tag$" of a dollar-quoted string, "" for another token.
func dollarTag(word string) string {
	if !strings.HasPrefix(word, "$") {
		return ""
	}
	n := strings.IndexByte(word[1:], '$')
	if tag := word[:n+2]; n >= 0 && len(word) >= 2*len(tag) && strings.HasSuffix(word, tag) {
		return tag
	}
	return ""
}

// unquote cuts a string token into what opens it, what it holds and what closes
// it.
func unquote(word string) (before, inside, behind string) {
	if tag := dollarTag(word); tag != "" {
		return tag, word[len(tag) : len(word)-len(tag)], tag
	}
	n := strings.IndexAny(word, `'"`)
	if n < 0 || len(word) < n+2 {
		return "", word, ""
	}
	return word[:n+1], word[n+1 : len(word)-1], word[len(word)-1:]
}

// MaskIn returns a server's message about st without the string constants of st
// that it quotes. One that is also a name in st stays, since the message is
// more likely about that.
func MaskIn(d Dialect, st Statement, message string) string {
	var held []constant
	names := map[string]bool{}
	collect(d, st, st.Text, len(message), false, names, &held)
	slices.SortFunc(held, func(a, b constant) int { return len(b.text) - len(a.text) })
	for _, c := range held {
		if names[c.text] {
			continue
		}
		for _, quote := range []string{`"`, `'`} {
			message = strings.ReplaceAll(message, quote+c.text+quote, quote+masked+quote)
		}
		if !c.code && len(c.text) >= minBare {
			message = strings.ReplaceAll(message, c.text, masked)
		}
	}
	return message
}

// A constant is what a string token holds.
type constant struct {
	text string
	code bool // it stands in a body, where it may be the message itself
}

// collect lists the constants of text, up to the given length, and the names.
func collect(d Dialect, st Statement, text string, most int, code bool, names map[string]bool, held *[]constant) {
	l := lexer{dialect: d, text: []byte(text), escapes: st.Escapes}
	for {
		t, err := l.next()
		if err != nil || t.Kind == 0 {
			return
		}
		word := text[t.Start:t.End]
		switch tag := dollarTag(word); {
		case t.Kind == Word:
			names[word] = true
		case t.Kind == Quoted:
			names[string(bytes.Trim([]byte(word), "\"`[]"))] = true
		case t.Kind == String && tag != "" && hasBody(st):
			collect(d, st, word[len(tag):len(word)-len(tag)], most, true, names, held)
		case t.Kind == String:
			_, inside, _ := unquote(word)
			for _, spelled := range []string{inside, strings.ReplaceAll(inside, "''", "'")} {
				if spelled != "" && len(spelled) <= most {
					*held = append(*held, constant{spelled, code})
				}
			}
		}
	}
}
