package joblog_test

import (
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci/internal/testkit"
	"example.com/gitlabci/joblog"
)

// endless gives a text over and over, and looks now and then how much memory is
// in use.
type endless struct {
	text       string
	at         int
	left, read int
	peak       uint64
}

func (e *endless) Read(p []byte) (int, error) {
	if e.left <= 0 {
		return 0, io.EOF
	}
	n := copy(p, e.text[e.at:])
	e.at = (e.at + n) % len(e.text)
	e.left -= n
	if e.read++; e.read%8 == 0 {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		e.peak = max(e.peak, m.HeapAlloc)
	}
	return n, nil
}

func TestMemory(t *testing.T) {
	testkit.NotUnderRace(t)
	defer debug.SetGCPercent(debug.SetGCPercent(20)) // garbage is not what counts
	short := strings.Repeat(start("a")+"\x1b[32;1m$ make all\x1b[0;m\n"+stamp("01O ")+"10%\r\n"+stamp("01O+")+"error 100%\n"+end("a")+"\n", 400)
	tests := []struct {
		name, text string
		size       int
		limit      uint64
	}{
		{"short lines", short, 4 << 20, 3 << 20},
		{"one line", strings.Repeat("x", 1<<16), 40 << 20, 32 << 20},
		{"one line of progress", strings.Repeat("10%\r\x1b[32m", 1<<12), 5 << 20, 20 << 20},
		{"one line of sections", strings.Repeat(start("a"), 1<<11), 5 << 20, 16 << 20},
		{"sections never closed", strings.Repeat(start("a")+"x\n", 1000), 3 << 19, 3 << 20},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			runtime.GC()
			var before runtime.MemStats
			runtime.ReadMemStats(&before)
			r := &endless{text: test.text, left: test.size}
			for _, err := range joblog.Lines(r) {
				require.NoError(t, err)
			}
			t.Log(float64(r.peak-before.HeapAlloc)/(1<<20), test.limit>>20)
			require.NotZero(t, r.peak)
			require.Less(t, r.peak, before.HeapAlloc+test.limit)
		})
	}
}

// A summary of a log of any size is small.
func TestMemoryOfSummary(t *testing.T) {
	testkit.NotUnderRace(t)
	defer debug.SetGCPercent(debug.SetGCPercent(20))
	makeTables(t)
	runtime.GC()
	var before runtime.MemStats
	runtime.ReadMemStats(&before)
	r := &endless{text: strings.Repeat(startAt(0, "a")+"Head\nerror: "+strings.Repeat("x", 600)+"\n"+endAt(1, "a")+"\n", 100), left: 4 << 20}
	s, err := joblog.Summarize(r)
	require.NoError(t, err)
	require.NotZero(t, s.OmittedSections)
	require.NotZero(t, r.peak)
	require.Less(t, r.peak, before.HeapAlloc+4<<20)
}

// makeTables has those made that all summaries share. They are made for the first log.
func makeTables(t *testing.T) {
	t.Helper()
	_, err := joblog.Summarize(strings.NewReader("error\n"))
	require.NoError(t, err)
}

// hostileSections returns what logs of 10,000 sections or more repeat, keyed by what is
// large in it.
func hostileSections() map[string]string {
	options := func(n int) string {
		var all []string
		for i := range n {
			all = append(all, fmt.Sprintf("%03d=v", i))
		}
		return "[" + strings.Join(all, ",") + "]"
	}
	return map[string]string{
		"short names":     start("a") + "\n" + end("a"),
		"long names":      start(strings.Repeat("n", 900)) + "\n" + end(strings.Repeat("n", 900)),
		"one option":      start("a[b=c]") + "\n" + end("a"),
		"eight options":   start("a"+options(8)) + "\n" + end("a"),
		"nine options":    start("a"+options(9)) + "\n" + end("a"),
		"sixteen options": start("a"+options(16)) + "\n" + end("a"),
		"150 options":     start("a"+options(150)) + "\n" + end("a"),
		"a long option":   start("a[b="+strings.Repeat("x", 900)+"]") + "\n" + end("a"),
		"spaces":          start("a[b=c"+strings.Repeat(", b=c", 160)+"]") + "\n" + end("a"),
		"headers":         start("a") + strings.Repeat("h", 5000) + "\n" + end("a"),
		"short headers":   start("a") + "h\n" + end("a"),
		"nested":          strings.Repeat(start("a"), 10) + "\n" + strings.Repeat(end("a"), 10),
		"never closed":    start("a") + "\n",
	}
}

