package joblog

// Python, pytest and unittest.
var pythonFamily = family{
	facts: []fact{
		{
			tool: "pytest", starts: []string{"____"}, match: `^_{3,} (?P<name>\S.*?) _{3,}$`, head: more, sets: "pytest", within: 400, other: pass,
			after: []rule{
				{like: `^(?:_{3,}|={3,}|-{3,}) `, do: stop},
				{like: `^E   +\S`, do: show, most: 4},
				{like: `^(?P<file>[^\s:]+):(?P<line>\d+): \w`, do: more},
				{like: `^>  `, do: more, most: 1},
				{do: pass},
			},
		},
		{tool: "pytest", weight: consequence, starts: []string{"===="}, match: `^=+ .*\b(?:failed|errors?)\b.* in [\d.]+s`},
		{tool: "pytest", starts: []string{"FAILED ", "ERROR "}, match: `^(?:FAILED|ERROR) (?P<file>[^\s:]+\.py)(?:::.*?(?P<name>[^:\s]+(?:\[.*\])?))?(?: - .*)?$`},
		{
			tool: "python", starts: []string{"Traceback (most recent call last)"}, head: more, within: 400, lastPlace: true,
			blank: last,
			after: []rule{
				{like: `site-packages|dist-packages|/lib/python|<frozen`, deeper: true, do: pass},
				{like: `^\s*File "(?P<file>[^"]+)", line (?P<line>\d+)`, deeper: true, do: more},
				{deeper: true, do: pass},
				{like: `^\S`, do: tell, then: []rule{{like: `^Traceback |^During handling`, do: stop}, {do: show}}, thenWithin: 3},
			},
		},
		{
			tool: "python", starts: []string{"SyntaxError: ", "IndentationError: ", "TabError: "},
			before: []look{{like: `^\s+File "(?P<file>[^"]+)", line (?P<line>\d+)`, reach: 4, most: 1, do: show}},
		},
	},
}
