package joblog

import "slices"

// Test runners of JavaScript and TypeScript.
var jsTestFamily = func() *family {
	return &family{
		facts: slices.Concat(jestFacts(), mochaFacts(), vitestFacts, nodeTestFacts(), browserFacts(), otherTestFacts()),
		harmless: []string{
			`^\s*[✓✔√•] `,
			`^\s*(?i:errors?|failures?|exceptions?)$`, // the name of a group of tests
		},
	}
}

const (
	// jsCode is a line of source that is quoted, with its number, or the marker below it.
	jsCode = `^\s+(?:>\s*)?\d+ ?[|│]|^\s+[|│]`

	// jsDiff is a line of what differs from what was expected.
	jsDiff = `^\s+[-+] `
)

const jestEnds = `^  ● |^(?:FAIL|PASS)\b|^(?:Test Suites|Tests|Snapshots): |^Summary of all failing|^ › \d+ snapshot`

// jestDetails() follow the name of a test.
var jestDetails = func() []rule {
	return slices.Concat([]rule{
		{like: jestEnds, do: stop},
		{like: jsCode, do: pass},
	}, jsStack, []rule{
		{like: `^    (?:If this is a long-running|Add a timeout value|This is likely because|Snapshot name:)`, do: pass},
		{like: jsDiff, do: more, most: 6},
		{like: `^    \S`, do: show, most: 4},
		{like: `^    \S`, do: more, most: 4},
	})
}

var jestFacts = func() []fact {
	return []fact{
		{weight: never, starts: []string{"● Console"}, match: `^  ● Console$`, within: 1000, after: []rule{{like: jestEnds, do: stop}, {do: pass}}},
		{weight: never, starts: []string{"Jest has detected the following"}, within: 1000, after: []rule{{do: pass}}},
		{weight: never, starts: []string{"PASS "}, match: `^\s*PASS\s+\S`},
		{
			tool: "jest", starts: []string{"● Test suite failed to run"}, within: 100, other: pass, head: more,
			before: []look{{like: `^\s*FAIL\s+(?:\S+ )??(?P<file>\S+\.\w+)\b`, reach: 20, most: 1, do: headline}},
			after: slices.Concat([]rule{
				{like: jestEnds, do: stop},
				{like: jsCode, do: pass},
				{like: `^    (?:Jest failed to parse|Out of the box|By default|Here's what you|You'll find|For information|Details:|https?://|This happens|If you)|^\s+•`, do: pass},
				{like: `^\s+(?:\S+: )*\w*Error: |^    Cannot find module|^\s+.*\berror\b`, do: headline, most: 2},
			}, jsStack, []rule{
				{like: `^    (?:\(\{"Object|/|\^)`, do: pass},
				{like: `^    \S`, do: show, most: 3},
			}),
		},
		{
			tool: "jest", starts: []string{"● "}, match: `^  ●  ?(?P<name>\S.*)$`, within: 100, other: pass,
			before: []look{{like: `^\s*FAIL\s+(?:\S+ )??(?P<file>\S+\.\w+)\b`, reach: 20, most: 1, do: show}},
			after:  jestDetails(),
		},
		{tool: "jest", weight: message, starts: []string{"● Validation Error", "● Multiple configurations", "● Unsupported"}, head: show, within: 6, after: []rule{{like: `Documentation:|^\s+https?:`, do: pass}, {deeper: true, do: headline, most: 1}, {deeper: true, do: show, most: 3}}},
		{tool: "jest", starts: []string{"Jest: "}, match: `^Jest: .*(?:threshold|Uncovered count)`},
		{tool: "coverage", words: []string{"Coverage for "}, match: `Coverage for \w+ \([\d.]+%\) does not meet`},
		{
			tool: "test", weight: message, words: []string{"No tests found", "No test files found", "No test suite found"}, within: 10,
			after: []rule{{like: `^(?:Pattern|filter|include): `, do: show}, {like: `^\s+\d+ file|^\s+test\w+:|^(?:Run with|In|exclude)`, do: pass}},
		},
		{tool: "jest", weight: consequence, starts: []string{"Test Suites:"}},
		{tool: "jest", weight: consequence, starts: []string{"Tests: "}, match: `^Tests:\s+[1-9]\d* failed`},
		{tool: "jest", weight: consequence, starts: []string{"› "}, match: `^ › \d+ snapshots? failed`},
		{weight: never, starts: []string{"Tests:  ", "Snapshots: ", "Time:  ", "Ran all test suites", "✕ "}},
		{tool: "jest", weight: consequence, starts: []string{"FAIL "}, match: `^\s*FAIL (?:\S+ )?\S+\.[cm]?[jt]sx?\b`},
	}
}

