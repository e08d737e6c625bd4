package joblog

// Databases, and tools that read structured texts: JSON, XML, LaTeX.
var dataFamily = func() *family {
	return &family{
		facts: []fact{
			{
				tool: "psql", weight: message, starts: []string{"psql:"}, match: `^psql:(?P<file>[^:]+):(?P<line>\d+): (?:ERROR|FATAL|PANIC|error):`, within: 6, after: sqlDetail,
			},
			{tool: "psql", weight: message, starts: []string{"psql: error: ", "psql: could not connect", "psql: FATAL:", "pg_dump: error: ", "pg_restore: error: "}, within: 2, after: []rule{{deeper: true, do: more}}},
			{tool: "psql", weight: message, starts: []string{"ERROR:  ", "FATAL:  "}, within: 6, after: sqlDetail},
			{tool: "mysql", weight: message, starts: []string{"ERROR "}, match: `^ERROR \d+ \(\w+\)(?: at line (?P<line>\d+))?(?: in file: '(?P<file>[^']+)')?: `},
			{tool: "mysql", weight: message, starts: []string{"mysqldump: ", "mysqladmin: ", "mariadb: "}, match: `(?i)error|failed`},
			{tool: "sqlite", weight: message, starts: []string{"Error: near line #", "Error: near line ", "Parse error near line ", "Runtime error near line "}, match: `near line (?P<line>\d+)`},
			{
				tool: "flyway", weight: message, starts: []string{"ERROR: Migration ", "ERROR: Validate failed", "ERROR: Found ", "Migration "}, match: `^(?:ERROR: |Migration (?P<file>\S+) failed)`, within: 12,
				after: []rule{{like: `^(?:SQL State|Error Code|Message|Location|Line) *: `, do: show}, {like: `^-+$`, do: pass}, {like: `^Statement`, do: last}},
			},
			{tool: "liquibase", weight: message, starts: []string{"Unexpected error running Liquibase", "Error: Reason: liquibase", "ERROR: Exception Details"}, within: 3, after: []rule{{like: `^\s*- Caused by: |^ERROR: Exception`, do: show}}},

			{tool: "jq", weight: message, starts: []string{"jq: error", "parse error: "}, match: `^jq: error|^parse error: .* at line (?P<line>\d+), column \d+`, within: 3, after: []rule{{like: `^jq: \d+ compile error`, do: pass}, {like: `^\S`, do: stop}}},
			{
				tool: "xmllint", place: true, has: "error :", match: `^(?P<file>[^\s:]+):(?P<line>\d+): (?:parser|namespace|validity|element \w+:|Schemas) ?.*error :? ?`, within: 2,
				after: []rule{{like: `^\s*\^$`, do: pass}, {like: `^\S+:\d+: `, do: stop}, {do: more, most: 1}},
			},
			{tool: "protoc", place: true, files: []string{".proto"}, match: `^(?P<file>[^\s:]+):(?P<line>\d+):\d+: `},
			{tool: "protoc", weight: message, words: []string{"File not found."}, match: `^(?P<file>\S+\.proto): File not found\.$`},

			{
				tool: "latex", within: 8, blank: pass,
				starts: []string{
					"! Undefined", "! LaTeX Error", "! Package ", "! Class ", "! Missing", "! Extra", "! Misplaced", "! Paragraph ended", "! Runaway", "! File ended", "! Argument", "! Illegal", "! Double ",
					"! Too many", "! TeX capacity", "! pdfTeX error", "! Font ", "! I can't", "! Incomplete", "! Display math", "! Use of ", "! Dimension", "! Improper", "! You can't", "! Bad ", "! Text line",
				},
				after: []rule{
					{like: `^l\.(?P<line>\d+) `, do: show, ends: true},
					{like: `^!  ==> `, do: stop},
					{like: `^(?:Type  ?[HX] |See the |or enter new name|Enter file name|\s|\.\.\.|<)`, do: pass},
					{do: more, most: 1},
				},
			},
			{
				tool: "latex", place: true, files: []string{".tex", ".sty", ".cls", ".bib", ".ltx", ".dtx"}, match: `^(?P<file>[^\s:]+):(?P<line>\d+): \S`, within: 8, blank: pass,
				after: []rule{{like: `^l\.\d+ `, do: show, ends: true}, {like: `^\S+:\d+: |^!  ==> `, do: stop}, {do: pass}},
			},
			{tool: "latex", weight: consequence, starts: []string{"!  ==> Fatal error", "! Emergency stop"}},
			{tool: "latex", weight: consequence, starts: []string{"Latexmk: "}},

			{tool: "openssl", weight: message, starts: []string{"Error loading file ", "Can't open ", "unable to load ", "Could not open file or uri", "Could not read "}, match: `^(?:Error loading file \S|Can't open .* for reading|unable to load (?:[Pp]rivate|certificate|[Kk]ey)|Could not (?:open|read) )`, within: 4, after: []rule{{like: `^[0-9A-F]{8,}:error:`, do: more}}},
			{tool: "gpg", weight: message, starts: []string{"gpg: "}, match: `^gpg: (?:.*(?:failed|error|No secret key|No public key|invalid|no valid|can't|expired|BAD signature)|no default secret key)`},
		},
	}
}

// sqlDetail is what PostgreSQL says after an error.
var sqlDetail = []rule{
	{like: `^(?:DETAIL|LINE \d+|HINT|CONTEXT): `, do: show},
	{like: `^\s*\^$`, do: pass, ends: true},
}
