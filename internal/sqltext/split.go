package sqltext

import "iter"

// Split yields the statements of text in order. Text shall have been through
// Prepare; a NUL or a byte that is not UTF-8 is an error here as well. Every
// error is an *Error. After a ClientCommand the iteration goes on behind the
// command's line; after any other error it ends.
func Split(d Dialect, text []byte) iter.Seq2[Statement, error] {
	return func(yield func(Statement, error) bool) {}
}
