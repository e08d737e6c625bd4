package joblog

// Perl, Lua, R, Julia and Dart.
var perlFamily = family{
	facts: []fact{
		{
			tool: "tap", starts: []string{"#   Failed test", "# Failed test"}, match: `^\s*#\s+Failed (?:\(TODO\) )?test (?:'(?P<name>.*)'|\d+.*|.*)$`, within: 30,
			after: []rule{
				{like: `^\s*#\s+Failed (?:\(TODO\) )?test|^\s*# Looks like`, do: stop},
				{like: `^\s*#\s+at (?P<file>\S+) line (?P<line>\d+)`, do: headline, most: 1},
				{like: `^\s*#\s+in test '(?P<name>.*)'`, do: more},
				{like: `^\s*#\s`, do: show, most: 4},
				{like: `^\s*#`, do: pass},
			},
		},
		{tool: "tap", weight: consequence, starts: []string{"# Looks like you "}},
		{tool: "tap", weight: message, starts: []string{"# Looks like your test "}},
		{tool: "prove", weight: consequence, starts: []string{"Dubious, test returned", "Result: FAIL", "Failed ", "Non-zero exit status: "}, match: `^\s*(?:Dubious|Result:|Failed \d+/\d+ subtests|Failed tests?: |Non-zero)`},
		{tool: "prove", weight: consequence, words: []string{"Wstat: "}, match: `^\S+\s+\(Wstat: [1-9]`},
		{tool: "prove", starts: []string{"Parse errors: "}},
		{
			tool: "perl", starts: []string{"Can't locate "}, match: `^Can't locate (?:\S+\.pm in @INC|object method)(?:.* at (?P<file>\S+) line (?P<line>\d+)\.)?`,
		},
		{tool: "perl", starts: []string{"Global symbol ", "syntax error at ", "Bareword ", "Missing right curly", "Can't find string terminator", "Unmatched ", "Type of arg ", "Undefined subroutine", "Can't call method", "Can't use "}, match: `(?:at|in) (?P<file>\S+) line (?P<line>\d+)`},
		{tool: "perl", weight: consequence, starts: []string{"BEGIN failed--compilation", "Compilation failed in require"}},
		{tool: "perl", weight: consequence, words: []string{"had compilation errors", "aborted due to compilation errors"}},
		{tool: "perl", weight: mention, starts: []string{"Use of uninitialized ", "Argument \"", "Subroutine ", "Useless use of", "Odd number of elements", "Deep recursion", "Name \"", "Possible "}},
		{tool: "perl", weight: message, words: []string{"line "}, match: `^\S.* at (?P<file>[^\s"']+\.(?:p[lm]|t|psgi|cgi|PL)|-e|\(eval \d+\)) line (?P<line>\d+)(?:, <\S+> (?:line|chunk) \d+)?\.?$`},

		{
			tool: "lua", starts: []string{"lua: ", "lua5.#", "lua5.", "luac: ", "luac5.", "luajit: ", "tarantool: ", "resty: "}, match: `^\w[\w.]*: (?P<file>[^\s:]+):(?P<line>\d+): `, within: 20,
			after: []rule{{like: `^stack traceback:|^\s+\[C\]|^\t`, do: pass}},
		},
		{
			tool: "busted", starts: []string{"Failure -> ", "Error -> "}, match: `^(?:Failure|Error) -> (?P<file>\S+) @ (?P<line>\d+)$`, head: show, within: 30, blank: last,
			after: []rule{{like: `^stack traceback:|^\t`, do: pass}, {like: `:\d+: `, do: headline, most: 1}, {do: show, most: 4}, {do: pass}},
		},
		{tool: "luacheck", place: true, files: []string{".lua"}, match: `^\s*(?P<file>[^\s:]+\.lua):(?P<line>\d+):\d+(?:-\d+)?: `},

		{
			tool: "testthat", starts: []string{"── Failure (", "── Error (", "── #. Failure", "── #. Error", "Failure (", "Error ("}, match: `^(?:──+ )?(?:\d+\. )?(?:Failure|Error)(?: \('?(?P<file>[^:')]+):(?P<line>\d+)(?::\d+)?'?\))?: (?P<name>.+?)(?: [─-]+)?$`, within: 40, blank: last,
			after: []rule{{like: `^(?:──|══|\[ FAIL|(?:Failure|Error|Skip|Warning) \()`, do: stop}, {like: `^\s*(?:\d+\. )?[└├│▆]|^Backtrace:`, do: pass}, {do: show, most: 3}, {do: pass}},
		},
		{tool: "testthat", weight: consequence, starts: []string{"Error: Test failures", "[ FAIL "}, match: `^(?:Error: Test failures|\[ FAIL [1-9])`},
		{weight: never, starts: []string{"[ FAIL "}},
		{
			tool: "R", weight: message, starts: []string{"Error in "}, match: `^Error in .+ : ?`, within: 4,
			after: []rule{{like: `^(?:Calls|In addition|Execution halted)`, do: stop}, {deeper: true, do: show}},
		},
		{tool: "R", weight: message, starts: []string{"ERROR: dependenc", "ERROR: compilation failed for package", "ERROR: lazy loading failed", "Error : package ", "ERROR: package installation", "Error: unexpected "}},
		{
			tool: "R", starts: []string{"* checking "}, match: `^\* checking .* \.\.\. (?:ERROR|FAILED)$`, within: 12,
			after: []rule{{like: `^\* `, do: stop}, {deeper: true, do: show, most: 5}},
		},
		{weight: never, starts: []string{"* checking "}},
		{weight: never, starts: []string{"Execution halted", "Calls: "}},

		{
			tool: "julia", words: []string{"Test Failed at ", "Error During Test at "}, match: `(?:(?P<name>\S.*): )?(?:Test Failed|Error During Test) at (?P<file>[^\s:]+):(?P<line>\d+)`, within: 12,
			after: []rule{{like: `^\s*(?:Stacktrace|\[\d+\])`, do: last}, {like: `^\s+(?:Expression|Evaluated|Test threw|Expected|Got|.*Error)`, do: show, most: 3}, {deeper: true, do: more, most: 2}},
		},
		{tool: "julia", weight: message, starts: []string{"ERROR: LoadError: ", "ERROR: UndefVarError", "ERROR: ArgumentError: ", "ERROR: MethodError: ", "ERROR: Unsatisfiable requirements"}},
		{
			tool: "dart", starts: []string{"#:0", "#:1", "#:2", "#:3", "#:4", "#:5"}, match: `^\d\d:\d\d \+\d+(?: ~\d+)? -\d+: (?P<name>.+) \[E\]$`, within: 20,
			after: []rule{{like: `^\d\d:\d\d `, do: stop}, {like: `^\s+package:`, do: pass}, {like: `^\s+(?P<file>\S+\.dart) (?P<line>\d+):\d+`, do: more, most: 1}, {deeper: true, do: show, most: 4}, {deeper: true, do: pass}},
		},
		{
			tool: "flutter", starts: []string{"══╡ EXCEPTION CAUGHT BY"}, within: 40, head: pass,
			after: []rule{
				{like: `^═{9}`, do: stop},
				{like: `^The following \w+ was thrown`, do: pass},
				{like: `^When the exception was thrown|^The relevant error-causing`, do: pass, then: []rule{
					{like: `\(file://(?P<file>[^\s:]+):(?P<line>\d+):\d+\)`, do: show, most: 1},
					{like: `^═{9}`, do: stop},
					{do: pass},
				}, thenWithin: 30},
				{do: headline, most: 4},
				{do: pass},
			},
		},
		{tool: "dart", weight: consequence, starts: []string{"Some tests failed."}},
	},
	harmless: []string{`^\s*ok \d+\b`, `\.\. ok$`},
}
