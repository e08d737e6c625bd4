package joblog

// The go command, and programs written in Go. The tests are in tool_gotest.go.
var goFamily = family{
	facts: []fact{
		{
			// The compiler and vet. Only linters name themselves behind the message.
			tool: "go", place: true, files: []string{".go"}, match: `^(?:vet: )?(?P<file>[^\s:]+\.go):(?P<line>\d+):\d+:\s+[^\s:]`, within: 4,
			before: []look{{like: `^# \S`, reach: 1, most: 1, do: more}},
			after:  []rule{{like: `^\t(?:have|want) `, do: show}, {like: `^\t`, do: more}},
		},
		{
			tool: "go", words: []string{"import cycle not allowed"}, match: `import cycle not allowed`, within: 6,
			before: []look{{like: `^(?:package |\timports )`, until: `^(?:FAIL|# )`, reach: 8, most: 5, do: more}},
			after:  []rule{{like: `^package |^\s+imports `, do: more}},
		},
		{
			tool: "go", starts: []string{"panic: "}, within: 80, other: pass,
			after: []rule{
				{like: `^\s*panic: `, do: show},
				{like: `^\[signal `, do: more},
				{like: goForeign, do: pass},
				{like: goFrame, do: show, most: 2},
				{like: `^(?:FAIL|exit status|=== |--- )`, do: stop},
			},
		},
		{
			tool: "go", starts: []string{"fatal error: "}, match: `^fatal error: (?:all goroutines|concurrent|stack overflow|runtime|unexpected signal|found bad|sync: )`,
			within: 60, other: pass,
			before: []look{{like: `^runtime: goroutine stack exceeds`, reach: 3, most: 1, do: show}},
			after: []rule{
				{like: `^(?:\[signal |runtime: )`, do: more},
				{like: goForeign, do: pass},
				{like: goFrame, do: show, most: 2},
				{like: `^(?:FAIL|exit status|=== |--- )`, do: stop},
			},
		},
		{
			// Two goroutines race in a few ways: by the place, they are one failure.
			tool: "go", words: []string{"DATA RACE"}, match: `^\s*WARNING: DATA RACE`, within: 40, other: pass,
			after: []rule{
				{like: `^\s*(?:Read|Write|Atomic|Race)\b`, do: more, most: 1},
				{like: `^\s*Previous `, do: pass},
				{like: `^\s+(?P<name>\S+\(\))$`, do: more, most: 1},
				{like: goForeign, do: pass},
				{like: goFrame, do: show, most: 1},
				{like: `^\s+\S`, do: pass},
				{like: `^\s*Goroutine |^\s*=====`, do: last},
			},
		},
		{weight: never, starts: []string{"go: downloading ", "go: finding ", "go: extracting ", "go: found ", "go: added ", "go: upgraded ", "go: downgraded ", "go: creating new go.mod", "go: to add module requirements"}},
		{
			tool: "go", starts: []string{"verifying "}, match: `^verifying .*(?:mismatch|SECURITY)`, within: 14,
			after: []rule{{like: `^\t`, do: show}, {like: `^(?:SECURITY ERROR|This download|The bits|have intercepted|For more information)`, do: pass}},
		},
		{tool: "go", weight: message, starts: []string{"flag provided but not defined: ", "flag needs an argument: ", "invalid value ", "invalid boolean value "}, match: `^flag |^invalid (?:boolean )?value .* for (?:flag )?-`},
		{weight: never, starts: []string{"Usage of "}, match: `^Usage of \S+:$`, within: 80, after: []rule{{deeper: true, do: hide}}},
		{tool: "go", weight: message, starts: []string{"go: "}, match: `^go: (?:.*(?:unknown|missing|inconsistent|invalid|cannot|errors|not found|requires|required|mismatch|disabled|no such|failed|updates to|ambiguous|not in|is not|expects?)|.*: .*: )`, within: 6,
			after: []rule{{like: `^\s+\S`, do: show}}},
		{tool: "go", weight: message, starts: []string{"go.mod:#", "go.mod:", "go.work:"}, match: `^(?P<file>go\.(?:mod|work)):(?P<line>\d+): `},
		{tool: "go", weight: message, starts: []string{"cgo: ", "no Go files in ", "package ", "can't load package: ", "no required module provides", "cannot find package "},
			match: `^(?:cgo: .*not found|no Go files in |package \S+(?: is not in |: (?:no |build constraints|cannot find|unrecognized))|can't load|no required|cannot find package)`, within: 4,
			after: []rule{{like: `^\s+\S`, do: more}}},
		{
			tool: "staticcheck", weight: message, starts: []string{"-: "}, match: `^-: .* \(compile\)$`,
		},
		{
			tool: "golangci-lint", weight: message, starts: []string{"level=error", "Error: can't load config", "The command is terminated due to an error"},
		},
		{tool: "golangci-lint", weight: consequence, starts: []string{"# issues:", "# issues"}, match: `^\d+ issues:?$`},
		{tool: "go", weight: consequence, starts: []string{"exit status "}, match: `^exit status \d+$`},
	},
}

const (
	// goFrame is a line of a stack.
	goFrame = `^\s+(?P<file>\S+\.go):(?P<line>\d+)(?: \+0x|$)`

	// goForeign is one that is not of the project: of Go itself, or of a module.
	goForeign = `^\s+(?:\S*/go[\d.-]*/(?:x64/)?src/|\S*/golang[^/]*/src/|\S*/pkg/mod/|\S*/vendor/|GOROOT/|(?:testing|runtime|reflect|sync|time|internal|net/http)/|_testmain)\S*\.[gs]o?:\d+`
)
