package report

import (
	"strings"
)

// A Table is the lines of one in Markdown.
type Table []string

// Row adds a row.
func (t *Table) Row(cells ...string) { *t = append(*t, "| "+strings.Join(cells, " | ")+" |") }

// Head adds the head. Call it before Row.
func (t *Table) Head(cells ...string) {
	t.Row(cells...)
	*t = append(*t, strings.Repeat("|---", len(cells))+"|")
}

// String is the table in Markdown.
func (t Table) String() string { return strings.Join(t, "\n") + "\n" }
