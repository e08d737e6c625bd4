package lenient

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// An unmarshaler is a scalar that reads JSON itself.
type unmarshaler interface{ UnmarshalJSON([]byte) error }

// setScalar decodes the next value, which begins with c, into a scalar, which is zero.
// It reports whether it fits; if not, the scalar stays zero.
func (d *decoder) setScalar(s *shape, v reflect.Value, c byte, sl *slot) (fits bool, err error) {
	switch {
	case s.unmarshals:
		raw, err := d.value()
		if err != nil {
			return false, err
		}
		own, _ := reflect.TypeAssert[unmarshaler](v.Addr())
		return own.UnmarshalJSON(raw) == nil, nil
	case c == '"' && s.kind == shapeText:
		text, _, err := d.keptText()
		v.SetString(text)
		return true, err
	case c == '"':
		text, err := d.string()
		if err != nil {
			return false, err
		}
		return setText(s, v, text), nil
	case c == '{' || c == '[':
		raw, err := d.value()
		if fits = s.kind == shapeText && keepsJSON(sl.label); fits && err == nil {
			v.SetString(strings.ToValidUTF8(string(raw), "\uFFFD"))
		}
		return fits, err
	}
	raw, err := d.literal()
	if err != nil {
		return false, err
	}
	return d.setLiteral(s, v, raw), nil
}

// setLiteral sets a scalar from true, false or a number.
func (d *decoder) setLiteral(s *shape, v reflect.Value, raw []byte) bool {
	switch kind := s.typ.Kind(); {
	case s.isTime:
		return false
	case kind == reflect.String:
		text, _ := d.keep(raw, 0)
		v.SetString(text)
		return true
	case kind == reflect.Bool && (raw[0] == 't' || raw[0] == 'f'):
		v.SetBool(raw[0] == 't')
		return true
	}
	return parseScalar(v, string(raw))
}

// setText sets a time, a number or a bool from a text.
func setText(s *shape, v reflect.Value, text string) bool {
	if !s.isTime {
		return parseScalar(v, text)
	}
	t, ok := ParseTime(text)
	if ok {
		v.Set(reflect.ValueOf(t))
	}
	return ok
}

// scalarPart decodes a part again whose value differs from the last one, if it is written
// as most are: the same name, a text, a time or a number of the field's type, and a comma,
// without white space. Otherwise nothing is read.
func (d *decoder) scalarPart(p *part) bool {
	sl := p.slot
	if sl == nil || !d.has(p.quoted) {
		return false
	}
	start, at := d.at, d.at+len(p.quoted)
	end, again := at, false
	switch isText := at < len(d.data) && d.data[at] == '"'; {
	case isText && sl.text != nil:
		quote := plainEnd(d.data, at+1)
		if end = quote + 1; end >= len(d.data) || d.data[quote] != '"' || d.data[end] != ',' {
			return false
		}
		*sl.text, again = d.keepIn(sl, d.data[at+1:quote], len(d.data)-end)
	case isText && sl.time != nil:
		t, n := d.clock.time(d.data[at:])
		*sl.time, end = t, at+n
	case !isText:
		if d.at = at; d.simpleScalar(sl) {
			end = d.at
		}
		d.at = start
	}
	if end == at || end >= len(d.data) || d.data[end] != ',' {
		return false // the field is set again
	}
	p.before, p.size, p.again = at-start, end+1-start, again
	d.at = end + 1
	return true
}

// A clock reads times in the layout of today's GitLab. Most are of the same day, and in
// the same zone, as the last one.
type clock struct {
	day    [len(time.DateOnly)]byte
	start  int64 // of the day, in UTC
	zone   *time.Location
	offset int // of the zone, in seconds
}

