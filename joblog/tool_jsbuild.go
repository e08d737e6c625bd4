package joblog

import "slices"

// Bundlers and frameworks of the web, and what runs tasks in many packages.
var jsBuildFamily = func() *family {
	return &family{
		facts: slices.Concat(bundlerFacts(), frameworkFacts(), taskFacts),
	}
}

var bundlerFacts = func() []fact {
	return []fact{
		{
			tool: "webpack", starts: []string{"ERROR in ", "error  in "}, match: `^\s*(?:ERROR|error) +in (?P<file>\S+)(?: (?P<line>\d+):\d+)?`, within: 60,
			after: slices.Concat([]rule{
				{like: `^(?:ERROR|WARNING) in |^webpack .*compiled|^npm `, do: stop},
				{like: `^resolve '`, do: pass, then: []rule{{like: `^\s`, do: pass}}, thenWithin: 100},
				{like: `^@ |^\s*@ |^\s*(?:>\s*)?\d* ?[|│]|^> |^\| |^Require stack:|^- /|^You may need|^ts-loader`, do: pass},
				{like: `^\[tsl\] ERROR in (?P<file>[^\s(]+)\((?P<line>\d+),`, do: more},
				{like: `^\./\S+ \d+:`, do: pass},
				{like: `^(?:\s*TS\d+: |.*\bError: )`, do: headline, most: 1},
			}, jsStack, []rule{
				{like: `^\S|^\s+\S.*: `, do: show, most: 2},
				{do: pass},
			}),
		},
		{weight: never, starts: []string{"WARNING in "}, match: `^WARNING in (?:(?:\.{0,2}/)?\S+\.\w+|asset size|entrypoint size|webpack|\[)(?:[ :]|$)`, within: 12, blank: last, after: []rule{{do: pass}}},
		{
			tool: "webpack", starts: []string{"This dependency was not found:", "These dependencies were not found:", "This relative module was not found:", "These relative modules were not found:"}, within: 8,
			after: []rule{{like: `^\* .* in (?P<file>\.?/[^\s,]+)`, do: show}},
		},
		{tool: "webpack", weight: consequence, starts: []string{"webpack "}, match: `compiled with [1-9]\d* error`},
		{weight: never, starts: []string{"asset ", "assets by ", "cacheable modules", "runtime modules", "modules by "}, match: `bytes|KiB|MiB`},
		{tool: "webpack", weight: message, starts: []string{"[webpack-cli] "}, match: `^\[webpack-cli\] (?:\w*Error|Failed|Invalid|Unable)`, within: 12, after: slices.Concat(jsStack, []rule{{like: `^\s`, do: show, most: 3}})},
		{
			tool: "rollup", starts: []string{"[!] "}, within: 30,
			after: slices.Concat(jsStack, []rule{
				{like: `^(?P<file>[^\s:]+) \((?P<line>\d+):\d+\)$`, do: show, most: 1},
				{do: pass},
			}),
		},
		{tool: "vite", weight: consequence, starts: []string{"✗ Build failed", "x Build failed", "✘ Build failed"}, match: `Build failed in`},
		{weight: never, starts: []string{"transforming (", "rendering chunks", "computing gzip size"}},
		{
			tool: "vite", starts: []string{"error during build:"}, head: more, within: 40,
			after: slices.Concat([]rule{
				{like: `^file: (?P<file>[^\s:]+)(?::(?P<line>\d+):\d+)?$`, do: show},
			}, jsStack, []rule{
				{like: `^\s*\d+ ?[|:]|^\s+[|^]`, do: pass},
				{like: `^\S+:\d+:\d+: ERROR: `, do: headline, most: 2},
				{like: `^\S`, do: headline, most: 1},
				{like: `^\S`, do: more, most: 2},
				{do: pass},
			}),
		},
		{
			tool: "esbuild", starts: []string{"✘ [ERROR] ", "X [ERROR] ", "✗ [ERROR] "}, within: 10,
			after: []rule{
				{like: `^\s+(?P<file>[^\s:]+):(?P<line>\d+):\d+:$`, do: show, most: 1},
				{like: `^\s|^\d+\. `, do: pass},
			},
		},
		{weight: never, starts: []string{"▲ [WARNING] "}, within: 10, after: []rule{{like: `^\s`, do: pass}}},
		{tool: "esbuild", weight: consequence, starts: []string{"# error"}, match: `^[1-9]\d* errors?$`},
		{
			tool: "parcel", starts: []string{"🚨 Build failed"}, head: more, within: 12,
			after: []rule{
				{like: `^@?[\w/-]+: `, do: headline, most: 2},
				{like: `^\s+(?P<file>/[^\s:]+):(?P<line>\d+):\d+$`, do: show, most: 1},
				{do: pass},
			},
		},
		{tool: "gulp", weight: consequence, words: []string{"errored after "}, match: `^\[[\d:]+\] '.*' errored after`},
		{tool: "grunt", weight: message, starts: []string{">> "}, match: `^>> \S`},
		{tool: "grunt", weight: consequence, starts: []string{"Aborted due to warnings", "Warning: Task "}},
	}
}

