package sqltext_test

import (
	"bytes"
	"errors"
	"testing"

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
