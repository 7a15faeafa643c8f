package api

import (
	"context"
	"errors"
	"io"

	"connectrpc.com/connect/v2"

	"slipway"
	"slipway/internal/api/rest"
	"slipway/internal/pb"
)

// Bounds of a request's message, unpacked, in bytes. The largest one is for
// methods that take migration files, the smallest for those that strangers can
// call: an ID token has 16 KiB at most.
const (
	openBytes  = 64 << 10
	usualBytes = 4 << 20
	filesBytes = 128 << 20
)

// maxBytes returns how large a message the procedure takes.
func maxBytes(procedure string) int {
	switch procedure {
	case pb.ReleaseServiceCheckReleaseProcedure, pb.ReleaseServiceCreateReleaseProcedure,
		pb.SheetServiceCreateSheetProcedure, pb.SheetServiceBatchCreateSheetsProcedure:
		return filesBytes
	}
	if open(procedure) {
		return openBytes
	}
	return usualBytes
}

// receiveErrors makes what goes wrong while a message is read the caller's
// mistake, whatever the transport calls it: too large is INVALID_ARGUMENT here,
// since the same message stays too large however often it is sent.
func receiveErrors(next connect.ServerFunc) connect.ServerFunc {
	return func(ctx context.Context, spec connect.Spec, stream connect.ServerStream) error {
		return next(ctx, spec, receiver{stream, spec})
	}
}

type receiver struct {
	connect.ServerStream
	spec connect.Spec
}

// Receive implements connect.ServerStream.
func (r receiver) Receive(msg any) error {
	err := r.ServerStream.Receive(msg)
	if err == nil || errors.Is(err, io.EOF) {
		return err
	}
	if own, ok := errors.AsType[*slipway.Error](err); ok {
		return own
	}
	switch connect.CodeOf(err) {
	case connect.CodeResourceExhausted:
		return rest.TooLarge(maxBytes(r.spec.Procedure))
	case connect.CodeInvalidArgument, connect.CodeUnimplemented, connect.CodeInternal:
		if e, ok := errors.AsType[*connect.Error](err); ok {
			return slipway.Errorf(slipway.Invalid, "read the request: %s", e.Message())
		}
	case connect.CodeDeadlineExceeded:
		return err
	}
	return slipway.Errorf(slipway.Canceled, "the request ended before all of it was sent").Because(err)
}
