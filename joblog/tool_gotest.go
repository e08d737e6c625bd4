package joblog

// Tests in Go, as go test, gotestsum and Ginkgo print them.
var goTestFamily = func() *family {
	return &family{
		facts: []fact{
			{
				// The output of a test is before the line with -v, and behind it without.
				tool: "go test", weight: pending, starts: []string{"=== RUN ", "=== CONT", "=== NAME"}, match: `^\s*=== \w+ +(?P<name>\S+)`, within: 400, other: pass,
				after: goRules,
			},
			{
				tool: "go test", starts: []string{"--- FAIL: "}, match: `^ *--- FAIL: (?P<name>\S+)`, nests: "/",
				within: 60, after: goRules,
			},
			{
				tool: "go test", starts: []string{"=== FAIL: "}, match: `^=== FAIL: (?:\S+ )?(?P<name>\S+) \(`, nests: "/",
				within: 60, other: pass, after: goRules,
			},
			{
				// A package that failed without a test, as by a call of log.Fatal.
				tool: "go test", weight: consequence, starts: []string{"=== FAIL: "}, within: 6,
				after: []rule{{like: goBegin + `|^DONE|^panic:`, do: stop}, {do: show}},
			},
			{
				tool: "go test", starts: []string{"panic: test timed out"}, within: 60, other: pass,
				after: []rule{
					{like: `^\s+running tests:`, do: pass},
					{like: `^\s+(?P<name>(?:Test|Fuzz|Example|Benchmark)\S*) \(`, do: show, most: 4},
					{like: goForeign, do: pass},
					{like: goFrame, do: more, most: 1},
					{like: `^(?:FAIL|exit status)\b`, do: stop},
				},
			},
			{weight: never, starts: []string{"ok  \t", "?   \t", "--- PASS", "--- SKIP", "=== PAUSE", "=== PASS", "=== SKIP", "PASS\t", "PASS: ", "EMPTY ", "coverage: ", `{"Time":"`, `{"ImportPath":"`}},
			{weight: never, starts: []string{"FAIL "}, match: `^FAIL (?:[\w.-]+/)*[\w-]+(?:\.v\d+)?(?:\.(?:Test|Fuzz|Example)\S*)?(?: \(\S+\))?$`}, // gotestsum, which has the details elsewhere
			{tool: "go test", weight: consequence, starts: []string{"FAIL\t"}},
			{tool: "gotestsum", weight: consequence, starts: []string{"DONE "}, match: `^DONE \d+ tests?, `},
			{tool: "gotestsum", weight: consequence, starts: []string{"ERROR rerun aborted"}},
			{tool: "go test", weight: consequence, starts: []string{"FAIL"}, match: `^FAIL$`},

			{
				tool: "ginkgo", starts: []string{"• [FAILED]", "• [PANICKED]", "• [TIMEDOUT]", "• [INTERRUPTED]", "• Failure", "• FAILED"}, head: pass, within: 80, other: pass,
				after: []rule{
					{like: `^-{10,}`, do: last},
					{like: `^(?P<name>\S.* \[.+)$`, do: headline, most: 1},
					{like: `^(?P<file>/\S+):(?P<line>\d+)$`, do: pass},
					{like: `^\s+\[(?:FAILED|PANICKED|TIMEDOUT)\] (?:in \[|Test Panicked)`, do: pass},
					{like: `^\s+\[(?:FAILED|PANICKED|TIMEDOUT)\] \S`, do: show},
					{like: `^\s+In \[.+ at: (?:\S*/go/src/\S*|(?P<file>\S+):(?P<line>\d+)) @`, do: more},
					{like: `^\s+(?:Timeline >>|<< Timeline|STEP:|Begin Captured|Full Stack Trace)`, do: pass},
					{like: goForeign, do: pass},
					{like: goFrame, do: more, most: 1},
					{like: `\(\)$`, do: pass},
					{like: `^\s+\S`, do: show, most: 6},
				},
			},
			{
				tool: "ginkgo", starts: []string{"[FAIL] ", "[Fail] ", "[PANICKED!] ", "[Panic!] ", "[TIMEDOUT] ", "[INTERRUPTED] "},
				match: `^\s*\[[\w!]+\] (?P<name>.*\[\w+\] .+)$`, within: 1,
				after: []rule{{like: `^\s*(?:\S*/go/src/|(?P<file>\S+):(?P<line>\d+)$)`, do: more}},
			},
			{tool: "ginkgo", weight: consequence, starts: []string{"FAIL! -- "}},
		},
		harmless: []string{`^ok\s`, `^=== `},
	}
}

const (
	goDetail = `^\s+(?P<file>[\w.-]+\.go):(?P<line>\d+): `
	goBegin  = `^ *(?:=== |--- (?:FAIL|PASS|SKIP|BENCH)|PASS$|FAIL|ok  )`
)

// goRules are for what follows the line of a test that failed.
var goRules = []rule{
	{like: goBegin + `|^DONE |^panic: `, do: stop},
	{like: `^got:$`, do: show, then: []rule{{like: goBegin, do: stop}, {do: show, most: 8}}, thenWithin: 20},
	{like: `^\s+\t(?:Error Trace|Test):`, do: pass},
	{like: `^\s+\t(?:Error|Messages):`, do: show, most: 4},
	{like: `^\s+\t {8,}\t(?:Diff:|--- Expected|\+\+\+ Actual|@@ |  |[-+] |$)`, do: pass},
	{like: goDetail + `\S`, deeper: true, do: show, most: 4},
	{like: `^\s+(?P<file>[\w.-]+\.go):(?P<line>\d+):`, deeper: true, do: more},
	{deeper: true, do: show, most: 8},
}
