package joblog

import "slices"

// Tests in Python: pytest, unittest and those that print as it does, behave, Robot
// Framework.
var pytestFamily = func() *family {
	return &family{
		facts: []fact{
			{weight: never, starts: []string{"____"}, match: `^_{20,} summary _{20,}$`}, // of tox
			{
				tool: "pytest", starts: []string{"____"}, match: `^_{3,} \[doctest\] (?P<name>\S+) _{3,}$`, head: more, within: 200,
				after: []rule{
					{like: pytestBegin, do: stop},
					{like: `^\d+ `, do: more, most: 2},
					{like: `^\d+ `, do: pass},
					{like: `^(?P<file>\S+):(?P<line>\d+): \w+`, do: more},
					{do: more, most: 6},
					{do: pass},
				},
			},
			{
				tool: "pytest", starts: []string{"____"}, match: `^_{3,} ERROR collecting (?P<name>(?P<file>\S+\.\w+)).* _{3,}$`, head: more, within: 2000, lastPlace: true,
				after: pytestCollecting(),
			},
			{
				// pytest-sugar draws another line.
				tool: "pytest", starts: []string{"____", "――――"}, match: `^[_―]{3,} (?:ERROR at (?:setup|teardown) of )?(?:\w+\.)*(?P<name>\S.*?) [_―]{3,}$`, head: more, within: 2000, lastPlace: true,
				after: pytestDetail,
			},
			{
				// The output of a test may look like anything.
				weight: never, starts: []string{"----"}, match: `^-+ (?:Captured|live) .* -+$`, within: 5000,
				after: []rule{{like: pytestBegin + `|^\S+::\S+|^(?:PASSED|FAILED|ERROR|SKIPPED|XFAIL|XPASS)\s+\[ *\d+%\]`, do: stop}, {do: pass}},
			},
			{
				weight: never, starts: []string{"===="}, match: `^=+ (?:warnings summary|PASSES|slowest .*durations|XPASSES|XFAILURES).* =+$`, within: 5000,
				after: []rule{{like: `^={3,} `, do: stop}, {do: pass}},
			},
			{
				// The list at the end. With CI set it has the whole message.
				tool: "pytest", starts: []string{"ERROR ", "FAILED "}, match: `^(?:ERROR|FAILED) (?P<name>(?P<file>[^\s:]+\.\w+))(?: - .*)?$`,
			},
			{
				tool: "pytest", starts: []string{"FAILED ", "ERROR ", "SUBFAIL ", "SUBFAILED"}, match: `^(?:FAILED|ERROR|SUBFAIL\S*(?: \[.*\])?) (?P<file>[^\s:]+\.\w+)::(?:[^:\s\[]+::)*(?P<name>[^:\s\[]+(?:\[.*?\])?)(?: - .*)?$`, within: 30,
				after: []rule{{like: `^ \+  where|^  [-+?] |^  (?:Full diff|Omitting|Common items|Use -v|\.\.\.)`, do: more, most: 1}, {deeper: true, do: more, most: 3}, {deeper: true, do: pass}},
			},
			{
				tool: "pytest", words: []string{"FAILED", "ERROR"}, weight: mention, match: `^(?:\[gw\d+\] .*)?(?P<file>\S+\.py)::(?P<name>\S+) (?:FAILED|ERROR)|^\[gw\d+\] .*(?:FAILED|ERROR) (?P<file>\S+\.py)::`,
			},
			{
				// --tb=line
				tool: "pytest", needs: "pytest", place: true, files: []string{".py"}, match: `^(?P<file>[^\s:]+\.py):(?P<line>\d+): (?:[A-Za-z_][\w.]*: |assert )`,
			},
			{weight: never, sets: "pytest", starts: []string{"====", "Test session starts (platform"}, match: `^=+ (?:test session starts|FAILURES|ERRORS) =+$|^Test session starts`},
			{
				tool: "pytest", weight: message, starts: []string{"ImportError while loading conftest", "ConftestImportFailure"}, head: show, within: 40, lastPlace: true,
				after: []rule{
					{like: `^\S*` + pytestLibrary, do: pass},
					{like: `^(?P<file>[^\s:]+):(?P<line>\d+): in `, do: more},
					{like: `^E\s+\S`, do: headline, most: 3},
					{deeper: true, do: pass},
				},
			},
			{
				tool: "pytest", starts: []string{"INTERNALERROR> Traceback"}, head: pass, within: 2000, lastPlace: true,
				after: []rule{
					{like: `^INTERNALERROR>   File "` + pythonLibrary, do: pass},
					{like: `^INTERNALERROR>   File "(?P<file>[^"]+)", line (?P<line>\d+)`, do: more},
					{like: `^INTERNALERROR>(?:  |$)`, do: pass},
					{like: `^INTERNALERROR> [A-Za-z_][\w.]*(?:: |$)`, do: headline, ends: true},
				},
			},
			{weight: never, starts: []string{"INTERNALERROR>"}},
			{
				tool: "pytest", starts: []string{"++++"}, match: `^\++ Timeout \++$`, within: 2000, other: pass, lastPlace: true,
				after: []rule{
					{like: `^\+{3,} Timeout`, do: last},
					{like: `^\s+File "` + pythonLibrary + `|^\s+File "[^"]*/bin/`, do: pass},
					{like: `^\s+File "(?P<file>[^"]+)", line (?P<line>\d+), in `, do: show},
					{do: pass},
				},
			},
			{tool: "pytest", weight: message, starts: []string{"ERROR: not found: ", "ERROR: file or directory not found", "ERROR: file not found", "ERROR: found no collectors", "ERROR: Wrong expression", "ERROR: Could not load", "pytest: error: ", "ERROR: while parsing"}},
			{tool: "coverage", starts: []string{"ERROR: Coverage failure", "Coverage failure: ", "FAIL Required test coverage"}},
			{tool: "pytest", weight: message, words: []string{"no tests ran in", "deselected in "}, match: `^=* ?(?:no tests ran|\d+ deselected) in|^=* ?\d+ deselected,`},
			{tool: "pytest", weight: consequence, starts: []string{"!!!!"}},
			{tool: "pytest", weight: consequence, words: []string{"failed, ", "failed in ", "error in ", "errors in ", "passed in ", "passed, "}, match: `^=* ?\d+ (?:failed|passed|errors?)(?:, \d+ \w+)* in [\d.]+s`},

			{
				tool: "unittest", starts: []string{"FAIL: ", "ERROR: "}, match: `^(?:FAIL|ERROR): (?:(?P<name>\S+) \([\w.<>]+\).*|_ErrorHolder)$`, within: 2000, lastPlace: true, confirm: `^(?:Traceback|[A-Za-z_][\w.]*: )`,
				after: []rule{
					{like: `^={20,}$`, do: last},
					{like: `^(?:Ran \d+ tests?|FAILED \()`, do: stop},
					{like: `^(?:-{20,}|Traceback|During handling|The above exception)`, do: pass},
					{like: `^\s*File "` + pythonLibrary, deeper: true, do: pass},
					{like: `^\s*File "(?P<file>[^"]+)", line (?P<line>\d+)`, deeper: true, do: more},
					{like: `^[-+] |^ : `, do: more, most: 4},
					{deeper: true, do: pass},
					{like: `^[A-Za-z_][\w.]*(?:: |$)`, do: show, most: 3},
					{do: pass},
				},
			},
			{tool: "unittest", weight: consequence, starts: []string{"FAILED ("}, match: `^FAILED \((?:failures|errors|unexpected)`},
			{tool: "unittest", weight: message, starts: []string{"NO TESTS RAN"}},
			{tool: "unittest", weight: mention, words: []string{"... FAIL", "... ERROR"}, match: `\.\.\. (?:FAIL|ERROR)$`},

			{
				tool: "behave", starts: []string{"Assertion Failed: ", "ASSERT FAILED: "},
				before: []look{{like: `# (?P<file>features/\S+):(?P<line>\d+)`, reach: 2, most: 1, do: show}},
			},
			{tool: "behave", starts: []string{"features/"}, match: `^\s+(?P<file>\S+\.feature):(?P<line>\d+)(?:  \S.*| \(.*\))?$`},
			{weight: consequence, tool: "behave", starts: []string{"# feature", "# scenario", "# step"}, match: `^\d+ (?:features?|scenarios?|steps?) (?:passed, |\()`},
			{
				tool: "behave", starts: []string{"You can implement step definitions"}, weight: never, within: 200,
				after: []rule{{do: pass, like: `^(?:@|def |\s|\$)`}},
			},
			{
				// A suite has such a line too, with counts behind it.
				tool: "robot", words: []string{"| FAIL |"}, match: `^(?P<name>.+?)\s+\| FAIL \|$`, within: 30, confirm: `^\D`,
				after: []rule{{like: `^(?:-{20,}|={20,})$`, do: last}, {like: `^\d+ (?:critical )?tests?, `, do: stop}, {do: show, most: 4}, {do: pass}},
			},
			{tool: "robot", weight: message, starts: []string{"[ ERROR ]"}},
		},
		harmless: []string{
			`\b(?:PASSED|SKIPPED|XFAIL|XPASS)\b`,
			`\.\.\. (?:ok|skipped\b.*|expected failure)$`,
			`^=+ .* =+$`,
		},
	}
}

