package joblog

// Elixir and Erlang.
var beamFamily = family{
	facts: []fact{
		{
			tool: "exunit", starts: []string{"#) "}, match: `^\s+\d+\) (?P<name>(?:test|property|doctest|feature) .+) \([\w.]+\)$`, within: 100,
			after: []rule{
				{like: `^\s+\d+\) |^Finished in`, do: stop},
				{like: `^\s+(?P<file>\S+\.exs?):(?P<line>\d+)$`, do: more, most: 1},
				{like: `^\s+\*\* \(|^\s+(?:Assertion|match|Expected|Refute|Wrong|Doctest|Failed|The following|No message)\b`, do: show, most: 2},
				{like: `^\s+(?:code|left|right|expected|actual): `, do: show, most: 3},
				{like: `^\s+stacktrace:`, do: pass},
				{like: `^\s+(?:\(|\S+\.exs?:\d+: )`, do: pass},
				{deeper: true, do: more, most: 3},
				{do: pass},
			},
		},
		{tool: "exunit", weight: consequence, starts: []string{"# tests, ", "# test, ", "# doctest"}, match: `^\d+ (?:doctests?|tests?|properties|property), .*[1-9]\d* failures?`},
		{
			tool: "elixir", starts: []string{"** ("}, match: `^\s*\*\* \(\w[\w.]*\)(?: (?P<file>[^\s:]+\.exs?):(?P<line>\d+)(?::\d+)?:)?`, within: 40,
			after: []rule{
				{like: `^The following files`, do: show},
				{like: `^\s+\* (?P<file>\S+)$`, do: show, most: 3},
				{like: `^\s+\(\w+ [\d.]+\) `, do: pass},
				{like: `^\s+(?P<file>(?:lib|test|config|apps|mix)\S*\.exs?):(?P<line>\d+): `, do: more, most: 1},
				{deeper: true, do: more, most: 3},
			},
		},
		{
			tool: "elixir", starts: []string{"error: "}, match: `^\s+error: \S|^error: (?:undefined function \S+/\d|undefined variable "|module \w)`, within: 20, confirm: elixirPlace, blank: last,
			after: []rule{{like: elixirPlace, do: show, ends: true}, {like: `^\s+\d+ │`, do: more, most: 1}, {like: `^\s*│|^\s+[│~^]`, do: pass}, {deeper: true, do: more, most: 2}},
		},
		{
			tool: "dialyzer", place: true, files: []string{".ex", ".exs"}, match: `^(?P<file>[^\s:]+):(?P<line>\d+):(?:\d+:)?[a-z_]+$`, within: 1,
			after: []rule{{do: show}},
		},
		{
			tool: "mix", weight: message, starts: []string{"Unchecked dependencies for environment"}, within: 12,
			after: []rule{{like: `^\* `, do: show, most: 3}, {like: `^\s+the dependency|^\s+lock mismatch`, do: more, most: 2}, {deeper: true, do: pass}},
		},
		{tool: "hex", weight: message, starts: []string{"Failed to use \"", "Because \""}},
		{tool: "elixir", weight: message, starts: []string{"Compilation failed due to warnings", "could not compile dependency"}},
		{tool: "elixir", weight: consequence, starts: []string{"== Compilation error in file "}},
		{
			tool: "credo", starts: []string{"┃ ["}, match: `^\s*┃ \[[WRDCF]\] \S+ \S`, within: 1,
			after: []rule{{like: `^\s*┃\s+(?P<file>\S+\.exs?):(?P<line>\d+)`, do: show}},
		},
		{
			tool: "eunit", words: []string{"*failed*"}, match: `^(?P<name>\S.*?)(?:\.\.\.)?(?:\[[\d.]+ s\] )?\*failed\*$`, within: 20, blank: last,
			after: []rule{{like: `^in function .*\((?P<file>[^,\s]+), line (?P<line>\d+)\)`, do: more, most: 1}, {like: `^\*\*(?:error|exit|throw):`, do: show}, {do: more, most: 3}},
		},
		{
			tool: "rebar", weight: message, starts: []string{"===> "}, match: `(?i)^===> .*(?:fail|error|unable|not found|missing)`, within: 4,
			after: []rule{{like: `^===>`, do: stop}, {do: show, most: 3}},
		},
		{weight: never, starts: []string{"===> "}},
		{tool: "erlang", place: true, files: []string{".erl", ".hrl"}, match: `^(?P<file>[^\s:]+\.[eh]rl):(?P<line>\d+)(?::\d+)?: (?:syntax error|function|undefined|unbound|variable|type|record|head mismatch|can't find)`},
	},
}

const elixirPlace = `^\s*└─ (?P<file>[^\s:]+):(?P<line>\d+)`
