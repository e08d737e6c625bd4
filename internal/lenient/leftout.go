package lenient

import (
	"context"
	"log/slog"
	"reflect"
	"strconv"
)

// mostLosses is how many lost values are logged with their paths.
const mostLosses = 5

// LeftOut is what a response has and its decoded form has not, because it is of another
// type than GitLab's documentation says.
type LeftOut struct {
	count int // elements of a list that should be objects and are not
	first int // index of the first of them

	losses int    // values that were left zero
	lost   []loss // the first of them
}

// A loss is a value that was left zero.
type loss struct{ path, why string }

func (l *LeftOut) addElement(index int) {
	if l.count == 0 {
		l.first = index
	}
	l.count++
}

// lose notes a value, given its JSON and what it should be. The value itself may be a
// secret. An empty string says nothing, so nothing is lost with it.
func (l *LeftOut) lose(raw []byte, wanted string) {
	if string(raw) == `""` || string(raw) == "null" {
		return
	}
	if l.losses++; len(l.lost) < mostLosses {
		l.lost = append(l.lost, loss{why: foundWord(raw) + " where " + wanted + " is expected"})
	}
}

// under adds the name of a field to the paths of the losses in it, which are those from
// index first on. A path is made from its end, so that values that are not lost cost
// nothing.
func (l *LeftOut) under(name string, first int) {
	for i := first; i < len(l.lost); i++ {
		path := &l.lost[i].path
		if *path != "" && (*path)[0] != '[' {
			*path = "." + *path
		}
		*path = name + *path
	}
}

// underIndex is like under, for an element of a list.
func (l *LeftOut) underIndex(index, first int) {
	if len(l.lost) > first {
		l.under("["+strconv.Itoa(index)+"]", first)
	}
}

// merge adds what else was left out.
func (l *LeftOut) merge(more LeftOut) {
	if l.count == 0 {
		l.first = more.first
	}
	l.count += more.count
	l.losses += more.losses
	l.lost = append(l.lost, more.lost[:min(len(more.lost), mostLosses-len(l.lost))]...)
}

// Log logs all elements in one line, and all other values in another one.
func (l LeftOut) Log(ctx context.Context, logger *slog.Logger, endpoint string) {
	if l.count > 0 {
		logger.LogAttrs(ctx, slog.LevelWarn, "gitlabci: elements of a list are not objects and are left out",
			slog.String("endpoint", endpoint), slog.Int("count", l.count), slog.Int("first_index", l.first))
	}
	if l.losses == 0 || !logger.Enabled(ctx, slog.LevelDebug) {
		return
	}
	fields := make([]string, len(l.lost))
	for i, lost := range l.lost {
		fields[i] = lost.path + ": " + lost.why
	}
	logger.LogAttrs(ctx, slog.LevelDebug, "gitlabci: values of another type than expected are left out",
		slog.String("endpoint", endpoint), slog.Int("count", l.losses), slog.Any("fields", fields))
}

// foundWord is the type of a value in JSON.
func foundWord(raw []byte) string {
	switch raw[0] {
	case '"':
		return "string"
	case '{':
		return "object"
	case '[':
		return "array"
	case 't', 'f':
		return "boolean"
	}
	return "number"
}

// wanted is what a value of this shape should be.
func (s *shape) wanted() string {
	switch {
	case s.unmarshals:
		return "a " + s.typ.Name()
	case s.isTime:
		return "a time"
	case s.kind == shapeText:
		return "a string"
	case s.kind == shapeList:
		return "an array"
	case s.bracket() == '{':
		return "an object"
	case s.typ.Kind() == reflect.Bool:
		return "a boolean"
	case s.typ.Kind() == reflect.Float64:
		return "a number"
	}
	return "a whole number of " + strconv.Itoa(s.typ.Bits()) + " bits"
}
