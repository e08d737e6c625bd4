package joblog

import "time"

// prefixSize is the size of what the runner writes before each line with the
// feature flag FF_TIMESTAMPS:
//
//	2024-05-22T12:43:46.962646Z 00O+
//
// a time, two hexadecimal digits that number the writer, O or E for the stream,
// and a plus if the line continues the one before, else a space.
const prefixSize = 32

// An origin is what wrote a line.
type origin struct {
	number uint8
	stream Stream // zero in a log without timestamps
}

type prefix struct {
	time time.Time
	origin
	continues bool
}

// prefix reads the prefix at the start of b. Anything else is text: a program may print
// times too.
func (c *clock) prefix(b []byte) (p prefix, ok bool) {
	if len(b) < prefixSize || b[26] != 'Z' || b[27] != ' ' {
		return p, false
	}
	p.stream, p.continues = Stream(b[30]), b[31] == '+'
	if p.stream.String() == "" || !p.continues && b[31] != ' ' {
		return p, false
	}
	high, low := hexDigit(b[28]), hexDigit(b[29])
	if max(high, low) > 15 {
		return p, false
	}
	p.number = high<<4 | low
	p.time, ok = c.time(b[:26])
	return p, ok
}

// hexDigit returns the value of c, or more than 15. The runner writes lower case.
func hexDigit(c byte) uint8 {
	switch {
	case '0' <= c && c <= '9':
		return c - '0'
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10
	default:
		return 0xff
	}
}

// timeShape is what a time has between its digits, up to its second.
const timeShape = "0000-00-00T00:00:00."

// A clock reads times. It keeps the last second, which most lines share with
// the one before: to read it would take as long as all the rest of a line.
type clock struct {
	shown  [len(timeShape)]byte
	second time.Time
}

// time reads 2024-05-22T12:43:46.962646.
func (c *clock) time(b []byte) (t time.Time, ok bool) {
	if shown := b[:len(timeShape)]; c.second.IsZero() || string(shown) != string(c.shown[:]) {
		second, ok := parseSecond(shown)
		if !ok {
			return t, false
		}
		c.shown, c.second = [len(timeShape)]byte(shown), second
	}
	micro := b[len(timeShape):]
	if span(micro, isDigit) < len(micro) {
		return t, false
	}
	return c.second.Add(time.Duration(decimal(micro)) * time.Microsecond), true
}

func parseSecond(b []byte) (t time.Time, ok bool) {
	for i, c := range b {
		if isDigit(c) != (timeShape[i] == '0') || !isDigit(c) && c != timeShape[i] {
			return t, false
		}
	}
	year, month, day := decimal(b[0:4]), decimal(b[5:7]), decimal(b[8:10])
	hour, minute, second := decimal(b[11:13]), decimal(b[14:16]), decimal(b[17:19])
	if minute > 59 || second > 59 {
		return t, false
	}
	t = time.Date(year, time.Month(month), day, hour, minute, second, 0, time.UTC)
	// A day or an hour that does not exist becomes another day.
	return t, t.Day() == day && t.Month() == time.Month(month)
}

// decimal returns the number whose digits b are.
func decimal(b []byte) int {
	n := 0
	for _, c := range b {
		n = 10*n + int(c-'0')
	}
	return n
}