func heap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// The summary of any log takes at most 1 MiB. A run tries a fourth of the logs.
func TestMemoryHeldBySummaries(t *testing.T) {
	testkit.NotUnderRace(t)
	makeTables(t)
	long := strings.Repeat("x", 5000)
	begin := "Running with gitlab-runner " + long + "\n on " + long + "\nUsing Docker executor with image " + long + "\n"
	failed := startAt(0, "step_script") + "\n" + start(strings.Repeat("n", 900)) + "\n"
	for i := range 20 {
		failed += fmt.Sprintf("--- FAIL: Test%d\n    a_test.go:%d: 1%s\n    a_test.go:%d: 2%s\n", i, i, long, i, long)
	}
	all := hostileSections()
	failed += "ERROR: Job failed: exit code 1" + long + "\n"
	for i, name := range testkit.SortedKeys(all) {
		if !testkit.Sampled(i, 4) {
			continue
		}
		t.Run(name, func(t *testing.T) {
			log := begin + strings.Repeat(all[name], 10_000) + failed
			before := heap()
			s, err := joblog.Summarize(strings.NewReader(log))
			require.NoError(t, err)
			held := heap() - before
			require.Len(t, s.Lines(), 14)
			require.Len(t, s.Lines()[1], 4096)
			require.Greater(t, held, int64(380<<10)*strconv.IntSize/64, "sections that fit are kept")
			require.Less(t, held, int64(1<<20))
			runtime.KeepAlive(s)
			runtime.KeepAlive(log)
		})
	}
}

// Lines of millions of bytes are read in a time that grows with their length,
// or this would never end.
func TestHostileLines(t *testing.T) {
	for _, part := range []string{
		"x" + start("a"),
		start("a") + "x" + end("a"),
		start("a") + "x" + end("a") + "\r",
		start("a") + "x" + end("a") + "\x1b[m",
		end("a"),
		"section_end:1:a\r",
		"section_start:1:a[b=c, ",
		"section_",
		"section_start:1:" + "a",
		"section_start:1:a[",
		"\r\x1b[31mx",
		"\x1b]",
		"\x1b[",
		"\x1b]0;" + "title",
		stamp("01O+") + "\n",
		stamp("01O+") + "x" + start("a") + "\r\n",
	} {
		log := stamp("01O ") + strings.Repeat(part, testkit.Fewer(joblog.MaxLine/8)/len(part)) + "\r"
		size := 0
		for line, err := range joblog.Lines(strings.NewReader(log)) {
			require.NoError(t, err)
			size += len(line.Raw)
		}
		require.Equal(t, len(log), size)
	}
}

// A log in which every line may open a failure takes no more time for each.
func TestHostileSummaries(t *testing.T) {
	size := 1 << 16
	if testkit.UnderRace() {
		size = 1 << 13 // regular expressions take 30 times as long
	}
	for _, part := range []string{
		"error: x\n",
		"error error error error error error error error error error error error error error error error\n",
		"--- FAIL: TestA (0.00s)\n",
		"    --- FAIL: TestA/a (0.00s)\n        a_test.go:1: x\n",
		"a.c:1:2: error: x\n  1 | x\n",
		"a.c:1:2: x\n",
		"Traceback (most recent call last):\n",
		"Traceback (most recent call last):\n  File \"a.py\", line 1\n",
		"____ test ____\n", "____ a\nE   x\n",
		"FAILED a.py::test\n",
		"make: *** [a] Error 1\n",
		"usage: x\n  error\n",
		"npm error code E1\nnpm error\n",
		"panic: x\n\ngoroutine 1:\n\t/a.go:1 +0x1\n",
		"$ x\nerror: x\n",
		"$ x\n--- FAIL: TestA (0.00s)\n",
		"  1) a\n", "not ok 1 - a\n", "│ Error: x\n│\n", "#12 0.1 error: x\n", "web-1  | error: x\n",
		"ERROR: Job failed: exit code 1\n",
		strings.Repeat("undefined reference to ", 40) + "\n",
		strings.Repeat("command not found ", 200) + "\n",
		strings.Repeat("error: ", 100_000) + "\n",
	} {
		log := start("step_script") + strings.Repeat(part, max(2, size/len(part)))
		s, err := joblog.Summarize(strings.NewReader(log))
		require.NoError(t, err)
		require.LessOrEqual(t, len(s.Lines()), 20)
	}
}
