package joblog

import (
	"bytes"
	"strconv"
)

// unwrap removes what others write before each line of a tool: Terraform draws a box,
// BuildKit writes a step and a time, Compose the name of the container, Ant that of
// the task, Valgrind the number of the process, ctest that of the test, and some write a
// date.
func unwrap(text []byte) []byte {
	if len(text) == 0 {
		return text
	}
	switch c := text[0]; {
	case c == '#':
		return unwrapStep(text)
	case c == '=':
		return unwrapProcess(text)
	case c == '|': // BitBake, before the log of a task
		return bytes.TrimPrefix(text, []byte("| "))
	case c == boxLine[0]:
		if rest, ok := bytes.CutPrefix(text, []byte(boxLine)); ok {
			return bytes.TrimPrefix(rest, []byte(" "))
		}
	case isDigit(c):
		return unwrapLogger(unwrapTime(unwrapTest(text)))
	case isLetter(c):
		return unwrapContainer(text)
	case c == ' ':
		return unwrapTask(text)
	}
	return text
}

const boxLine = "│"

// unwrapStep removes "#12 0.345 ", and "#12 " if there is no time.
func unwrapStep(text []byte) []byte {
	step := span(text[1:], isDigit)
	if step == 0 || len(text) < step+3 || text[step+1] != ' ' {
		return text
	}
	return unwrapSeconds(text[step+2:])
}

// unwrapSeconds removes "0.345 ".
func unwrapSeconds(text []byte) []byte {
	whole := span(text, isDigit)
	if whole == 0 || len(text) < whole+3 || text[whole] != '.' {
		return text
	}
	length := whole + 1 + span(text[whole+1:], isDigit)
	if length == whole+1 || length == len(text) || text[length] != ' ' {
		return text
	}
	return text[length+1:]
}

// unwrapTime removes a date and time, or seconds.
func unwrapTime(text []byte) []byte {
	const least = len("2006-01-02T15:04:05")
	if len(text) <= least || text[4] != '-' || text[7] != '-' || text[13] != ':' || text[16] != ':' {
		return unwrapSeconds(text)
	}
	end := bytes.IndexByte(text[least:min(len(text), least+16)], ' ')
	if end < 0 {
		return text
	}
	return text[least+end+1:]
}

// unwrapContainer removes "web-1  | ". "Line |" is PowerShell's.
func unwrapContainer(text []byte) []byte {
	const most = 48
	bar := bytes.IndexByte(text[:min(len(text), most)], '|')
	if bar < 0 || string(text[:bar]) == "Line " || text[bar-1] != ' ' || bar+1 < len(text) && text[bar+1] != ' ' {
		return text
	}
	if name := span(text, isNameByte); len(bytes.TrimLeft(text[name:bar], " ")) > 0 {
		return text
	}
	return text[min(bar+2, len(text)):]
}

// unwrapTest removes "42: ", which ctest writes before the output of a test.
func unwrapTest(text []byte) []byte {
	const most = 5
	number := span(text[:min(len(text), most+1)], isDigit)
	if number > most || number+2 >= len(text) || text[number] != ':' || text[number+1] != ' ' {
		return text
	}
	return text[number+2:]
}

// unwrapProcess removes "==1234== ".
func unwrapProcess(text []byte) []byte {
	rest, ok := bytes.CutPrefix(text, []byte("=="))
	digits := span(rest, isDigit)
	if !ok || digits == 0 || !bytes.HasPrefix(rest[digits:], []byte("==")) {
		return text
	}
	rest = rest[digits+2:]
	if len(rest) > 0 && rest[0] != ' ' {
		return text
	}
	return bytes.TrimPrefix(rest, []byte(" "))
}

// eventOutput returns what a tool wrote, of an event of go test -json. Other lines, and
// events of another kind, stay as they are.
func eventOutput(text []byte) []byte {
	if !bytes.HasPrefix(text, []byte(`{"`)) {
		return text
	}
	before, quoted, ok := bytes.Cut(text, []byte(`,"Output":`))
	if !ok || !bytes.Contains(before, []byte(`"Action":"output"`)) && !bytes.Contains(before, []byte(`"Action":"build-output"`)) {
		return text
	}
	output, err := strconv.Unquote(string(bytes.TrimSuffix(bytes.TrimRight(quoted, " "), []byte("}"))))
	if err != nil { // cut, or followed by something else
		return text
	}
	return bytes.TrimRight([]byte(output), "\n")
}

// unwrapTask removes "    [javac] ". Ant makes it as long whatever the task.
func unwrapTask(text []byte) []byte {
	const length = len("    [javac] ")
	if len(text) <= length || text[length-1] != ' ' || text[length-2] != ']' {
		return text
	}
	name := bytes.TrimLeft(text[:length-2], " ")
	if len(name) < 2 || name[0] != '[' || span(name[1:], isLetter) < len(name)-1 {
		return text
	}
	return text[length:]
}

// unwrapLogger removes "[ERROR] [org.gradle.internal.buildevents.BuildExceptionReporter] ",
// which Gradle writes behind the time of each line with the log level debug.
func unwrapLogger(text []byte) []byte {
	const logger = "] [org.gradle."
	at := bytes.Index(text[:min(len(text), len("[LIFECYCLE"+logger))], []byte(logger))
	if at < 0 || text[0] != '[' {
		return text
	}
	rest := text[at+len(logger):]
	end := bytes.IndexByte(rest[:min(len(rest), 128)], ']')
	if end < 0 || end+2 > len(rest) {
		return text
	}
	return rest[end+2:]
}
