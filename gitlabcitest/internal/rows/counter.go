package rows

import "time"

// A Counter counts within windows of time, which follow each other from 1970. It keeps
// nothing of earlier windows.
type Counter[K comparable] struct {
	seconds int64 // of a window
	window  int64 // the number of the one that is counted
	counts  map[K]int
}

// NewCounter counts within windows of so many seconds.
func NewCounter[K comparable](seconds int64) *Counter[K] {
	return &Counter[K]{seconds: seconds, counts: map[K]int{}}
}

// Add counts one more, and returns how many there have been in this window.
func (c *Counter[K]) Add(key K, at time.Time) int {
	if window := at.Unix() / c.seconds; window != c.window {
		c.window = window
		clear(c.counts)
	}
	c.counts[key]++
	return c.counts[key]
}

// End is the Unix time at which the window ends.
func (c *Counter[K]) End() int64 { return (c.window + 1) * c.seconds }
