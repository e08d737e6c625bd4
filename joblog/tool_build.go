package joblog

// Tools that run compilers and tests: make, ninja, CMake and CTest, Meson, autoconf.
var buildFamily = func() *family {
	return &family{
		facts: []fact{
			// Failures that name their reason.
			{tool: "make", words: []string{"*** No rule to make target", "*** missing separator", "*** No targets", "*** multiple target patterns", "*** recipe commences"}, match: `^(?:\S*make(?:\[\d+\])?|(?P<file>[^\s:]+):(?P<line>\d+)): \*\*\* `},
			{tool: "make", starts: []string{"Makefile:", "makefile:", "GNUmakefile:"}, match: `^(?P<file>[^\s:]+):(?P<line>\d+): \*\*\* .*\.  Stop\.$`},
			{tool: "make", place: true, has: ": *** ", match: `^(?P<file>[^\s:]+):(?P<line>\d+): \*\*\* .*\.  Stop\.$`},
			{tool: "make", weight: message, starts: []string{"make: ", "gmake: ", "make["}, match: `^g?make(?:\[\d+\])?: (?P<name>[^\s:*]+): .*(?:No such file|not found|Permission denied|nicht gefunden)`},
			{weight: never, starts: []string{"make: *** Waiting for unfinished", "make: Entering directory", "make: Leaving directory", "make: Nothing to be done"}},
			{weight: never, starts: []string{"make[", "gmake", "make: "}, match: `^g?make(?:\[\d+\])?: (?:\*\*\* Waiting|Entering|Leaving|Nothing to be done|.* is up to date\.|warning:|.*\(ignored\)$)`},
			{
				tool: "make", weight: consequence, starts: []string{"make: ", "make[", "gmake", "mingw32-make"},
				match:  `^[\w-]*make(?:\[\d+\])?: (?:\*\*\* .*(?:Error|Fehler|Erreur|错误|Interrupt|Terminated|Killed|Aborted|Segmentation)|Target .* not remade)`,
				before: []look{{until: `^[\w-]*make(?:\[\d+\])?: \*\*\*`, reach: 6, most: 4, do: show}},
			},
			{tool: "make", weight: consequence, starts: []string{"*** Error code "}, before: []look{{reach: 5, most: 4, do: show}}},
			{weight: consequence, starts: []string{"ninja: build stopped"}},
			{tool: "ninja", weight: message, starts: []string{"ninja: error: ", "ninja: fatal: "}},
			{
				// The command that failed follows, and what it wrote.
				tool: "ninja", weight: consequence, starts: []string{"FAILED: "}, match: `^FAILED: (?:\[code=\d+\] )?[^\s()]+(?: [^\s()]+)*\s*$`, within: 40,
				after: []rule{
					{like: `^\[\d+/\d+\] |^ninja: `, do: stop},
					{most: 1, do: pass},
					{do: show, most: 8, weak: true},
					{do: pass, weak: true},
				},
			},

			{
				tool: "cmake", starts: []string{"CMake Error at ", "CMake Error in "}, match: `^CMake Error (?:at|in) (?P<file>[^:]+):(?:(?P<line>\d+))?`, within: 40, lastPlace: true,
				after: cmakeRules,
			},
			{tool: "cmake", weight: message, starts: []string{"CMake Error: "}, within: 4, after: []rule{{deeper: true, do: show, most: 3}}},
			{weight: never, starts: []string{"CMake Warning", "CMake Deprecation Warning"}, within: 40, after: []rule{{deeper: true, do: pass}, {like: `^Call Stack`, do: pass}, {like: `^This warning is for`, do: pass}}},
			{tool: "cmake", weight: consequence, starts: []string{"-- Configuring incomplete", "-- Generating done"}, match: `incomplete`},
			{weight: never, starts: []string{"-- Looking for", "-- Performing Test", "-- Check", "-- Detecting", "-- Found ", "-- Could NOT find"}},
			{weight: never, starts: []string{"checking "}, match: `^checking .*\.\.\. (?:\(cached\) )?[a-z0-9./_ -]*$`},

			{
				tool: "ctest", starts: []string{"#/1", "#/2", "#/3", "#/4", "#/5", "#/6", "#/7", "#/8", "#/9"}, head: more, within: 60,
				match: `^\s*\d+/\d+ Test +#\d+: (?P<name>\S+) [ .]*\*\*\*(?:Failed|Timeout|Exception|Not Run|Error)`, sets: "ctest",
				after: []rule{
					{like: `^\s*\d+/\d+ Test +#|^\s+Start +\d+: |^test \d+$|^\d+% tests passed`, do: stop},
					{do: show, most: 6, weak: true},
					{do: pass, weak: true},
				},
			},
			{tool: "ctest", weight: never, starts: []string{"The following tests FAILED"}, sets: "ctest"},
			{tool: "ctest", weight: never, starts: []string{"The following tests passed:"}, within: 10000, after: []rule{{deeper: true, do: hide}}},
			{weight: never, starts: []string{`Use "--rerun-failed`, "Output from these tests are in:", "Output from this test is in:", "Test command: ", "Test timeout computed", "Working Directory: ", "Running main() from "}},
			{
				tool: "ctest", needs: "ctest", starts: []string{"# - "},
				match: `^\s*\d+ - (?P<name>\S+) \((?:Failed|Timeout|SEGFAULT|Not Run|BAD_COMMAND|SIG\w+|Bus error|ILLEGAL|NUMERICAL|OTHER_FAULT|Subprocess \w+|Child \w+|Disabled|INTERRUPT)`,
			},
			{tool: "ctest", weight: consequence, starts: []string{"#% tests passed, "}, match: ` [1-9]\d* tests? failed`},
			{weight: consequence, starts: []string{"Errors while running CTest"}},
			{weight: never, starts: []string{"Could not find executable ", "Unable to find executable", "Looked in the following places"}, within: 30, after: []rule{{like: `^\S+/\S+$|^[\w.-]+$`, do: pass}}},

			{
				tool: "meson", starts: []string{"#/1", "#/2", "#/3", "#/4", "#/5", "#/6", "#/7", "#/8", "#/9"}, within: 40,
				match: `^\s*\d+/\d+ (?P<name>\S.*?)\s+(?:FAIL|TIMEOUT|ERROR|INTERRUPT|UNEXPECTEDPASS)\s+[\d.]+ ?s\b`,
				after: []rule{
					{like: `^\s*\d+/\d+ |^Summary of Failures|^Ok: `, do: stop},
					{like: `^>>> |^\S?―|^(?:stdout|stderr):$|^[―─━=-]{5,}`, do: pass},
					{do: show, most: 5, weak: true},
					{do: pass, weak: true},
				},
			},
			{tool: "meson", place: true, has: ": ERROR: ", match: `^(?P<file>[^\s:]*meson(?:\.build|_options\.txt|\.options)):(?P<line>\d+):\d+: ERROR: `},
			{tool: "meson", weight: message, starts: []string{"ERROR: "}, match: `^ERROR: (?:Neither directory|Could not|Unknown|Dependency|Program|Invalid|Compiler|Unable)`},
			{weight: consequence, starts: []string{"Summary of Failures:", "Fail:  "}},

			{tool: "configure", starts: []string{"configure: error: "}, within: 3, after: []rule{{like: `^See \x60?config`, do: pass}, {like: `^\S.*`, do: show, most: 1}}},
			{tool: "automake", weight: consequence, starts: []string{"# FAIL: ", "# ERROR: "}, match: `^# (?:FAIL|ERROR): +[1-9]`},
		},
	}
}

// cmakeRules are for the text of an error, and for the calls that led to it. The last
// of those is in the project, the first may be in a module of CMake's.
var cmakeRules = []rule{
	{like: `^Call Stack`, do: pass, thenWithin: 12, then: []rule{
		{like: `^\s+(?P<file>[^\s:]+):(?P<line>\d+) \(`, deeper: true, do: more, most: 6},
		{deeper: true, do: pass},
	}},
	{deeper: true, do: show, most: 8},
}
