package webhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"hash"
	"io"
	"log/slog"
	"strings"
	"time"
)

const (
	signingPrefix = "whsec_"
	signingBytes  = 32

	defaultTolerance = 5 * time.Minute
	defaultMemory    = 1 << 16
)

// A Verifier verifies that requests are from GitLab, and decodes their events. It is safe
// for concurrent use. Printing one shows no token.
type Verifier struct {
	// Functions, since fmt would show the bytes of a key or a token.
	macs   []func() hash.Hash
	tokens []func(digest []byte) (equal int)

	tolerance time.Duration
	seen      *replayMemory
}

// An Option configures a [Verifier].
type Option func(*config) error

type config struct {
	macs      []func() hash.Hash
	tokens    []func(digest []byte) int
	tolerance time.Duration
	memory    int
}

// SigningToken accepts requests that are signed with this token, which begins with
// "whsec_". It is the setting to prefer: it proves who sent the body, when, and that
// nothing was changed. GitLab signs from version 19.0 on. With several signing tokens,
// any of them is accepted, as needed while a token is replaced.
//
// A request that carries a signature is then verified by nothing else.
func SigningToken(token string) Option {
	return func(c *config) error {
		text, found := strings.CutPrefix(token, signingPrefix)
		key, err := base64.StdEncoding.Strict().DecodeString(text)
		if !found || err != nil || len(key) != signingBytes || strings.ContainsAny(token, "\r\n") {
			return fmt.Errorf("webhook: a signing token is %q and %d bytes in base64, as GitLab generates it", signingPrefix, signingBytes)
		}
		c.macs = append(c.macs, func() hash.Hash { return hmac.New(sha256.New, key) })
		return nil
	}
}

// SecretToken accepts requests whose X-Gitlab-Token is this token. With a [SigningToken]
// next to it, those that carry a signature are verified by that alone. A secret token
// proves who sent the request, but not that the body is unchanged, and anyone who reads one
// request can send others. With several secret tokens, any of them is accepted. One has at
// most 1 KiB.
//
// Next to a [SigningToken], it accepts the hooks that have no signing token yet. Remove
// it when all of them sign.
func SecretToken(token string) Option {
	return func(c *config) error {
		if token == "" {
			return errors.New("webhook: the secret token is empty")
		}
		if strings.TrimSpace(token) != token || strings.ContainsAny(token, "\x00\r\n") {
			return errors.New("webhook: the secret token has white space at an end or a control character, which no header can have")
		}
		if len(token) > maxCredentialBytes {
			return fmt.Errorf("webhook: the secret token has %d bytes; a header with more than %d is refused, so use a shorter one", len(token), maxCredentialBytes)
		}
		want := sha256.Sum256([]byte(token))
		// Digests have one length, so that the time does not show that of the token.
		c.tokens = append(c.tokens, func(digest []byte) int { return subtle.ConstantTimeCompare(want[:], digest) })
		return nil
	}
}

// Tolerance is how far the timestamp of a signed request may be from the present time, in
// both directions. The default is 5 minutes.
func Tolerance(d time.Duration) Option {
	return func(c *config) error {
		if d < time.Second {
			return fmt.Errorf("webhook: a tolerance of %v is shorter than a second, in which GitLab counts", d)
		}
		c.tolerance = d
		return nil
	}
}

// ReplayMemory is how many accepted events the Verifier remembers, to recognize those
// that are sent again. It takes up to 64 bytes for each. The default is 65,536.
//
// If more events arrive within the [Tolerance], a signed request that is as old as a
// forgotten one is refused with [ErrTimestamp], since it could be a replay.
func ReplayMemory(events int) Option {
	return func(c *config) error {
		if events < 1 {
			return fmt.Errorf("webhook: a replay memory of %d events", events)
		}
		c.memory = events
		return nil
	}
}

// NewVerifier returns a Verifier with at least one [SigningToken] or [SecretToken].
func NewVerifier(opts ...Option) (*Verifier, error) {
	c := config{tolerance: defaultTolerance, memory: defaultMemory}
	for _, option := range opts {
		if err := option(&c); err != nil {
			return nil, err
		}
	}
	if len(c.macs)+len(c.tokens) == 0 {
		return nil, errors.New("webhook: a verifier needs a SigningToken or a SecretToken")
	}
	return &Verifier{macs: c.macs, tokens: c.tokens, tolerance: c.tolerance, seen: newReplayMemory(c.memory)}, nil
}

// Forget lets the event with this [Event.ID] be accepted again, such as after the work on
// it has failed. A signed request that is as old as an event that the [ReplayMemory] had no
// room for is still refused with [ErrTimestamp].
func (v *Verifier) Forget(id string) { v.seen.release(id) }

// Format writes the same for every verb.
func (*Verifier) Format(f fmt.State, _ rune) { io.WriteString(f, "webhook.Verifier") }

// LogValue is what log/slog writes.
func (*Verifier) LogValue() slog.Value { return slog.StringValue("webhook.Verifier") }