// mochaStack ends a failure with its stack.
var mochaStack = []rule{
	{like: jsInside, do: pass},
	{like: jsFrame, do: show, ends: true},
	{like: `^\s+at `, do: pass},
}

// mochaDetails() follow the name of a test.
var mochaDetails = func() []rule {
	return slices.Concat([]rule{{like: `^ {2,3}\d+\) |^npm |^error Command`, do: stop}}, mochaStack, []rule{
		{like: `^\s+\S`, do: show, most: 1},
		{do: more, most: 8},
		{do: pass},
	})
}

var mochaFacts = func() []fact {
	return []fact{
		{weight: never, starts: []string{"# passing"}, match: `^ +\d+ passing\b`},
		{tool: "mocha", weight: consequence, starts: []string{"# failing"}, match: `^ +[1-9]\d* failing\b`, sets: "mocha"},
		{tool: "mocha", starts: []string{"#) "}, needs: "mocha", match: `^ {2,3}\d+\) (?P<name>\S.*):$`, within: 80, after: mochaDetails()},
		{
			tool: "mocha", starts: []string{"#) "}, needs: "mocha", match: `^ {2,3}\d+\) \S`, within: 8,
			after: []rule{
				{like: `^ {6,}(?P<name>\S.*):$`, do: headline, then: mochaDetails(), thenWithin: 80},
				{like: `^ {6,}\S`, do: headline},
			},
		},
		{weight: never, starts: []string{"#) "}, needs: "mocha", match: `^ +\d+\) \S`},
		{
			tool: "mocha", starts: []string{"Exception during run:"}, match: `: (?:(?:file://)?(?P<file>/[^\s:]+):(?P<line>\d+)|.*)$`, within: 60,
			after: slices.Concat([]rule{{like: `^\w*Error: `, do: headline, most: 1}}, jsError(), []rule{{like: `^\s+\^`, do: pass}, {like: `^\s`, do: more, most: 1}}),
		},
	}
}

var vitestFacts = []fact{
	{
		tool: "vitest", starts: []string{"FAIL  "}, within: 80,
		match: `^\s*FAIL\s{2,}(?:\|[^|]*\| )?(?P<file>[^\s"]+)(?: > (?P<name>.*)| \[ .*)$`,
		after: []rule{
			{like: `^\s*FAIL\s|^⎯|^\s*(?:Test Files|Tests)  `, do: stop},
			{like: `^ +❯ .*node_modules/|^ +❯ .*\bnode:`, do: pass},
			{like: `^ +❯ (?:\S+ )*(?P<file>[^\s:]+):(?P<line>\d+):\d+$`, do: show, most: 1},
			{like: `^ +❯ `, do: pass},
			{like: jsCode, do: pass},
			{like: `^If this is a long-running|^\s*Plugin: `, do: pass},
			{like: `^[-+] (?:Expected|Received)|^(?:Caused by|Serialized Error):`, do: pass},
			{like: `^[-+]`, do: more, most: 6},
			{like: `^(?:null|undefined)$`, do: pass},
			{like: `^\S`, do: show, most: 2},
			{do: pass},
		},
	},
	{
		tool: "vitest", starts: []string{"⎯⎯"}, match: `Uncaught Exception|Unhandled Rejection|Unhandled Error |Startup Error`, head: more, within: 40,
		after: []rule{
			{like: `^⎯`, do: stop},
			{like: `^ +❯ .*node_modules/|^ +❯ .*\bnode:`, do: pass},
			{like: `^ +❯ (?:\S+ )*(?P<file>[^\s:]+):(?P<line>\d+):\d+$`, do: show, most: 1},
			{like: `^This error originated`, do: more},
			{like: `^\S`, do: headline, most: 1},
			{do: pass},
		},
	},
	{weight: never, starts: []string{"⎯⎯", "→ "}},
	{tool: "vitest", weight: message, starts: []string{"failed to load config from"}},
	{tool: "vitest", weight: consequence, starts: []string{"Test Files  ", "❯ ", "Vitest caught ", "× "}},
	{tool: "vitest", weight: consequence, starts: []string{"Tests  ", "Errors  ", "Snapshots  "}, match: `^ +(?:Tests|Errors|Snapshots)  +[1-9]\d* (?:failed|errors?)\b`},
}

