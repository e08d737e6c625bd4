package joblog

// Compilers and linkers, and what runs them.
var compilerFamily = family{
	facts: []fact{
		{
			// gcc, clang, and all that write as they do.
			tool: "compiler", place: true, match: `^(?P<file>[^\s:]+):(?P<line>\d+)(?::\d+)?: (?:fatal )?(?:[\w-]+ )?error\b`, within: 8,
			after: codeFrame,
		},
		{weight: never, place: true, match: `^[^\s:]+:\d+(?::\d+)?: (?:warning|note|info|remark)\b`, within: 8, after: codeFrame},
		{
			// Go, and linters of many languages.
			tool: "compiler", place: true, match: `^(?P<file>[^\s:]+\.\w+):(?P<line>\d+):\d+: \S`, within: 4,
			before: []look{{like: `^# \S+`, reach: 1, most: 1, do: more}},
			after:  []rule{{like: `^\t(?:have|want) \(`, do: show}},
		},
		{
			tool: "compiler", place: true, match: `^(?P<file>[^\s:(]+)\((?P<line>\d+)(?:,\d+)?\): (?:fatal )?error\b`,
		},
		{
			tool: "ld", words: []string{"undefined reference to", "multiple definition of", "cannot find -l"},
			before: []look{{like: `: in function `, reach: 1, most: 1, do: more}},
		},
		{tool: "make", weight: consequence, starts: []string{"make: *** ", "make["}, match: `^make(?:\[\d+\])?: \*\*\* .*(?:Error|Interrupt|Terminated|No rule)`, before: []look{{reach: 5, most: 4, do: show}}},
		{weight: consequence, starts: []string{"collect2: error", "ninja: build stopped", "compilation terminated."}},
		{
			tool: "cmake", starts: []string{"CMake Error at "}, match: `^CMake Error at (?P<file>[^:]+):(?P<line>\d+)`, within: 20,
			after: []rule{{deeper: true, do: show, most: 8}},
		},
	},
}

// codeFrame is the source that a compiler quotes behind a message.
var codeFrame = []rule{
	{like: `^\s*\d* \|`, do: more, most: 3},
	{like: `^\s+\^|^\s+~`, do: more, most: 1},
}
