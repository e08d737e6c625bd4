package lenient

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/bits"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// mostDepth is how deep values may be nested.
const mostDepth = 10_000

// A scanner reads JSON that is in memory as a whole. It checks the syntax of all that
// it passes.
type scanner struct {
	data []byte
	at   int
	past int64 // bytes before data, for errors
	stop stopper
}

// ErrStopped means that a response was not decoded to its end because the context of
// its call had ended.
var ErrStopped = errors.New("the response is not decoded to its end")

// A stopper stops the decoding of a large response soon after a context has ended.
type stopper struct {
	done  <-chan struct{}
	steps uint
}

func (s *stopper) err() error {
	if s.steps++; s.steps%1024 != 0 {
		return nil
	}
	select {
	case <-s.done:
		return ErrStopped
	default:
		return nil
	}
}

// peek skips white space and returns the byte that follows it, 0 at the end. It says
// what the next value is: '{', '[', '"', 't', 'f', 'n', or the beginning of a number.
func (s *scanner) peek() byte {
	for ; s.at < len(s.data); s.at++ {
		switch c := s.data[s.at]; c {
		case ' ', '\t', '\n', '\r':
		default:
			return c
		}
	}
	return 0
}

// syntaxError says what is wrong at the present offset.
func (s *scanner) syntaxError(wanted string) error {
	if s.at >= len(s.data) {
		return fmt.Errorf("invalid JSON at byte %d: %w", s.past+int64(s.at), io.ErrUnexpectedEOF)
	}
	return fmt.Errorf("invalid JSON at byte %d: %q is not %s", s.past+int64(s.at), s.data[s.at], wanted)
}

// expect reads a byte of punctuation, after white space.
func (s *scanner) expect(c byte) error {
	if s.peek() != c {
		return s.syntaxError(fmt.Sprintf("%q", c))
	}
	s.at++
	return nil
}

// end returns an error if something follows the value.
func (s *scanner) end() error {
	if s.peek(); s.at < len(s.data) {
		return errMoreData
	}
	return nil
}

// plain has the bytes of texts that stand for themselves.
var plain = func() (table [256]bool) {
	for c := ' '; c < utf8.RuneSelf; c++ {
		table[c] = c != '"' && c != '\\'
	}
	return table
}()

// nonPlain returns the highest bit of the first of eight bytes that is not plain, and perhaps those
// of bytes after it. Such a byte sets that bit in one of the terms: as a byte beyond ASCII, or
// as one that is smaller than what is subtracted from it.
func nonPlain(bytes uint64) uint64 {
	const ones, highs = 0x0101010101010101, 0x8080808080808080
	return (bytes | (bytes - ones*' ') | ((bytes ^ ones*'"') - ones) | ((bytes ^ ones*'\\') - ones)) & highs
}

// plainEnd returns where the plain bytes end that data has from an offset on.
func plainEnd(data []byte, i int) int {
	for ; i+8 <= len(data); i += 8 {
		if odd := nonPlain(binary.LittleEndian.Uint64(data[i:])); odd != 0 {
			return i + bits.TrailingZeros64(odd)/8
		}
	}
	for i < len(data) && plain[data[i]] {
		i++
	}
	return i
}

// text reads a string. It returns what is between the quotes, and whether that is the
// text itself, without escapes or invalid UTF-8.
func (s *scanner) text() (raw []byte, itself bool, err error) {
	if s.peek() != '"' {
		return nil, false, s.syntaxError("a string")
	}
	start := s.at + 1
	ascii, escaped := true, false
	i := start
	for {
		if i = plainEnd(s.data, i); i >= len(s.data) {
			break
		}
		switch c := s.data[i]; {
		case c == '"':
			s.at = i + 1
			raw = s.data[start:i]
			return raw, !escaped && (ascii || utf8.Valid(raw)), nil
		case c == '\\':
			escaped = true
			n := escapeLength(s.data[i:])
			if n == 0 {
				s.at = min(i+1, len(s.data))
				return nil, false, s.syntaxError("an escape")
			}
			i += n
		case c < ' ':
			s.at = i
			return nil, false, s.syntaxError("allowed in a string")
		default:
			ascii = false
			i++
		}
	}
	s.at = i
	return nil, false, s.syntaxError("")
}

// string reads a string.
func (s *scanner) string() (string, error) {
	raw, itself, err := s.text()
	if err != nil {
		return "", err
	}
	if itself {
		return string(raw), nil
	}
	return string(unescape(nil, raw)), nil
}

// escapeLength returns the length of the escape that data begins with, or 0 if it is
// none.
func escapeLength(data []byte) int {
	switch {
	case len(data) < 2:
	case escapes[data[1]] != 0:
		return 2
	case data[1] == 'u' && hex4(data) >= 0:
		return 6
	}
	return 0
}

// hex4 returns the code of an escape such as \u00e9, or -1 if it is none.
func hex4(data []byte) rune {
	if len(data) < 6 || data[0] != '\\' || data[1] != 'u' {
		return -1
	}
	code := rune(0)
	for _, c := range data[2:6] {
		digit := strings.IndexByte("0123456789abcdef", c|0x20)
		if c < '0' || digit < 0 {
			return -1
		}
		code = code<<4 | rune(digit)
	}
	return code
}

