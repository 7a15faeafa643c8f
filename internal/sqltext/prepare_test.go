package sqltext_test

import (
	"bytes"
	"testing"

	"slipway/internal/sqltext"
)

func TestChange31And32And33Prepare(t *testing.T) {
	tests := []struct{ name, raw, want, problem string }{
		{"plain", "SELECT 'é'", "SELECT 'é'", ""},
		{"empty", "", "", ""},
		{"byte order mark", "\xef\xbb\xbfSELECT 1", "SELECT 1", ""},
		{"UTF-16 little endian", "\xff\xfeS\x00E\x00", "", "line 1: the file is UTF-16: save it as UTF-8"},
		{"UTF-16 big endian", "\xfe\xff\x00S\x00E", "", "line 1: the file is UTF-16: save it as UTF-8"},
		{"UTF-16 without a mark", "S\x00E\x00L\x00E\x00", "", "line 1: the file is UTF-16: save it as UTF-8"},
		{"latin1", "SELECT 1;\n-- caf\xe9\n", "", "line 2: the byte 0xE9 at offset 16 is not UTF-8: save the file as UTF-8"},
		{"NUL", "SELECT 1;\n\nSELECT\x00 2", "", "line 3: there is a NUL byte at offset 17, which no SQL text may hold: take it out"},
		{"offset counts the mark", "\xef\xbb\xbfa\xff", "", "line 1: the byte 0xFF at offset 4 is not UTF-8: save the file as UTF-8"},
		{"NUL behind a bad byte", "a\xff\x00b", "", "line 1: the byte 0xFF at offset 1 is not UTF-8: save the file as UTF-8"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := sqltext.Prepare([]byte(tt.raw))
			if err == nil && tt.problem != "" || err != nil && err.Error() != tt.problem {
				t.Errorf("error %v, want %q", err, tt.problem)
			}
			if string(got) != tt.want {
				t.Errorf("text %q, want %q", got, tt.want)
			}
		})
	}
}

func TestChange34Normalize(t *testing.T) {
	tests := []struct {
		name string
		d    sqltext.Dialect
		a, b string
		same bool
	}{
		{"another statement", sqltext.Postgres, "CREATE TABLE t(a int)", "CREATE TABLE t(b int)", false},
		{"comments and spacing", sqltext.Postgres, "SELECT a,b FROM t;-- x\n", "/* y */ SELECT a , b\r\n\tFROM t", true},
		{"empty statements", sqltext.Postgres, "SELECT 1;;", ";SELECT 1", true},
		{"CRLF inside a body", sqltext.Postgres, "DO $$a\r\nb$$", "DO $$a\nb$$", true},
		{"spacing inside a string", sqltext.Postgres, "SELECT 'a  b'", "SELECT 'a b'", false},
		{"operators of two bytes", sqltext.Postgres, "SELECT a<-b", "SELECT a< -b", false},
		{"operator spacing", sqltext.Postgres, "SELECT a<=b", "SELECT a <= b", true},
		{"strings joined by a line end", sqltext.Postgres, "SELECT 'a'\n\n'b'", "SELECT 'a' 'b'", false},
		{"words run together", sqltext.Postgres, "SELECT a b", "SELECT ab", false},
		{"what cannot be cut stays", sqltext.Postgres, "SELECT 'a", "SELECT  'a", false},
		{"rows of COPY count", sqltext.Postgres, "COPY t FROM STDIN;\n1\n\\.\n", "COPY t FROM STDIN;\n2\n\\.\n", false},
		{"conditional comments are code", sqltext.MySQL, "SELECT 1 /*!50001 + 1 */", "SELECT 1", false},
		{"another delimiter", sqltext.MySQL, "DELIMITER //\nSELECT 1//", "SELECT  1;", true},
		{"hash comments", sqltext.MySQL, "SELECT 1 # x", "SELECT 1", true},
		{"two minus signs are no comment", sqltext.MySQL, "SELECT 5--1", "SELECT 5 - -1", true},
		{"NULL as a backslash and N", sqltext.MySQL, `SELECT(\N)`, `SELECT ( \N )`, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a, b := sqltext.Normalize(tt.d, []byte(tt.a)), sqltext.Normalize(tt.d, []byte(tt.b))
			if bytes.Equal(a, b) != tt.same {
				t.Errorf("%q and %q: same is %v", a, b, !tt.same)
			}
		})
	}
}
