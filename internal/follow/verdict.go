package follow

import "regexp"

// verdict is the runner's last line, and after it only colors, timestamps and space.
var verdict = regexp.MustCompile(`(?m:^)` + stamp + color +
	`(?:Job succeeded|ERROR: Job failed[^\n]*?)(?:\s|` + color + `|` + stamp + `)*$`)

// wholeVerdict is a runner's last line of which nothing is missing: not its newline,
// nor the code that resets its color.
var wholeVerdict = regexp.MustCompile(`(?m:^)` + stamp + `(?:` + verdictText + `\n+|\x1b\[[1-9][0-9;]*m` + verdictText +
	`(?:\x1b\[0;?m\n|\n` + stamp + `\x1b\[0;?m\n?))$`)

const (
	stamp       = `(?:\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z [0-9a-f]{2}[OE][ +])?`
	color       = `(?:\x1b\[[0-9;]*[A-Za-z])*`
	verdictText = `(?:Job succeeded|ERROR: Job failed[^\n\x1b]*)`
)

// longestVerdict is how many bytes of the end of a log are searched for it.
const longestVerdict = 4 << 10

// endsWithVerdict reports whether the copy ends as a runner ends a log. More bytes of
// the same line may follow.
func (c *logCopy) endsWithVerdict() bool { return verdict.Match(c.end) }

// IsWhole reports whether the last bytes of a log prove that nothing is missing: they
// are those of a runner's last line.
func IsWhole(last []byte) bool {
	return wholeVerdict.Match(last[max(0, len(last)-longestVerdict):])
}
