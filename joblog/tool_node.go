package joblog

import "slices"

// Node.js, and the package managers of its world.
var nodeFamily = func() *family {
	return &family{
		facts: slices.Concat(nodeFacts(), npmFacts, yarnFacts(), pnpmFacts),
	}
}

const (
	// jsPlace is what Node.js writes before it quotes the line that threw.
	jsPlace = `^(?:file://)?(?P<file>(?:/|[A-Za-z]:\\)[^\s:]+):(?P<line>\d+)$`

	// jsFrame is a line of a stack. Places of most other languages have no column.
	jsFrame = `^\s+at (?:.*[ (])?(?:file://)?(?P<file>[^\s()]*?(?:\.(?:[cm]?[jt]sx?|vue|svelte|astro)|\bnode:[\w/]+|/[\w-]+))(?:\?[^\s()]*?)?:(?P<line>\d+):\d+\)?(?: \{|,)?$`

	// jsInside is a line of a stack that is not in the code of the job.
	jsInside = `^\s+at .*(?:\bnode:|\binternal/|node_modules/|/\.yarn/|ext:|<anonymous>\)?$|\((?:_?\w+)\.js:\d)`
)

// jsStack are the rules for the lines of a stack: the first in the code of the job says
// where it happened.
var jsStack = []rule{
	{like: jsInside, do: pass},
	{like: jsFrame, do: show, most: 1},
	{like: `^\s+at `, do: pass},
}

// jsError() are those for what follows an error: more of its message, the stack, and the
// properties of the error.
var jsError = func() []rule {
	return []rule{
		{like: `^Require stack:`, do: pass},
		{like: `^- /`, do: show, most: 1},
		{like: `^- /`, do: pass},
		{like: jsInside, do: pass, then: slices.Concat(jsStack, jsProperties), thenWithin: 60},
		{like: jsFrame, do: show, then: jsProperties, thenWithin: 60},
		{like: `^\s+at `, do: pass, then: slices.Concat(jsStack, jsProperties), thenWithin: 60},
	}
}

var jsProperties = []rule{
	{like: `^\s+at `, do: pass},
	{like: `^\s+\[(?:cause|errors)\]: (?:\[?\w*Error|')`, do: show, most: 2},
	{like: `^\s+(?:[a-z]\w*|'[\w-]+'|\[\w+\]): .*$|^\s*[\]}],?$`, do: pass},
	{do: stop},
}