// escapes has what a letter stands for after a backslash.
var escapes = [256]byte{'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}

// unescape appends the text of what is between the quotes of a string. Invalid UTF-8
// and halves of surrogate pairs become U+FFFD.
func unescape(text, raw []byte) []byte {
	for i := 0; i < len(raw); {
		start := i
		i = plainEnd(raw, i)
		if text = append(text, raw[start:i]...); i == len(raw) {
			break
		}
		switch c := raw[i]; {
		case c == '\\' && raw[i+1] == 'u':
			code := hex4(raw[i:])
			i += 6
			if utf16.IsSurrogate(code) {
				if pair := utf16.DecodeRune(code, hex4(raw[i:])); pair != utf8.RuneError {
					code = pair
					i += 6
				}
			}
			text = utf8.AppendRune(text, code) // half a pair is appended as U+FFFD
		case c == '\\':
			text = append(text, escapes[raw[i+1]])
			i += 2
		default: // raw has neither quotes nor control characters
			r, size := utf8.DecodeRune(raw[i:])
			text = utf8.AppendRune(text, r)
			i += size
		}
	}
	return text
}

// literal reads true, false, null or a number.
func (s *scanner) literal() (raw []byte, err error) {
	c := s.peek()
	start := s.at
	switch c {
	case 't':
		err = s.word("true")
	case 'f':
		err = s.word("false")
	case 'n':
		err = s.word("null")
	default:
		err = s.number()
	}
	return s.data[start:s.at], err
}

func (s *scanner) word(word string) error {
	for i := range len(word) {
		if s.at >= len(s.data) || s.data[s.at] != word[i] {
			return s.syntaxError("part of " + word)
		}
		s.at++
	}
	return nil
}

// value reads any value and returns its JSON.
func (s *scanner) value() (raw []byte, err error) {
	s.peek()
	start := s.at
	err = s.skip()
	return s.data[start:s.at], err
}

// skip reads any value.
func (s *scanner) skip() error {
	if c := s.peek(); c != '{' && c != '[' {
		_, err := s.begin()
		return err
	}
	open := make([]byte, 0, 64) // the brackets that close what is open
	for {
		closing, err := s.begin()
		if err == nil {
			err = s.stop.err()
		}
		if err != nil {
			return err
		}
		if closing != 0 {
			if open = append(open, closing); len(open) > mostDepth {
				return errDepth
			}
			continue
		}
		for more := false; !more; { // a value has ended
			if len(open) == 0 {
				return nil
			}
			if more, err = s.more(open[len(open)-1]); err != nil {
				return err
			}
			if !more {
				open = open[:len(open)-1]
			}
		}
	}
}

// begin reads a scalar, or an empty object or list. It only opens another one, whose
// first value comes next, and returns the bracket that closes it.
func (s *scanner) begin() (closing byte, err error) {
	switch c := s.peek(); c {
	case '"':
		_, _, err = s.text()
	case '{', '[':
		closing = c + 2 // in ASCII
		s.at++
		if s.peek() == closing {
			s.at++
			return 0, nil
		}
		if closing == '}' {
			err = s.name()
		}
	default:
		_, err = s.literal()
	}
	return closing, err
}

// more is [scanner.next], and reads the next name in an object.
func (s *scanner) more(closing byte) (more bool, err error) {
	more, err = s.next(closing)
	if more && closing == '}' {
		err = s.name()
	}
	return more, err
}

// next reads what follows a value in an object or a list: a comma, after which there is
// more, or the closing bracket.
func (s *scanner) next(closing byte) (more bool, err error) {
	switch s.peek() {
	case ',':
		s.at++
		return true, nil
	case closing:
		s.at++
		return false, nil
	}
	return false, s.syntaxError(fmt.Sprintf("a comma or %q", closing))
}

// name reads a name and the colon after it, which nobody needs.
func (s *scanner) name() error {
	if _, _, err := s.text(); err != nil {
		return err
	}
	return s.expect(':')
}

var errDepth = fmt.Errorf("invalid JSON: it is nested beyond the maximum depth of %d", mostDepth)

// names calls value for each name of an object; value must read what follows it.
func (s *scanner) names(value func(name string) error) error {
	s.at++ // the bracket
	if s.peek() == '}' {
		s.at++
		return nil
	}
	for {
		name, err := s.string()
		if err == nil {
			err = s.expect(':')
		}
		if err == nil {
			err = value(name)
		}
		if err != nil {
			return err
		}
		if more, err := s.next('}'); !more || err != nil {
			return err
		}
	}
}

// each calls element for each element of a list; element must read it.
func (s *scanner) each(element func(i int) error) error {
	s.at++ // the bracket
	if s.peek() == ']' {
		s.at++
		return nil
	}
	for i := 0; ; i++ {
		if err := element(i); err != nil {
			return err
		}
		if more, err := s.next(']'); !more || err != nil {
			return err
		}
	}
}
