package lenient

import "math"

// number reads a number.
func (s *scanner) number() error {
	if s.at < len(s.data) && s.data[s.at] == '-' {
		s.at++
	}
	switch {
	case s.at < len(s.data) && s.data[s.at] == '0':
		s.at++
	case !s.digits():
		return s.syntaxError("the beginning of a value")
	}
	if s.at < len(s.data) && s.data[s.at] == '.' {
		s.at++
		if !s.digits() {
			return s.syntaxError("a digit")
		}
	}
	if s.at < len(s.data) && s.data[s.at]|0x20 == 'e' {
		s.at++
		if s.at < len(s.data) && (s.data[s.at] == '+' || s.data[s.at] == '-') {
			s.at++
		}
		if !s.digits() {
			return s.syntaxError("a digit")
		}
	}
	return nil
}

// digits reads digits, and reports whether there were any.
func (s *scanner) digits() bool {
	start := s.at
	for s.at < len(s.data) && s.data[s.at]-'0' < 10 {
		s.at++
	}
	return s.at > start
}

// simpleScalar reads a number, or true or false, into a field of that type. It reports false,
// and reads nothing, if the number is not a simple one.
func (s *scanner) simpleScalar(sl *slot) bool {
	switch {
	case sl.flag != nil:
		for value, word := range [...]string{"false", "true"} {
			if s.at+len(word) <= len(s.data) && string(s.data[s.at:s.at+len(word)]) == word {
				*sl.flag = value == 1
				s.at += len(word)
				return true
			}
		}
		return false
	case sl.number == nil && sl.integer == nil && sl.float == nil:
		return false
	}
	n, point, end := s.decimal()
	switch {
	case end == 0:
		return false
	case sl.float != nil:
		*sl.float = float64(n) / tens[point]
		if s.data[s.at] == '-' { // or -0 would be lost
			*sl.float = math.Copysign(*sl.float, -1)
		}
	case point > 0 || n > math.MaxInt32 && sl.number == nil: // an int can have 32 bits
		return false
	case s.data[s.at] == '-':
		n = -n
		fallthrough
	default:
		if sl.number != nil {
			*sl.number = n
		} else {
			*sl.integer = int(n)
		}
	}
	s.at = end
	return true
}

// tens are powers of ten that a float64 holds exactly, as it does numbers of 15 digits:
// so the quotient of the two is rounded once, as strconv.ParseFloat does.
var tens = [...]float64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15}

// decimal reads the digits of a number, up to 15, without its sign. Point is how many of
// them are after the decimal point, and end where the number ends, 0 if it is another one.
func (s *scanner) decimal() (n int64, point, end int) {
	i := s.at
	if i < len(s.data) && s.data[i] == '-' {
		i++
	}
	start, dot := i, -1
	for ; i < len(s.data); i++ {
		switch c := s.data[i]; {
		case c-'0' < 10:
			n = 10*n + int64(c-'0') // anything, if they are too many
			continue
		case c == '.' && dot < 0 && i > start:
			dot = i
			continue
		case c|0x20 == 'e' || c == '.':
			return 0, 0, 0
		}
		break
	}
	digits := i - start
	if dot >= 0 {
		digits, point = digits-1, i-dot-1
	}
	zero := digits-point > 1 && s.data[start] == '0'
	if digits == 0 || digits > 15 || zero || dot >= 0 && point == 0 {
		return 0, 0, 0
	}
	return n, point, i
}
