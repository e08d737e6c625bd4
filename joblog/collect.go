package joblog

import (
	"bytes"
	"slices"
)

// How many failures are kept of each kind: the first and the last. The first lines of a
// compiler or a test explain the later ones; the last failure made the job fail.
const (
	maxFirstFailures, maxLastFailures = 5, 3
	maxFirstHints, maxLastHints       = 3, 4
)

// A collector collects the failures in a script, or in a stage of the runner.
type collector struct {
	index        *index
	lines        int
	now, earlier results // of the current command, and of the last one before it that had some
	blocks       [2]block
	tasks        [maxTasks]task
	simple       []string // labels of tasks that are no more than a name
	tail         tail
	marks        uint64
	pending      pendingTests
	doubts       int
	hinted       *failure // the last mention
	hintLeft     int      // how many lines after it may still explain it
}

// Results are the failures of a command.
type results struct {
	failures, consequences, mentions, complaints keeper
}

func newResults() results {
	return results{
		failures:     keeper{maxFirst: maxFirstFailures, maxLast: maxLastFailures},
		consequences: keeper{maxFirst: 1, maxLast: 1},
		mentions:     keeper{maxFirst: maxFirstHints, maxLast: maxLastHints},
		complaints:   keeper{maxFirst: maxFirstHints, maxLast: maxLastHints},
	}
}

func newCollector() *collector {
	return &collector{index: sharedIndex(), now: newResults(), earlier: newResults()}
}

// A block is a failure that further lines may belong to. There is one for each stream: where
// both are written at the same time, lines of one do not end the failure of the other.
type block struct {
	opener      *opener
	failure     *failure // nil if the lines are never shown
	left        int      // how many lines may follow
	indent      int
	rules       []compiledRule
	counts      []int // how often each rule was applied
	confirmed   bool
	consequence bool   // a consequence of others
	opening     []byte // the line that names a test, until the test has written something
	label       []byte // of the task, if there is one
}

func (c *collector) blockOf(l *factLine) *block {
	if l.origin.stream == StreamStderr {
		return &c.blocks[1]
	}
	return &c.blocks[0]
}

// command begins the next command. What was found so far is of an earlier one, which did not
// end the job.
func (c *collector) command(l *factLine) {
	c.lines++
	c.finish()
	if !c.now.failures.empty() || c.earlier.failures.empty() && !c.now.mentions.empty() {
		c.earlier = c.now
	}
	c.now, c.marks, c.pending, c.hintLeft = newResults(), 0, pendingTests{}, 0
	c.tail.add(l, c.lines, true)
}

// add adds a line of a command.
func (c *collector) add(l *factLine) {
	c.lines++
	label := c.labelOf(l.inner)
	if label != nil && c.continuesTask(l, label) {
		return
	}
	b := c.blockOf(l)
	if b.opener != nil {
		if taken := c.follow(b, l); taken {
			return
		}
	}
	opened, hinted := c.index.find(l, c.marks)
	if opened == nil && label != nil {
		l.strip(len(label))
		if opened, _ = c.index.find(l, c.marks); opened != nil {
			b = c.taskOf(label)
		}
	}
	switch {
	case opened != nil && opened.weight >= never:
		c.marks |= opened.sets
		if opened.within > 0 || b.opener == nil {
			c.open(b, l, opened)
		}
		c.tail.pass(l, c.lines)
		return
	case opened != nil:
		c.open(b, l, opened)
	case isLine(l.body) || isDuration(l.body):
		c.tail.pass(l, c.lines)
		return
	case hinted != nil && (b.opener == nil || !b.confirmed) && !c.isHarmless(l):
		c.hint(l, hinted)
	default:
		c.explainHint(l)
	}
	c.tail.add(l, c.lines, false)
}

// skip adds a blank line.
func (c *collector) skip(l *factLine) {
	if b := c.blockOf(l); b.opener != nil && b.opener.blank == last {
		c.close(b)
	}
}

// How many lines are kept around one that only mentions an error: an unknown tool explains
// the error after it, and names its file or test before it, with less indent.
const (
	afterHint  = 3
	beforeHint = 6
)

func (c *collector) hint(l *factLine, h *hint) {
	f := (*opener)(nil).newFailure(l, c.lines)
	f.header(l, &c.tail)
	f.keep(l.text, headline)
	c.hinted, c.hintLeft = f, afterHint
	if h.weight == mention {
		c.now.mentions.add(f)
	} else {
		c.now.complaints.add(f)
	}
}

