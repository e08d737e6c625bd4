package joblog

// Ruby, its tests, and what installs its gems.
var rubyFamily = func() *family {
	return &family{
		facts: []fact{
			{weight: never, sets: "failures", starts: []string{"Failures:"}, match: `^Failures:$`},
			{
				tool: "rspec", needs: "failures", starts: []string{"#) "}, match: `^ {2,}\d+\) (?P<name>\S.*)$`, within: 200, confirm: rspecReason,
				after: []rule{
					{like: `^ {2,}\d+\) |^(?:Finished in|Failed examples:|Failures:|Pending:)`, do: stop},
					{like: `^\s+(?:\d+\.\d+\) )?Failure/Error:|^\s+Got \d+ failures`, do: more, most: 2},
					{like: `^\s+(?:\d+\.\d+\) )?Failure/Error:`, do: pass},
					{like: rubyLibrary, do: pass},
					{like: `^\s+# (?P<file>[^\s:]+):(?P<line>\d+)(?::in .*)?$`, do: show, most: 1},
					{like: `^\s+# |^\s+\(compared using|^\s+Diff:|^\s+@@ `, do: pass},
					{like: `^\s+(?:expected:? |expected$|got:? |received:? |but got: )`, do: show, most: 2},
					{like: `^\s+[-+:]`, do: more, most: 3},
					{like: `^\s+[-+:]`, do: pass},
					{like: `^\s+[A-Z][\w:]*:$`, do: more},
					{deeper: true, do: show, most: 2},
					{do: pass},
				},
			},
			{
				tool: "rspec", starts: []string{"rspec ./", "rspec '"}, match: `^rspec '?(?P<file>[^\s:'\[]+)(?::(?P<line>\d+)|\[[\d:]+\])'? # (?P<name>.+)$`, head: more,
			},
			{
				tool: "rspec", starts: []string{"An error occurred "}, match: `^An error occurred (?:while loading (?P<file>[^\s]+\.rb)|in an? |while )`, head: show, within: 30,
				after: []rule{
					{like: `^An error occurred|^Finished in|^No examples`, do: stop},
					{like: `^\s*Failure/Error:`, do: show},
					{like: rubyLibrary, do: pass},
					{like: `^# (?P<file>\S+):(?P<line>\d+)`, do: more, most: 1},
					{like: `^#`, do: pass},
					{like: `^[A-Z][\w:]*:$`, do: show},
					{like: `^\s+(?P<file>/\S+\.rb):(?P<line>\d+): `, do: headline, most: 2},
					{like: `^\s+(?:\^|rspec \./)`, do: pass},
					{deeper: true, do: headline, most: 2},
					{do: pass},
				},
			},
			{tool: "rspec", weight: consequence, starts: []string{"# example"}, match: `^\d+ examples?, \d+ failures?`},

			{
				tool: "minitest", starts: []string{"#) "}, match: `^\s+\d+\) (?:Failure|Error):$`, head: more, within: 200,
				after: minitestRules,
			},
			{
				tool: "minitest", starts: []string{"Failure:", "Error:"}, match: `^(?:Failure|Error):$`, head: more, within: 60, confirm: minitestName, blank: last,
				after: minitestRules,
			},
			{
				weight: never, starts: []string{"#) "}, match: `^\s+\d+\) (?:Skipped|Pending|Omission):`, within: 40,
				after: []rule{{like: `^\s+\d+\) |^\d+ (?:runs|tests), `, do: stop}, {do: pass}},
			},
			{tool: "minitest", weight: consequence, starts: []string{"# runs, ", "# tests, "}, match: `^\d+ (?:runs|tests), \d+ assertions, `},
			{tool: "minitest", starts: []string{"rails test ", "bin/rails test "}, match: `rails test (?P<file>\S+):(?P<line>\d+)$`, weight: mention},
			{
				tool: "test-unit", starts: []string{"Failure: ", "Error: "}, match: `^(?:Failure|Error): (?P<name>\w+\([\w:]+\))`, within: 60, other: pass,
				after: []rule{
					{like: `^={20,}$`, do: last},
					{like: rubyLibrary, do: pass},
					{like: `^(?P<file>\S+):(?P<line>\d+):in `, do: more, most: 1},
					{like: `^\S+:\d+:in `, do: pass},
					{like: `^\s*(?:=>)?\s+\d+: `, do: pass},
					{like: `^<.*> (?:expected|exception|was)|^<.*>$|^\S+ exception`, do: show, most: 3},
					{do: more, most: 3},
					{do: pass},
				},
			},
			{
				// Reporters of minitest.
				tool: "minitest", starts: []string{`FAIL["`, `ERROR["`}, match: `^\s*(?:FAIL|ERROR)\["(?P<name>[^"]+)"`, within: 6,
				after: []rule{{deeper: true, do: show, most: 4}},
			},

			{
				tool: "ruby", place: true, has: ":in ", match: `^(?P<file>[^\s:]+):(?P<line>\d+):in [` + "`" + `'].*': .*`, within: 60,
				after: rubyFrames,
			},
			{
				tool: "ruby", place: true, match: `^(?P<file>[^\s:]+):(?P<line>\d+): (?:syntax errors?|warning: .* interpreted as|Invalid |dynamic constant|formal argument|class/module name|Can't)\b`, within: 8,
				after: []rule{{like: `^\s*> *\d+ \||\^ `, do: show, most: 3}, {like: `^\s*(?:\d+ )?\||^\s*~~`, do: pass}, {deeper: true, do: more, most: 1}},
			},
			{
				tool: "ruby", place: true, match: `^(?P<file>[^\s:]+):(?P<line>\d+): .*\([A-Z][\w:]*\)$`, within: 60,
				after: rubyFrames,
			},
			{
				tool: "ruby", starts: []string{"<internal:"}, match: `^<internal:\S+>:\d+:in .*: \S`, within: 60,
				after: rubyFrames,
			},
			{
				// Cucumber, and other places where only the class follows the message.
				tool: "ruby", words: []string{"Error)"}, match: `^\s+\S.* \([A-Z][\w:]*Error\)$`, within: 20,
				after: []rule{{like: rubyLibrary, do: pass}, {like: `^\s+(?P<file>\S+):(?P<line>\d+):in `, do: more, most: 1}},
			},
			{tool: "cucumber", starts: []string{"cucumber "}, match: `^cucumber (?:-p \S+ )?(?P<file>\S+\.feature):(?P<line>\d+)(?:\s+# |$)`},
			{tool: "cucumber", weight: consequence, starts: []string{"# scenario"}, match: `^\d+ scenarios? \(`},
			{
				tool: "rubocop", place: true, match: `^(?P<file>[^\s:]+):(?P<line>\d+):\d+: [RCWEFI]: (?:\[[\w ]+\] )?\w+(?:/\w+)+: `, within: 2,
				after: []rule{{like: `^\s*\^+`, do: pass, ends: true}, {like: `^[^\s:]+:\d+:\d+:`, do: stop}, {do: more}},
			},
			{tool: "standardrb", place: true, files: []string{".rb"}, match: `^\s+(?P<file>[^\s:]+\.\w+):(?P<line>\d+):\d+: [A-Z]\w+/\w+: `},
			{tool: "simplecov", starts: []string{"Line coverage (", "Branch coverage (", "Coverage ("}, match: `is below the expected minimum|is less than`},
			{tool: "rubocop", weight: consequence, starts: []string{"# file"}, match: `^\d+ files? inspected, `},

			{
				// In a gem: the places behind an exception.
				weight: never, place: true, has: ":in ", match: rubyLibrary + `\S*:\d+:in [` + "`'" + `][^:]*'$`,
			},
			{tool: "rake", weight: consequence, starts: []string{"Command failed with status ("}},
			{weight: never, starts: []string{"(See full trace by running task with"}},
			{
				tool: "rake", weight: message, starts: []string{"rake aborted!", "rails aborted!"}, head: show, within: 30, confirm: `^(?:[^\sC]|C[^o]|Co[^m]|Com[^m])`,
				after: []rule{
					{like: `^Command failed with status|^Tests failed`, do: stop},
					{like: `^(?:Tasks: TOP|\(See full trace)`, do: pass, ends: true},
					{like: rubyLibrary, do: pass},
					{like: `^(?P<file>[^\s:]+):(?P<line>\d+):in `, do: show, most: 1},
					{like: `^[^\s:]+:\d+:in |^Caused by:$`, do: pass},
					{like: `^\S`, do: headline, most: 2},
					{like: `^\s+\S`, do: show, most: 1},
					{do: pass},
				},
			},
			{
				tool: "bundler", starts: []string{
					"Could not find gem", "Could not reach host", "Could not locate Gemfile", "Could not fetch specs", "Could not verify the SSL", "Could not find ",
					"Bundler could not find compatible", "Your Ruby version is ", "Your bundle only supports", "Your Gemfile", "Your bundle is locked", "Your lockfile",
					"An error occurred while installing", "The following gems are missing", "The gemspec", "Gem::Ext::BuildError", "Gem::RemoteFetcher", "Authentication is required for",
					"Bundler::", "Retrying fetcher due", "The dependency tzinfo", "You are trying to install in deployment mode", "You must use Bundler", "Some gems seem to be missing",
					"The deployment setting requires", "Frozen", "Unable to resolve dependency", "ERROR:  Could not find", "ERROR:  While executing", "ERROR:  Error installing", "ERROR: Failed to build gem",
				},
				match:  `^(?:Could not find (?:gem |\S+-\d|compatible|.* in (?:any of|locally|rubygems|cached))|Could not (?:reach|locate|fetch|verify)|Bundler could|Your (?:Ruby|bundle|Gemfile|lock)|An error occurred while installing \S+ \(|The following gems|The gemspec|Gem::|Authentication|Bundler::\w*(?:Error|NotFound)|You (?:are trying|must)|Some gems|The deployment|Frozen |Unable|ERROR: )`,
				within: 6, blank: last,
				after: []rule{{like: `^[a-z*-]`, do: more, most: 2}, {deeper: true, do: show, most: 3}},
			},
			{
				tool: "gem", weight: message, starts: []string{"*** extconf.rb failed ***", "make failed, exit code", "rake failed, exit code"},
				before: []look{{like: `\b(?i:error)\b|not found|missing`, reach: 12, most: 2, do: show}},
			},
			{tool: "bundler", weight: consequence, starts: []string{"bundler: failed to load command", "bundler: command not found"}},
		},
		harmless: []string{
			`\(PENDING: .*\)$`,
			`= \d+\.\d+ s = [.S]$`,
		},
	}
}