// time reads a time that JSON begins with, such as "2006-01-02T15:04:05.999Z". It returns
// how many bytes that took, or 0 if package time has to read it.
func (c *clock) time(data []byte) (t time.Time, n int) {
	if len(data) < len(`"2006-01-02T15:04:05Z"`) || data[11] != 'T' || !c.date(data[1:11]) {
		return t, 0
	}
	hour, minute, second := clockDigits(data[12:])
	if hour > 23 || minute > 59 || second > 59 {
		return t, 0
	}
	n = 20
	nanoseconds := int64(0)
	if data[n] == '.' {
		start := n + 1
		for n = start; n < len(data) && data[n]-'0' < 10 && n < start+9; n++ {
			nanoseconds = 10*nanoseconds + int64(data[n]-'0')
		}
		if n == start {
			return t, 0
		}
		nanoseconds *= int64(tens[start+9-n])
	}
	seconds := c.start + int64(3600*hour+60*minute+second)
	if n+1 < len(data) && data[n] == 'Z' && data[n+1] == '"' {
		return time.Unix(seconds, nanoseconds).UTC(), n + 2
	}
	if n+6 >= len(data) || data[n] != '+' && data[n] != '-' || data[n+3] != ':' || data[n+6] != '"' {
		return t, 0
	}
	hour, minute = twoDigits(data[n+1:]), twoDigits(data[n+4:])
	if hour > 23 || minute > 59 {
		return t, 0
	}
	offset := 3600*hour + 60*minute
	if data[n] == '-' {
		offset = -offset
	}
	return c.in(time.Unix(seconds-int64(offset), nanoseconds), offset), n + 7
}

// in returns a local time in the zone with an offset; that is the local one, if it fits.
func (c *clock) in(t time.Time, offset int) time.Time {
	if _, local := t.Zone(); local == offset {
		return t
	}
	if c.zone == nil || c.offset != offset {
		c.zone, c.offset = time.FixedZone("", offset), offset
	}
	return t.In(c.zone)
}

// date reads a date, and reports whether it is one.
func (c *clock) date(text []byte) bool {
	if c.day[0] != 0 && [len(time.DateOnly)]byte(text) == c.day {
		return true
	}
	century, year, month, day := twoDigits(text), twoDigits(text[2:]), twoDigits(text[5:]), twoDigits(text[8:])
	if text[4] != '-' || text[7] != '-' || max(century, year, month, day) > 99 || month < 1 || month > 12 {
		return false
	}
	year += 100 * century
	if day < 1 || day > 31 || day > 28 && time.Date(year, time.Month(month), day, 0, 0, 0, 0, time.UTC).Day() != day {
		return false
	}
	copy(c.day[:], text)
	c.start = 86400 * daysSince1970(year, month, day)
	return true
}

// daysSince1970 returns the number of days before a date. A year is counted from March, so
// that the leap day is its last one.
func daysSince1970(year, month, day int) int64 {
	if month -= 3; month < 0 {
		month += 12
		year--
	}
	year += 400 // or it could be negative
	return int64(365*year + year/4 - year/100 + year/400 + (153*month+2)/5 + day - 865566)
}

// clockDigits returns the numbers of a text such as "15:04:05", or numbers beyond 99. All of
// its bytes are looked at together: a wrong one has its highest bit after one of the sums.
func clockDigits(text []byte) (hour, minute, second int) {
	const zeros, most, highs = 0x30303a30303a3030, 0x76767f76767f7676, 0x8080808080808080
	digits := binary.LittleEndian.Uint64(text) - zeros
	if (digits|(digits+most))&highs != 0 {
		return 100, 100, 100
	}
	pairs := 10*digits + digits>>8
	return int(pairs & 0xff), int(pairs >> 24 & 0xff), int(pairs >> 48 & 0xff)
}

// twoDigits returns the number of two digits, or one beyond 99.
func twoDigits(text []byte) int {
	tens, ones := text[0]-'0', text[1]-'0'
	if tens > 9 || ones > 9 {
		return 100
	}
	return 10*int(tens) + int(ones)
}

