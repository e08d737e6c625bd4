package joblog_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci/joblog"
)

const sectionTime = 1716381826

func start(name string) string { return startAt(0, name) }

func end(name string) string { return endAt(0, name) }

// startAt returns a marker some seconds after sectionTime.
func startAt(seconds int, name string) string {
	return fmt.Sprintf("section_start:%d:%s\r\x1b[0K", sectionTime+seconds, name)
}

func endAt(seconds int, name string) string {
	return fmt.Sprintf("section_end:%d:%s\r\x1b[0K", sectionTime+seconds, name)
}

func names(sections []*joblog.Section) string {
	var names []string
	for _, section := range sections {
		names = append(names, section.Name)
	}
	return strings.Join(names, " ")
}

// shape writes lines as "text [open sections] +opened -closed".
func shape(lines []*joblog.Line) []string {
	var shapes []string
	for _, line := range lines {
		shape := line.Text + " [" + names(line.Sections) + "]"
		if line.Opened != nil {
			shape += " +" + names(line.Opened)
		}
		if line.Closed != nil {
			shape += " -" + names(line.Closed)
		}
		shapes = append(shapes, shape)
	}
	return shapes
}

func TestSections(t *testing.T) {
	tests := []struct {
		name, log string
		want      []string
	}{
		{"header", start("a") + "Head\nbody\n" + end("a") + "\nafter\n", []string{"Head [a] +a", "body [a]", " [] -a", "after []"}},
		{"escape before the marker", "\x1b[0K" + start("a") + "Head\n", []string{"Head [a] +a"}},
		{"no erasing after the return", "section_start:1:a\rHead\n", []string{"Head []"}},
		{"another erasing after the return", "section_start:1:a\r\x1b[KHead\n", []string{"Head []"}},
		{"end and start", start("a") + "A\n" + end("a") + start("b") + "B\n", []string{"A [a] +a", "B [b] +b -a"}},
		{"end and text", start("a") + "A\n" + end("a") + "\x1b[32;1mJob succeeded\x1b[0;m\n", []string{"A [a] +a", "Job succeeded [] -a"}},
		{"start in mid-line", "before " + start("a") + "Head\n", []string{"before  []", "Head [a] +a"}},
		{"end in mid-line", start("a") + "A " + end("a") + " after\n", []string{"A  [a] +a -a", " after []"}},
		{"end behind the text", start("a") + "A\nlast" + end("a") + "\nafter\n", []string{"A [a] +a", "last [a] -a", "after []"}},
		{"end, color, newline", start("a") + "A" + end("a") + "\x1b[0;m\r\n", []string{"A [a] +a -a"}},
		{"all in one line", start("a") + "A" + start("b") + "B" + end("b") + end("a") + "x" + start("c") + end("c") + "y\n",
			[]string{"A [a] +a", "B [a b] +b -b a", "x []", "y [] +c -c"}},
		{"nested", start("a") + "A\n" + start("b") + "B\n" + end("b") + "\nin a\n" + end("a") + "\n", []string{"A [a] +a", "B [a b] +b", " [a] -b", "in a [a]", " [] -a"}},
		{"nested with one name", start("a") + "1\n" + start("a") + "2\n" + end("a") + "3\n" + end("a") + "4\n", []string{"1 [a] +a", "2 [a a] +a", "3 [a] -a", "4 [] -a"}},
		{"outer end first", start("a") + "A\n" + start("b") + "B\n" + end("a") + "x\n" + end("b") + "y\n", []string{"A [a] +a", "B [a b] +b", "x [] -b a", "y []"}},
		{"end of nothing", "Hello " + end("a") + "world\n", []string{"Hello world []"}},
		{"end of another", start("a") + "A " + end("b") + "x\n", []string{"A x [a] +a"}},
		{"return behind an end", start("a") + "A" + end("a") + "\r" + end("b") + "x\n", []string{"A [a] +a -a", "x []"}},
		{"return before a start", "10%\r" + start("a") + "A\n", []string{"A [a] +a"}},
		{"return before a start behind an end", start("a") + "A" + end("a") + "\r" + start("b") + "B\n", []string{"A [a] +a -a", "B [b] +b"}},
		{"progress in a section", start("a") + "A\n1%\r2%\r3%\n", []string{"A [a] +a", "3% [a]"}},
		{"names", start("Az_0.9-z") + "A\n", []string{"A [Az_0.9-z] +Az_0.9-z"}},
		{"other names", start("my_$ection") + "x\n" + start("<b>") + "y\n" + start("") + "z\n", []string{"x []", "y []", "z []"}},
		{"no return", "section_start:1:a\nb\nsection_end:1:a", []string{"section_start:1:a []", "b []", "section_end:1:a []"}},
		{"return before the marker only", "x\rsection_start:1:a\n", []string{"section_start:1:a []"}},
		{"no time", "section_start::a\r\x1b[0Kb\nsection_start:x:a\r\x1b[0Kb\nsection_start:1\r\x1b[0Kb\n", []string{"b []", "b []", "b []"}},
		{"a time too long", "section_start:99999999999999999999:a\r\x1b[0Kb\n", []string{"b []"}},
		{"a marker too long", start(strings.Repeat("n", 1024)) + "x\n", []string{"x []"}},
		{"broken options", "section_start:1:a[b=c\r\x1b[0Kd\nsection_start:1:a[b=c]d\r\x1b[0Ke\nsection_start:1:a[b\r\r\x1b[0Kf\n", []string{"d []", "e []", "f []"}},
		{"almost", "section_section_" + start("a") + "b\n", []string{"section_section_ []", "b [a] +a"}},
		{"echo", "$ echo -e \"section_start:$(date +%s):a\\r\\e[0K\"\r\n", []string{"$ echo -e \"section_start:$(date +%s):a\\r\\e[0K\" []"}},
		{"two ends", start("a") + start("b") + "x" + end("b") + end("a") + "\n", []string{"x [a b] +a b -b a"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			require.Equal(t, test.want, shape(read(t, test.log)))
		})
	}
}

