package sqltext_test

import (
	"bytes"
	"errors"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"slipway/internal/sqltext"
)

// Whatever the bytes: no panic, positions only grow, the statements are what
// stands in the text, and between them stands nothing but white space,
// comments and delimiters.
func FuzzSplit(f *testing.F) {
	for _, s := range nasty {
		for d := range byte(3) {
			f.Add(d, []byte(s+";\n"+s))
		}
	}
	f.Add(byte(1), []byte("DELIMITER //\nSELECT 1// /*!50001 SELECT 2 */// \\G"))
	f.Add(byte(2), []byte("CREATE TRIGGER t BEFORE UPDATE ON x BEGIN SELECT 1; END; .tables\n[a"))
	f.Add(byte(0), []byte("COPY t FROM STDIN;\n1\n\\.\n\\c x\n\xff\xfe\x00"))
	f.Fuzz(func(t *testing.T, b byte, text []byte) {
		d := sqltext.Dialect(b%3 + 1)
		end, gaps := 0, true
		for st, err := range sqltext.Split(d, text) {
			if err != nil {
				var e *sqltext.Error
				if !errors.As(err, &e) || e.Line < 1 || e.Column < 1 || e.Offset < 0 || e.Offset > len(text) || e.Message == "" {
					t.Fatalf("error %#v", err)
				}
				gaps = false
				continue
			}
			if st.Start < end || st.End <= st.Start || st.End > len(text) || string(text[st.Start:st.End]) != st.Text {
				t.Fatalf("statement at %d to %d, the one before ended at %d", st.Start, st.End, end)
			}
			if line, column := sqltext.Position(text, st.Start); line != st.Line || column != st.Column {
				t.Fatalf("statement at %d:%d is said to be at %d:%d", line, column, st.Line, st.Column)
			}
			if gaps && !bytes.Contains(bytes.ToLower(text), []byte("delimiter")) {
				for tok := range sqltext.Tokens(d, text[end:st.Start]) {
					if text[end+tok.Start] != ';' {
						t.Fatalf("%q is left out between statements", text[end+tok.Start:end+tok.End])
					}
				}
			}
			gaps = gaps && !st.CopyStdin
			end = st.End
		}
		sqltext.Normalize(d, text)
		if clean, err := sqltext.Prepare(text); err == nil && bytes.IndexByte(clean, 0) >= 0 {
			t.Fatal("Prepare let a NUL through")
		}
	})
}

// FuzzPieces puts what was cut together again. The statements and what stands
// between them are the text; the latter is nothing but white space, delimiters
// and comments as a scanner of its own sees them; each statement alone is one
// statement; all of them in one line are the same ones; and where the parser of
// PostgreSQL takes the text, it sees as many.
func FuzzPieces(f *testing.F) {
	for i, s := range nasty {
		for d := range byte(3) {
			f.Add(d, between[i%len(between)]+s+between[(i+3)%len(between)]+"SELECT 2")
		}
	}
	f.Add(byte(2), "CREATE TRIGGER t BEFORE UPDATE ON x BEGIN SELECT 1; END; SELECT [a;b] /* rest")
	f.Add(byte(1), "SELECT 5--1 # ;\n; /* /* */ SELECT /*+ ; */ 'a\\';', `b`")
	f.Fuzz(func(t *testing.T, b byte, text string) {
		d := sqltext.Dialect(b%3 + 1)
		var texts []string
		var gap strings.Builder
		end := 0
		for st, err := range sqltext.Split(d, []byte(text)) {
			if err != nil || st.CopyStdin || st.Escapes {
				return
			}
			gap.WriteString(text[end:st.Start] + "\n") // a comment of a line ends there
			texts, end = append(texts, st.Text), st.End
			if len(texts) > len(text) {
				t.Fatalf("%d bytes make more statements", len(text))
			}
		}
		if strings.Contains(text, "/*!") || strings.Contains(text, "/*M!") || bytes.Contains(bytes.ToLower([]byte(text)), []byte("delimiter")) {
			return // what MySQL's server or client reads changes what is a statement
		}
		gap.WriteString(text[end:])
		if left := strip(d, gap.String()); left != "" {
			t.Fatalf("%q is left out of the statements", left)
		}
		if n := len(texts); n > 0 && len(cut(d, " "+texts[n-1]+"; SELECT 2")) == 1 {
			return // a parenthesis or a body is open at the end
		}
		for _, one := range texts {
			if d == sqltext.MySQL && strings.HasSuffix(one, "--") {
				return // a comment where nothing follows it
			}
			// The space keeps a dot that stood within a line from a line's beginning.
			if got := cut(d, " "+one+";"); !slices.Equal(got, []string{one}) {
				t.Fatalf("%q alone is %q", one, got)
			}
		}
		if got := cut(d, " "+strings.Join(texts, "; ")+";"); len(texts) > 0 && !slices.Equal(got, texts) {
			t.Fatalf("%q in one line are %q", texts, got)
		}
		normal := sqltext.Normalize(d, []byte(text))
		if again := sqltext.Normalize(d, normal); !bytes.Equal(again, normal) {
			t.Fatalf("%q is normalised to %q, and that to %q", text, normal, again)
		}
		if got := cut(d, " "+string(normal)); len(got) != len(texts) {
			t.Fatalf("%q has %d statements, normalised to %q %d", text, len(texts), normal, len(got))
		}
		if d == sqltext.Postgres && len(text) < 2000 && utf8.ValidString(text) && !strings.ContainsAny(text, "\x00") &&
			!strings.Contains(text, "--") { // the server joins strings over a comment, pg_query does not
			agree(t, text)
		}
	})
}

var plainComment = map[sqltext.Dialect]*regexp.Regexp{
	sqltext.Postgres: regexp.MustCompile(`--[^\n\r]*`),
	sqltext.MySQL:    regexp.MustCompile(`--[\x00- ][^\n]*|--\n|--$|#[^\n]*`),
	sqltext.SQLite:   regexp.MustCompile(`--[^\n]*`),
}

// strip returns what of a gap is neither white space nor a delimiter nor a
// comment.
func strip(d sqltext.Dialect, gap string) string {
	for gap != "" {
		switch at := plainComment[d].FindStringIndex(gap); {
		case strings.ContainsRune("; \t\n\v\f\r", rune(gap[0])):
			gap = gap[1:]
		case at != nil && at[0] == 0:
			gap = gap[at[1]:]
		case strings.HasPrefix(gap, "/*"):
			n := blockEnd(d, gap)
			if n < 0 {
				return gap
			}
			gap = gap[n:]
		default:
			return gap
		}
	}
	return ""
}

// blockEnd returns where the comment that s begins with ends, -1 for nowhere.
func blockEnd(d sqltext.Dialect, s string) int {
	depth := 0
	for i := 0; i < len(s); i++ {
		switch {
		case strings.HasPrefix(s[i:], "/*") && (depth == 0 || d == sqltext.Postgres):
			depth++
			i++
		case strings.HasPrefix(s[i:], "*/"):
			depth--
			i++
			if depth == 0 {
				return i + 1
			}
		}
	}
	if d == sqltext.SQLite {
		return len(s)
	}
	return -1
}
