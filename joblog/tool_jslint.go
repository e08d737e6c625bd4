package joblog

import "slices"

// TypeScript's compiler, and linters and formatters of the web.
var jsLintFamily = func() *family {
	return &family{
		facts: slices.Concat(tscFacts(), eslintFacts(), formatFacts()),
	}
}

// tscFrame follows a message: more of it, then the source.
var tscFrame = []rule{
	{like: `^  [A-Z]`, do: show, most: 1},
	{like: `^  [A-Z]|^\d+ |^ *~+$`, do: pass},
	{like: `^ {2,}\S+:\d+:\d+$`, do: pass, then: []rule{{like: `^ {4}`, do: pass}}, thenWithin: 4},
}

// jsFiles are the endings of files of source.
var jsFiles = []string{".ts", ".tsx", ".mts", ".cts", ".js", ".jsx", ".mjs", ".cjs", ".vue", ".svelte", ".astro"}

var tscFacts = func() []fact {
	return []fact{
		{tool: "tsc", place: true, files: jsFiles, match: `^(?P<file>[^\s:(]+)\((?P<line>\d+),\d+\): error TS\d+: `, within: 4, after: []rule{{like: `^  \S`, do: show, most: 1}, {like: `^  `, do: pass}}},
		{tool: "tsc", place: true, files: jsFiles, match: `^(?P<file>[^\s:]+):(?P<line>\d+):\d+ - error (?:TS|NG)?-?\d+: `, within: 20, after: tscFrame},
		{tool: "ng", starts: []string{"Error: "}, match: `^Error: (?P<file>[^\s:]+):(?P<line>\d+):\d+ - error (?:TS|NG)?-?\d+: `, within: 20, after: tscFrame},
		{tool: "tsc", weight: message, starts: []string{"error TS"}, match: `^error TS\d+: `},
		{
			// A bundler has the place above the message, or below it.
			tool: "tsc", starts: []string{"TS1", "TS2", "TS4", "TS5", "TS6", "TS7", "TS8", "TS9"}, match: `^\s*TS\d+: `,
			before: []look{{like: `(?P<file>[\w@./-]+\.\w+)[:(](?P<line>\d+)`, reach: 1, most: 1, do: show}},
		},
		{
			tool: "deno", starts: []string{"TS1", "TS2", "TS5", "TS6", "TS7", "TS9"}, match: `^TS\d+ \[ERROR\]: `, within: 8,
			after: []rule{{like: `^\s+at (?:file://)?(?P<file>/[^\s:]+):(?P<line>\d+):\d+`, do: show, ends: true}, {do: pass}},
		},
		{tool: "tsc", weight: consequence, starts: []string{"Found "}, match: `^Found [1-9]\d* error`},
		{weight: never, starts: []string{"Errors  Files"}, within: 50, after: []rule{{like: `^ +\d+  \S+:\d+$`, do: pass}}},
		{tool: "tsc", weight: consequence, starts: []string{"error: Type checking failed"}},
		{
			tool: "deno lint", starts: []string{"error["}, match: `^error\[[a-z][\w-]*\]: `, within: 2,
			after: []rule{{like: `^\s*--> (?P<file>[^\s:]+):(?P<line>\d+):\d+`, do: show, ends: true}},
		},
		{
			// ts-node and others give the messages of the compiler to Node.js.
			tool: "node", weight: consequence, words: []string{"Unable to compile TypeScript"},
		},
	}
}

const (
	// lintFile is the name of a file that is above what was found in it.
	lintFile = `^\s*(?P<file>(?:(?:[A-Za-z]:)?[\\/])?[\w@.()\[\]\\/+-]*[\w)\]]\.\w+)(?:\s+|:\d+:\d+)?$`
)

var numbered = []string{"#:0", "#:1", "#:2", "#:3", "#:4", "#:5", "#:6", "#:7", "#:8", "#:9"}