// header keeps the last line before one that has less indent.
func (f *failure) header(l *factLine, t *tail) {
	for n := range beforeHint {
		s := t.back(n)
		if s == nil || s.echo || l.indent == 0 {
			return
		}
		inner := s.text[s.inner:]
		if span(inner, isBlank) < l.indent {
			f.keep(s.text, more)
			return
		}
	}
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' }

// explainHint keeps a line that follows a mention.
func (c *collector) explainHint(l *factLine) {
	if c.hintLeft > 0 {
		c.hinted.keep(l.text, show)
		c.hintLeft--
	}
}

// maxDoubts is how many lines with the word of an error are compared with what families
// know to be harmless, as they are read. In a log with more of them, only those that were
// kept are compared at the end: there are many patterns.
const maxDoubts = 4000

// isHarmless reports whether a line with such a word is no error: it warns, or a
// family knows it.
func (c *collector) isHarmless(l *factLine) bool {
	if c.doubts++; c.doubts > maxDoubts {
		return false
	}
	return c.index.isHarmless(l.inner)
}

func (x *index) isHarmless(line []byte) bool {
	if hasPrefixFold(bytes.TrimLeft(line, " \t"), "warn") {
		return true
	}
	line = line[:min(len(line), maxMatched)]
	return slices.ContainsFunc(x.harmless, func(p *pattern) bool { return p.matches(line) })
}

// open begins a failure with a line.
func (c *collector) open(b *block, l *factLine, o *opener) {
	c.close(b)
	c.marks |= o.sets
	*b = block{opener: o, left: o.within, indent: l.indent, counts: b.counts, opening: b.opening[:0], label: b.label, confirmed: o.confirm == nil}
	b.use(o.after)
	switch {
	case o.weight == pending:
		b.opening = append(b.opening, l.matched()...)
	case o.weight != never:
		b.failure = o.newFailure(l, c.lines)
		c.lookBack(b.failure, b.label)
		b.failure.keep(l.text, max(o.head, headline))
	}
	if b.left == 0 {
		c.close(b)
	}
}

// lookBack adds lines from before the failure, of the same task.
func (c *collector) lookBack(f *failure, label []byte) {
	for i := range f.before {
		look := &f.before[i]
		var taken []*slot
		for n, left := 0, look.reach; left > 0; n++ {
			s := c.tail.back(n)
			if s == nil || s.echo {
				break
			}
			text, ok := s.ofTask(label)
			if !ok {
				continue
			}
			left--
			if look.until != nil && look.until.matches(text) {
				break
			}
			if look.like == nil || look.like.matches(text) {
				taken = append(taken, s)
			}
			if len(taken) == look.most {
				break
			}
		}
		for n := len(taken) - 1; n >= 0; n-- {
			text, _ := taken[n].ofTask(label)
			f.locate(text, look.like)
			f.keep(taken[n].text, look.do)
		}
	}
}

// follow adds a line to a failure, or ends the failure. It reports whether the line is
// handled.
func (c *collector) follow(b *block, l *factLine) (taken bool) {
	if b.left--; b.left < 0 {
		c.close(b)
		return false
	}
	if !b.confirmed {
		b.confirmed = b.opener.confirm.matches(l.matched())
	}
	do, r := c.rule(b, l)
	switch do {
	case stop:
		c.close(b)
		return false
	case pass:
		if r == nil {
			return false
		}
	case headline, show, more:
		c.keepLine(b, l, do, r)
	case deny:
		b.failure = nil
	}
	if f := b.failure; f != nil {
		f.end = c.lines
	}
	if do == hide || b.opener.weight == never && do == pass {
		c.tail.pass(l, c.lines)
	} else {
		c.tail.add(l, c.lines, false)
	}
	b.consequence = b.consequence || r != nil && r.consequence
	switch {
	case do == last || do == deny || r != nil && r.ends:
		c.close(b)
	case r != nil && r.then != nil:
		b.use(r.then)
		b.left = r.thenWithin
	}
	return true
}

// rule returns how to handle a line, and the rule that decides it, if there is one. A line
// that opens a failure does not match a weak rule.
func (c *collector) rule(b *block, l *factLine) (action, *compiledRule) {
	do, r := b.rule(l)
	if r != nil && r.weak {
		if opened, _ := c.index.find(l, c.marks); opened != nil {
			return stop, nil
		}
	}
	return do, r
}

// use replaces the rules of the block.
func (b *block) use(rules []compiledRule) {
	b.rules, b.counts = rules, b.counts[:0]
	for range rules {
		b.counts = append(b.counts, 0)
	}
}

// rule returns how to handle a line, and the rule that decides it, if there is one.
func (b *block) rule(l *factLine) (action, *compiledRule) {
	for i := range b.rules {
		r := &b.rules[i]
		if r.most > 0 && b.counts[i] >= r.most || r.deeper && l.indent <= b.indent || r.like != nil && !r.like.matches(l.matched()) {
			continue
		}
		b.counts[i]++
		return r.do, r
	}
	return b.opener.other, nil
}

func (c *collector) keepLine(b *block, l *factLine, do action, r *compiledRule) {
	if b.failure == nil {
		if b.opener.weight != pending {
			return
		}
		b.failure = b.opener.newUnlocated(l, c.lines)
		b.failure.locate(b.opening, b.opener.match)
	}
	if r != nil {
		b.failure.locate(l.matched(), r.like)
	}
	b.failure.keep(l.text, do)
}

// finish ends the failures that are open, and drops mentions that turn out to be harmless.
func (c *collector) finish() {
	for i := range c.blocks {
		c.close(&c.blocks[i])
	}
	for i := range c.tasks {
		c.close(&c.tasks[i].block)
	}
	if c.doubts > maxDoubts {
		for _, k := range []*keeper{&c.now.mentions, &c.now.complaints} {
			k.last = slices.DeleteFunc(k.last, func(f *failure) bool {
				return c.index.isHarmless(unwrap([]byte(f.lines[0].text)))
			})
		}
	}
}

// close ends a failure, and keeps it.
func (c *collector) close(b *block) {
	o, f := b.opener, b.failure
	b.opener, b.failure = nil, nil
	if o == nil || f == nil || len(f.lines) == 0 {
		return
	}
	weight := o.weight
	if b.consequence {
		weight = consequence
	} else if !b.confirmed {
		weight, f.lines = mention, f.lines[:1]
	}
	if weight < pending {
		c.pending.moveTo(f)
	}
	switch weight {
	case pending:
		c.pending.add(f)
	case strong, message:
		c.now.failures.add(f)
	case consequence:
		c.now.consequences.add(f)
	case complaint:
		c.now.complaints.add(f)
	default:
		c.now.mentions.add(f)
	}
}