var nodeFacts = func() []fact {
	return []fact{
		{weight: never, starts: []string{"Node.js v"}, match: `^Node\.js v\d`},
		{weight: never, starts: []string{"node:internal/", "node:events:", "internal/"}, match: `^\S+:\d+$`},
		{
			// Old versions of Node.js continue after a rejection that nobody handles.
			tool: "node", weight: mention, starts: []string{"(node:"}, match: `^\(node:\d+\) UnhandledPromiseRejectionWarning: [^U]`, within: 20, after: jsStack,
		},
		{weight: never, starts: []string{"(Use `node --", "(node:"}, match: `^\(Use|^\(node:\d+\) (?:\[\w+\] )?\w*Warning: `},
		{weight: never, starts: []string{"Emitted 'error' event"}, within: 20, after: []rule{{like: `^\s`, do: pass}}},
		{weight: never, starts: []string{"<--- Last few GCs --->"}, within: 8, after: []rule{{like: `^\[\d+:0x|^\[0x`, do: pass}}},
		{weight: never, starts: []string{"<--- JS stacktrace --->", "----- Native stack trace -----"}, within: 60, after: []rule{{like: `^ *\d+: 0x`, do: pass}}},
		{
			tool: "node", words: []string{"JavaScript heap out of memory"}, within: 60,
			after: []rule{{like: `^ *\d+: 0x|^----- Native stack|^\s*$`, do: pass}},
		},
		{
			tool: "node", starts: []string{"[UnhandledPromiseRejection:", "UnhandledPromiseRejection:"}, within: 6,
			after: []rule{{like: `^  code: |^\}`, do: pass}},
		},
		{
			// A program ran another that failed. The output of that one is above.
			tool: "node", weight: consequence, starts: []string{"Error: Command failed", "ExecaError: Command failed"}, within: 60, other: pass,
			before: []look{{reach: 4, most: 4, do: more}},
			after:  []rule{{like: `^\s+at |^  \w+: |^\}`, do: pass}},
		},
		{
			tool: "node", starts: []string{"AssertionError"}, match: `^AssertionError(?: \[\w+\])?: `, within: 60, confirm: jsFrame,
			before: []look{{like: jsPlace, reach: 4, most: 1, do: more}},
			after: slices.Concat(jsStack, []rule{
				{like: `^  \w+: |^\}`, do: pass},
				{like: `^Node\.js v`, do: stop},
				{do: more, most: 10},
				{do: pass},
			}),
		},
		{
			tool: "node", starts: []string{"SyntaxError: "}, within: 20, other: pass, confirm: jsFrame,
			before: []look{{like: jsPlace, reach: 4, most: 1, do: show}},
			after:  jsError(),
		},
		{
			tool: "node", words: []string{"Error: ", "Error ["}, within: 20, other: pass, confirm: jsFrame,
			match:  `^\s*(?:\[\d\d:\d\d:\d\d\] |Uncaught |Unhandled \w+:? |error: Uncaught (?:\(in promise\) )?)?[\w$.]*Error(?: \[\w+\])?: (?:(?P<file>/\S+?): .*\((?P<line>\d+):\d+\)|.*\S)`,
			before: []look{{like: jsPlace, reach: 4, most: 1, do: more}},
			after:  jsError(),
		},
		{
			// Warnings may be thrown, and classes of errors may be called otherwise.
			tool: "node", words: []string{"Warning: ", "Exception: ", "Exception ["}, match: `^[\w$]*(?:Warning|Exception)(?: \[\w+\])?: \S`, within: 20, other: pass, confirm: jsFrame,
			before: []look{{like: jsPlace, reach: 4, most: 1, do: more}},
			after:  jsError(),
		},
		{
			// An error without a stack, which an object of it follows.
			tool: "node", weight: message, words: []string{"Error: ", "Error ["}, match: `^\s*\[[\w$.]*Error(?: \[\w+\])?: .*\](?: \{)?$`, within: 60,
			after: slices.Concat([]rule{{like: `^\s+[\w$.]*Error(?: \[\w+\])?: `, do: show, most: 3}}, jsStack, []rule{
				{like: `^\s+\[?\w+\]?: |^\s*[\]}],?$`, do: pass},
			}),
		},
		{
			// Bun quotes the source, and then says what is wrong.
			tool: "bun", weight: consequence, starts: []string{"error: script \""}, match: `exited with code`,
		},
		{tool: "husky", weight: consequence, starts: []string{"husky - ", "husky > "}, match: `fail`, before: []look{{reach: 5, most: 4, do: show}}},
	}
}

// npmNoise are lines of npm that say nothing of what is wrong.
const npmNoise = `^npm (?:ERR!|error)\s*(?:$|A complete log|errno\b|syscall\b|dest\b|Clean install a project|For a full report|See \S+ for a full|/|    /|To see a list|  npm run$| \[Error: |  \w+: |\}$)`

// npmAdvice begins what npm writes to help.
const npmAdvice = `^npm (?:ERR!|error) (?:Usage:|Options:|Fix the upstream|This is related to npm not being|In most cases|\d{3} In most|\w+ In most|\w+ This is a problem related|If you|\d+ Note that|The operation was rejected|\d{3} You should bug)`

