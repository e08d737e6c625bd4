package report

import (
	"fmt"
	"math"
	"strconv"
)

// Duration formats seconds with three digits and a unit.
func Duration(seconds float64) string {
	for _, unit := range []struct {
		name string
		size float64
	}{{"s", 1}, {"ms", 1e-3}, {"µs", 1e-6}} {
		if seconds >= unit.size {
			return Digits(seconds/unit.size) + " " + unit.name
		}
	}
	return Digits(seconds*1e9) + " ns"
}

// Digits formats a number of at least 1 with three digits, or with those before
// the point if they are more.
func Digits(n float64) string {
	behind := max(0, 2-int(math.Log10(max(n, 1))))
	return strconv.FormatFloat(n, 'f', behind, 64)
}

// Mebibytes formats a size of memory. Zero is unknown.
func Mebibytes[T int64 | uint64](bytes T) string {
	if bytes == 0 {
		return "unknown"
	}
	return Digits(float64(bytes)/(1<<20)) + " MiB"
}

// Ratio formats a divided by b.
func Ratio(a, b float64) string { return fmt.Sprintf("%.2f", a/b) }

// Thousands formats a number with commas.
func Thousands[T int | int64](n T) string {
	text := strconv.FormatInt(int64(n), 10)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

// Megabytes formats the size of a file.
func Megabytes(bytes int64) string { return fmt.Sprintf("%.2f MB", float64(bytes)/1e6) }
