package joblog

// .NET with MSBuild and its tests, and PowerShell.
var dotnetFamily = func() *family {
	return &family{
		facts: []fact{
			{
				// Not tsc, which writes TS1234, nor the C++ compiler, which writes C1234.
				tool: "msbuild", place: true, has: "): error ", match: `^\s*(?P<name>(?P<file>\S[^(]*?)\((?P<line>\d+)(?:,\d+){0,3}\): error (?:[A-SU-Z][A-Z]+|T[A-RT-Z][A-Z]*)\d+: .*?)(?: \[[^\]]+\])?$`,
			},
			{
				tool: "msbuild", words: []string{"error CS", "error MSB", "error NU", "error NETSDK", "error FS", "error BC", "error CA", "error AD", "error APT", "error MT", "error RZ", "error XA", "error :"},
				match: `^(?P<name>.*?\berror (?:[A-Z]+\d+)? ?: .*?)(?: \[[^\]]+\])?$`,
			},
			{weight: never, words: []string{"warning CS", "warning NU", "warning CA", "warning SA", "warning MSB", "warning NETSDK", "warning IDE"}, match: `: warning [A-Z]+\d+: `},
			{weight: consequence, starts: []string{"Build FAILED", "Test Run Failed", "Failed!  - Failed:", "Build failed with # error"}},
			{weight: never, starts: []string{"Passed!  - Failed:", "Time Elapsed ", "# Error(s)", "# Warning(s)"}},
			{
				tool: "dotnet test", starts: []string{"Failed "}, match: `^\s*Failed (?P<name>\S.*?) \[(?:< )?[\d.,]+ ?\w+(?: [\d.]+ ?\w+)*\]$`, within: 60, lastPlace: false,
				after: dotnetTest,
			},
			{
				tool: "dotnet test", starts: []string{"failed "}, match: `^failed (?P<name>\S.*?) \([\d.]+\w+(?: [\d.]+\w+)*\)$`, within: 60,
				after: dotnetTest,
			},
			{
				tool: "dotnet test", words: []string{"[FAIL]"}, match: `^(?:\[xUnit\.net [\d:.]+\])?\s+(?P<name>\S.*?) \[FAIL\]$`, within: 60,
				after: append([]rule{{like: ` \[(?:FAIL|SKIP)\]$|^\s*(?:Failed|Passed|Skipped) `, do: stop}}, dotnetTest...),
			},
			{
				tool: "dotnet", starts: []string{"Unhandled exception. ", "Unhandled Exception: "}, within: 60,
				after: []rule{
					{like: dotnetFrame, do: show, most: 1},
					{like: `^\s+---> `, do: show, most: 3},
					{like: `^\s+(?:at |--- )`, do: pass},
					{deeper: true, do: more, most: 2},
				},
			},
			{tool: "dotnet", weight: message, starts: []string{"Could not execute because the", "The command could not be loaded", "error: Unable to load the service index", "error: Response status code does not indicate success", "A compatible .NET SDK was not found", "You must install or update .NET"}, within: 6, after: []rule{{like: `^\s*(?:Requested SDK|.* SDK version|\* )`, do: show, most: 2}, {do: more, most: 1}, {do: pass}}},
			{tool: "dotnet format", place: true, has: "): error ", match: `^\s*(?P<file>\S[^(]*?)\((?P<line>\d+),\d+\): error (?:WHITESPACE|FINALNEWLINE|IMPORTS|CHARSET|ENDOFLINE|IDE\d+): `},

			{
				// Windows PowerShell. The message is before the place, and may be wrapped.
				tool: "powershell", starts: []string{"At "}, match: `^At (?P<file>.+):(?P<line>\d+) char:\d+$`, head: show, within: 6,
				before: []look{{like: `^[\w.\\:-]+ : \S`, reach: 4, most: 1, do: headline}, {like: `^\S`, reach: 1, most: 1, do: headline}},
				after: []rule{
					{like: `^\+\s+~+|^\+\s*$`, do: pass},
					{like: `^\+ `, do: more, most: 1},
					{like: `^\s+\+ CategoryInfo`, do: show},
					{like: `^\s+\+ FullyQualifiedErrorId`, do: pass, ends: true},
					{like: `^\s+\+ `, do: pass},
					{deeper: true, do: pass},
				},
			},
			{
				// PowerShell 6 and later.
				tool: "powershell", starts: []string{"Line |"}, match: `^Line \|$`, head: more, within: 12,
				before: []look{{like: `^[\w-]+: (?P<file>\S.*):(?P<line>\d+)$`, reach: 1, most: 1, do: show}},
				after: []rule{
					{like: `^\s+\d+ \|`, do: more, most: 2},
					{like: `^\s+\|\s+~+$`, do: pass},
					{like: `^\s+\|\s+\S`, do: headline, most: 3},
				},
			},
			{tool: "powershell", starts: []string{"ParserError: "}, weight: message, within: 8, after: []rule{{like: `^\s*\||^Line|^\s+\d+ \|`, do: show}}},
		},
		harmless: []string{`\b0 (?:Error|Warning)\(s\)$`, `^\s*\d+ Warning\(s\)$`},
	}
}

const dotnetFrame = `^\s+at .* in (?P<file>\S.*):line (?P<line>\d+)`

// dotnetTest is what follows the name of a test that failed.
var dotnetTest = []rule{
	{like: `^\s*(?:Failed|Passed|Skipped|failed|passed|skipped) \S.*[\])]$|^(?:Passed!|Failed!|Test Run)`, do: stop},
	{like: `^\s*(?:Error Message|Stack Trace):\s*$`, do: pass},
	{like: dotnetFrame, do: more, most: 1},
	{like: `^\s+at `, do: pass},
	{like: `^\s+(?:---|↓|↑)`, do: pass},
	{do: show, most: 5},
	{do: pass},
}
