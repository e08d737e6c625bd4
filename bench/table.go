package main

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// A table is the lines of one in Markdown.
type table []string

func (t *table) row(cells ...string) { *t = append(*t, "| "+strings.Join(cells, " | ")+" |") }

func (t *table) head(cells ...string) {
	t.row(cells...)
	*t = append(*t, strings.Repeat("|---", len(cells))+"|")
}

func (t table) String() string { return strings.Join(t, "\n") + "\n" }

// results are what the runs of one task found.
type results []result

// seconds is the median of the runs.
func (r results) seconds() float64 { return r.sorted()[len(r)/2] }

func (r results) sorted() []float64 {
	times := make([]float64, len(r))
	for i, one := range r {
		times[i] = one.Seconds
	}
	slices.Sort(times)
	return times
}

// time is the median of the runs, and how far they lie apart.
func (r results) time() string {
	times := r.sorted()
	text := duration(r.seconds())
	if low, high := duration(times[0]), duration(times[len(times)-1]); low != high {
		text += fmt.Sprintf(" (%s – %s)", low, high)
	}
	return text
}

// most is the most memory that the runs had, each kind in whichever run it was.
func (r results) most() result {
	var most result
	for _, one := range r {
		most.Heap, most.Resident = max(most.Heap, one.Heap), max(most.Resident, one.Resident)
		most.Early, most.Late = max(most.Early, one.Early), max(most.Late, one.Late)
	}
	return most
}

// duration writes a time with three digits.
func duration(seconds float64) string {
	for _, unit := range []struct {
		name string
		size float64
	}{{"s", 1}, {"ms", 1e-3}, {"µs", 1e-6}} {
		if seconds >= unit.size {
			return digits(seconds/unit.size) + " " + unit.name
		}
	}
	return digits(seconds*1e9) + " ns"
}

// digits writes a number of at least 1 with three digits, or with those before
// the point if they are more.
func digits(n float64) string {
	behind := max(0, 2-int(math.Log10(max(n, 1))))
	return strconv.FormatFloat(n, 'f', behind, 64)
}

// mebibytes writes a size.
func mebibytes[T int64 | uint64](bytes T) string {
	if bytes == 0 {
		return "unknown"
	}
	return digits(float64(bytes)/(1<<20)) + " MiB"
}

// times writes a ratio.
func times(a, b float64) string { return fmt.Sprintf("%.2f", a/b) }

// thousands writes a number so that it can be read.
func thousands[T int | int64](n T) string {
	text := strconv.FormatInt(int64(n), 10)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}