var npmFacts = []fact{
	{weight: never, starts: []string{"npm WARN", "npm warn", "npm notice", "npm http", "npm info", "npm timing", "npm verb"}},
	{weight: never, starts: []string{"npm ERR!", "npm error"}, match: npmNoise + `|^npm (?:ERR!|error) (?:errno|Exit status|This is probably not|Failed at the|There is likely)`},
	{weight: never, starts: []string{"npm ERR!", "npm error"}, match: npmAdvice, within: 400, after: []rule{{like: `^npm (?:ERR!|error)`, do: hide}}},
	{
		tool: "npm", weight: consequence, starts: []string{"npm ERR! ", "npm error "},
		match:  `^npm (?:ERR!|error) (?:code ELIFECYCLE|Test failed\.|Lifecycle script .* failed|\S+@\S+ \S+: )`,
		before: []look{{reach: 5, most: 5, do: more}}, within: 12,
		after: []rule{
			{like: `^npm (?:ERR!|error) (?:\S+@\S+ \S+|\s+(?:in workspace|at location)): |^npm error (?:workspace|location) `, do: show},
			{like: `^npm (?:ERR!|error)`, do: hide},
		},
	},
	{
		// A script of a package failed while it was installed, or git did.
		tool: "npm", weight: message, starts: []string{"npm ERR! code ", "npm error code "}, match: ` code \d+\s*$`, head: more, within: 400,
		after: []rule{
			{like: `^npm (?:ERR!|error) (?:gyp|node-pre-gyp) (?:info|verb|http)|^npm (?:ERR!|error) (?:command failed|make: )` + `|` + npmNoise, do: pass},
			{like: `^npm (?:ERR!|error) path `, do: headline, most: 1},
			{like: `^npm (?:ERR!|error) (?P<file>[^\s:]+\.\w+):(?P<line>\d+):.*\berror\b`, do: show, most: 4},
			{like: `(?i)\b(?:error:|fatal:|err!.* error|not found|forbidden|denied|failed:)`, do: show, most: 4},
			{like: `^npm (?:ERR!|error) command `, do: more},
			{like: `^npm (?:ERR!|error)`, do: more, most: 6},
			{like: `^npm (?:ERR!|error)`, do: pass},
		},
	},
	{
		tool: "npm", weight: message, starts: []string{"npm ERR! code E", "npm error code E"}, within: 400,
		after: []rule{
			{like: npmAdvice, do: hide, then: []rule{{like: `^npm (?:ERR!|error)`, do: hide}}, thenWithin: 400},
			{like: npmNoise + `|^npm (?:ERR!|error) (?:\d{3}\s*$|Could not resolve dependency:|While resolving|Found: |\s*node_modules/|  \S+@)`, do: pass},
			{like: `^npm (?:ERR!|error) +(?:dev |prod |optional )?peer.* from `, do: show, most: 1},
			{like: `^npm (?:ERR!|error) +(?:dev |prod |optional )?peer`, do: pass},
			{like: `^npm (?:ERR!|error)`, do: show, most: 4},
			{like: `^npm (?:ERR!|error)`, do: pass},
		},
	},
	{
		tool: "npm", weight: message, starts: []string{"npm ERR! ", "npm error "}, within: 40,
		after: []rule{
			{like: npmAdvice, do: hide, then: []rule{{like: `^npm (?:ERR!|error)`, do: hide}}, thenWithin: 400},
			{like: npmNoise, do: pass},
			{like: `^npm (?:ERR!|error)`, do: show, most: 3},
			{like: `^npm (?:ERR!|error)`, do: pass},
		},
	},
	{
		tool: "npm audit", starts: []string{"# npm audit report"}, head: more, within: 400, other: pass,
		after: []rule{
			{like: `^\S+  (?:[<>=*]|\d)`, do: show, most: 4},
			{like: ` - https://github\.com/advisories/`, do: show, most: 4},
			{like: `^\d+ (?:\w+ severity )?vulnerabilit`, do: headline, ends: true},
			{do: pass},
		},
	},
	{tool: "npm audit", weight: message, starts: []string{"# vulnerabilities found"}, match: `^\d+ vulnerabilities found`, within: 1, after: []rule{{like: `^Severity: `, do: show}}},
}

