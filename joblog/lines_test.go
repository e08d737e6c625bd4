package joblog_test

import (
	"bytes"
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci/internal/testkit"
	"example.com/gitlabci/joblog"
)

// read returns the lines of a log, and checks that they have all of its bytes,
// each its own, and that splitting the log changes nothing.
func read(t *testing.T, log string) []*joblog.Line {
	t.Helper()
	lines := collect(t, strings.NewReader(log))
	var raw strings.Builder
	for _, line := range lines {
		require.NotEmpty(t, line.Raw)
		raw.Write(line.Raw)
	}
	require.True(t, log == raw.String(), "the raw bytes are not the log")
	for _, r := range []io.Reader{
		iotest.OneByteReader(strings.NewReader(log)),
		iotest.DataErrReader(&chunks{log: log, size: 7}),
		&chunks{log: log, size: 33},
	} {
		require.Equal(t, lines, collect(t, r))
	}
	return lines
}

func collect(t *testing.T, r io.Reader) []*joblog.Line {
	t.Helper()
	var lines []*joblog.Line
	for line, err := range joblog.Lines(r) {
		require.NoError(t, err)
		lines = append(lines, line)
	}
	return lines
}

// chunks gives a log in parts of a size.
type chunks struct {
	log  string
	size int
}

func (c *chunks) Read(p []byte) (int, error) {
	if c.log == "" {
		return 0, io.EOF
	}
	n := copy(p, c.log[:min(c.size, len(c.log))])
	c.log = c.log[n:]
	return n, nil
}

func texts(lines []*joblog.Line) []string {
	texts := []string{}
	for _, line := range lines {
		texts = append(texts, line.Text)
	}
	return texts
}

func TestText(t *testing.T) {
	tests := []struct {
		name, log string
		want      []string
	}{
		{"nothing", "", []string{}},
		{"one line", "hello\n", []string{"hello"}},
		{"no newline at the end", "a\nb", []string{"a", "b"}},
		{"empty lines", "\n\na\n\n", []string{"", "", "a", ""}},
		{"carriage return and newline", "a\r\nb\r\r\n\r\n", []string{"a", "b", ""}},
		{"progress", "10%\r50%\r100%\n", []string{"100%"}},
		{"progress that ends in a return", "10%\r100%\r\n", []string{"100%"}},
		{"progress that ends in a color", "10%\r100%\r\x1b[0m\n", []string{"100%"}},
		{"progress erased", "10%\r100%\r\x1b[K\n", []string{""}},
		{"progress erased and replaced", "100%\r\x1b[2Kdone\n", []string{"done"}},
		{"erased after the text", "done\x1b[0K\n", []string{"done"}},
		{"colors", "\x1b[32;1m$ make\x1b[0;m\n", []string{"$ make"}},
		{"color in mid-word", "wo\x1b[31mrd\n", []string{"word"}},
		{"256 colors", "\x1b[38;5;196mred\x1b[38:2::1:2:3m!\x1b[m\n", []string{"red!"}},
		{"cursor", "\x1b[2J\x1b[?25lx\x1b[10;3H\x1b[1 qy\n", []string{"xy"}},
		{"link with a bell", "\x1b]8;;https://gitlab.example.com\x07here\x1b]8;;\x07\n", []string{"here"}},
		{"link with a terminator", "\x1b]8;;https://gitlab.example.com\x1b\\here\x1b]8;;\x1b\\\n", []string{"here"}},
		{"device control", "a\x1bP1;2|xyz\x1b\\b\n", []string{"ab"}},
		{"string without an end", "a\x1b]0;title\n", []string{"a0;title"}},
		{"string cut by an escape", "a\x1b]0;title\x1b\n", []string{"a0;title"}},
		{"string cut by a sequence", "a\x1b]0;title\x1b[0mb\n", []string{"a0;titleb"}},
		{"short sequences", "\x1b(B\x1b7a\x1b=b\x1b8\n", []string{"ab"}},
		{"sequences without an end", "a\x1b\nb\x1b[\nc\x1b[1;\nd\x1b(\n", []string{"a", "b", "c", "d"}},
		{"sequence broken by text", "a\x1b[1;é\x1bé\n", []string{"aéé"}},
		{"two escapes", "\x1b\x1b[31mred\n", []string{"red"}},
		{"not UTF-8", "\xff\xfe caf\xe9\n", []string{"\xff\xfe caf\xe9"}},
		{"NUL and tab", "a\x00\tb\n", []string{"a\x00\tb"}},
		{"bells, backspaces, deletes", "a\ab\bc\x7fd\x0b\x0c\x0e\n\a\n", []string{"abcd", ""}},
		{"C1", "a\u009b31mb\u0085c\u009d0;title\u009cd\n", []string{"a31mbc0;titled"}},
		{"C1 in one byte", "a\x9b31mb\x85c\n", []string{"a31mbc"}},
		{"C1 in pieces", "a\xc2\a\x9b31mb\xe2\b\x80\xa8\n", []string{"a\xc231mb\xe2\xa8"}},
		{"C1 in pieces of another encoding", "\xff\xc2\a\x9b31m\xc2\u009b\x9b\x9bx\x9b\n", []string{"\xff\xc231m\xc2x\x9b"}},
		{"code page 850", "f\x81r gr\x94\xe1er\n", []string{"f\x81r gr\x94\xe1er"}},
		{"code page 866", "\x8f\xe0\xae\xa3\xe0\xa0\xac\xac\xa0 \x9b\x9d\x9e\n", []string{"\x8f\xe0\xae\xa3\xe0\xa0\xac\xac\xa0 \x9b\x9d\x9e"}},
		{"Windows-1252", "\x84Datei\x93 \x80 5\x85\n", []string{"\x84Datei\x93 \x80 5\x85"}},
		{"Shift JIS", "\x83\x74\x83\x40\x83\x43\x83\x8b\a\n", []string{"\x83\x74\x83\x40\x83\x43\x83\x8b"}},
		{"one encoding per line", "\xe4\x9b\n\x9b\n", []string{"\xe4\x9b", ""}},
		{"bells in another encoding", "\a\x9b\xe4\a\x85\u0085\xfc\x9bx\n", []string{"\xe4\xfc\x9bx"}},
		{"C1 within characters", "a\u201b\u4e5b\U0001f61b\n", []string{"a\u201b\u4e5b\U0001f61b"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			require.Equal(t, test.want, texts(read(t, test.log)))
		})
	}
}

