package joblog_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci/internal/testkit"
	"example.com/gitlabci/joblog"
)

// stamp returns a timestamp; rest is the stream's number and letter, and a plus
// or space.
func stamp(rest string) string { return stampAt(0, rest) }

func stampAt(seconds int, rest string) string {
	return fmt.Sprintf("2024-05-22T12:43:%02d.962646Z %s", 46+seconds, rest)
}

func TestTimestamps(t *testing.T) {
	lines := read(t, stampAt(0, "00O ")+"Running\n"+stampAt(1, "01E ")+"\x1b[31moops\x1b[0m\r\n"+"no time\n"+stampAt(2, "ffO ")+"\n")
	require.Equal(t, []string{"Running", "oops", "no time", ""}, texts(lines))
	at := time.Date(2024, 5, 22, 12, 43, 46, 962646000, time.UTC)
	for i, want := range []joblog.Line{
		{Time: at, Stream: joblog.StreamStdout},
		{Time: at.Add(time.Second), Stream: joblog.StreamStderr, StreamNumber: 1},
		{},
		{Time: at.Add(2 * time.Second), Stream: joblog.StreamStdout, StreamNumber: 0xff},
	} {
		require.Equal(t, want.Time, lines[i].Time)
		require.Equal(t, want.Stream, lines[i].Stream)
		require.Equal(t, want.StreamNumber, lines[i].StreamNumber)
		require.False(t, lines[i].Continues)
	}
	require.Equal(t, stampAt(1, "01E ")+"\x1b[31moops\x1b[0m\r\n", string(lines[1].Raw))
}

func TestNotTimestamps(t *testing.T) {
	for _, text := range []string{
		"2024-05-22T12:43:46.962646Z 00X text",
		"2024-05-22T12:43:46.962646Z 00O-text",
		"2024-05-22T12:43:46.962646Z 0gO text",
		"2024-05-22T12:43:46.962646Z g0O text",
		"2024-05-22T12:43:46.962646Z 0AO text",
		"2024-05-22T12:43:46.962646Z_00O text",
		"2024-05-22T12:43:46.962646+ 00O text",
		"2024-05-22 12:43:46.962646Z 00O text",
		"2024-05-22T12:43:46,962646Z 00O text",
		"2024-05-22T12:43:4x.962646Z 00O text",
		"2024-05-22T12:43:46.96264xZ 00O text",
		strings.Repeat("\x00", 20) + "962646Z 00O text",
		"2024-13-22T12:43:46.962646Z 00O text",
		"2024-00-22T12:43:46.962646Z 00O text",
		"2024-02-30T12:43:46.962646Z 00O text",
		"2024-05-00T12:43:46.962646Z 00O text",
		"2024-05-22T24:43:46.962646Z 00O text",
		"2024-05-22T12:60:46.962646Z 00O text",
		"2024-05-22T12:43:60.962646Z 00O text",
		"2024-05-22T12:43:46.962646Z 00O",
		"x 2024-05-22T12:43:46.962646Z 00O text",
	} {
		lines := read(t, text+"\n")
		require.Equal(t, []string{text}, texts(lines))
		require.Zero(t, lines[0].Time)
		require.Zero(t, lines[0].Stream)
		require.Zero(t, lines[0].StreamNumber)
	}
}

func TestContinuations(t *testing.T) {
	out, more := stamp("01O "), stamp("01O+")
	tests := []struct {
		name, log string
		want      []string
	}{
		{"long line", out + "one \n" + more + "two \n" + more + "three\n" + out + "four\n", []string{"one two three []", "four []"}},
		{"progress", out + "10%\r\n" + more + "50%\r\n" + more + "100%\n" + out + "done\n", []string{"100% []", "done []"}},
		{"progress to the end", out + "10%\r\n" + more + "100%\r\n", []string{"100% []"}},
		{"marker as the runner breaks it", out + "section_start:1:a\r\n" + more + "\x1b[0K\x1b[36;1mHead\x1b[0;m\n" + out + "x\n", []string{"Head [a] +a", "x [a]"}},
		{"marker broken within", out + "section_st\n" + more + "art:1:a\n" + more + "\r\x1b[0KHead\n", []string{"Head [a] +a"}},
		{"color broken within", out + "a\x1b[3\n" + more + "1mb\n", []string{"ab []"}},
		{"nothing to continue", out + "\n" + more + "a\n" + more + "\n", []string{"a []"}},
		{"start in mid-line", out + "a" + start("s") + "\n" + more + "b\n", []string{"a []", "b [s] +s"}},
		{"end at the seam", out + start("s") + "a" + end("s") + "\n" + more + "b\n", []string{"a [s] +s -s", "b []"}},
		{"prefix in mid-line", out + "a " + out + "b\n", []string{"a " + out + "b []"}},
		{"continuation without a prefix before", "a\n" + more + "b\n", []string{"a []", "b []"}},
		{"continuation behind a line without a prefix", out + "a\nplain\n" + more + "b\n", []string{"a []", "plain []", "b []"}},
		{"end of the log in a prefix", out + "a\n" + more[:20], []string{"a []", more[:20] + " []"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			require.Equal(t, test.want, shape(read(t, test.log)))
		})
	}
}

