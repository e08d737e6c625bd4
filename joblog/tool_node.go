package joblog

// Node.js, npm and what is run with them.
var nodeFamily = family{
	facts: []fact{
		{
			tool: "npm", weight: never, starts: []string{"npm error Usage:", "npm ERR! Usage:", "npm error Options:", "npm ERR! Options:"}, within: 400,
			after: []rule{{like: `^npm (?:error|ERR!)`, do: pass}},
		},
		{weight: never, starts: []string{
			"npm ERR! A complete log", "npm error A complete log", "npm ERR!     /", "npm error     /", "npm ERR! This is probably not",
			"npm ERR! There is likely", "npm WARN", "npm warn", "npm notice", "npm http",
		}},
		{weight: never, starts: []string{"npm ERR!", "npm error"}, match: `^npm (?:ERR!|error)\s*$`},
		{
			tool: "npm", weight: message, starts: []string{"npm ERR! code E", "npm error code E"}, match: ` code E(?:[A-KM-Z]|L[A-HJ-Z])`, within: 8,
			after: []rule{
				{like: `^npm (?:ERR!|error)\s*$`, do: pass},
				{like: `^npm (?:ERR!|error) (?:A complete log|Usage:|Options:|errno|syscall|path|dest|Clean install)`, do: pass},
				{like: `^npm (?:ERR!|error)`, do: show, most: 5},
			},
		},
		{tool: "npm", weight: consequence, starts: []string{"npm ERR! ", "npm error "}, before: []look{{reach: 5, most: 5, do: more}}},
		{
			tool: "jest", starts: []string{"● "}, match: `^  ● (?P<name>.+ › .+|.+)$`, within: 80, other: pass,
			before: []look{{like: `^FAIL (?P<file>\S+)`, reach: 20, most: 1, do: show}},
			after: []rule{
				{like: `^  ● |^(?:FAIL|PASS|Test Suites:)`, do: stop},
				{like: `^\s+at .*?\(?(?P<file>[^\s()]+):(?P<line>\d+):\d+\)?$`, do: more, most: 1},
				{like: `^\s+(?:>\s*)?\d+ \|`, do: pass},
				{like: `^\s+\|`, do: pass},
				{like: `^    \S`, do: show, most: 6},
			},
		},
		{tool: "jest", weight: consequence, starts: []string{"Test Suites:", "Tests:  "}},
	},
}
