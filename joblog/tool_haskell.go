package joblog

// Haskell and OCaml.
var haskellFamily = family{
	facts: []fact{
		{
			tool: "ghc", place: true, files: []string{".hs", ".hsc", ".chs"}, match: `^(?P<file>[^\s:]+\.(?:l?hs|hsc|chs)):(?P<line>\d+):\d+(?:-\d+)?: error\b`, head: show, within: 30, blank: last,
			after: []rule{
				{like: `^\s*(?:\d+ )?\|`, do: pass},
				{like: `^\s+• (?:In |Perhaps|Relevant)`, do: more},
				{deeper: true, do: headline, most: 1},
				{deeper: true, do: show, most: 1},
				{deeper: true, do: pass},
			},
		},
		{weight: never, place: true, files: []string{".hs", ".hsc", ".chs"}, match: `^[^\s:]+\.l?hs:\d+:\d+(?:-\d+)?: warning\b`, within: 30, blank: last, after: []rule{{deeper: true, do: pass}}},
		{tool: "haskell", weight: message, starts: []string{"CallStack (from "}, head: more, before: []look{{reach: 1, most: 1, do: headline}}, within: 4,
			after: []rule{{like: `called at (?P<file>[^\s:]+):(?P<line>\d+):\d+ in main`, do: more}, {deeper: true, do: pass}}},
		{
			tool: "cabal", weight: message, starts: []string{"Error: [Cabal-", "Error: cabal: ", "cabal: ", "Error: stack: ", "Error: [S-"}, within: 12,
			after: []rule{{like: `^\S`, do: show, most: 3}, {deeper: true, do: show, most: 3}},
		},
		{
			tool: "tasty", words: []string{"FAIL"}, match: `^\s+(?P<name>\S.*):\s+FAIL(?: \([\d.]+s\))?$`, within: 10,
			after: []rule{{like: `^\s+(?P<file>\S+\.hs):(?P<line>\d+):`, do: show, most: 1}, {deeper: true, do: show, most: 4}},
		},
		{
			tool: "ocaml", starts: []string{`File "`}, match: `^File "(?P<file>[^"]+)", lines? (?P<line>\d+)(?:-\d+)?(?:, characters [\d-]+)?:$`, head: show, within: 30, confirm: `^Error\b`,
			after: []rule{
				{like: `^Error\b`, do: headline},
				{like: `^\s*\d+ \||^\s*\^|^\s*\.\.\.`, do: pass},
				{deeper: true, do: show, most: 4},
			},
		},
		{
			tool: "ocaml", starts: []string{"Fatal error: exception "}, within: 30,
			after: []rule{
				{like: `^(?:Raised|Called|Re-raised) .*(?:Stdlib|"\w*stdlib|"list\.ml"|"hashtbl\.ml"|"string\.ml")`, do: pass},
				{like: `^(?:Raised|Called|Re-raised) .* in file "(?P<file>[^"]+)".*, line (?P<line>\d+)`, do: more, most: 1},
				{like: `^(?:Raised|Called|Re-raised) `, do: pass},
			},
		},
	},
}
