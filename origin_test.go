package slipway_test

import (
	"net/netip"
	"strings"
	"testing"

	"slipway"
)

// An address in a header is a stranger's word unless a trusted proxy put it
// there, and only the hops before the proxies count.
func TestProxiesClient(t *testing.T) {
	trusted := slipway.Proxies{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}
	for _, tc := range []struct {
		name      string
		trusted   slipway.Proxies
		peer      string
		forwarded []string
		want      string
	}{
		{"no proxy", nil, "192.0.2.1:4711", nil, "192.0.2.1"},
		{"a header from a stranger", nil, "192.0.2.1:4711", []string{"198.51.100.7"}, "192.0.2.1"},
		{"a header from a stranger, proxies known", trusted, "192.0.2.1:4711", []string{"198.51.100.7"}, "192.0.2.1"},
		{"a proxy", trusted, "10.0.0.1:80", []string{"198.51.100.7"}, "198.51.100.7"},
		{"what a stranger told the proxy", trusted, "10.0.0.1:80", []string{"203.0.113.9, 198.51.100.7"}, "198.51.100.7"},
		{"two proxies", trusted, "10.0.0.1:80", []string{"203.0.113.9, 198.51.100.7, 10.0.0.2"}, "198.51.100.7"},
		{"two headers", trusted, "10.0.0.1:80", []string{"203.0.113.9, 198.51.100.7", "10.0.0.2"}, "198.51.100.7"},
		{"no address in the header", trusted, "10.0.0.1:80", []string{"unknown"}, "10.0.0.1"},
		{"proxies all the way", trusted, "10.0.0.1:80", []string{"10.0.0.3, 10.0.0.2"}, "10.0.0.3"},
		{"IPv6", trusted, "[fd00::1]:80", []string{"2001:db8::7"}, "2001:db8::7"},
		{"IPv4 in IPv6", trusted, "[::ffff:10.0.0.1]:80", []string{"198.51.100.7"}, "198.51.100.7"},
		{"no peer", trusted, "", []string{"198.51.100.7"}, ""},
	} {
		if got := tc.trusted.Client(tc.peer, tc.forwarded); got != tc.want {
			t.Errorf("%s: %q, want %q", tc.name, got, tc.want)
		}
	}
}

func TestNewOriginBoundsTheUserAgent(t *testing.T) {
	o := slipway.NewOrigin(nil, "192.0.2.1:4711", nil, strings.Repeat("a", 255)+"é")
	if want := (slipway.Origin{IP: "192.0.2.1", UserAgent: strings.Repeat("a", 255)}); o != want {
		t.Errorf("got %+v, want %+v", o, want)
	}
}
