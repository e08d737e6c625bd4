package joblog

// TAP, the format that tests of many languages print.
var tapFamily = func() *family {
	return &family{
		facts: []fact{
			{
				weight: never, starts: []string{"not ok "}, match: `#\s*(?i:todo|skip)\b`, within: 80,
				after: []rule{{like: `^\s*\.\.\.$`, do: pass, ends: true}, {deeper: true, do: pass}},
			},
			{
				tool: "tap", starts: []string{"not ok "}, match: `^\s*not ok(?: \d+)?(?: -)? (?P<name>\S.*?)(?: # time=.*)?$`, within: 120,
				after: tapDetails,
			},
			{weight: never, starts: []string{"ok "}, match: `^\s*ok \d+\b`},
			{weight: never, starts: []string{"# Subtest: ", "# tests ", "# suites ", "# pass", "# cancelled ", "# skip", "# todo ", "# duration_ms", "# time="}},
			{tool: "tap", weight: consequence, starts: []string{"# fail"}, match: `^\s*# fail(?:ed)? +[1-9]`},
		},
		harmless: []string{`^\s*# [^:]*$`}, // the name of a test
	}
}

const tapPoint = `(?P<file>[^\s'"():]+):(?P<line>\d+):\d+`

// tapDetails follow a test that failed: comments, or YAML between --- and "...".
var tapDetails = []rule{
	{like: `^\s*(?:not )?ok\b|^\s*\d+\.\.\d+`, do: stop},
	{like: `^\s*# (?:\(?in test file )?(?P<file>[^\s:@]+\.\w+)(?: @ |:|, line )(?P<line>\d+)`, do: show},
	{like: `^\s*# (?:Looks like|Subtest)`, do: stop},
	{like: `^\s*#`, do: show, most: 3},
	{like: `^\s*#`, do: pass},
	{like: `^\s*\.\.\.$`, do: pass, ends: true},
	{like: `failureType: 'subtestsFailed'|^\s+exitCode: \d`, do: pass, consequence: true},
	{like: `^\s*(?:---|duration_ms:|type:|failureType:|severity:|name:|code:|operator:|generatedMessage:|data:|compare:|column(?:Number)?:|source:|typeName:)`, do: pass},
	{like: `^\s+location: '?` + tapPoint, do: show},
	{like: `^\s+(?:at|file|fileName): .*?` + tapPoint, do: show},
	{like: `^\s+file(?:Name)?: (?P<file>\S+)`, do: show},
	{like: `^\s+line(?:Number)?: (?P<line>\d+)`, do: pass},
	{like: `^\s+[\w:' ]+: ?[|>]?[-+]?\s*$`, do: pass},
	{like: `^\s+(?:error|message): \S`, do: headline, most: 1},
	{like: `^\s+(?:expected|actual|got|found|wanted)\s*: `, do: show, most: 2},
	{like: `\bnode:|\binternal/|node_modules/`, deeper: true, do: pass},
	{like: jsFrame, do: show, most: 1},
	{like: `^\s+(?:\S+ )*\(?` + tapPoint + `\)?$`, do: pass},
	{deeper: true, do: show, most: 3},
	{deeper: true, do: pass},
}
