// Package console has what the examples for a terminal share: arguments and exit codes,
// colors, tables, texts without control characters, ages in days, and progress bars.
package console

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
	"golang.org/x/term"

	"example.com/gitlabci"
)

// IsTerminal reports whether out can move its cursor.
func IsTerminal(out io.Writer) bool {
	file, ok := out.(*os.File)
	return ok && os.Getenv("TERM") != "dumb" && term.IsTerminal(int(file.Fd()))
}

// WantsColors reports whether a user of out wants colors; see https://no-color.org.
func WantsColors(out io.Writer) bool { return os.Getenv("NO_COLOR") == "" && IsTerminal(out) }

// StatusText returns a status, in its color if colored is set.
func StatusText(status gitlabci.Status, colored bool) string {
	if !colored {
		return Printable(string(status))
	}
	return StatusColor(status).Sprint(Printable(string(status)))
}

// StatusColor returns the color of a status.
func StatusColor(status gitlabci.Status) text.Color {
	switch status {
	case gitlabci.StatusSuccess:
		return text.FgGreen
	case gitlabci.StatusFailed:
		return text.FgRed
	case gitlabci.StatusManual, gitlabci.StatusCanceled, gitlabci.StatusSkipped:
		return text.FgYellow
	case gitlabci.StatusCreated:
		return text.Faint
	default:
		return text.FgCyan // it is under way
	}
}

// Printable returns a text without control characters, which a terminal would obey: they
// become question marks. A tab becomes a space.
func Printable(text string) string {
	return strings.Map(func(c rune) rune {
		switch {
		case unicode.IsPrint(c):
			return c
		case c == '\t':
			return ' '
		default:
			return '?'
		}
	}, text)
}

// NewTable returns a table without a frame. In columns that have a width in widths, longer
// cells are cut; the first column is 1.
func NewTable(widths map[int]int) table.Writer {
	t := table.NewWriter()
	t.SetStyle(table.StyleLight)
	t.Style().Options = table.Options{SeparateHeader: true}
	t.Style().Box.PaddingLeft = ""
	t.Style().Format.Header = text.FormatDefault
	var columns []table.ColumnConfig
	for number, width := range widths {
		columns = append(columns, table.ColumnConfig{Number: number, WidthMax: width, WidthMaxEnforcer: snip})
	}
	t.SetColumnConfigs(columns)
	t.SuppressTrailingSpaces()
	return t
}

func snip(cell string, width int) string { return text.Snip(cell, width, "…") }

// An Age is a flag such as 90d, 2w or 36h.
type Age time.Duration

// Set reads an age.
func (a *Age) Set(value string) error {
	units := map[byte]time.Duration{'d': 24 * time.Hour, 'w': 7 * 24 * time.Hour}
	if value == "" {
		return errors.New("it is empty: write an age such as 90d, 2w or 36h")
	}
	last := len(value) - 1
	age, err := time.ParseDuration(value)
	if unit := units[value[last]]; unit > 0 {
		var n uint64
		n, err = strconv.ParseUint(value[:last], 10, 16)
		age = time.Duration(n) * unit
	}
	if err != nil || age < 0 {
		return errors.New("it is not an age such as 90d, 2w or 36h")
	}
	*a = Age(age)
	return nil
}

func (a *Age) String() string {
	if day := Age(24 * time.Hour); *a > 0 && *a%day == 0 {
		return fmt.Sprintf("%dd", *a/day)
	}
	return time.Duration(*a).String()
}

// Ago formats a duration in its largest unit: 45s, 12m, 20h, 12d.
func Ago(d time.Duration) string {
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%.0fs", d.Seconds())
	case d < time.Hour:
		return fmt.Sprintf("%.0fm", d.Minutes())
	case d < 48*time.Hour:
		return fmt.Sprintf("%.0fh", d.Hours())
	default:
		return fmt.Sprintf("%.0fd", d.Hours()/24)
	}
}

// Took formats a duration to the second or, from an hour on, to the minute. Zero is "".
func Took(d time.Duration) string {
	switch {
	case d >= time.Hour:
		return strings.TrimSuffix(d.Round(time.Minute).String(), "0s")
	case d > 0:
		return d.Round(time.Second).String()
	default:
		return ""
	}
}

// InTime formats a duration as " in 12s", or as "" if it is short.
func InTime(took time.Duration) string {
	if took < noteworthy {
		return ""
	}
	return fmt.Sprintf(" in %v", took.Round(redraw))
}

// PrintJSON prints each item as a line of JSON.
func PrintJSON[T any](out io.Writer, items []T) error {
	lines := json.NewEncoder(out)
	for _, item := range items {
		if err := lines.Encode(item); err != nil {
			return err
		}
	}
	return nil
}
