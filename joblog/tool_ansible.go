package joblog

// Ansible and its linters.
var ansibleFamily = func() *family {
	return &family{
		facts: []fact{
			{weight: never, starts: []string{"FAILED - RETRYING: ", "ASYNC POLL"}},
			{
				tool: "ansible", starts: []string{"fatal: [", "failed: ["}, match: `^(?:fatal|failed): \[[^\]]+\](?: -> \[[^\]]+\])?(?:: (?:FAILED|UNREACHABLE)!)?(?: \(item=.*\))? => (?:.*?"msg": "(?:non-zero return code", .*?"stderr": ")?(?P<reason>(?:[^"\\]|\\.)*)")?`, within: 40,
				before: []look{{like: `^(?:TASK|RUNNING HANDLER) \[.*\] \*+$`, reach: 20, most: 1, do: show}},
				after: []rule{
					{like: `^\.\.\.ignoring$`, do: deny},
					{like: `^\s+msg: (?P<reason>.*)`, deeper: true, do: headline, then: ansibleValues, thenWithin: 40},
					{like: `^\s+stderr: (?:\S{2,}.*[^'"]|\|-)`, deeper: true, do: show, then: ansibleValues, thenWithin: 40},
					{deeper: true, do: pass},
				},
			},
			{
				tool: "ansible", weight: message, starts: []string{"ERROR! ", "[ERROR]: "}, within: 14, blank: pass,
				after: []rule{
					{like: `^(?:The error appears to be in|Origin:) '?(?P<file>[^':]+)'?: ?(?:line )?(?P<line>\d+)`, do: show},
					{like: `^(?:be elsewhere in the file|The offending line|JSON: |There appears to be|<<< caused by|Ansible could not)`, do: pass},
					{like: `^(?:Syntax Error|  \S)`, do: show, most: 3},
					{like: `^\S+.*$`, do: more, most: 1},
					{deeper: true, do: more, most: 4},
				},
			},
			{
				weight: never, starts: []string{"PLAY RECAP "}, within: 200,
				after: []rule{{like: `: ok=\d+ +changed=\d+ `, do: pass}},
			},
			{weight: never, starts: []string{"An exception occurred during task execution."}},

			{weight: never, sets: "ansible-lint", starts: []string{"WARNING  Listing # violation", "WARNING  Listing "}},
			{
				tool: "ansible-lint", place: true, files: []string{".yml", ".yaml"}, needs: "ansible-lint",
				match: `^(?P<file>[^\s:]+):(?P<line>\d+)(?::\d+)?: [\w-]+(?:\[[\w-]+\])?: `,
			},
			{
				tool: "ansible-lint", place: true, files: []string{".yml", ".yaml"}, needs: "ansible-lint",
				match:  `^(?P<file>[^\s:]+):(?P<line>\d+)(?::\d+)?(?: |$)`,
				before: []look{{like: `^[\w-]+(?:\[[\w-]+\])?: `, reach: 1, most: 1, do: headline}},
			},
			{weight: consequence, words: []string{"failure(s), "}, match: `failure\(s\), \d+ warning\(s\) on \d+ files`},
			{weight: never, starts: []string{"Rule Violation Summary"}, within: 40, after: []rule{{like: `^\s*(?:count tag|\d+ )`, do: pass}}},
			{weight: never, place: true, files: []string{".yml", ".yaml"}, has: ": [warning] ", match: `^[^\s:]+:\d+:\d+: \[warning\] `},
			{
				tool: "yamllint", place: true, files: []string{".yml", ".yaml"}, has: ": [error] ", match: `^(?P<file>[^\s:]+):(?P<line>\d+):\d+: \[error\] `,
			},
			{weight: never, starts: []string{"#:# ", "#:#  "}, match: `^\s+\d+:\d+ +warning `},
		},
	}
}

// ansibleValues are for the lines of a value that is longer than one.
var ansibleValues = []rule{
	{like: `^\s+[a-z_]+: |^\s+[a-z_]+:$`, do: pass},
	{like: `^\s{4,}`, do: show, most: 3},
	{deeper: true, do: pass},
}
