package joblog

// Tools that build large projects, and images of devices: Bazel, Yocto, SCons, PlatformIO
// and Zephyr. Also tests in Swift, and package managers of C++.
var embeddedFamily = family{
	facts: []fact{
		{
			tool: "bazel", starts: []string{"ERROR: /", "ERROR: "}, match: `^ERROR: (?P<file>/?\S+):(?P<line>\d+):\d+: `, within: 40,
			after: []rule{
				{like: `^\(cd /|^\s+\(?(?:cd|exec env|\w+=)|^Use --sandbox_debug|^# Configuration|^# Execution platform`, do: pass},
				{like: `^(?:Target |INFO: |ERROR: |FAILED: )`, do: stop},
				{do: show, most: 3, weak: true},
				{do: pass, weak: true},
			},
		},
		{tool: "bazel", weight: message, starts: []string{"ERROR: no such package", "ERROR: no such target", "ERROR: Skipping ", "ERROR: Analysis of target", "ERROR: Error computing", "ERROR: Unrecognized option", "ERROR: The project you're"}},
		{tool: "bazel", weight: consequence, starts: []string{"FAILED: Build did NOT", "ERROR: Build did NOT", "FAILED: Build completed", "Use --verbose_failures", "Executed #", "INFO: Build completed, "}, match: `^(?:FAILED|ERROR|Use )|FAILED|fails? locally`},
		{tool: "bazel", words: []string{"FAILED in ", "TIMEOUT in ", "FAILED TO BUILD", "NO STATUS"}, match: `^(?P<name>//\S+)\s+(?:FAILED|TIMEOUT|NO STATUS)\b`},
		{tool: "bazel", weight: consequence, starts: []string{"FAIL: //"}},
		{weight: never, words: []string{"PASSED in "}, match: `^//\S+\s+(?:\(cached\) )?PASSED`},

		{tool: "bitbake", weight: consequence, starts: []string{"ERROR: Logfile of failure", "ERROR: Task ("}},
		{tool: "bitbake", weight: consequence, words: []string{"Execution of '", "Function failed: "}, match: `^ERROR: \S+ do_\w+: (?:Execution of|Function failed)`},
		{
			tool: "bitbake", starts: []string{"ERROR: "}, match: `^ERROR: (?P<name>\S+ do_\w+): (?:[^EF]|E[^x]|F[^u])`, within: 60, other: pass,
			after: []rule{{like: `^ERROR: Logfile of failure`, do: pass}, {like: `^\| (?:DEBUG|NOTE|INFO|WARNING)`, do: pass}},
		},
		{tool: "bitbake", weight: message, starts: []string{"ERROR: Nothing PROVIDES", "ERROR: Nothing RPROVIDES", "ERROR: ParseError", "ERROR: Required build target", "ERROR: Unable to parse", "ERROR: ExpansionError", "ERROR: OE-core's config", "ERROR: Layer "}},
		{weight: never, starts: []string{"NOTE: Tasks Summary"}},
		{tool: "bitbake", weight: consequence, starts: []string{"Summary: "}, match: `^Summary: (?:There (?:was|were)|\d+ tasks? failed)`},

		{tool: "modpost", starts: []string{"ERROR: modpost: ", "ERROR: \""}, match: `undefined!$`},
		{weight: consequence, words: []string{"recipe for target"}, match: `: recipe for target '.*' failed$`},
		{tool: "scons", weight: consequence, starts: []string{"scons: ***", "scons: building terminated", "*** ["}, match: `^scons: |^\*\*\* \[.*\] Error`},
		{tool: "west", weight: consequence, starts: []string{"FATAL ERROR: command exited", "ninja failed with exit code", "cmake failed with exit code", "ninja: error: loading"}},
		{tool: "platformio", weight: message, starts: []string{"Error: Unknown environment", "Error: Unknown board", "UnknownPackageError: ", "Error: Could not find"}},
		{tool: "platformio", weight: consequence, starts: []string{"===="}, match: `^=+ \[FAILED\] Took `},

		// XCTest, on macOS and elsewhere.
		{
			tool: "xctest", place: true, files: []string{".swift", ".m", ".mm"}, has: " : ",
			match: `^(?P<file>[^\s:]+):(?P<line>\d+): error: (?:-\[)?(?P<name>[^\]:]+?)\]? : `,
		},
		{weight: never, starts: []string{"Test Case '"}, match: `' (?:started|passed)`},
		{weight: never, starts: []string{"Test Suite '"}},

		{tool: "conan", starts: []string{"ERROR: Package '", "ERROR: Missing binary", "ERROR: Missing prebuilt", "ERROR: Version conflict"}, within: 6,
			after: []rule{{deeper: true, do: show, most: 3}}},
		{tool: "vcpkg", starts: []string{"error: building "}, match: `^error: building (?P<name>\S+) failed with: `},
		{tool: "vcpkg", weight: consequence, starts: []string{"-- Running vcpkg install - failed", "error: Last command failed"}},
	},
}
