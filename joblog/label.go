package joblog

import (
	"bytes"
	"slices"
)

// A program that runs several tasks at the same time writes the name of the task before each
// line of it: Turborepo "api:test: ", pnpm "packages/api test: ", Lerna "api: ", and others
// "[api] " or "[api]: ". Each task may have an open failure.
const (
	maxTasks  = 4
	maxLabel  = 64
	maxSimple = 16 // how many labels of the form "api: " are known
)

// A task is one that runs beside others.
type task struct {
	label []byte
	block
}

// continuesTask reports whether a line belongs to an open failure of its task.
func (c *collector) continuesTask(l *factLine, label []byte) bool {
	for i := range c.tasks {
		t := &c.tasks[i]
		if t.opener == nil || !bytes.Equal(t.label, label) {
			continue
		}
		l.strip(len(label))
		if len(l.body) == 0 || c.follow(&t.block, l) {
			return true
		}
		l.restore(len(label))
	}
	return false
}

// taskOf returns the block for a failure of a task.
func (c *collector) taskOf(label []byte) *block {
	at := slices.IndexFunc(c.tasks[:], func(t task) bool { return bytes.Equal(t.label, label) })
	if at < 0 {
		at = max(slices.IndexFunc(c.tasks[:], func(t task) bool { return t.opener == nil }), 0)
		c.close(&c.tasks[at].block)
	}
	t := &c.tasks[at]
	t.label = append(t.label[:0], label...)
	t.block.label = t.label
	return &t.block
}

// strip removes a label from what patterns see, and restore adds it again.
func (l *factLine) strip(n int) { l.within(l.inner[n:]) }

func (l *factLine) restore(n int) { l.within(l.text[len(l.text)-len(l.inner)-n:]) }

func (l *factLine) within(inner []byte) {
	l.inner = inner
	l.body = bytes.TrimLeft(l.inner, " \t")
	l.indent = len(l.inner) - len(l.body)
}

// labelOf returns the label of a line, with the space behind it, or nothing.
func (c *collector) labelOf(text []byte) []byte {
	if len(text) < len("[0]") {
		return nil
	}
	if text[0] == '[' {
		return bracketed(text)
	}
	head := text[:min(len(text), maxLabel)]
	colon := bytes.Index(head, []byte(": "))
	if colon < 0 && len(head) == len(text) && text[len(text)-1] == ':' {
		colon = len(text) - 1
	}
	if colon <= 0 || !isLetter(text[0]) && text[0] != '@' && text[0] != '.' {
		return nil
	}
	label := text[:min(colon+2, len(text))]
	if isTaskName(text[:colon]) || c.isSimple(text, colon) {
		return label
	}
	return nil
}

// bracketed returns a label such as "[api] ". The level of a message and a number with
// punctuation are none.
func bracketed(text []byte) []byte {
	end := bytes.IndexByte(text[:min(len(text), maxLabel)], ']')
	if end < 2 {
		return nil
	}
	name := text[1:end]
	if span(name, isLabelByte) != len(name) || isDigit(name[0]) && span(name, isDigit) != len(name) || isLevel(name) {
		return nil
	}
	length := end + 1
	if length < len(text) && text[length] == ':' {
		length++
	}
	switch {
	case length == len(text):
		return text
	case text[length] == ' ':
		return text[:length+1]
	default:
		return nil
	}
}

func isLevel(name []byte) bool {
	return slices.ContainsFunc([]string{"err", "warn", "info", "debug", "trace", "fatal", "fail", "ok", "pass", "skip", "note", "notice", "crit", "started", "completed", "success"}, func(level string) bool {
		return hasPrefixFold(name, level)
	})
}

// isTaskName reports whether name is like "api:test" or "packages/api test".
func isTaskName(name []byte) bool {
	first := span(name, isPackageByte)
	if first == 0 || first+1 >= len(name) || span(name[first+1:], isLabelByte) != len(name)-first-1 {
		return false
	}
	switch {
	case name[first] == ':':
		return isLetter(name[first+1])
	case name[first] == ' ':
		return bytes.IndexByte(name[:first], '/') > 0 || first == 1 && name[0] == '.'
	default:
		return false
	}
}

// isSimple reports whether a line begins with the name of a package. What npm writes
// first says so: "api: > api@1.0.0 test".
func (c *collector) isSimple(text []byte, colon int) bool {
	name := text[:colon]
	if span(name, isPackageByte) != len(name) {
		return false
	}
	if slices.ContainsFunc(c.simple, func(s string) bool { return s == string(name) }) {
		return true
	}
	rest := text[min(colon+2, len(text)):]
	if len(c.simple) == maxSimple || len(rest) < minWord || rest[0] != '>' || bytes.IndexByte(rest, '@') < 0 {
		return false
	}
	c.simple = append(c.simple, string(name))
	return true
}

func isPackageByte(c byte) bool { return isNameByte(c) || c == '/' || c == '@' }

func isLabelByte(c byte) bool { return isPackageByte(c) || c == ':' }