var yarnFacts = func() []fact {
	return []fact{
		{weight: never, starts: []string{"info Visit https://yarnpkg.com", "info No lockfile found", "info This module is OPTIONAL", "info \"", "warning package.json:", "$ tsc", "Done in "}, match: `^(?:info|warning|Done)`},
		{tool: "yarn", weight: consequence, starts: []string{"error Command failed", "The command failed in workspace", "Failed with errors in"}, before: []look{{reach: 5, most: 4, do: more}}},
		{
			tool: "yarn", weight: message, starts: []string{"error "},
			match:  `^error (?:An unexpected|Couldn't|Your lockfile|Command "|\S+: The engine|Found incompatible|\S+: Command failed\.|Outdated|Integrity|Unknown|Invalid|There appears|Received|Missing|Package|Incorrect|Extracting|No |Lockfile|Unexpected)`,
			within: 60,
			after: []rule{
				{like: `^info |^(?:Arguments|Exit code|Command|Directory):`, do: pass},
				{like: `^Output:`, do: pass, then: []rule{
					{like: `^info Visit`, do: stop},
					{like: `(?i)^gyp (?:info|verb)`, do: pass},
					{like: `(?i)\b(?:error|fatal|err!|failed|not found)`, do: show, most: 5},
					{do: more, most: 5},
					{do: pass},
				}, thenWithin: 200},
			},
		},
		{
			// The codes of Yarn 2 and later that are errors.
			tool: "yarn", weight: message, starts: []string{"➤ YN"},
			match: `^➤ YN00(?:01|09|1[0-24-8]|2[0-278]|35|4[13]|50|57|62|76|78|8[0-4]|9\d): (?:│ )?(?P<name>[^\s+│-].*)$`, within: 12,
			before: []look{{like: `^➤ YN\d+: .* STD(?:ERR|OUT) +\S`, until: `^➤ YN0007: `, reach: 12, most: 3, do: show}},
			after: []rule{
				{like: `^➤ YN\d+: (?:│ )?\s+Request Method:`, do: pass},
				{like: `^➤ YN\d+: (?:│ )?\s+\S`, do: show, most: 4},
			},
		},
		{tool: "yarn", weight: consequence, starts: []string{"➤ YN0000: "}, match: `Failed with errors`},
		{tool: "yarn", weight: mention, starts: []string{"➤ YN"}, match: ` STDERR +\S`}, // of a package that is built
		{weight: never, starts: []string{"➤ YN"}},
		{tool: "yarn", weight: message, starts: []string{"Usage Error: ", "Internal Error: ", "Unknown Syntax Error: "}, within: 20, after: jsStack},
	}
}

var pnpmFacts = []fact{
	{weight: never, starts: []string{"Progress: resolved", "\u2009WARN\u2009", "WARN  "}},
	{
		tool: "pnpm", weight: consequence, words: []string{"ERR_PNPM_RECURSIVE", "ELIFECYCLE"}, match: `ERR_PNPM_RECURSIVE|ELIFECYCLE\s+(?:Command|Test) failed`,
		before: []look{{reach: 5, most: 4, do: more}}, within: 1, after: []rule{{like: `^Exit status \d`, do: pass}},
	},
	{
		tool: "pnpm", weight: message, words: []string{"ERR_PNPM_"}, match: `^\s*\x{2009}?ERR_PNPM_`, within: 12,
		after: []rule{
			{like: `^Note that in CI|^If you need|^Progress:|^\.$|^hint:`, do: pass},
			{like: `✕ `, do: show, most: 3},
			{like: `^\s*(?:This error happened|Failure reason|specifiers in|The latest release|Command "|[*-] )`, do: show, most: 4},
			{like: `^\s*[│├└]|^\S+ [\d.]+$`, do: pass},
		},
	},
}
