package joblog

// Compilers and linkers of C and C++, and those that write as they do.
var compilerFamily = func() *family {
	return &family{
		facts: []fact{
			{
				// Linters give each kind of finding a number, and fail because of warnings.
				tool: "shellcheck", place: true, has: " [SC", match: `^(?P<file>[^\s:]+):(?P<line>\d+):\d+: (?:error|warning|note|style|info): .* \[SC\d{4}\]$`,
			},
			{tool: "compiler", weight: consequence, starts: []string{"cc1: all warnings", "cc1plus: all warnings", "collect2: error", "compilation terminated.", "clang: error: linker command", "clang++: error: linker command", "fatal error: too many errors"}},
			{weight: consequence, starts: []string{"#  errors generated", "# error generated", "# errors generated", "# warnings and "}, match: `^\d+ (?:warnings? and \d+ )?errors? generated`},
			{weight: never, place: true, has: ": warning: ", match: `^(?:[A-Za-z]:)?[^\s:]+:\d+(?:[:.][\d.-]+)?: warning: `, within: 12, after: codeFrame},
			{
				// gcc, clang, and all that write as they do.
				tool: "compiler", place: true, has: "error", within: 12, after: codeFrame,
				match: `^(?P<file>(?:[A-Za-z]:)?[^\s:]+):(?P<line>\d+)(?:[:.][\d.-]+)?: ?(?:fatal |runtime )?(?:[\w-]+ )?error\b`,
			},
			{
				// gcc speaks other languages too.
				tool: "compiler", place: true, files: cFiles, within: 12, after: codeFrame,
				match: `^(?P<file>[^\s:]+):(?P<line>\d+)(?::\d+)?: (?:[Ff]ehler|[Ss]chwerwiegender Fehler|erreur(?: fatale)?|错误|致命错误|エラー|致命的エラー)\s?[:：]`,
			},
			{weight: never, place: true, match: `^(?:[A-Za-z]:)?[^\s:]+:\d+(?::\d+)?: (?:note|info|remark|Warnung|Anmerkung|attention|style|performance|portability|information)\b`, within: 12, after: codeFrame},
			{
				// Go, and linters of many languages.
				tool: "compiler", place: true, match: `^(?P<file>[^\s:]+\.\w+):(?P<line>\d+):\d+: \S`, within: 4,
				before: []look{{like: `^# \S+`, reach: 1, most: 1, do: more}},
				after:  []rule{{like: `^\t(?:have|want) \(`, do: show}},
			},
			{
				tool: "compiler", place: true, match: `^(?P<file>(?:[A-Za-z]:)?[^\s:(]+)\((?P<line>\d+)(?:, ?\d+)*\) ?:? (?:fatal )?(?:[Ee]rror|Fatal|\[unittest\])`,
			},
			{
				// A compiler that cannot be used at all.
				tool: "compiler", starts: []string{"gcc: ", "g++: ", "cc: ", "c++: ", "clang: ", "clang++: ", "cc1: ", "cc1plus: ", "clang-#: "},
				match: `^[\w+.-]+: (?:fatal )?error: `,
			},
			{tool: "compiler", starts: []string{"virtual memory exhausted"}},
			{
				// gfortran says where before it says what.
				tool: "compiler", place: true, files: []string{".f90", ".F90", ".f95", ".f03", ".f08", ".f", ".for", ".F"}, match: `^(?P<file>[^\s:]+):(?P<line>\d+):\d+:$`,
				confirm: `^(?:Fatal )?Error: `, within: 8,
				after: []rule{{like: `^(?:Fatal )?Error: `, do: headline, ends: true}, {like: `^\s*\d+ \|`, do: more}, {like: `^\s+\|`, do: pass}},
			},
			{
				// Verilator fails because of warnings too.
				tool: "verilator", starts: []string{"%Error", "%Warning-"}, match: `^%(?:Error|Warning)(?:-\w+)?: (?P<file>[^\s:]+):(?P<line>\d+):`, within: 12, after: codeFrame,
			},
			{tool: "verilator", weight: consequence, starts: []string{"%Error: "}},
			{tool: "compiler", weight: consequence, starts: []string{"Fatal: Compilation aborted", "Compilation failed: ", "gnatmake: ", "Error: /usr/bin/ppc"}},

			{
				tool: "ld", words: []string{"undefined reference to", "multiple definition of", "cannot find -l"},
				before: []look{{like: `: in function `, reach: 1, most: 1, do: more}},
			},
			{
				tool: "ld", words: []string{"ld.lld: error:", "lld: error:", "mold: error:", "mold: fatal:", "lld-link: error:", "rust-lld: error:", "wasm-ld: error:", "gold: error:"}, within: 4,
				after: []rule{{like: `^>>> `, do: more, most: 2}},
			},
			{
				tool: "ld", starts: []string{"Undefined symbols for architecture", "duplicate symbol "}, within: 8,
				after: []rule{{deeper: true, do: show, most: 6}},
			},
			{tool: "ld", weight: consequence, starts: []string{"ld: symbol(s) not found"}},
			{tool: "ld", weight: consequence, words: []string{"fatal error LNK1120"}},
			{tool: "ld", words: []string{"error LNK", "fatal error LNK"}, match: `error LNK\d+: `},
			{
				tool: "ld", starts: []string{"/usr/bin/ld: ", "ld: ", "/usr/bin/ld.", "/opt/"},
				match: `\bld(?:\.\w+)?: (?:.*: )?(?:error|fatal|cannot|unrecognized|file not (?:found|recognized)|library not found|skipping incompatible|final link failed|undefined|.*(?:relocation|recompile with -f|hidden symbol|DSO missing|No such file))`,
			},
		},
	}
}

// cFiles are the endings of files that compilers of C, and of what descends from it, know.
var cFiles = []string{".c", ".cc", ".cpp", ".cxx", ".h", ".hh", ".hpp", ".m", ".mm"}

// codeFrame is the source that a compiler quotes behind a message.
var codeFrame = []rule{
	{like: `^\s*\d+ \|`, do: more, most: 1},
	{like: `^\s*\d* \||^\s*[\^~][\s\^~|-]*$`, do: pass},
	{deeper: true, do: more, most: 1},
	{deeper: true, do: pass},
}
