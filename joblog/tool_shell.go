package joblog

// Shells, and the commands of a script that are not of a build.
var shellFamily = family{
	facts: []fact{
		{tool: "shell", weight: message, words: []string{"line "}, match: `^(?:/\S*/)?(?:ba|da|a|k|z)?sh: (?:eval: )?line \d+: +\S`},
		{tool: "shell", weight: message, words: []string{"line "}, match: `^(?P<file>[^\s:]+): line (?P<line>\d+): +\S`},
		{tool: "shell", weight: message, words: []string{"command not found"}, match: `: command not found$|command not found: `},
		{tool: "shell", weight: message, words: []string{"not found"}, match: `^(?:\S+: )*(?:line )?\d+: (?:\S+: )*not found$`},
		{tool: "shell", weight: message, words: []string{"parameter not set", "Syntax error: ", "syntax error: ", "bad substitution", "Bad substitution", "unbound variable"}, match: `^(?:\S+: )+(?:line )?\d+: `},
		{tool: "shell", weight: message, words: []string{"executable file not found in"}},
		{tool: "shell", words: []string{"Segmentation fault", "Bus error", "Illegal instruction", "Floating point exception"}, match: `^(?:\S+: line \d+: +\d+ )?(?:Segmentation fault|Bus error|Illegal instruction|Floating point exception)\b`},
		{tool: "shell", weight: message, words: []string{"No space left on device", "Exec format error", "exec format error", "Argument list too long", "Cannot allocate memory", "Out of memory"}, match: `: (?:No space left on device|[Ee]xec format error|Argument list too long|Cannot allocate memory|Out of memory)`},

		// Commands that say their name. A script may survive what they say.
		{
			tool: "shell", weight: mention, starts: []string{"sed: ", "awk: ", "gawk: ", "mawk: ", "find: ", "base64: ", "xargs: ", "openssl: ", "gpg: ", "zip error: ", "patch: "},
			match: `^(?:[a-z0-9]+|zip error): .*(?:expression|cmd\. line|error|rror:|unknown|invalid|cannot|[Nn]o |not |missing|denied|failed|Nothing)`,
		},
		{tool: "jq", weight: message, starts: []string{"jq: error", "parse error: "}, match: `^jq: error|^parse error: .* at line \d+, column \d+`},

		{
			tool: "shellcheck", starts: []string{"In "}, match: `^In (?P<file>\S+) line (?P<line>\d+):$`, within: 12,
			after: []rule{
				{like: `^Did you mean|^For more information`, do: last},
				{like: `^In \S+ line \d+:$`, do: stop},
				{like: `\^-.* SC\d{4} \(error\)`, do: headline, most: 2},
				{like: `\^-.* SC\d{4}`, do: show, most: 3},
				{do: more, most: 1},
				{do: pass},
			},
		},
		{
			tool: "bats", starts: []string{"not ok "}, match: `^not ok \d+ (?:- )?(?P<name>\S.*)$`, within: 12,
			after: []rule{
				{like: `^# \(in test file (?P<file>[^\s,]+), line (?P<line>\d+)\)`, do: show},
				{like: `^# `, do: show, most: 5},
			},
		},
		{
			tool: "bats", starts: []string{"✗ "}, match: `^ ✗ (?P<name>\S.*)$`, within: 8,
			after: []rule{
				{like: `^\s+\((?:in test file|from function) .*?(?P<file>[^\s,]+), line (?P<line>\d+)\)`, do: show},
				{like: `^ {3}\S`, do: show, most: 5},
			},
		},
		{tool: "checksum", weight: message, words: []string{"FAILED"}, match: `^(?P<name>\S.*): FAILED(?: open or read)?$`},
		{tool: "checksum", weight: consequence, words: []string{"WARNING: "}, match: `^\w+sum: WARNING: `},

		// A difference is why a job failed if nothing else is.
		{
			tool: "diff", weight: mention, starts: []string{"diff --git ", "diff -"}, match: `^diff -(?:-git a/.* b/(?P<file>\S+)|[^-].*)$`, within: 60,
			after: []rule{{like: `^diff `, do: stop}, {like: `^(?:---|\+\+\+|@@|index |new file|deleted|similarity|rename|old mode|new mode)`, do: pass}, {like: `^[-+]`, do: show, most: 4}, {like: `^ |^\\`, do: pass}},
		},
		{
			tool: "diff", weight: mention, starts: []string{"--- "}, match: `^--- [^\s-]\S*(?:\s+\d{4}-|\s+\(|\s*$)`, confirm: `^@@ `, head: pass, within: 60,
			after: []rule{{like: `^\+\+\+ (?P<file>\S+)`, do: headline}, {like: `^--- `, do: stop}, {like: `^@@|^ |^\\`, do: pass}, {like: `^[-+]`, do: show, most: 4}},
		},
	},
}
