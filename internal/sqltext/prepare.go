package sqltext

import (
	"bytes"
	"fmt"
	"unicode/utf8"
)

// Prepare returns raw without its UTF-8 byte order mark, sharing its memory.
// It refuses NUL bytes, UTF-16 and invalid UTF-8 with an *Error: MariaDB and
// SQLite would store such bytes without a word.
func Prepare(raw []byte) ([]byte, error) {
	text := bytes.TrimPrefix(raw, []byte("\xef\xbb\xbf"))
	mark := len(raw) - len(text)
	var err *Error
	switch {
	case bytes.HasPrefix(raw, []byte("\xff\xfe")), bytes.HasPrefix(raw, []byte("\xfe\xff")), wide(raw):
		err = &Error{Problem: Encoding, Offset: mark, Message: "the file is UTF-16: save it as UTF-8"}
	default:
		err = badBytes(text, mark)
	}
	if err == nil {
		return text, nil
	}
	err.Line, err.Column = Position(text, err.Offset-mark)
	return nil, err
}

// wide reports whether raw looks like UTF-16 without a byte order mark: in
// each of its first pairs of bytes the same one is NUL, as ASCII has it there.
func wide(raw []byte) bool {
	if len(raw) < 4 || len(raw)%2 != 0 {
		return false
	}
	for odd := range 2 {
		all := true
		for i := 0; i+1 < min(len(raw), 8); i += 2 {
			all = all && raw[i+odd] == 0 && raw[i+1-odd] != 0
		}
		if all {
			return true
		}
	}
	return false
}

// badBytes returns why text, which begins at offset base of the file, is no
// UTF-8 without NUL; nil if it is. The place is the offset in the file alone.
func badBytes(text []byte, base int) *Error {
	if bytes.IndexByte(text, 0) < 0 && utf8.Valid(text) {
		return nil
	}
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRune(text[i:])
		switch {
		case r == 0:
			return &Error{Problem: Encoding, Offset: base + i, Message: fmt.Sprintf("there is a NUL byte at offset %d, which no SQL text may hold: take it out", base+i)}
		case r == utf8.RuneError && size == 1:
			return &Error{Problem: Encoding, Offset: base + i, Message: fmt.Sprintf("the byte 0x%02X at offset %d is not UTF-8: save the file as UTF-8", text[i], base+i)}
		}
		i += size
	}
	return nil // unreachable unless the two looks at text differ
}

// Position returns where the byte at offset stands in text, both 1-based, the
// column in characters. Lines end with LF. An offset behind the text is its end.
func Position(text []byte, offset int) (line, column int) {
	p := place{text: text, line: 1, column: 1}
	return p.of(min(max(offset, 0), len(text)))
}
