package slipway

import (
	"net/netip"
	"strings"
)

// An Origin is where a call came from, for the audit log and for limits. Both
// parts are the caller's word unless a trusted proxy vouches for the address.
type Origin struct {
	IP        string
	UserAgent string // at most 256 bytes are kept
}

// NewOrigin returns the origin of a call over a connection from peer, an
// address with or without a port, with the given User-Agent and X-Forwarded-For
// headers. The latter are believed as far as p says.
func NewOrigin(p Proxies, peer string, forwarded []string, userAgent string) Origin {
	const maxUserAgent = 256
	if len(userAgent) > maxUserAgent {
		userAgent = userAgent[:maxUserAgent]
	}
	return Origin{IP: p.Client(peer, forwarded), UserAgent: strings.ToValidUTF8(userAgent, "")}
}

// Proxies are the networks whose X-Forwarded-For is believed.
type Proxies []netip.Prefix

// Client returns the address of who calls: the connection's, or, where that is
// a trusted proxy's, the last one in the forwarding headers that is not. It is
// "" for a peer that is no address.
func (p Proxies) Client(peer string, forwarded []string) string {
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

func (p Proxies) trust(addr netip.Addr) bool {
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
