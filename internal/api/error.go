package api

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"strings"

	"connectrpc.com/connect/v2"
	"connectrpc.com/connect/v2/connectproto"

	"slipway"
	"slipway/internal/pb"
)

// codes says what each kind of failure is on the wire.
var codes = map[slipway.Kind]connect.Code{
	slipway.Internal:        connect.CodeInternal,
	slipway.Invalid:         connect.CodeInvalidArgument,
	slipway.Unauthenticated: connect.CodeUnauthenticated,
	slipway.Denied:          connect.CodePermissionDenied,
	slipway.NotFound:        connect.CodeNotFound,
	slipway.Exists:          connect.CodeAlreadyExists,
	slipway.Conflict:        connect.CodeAborted,
	slipway.Precondition:    connect.CodeFailedPrecondition,
	slipway.Exhausted:       connect.CodeResourceExhausted,
	slipway.Unavailable:     connect.CodeUnavailable,
	slipway.Unimplemented:   connect.CodeUnimplemented,
	slipway.Canceled:        connect.CodeCanceled,
	slipway.Timeout:         connect.CodeDeadlineExceeded,
}

// reportErrors turns every failure into what the caller may see of it, and logs
// the ones that are the server's own fault. It is the outermost interceptor.
func reportErrors(lg *slog.Logger) connect.ServerInterceptor {
	return func(next connect.ServerFunc) connect.ServerFunc {
		return func(ctx context.Context, spec connect.Spec, stream connect.ServerStream) (err error) {
			defer func() {
				if r := recover(); r != nil {
					err = report(ctx, lg, spec, fmt.Errorf("panic: %v\n%s", r, debug.Stack()))
				}
			}()
			if err := next(ctx, spec, stream); err != nil {
				return report(ctx, lg, spec, err)
			}
			return nil
		}
	}
}

// report returns err as it goes over the wire.
func report(ctx context.Context, lg *slog.Logger, spec connect.Spec, err error) *connect.Error {
	own, isOwn := errors.AsType[*slipway.Error](err)
	wire, isWire := errors.AsType[*connect.Error](err)
	switch {
	case isOwn && own.Kind != slipway.Internal:
		return withDenial(connect.NewError(codes[own.Kind], strings.ToValidUTF8(slipway.MessageOf(err), "\uFFFD")).WithCause(err), spec, own.Denial)
	case isWire && wire.Code() == connect.CodeUnimplemented:
		return connect.Errorf(connect.CodeUnimplemented, "%s is part of the API, but this version does not have it built", methodName(spec))
	case isWire && wire.Code() != connect.CodeInternal && wire.Code() != connect.CodeUnknown:
		return wire // what a transport says of a request that it could not read
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return connect.NewError(connect.CodeDeadlineExceeded, "the time that the caller allowed ran out").WithCause(err)
	case ctx.Err() != nil:
		return connect.NewError(connect.CodeCanceled, "the caller gave up").WithCause(err)
	}
	id := strings.ToLower(rand.Text()[:16])
	lg.ErrorContext(ctx, "call failed", "method", spec.Procedure, "request", id, "err", err)
	return connect.Errorf(connect.CodeInternal, "%s (request %s)", slipway.MessageOf(nil), id).WithCause(err)
}

// withDenial attaches what the caller lacked, under the type name that clients
// of the API know.
func withDenial(e *connect.Error, spec connect.Spec, d *slipway.Denial) *connect.Error {
	if d == nil {
		return e
	}
	detail, err := connectproto.NewErrorDetail(&pb.PermissionDeniedDetail{
		Method:              spec.Procedure,
		RequiredPermissions: []string{d.Permission},
		Resources:           []string{d.Resource},
		Caller:              d.Caller,
	})
	if err != nil { // unreachable unless a string is not UTF-8: the message says the same
		return e
	}
	return e.WithDetail(detail)
}

// methodName returns "ReleaseService.GetRelease".
func methodName(spec connect.Spec) string {
	name := spec.Procedure[strings.LastIndexByte(spec.Procedure, '.')+1:]
	return strings.ReplaceAll(name, "/", ".")
}