var eslintFacts = func() []fact {
	return []fact{
		{
			tool: "eslint", starts: numbered, match: `^\s*(?P<line>\d+):\d+\s+(?:(?i:error)|[✖×])\s+\S`,
			before: []look{{like: lintFile, reach: 20, most: 1, do: show}},
		},
		{weight: never, starts: numbered, match: `^\s*\d+:\d+\s+(?:(?i:warning)|[⚠‼])\s`},
		{
			tool: "eslint", starts: []string{"✖ ", "× ", "ERROR: "}, match: `^\s*(?:[✖×]\s+|ERROR: )(?P<line>\d+):\d+\s+\S`,
			before: []look{{like: lintFile, reach: 20, most: 1, do: show}},
		},
		{tool: "eslint", weight: consequence, starts: []string{"✖ ", "× "}, match: `^\s*[✖×]\s+(?:found )?[1-9]\d* (?:problems?|errors?|warnings?)\b`},
		{weight: never, starts: []string{"# error", "# problem"}, match: `potentially fixable|^\d+ problems?$`},
		{tool: "eslint", weight: message, words: []string{"found too many warnings"}},
		{tool: "eslint", words: []string{"line "}, match: `^(?P<file>[^\s:]+): line (?P<line>\d+), col \d+, Error - `},
		{weight: never, words: []string{"line "}, match: `^[^\s:]+: line \d+, col \d+, Warning - `},
		{weight: never, place: true, files: jsFiles, match: `^[^\s:]+:\d+:\d+: .*\[Warning/`},
		{tool: "eslint", place: true, files: jsFiles, match: `^(?P<file>[^\s:]+):(?P<line>\d+):\d+: .*\[Error(?:/\S+)?\]$`},
		{
			tool: "eslint", starts: []string{"error: "}, match: `^error: .* at (?P<file>[^\s:]+):(?P<line>\d+):\d+:$`, within: 6,
			after: []rule{{like: jsCode, do: pass}, {like: `^[> ] +\d+ [|│]|^ +[|│]`, do: pass}},
		},
		{
			tool: "eslint", weight: message, starts: []string{"Oops! Something went wrong! :("}, head: more, within: 30,
			after: slices.Concat([]rule{
				{like: `^ESLint: \d|^From ESLint v|^If you|^It's likely|^\s+npm |^https?:|^\(The package|^to update your|^migration guide`, do: pass},
				{like: `^\S`, do: headline, most: 1},
			}, jsStack, []rule{{like: `^\S`, do: more, most: 2}, {do: pass}}),
		},
		{
			tool: "commitlint", starts: []string{"✖   "}, match: `^✖   .*\[[\w-]+\]$`,
			before: []look{{like: `^⧗   input: `, reach: 10, most: 1, do: show}},
		},
		{tool: "commitlint", weight: consequence, starts: []string{"✖   found"}},
	}
}

var formatFacts = func() []fact {
	return []fact{
		{weight: never, starts: []string{"Checking formatting"}, sets: "prettier"},
		{tool: "prettier", weight: consequence, starts: []string{"[warn] Code style issues", "Code style issues", "Error occurred when checking code style"}},
		{tool: "prettier", starts: []string{"[warn] "}, needs: "prettier", match: `^\[warn\] (?P<file>\S.*)$`},
		{
			tool: "prettier", starts: []string{"[error] "}, match: `^\[error\] (?P<file>[^\s:]+): \S`, within: 12,
			after: []rule{{like: `^\[error\] +(?:>\s*)?\d+ [|│]|^\[error\] +[|│]|^\[error\] > `, do: pass}},
		},
		{tool: "prettier", weight: message, starts: []string{"[error] "}},
		{
			tool: "biome", place: true, files: slices.Concat(jsFiles, []string{".json", ".jsonc", ".css", ".graphql", ".html"}), match: `^(?P<file>[^\s:]+):(?P<line>\d+):\d+ (?:lint|parse|format|assist|suppressions|organizeImports|check|ci)\b`, within: 8,
			after: []rule{{like: `^\s+[✖×] `, do: headline, ends: true}, {do: pass}},
		},
		{
			tool: "biome", starts: []string{"✖ ", "× "}, match: `^\s+[✖×] (?:File content differs|The file contains|Formatter would|Import statements|Some errors|The imports)`,
			before: []look{{like: `^(?P<file>[^\s:]+) (?:format|organizeImports|lint|ci|check)\b`, reach: 3, most: 1, do: show}},
		},
		{
			// Tools written in Rust draw the source with a corner above it.
			tool: "linter", weight: complaint, starts: []string{"⚠ "}, within: 2,
			after: []rule{{like: `^\s*(?:╭─|,-)\[(?P<file>[^\s:\]]+):(?P<line>\d+):\d+\]`, do: show, ends: true}},
		},
		{
			tool: "linter", starts: []string{"╭─[", ",-["}, match: `^\s*(?:╭─|,-)\[(?P<file>[^\s:\]]+):(?P<line>\d+):\d+\]`,
			before: []look{{reach: 1, most: 1, do: headline}},
		},
		{tool: "linter", place: true, files: []string{".md", ".markdown"}, match: `^(?P<file>[^\s:]+):(?P<line>\d+)(?::\d+)? (?:error )?MD\d+/`},
		{tool: "cspell", words: []string{"Unknown word ("}, match: `^(?P<file>[^\s:]+):(?P<line>\d+):\d+ - Unknown word`},
		{
			tool: "lint-staged", weight: message, starts: []string{"✖ "}, match: `^✖ \S.*:$`, within: 10,
			after: []rule{{like: `^Checking formatting`, do: pass}, {do: show, most: 4}},
		},
		{weight: never, starts: []string{"[STARTED] ", "[COMPLETED] ", "[SUCCESS] ", "[SKIPPED] "}},
		{tool: "lint-staged", weight: consequence, starts: []string{"[FAILED] "}},
	}
}