// A continuation is not joined with a line of another stream.
func TestInterleavedStreams(t *testing.T) {
	lines := read(t, stampAt(0, "01O ")+"10%\r\n"+stampAt(1, "01E ")+"careful\n"+stampAt(2, "01O+")+"100%\n"+stampAt(3, "02O+")+"x\n")
	require.Equal(t, []string{"", "careful", "100%", "x"}, texts(lines))
	for i, continues := range []bool{false, false, true, true} {
		require.Equal(t, continues, lines[i].Continues, i)
	}
}

// The erased parts of a progress bar are gone, even if another stream writes meanwhile.
func TestReplacedParts(t *testing.T) {
	out, more, other := stamp("01O "), stamp("01O+"), stamp("01E ")+"careful\n"
	between := strings.Repeat(other, 20)
	tests := []struct {
		name, log string
		want      string // the text of the first line
	}{
		{"text", out + "10%\r\n" + other + more + "20%\r\n", ""},
		{"far away", out + "10%\r\n" + between + more + "20%\n", ""},
		{"too far away", out + "10%\r\n" + between + between + more + "20%\n", "10%"},
		{"long lines", out + "10%\r\n" + stamp("01E ") + strings.Repeat("x", 20<<10) + "\n" + other + more + "20%\n", "10%"},
		{"erased", out + "10%\r\n" + other + more + "\x1b[K\n", ""},
		{"only colors", out + "10%\r\n" + other + more + "\x1b[31m\r\n", "10%"},
		{"nothing", out + "10%\r\n" + other + more + "\n", "10%"},
		{"a marker", out + "10%\r\n" + other + more + start("a") + "\n", "10%"},
		{"a marker and text", out + "10%\r\n" + other + more + start("a") + "x\n", ""},
		{"a new line", out + "10%\r\n" + other + out + "20%\n", "10%"},
		{"no return", out + "10%\n" + other + more + "20%\n", "10%"},
		{"a return that is text's", out + "10%\r20%\n" + other + more + "30%\n", "20%"},
		{"no timestamp", out + "10%\r\nplain\n" + more + "20%\n", "10%"},
		{"the end", out + "10%\r\n" + other, "10%"},
		{"the end in a part", out + "10%\r\n" + other + more + "20%", ""},
		{"no stamps", "10%\r\n" + other + more + "20%\n", "10%"},
		{"styles", out + "\x1b[31m10%\r\n" + other + more + "20%\n", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			for _, size := range []int{1, 100, 1 << 20} {
				lines := collect(t, &chunks{log: test.log, size: size})
				require.Equal(t, test.want, lines[0].Text)
				raw := ""
				for _, line := range lines {
					raw += string(line.Raw)
				}
				require.Equal(t, test.log, raw)
			}
		})
	}
	styled := read(t, out+"\x1b[31m10%\r\n"+other+more+"20%\n")
	require.Equal(t, "\x1b[31m", styled[0].Styled)
}

// The time of a part is that of the part's own prefix.
func TestTimeOfParts(t *testing.T) {
	lines := read(t, stampAt(0, "01O ")+"a\n"+stampAt(1, "01O+")+"b"+start("s")+"c\n"+stampAt(2, "01O+")+start("u")+"d\n")
	require.Equal(t, []string{"ab []", "c [s] +s", "d [s u] +u"}, shape(lines))
	for i, seconds := range []int{0, 1, 2} {
		require.Equal(t, time.Date(2024, 5, 22, 12, 43, 46+seconds, 962646000, time.UTC), lines[i].Time)
	}
	require.False(t, lines[1].Continues)
	require.True(t, strings.HasPrefix(string(lines[2].Raw), stampAt(2, "01O+")))
}

// Lines that are joined are no longer than others.
func TestJoinedTooLong(t *testing.T) {
	testkit.NotUnderRace(t) // a line takes 4 MiB
	part := strings.Repeat("é", 1<<19-1000)
	tails := []int{0, 3000, 3668, 3669, 3670, 3700, 5000, 7000}
	for i, tail := range tails {
		if !testkit.Sampled(i, 3) {
			continue
		}
		log := stamp("01O ") + part + "\n" + strings.Repeat(stamp("01O+")+part+"\n", 3) +
			stamp("01O+") + strings.Repeat("x", tail) + "\n" + stamp("01O+") + part + "\n"
		lines := pieces(t, log)
		require.Len(t, lines, 2)
		require.Equal(t, strings.Repeat(part, 4)+strings.Repeat("x", tail)+part, strings.Join(texts(lines), ""))
		for _, line := range lines {
			require.Equal(t, joblog.StreamStdout, line.Stream)
			require.EqualValues(t, 1, line.StreamNumber)
			require.False(t, line.Time.IsZero())
		}
	}
}

// The rest of a line that is too long may be continued, too.
func TestRestOfLineContinued(t *testing.T) {
	long := strings.Repeat("x", joblog.MaxLine)
	lines := pieces(t, stamp("01O ")+long+"\n"+stamp("01O+")+"end\n")
	require.Len(t, lines, 2)
	require.Equal(t, long+"end", strings.Join(texts(lines), ""))
}
