package joblog

// How programs of C and C++ end that do what they must not, and their tests.
var nativeFamily = func() *family {
	return &family{
		facts: []fact{
			{
				tool: "sanitizer", words: []string{"ERROR: AddressSanitizer", "ERROR: LeakSanitizer", "ERROR: HWAddressSanitizer", "WARNING: ThreadSanitizer", "WARNING: MemorySanitizer", "ERROR: UndefinedBehaviorSanitizer", "ERROR: libFuzzer"},
				within: 120, other: pass,
				after: []rule{
					{like: `^SUMMARY: `, do: show, ends: true},
					{like: `^(?:READ|WRITE) of size|^\s+(?:Read|Write|Previous|Direct leak)`, do: show, most: 2},
					{like: nativeForeign, do: pass},
					{like: `^\s*#\d+ .* (?P<file>/?[^\s:()]+):(?P<line>\d+)(?::\d+)?(?: |$)`, do: show, most: 2},
					{like: `^Shadow bytes|^\s*(?:0x|=>)`, do: pass},
					{like: `^\s`, do: pass},
				},
			},
			{weight: consequence, starts: []string{"SUMMARY: "}, match: `Sanitizer: `},
			{
				tool: "valgrind", starts: []string{
					"Conditional jump or move depends", "Use of uninitialised value", "Invalid read of size", "Invalid write of size", "Invalid free()",
					"Mismatched free()", "Syscall param ", "Source and destination overlap", "Process terminating with default action", "Jump to the invalid address",
				}, within: 16, blank: last, after: valgrindRules,
			},
			{tool: "valgrind", words: []string{"definitely lost in loss record", "indirectly lost in loss record"}, within: 12, blank: last, after: valgrindRules},
			{tool: "valgrind", weight: consequence, starts: []string{"ERROR SUMMARY: "}, match: `ERROR SUMMARY: [1-9]`},
			{tool: "valgrind", weight: never, starts: []string{"ERROR SUMMARY: ", "For lists of detected and suppressed errors"}},

			{tool: "assert", words: []string{"Assertion `", "Assertion '"}, match: `(?P<file>[^\s:()]+):(?P<line>\d+): .*Assertion [\x60'].*' failed`},
			{tool: "assert", starts: []string{"Assertion failed: "}, match: `^Assertion failed: .*(?:file |\()(?P<file>[^\s:,]+)(?:, line |: \w+: )(?P<line>\d+)`},
			{tool: "assert", starts: []string{"ERROR:"}, match: `^ERROR:(?P<file>[^\s:]+):(?P<line>\d+):\w+: `},
			{tool: "native", starts: []string{"terminate called "}, within: 2, after: []rule{{like: `^\s+what\(\):`, do: show}}},
			{
				tool: "native", starts: []string{
					"*** stack smashing detected", "*** buffer overflow detected", "free(): ", "double free or corruption", "malloc(): ", "realloc(): ", "corrupted size vs.", "munmap_chunk(): ", "libc++abi: ",
				}, match: `\*\*\* |: invalid|double free|: corrupted|corrupted size|unsorted|unaligned|mismatching|libc\+\+abi: `,
			},

			{
				tool: "googletest", place: true, has: "Failure", match: `^(?P<file>[^\s:]+)(?::|\()(?P<line>\d+)\)?: (?:Failure|error: Failure)$`, within: 14,
				before: gtestName, after: gtestRules,
			},
			{tool: "googletest", starts: []string{"unknown file: Failure", "unknown file: error"}, within: 8, before: gtestName, after: gtestRules},
			{weight: never, starts: []string{"[  FAILED  ] "}, match: `listed below:$`},
			{
				// The row of the list at the end has no time.
				tool: "googletest", starts: []string{"[  FAILED  ] "}, match: `^\[  FAILED  \] (?P<name>[^\s,]+),?(?: where .*)?(?: \(\d+ ms\))?$`,
			},
			{
				tool: "cmocka", starts: []string{"[  ERROR   ] --- "}, match: `--- `, within: 4,
				after: []rule{{like: `^\[   LINE   \] --- (?P<file>[^\s:]+):(?P<line>\d+): `, do: show, ends: true}, {like: `^\[  ERROR   \] --- `, do: show}},
			},
			{
				tool: "criterion", starts: []string{"[----] "}, match: `^\[----\] (?P<file>[^\s:]+):(?P<line>\d+): (?:Assertion|Unexpected)`, within: 10,
				after: []rule{{like: `^\[----\]\s*$`, do: pass}, {like: `^\[----\] `, do: show, most: 4}, {like: `^\[(?:FAIL|CRASH)\] (?P<name>\S+):`, do: headline, ends: true}},
			},
			{weight: never, starts: []string{"[ RUN      ] ", "[       OK ] ", "[  PASSED  ] ", "[  ERROR   ] ", "[----------] ", "[==========] "}},
			{weight: consequence, starts: []string{"# FAILED TEST"}, match: `^\s*\d+ FAILED TESTS?(?:\(S\))?$`},
			{weight: consequence, starts: []string{"[====] Synthesis:", "Errors (", "*** "}, match: `^(?:\[====\] |Errors \(\d+ failures?, |\*\*\* \d+ failures? (?:is|are) detected)`},

			{tool: "boost", starts: []string{"unknown location(0): "}, match: `^unknown location\(0\): (?:fatal )?error: in "(?P<name>[^"]+)"`},

			{
				tool: "catch", place: true, has: ": FAILED", match: `^(?P<file>[^\s:(]+)(?::|\()(?P<line>\d+)\)?: FAILED:?$`, within: 12,
				before: []look{{like: `\w`, until: `: FAILED:$|^with expansion:|^due to |^because `, reach: 4, most: 3, do: more}},
				after: []rule{
					{like: `^(?:-{10,}|={10,}|\.{10,})`, do: last},
					{like: `: FAILED:?$|: PASSED:?$`, do: stop},
					{do: show, most: 6},
				},
			},
			{tool: "catch", weight: consequence, starts: []string{"test cases: ", "assertions: ", "[doctest] test cases:", "[doctest] Status: FAILURE!"}, match: `failed|FAILURE`},
			{
				tool: "doctest", place: true, has: "ERROR: ", match: `^(?P<file>[^\s:(]+)(?::|\()(?P<line>\d+)\)?: (?:FATAL )?ERROR: `, within: 8,
				before: []look{{like: `^(?:TEST CASE:|\s{2}\S)`, until: `ERROR:|values:`, reach: 3, most: 2, do: show}},
				after:  []rule{{like: `^={5,}`, do: last}, {deeper: true, do: show, most: 4}},
			},
			{tool: "unity", place: true, has: ":FAIL", match: `^(?P<file>[^\s:]+):(?P<line>\d+):(?P<name>\w+):FAIL\b`},
			{tool: "check", place: true, has: ":F:", match: `^(?P<file>[^\s:]+):(?P<line>\d+):F:`},
			{tool: "check", place: true, has: ":E:", match: `^(?P<file>[^\s:]+):(?P<line>\d+):E:`},
			{weight: never, place: true, has: ":PASS", match: `^[^\s:]+:\d+:\w+:PASS`},
			{tool: "check", weight: consequence, starts: []string{"#%: Checks: "}},
			{
				tool: "qttest", starts: []string{"FAIL!  : "}, match: `^FAIL!  : (?P<name>\S+)`, within: 4,
				after: []rule{{like: `^\s+Loc: \[(?P<file>[^(]+)\((?P<line>\d+)\)\]`, do: show, ends: true}, {deeper: true, do: show, most: 3}},
			},
		},
	}
}

// nativeForeign is a line of a stack that is not of the project.
const nativeForeign = `^\s*#\d+ .*(?:/sysdeps/|/libsanitizer/|/compiler-rt/|/csu/|\(/(?:usr/)?lib|__interceptor_|__asan_|/usr/include/)`

var valgrindRules = []rule{
	{like: `^\s+(?:at|by) 0x[0-9A-F]+: .*\(in `, do: pass},
	{like: `^\s+(?:at|by) 0x[0-9A-F]+: .*\(vg_replace|^\s+(?:at|by) 0x[0-9A-F]+: (?:malloc|calloc|realloc|operator new)`, do: pass},
	{like: `^\s+(?:at|by) 0x[0-9A-F]+: .*\((?P<file>[^\s:()]+):(?P<line>\d+)\)`, do: show, most: 2},
	{deeper: true, do: pass},
	{like: `^ \S`, do: pass},
}

// gtestName takes the name of the test from where it began.
var gtestName = []look{{like: `^\[ RUN      \] (?P<name>\S+)`, reach: 20, most: 1, do: pass}}

var gtestRules = []rule{
	{like: `^\[[ -=]`, do: stop},
	{like: `^\S+:\d+: Failure$|^unknown file: `, do: stop},
	{do: show, most: 6},
}
