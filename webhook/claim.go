package webhook

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"hash"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const (
	headerEvent       = "X-Gitlab-Event"
	headerInstance    = "X-Gitlab-Instance"
	headerUUID        = "X-Gitlab-Event-Uuid"
	headerToken       = "X-Gitlab-Token"
	headerIdempotency = "Idempotency-Key"
	headerID          = "Webhook-Id"
	headerTimestamp   = "Webhook-Timestamp"
	headerSignature   = "Webhook-Signature"
)

// maxCredentialBytes is how long a header may be that says who sent a request. GitLab's take
// some fifty bytes, and a signature that many for each token.
const maxCredentialBytes = 1 << 10

// A claim is what the headers of a request say about its sender, until the body has shown
// whether that is true.
type claim struct {
	id     string
	sent   time.Time // zero if the request says nothing of it
	signed bool

	signatures string      // with spaces between them
	macs       []hash.Hash // of the body so far, one for each signing token
}

// claimOf checks what can be checked without the body. If there is a signing token, a
// request that carries a signature is verified by it alone: a wrong signature is refused
// even with the right secret token, which may be stolen.
func (v *Verifier) claimOf(h http.Header, now time.Time) (*claim, error) {
	for _, name := range []string{headerID, headerTimestamp, headerSignature, headerToken} {
		if len(h[name]) > 1 {
			return nil, ErrCredentials // two programs may not read the same one
		}
		if len(h.Get(name)) > maxCredentialBytes {
			return nil, ErrCredentials // which would be held, unverified, while the body arrives
		}
	}
	c := &claim{id: h.Get(headerID)}
	sent, hasTime := timestamp(h.Get(headerTimestamp))
	if hasTime {
		c.sent = sent
	}
	switch {
	case len(v.macs) > 0 && len(h[headerSignature]) > 0:
		return c, v.beginSignature(c, h, hasTime, now)
	case len(v.tokens) > 0 && len(h[headerToken]) > 0:
		if c.id == "" && len(h[headerIdempotency]) == 1 {
			c.id = h.Get(headerIdempotency)
		}
		return c, v.checkToken(h.Get(headerToken))
	}
	return nil, ErrCredentials
}

// beginSignature prepares a claim for verifying the signature when the body has arrived.
func (v *Verifier) beginSignature(c *claim, h http.Header, hasTime bool, now time.Time) error {
	// The message joins the ID, the timestamp and the body by full stops. An ID with a
	// full stop could have parts of the others in it.
	if c.id == "" || strings.Contains(c.id, ".") || !hasTime {
		return ErrSignature
	}
	if age := now.Sub(c.sent); age > v.tolerance || age < -v.tolerance {
		return ErrTimestamp
	}
	c.signed = true
	c.signatures = h.Get(headerSignature)
	for _, mac := range v.macs {
		c.macs = append(c.macs, mac())
	}
	c.Write([]byte(c.id + "." + h.Get(headerTimestamp) + "."))
	return nil
}

// checkToken compares a token with all of the verifier's tokens, even after a match, so that
// the time does not show which one matches.
func (v *Verifier) checkToken(token string) error {
	digest := sha256.Sum256([]byte(token))
	equal := 0
	for _, compare := range v.tokens {
		equal |= compare(digest[:])
	}
	if equal != 1 {
		return ErrToken
	}
	return nil
}

// Write adds a part of the body.
func (c *claim) Write(part []byte) (int, error) {
	for _, mac := range c.macs {
		mac.Write(part)
	}
	return len(part), nil
}

// check returns nil if the body proves the claim. Texts are compared, not bytes: base64
// has several texts for the same bytes.
func (c *claim) check() error {
	if !c.signed {
		return nil
	}
	equal := 0
	for _, mac := range c.macs {
		want := []byte("v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil)))
		for signature := range strings.SplitSeq(c.signatures, " ") {
			equal |= subtle.ConstantTimeCompare(want, []byte(signature))
		}
	}
	if equal != 1 {
		return ErrSignature
	}
	return nil
}

// timestamp reads seconds since 1970, written by digits alone.
func timestamp(text string) (time.Time, bool) {
	if len(text) > 12 || strings.Trim(text, "0123456789") != "" {
		return time.Time{}, false
	}
	seconds, err := strconv.ParseInt(text, 10, 64)
	return time.Unix(seconds, 0).UTC(), err == nil
}
