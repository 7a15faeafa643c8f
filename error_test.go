package slipway_test

import (
	"errors"
	"fmt"
	"io"
	"testing"

	"slipway"
)

func TestErrorTexts(t *testing.T) {
	wrapped := slipway.Errorf(slipway.Invalid, "read the file: %w", io.ErrUnexpectedEOF)
	hidden := slipway.Errorf(slipway.Unavailable, "the store is away").Because(io.ErrUnexpectedEOF)
	replaced := wrapped.Because(io.ErrClosedPipe)
	for _, tc := range []struct {
		name         string
		err          error
		shown, inLog string
		kind         slipway.Kind
	}{
		{"a wrapped cause is told once", wrapped, "read the file: unexpected EOF", "read the file: unexpected EOF", slipway.Invalid},
		{"a hidden cause is for the log", hidden, "the store is away", "the store is away: unexpected EOF", slipway.Unavailable},
		{"another cause is hidden as well", replaced, "read the file: unexpected EOF", "read the file: unexpected EOF: io: read/write on closed pipe", slipway.Invalid},
		{"the kind is found below", fmt.Errorf("open: %w", hidden), "the store is away", "open: the store is away: unexpected EOF", slipway.Unavailable},
		{
			"an unclassified failure tells nothing", io.ErrUnexpectedEOF,
			"something went wrong inside the server; its log has the details", "unexpected EOF", slipway.Internal,
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := slipway.MessageOf(tc.err); got != tc.shown {
				t.Errorf("shown: %q, want %q", got, tc.shown)
			}
			if got := tc.err.Error(); got != tc.inLog {
				t.Errorf("in the log: %q, want %q", got, tc.inLog)
			}
			if got := slipway.KindOf(tc.err); got != tc.kind {
				t.Errorf("kind %v, want %v", got, tc.kind)
			}
		})
	}
	if !errors.Is(wrapped, io.ErrUnexpectedEOF) || !errors.Is(hidden, io.ErrUnexpectedEOF) {
		t.Error("a cause is lost to errors.Is")
	}
}