// parseScalar sets v, which is a number or a bool, from a text, and reports whether it
// fits.
func parseScalar(v reflect.Value, text string) bool {
	switch v.Kind() {
	case reflect.Bool:
		b, err := strconv.ParseBool(text)
		v.SetBool(b)
		return err == nil
	case reflect.Int, reflect.Int64:
		n, ok := parseInt(text)
		if !ok || v.OverflowInt(n) { // an int can have 32 bits
			return false
		}
		v.SetInt(n)
		return true
	case reflect.Float64:
		f, err := strconv.ParseFloat(text, 64)
		if err != nil || math.IsNaN(f) || math.IsInf(f, 0) {
			return false
		}
		v.SetFloat(f)
		return true
	}
	return false
}

// parseInt reads whole numbers, such as 12 and 12.0.
func parseInt(text string) (int64, bool) {
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return n, true
	}
	f, err := strconv.ParseFloat(text, 64)
	return int64(f), err == nil && f == math.Trunc(f) && math.Abs(f) <= 1<<53
}

// ID reads an identifier that may be a text or a whole number, which it returns as
// its digits. null and 0, which name nothing, are "".
func ID(raw []byte) (string, error) {
	s := scanner{data: raw}
	switch c := s.peek(); c {
	case 'n':
		return "", nil
	case '"':
		return s.string()
	case '{', '[', 't', 'f':
		return "", errors.New("neither a number nor a string")
	}
	n, ok := parseInt(string(raw))
	switch {
	case !ok:
		return "", fmt.Errorf("the number %s is not a whole one", raw)
	case n == 0:
		return "", nil
	}
	return strconv.FormatInt(n, 10), nil
}

// ParseTime parses a time in any of the layouts that GitLab has used.
func ParseTime(text string) (time.Time, bool) {
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05-0700", "2006-01-02T15:04:05", "2006-01-02 15:04:05 MST", "2006-01-02 15:04:05 -0700", time.DateTime, time.DateOnly} {
		if t, err := time.Parse(layout, text); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}

// anyValue decodes a value of unknown type: a map, a list, a string, a bool or a float64.
// It is nil for null and for numbers that a float64 cannot hold.
func (d *decoder) anyValue() (any, error) {
	if d.deep++; d.deep > mostDepth {
		return nil, errDepth
	}
	defer func() { d.deep-- }()
	switch d.peek() {
	case '{':
		object := map[string]any{}
		err := d.names(func(name string) (err error) {
			object[name], err = d.anyValue()
			return err
		})
		return object, err
	case '[':
		list := []any{}
		err := d.each(func(int) error {
			element, err := d.anyValue()
			list = append(list, element)
			return err
		})
		return list, err
	case '"':
		return d.string()
	}
	raw, err := d.literal()
	if err != nil {
		return nil, err
	}
	switch raw[0] {
	case 't', 'f':
		return raw[0] == 't', nil
	case 'n':
		return nil, nil
	}
	return d.anyNumber(raw), nil
}

// anyNumber returns a number that no field is declared for, or nil if it is left out.
func (d *decoder) anyNumber(raw []byte) any {
	number, err := strconv.ParseFloat(string(raw), 64)
	if err != nil {
		d.left.lose(raw, "a number of 64 bits")
		return nil
	}
	return number
}

// textOf returns the text of any valid JSON, which is the value of a field.
func textOf(raw []byte, field string) (text string) {
	s := scanner{data: raw}
	switch c := s.peek(); {
	case c == 'n', (c == '{' || c == '[') && !keepsJSON(field):
		return ""
	case c == '"':
		text, _ = s.string() // of valid JSON
		return text
	}
	return strings.ToValidUTF8(string(raw), "\uFFFD")
}

// keepsJSON reports whether a text field keeps an object or a list as its JSON: JUnit
// files have been seen to make GitLab send more than text.
func keepsJSON(field string) bool { return field == "system_output" || field == "stack_trace" }
