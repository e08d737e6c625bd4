package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"

	"example.com/gitlabci/examples/internal/console"
)

const barWidth = 24

// show prints the spans, each below its parent, with a bar of when it was.
func show(out io.Writer, root *node) error {
	t := console.NewTable(map[int]int{1: 36})
	t.AppendHeader(table.Row{"span", "status", "took", "when"})
	colored := console.WantsColors(out)
	var add func(n *node, depth int)
	add = func(n *node, depth int) {
		name := strings.Repeat("  ", depth) + console.Printable(n.name)
		took := max(0, n.end.Sub(n.start)).Round(time.Second)
		bar := console.TimeBar(barWidth, root.start, root.end, n.start, n.end)
		if colored && n.status != "" {
			bar = console.StatusColor(n.status).Sprint(bar)
		}
		t.AppendRow(table.Row{name, console.StatusText(n.status, colored), took, bar})
		for _, child := range n.children {
			add(child, depth+1)
		}
	}
	add(root, 0)
	_, err := fmt.Fprintln(out, t.Render())
	return err
}
