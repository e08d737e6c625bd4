package joblog

// Xcode and what is around it. Its compilers write as clang does.
var appleFamily = family{
	facts: []fact{
		{weight: never, words: []string{"passed ("}, match: `^(?:Test [Cc]ase|Test Suite|✔|◇) .* passed`},
		{tool: "xctest", weight: consequence, starts: []string{"Test Case '", "Test case '"}, match: `^Test [Cc]ase '(?P<name>[^']+)' failed`},
		{
			tool: "swift test", starts: []string{"✘ Test "}, match: `^✘ Test (?P<name>.+?) recorded an issue at (?P<file>[^\s:]+):(?P<line>\d+)(?::\d+)?: `,
		},
		{tool: "swift test", weight: consequence, starts: []string{"✘ Test ", "✘ Suite "}},
		{weight: consequence, starts: []string{"** BUILD FAILED **", "** TEST FAILED **", "** ARCHIVE FAILED **", "** EXPORT FAILED **", "fastlane finished with errors", "Gradle task assemble"}},
		{
			tool: "xcodebuild", weight: message, starts: []string{"The following build commands failed:"}, head: more, within: 6,
			after: []rule{{like: `^\(\d+ failures?\)$`, do: last}, {deeper: true, do: show, most: 3}},
		},
		{
			tool: "xcodebuild", weight: message, starts: []string{"xcodebuild: error: ", "Testing failed:", "Code Signing Error: ", "ld: symbol(s) not found", "Undefined symbols for architecture", "error: No profiles for", "error: no such module", "error: exportArchive"}, within: 6,
			after: []rule{{deeper: true, do: show, most: 3}},
		},
		{tool: "xcodebuild", starts: []string{"❌ "}, match: `^❌\s+(?:(?P<file>/[^\s:]+):(?P<line>\d+):\d+: )?`},
		{
			tool: "cocoapods", weight: message, starts: []string{"[!] "}, within: 6,
			after: []rule{{like: `^\s*(?:- |\* )`, do: show, most: 3}},
		},
		{tool: "dart", place: true, files: []string{".dart"}, has: ": Error: ", match: `^(?P<file>[^\s:]+):(?P<line>\d+):\d+: Error: `, within: 3, after: []rule{{like: `^\s*\^`, do: pass, ends: true}, {do: more, most: 1}}},
		{tool: "dart analyze", starts: []string{"error - ", "error • "}, match: `^\s*error (?:-|•) (?:.* • )?(?P<file>[^\s:]+\.dart):(?P<line>\d+):\d+ (?:-|•) `},
	},
}
