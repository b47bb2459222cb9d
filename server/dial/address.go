package dial

import "net/netip"

// special says why an address is no stranger's, or "" for addresses of the public Internet.
//
// Source: IANA IPv4 and IPv6 Special-Purpose Address Registries (RFC 6890); RFC 6052 (NAT64), RFC 3056 (6to4).
func special(a netip.Addr) string {
	a = plain(a)
	if a.Zone() != "" {
		return "an address of one link"
	}
	ranges := ranges6()
	if a.Is4() {
		ranges = ranges4()
	}
	for _, r := range ranges {
		if netip.MustParsePrefix(r.prefix).Contains(a) {
			return r.is
		}
	}
	if a.Is6() && !netip.MustParsePrefix("2000::/3").Contains(a) {
		return "no global unicast address"
	}
	return ""
}

// plain gives the IPv4 address that an IPv6 address stands for: mapped (::ffff:0:0/96), or behind the well-known prefix of NAT64 (64:ff9b::/96), by which
// networks without IPv4 reach the public Internet.
func plain(a netip.Addr) netip.Addr {
	a = a.Unmap()
	if a.Is6() && netip.MustParsePrefix("64:ff9b::/96").Contains(a.WithZone("")) {
		b := a.As16()
		return netip.AddrFrom4([4]byte(b[12:]))
	}
	return a
}

type addressRange struct{ prefix, is string }

func ranges4() []addressRange {
	return []addressRange{
		{"0.0.0.0/8", "this network"},
		{"10.0.0.0/8", "private"},
		{"100.64.0.0/10", "shared by a provider's customers (CGNAT)"},
		{"127.0.0.0/8", "loopback"},
		{"169.254.0.0/16", "link-local"},
		{"172.16.0.0/12", "private"},
		{"192.0.0.0/24", "for protocols"},
		{"192.0.2.0/24", "documentation"},
		{"192.88.99.0/24", "a relay of 6to4"},
		{"192.168.0.0/16", "private"},
		{"198.18.0.0/15", "for measurements"},
		{"198.51.100.0/24", "documentation"},
		{"203.0.113.0/24", "documentation"},
		{"224.0.0.0/4", "multicast"},
		{"240.0.0.0/4", "reserved, or broadcast"},
	}
}

// ranges6 lists those of 2000::/3, and, for a clearer word, the best known of the others.
func ranges6() []addressRange {
	return []addressRange{
		{"::/128", "unspecified"},
		{"::1/128", "loopback"},
		{"64:ff9b:1::/48", "of a local NAT64"},
		{"fc00::/7", "private (ULA)"},
		{"fe80::/10", "link-local"},
		{"ff00::/8", "multicast"},
		{"2001::/23", "for protocols (Teredo, ORCHID, measurements)"},
		{"2001:db8::/32", "documentation"},
		{"2002::/16", "an IPv4 address within (6to4)"},
		{"3fff::/20", "documentation"},
	}
}
