package joblog

// PHP, its tests and linters, and composer.
var phpFamily = func() *family {
	return &family{
		facts: []fact{
			{
				tool: "php", starts: []string{"PHP Fatal error: ", "Fatal error: ", "PHP Parse error: ", "Parse error: ", "PHP Catchable fatal", "PHP Recoverable fatal"},
				match:  `(?:error|Error):\s+(?P<name>.*?) in (?P<file>\S+?)(?: on line |:)(?P<line>\d+)$`,
				within: 60, after: phpTrace,
			},
			{
				tool: "php", starts: []string{"PHP Fatal error: ", "Fatal error: ", "PHP Parse error: ", "Parse error: "}, match: `(?:Fatal|Parse) error:\s+(?P<name>\S.*)$`, within: 60,
				after: phpTrace,
			},
			{tool: "php", weight: message, starts: []string{"Could not open input file: "}},
			{weight: never, starts: []string{"PHP Deprecated: ", "Deprecated: ", "PHP Notice: ", "Notice: "}},
			{tool: "php", weight: mention, starts: []string{"PHP Warning: ", "Warning: "}, match: `^(?:PHP )?Warning:\s+.* in (?P<file>\S+) on line (?P<line>\d+)$`},
			{tool: "php", weight: consequence, starts: []string{"Errors parsing "}},
			{weight: never, starts: []string{"No syntax errors detected in"}},

			{
				tool: "phpunit", starts: []string{"#) "}, match: `^\d+\) (?P<name>[\w\\]+::\w+.*)$`, within: 300,
				after: phpunitRules,
			},
			{
				tool: "phpunit", starts: []string{"#) Error", "#) Warning", "#) Class", "#) Failed"}, match: `^\d+\) (?:Error|Warning|Failed|Class\b.*)$`, within: 60, head: show,
				after: []rule{{like: phpunitEnd, do: stop}, {like: `^--$`, do: last}, {like: `^(?P<file>/\S+):(?P<line>\d+)$`, do: more, most: 1}, {do: headline, most: 2}, {do: pass}},
			},
			{
				weight: never, starts: []string{"There was ", "There were "}, match: `^There (?:was|were) \d+ (?:skipped|incomplete|deprecat|.*notice)`, within: 3000,
				after: []rule{{like: `^--$`, do: last}, {like: `^(?:FAILURES|ERRORS|WARNINGS|OK|Tests:)\b`, do: stop}, {do: pass}},
			},
			{
				// These fail a job only if PHPUnit is configured so.
				tool: "phpunit", weight: complaint, starts: []string{"There was ", "There were "}, match: `^There (?:was|were) \d+ (?:risky|warning|PHPUnit)`, within: 300,
				after: []rule{
					{like: `^--$`, do: last},
					{like: `^(?:FAILURES|ERRORS|WARNINGS|OK|Tests:)\b`, do: stop},
					{like: `^\d+\) (?P<name>\S+)`, do: show, most: 2},
					{like: `^(?P<file>/\S+):(?P<line>\d+)$`, do: more, most: 1},
					{do: show, most: 4},
					{do: pass},
				},
			},
			{
				// --testdox
				tool: "phpunit", starts: []string{"✘ "}, match: `^\s+✘ (?P<name>\S.*?)(?:\s+\[[\d.]+ \w+\])?$`, within: 100, blank: last,
				after: []rule{
					{like: `^\s+[│┐├┴╵╷┊|]\s*$`, do: pass},
					{like: `[│┊|] (?P<file>/\S+\.php):(?P<line>\d+)$`, do: more, most: 1},
					{like: `[│┊|] /\S+:\d+$`, do: pass},
					{like: `[│┊|] (?:--- Expected|\+\+\+ Actual|@@ @@)`, do: pass},
					{like: `[│┊|] [-+]`, do: more, most: 2},
					{like: `[│┊|] [-+]`, do: pass},
					{like: `[│├┊|] \S`, do: show, most: 3},
					{like: `[│┊|]`, do: pass},
				},
			},
			{tool: "phpunit", weight: message, starts: []string{"No tests executed!", `Cannot open file "`, `Test file "`, `Class "`, "Could not read \"", "Cannot open bootstrap"}, match: `^(?:No tests executed!|Cannot open |Test file ".*" not found|Class ".*" (?:could not be found|not found|cannot be found)|Could not read)`},
			{tool: "phpunit", weight: consequence, starts: []string{"FAILURES!", "ERRORS!", "WARNINGS!"}, match: `^(?:FAILURES|ERRORS|WARNINGS)!$`},
			{tool: "phpunit", weight: consequence, starts: []string{"Tests: "}, match: `^Tests: \d+, Assertions: `},
			{
				tool: "codeception", starts: []string{"#) "}, match: `^\d+\) (?P<name>\w+(?:Cest|Cept|Test): .+)$`, within: 40,
				after: []rule{{like: phpunitEnd, do: stop}, {like: `^--$`, do: last}, {like: `^\s*Test  (?P<file>[^\s:]+)`, do: more}, {like: `^#\d+`, do: pass}, {like: `^\s*(?:Step|Fail) `, do: show}, {do: show, most: 2}},
			},
			{
				tool: "pest", starts: []string{"FAILED  "}, match: `^\s*FAILED  (?P<name>\S.*?)(?:\s{2,}.*)?$`, within: 30, other: pass,
				after: []rule{{like: `^\s*at (?P<file>\S+):(?P<line>\d+)`, do: more, ends: true}, {like: `^\s*(?:➜|\d+▕|───)`, do: pass}, {deeper: true, do: show, most: 3}, {like: `^\s+\S`, do: show, most: 3}},
			},

			{
				tool: "phpcs", starts: []string{"FILE: "}, match: `^FILE: (?P<file>\S+)$`, head: show, within: 500,
				after: []rule{
					{like: `^(?:FILE:|Time:|PHPCBF )`, do: stop},
					{like: `^-+$`, do: pass},
					{like: `^FOUND `, do: more},
					{like: `^\s*(?P<line>\d+) \| (?:ERROR|WARNING)\b`, do: headline, most: 1},
					{like: `^\s*\d+ \| ERROR\b`, do: show, most: 3},
					{like: `^\s*\d+ \| WARNING\b`, do: show, most: 1},
					{do: pass},
				},
			},
			{
				tool: "phpstan", starts: []string{"Line  "}, match: `^\s+(?:Line|:Line)\s+(?P<file>\S+\.php)`, within: 200, other: pass,
				after: []rule{
					{like: `^\s*Line  `, do: stop},
					{like: `^\s*-+`, do: pass},
					{like: `^\s+(?P<line>\d+)\s{2,}\S`, do: show, most: 4},
					{like: `^\s+\d+\s{2,}\S`, do: pass},
					{like: `^\s+\[ERROR\]`, do: stop},
					{like: `^\s{6,}\S`, do: more, most: 2},
				},
			},
			{tool: "phpstan", weight: consequence, starts: []string{"[ERROR] Found "}},
			{tool: "psalm", starts: []string{"ERROR: "}, match: `^ERROR: \w+ - (?P<file>[^\s:]+):(?P<line>\d+):\d+ - `},
			{tool: "phpcs", place: true, files: []string{".php"}, match: `^(?P<file>[^\s:]+\.php):(?P<line>\d+):\d+: error - `},
			{weight: never, place: true, files: []string{".php"}, match: `^[^\s:]+\.php:\d+:\d+: warning - `},
			{tool: "phpmd", place: true, files: []string{".php"}, match: `^(?P<file>[^\s:]+\.php):(?P<line>\d+)\s+[A-Z]\w+\s+[A-Z]`},
			{tool: "php-cs-fixer", starts: []string{"#) "}, match: `^\s+\d+\) (?P<file>\S+\.php)(?: \(|$)`},

			{
				tool: "composer", head: show, starts: []string{"Your requirements could not be resolved", "Your lock file does not contain"}, within: 20,
				after: []rule{{like: `^\s+Problem \d+`, do: pass}, {like: `^\s+- `, do: headline, most: 4}, {deeper: true, do: pass}},
			},
			{
				// composer, Symfony and Laravel.
				tool: "php", weight: message, starts: []string{"In "}, match: `^In (?P<file>\w+\.php) line (?P<line>\d+):$`, head: show, within: 20,
				after: []rule{{like: `^\s+\[`, do: show, most: 1}, {deeper: true, do: headline, most: 3}, {do: hide, ends: true}},
			},
			{
				// Collision, of Laravel and Pest.
				tool: "php", words: []string{"Exception", "Error"}, match: `^\s+(?:\w+\\)+\w+(?:Exception|Error)$`, within: 12, head: show, confirm: `^\s+at \S+:\d+$`,
				after: []rule{{like: `^\s+at (?P<file>[^\s:]+):(?P<line>\d+)$`, do: show, ends: true}, {like: `^\s+\S`, do: headline, most: 2}},
			},
			{
				tool: "php", weight: message, words: []string{"Exception]", "Error]"}, match: `^\s+\[(?:\w+\\)*\w*(?:Exception|Error)\]$`, head: show, within: 8,
				after: []rule{{like: `^\s+\S`, do: headline, most: 3}},
			},
			{tool: "composer", weight: consequence, starts: []string{"Script "}, match: `^Script .* handling the .* event returned with error code \d+`},
			{
				tool: "composer", weight: message, starts: []string{
					"Composer could not find", "Could not find package", "Could not authenticate against", "Could not fetch ", "The lock file is not up to date", "curl error ",
					"Failed to download ", "Could not delete ", "The \"https://", "Composer detected issues in your platform", "Could not scan for classes", "Required package \"",
				},
			},
		},
		harmless: []string{`^\s+(?:✔|☢|↩|∅) `},
	}
}

const phpunitEnd = `^(?:\d+\) |There (?:was|were) |(?:FAILURES|ERRORS|WARNINGS)!|Tests: )`

// phpTrace are the places behind an exception.
var phpTrace = []rule{
	{like: `^(?:Stack trace:|#\d+ |\s+#\d+ )`, do: pass},
	{like: `^\s+thrown in (?P<file>\S+) on line (?P<line>\d+)$`, do: more, ends: true},
}

// phpunitRules are for a test that failed.
var phpunitRules = []rule{
	{like: phpunitEnd, do: stop},
	{like: `^--$`, do: last},
	{like: `^(?P<file>/\S+|[A-Z]:\\\S+):(?P<line>\d+)$`, do: more, most: 1},
	{like: `^(?:/|[A-Z]:\\)\S+:\d+$|^(?:--- Expected|\+\+\+ Actual|@@ )`, do: pass},
	{like: `^[-+]`, do: more, most: 2},
	{like: `^[-+\s]`, do: pass},
	{do: show, most: 3},
	{do: pass},
}
