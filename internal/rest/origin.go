package rest

import (
	"net"
	"net/url"
	"strings"
)

// SameOrigin reports whether two URLs have the same scheme, host and port. A host
// that is not ASCII is never the same: other code decides how it is resolved, such
// as the Kelvin sign as a k.
func SameOrigin(a, b *url.URL) bool {
	return SameHost(a, b) && LowerASCII(a.Scheme) == LowerASCII(b.Scheme) && port(a) == port(b)
}

// SameHost reports whether two URLs have the same host; it ignores their ports.
func SameHost(a, b *url.URL) bool {
	return IsASCII(a.Host) && IsASCII(b.Host) && hostOf(a) == hostOf(b)
}

// hostOf returns a URL's host in lower case, except the zone of an IPv6 address.
func hostOf(u *url.URL) string {
	host, zone, zoned := strings.Cut(u.Hostname(), "%")
	if zoned {
		return LowerASCII(host) + "%" + zone
	}
	return LowerASCII(host)
}

func port(u *url.URL) string {
	if p := u.Port(); p != "" {
		return p
	}
	if LowerASCII(u.Scheme) == "https" {
		return "443"
	}
	return "80"
}

func IsLoopback(host string) bool {
	ip := net.ParseIP(host)
	return LowerASCII(host) == "localhost" || ip != nil && ip.IsLoopback()
}

// LowerASCII lowers only A to Z. Unicode functions such as strings.ToLower map
// some other letters to ASCII.
func LowerASCII(text string) string {
	lower := []byte(text)
	for i, b := range lower {
		if 'A' <= b && b <= 'Z' {
			lower[i] = b + 'a' - 'A'
		}
	}
	return string(lower)
}

func IsASCII(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return r >= 0x80 })
}
