package idtoken

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"syscall"
)

// guard is called with every address before it is dialled, after DNS: a name
// that resolves to an internal address is refused like the address itself, and
// resolving it anew between check and use changes nothing.
func guard(_ context.Context, _, address string, _ syscall.RawConn) error {
	a, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("read address %q: %w", address, err)
	}
	return checkAddress(a.Addr())
}

// reserved lists what the registries of special-purpose addresses (RFC 6890 and
// its successors) take out of the public internet, beyond what netip knows.
var reserved = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"),
	netip.MustParsePrefix("100.64.0.0/10"), // carriers' networks
	netip.MustParsePrefix("192.0.0.0/24"),
	netip.MustParsePrefix("192.0.2.0/24"),
	netip.MustParsePrefix("192.88.99.0/24"),
	netip.MustParsePrefix("198.18.0.0/15"),
	netip.MustParsePrefix("198.51.100.0/24"),
	netip.MustParsePrefix("203.0.113.0/24"),
	netip.MustParsePrefix("240.0.0.0/4"),
	netip.MustParsePrefix("2001::/23"), // Teredo, ORCHID, benchmarks
	netip.MustParsePrefix("2001:db8::/32"),
	netip.MustParsePrefix("2002::/16"), // 6to4 carries an IPv4 address
	netip.MustParsePrefix("3fff::/20"),
}

// unicast6 is all that is given out of IPv6 (RFC 4291 §2.4). The rest carries
// IPv4 addresses in one form or another, or is for use inside a network.
var unicast6 = netip.MustParsePrefix("2000::/3")

// nat64 carries an IPv4 address in its last four bytes (RFC 6052).
var nat64 = netip.MustParsePrefix("64:ff9b::/96")

// checkAddress refuses what is not on the public internet.
func checkAddress(a netip.Addr) error {
	a = a.WithZone("").Unmap()
	if nat64.Contains(a) {
		b := a.As16()
		a = netip.AddrFrom4([4]byte(b[12:]))
	}
	// Global unicast leaves out multicast, loopback, link-local, unspecified.
	bad := !a.IsGlobalUnicast() || a.IsPrivate() || a.Is6() && !unicast6.Contains(a)
	for _, p := range reserved {
		bad = bad || p.Contains(a)
	}
	if bad {
		return fmt.Errorf("address %s is not on the public internet; SLIPWAY_PRIVATE_ISSUERS lists issuers that may be private", a)
	}
	return nil
}

// numeric reports whether host is a number that some resolvers read as an IPv4
// address ("2130706433", "0x7f.1", "0177.1"): a host whose last label is a
// number and that is no plain address.
func numeric(host string) bool {
	if _, err := netip.ParseAddr(host); err == nil {
		return false
	}
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	last := host[strings.LastIndexByte(host, '.')+1:]
	if hex, ok := strings.CutPrefix(last, "0x"); ok {
		return strings.Trim(hex, "0123456789abcdef") == ""
	}
	return last != "" && strings.Trim(last, "0123456789") == ""
}
