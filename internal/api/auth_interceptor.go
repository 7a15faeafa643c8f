package api

import (
	"context"
	"net/netip"
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

// maxUserAgent is how many bytes of a caller's word about itself are kept.
const maxUserAgent = 256

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
func authenticate(auth Authenticator, trusted proxies) connect.ServerInterceptor {
	return func(next connect.ServerFunc) connect.ServerFunc {
		return func(ctx context.Context, spec connect.Spec, stream connect.ServerStream) error {
			info, _ := connect.CallInfoForServerContext(ctx)
			c := call{bearer: credential(info.RequestHeader())}
			c.who.Origin = slipway.Origin{
				IP:        trusted.client(info.PeerAddr, info.RequestHeader().Values("X-Forwarded-For")),
				UserAgent: cut(info.RequestHeader().Get("User-Agent"), maxUserAgent),
			}
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

// proxies are the networks whose X-Forwarded-For is believed.
type proxies []netip.Prefix

// client returns the address of who calls: the connection's, or where that is a
// trusted proxy's, the last one in the forwarding headers that is not.
func (p proxies) client(peer string, forwarded []string) string {
	addr, ok := parseAddr(peer)
	if !ok {
		return ""
	}
	hops := strings.Split(strings.Join(forwarded, ","), ",")
	for len(hops) > 0 && p.trust(addr) {
		last := hops[len(hops)-1]
		hops = hops[:len(hops)-1]
		before, ok := parseAddr(strings.TrimSpace(last))
		if !ok {
			break
		}
		addr = before
	}
	return addr.String()
}

func (p proxies) trust(addr netip.Addr) bool {
	for _, prefix := range p {
		if prefix.Contains(addr) {
			return true
		}
	}
	return false
}

// parseAddr reads "192.0.2.1:4711" or "192.0.2.1", IPv6 likewise.
func parseAddr(s string) (netip.Addr, bool) {
	if ap, err := netip.ParseAddrPort(s); err == nil {
		return ap.Addr().Unmap().WithZone(""), true
	}
	addr, err := netip.ParseAddr(s)
	return addr.Unmap().WithZone(""), err == nil
}

// cut returns at most n bytes of s, whole characters of valid UTF-8.
func cut(s string, n int) string {
	if len(s) > n {
		s = s[:n]
	}
	return strings.ToValidUTF8(s, "")
}