func TestStyled(t *testing.T) {
	for log, want := range map[string]string{
		"plain\n":                             "plain",
		"\x1b[31mr\aed\u009b\x1b[0m\n":        "\x1b[31mred\x1b[0m",
		"\x81\xc2\x1b[31m\x9br\x9b\n":         "\x81\x1b[31mr\x9b",
		"\x1b[3\a1mred\n":                     "1mred",
		"\x1b[31mred\x1b[0m\x1b[K\n":          "\x1b[31mred\x1b[0m",
		"\x1b[31m10%\r\x1b[32m100%\x1b[0m\n":  "\x1b[31m\x1b[32m100%\x1b[0m",
		"\x1b]0;title\x07a\x1b[2J\x1b[1mb\n":  "a\x1b[1mb",
		start("a") + "\x1b[36;1mHi\x1b[0;m\n": "\x1b[36;1mHi\x1b[0;m",
		"\x1b[mm\n":                           "\x1b[mm",
	} {
		lines := read(t, log)
		require.Len(t, lines, 1)
		require.Equal(t, want, lines[0].Styled)
	}
}

// A style set between two lines is that of the second.
func TestStyledAtSeam(t *testing.T) {
	lines := read(t, start("a")+"\x1b[31mA"+end("a")+"\x1b[32mB\x1b[0m\n"+start("a")+"\x1b[31mC"+end("a")+"\x1b[0m\n")
	require.Len(t, lines, 3)
	require.Equal(t, "\x1b[31mA", lines[0].Styled)
	require.Equal(t, "\x1b[32mB\x1b[0m", lines[1].Styled)
	require.Equal(t, "\x1b[31mC\x1b[0m", lines[2].Styled)
}

func TestLinesAreKept(t *testing.T) {
	lines := collect(t, strings.NewReader("\x1b[1mone\x1b[0m\r\n\x1b[1mtwo\x1b[0m\r\n"))
	lines[1].Raw[4] = 'X'
	require.Equal(t, "\x1b[1mone\x1b[0m\r\n", string(lines[0].Raw))
	require.Equal(t, []string{"one", "two"}, texts(lines))
}

func TestReaderFails(t *testing.T) {
	broken := errors.New("broken")
	var got []string
	for line, err := range joblog.Lines(io.MultiReader(strings.NewReader("a\nb"), iotest.ErrReader(broken))) {
		if err != nil {
			require.Nil(t, line)
			require.Equal(t, broken, err)
			got = append(got, "error")
			continue
		}
		got = append(got, line.Text)
	}
	require.Equal(t, []string{"a", "b", "error"}, got)
}

func TestReaderWithoutProgress(t *testing.T) {
	for _, err := range joblog.Lines(emptyReader{}) {
		require.Equal(t, io.ErrNoProgress, err)
		return
	}
	t.Fatal("no error")
}

type emptyReader struct{}

func (emptyReader) Read([]byte) (int, error) { return 0, nil }

