package console

import (
	"context"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/jedib0t/go-pretty/v6/progress"
	"github.com/jedib0t/go-pretty/v6/text"

	"example.com/gitlabci"
)

const (
	redraw     = 100 * time.Millisecond // how often a bar is drawn
	report     = 10 * time.Second       // how often a line shows progress where there is no bar
	noteworthy = 2 * time.Second        // shorter waits and durations are not printed
)

// Notes are lines beside the output of a program, above a bar while there is one. Its
// methods may be called concurrently.
type Notes struct {
	out io.Writer

	mu  sync.Mutex
	bar *Bar // the one that is drawn; nil if none is
}

// NewNotes returns notes that are written to out.
func NewNotes(out io.Writer) *Notes { return &Notes{out: out} }

// Print writes a line.
func (n *Notes) Print(line string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.bar != nil {
		n.bar.drawer.Log("%s", line)
		return
	}
	fmt.Fprintln(n.out, line)
}

// Wait prints how long a request waits and why. It is for the hook OnWait of [gitlabci.Hooks].
func (n *Notes) Wait(_ context.Context, wait gitlabci.WaitInfo) {
	if wait.Duration >= noteworthy {
		n.Print(fmt.Sprintf("waiting for %v: %s", wait.Duration.Round(time.Second), wait.Reason))
	}
}

// A Bar shows how much of something is done: in a terminal by a bar, elsewhere by a line
// now and then.
type Bar struct {
	notes   *Notes
	drawer  progress.Writer // nil without a terminal
	tracker progress.Tracker
	drawn   chan struct{} // closed after the last drawing
	began   time.Time
	ended   time.Time // zero before End

	mu      sync.Mutex
	printed time.Time // the last line
}

// NewBar begins a bar. One at a time can be shown, and it ends with [Bar.End].
func (n *Notes) NewBar(what string, units progress.Units) *Bar {
	now := time.Now()
	b := &Bar{notes: n, began: now, printed: now}
	b.tracker = progress.Tracker{Message: Printable(what), Units: units, AutoStopDisabled: true, RemoveOnCompletion: true}
	file, ok := n.out.(*os.File)
	if !ok || !IsTerminal(file) {
		return b
	}
	b.drawer, b.drawn = newDrawer(file), make(chan struct{})
	b.drawer.AppendTracker(&b.tracker)
	n.mu.Lock()
	n.bar = b
	n.mu.Unlock()
	go func() {
		b.drawer.Render()
		close(b.drawn)
	}()
	return b
}

func newDrawer(out *os.File) progress.Writer {
	p := progress.NewWriter()
	p.SetOutputWriter(screen{out})
	p.SetUpdateFrequency(redraw)
	p.SetAutoStop(true) // Stop has no effect before Render has begun
	p.SetTrackerLength(20)
	p.SetTrackerPosition(progress.PositionRight)
	style := progress.StyleBlocks
	style.Options.Separator = " "
	style.Options.PercentFormat = "%3.0f%%"
	style.Options.PercentIndeterminate = "    "
	style.Options.ETAString = "left"
	style.Options.TimeInProgressPrecision = redraw
	style.Options.SpeedPrecision = redraw
	style.Visibility.ETA, style.Visibility.Speed = true, true
	if WantsColors(out) {
		style.Colors.Tracker = text.Colors{text.FgCyan}
	}
	p.SetStyle(style)
	return p
}

// A screen draws each frame from the first column, since the terminal may have echoed ^C.
type screen struct{ *os.File }

func (s screen) Write(frame []byte) (int, error) {
	n, err := s.File.Write(append([]byte("\r"), frame...))
	return max(0, n-1), err
}

// Set says how much is done, and of how much; a total below 1 is unknown.
func (b *Bar) Set(done, total int64) {
	b.tracker.UpdateTotal(max(0, total))
	b.tracker.SetValue(done)
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.drawer != nil || time.Since(b.printed) < report {
		return
	}
	b.printed = time.Now()
	of := ""
	if total > 0 {
		of = " of " + b.tracker.Units.Sprint(total)
	}
	b.notes.Print(fmt.Sprintf("%s: %s%s after %v", b.tracker.Message, b.tracker.Units.Sprint(done), of, b.Took()))
}

// Print writes a line to out: above the bar, if both are in the terminal.
func (b *Bar) Print(out io.Writer, line string) error {
	if b.drawer != nil && IsTerminal(out) {
		b.notes.Print(line)
		return nil
	}
	_, err := fmt.Fprintln(out, line)
	return err
}

// Took returns for how long there has been a bar, until its end.
func (b *Bar) Took() time.Duration { return b.lasted().Round(redraw) }

func (b *Bar) lasted() time.Duration {
	if b.ended.IsZero() {
		return time.Since(b.began)
	}
	return b.ended.Sub(b.began)
}

// Sum formats how much was done, in which time, and how much in a second.
func (b *Bar) Sum() string {
	done, took := b.tracker.Value(), b.lasted()
	sum := fmt.Sprintf("%s in %v", b.tracker.Units.Sprint(done), took.Round(redraw/10))
	if took >= redraw {
		sum += fmt.Sprintf(", %s/s", b.tracker.Units.Sprint(int64(float64(done)/took.Seconds())))
	}
	return sum
}

// End removes the bar from the screen.
func (b *Bar) End() {
	b.ended = time.Now()
	if b.drawer == nil {
		return
	}
	b.notes.mu.Lock() // until the last drawing, which would overwrite other lines
	defer b.notes.mu.Unlock()
	b.tracker.MarkAsDone()
	<-b.drawn
	b.notes.bar = nil
}
