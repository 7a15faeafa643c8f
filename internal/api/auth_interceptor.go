package api

import (
	"context"
	"strings"

	"connectrpc.com/connect/v2"

	"slipway"
	"slipway/internal/pb"
)

// open says whether procedure needs no credential.
func open(procedure string) bool {
	switch procedure {
	case pb.AuthServiceLoginProcedure, pb.AuthServiceSignupProcedure,
		pb.AuthServiceExchangeTokenProcedure, pb.AuthServiceLogoutProcedure:
		return true
	}
	return false
}

// maxBearer bounds a credential in bytes; ours are far shorter.
const maxBearer = 16 << 10

// A call is what is known of who calls.
type call struct {
	who    slipway.Principal
	bearer string
}

type callKey struct{}

// caller returns who calls. It is the zero Principal but for its Origin in a
// method that needs no credential.
func caller(ctx context.Context) slipway.Principal {
	c, _ := ctx.Value(callKey{}).(call)
	return c.who
}

// bearer returns the credential that came with the call, unchecked in a method
// that needs none; "" for none.
func bearer(ctx context.Context) string {
	c, _ := ctx.Value(callKey{}).(call)
	return c.bearer
}

// authenticate lets nobody without a good credential through to a method that
// is not open. It runs before the request's message is read.
func authenticate(auth Authenticator, trusted slipway.Proxies) connect.ServerInterceptor {
	return func(next connect.ServerFunc) connect.ServerFunc {
		return func(ctx context.Context, spec connect.Spec, stream connect.ServerStream) error {
			info, _ := connect.CallInfoForServerContext(ctx)
			c := call{bearer: credential(info.RequestHeader())}
			c.who.Origin = slipway.NewOrigin(trusted, info.PeerAddr, info.RequestHeader().Values("X-Forwarded-For"), info.RequestHeader().Get("User-Agent"))
			if !open(spec.Procedure) {
				if c.bearer == "" {
					return slipway.Errorf(slipway.Unauthenticated, "access token not found")
				}
				who, err := auth.Authenticate(ctx, c.bearer, c.who.Origin)
				if err != nil {
					return err
				}
				if who.IsZero() || who.Kind == slipway.SystemKind { // unreachable unless the Authenticator is wrong
					return slipway.Errorf(slipway.Unauthenticated, "access token not found")
				}
				c.who = who
			}
			return next(context.WithValue(ctx, callKey{}, c), spec, stream)
		}
	}
}

// credential returns the token of "Authorization: Bearer TOKEN", or "" if that
// is not what stands there, once.
func credential(h *connect.Header) string {
	values := h.Values("Authorization")
	if len(values) != 1 || len(values[0]) > maxBearer {
		return ""
	}
	scheme, token, ok := strings.Cut(values[0], " ")
	if !ok || !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}
