package joblog

// Cargo, the compiler of Rust, and tests in Rust.
var rustFamily = func() *family {
	return &family{
		facts: []fact{
			{
				tool: "rustc", starts: []string{"error[E"}, match: `^error\[E\d+\]: `, within: 40, blank: last, after: rustFrame,
			},
			{
				tool: "cargo", weight: consequence, starts: []string{"error: "},
				match: `^error: (?:could not compile|could not document|aborting due to|test failed|doctest failed|bench failed|build failed|(?:\d+|one) targets? failed|test run failed|process didn't exit successfully: .*\(exit (?:status|code): \d+\)$)`,
			},
			{
				tool: "cargo", starts: []string{"error: "}, head: headline, within: 60, other: pass,
				match: `^error: (?:failed to run custom build command|process didn't exit successfully)`,
				after: []rule{
					{like: `^\s+thread '.*' (?:\(\d+\) )?panicked at (?P<file>[^\s:']+):(?P<line>\d+)`, do: show, then: []rule{
						{like: `^\s+(?:stack backtrace:|note: )`, do: last},
						{deeper: true, do: show, most: 4},
					}, thenWithin: 8},
					{like: `^\s+(?:cargo:|--- std|process didn't exit)|^(?:Caused by|note):`, do: pass},
					{deeper: true, do: show, most: 6},
				},
			},
			{
				tool: "cargo", weight: message, starts: []string{"error: "}, within: 16,
				match: `^error: (?:no matching package|failed to|could not find \x60|the lock file|the package|package |cannot |no bin target|no such (?:command|sub)|a bin target|multiple |unable to (?:get|update)|Unable to update|invalid |linker |linking with|toolchain |component |couldn't |feature |the manifest|current package|dependency |checksum |there is nothing)`,
				after: []rule{
					{like: `^Caused by:|^\s+\d: `, do: pass},
					{like: `^\s+spurious network error|^note: |^help: |^As a reminder`, do: pass},
					{like: `^(?:location|required|candidate|perhaps|searched|versions|\s)`, do: show, most: 5},
				},
			},
			{
				// Clippy, and messages of the compiler without a number. Others write such
				// lines too, but no place behind them.
				tool: "rustc", starts: []string{"error: "}, confirm: `^\s*--> `, within: 40, blank: last, after: rustFrame,
			},
			{
				weight: never, starts: []string{"warning: "}, match: `^warning: (?:unused|field|function|variable|method|struct|constant|\x60|profiles|build failed|.* generated \d+ warn)`, within: 30, blank: last, after: rustFrame,
			},
			{tool: "rustfmt", starts: []string{"Diff in "}, match: `^Diff in (?P<file>\S+?)(?: at line |:)(?P<line>\d+):?$`, within: 30,
				after: []rule{{like: `^Diff in `, do: stop}, {like: `^[-+]`, do: show, most: 4}, {do: pass}}},

			{
				// The output of a test. The name of its thread is that of the test, but not
				// in documentation, where it is main.
				tool: "cargo test", starts: []string{"---- "}, match: `^---- (?P<name>\S.*?) (?:stdout|stderr) ----$`, head: pass, within: 80, sets: "cargo",
				after: []rule{
					{like: `^---- |^failures:|^test result: `, do: stop},
					{like: `^(?:thread )?.*panicked at (?:'.*', )?(?P<file>[^\s:']+\.rs):(?P<line>\d+)`, do: show},
					{like: `^note: panic did not contain`, do: show},
					{like: `^(?:note: |stack backtrace:|Test executable failed|stderr:|stdout:)|^\s+\d+: |^\s+at `, do: pass},
					{do: show, most: 5},
				},
			},
			{tool: "cargo test", words: []string{"--- FAILED"}, match: `^(?P<name>\S.*?)(?: - should panic)? --- FAILED$`},
			{tool: "cargo test", weight: consequence, starts: []string{"FAILED"}, match: `^FAILED$`},
			{tool: "cargo", words: []string{"process didn't exit successfully"}, match: `\(signal: \d+`},
			{tool: "rust", starts: []string{"thread '"}, match: `has overflowed its stack$`},
			{tool: "rust", weight: consequence, starts: []string{"fatal runtime error: "}},
			{tool: "cargo test", starts: []string{"test "}, match: `^test (?P<name>\S.*?)(?: - should panic)? \.\.\. FAILED`, sets: "cargo"},
			{
				tool: "cargo test", starts: []string{"FAIL [", "SIGSEGV [", "SIGABRT [", "SIGKILL [", "ABORT [", "TIMEOUT ["},
				match: `^\s*[A-Z]+ \[ *[>\d.]+s\] (?:\( *\d+/\d+\) )?(?:\S+ )*(?P<name>\S+)$`,
			},
			{
				tool: "rust", starts: []string{"thread '"}, within: 12, after: rustPanic,
				match: `^thread '(?:main|<unnamed>|tokio[^']*|actix[^']*|rayon[^']*)'(?: \(\d+\))? panicked at (?:'.*', )?(?P<file>[^\s:']+):(?P<line>\d+):\d+:?$`,
			},
			{
				tool: "cargo test", starts: []string{"thread '"}, within: 12, after: rustPanic,
				match: `^thread '(?P<name>[^']+)'(?: \(\d+\))? panicked at (?:'.*', )?(?P<file>[^\s:']+):(?P<line>\d+):\d+:?$`,
			},
			{tool: "rust", starts: []string{"thread '"}, match: `^thread '.*' panicked at '`, within: 8, after: []rule{{like: `^note: |^stack backtrace`, do: last}, {like: `', (?P<file>[^\s:']+):(?P<line>\d+)`, do: show, ends: true}, {do: show, most: 4}}},
			{weight: never, starts: []string{"Some errors have detailed explanations", "For more information about ", "For more information, try"}},
			{tool: "rust", starts: []string{"Error: "}, match: `^Error: (?:[A-Z]\w*(?: \{|\(|$)|Os \{)`},
			{tool: "cargo test", weight: consequence, starts: []string{"test result: FAILED"}},
			{tool: "cargo test", weight: consequence, starts: []string{"Summary ["}, match: ` failed`},
			{weight: never, starts: []string{"Compiling ", "Checking ", "Downloaded ", "Downloading ", "Documenting ", "Finished ", "Running ", "Doc-tests ", "Updating ", "Blocking "}, match: `^\s+[A-Z][\w-]+ (?:\S+ v\d|crates|\x60|test|bench|unittests|tests/|\S+$|waiting|crates\.io)`},
		},
		harmless: []string{`^test .* \.\.\. (?:ok|ignored)`},
	}
}

// rustFrame is what follows a message of the compiler, up to a blank line.
var rustFrame = []rule{
	{like: `^\s*--> (?P<file>[^\s:]+):(?P<line>\d+)`, do: show, most: 1},
	{like: `^\s*--> `, do: pass},
	{like: `^\s*\d+ +[-+~] |^\s*\d* *\| *[-+~]*$`, do: pass},
	{like: `^\s*\d+ +\|`, do: more, most: 2},
	{like: `^\s*\|.*[\^-]+ \S`, do: more, most: 1},
	{like: `^\s+= |^\s*\d* *\||^(?:help|note)|^\.\.\.|^\s+:::|^\s`, do: pass},
}

// rustPanic is what follows the line of a panic.
var rustPanic = []rule{
	{like: `^(?:stack backtrace:|note: |failures:|---- |test |error: )`, do: stop},
	{do: show, most: 5},
}