// A marker's bytes are of the line that it opens or closes a section in.
func TestRawOfMarkers(t *testing.T) {
	lines := read(t, "x"+start("a")+"A"+end("a")+"y\n")
	require.Equal(t, []string{"x []", "A [a] +a -a", "y []"}, shape(lines))
	for i, raw := range []string{"x", start("a") + "A" + end("a"), "y\n"} {
		require.Equal(t, raw, string(lines[i].Raw))
	}
}

func TestSectionTimes(t *testing.T) {
	lines := read(t, startAt(0, "a")+"A\n"+startAt(2, "b")+"B\n"+startAt(3, "c")+"C\n"+
		endAt(10, "b")+"\n"+endAt(70, "a")+"\n"+startAt(90, "d")+"D\n"+endAt(80, "d")+startAt(90, "e")+"E\n")
	a, b, c := lines[2].Sections[0], lines[2].Sections[1], lines[2].Sections[2]
	require.Equal(t, time.Date(2024, 5, 22, 12, 43, 46, 0, time.UTC), a.Start)
	require.Equal(t, a.Start.Add(70*time.Second), a.End)
	require.Equal(t, 70*time.Second, a.Duration())
	require.False(t, a.Cut)
	require.Equal(t, 8*time.Second, b.Duration())
	require.False(t, b.Cut)
	require.Equal(t, 7*time.Second, c.Duration(), "it ended with what it is in")
	require.True(t, c.Cut)
	require.Zero(t, lines[5].Sections[0].Duration(), "it ended before it started")
	e := lines[6].Sections[0]
	require.Equal(t, "e", e.Name)
	require.True(t, e.End.IsZero())
	require.Zero(t, e.Duration())
}

func TestSectionOptions(t *testing.T) {
	for log, want := range map[string]map[string]string{
		start("a"):                          nil,
		start("a[collapsed=true]"):          {"collapsed": "true"},
		start("a[collapsed=true,hide=no]"):  {"collapsed": "true", "hide": "no"},
		start("a[collapsed=true, hide=no]"): {"collapsed": "true", "hide": "no"},
	} {
		lines := read(t, log+"A\n"+end("a[collapsed=true]")+"\n")
		require.Equal(t, "a", lines[0].Opened[0].Name)
		require.Equal(t, want, lines[0].Opened[0].Options)
		require.Equal(t, lines[0].Opened, lines[1].Closed)
	}
}

// A marker that GitLab's regular expression does not match is text, which the return
// erases.
func TestNotSectionOptions(t *testing.T) {
	for _, options := range []string{
		"[]", "[ ]", "[flag]", "[a=]", "[=b]", "[a=b", "[a=b,]", "[a=b, ]", "[a=b,,c=d]", "[a=b,  c=d]", "[a=b ,c=d]", "[ a=b]", "[a=b ]", "[a =b]", "[a= b]",
		"[a=b.c]", "[a-b=c]", "[a=b]]", "[a=b][c=d]", "[[a=b]]", "[a=é]", " [a=b]", "[a=b] ",
	} {
		require.Equal(t, []string{"A []"}, shape(read(t, start("a"+options)+"A\n")), options)
	}
}

// Only the first 16 options of a marker are kept, each with its last value.
func TestSectionOfManyOptions(t *testing.T) {
	var options []string
	for i := range 100 {
		options = append(options, fmt.Sprintf("o%d=%d", i, i))
	}
	lines := read(t, start("a["+strings.Join(options, ",")+",o15=last]")+"A\n")
	require.Equal(t, "A", lines[0].Text)
	require.Equal(t, start("a["+strings.Join(options, ",")+",o15=last]")+"A\n", string(lines[0].Raw))
	require.Len(t, lines[0].Opened[0].Options, 16)
	require.Equal(t, "0", lines[0].Opened[0].Options["o0"])
	require.Equal(t, "last", lines[0].Opened[0].Options["o15"])
}

// A line in which many sections start is split, and nothing of it is lost.
func TestManySectionsInALine(t *testing.T) {
	log := strings.Repeat(start("a")+end("a"), 2500) + "x\n" + end("a") + "y\n"
	raw, opened, text := "", []int{}, ""
	for _, line := range read(t, log) {
		raw += string(line.Raw)
		text += line.Text + ";"
		opened = append(opened, len(line.Opened))
	}
	require.Equal(t, log, raw)
	require.Equal(t, []int{1000, 1000, 500, 0}, opened)
	require.Equal(t, ";;x;y;", text)
}

// A script that opens a section in each turn and closes none fills no memory.
func TestSectionsNeverClosed(t *testing.T) {
	var log strings.Builder
	for i := range 1000 {
		log.WriteString(startAt(i, fmt.Sprint("s", i)) + "x\n")
	}
	lines := read(t, log.String())
	last := lines[999]
	require.Len(t, last.Sections, 64)
	require.Equal(t, "s62", last.Sections[62].Name)
	require.Equal(t, "s999", last.Sections[63].Name)
	require.Equal(t, "s998", names(last.Closed))
	require.True(t, last.Closed[0].Cut)
	require.Equal(t, time.Second, last.Closed[0].Duration())
}
