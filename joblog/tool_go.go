package joblog

// The go command, and those that run it, such as gotestsum.
var goFamily = family{
	facts: []fact{
		{weight: never, starts: []string{"go: downloading ", "go: finding ", "go: extracting ", "ok  \t", "?   \t", "--- PASS", "--- SKIP", "=== RUN", "=== PAUSE", "=== CONT", "=== NAME", "=== PASS", "PASS\t"}},
		{
			tool: "go test", starts: []string{"--- FAIL: "}, match: `^ *--- FAIL: (?P<name>\S+)`, nests: "/",
			before: []look{{like: goDetail, until: goBegin, reach: 12, most: 4, do: show}},
			within: 40, after: goRules,
		},
		{
			tool: "go test", starts: []string{"=== FAIL: "}, match: `^=== FAIL: (?:\S+ )?(?P<name>\S+) \(`, nests: "/",
			within: 40, after: goRules,
		},
		{
			tool: "go", starts: []string{"panic: "}, within: 60, other: pass, lastPlace: false,
			after: []rule{
				{like: `^panic: |^\s+panic: `, do: show},
				{like: `^\[signal `, do: more},
				{like: `^\s+(?:/usr/local/go|/usr/lib/go|\S*/go/src)/`, do: pass},
				{like: `^\s+(?P<file>\S+\.go):(?P<line>\d+)(?: |$)`, do: show, most: 1},
				{like: `^(?:FAIL|exit status)\b`, do: stop},
			},
		},
		{tool: "go", starts: []string{"fatal error: "}, match: `^fatal error: (?:all goroutines|concurrent|stack overflow|runtime)`, within: 40, other: pass,
			after: []rule{{like: `^\s+(?P<file>\S+\.go):(?P<line>\d+)(?: |$)`, do: show, most: 2}}},
		{
			tool: "go test", words: []string{"DATA RACE"}, match: `^\s*WARNING: DATA RACE`, within: 40, other: pass,
			after: []rule{
				{like: `^(?:Read|Write|Previous)`, do: show},
				{like: `^\s+(?P<file>\S+\.go):(?P<line>\d+)`, do: show, most: 2},
				{like: `^=====`, do: last},
			},
		},
		{tool: "go", starts: []string{"go: "}, weight: message, match: `^go: (?:.*(?:unknown|missing|invalid|cannot|errors|not found|requires|no required|mismatch|disabled)|.*: .*: )`, within: 4,
			after: []rule{{like: `^\t`, do: show}}},
		{tool: "go test", weight: consequence, starts: []string{"FAIL\t"}},
		{tool: "gotestsum", weight: consequence, starts: []string{"DONE "}, match: `^DONE \d+ tests?, `},
		{tool: "go test", weight: consequence, starts: []string{"FAIL"}, match: `^FAIL$`},
	},
	harmless: []string{`^ok\s`, `^=== `},
}

const (
	goDetail = `^\s+(?P<file>[\w.-]+\.go):(?P<line>\d+): `
	goBegin  = `^\s*(?:=== |--- |PASS|FAIL)`
)

// goRules are for what follows the line of a test that failed.
var goRules = []rule{
	{like: goBegin, do: stop},
	{like: `^\s+Error Trace:|^\s+Test:`, do: pass},
	{like: goDetail + `\S`, deeper: true, do: show, most: 4},
	{like: `^\s+(?P<file>[\w.-]+\.go):(?P<line>\d+):`, deeper: true, do: more},
	{deeper: true, do: show, most: 8},
}
