package joblog

import (
	"fmt"
	"path"
	"strings"
	"unicode/utf8"
)

// maxReason is how many bytes of a reason are for its line. Its place and name come
// before that.
const maxReason = 200

// reasonOf returns one line that explains a failure: the most informative line, with its
// place and the name of the test.
func reasonOf(f *failure) string {
	text := withoutMarks(f.best())
	if f.name != "" && !strings.Contains(text, f.name) {
		text = f.name + ": " + text
	}
	if f.file != "" && !strings.Contains(text, path.Base(f.file)) {
		place := f.file
		if f.line > 0 {
			place = fmt.Sprintf("%s:%d", f.file, f.line)
		}
		text = place + ": " + text
	}
	return oneLine(text)
}

// withoutMarks returns a line without what a tool draws around it: a rule, a frame, a sign
// of a comment, its level, or the E of pytest.
func withoutMarks(line string) string {
	text := strings.TrimSpace(line)
	for _, sign := range []string{"E  ", "# ", "[ERROR] ", "[FATAL] ", "> ", "=> "} {
		text = strings.TrimPrefix(text, sign)
	}
	text = strings.TrimLeft(text, "│┃|_=+─―━ ")
	text = strings.TrimRight(text, "│┃|_=+─―━ ")
	if text == "" {
		return strings.TrimSpace(line)
	}
	return text
}

// best returns the most informative line: the reason, the first line that explains a name, or
// else the first line of all.
func (f *failure) best() string {
	lines := f.lines
	if f.reason != "" {
		return f.reason
	}
	if f.opener == nil { // the last lines of a script
		return lines[len(lines)-1].text
	}
	if at := nth(lines, headline, 0); f.name == "" && at >= 0 {
		return lines[at].text
	}
	if at := nth(lines, show, 0); at >= 0 {
		return lines[at].text
	}
	return lines[0].text
}

// oneLine returns a text as one line, cut to maxReason bytes.
func oneLine(text string) string {
	text = strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' {
			return ' '
		}
		return r
	}, text)
	if len(text) <= maxReason {
		return text
	}
	end := maxReason - len("…")
	for end > 0 && !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end] + "…"
}