var nodeTestFacts = func() []fact {
	return []fact{
		{weight: never, starts: []string{"✖ failing tests:"}, sets: "node:test"},
		nodeTestRow("node:test"),
		nodeTestRow("results"), // "Failed tests:" of the dot reporter, as Maven has it
		{tool: "node:test", weight: consequence, starts: []string{"✖ "}, match: `^\s*✖ .* \([\d.]+m?s\)(?: #.*)?$`},
		{weight: never, starts: []string{"ℹ "}, match: `^\s*ℹ (?:tests|suites|pass|fail|cancelled|skipped|todo|duration_ms) `},
	}
}

// nodeTestRow is a test in the list at the end, behind a line that set the mark.
func nodeTestRow(mark string) fact {
	return fact{
		tool: "node:test", starts: []string{"✖ "}, needs: mark, match: `^\s*✖ (?P<name>.*) \([\d.]+m?s\)$`, within: 120,
		before: []look{{like: `^test at (?P<file>[^\s:]+):(?P<line>\d+)`, reach: 1, most: 1, do: show}},
		after: slices.Concat([]rule{
			{like: `^\s+'\d+ subtests? failed'`, do: pass, consequence: true},
			{like: `^test at |^✖ `, do: stop},
		}, jsStack, []rule{
			{like: `^\s+(?:[a-z]\w*: .*|[\]}],?)$`, do: pass},
			{deeper: true, do: show, most: 2},
			{deeper: true, do: more, most: 6},
			{deeper: true, do: pass},
		}),
	}
}

// Browsers, and what drives them.
var browserFacts = func() []fact {
	return []fact{
		{tool: "playwright", weight: consequence, starts: []string{"# failed", "# flaky"}, match: `^  [1-9]\d* (?:failed|flaky)$`, within: 40, after: []rule{{like: ` › `, do: pass}}},
		{
			tool: "playwright", starts: []string{"#) "}, within: 200, other: pass,
			match: `^\s*\d+\) (?:\[[^\]]*\] › )?(?P<file>[^\s:]+):(?P<line>\d+):\d+ › (?P<name>.*?)[ ─]*$`,
			after: []rule{
				{like: `^\s*\d+\) (?:\[|\S+:\d+:\d+ › )|^\s+\d+ (?:failed|passed|flaky|skipped)\b`, do: stop},
				{like: `^\s+Retry #\d+ ─`, do: pass, then: []rule{{like: `^\s*\d+\) (?:\[|\S+:\d+:\d+ › )|^\s+\d+ (?:failed|passed|flaky|skipped)\b`, do: stop}, {do: pass}}, thenWithin: 400},
				{like: jsCode, do: pass},
				{like: `^\s+(?:[╔╚║]|Error Context:|attachment #|─|Usage:|npx )`, do: pass},
				{like: jsInside, do: pass},
				{like: `^\s+at `, do: more, most: 1},
				{deeper: true, do: show, most: 4},
				{deeper: true, do: pass},
			},
		},
		{tool: "playwright", weight: consequence, starts: []string{"✘  #", "✘  1", "✘  2", "✘  3", "✘  4", "✘  5", "✘  6", "✘  7", "✘  8", "✘  9"}, match: `^\s*✘ +\d+ `},
		{
			tool: "cypress", weight: message, starts: []string{"The cypress npm package is installed, but", "No version of Cypress is installed", "Cypress failed to ", "Cypress could not verify", "Can't run because no spec files", "Your configFile"},
			within: 4, after: []rule{{like: `^\S`, do: show, most: 2}},
		},
		{weight: never, words: []string{"Executed "}, match: `: Executed \d+ of \d+`},
		{
			tool: "karma", words: []string{"FAILED"}, match: `^[A-Z][\w ]* [\d.]+ \([^)]*\):? (?P<name>\S.*) FAILED$`, within: 12,
			after: slices.Concat(jsStack, []rule{{like: `^\t+\S`, do: show, most: 2}, {like: `^\t`, do: pass}}),
		},
		{tool: "karma", weight: message, words: []string{"ERROR ["}, match: `:ERROR \[[^\]]+\]: \S`, within: 12, after: jsStack},
		{tool: "karma", weight: consequence, starts: []string{"TOTAL: "}, match: `^TOTAL: [1-9]\d* FAILED`},
	}
}

