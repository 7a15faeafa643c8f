package sqltext

import "bytes"

// Normalize returns text without comments and with uniform spacing and line
// ends, so that its hash tells an edit from a reformat. A text that cannot be
// cut, or that holds rows of COPY, comes back as it is: better a reformat
// taken for an edit than the reverse. Letter case counts.
func Normalize(d Dialect, text []byte) []byte {
	out := make([]byte, 0, len(text))
	for st, err := range Split(d, text) {
		if err != nil || st.CopyStdin {
			return text
		}
		out = appendTokens(out, d, st)
		out = append(out, ";\n"...)
	}
	return out
}

// appendTokens writes the tokens of st with one space between them. Bytes of
// one operator stay together, since <- is not < -; and a line end stays one
// between two strings, where PostgreSQL joins them for its sake.
func appendTokens(out []byte, d Dialect, st Statement) []byte {
	text := []byte(st.Text)
	l := lexer{dialect: d, text: text, escapes: st.Escapes}
	var last Token
	for {
		t, err := l.next()
		if err != nil || t.Kind == 0 {
			return out
		}
		switch {
		case d == MySQL && text[t.Start] == '-' && last.Kind == Symbol && text[last.Start] == '-':
			out = append(out, ' ') // with white space behind it, -- would begin a comment
		case last.Kind == 0, last.End == t.Start && operator(text, last) && operator(text, t):
		case last.Kind == String && t.Kind == String && bytes.ContainsAny(text[last.End:t.Start], "\r\n"):
			out = append(out, '\n')
		default:
			out = append(out, ' ')
		}
		out = append(out, bytes.ReplaceAll(text[t.Start:t.End], []byte("\r\n"), []byte("\n"))...)
		last = t
	}
}

func operator(text []byte, t Token) bool {
	return t.Kind == Symbol && bytes.IndexByte([]byte("(),;.[]"), text[t.Start]) < 0
}
