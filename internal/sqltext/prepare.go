package sqltext

// Prepare returns raw without its UTF-8 byte order mark, sharing its memory.
// It refuses NUL bytes, UTF-16 and invalid UTF-8 with an *Error: MariaDB and
// SQLite would store such bytes without a word.
func Prepare(raw []byte) ([]byte, error) { return raw, nil }

// Position returns where the byte at offset stands in text, both 1-based, the
// column in characters. Lines end with LF.
func Position(text []byte, offset int) (line, column int) { return 1, 1 }