const (
	// rubyLibrary is a place in Ruby's own code, or in a gem.
	rubyLibrary = `^\s*(?:# |from |- )*(?:\(required\) )?(?:<internal:|\S*/(?:gems|rubygems|ruby/[\d.]+|vendor_ruby)/|/usr/(?:local/)?(?:bin|lib/ruby)/)`

	rspecReason  = `^\s+(?:\d+\.\d+\) )?(?:Failure/Error:|Got \d+ failures|expected: |predicate failed|uncaught exception)`
	minitestName = `^\s*[\w:]+#\S.*:$`
)

// rubyFrames are the places behind an exception.
var rubyFrames = []rule{
	{like: rubyLibrary, do: pass},
	{like: `^\s+from (?P<file>[^\s:]+):(?P<line>\d+):in `, do: more, most: 1},
	{like: `^\s+from |^\s+\^+|^\s+\.\.\. \d+ levels`, do: pass},
	{like: `^\s+\d+: from `, do: pass},
}

// minitestRules are for a test that failed: its name, the message, and the difference.
var minitestRules = []rule{
	{like: `^\s+\d+\) \w+:$|^\d+ (?:runs|tests), |^(?:Failure|Error):$`, do: stop},
	{like: `^\s*(?P<name>[\w:]+#\S+)(?: \[(?P<file>[^\s:]+):(?P<line>\d+)\])?:$`, do: headline, most: 1},
	{like: `^\s+(?P<file>\S+):(?P<line>\d+):in `, do: more, most: 1},
	{like: `^(?:Expected|\s+Actual|Class|Message): |^[A-Z]\w*(?:::\w+)*: `, do: show, most: 3},
	{like: `^(?:--- expected|\+\+\+ actual|@@ |-{3,})|^\S+:\d+:in `, do: pass},
	{like: `^[-+]`, do: show, most: 2},
	{like: `^[-+]`, do: pass},
	{like: `^\S`, do: show, most: 2},
	{do: pass},
}
