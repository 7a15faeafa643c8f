package trust

import (
	"encoding/json"
	"fmt"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// maxDepth bounds nesting: claims of CI platforms nest two deep.
const maxDepth = 16

// ParseObject decodes data as one JSON object, strictly: no name twice in any
// object, no trailing bytes, no byte order mark, valid UTF-8, no lone
// surrogates, at most 16 levels deep. RFC 8259 §4 leaves repeated names to the
// reader, and readers differ; a token must mean the same to everyone. Names
// keep their case. Values are nil, bool, json.Number, string, []any and
// map[string]any.
func ParseObject(data []byte) (map[string]any, error) {
	if !utf8.Valid(data) {
		return nil, fmt.Errorf("read JSON: not valid UTF-8")
	}
	r := reader{data: data}
	r.space()
	if r.peek() != '{' {
		return nil, fmt.Errorf("read JSON: not an object")
	}
	v, err := r.value(0)
	if err != nil {
		return nil, fmt.Errorf("read JSON at byte %d: %w", r.at, err)
	}
	r.space()
	if r.at != len(data) {
		return nil, fmt.Errorf("read JSON at byte %d: something follows the object", r.at)
	}
	return v.(map[string]any), nil
}

// A reader walks JSON that is known to be UTF-8.
type reader struct {
	data []byte
	at   int
}

// peek returns the byte at the reader, 0 at the end: no JSON token begins with it.
func (r *reader) peek() byte {
	if r.at < len(r.data) {
		return r.data[r.at]
	}
	return 0
}

func (r *reader) space() {
	for r.at < len(r.data) {
		switch r.data[r.at] {
		case ' ', '\t', '\n', '\r':
			r.at++
		default:
			return
		}
	}
}

func (r *reader) take(b byte) error {
	if r.peek() != b {
		return fmt.Errorf("want %q", b)
	}
	r.at++
	return nil
}

func (r *reader) value(depth int) (any, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("nested deeper than %d", maxDepth)
	}
	switch b := r.peek(); {
	case b == '{':
		return r.object(depth)
	case b == '[':
		return r.array(depth)
	case b == '"':
		return r.text()
	case b == '-' || '0' <= b && b <= '9':
		return r.number()
	}
	for word, v := range map[string]any{"true": true, "false": false, "null": nil} {
		if end := r.at + len(word); end <= len(r.data) && string(r.data[r.at:end]) == word {
			r.at = end
			return v, nil
		}
	}
	return nil, fmt.Errorf("no value")
}

func (r *reader) object(depth int) (any, error) {
	r.at++
	m := map[string]any{}
	r.space()
	if r.peek() == '}' {
		r.at++
		return m, nil
	}
	for {
		r.space()
		name, err := r.text()
		if err != nil {
			return nil, err
		}
		if _, twice := m[name]; twice {
			return nil, fmt.Errorf("%.64q stands there twice", name)
		}
		r.space()
		if err := r.take(':'); err != nil {
			return nil, err
		}
		r.space()
		v, err := r.value(depth + 1)
		if err != nil {
			return nil, err
		}
		m[name] = v
		r.space()
		if r.peek() == ',' {
			r.at++
			continue
		}
		return m, r.take('}')
	}
}

func (r *reader) array(depth int) (any, error) {
	r.at++
	a := []any{}
	r.space()
	if r.peek() == ']' {
		r.at++
		return a, nil
	}
	for {
		r.space()
		v, err := r.value(depth + 1)
		if err != nil {
			return nil, err
		}
		a = append(a, v)
		r.space()
		if r.peek() == ',' {
			r.at++
			continue
		}
		return a, r.take(']')
	}
}

// text reads a string (RFC 8259 §7).
func (r *reader) text() (string, error) {
	if err := r.take('"'); err != nil {
		return "", err
	}
	start := r.at
	var out []byte // nil until the first escape
	for r.at < len(r.data) {
		switch b := r.data[r.at]; {
		case b == '"':
			plain := r.data[start:r.at]
			r.at++
			return string(append(out, plain...)), nil
		case b < ' ':
			return "", fmt.Errorf("control character in a string")
		case b == '\\':
			out = append(out, r.data[start:r.at]...)
			c, err := r.escape()
			if err != nil {
				return "", err
			}
			out = utf8.AppendRune(out, c)
			start = r.at
		default:
			r.at++
		}
	}
	return "", fmt.Errorf("a string has no end")
}

// escape reads an escape sequence, both halves of a surrogate pair at once.
func (r *reader) escape() (rune, error) {
	r.at++
	b := r.peek()
	r.at++
	switch b {
	case '"', '\\', '/':
		return rune(b), nil
	case 'b':
		return '\b', nil
	case 'f':
		return '\f', nil
	case 'n':
		return '\n', nil
	case 'r':
		return '\r', nil
	case 't':
		return '\t', nil
	case 'u':
		return r.unicode()
	}
	return 0, fmt.Errorf("unknown escape")
}

func (r *reader) unicode() (rune, error) {
	c, err := r.hex()
	if err != nil || !utf16.IsSurrogate(c) {
		return c, err
	}
	if r.peek() == '\\' && r.at+1 < len(r.data) && r.data[r.at+1] == 'u' {
		r.at += 2
		low, err := r.hex()
		if err != nil {
			return 0, err
		}
		if full := utf16.DecodeRune(c, low); full != utf8.RuneError {
			return full, nil
		}
	}
	return 0, fmt.Errorf("a lone surrogate in a string")
}

func (r *reader) hex() (rune, error) {
	if r.at+4 > len(r.data) {
		return 0, fmt.Errorf("a short \\u escape")
	}
	n, err := strconv.ParseUint(string(r.data[r.at:r.at+4]), 16, 16)
	if err != nil {
		return 0, fmt.Errorf("a bad \\u escape")
	}
	r.at += 4
	return rune(n), nil
}

// number reads a number (RFC 8259 §6) and keeps its text: what it stands for
// depends on the claim.
func (r *reader) number() (any, error) {
	start := r.at
	if r.peek() == '-' {
		r.at++
	}
	first := r.at
	if n := r.digits(); n == 0 || n > 1 && r.data[first] == '0' {
		return nil, fmt.Errorf("a bad number")
	}
	if r.peek() == '.' {
		r.at++
		if r.digits() == 0 {
			return nil, fmt.Errorf("a bad number")
		}
	}
	if b := r.peek(); b == 'e' || b == 'E' {
		r.at++
		if b := r.peek(); b == '+' || b == '-' {
			r.at++
		}
		if r.digits() == 0 {
			return nil, fmt.Errorf("a bad number")
		}
	}
	return json.Number(r.data[start:r.at]), nil
}

func (r *reader) digits() int {
	start := r.at
	for b := r.peek(); '0' <= b && b <= '9'; b = r.peek() {
		r.at++
	}
	return r.at - start
}
