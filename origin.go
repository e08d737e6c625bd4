package gitlabci

import (
	"net"
	"net/url"
	"strings"
)

// sameOrigin reports whether two URLs share scheme, host and port. A host that
// is not ASCII shares them with none: what it is looked up as, such as the
// Kelvin sign as a k, is decided elsewhere.
func sameOrigin(a, b *url.URL) bool {
	return sameHost(a, b) && lowerASCII(a.Scheme) == lowerASCII(b.Scheme) && port(a) == port(b)
}

// sameHost reports whether two URLs have the same host, whatever their ports.
func sameHost(a, b *url.URL) bool {
	return isASCII(a.Host) && isASCII(b.Host) && hostOf(a) == hostOf(b)
}

// hostOf is a URL's host in lower case, but for the zone of an IPv6 address.
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

// lowerASCII changes A to Z alone. Functions that know Unicode turn other
// letters into ASCII ones.
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