// pytestDetail are rules for the part about one test.
var pytestDetail = []rule{
	{like: pytestBegin, do: stop},
	{like: `^E\s+File "(?P<file>[^"]+)", line (?P<line>\d+)`, do: show},
	{like: `^E\s+(?:[A-Za-z_][\w.]*: |[A-Za-z_][\w.]*(?:Error|Exception)$|assert |fixture '|Failed: )`, do: show, most: 3},
	{like: `^E\s+(?:Use -v|Full diff:|Omitting|Common items|\?|\.\.\.)`, do: pass},
	{like: `^E\s+\S`, do: more, most: 5},
	{like: `^\S*` + pytestLibrary, do: pass},
	{like: `^(?P<file>[^\s:]+):(?P<line>\d+): (?:in )?\S`, do: more, most: 2},
	{like: `^>  `, do: more, most: 1},
	{like: `^worker '\w+' crashed|^Unexpected success`, do: show},

	// --tb=native
	{like: `^\s+File "` + pythonLibrary, do: pass},
	{like: `^\s+File "(?P<file>[^"]+)", line (?P<line>\d+)`, do: more},
	{like: `^[A-Za-z_][\w.]*(?:Error|Exception|Failed|Exit)(?:: |$)`, do: show, most: 3},
	{do: pass},
}

// pytestCollecting() are rules for a file that could not be read. Some messages have
// neither a traceback nor a mark.
var pytestCollecting = func() []rule {
	return slices.Concat(
		[]rule{{like: `^(?:ImportError while importing|Hint: |Traceback:)`, do: pass}},
		pytestDetail[:len(pytestDetail)-1],
		[]rule{{like: `^\S+:\d+: `, do: pass}, {like: `^\S`, do: show, most: 2}, {do: pass}},
	)
}

const (
	// pytestBegin is how a section of pytest's output begins.
	pytestBegin = `^(?:_{3,} |―{3,} |={3,} |-{3,} )`

	// pytestLibrary is what a place in Python's own code has, or in a package's.
	pytestLibrary = `(?:/lib/python|/site-packages/|/dist-packages/|<frozen).*:\d+: `
)
