// Package secret holds values that must not be printed, and removes them from texts
// that others wrote: error messages of servers, URLs, the errors of net/http.
//
// It is handed texts and the secrets in use. Apart from queries and passwords in URLs,
// it never decides what is secret. It never logs.
package secret

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"regexp"
	"strconv"
	"strings"
)

const redacted = "[REDACTED]"

// Shortest is how long a secret must be to be taken out of texts. Without "1" or "main",
// they would be unreadable.
const Shortest = 8

// A Value is a text that no way of printing shows. It is kept in a function:
// fmt ignores the methods of values in unexported fields, and would show a
// string there.
type Value struct{ reveal func() string }

// New returns a secret value.
func New(text string) Value { return Value{func() string { return text }} }

// Reveal returns the text, to send it.
func (v Value) Reveal() string { return v.reveal() }

// Format writes the same for every verb.
func (Value) Format(f fmt.State, _ rune) { io.WriteString(f, redacted) }

// LogValue is what log/slog writes.
func (Value) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText is what JSON has.
func (Value) MarshalText() ([]byte, error) { return []byte(redacted), nil }

var (
	userInfo = regexp.MustCompile(`://[^\s"'<>/?#@]*@`)
	urlTail  = regexp.MustCompile(`(://[^\s"'<>?#]*)[?#][^\s"'<>]+`)
	queries  = regexp.MustCompile(`\?[^\s"'<>]*=[^\s"'<>]*`)
)

// Scrub makes a text that someone else wrote fit to be printed: it redacts it, and
// escapes what could forge a line of a log or command a terminal.
func Scrub(text string, secrets []Value) string { return Escape(Redact(text, secrets)) }

// Redact takes out of a text the secrets, passwords in URLs, and queries, which
// may be signatures: none of a query's names is worth an exception.
func Redact(text string, secrets []Value) string {
	text = userInfo.ReplaceAllLiteralString(text, "://")
	text = urlTail.ReplaceAllString(text, "${1}?…")
	text = queries.ReplaceAllLiteralString(text, "?…")
	return redact(text, secrets)
}

// OneLine joins the lines of a text, and makes each white space a single one.
func OneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

// A scrubbedError stands for an error whose own text must not be printed. It
// can be matched as the other one can, but not unwrapped to it.
type scrubbedError struct {
	text string
	err  error
}

// ScrubError returns err itself if its text can be printed.
func ScrubError(err error, secrets []Value) error {
	if err == nil {
		return nil
	}
	if text := Scrub(err.Error(), secrets); text != err.Error() {
		return &scrubbedError{text, err}
	}
	return err
}

func (e *scrubbedError) Error() string        { return e.text }
func (e *scrubbedError) GoString() string     { return strconv.Quote(e.text) }
func (e *scrubbedError) Is(target error) bool { return errors.Is(e.err, target) }
func (e *scrubbedError) As(target any) bool   { return errors.As(e.err, target) }
