package console

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jedib0t/go-pretty/v6/text"
	"golang.org/x/term"
)

// Size returns how many columns and lines a terminal has: 80 and 24 if out is none.
func Size(out io.Writer) (columns, lines int) {
	if file, ok := out.(*os.File); ok {
		if columns, lines, err := term.GetSize(int(file.Fd())); err == nil && columns > 0 && lines > 1 {
			return columns, lines
		}
	}
	return 80, 24
}

// A Live is the last lines of a terminal, which are drawn again and again. What is written
// to it, in whole lines, stays above them. Its methods may be called concurrently.
type Live struct {
	out io.Writer

	mu    sync.Mutex
	lines []string // on the screen
}

// NewLive returns a Live without lines. Out is a terminal.
func NewLive(out io.Writer) *Live { return &Live{out: out} }

// Draw replaces the lines. It cuts those that are too long, and those that are too many.
func (l *Live) Draw(lines []string) error {
	columns, most := Size(l.out)
	lines = slices.Clone(lines[:min(len(lines), most-1)])
	for i, line := range lines {
		lines[i] = text.Trim(line, columns)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.draw(lines, "")
}

// Animate draws what lines returns, several times a second, until stop is called, and then
// one more time.
func (l *Live) Animate(lines func() []string) (stop func() error) {
	ended, drawn := make(chan struct{}), make(chan error, 1)
	go func() {
		for ticks := time.NewTicker(redraw); ; {
			select {
			case <-ended:
				ticks.Stop()
				drawn <- l.Draw(lines())
				return
			case <-ticks.C:
				_ = l.Draw(lines()) // if it fails, the last one does too
			}
		}
	}()
	return func() error {
		close(ended)
		return <-drawn
	}
}

// Write writes lines above those that are drawn.
func (l *Live) Write(lines []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.draw(l.lines, string(lines)); err != nil {
		return 0, err
	}
	return len(lines), nil
}

// draw writes a frame over the one before, from the first column: the terminal may have
// echoed ^C. Without lines above, which may wrap, it erases line by line: a screen that is
// empty for a moment flickers.
func (l *Live) draw(lines []string, above string) error {
	var frame strings.Builder
	frame.WriteString("\r")
	if len(l.lines) > 0 {
		fmt.Fprintf(&frame, "\x1b[%dA", len(l.lines))
	}
	if above != "" {
		frame.WriteString("\x1b[J")
	}
	for line := range strings.Lines(above + strings.Join(append(lines, ""), "\n")) {
		frame.WriteString("\x1b[2K" + line)
	}
	frame.WriteString("\x1b[J")
	l.lines = lines
	_, err := io.WriteString(l.out, frame.String())
	return err
}

// Clock shows in a terminal for how long a program has been doing something, until stop is
// called. Lines and notes are written above it.
func Clock(doing string, out, notes io.Writer) (above io.Writer, _ *Notes, stop func() error) {
	if !IsTerminal(out) {
		return out, NewNotes(notes), func() error { return nil }
	}
	live, began, ended := NewLive(out), time.Now(), atomic.Bool{}
	end := live.Animate(func() []string {
		if ended.Load() {
			return nil
		}
		return []string{fmt.Sprintf("%4.0fs  %s", time.Since(began).Seconds(), doing)}
	})
	return live, NewNotes(live), func() error {
		ended.Store(true)
		return end()
	}
}

// TimeBar returns a bar that shows when something ran: from one time to another, in a line
// of so many columns for the time from begin to end.
func TimeBar(columns int, begin, end, from, to time.Time) string {
	whole := max(1, end.Sub(begin))
	column := func(at time.Time) int {
		return min(columns, max(0, int(time.Duration(columns)*at.Sub(begin)/whole)))
	}
	first := min(column(from), columns-1)
	return strings.Repeat(" ", first) + strings.Repeat("█", max(1, column(to)-first))
}