// A reader may give nothing now and then.
func TestReaderPauses(t *testing.T) {
	log := &pausing{chunks: chunks{log: "a\nb\n", size: 1}}
	require.Equal(t, []string{"a", "b"}, texts(collect(t, log)))
}

type pausing struct {
	chunks
	reads int
}

func (p *pausing) Read(b []byte) (int, error) {
	if p.reads++; p.reads%3 > 0 {
		return 0, nil
	}
	return p.chunks.Read(b)
}

func TestBreak(t *testing.T) {
	for line, err := range joblog.Lines(strings.NewReader("a\nb\n")) {
		require.NoError(t, err)
		require.Equal(t, "a", line.Text)
		break
	}
}

// A log that grows is read no further than the line that is requested.
func TestLogThatGrows(t *testing.T) {
	r := &stepped{parts: []string{"a\n", "b", "\n", stamp("00O ") + "c\n", stamp("00O+"), "d\n", stamp("01O "), "e"}}
	var reads []int
	for line, err := range joblog.Lines(r) {
		require.NoError(t, err)
		reads = append(reads, r.reads)
		require.Contains(t, "a b cd e", line.Text)
	}
	require.Equal(t, []int{1, 3, 7, 9}, reads)
}

// stepped gives a part a read, and counts the reads.
type stepped struct {
	parts []string
	reads int
}

func (s *stepped) Read(b []byte) (int, error) {
	if s.reads++; s.reads > len(s.parts) {
		return 0, io.EOF
	}
	return copy(b, s.parts[s.reads-1]), nil
}

func TestStreamString(t *testing.T) {
	require.Equal(t, "stdout", joblog.StreamStdout.String())
	require.Equal(t, "stderr", joblog.StreamStderr.String())
	require.Empty(t, joblog.Stream(0).String())
}

// requireSame is [require.Equal] for lines of megabytes, whose texts it would
// compare byte by byte.
func requireSame(t *testing.T, want, got []*joblog.Line) {
	t.Helper()
	require.Len(t, got, len(want))
	for i := range want {
		require.True(t, bytes.Equal(want[i].Raw, got[i].Raw), i)
		a, b := *want[i], *got[i]
		a.Raw, b.Raw = nil, nil
		require.True(t, reflect.DeepEqual(a, b), i)
	}
}

// pieces are the lines of one that is too long, and none of them is.
func pieces(t *testing.T, log string) []*joblog.Line {
	t.Helper()
	lines := collect(t, strings.NewReader(log))
	requireSame(t, lines, collect(t, &chunks{log: log, size: 4093}))
	var raw strings.Builder
	for i, line := range lines {
		require.LessOrEqual(t, len(line.Raw), joblog.MaxLine)
		require.Equal(t, i > 0, line.Continues, i)
		raw.Write(line.Raw)
	}
	require.True(t, log == raw.String(), "the raw bytes are not the log")
	return lines
}

func TestLongestLine(t *testing.T) {
	log := strings.Repeat("x", joblog.MaxLine-1) + "\n"
	lines := collect(t, strings.NewReader(log+"next\n"))
	require.Len(t, lines, 2)
	require.Len(t, lines[0].Text, joblog.MaxLine-1)
	require.False(t, lines[1].Continues)
}

func TestLineTooLong(t *testing.T) {
	testkit.NotUnderRace(t) // a line takes 4 MiB
	for name, at := range map[string]string{
		"plain":     "plain text",
		"character": "é",
		"wide":      "🙂",
		"not UTF-8": "\xe9\xff",
		"color":     "\x1b[38;5;196m",
		"link":      "\x1b]8;;https://gitlab.example.com\x1b\\",
		"marker":    end("step[collapsed=true]"),
	} {
		t.Run(name, func(t *testing.T) {
			want := strings.Join(texts(collect(t, strings.NewReader(at+"yy"))), "")
			for shift := range len(at) + 1 {
				if !testkit.Sampled(shift, 1+len(at)/2) {
					continue
				}
				pad := strings.Repeat("x", joblog.MaxLine-shift)
				lines := pieces(t, pad+at+"yy")
				require.Len(t, lines, 2)
				require.Equal(t, want, strings.Join(texts(lines), "")[len(pad):], shift)
				require.Equal(t, utf8.ValidString(at), utf8.ValidString(lines[0].Text) && utf8.ValidString(lines[1].Text))
			}
		})
	}
}

// A section may open in what is left of a line too long.
func TestMarkerInLineTooLong(t *testing.T) {
	for shift := range 7 {
		log := strings.Repeat("x", joblog.MaxLine-5*shift) + start("step") + "yy\n"
		lines := collect(t, strings.NewReader(log))
		require.Equal(t, "yy [step] +step", shape(lines[len(lines)-1:])[0])
		require.Empty(t, lines[0].Sections)
	}
}
