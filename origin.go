package gitlabci

import (
	"net"
	"net/url"
	"strings"
)

// sameOrigin reports whether two URLs have the same scheme, host and port. A host
// that is not ASCII is never the same: other code decides how it is resolved, such
// as the Kelvin sign as a k.
func sameOrigin(a, b *url.URL) bool {
	return sameHost(a, b) && lowerASCII(a.Scheme) == lowerASCII(b.Scheme) && port(a) == port(b)
}

// sameHost reports whether two URLs have the same host; it ignores their ports.
func sameHost(a, b *url.URL) bool {
	return isASCII(a.Host) && isASCII(b.Host) && hostOf(a) == hostOf(b)
}

// hostOf returns a URL's host in lower case, except the zone of an IPv6 address.
func hostOf(u *url.URL) string {
	host, zone, zoned := strings.Cut(u.Hostname(), "%")
	if zoned {
		return lowerASCII(host) + "%" + zone
	}
	return lowerASCII(host)
}

func port(u *url.URL) string {
	if p := u.Port(); p != "" {
		return p
	}
	if lowerASCII(u.Scheme) == "https" {
		return "443"
	}
	return "80"
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return lowerASCII(host) == "localhost" || ip != nil && ip.IsLoopback()
}

// lowerASCII lowers only A to Z. Unicode functions such as strings.ToLower map
// some other letters to ASCII.
func lowerASCII(text string) string {
	lower := []byte(text)
	for i, b := range lower {
		if 'A' <= b && b <= 'Z' {
			lower[i] = b + 'a' - 'A'
		}
	}
	return string(lower)
}

func isASCII(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return r >= 0x80 })
}
