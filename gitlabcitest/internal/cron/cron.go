// Package cron says when a schedule in cron's notation is due: five fields of numbers,
// names, ranges, lists and steps, in a time zone.
//
// It is handed texts and times. It never looks at the clock.
package cron

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// A Schedule is due at each minute that all of its fields have. If both the day of the
// month and the weekday are limited, one of the two is enough.
type Schedule struct {
	minutes, hours, days, months, weekdays []bool

	anyDay, anyWeekday bool
	zone               *time.Location
}

// A field is what one of the five can have.
type field struct {
	least, most int
	names       []string // of the least value, and those after it
}

var fields = []field{
	{0, 59, nil},
	{0, 23, nil},
	{1, 31, nil},
	{1, 12, []string{"jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"}},
	{0, 7, []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}},
}

// Parse reads a schedule, such as "30 2 * * 1-5". Ok is false if the text is none.
func Parse(text string, zone *time.Location) (s *Schedule, ok bool) {
	parts := strings.Fields(text)
	if len(parts) != len(fields) {
		return nil, false
	}
	var values [5][]bool
	for i, f := range fields {
		if values[i], ok = f.parse(strings.ToLower(parts[i])); !ok {
			return nil, false
		}
	}
	values[4][0] = values[4][0] || values[4][7] // both are Sunday
	return &Schedule{values[0], values[1], values[2], values[3], values[4], parts[2] == "*", parts[4] == "*", zone}, true
}

// Zone finds a time zone by its name in the IANA database. It is not ok if there is none.
func Zone(name string) (zone *time.Location, ok bool) {
	zone, err := time.LoadLocation(name)
	return zone, err == nil && name != "" && name != "Local"
}

// parse reads a list of ranges.
func (f field) parse(text string) (values []bool, ok bool) {
	values = make([]bool, f.most+1)
	for part := range strings.SplitSeq(text, ",") {
		first, last, step, ok := f.parseRange(part)
		if !ok {
			return nil, false
		}
		for n := first; n <= last; n += step {
			values[n] = true
		}
	}
	return values, true
}

// parseRange reads a range such as "1-5", "*/10" or "3".
func (f field) parseRange(text string) (first, last, step int, ok bool) {
	text, by, stepped := strings.Cut(text, "/")
	step = 1
	if stepped {
		var err error
		if step, err = strconv.Atoi(by); err != nil || step < 1 {
			return 0, 0, 0, false
		}
	}
	if text == "*" {
		return f.least, f.most, step, true
	}
	from, to, ranged := strings.Cut(text, "-")
	first, ok = f.number(from)
	switch {
	case !ok:
		return 0, 0, 0, false
	case ranged:
		last, ok = f.number(to)
	case stepped:
		last = f.most
	default:
		last = first
	}
	return first, last, step, ok && first <= last
}

// number reads a number or a name.
func (f field) number(text string) (n int, ok bool) {
	if i := slices.Index(f.names, text); i >= 0 {
		return f.least + i, true
	}
	n, err := strconv.Atoi(text)
	return n, err == nil && f.least <= n && n <= f.most
}

// mostYears is how far away the next time can be: from one 29th of February to another.
const mostYears = 9

// Next is the first time after another at which the schedule is due, or zero if there is
// none, as on the 31st of February.
func (s *Schedule) Next(after time.Time) time.Time {
	at := after.In(s.zone).Truncate(time.Minute).Add(time.Minute)
	for at.Year() <= after.Year()+mostYears {
		next := at
		switch {
		case !s.months[at.Month()]:
			next = time.Date(at.Year(), at.Month()+1, 1, 0, 0, 0, 0, s.zone)
		case !s.hasDay(at):
			next = time.Date(at.Year(), at.Month(), at.Day()+1, 0, 0, 0, 0, s.zone)
		case !s.hours[at.Hour()]:
			next = at.Add(time.Hour - time.Duration(at.Minute())*time.Minute)
		case !s.minutes[at.Minute()]:
			next = at.Add(time.Minute)
		default:
			return at.UTC()
		}
		if !next.After(at) { // midnight is in the hour that summer time leaves out
			next = at.Add(time.Hour)
		}
		at = next
	}
	return time.Time{}
}

func (s *Schedule) hasDay(at time.Time) bool {
	day, weekday := s.days[at.Day()], s.weekdays[at.Weekday()]
	if s.anyDay || s.anyWeekday {
		return day && weekday
	}
	return day || weekday
}
