package joblog

import (
	"slices"
	"strings"
)

const (
	// shortOutput is how many lines of the last command are shown whole, where no tool
	// is recognized.
	shortOutput = 12

	minHints         = 3 // with fewer mentions of an error, weaker ones are shown too
	minLastLines     = 4 // how many last lines are shown at least of a longer output that mentions errors
	maxLastOfEnded   = 5 // how many last lines are shown of a script that the runner ended
	maxLastOfRefused = 2 // how many causes are shown of a stage in which the runner failed
	maxBriefOutput   = 3 // with no more lines than this, failures of an earlier command are shown too
	maxEarlier       = 3 // how many failures of an earlier command are shown
	afterSurvivable  = 3 // how many lines may follow a failure that the program survives
	contextual       = 4 // how many lines are shown before a command that wrote nothing
)

// choose returns the failures that best explain why a script, or a stage of the runner,
// failed.
func (c *collector) choose() []*failure {
	c.finish()
	if all := c.now.failures.all(); len(all) > 0 {
		return slices.Concat(c.mentionBefore(all), all, c.failuresAfter(all))
	}
	output := c.tail.fresh
	if output > shortOutput {
		return c.guess()
	}
	if earlier := c.earlier.failures.all(); len(earlier) > 0 && output <= maxBriefOutput {
		return c.withEarlier(earlier)
	}
	if output == 0 {
		return c.tails(1 + contextual)
	}
	return c.tails(output + 1)
}

// hasFailed reports whether anything speaks of an error.
func (c *collector) hasFailed() bool {
	c.finish()
	return !c.now.failures.empty() || !c.now.mentions.empty()
}

// withEarlier returns failures of an earlier command together with the last one, which
// says little. The last one may only end the job because of them, or have failed by itself.
func (c *collector) withEarlier(earlier []*failure) []*failure {
	final := c.tail.failure(c.tail.fresh + 1)
	final.ended = !isExit(final.lines[0].text)
	return append(earlier[:min(len(earlier), maxEarlier)], final)
}

// isExit reports whether an echoed command ends a job for what happened before.
func isExit(echo string) bool {
	for _, begin := range []string{"exit", "(exit", "test ", "[", "if ", "false", "return", "! "} {
		if strings.HasPrefix(echo, "$ "+begin) {
			return true
		}
	}
	return false
}

func (c *collector) tails(n int) []*failure {
	if f := c.tail.failure(n); len(f.lines) > 0 {
		return []*failure{f}
	}
	return nil
}

// mentionBefore returns the first mention of an error before the first failure, which may be
// its reason. One that is right before the failure is part of it already.
func (c *collector) mentionBefore(failures []*failure) []*failure {
	if all := c.now.mentions.all(); len(all) > 0 && all[0].end+beforeHint < failures[0].at {
		return []*failure{all[0].bare()}
	}
	return nil
}

// bare returns a mention without what is around it: beside a failure that is known,
// the line alone is enough.
func (f *failure) bare() *failure {
	b := *f
	b.lines = f.lines[max(nth(f.lines, headline, 0), 0):][:1]
	return &b
}

// failuresAfter returns what was printed after the last failure: a script may continue after
// a tool has failed, and print what ended it at last.
func (c *collector) failuresAfter(failures []*failure) []*failure {
	end, final := 0, failures[len(failures)-1]
	for _, f := range slices.Concat(failures, c.now.consequences.all()) {
		end = max(end, f.end)
	}
	var later []*failure
	for _, f := range c.now.mentions.all() {
		if f.at > end {
			later = append(later, f.bare())
		}
	}
	later = later[max(len(later)-2, 0):]
	for _, f := range later {
		end = max(end, f.end)
	}
	for _, f := range c.now.consequences.all() {
		end = max(end, f.end)
	}
	if s := c.tail.back(0); s != nil && s.at > end && !s.echo && (final.weight == message || final.survivable && s.at > end+afterSurvivable) {
		later = append(later, c.tails(1)...)
	}
	return later
}

// endOfKnown returns where the last failure of a recognized tool ends, or 0.
func endOfKnown(failures []*failure) (end int) {
	for _, f := range failures {
		if f.opener != nil {
			end = max(end, f.end)
		}
	}
	return end
}

// guess returns lines of a long output in which no tool was recognized: what came before
// the first command that says no more than that something failed, lines that mention an
// error, and the last. If such a command ran a tool that wrote something, that is shown
// instead of the last lines.
func (c *collector) guess() []*failure {
	hints := c.now.mentions.all()
	if len(hints) < minHints {
		hints = sortByPlace(slices.Concat(hints, c.now.complaints.all()))
	}
	consequences := c.now.consequences.all()
	if explained := slices.DeleteFunc(slices.Clone(consequences), (*failure).isUnexplained); len(explained) > 0 {
		return sortByPlace(slices.Concat(explained, c.now.mentions.all()))
	}
	if len(hints)+len(consequences) == 0 {
		return c.tails(shortOutput)
	}
	final := c.tails(min(max(minLastLines, shortOutput-2*len(hints)), c.tail.after(endOfKnown(hints))))
	all := final
	for _, f := range slices.Concat(consequences, hints) {
		if len(final) == 0 || f.end < final[0].at {
			all = append(all, f)
		}
	}
	return sortByPlace(all)
}

// isUnexplained reports whether nothing that followed explains the failure.
func (f *failure) isUnexplained() bool { return f.end == f.at }

// sortByPlace sorts failures by their places in the log.
func sortByPlace(all []*failure) []*failure {
	slices.SortStableFunc(all, func(a, b *failure) int { return a.at - b.at })
	return all
}