var otherTestFacts = func() []fact {
	return []fact{
		{
			tool: "cucumber", starts: []string{"#) Scenario: "}, match: `^\d+\) Scenario: (?P<name>.*?) # (?P<file>[^\s:]+):(?P<line>\d+)`, within: 60,
			after: slices.Concat([]rule{{like: `^\s+[✔-] `, do: pass}, {like: `^\s+[✖?] `, do: headline}}, jsStack, []rule{{deeper: true, do: show, most: 3}, {deeper: true, do: pass}}),
		},
		{weight: never, starts: []string{"Pending:"}, match: `^Pending:$`, within: 200, after: []rule{{like: `^\d+\) `, do: pass}, {like: `^\s`, do: pass}}},
		{tool: "jasmine", weight: consequence, starts: []string{"# spec"}, match: `^\d+ specs?, [1-9]\d* failures?`},
		{
			tool: "jasmine", starts: []string{"#) "}, needs: "failures", match: `^\d+\) (?P<name>\S.*)$`, confirm: `^\s+Message:$`, within: 30,
			after: slices.Concat([]rule{{like: `^\s+(?:Message|Stack):$`, do: pass}}, jsStack, []rule{{deeper: true, do: show, most: 3}}),
		},
		{tool: "ava", starts: []string{"✘ [fail]: ", "✖ [fail]: "}, match: `\[fail\]: (?P<name>.*?)(?: Rejected promise returned by test)?$`},
		{
			tool: "ava", starts: []string{"Difference (", "Difference:"}, match: `^\s+Difference`, within: 20,
			before: []look{{like: `^\s+(?P<file>[^\s:]+):(?P<line>\d+)$`, reach: 8, most: 1, do: show}},
			after:  []rule{{like: jsDiff, do: show, most: 4}, {deeper: true, do: pass}, {like: `^\s+[\[\]{}]`, do: pass}},
		},
		{
			tool: "uvu", starts: []string{"FAIL  \""}, match: `^\s*FAIL\s+"(?P<name>.*)"`, within: 20,
			after: slices.Concat(jsStack, []rule{{deeper: true, do: show, most: 3}}),
		},
		{
			tool: "bun test", starts: []string{"(fail) "}, match: `^\(fail\) (?P<name>.*?)(?: \[[\d.]+m?s\])?$`,
			before: []look{
				{like: `^(?:error: |\w*Error: |Expected|Received)`, until: `^\((?:pass|fail|skip|todo)\) `, reach: 20, most: 3, do: show},
				{like: jsFrame, until: `^\((?:pass|fail|skip|todo)\) `, reach: 4, most: 1, do: show},
			},
		},
		{tool: "bun test", weight: consequence, starts: []string{"# fail"}, match: `^\s*[1-9]\d* fail$`},
		{weight: never, starts: []string{"(pass) ", "(skip) ", "(todo) "}},
		{weight: never, starts: []string{"ERRORS"}, match: `^ ERRORS$`, sets: "deno"},
		{
			tool: "deno test", words: []string{"=> ./"}, needs: "deno", match: `^(?P<name>\S.*) => (?P<file>\./[^\s:]+):(?P<line>\d+):\d+$`, within: 20,
			after: slices.Concat([]rule{{like: `^(?:error|AssertionError): `, do: show, most: 1}}, jsStack, []rule{{like: `^\S.* => \./|^FAILED`, do: stop}, {like: jsDiff, do: more, most: 4}, {do: pass}}),
		},
		{tool: "deno test", weight: consequence, words: []string{"FAILED ("}, match: `\.\.\. FAILED \(`},
		{weight: consequence, starts: []string{"FAILED | ", "error: Test failed"}},
	}
}