var frameworkFacts = func() []fact {
	return []fact{
		{
			tool: "next", starts: []string{"Failed to compile"}, head: more, within: 16,
			after: []rule{
				{like: `^\.?/?(?P<file>[\w@.()\[\]/-]+\.\w+)(?::(?P<line>\d+):\d+)?$`, do: headline},
				{like: jsCode + `|^https?://|^\s*\[eslint\]`, do: pass},
				{like: `^>`, do: stop},
				{like: `^(?:Next\.js|npm|error|info) `, do: stop},
				{do: show, most: 4},
			},
		},
		{tool: "next", starts: []string{"Error occurred prerendering page"}, match: `page "(?P<name>[^"]*)"`},
		{tool: "next", weight: consequence, words: []string{"Failed to compile with ", "Build failed with errors"}},
		{tool: "turbo", weight: consequence, starts: []string{"ERROR  "}, match: `ERROR  (?:command|run failed)`},
		{tool: "gatsby", starts: []string{"ERROR #"}, match: `^\s*ERROR #\d+`, within: 12, after: slices.Concat(jsStack, []rule{{like: `^(?:success|info|not finished|warn) `, do: stop}, {do: show, most: 3}, {do: pass}})},
		{tool: "node", weight: message, starts: []string{"ERROR  "}, match: `^\s*ERROR {2,}\S`, within: 20, after: slices.Concat(jsStack, []rule{{deeper: true, do: more, most: 3}})},
		{tool: "ng", place: true, files: jsFiles, match: `^(?P<file>[^\s:]+):(?P<line>\d+):\d+(?:-\d+)? - Error: \S`},
		{tool: "next", weight: consequence, starts: []string{"Next.js build worker exited", "> Build failed because", "> Export encountered error", "Export encountered an error", "Application bundle generation failed"}},
		{weight: never, starts: []string{"Generating static pages", "Collecting page data", "Creating an optimized production build", "We detected TypeScript in your project"}},
		{tool: "semantic-release", words: []string{"An error occurred while running semantic-release"}, within: 2, after: []rule{{like: `^(?:fatal|error|remote): `, do: show, most: 1}}},
		{
			tool: "newman", starts: []string{"#.  "}, match: `^\s*\d+\.\s+\w*(?:Error|Failure)\b`, within: 4,
			after: []rule{{like: `^\s+(?:at|inside) `, do: pass}, {deeper: true, do: show, most: 2}},
		},
	}
}

// taskFacts are of those that run scripts in many packages, or several at a time. The
// failed one is above.
var taskFacts = []fact{
	{tool: "turbo", weight: consequence, words: []string{"ERROR  "}, match: `^\S+#\S+:\s+ERROR  command `},
	{tool: "turbo", weight: consequence, starts: []string{"Failed: "}, match: `^Failed:\s+\S+#\S+`},
	{weight: never, words: []string{"cache miss, executing", "cache hit, replaying", "cache bypass, force"}},
	{tool: "lerna", weight: consequence, starts: []string{"lerna ERR! "}},
	{tool: "nx", weight: consequence, starts: []string{"NX  ", "Lerna (powered"}, match: `\bfailed\b`},
	{tool: "nx", weight: consequence, starts: []string{"Failed tasks:", "✖  nx run "}, within: 20, after: []rule{{like: `^\s*- \S+:\S+$`, do: pass}}},
	{tool: "npm-run-all", weight: consequence, starts: []string{"ERROR: \""}, match: `^ERROR: "\S+" exited with \d`},
	{tool: "concurrently", weight: consequence, words: []string{"exited with code "}, match: `exited with code (?:[1-9]|SIG)`},
	{tool: "concurrently", weight: consequence, starts: []string{"--> Sending SIG"}},
}
