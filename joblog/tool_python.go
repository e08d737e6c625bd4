package joblog

// Python, and what installs its packages.
var pythonFamily = func() *family {
	return &family{
		facts: []fact{
			{
				tool: "python", survivable: true, starts: []string{"Traceback (most recent call last)"}, head: pass, within: 2000, other: pass, blank: last, lastPlace: true,
				after: tracebackRules,
			},
			{
				// It is reported, and the program continues.
				weight: never, starts: []string{"Exception ignored in", "Exception ignored on"}, within: 200,
				after: []rule{
					{like: `^Traceback`, do: hide},
					{deeper: true, do: hide},
					{like: pythonMessage, do: hide, ends: true},
				},
			},
			{
				weight: never, starts: []string{"--- Logging error ---"}, within: 200,
				after: []rule{
					{like: `^Arguments: `, do: hide, ends: true},
					{like: `^(?:Traceback|Call stack:|Message: )`, do: hide},
					{deeper: true, do: hide},
					{like: pythonMessage, do: hide},
				},
			},
			{
				// A group of exceptions draws a tree in front of each line.
				tool: "python", starts: []string{"| Traceback (most recent call last)", "| | Traceback (most recent call last)", "+ Exception Group Traceback"}, head: pass, within: 2000, lastPlace: true,
				after: []rule{
					{like: `^[\s|+]*  File "` + pythonLibrary, do: pass},
					{like: `^[\s|+]*  File "(?P<file>[^"]+)", line (?P<line>\d+)`, do: more},
					{like: `^[\s|+]*\| {3,}`, do: pass},
					{like: `^[\s|+]*\| \w*ExceptionGroup: `, do: show, ends: true},
					{like: `^[\s|+]*\| [A-Za-z_][\w.]*(?:: |$)`, do: headline, ends: true},
				},
			},
			{
				tool: "python", starts: []string{`File "`}, match: `^\s*File "(?P<file>[^"]+)", line (?P<line>\d+)$`, head: show, within: 4, confirm: pythonSyntax,
				after: []rule{{like: pythonSyntax, do: headline, ends: true}, {deeper: true, do: pass}},
			},
			{
				tool: "python", words: []string{"Fatal Python error: "}, within: 200, other: pass,
				after: []rule{
					{like: `^\s+File "` + pythonLibrary, do: pass},
					{like: `^\s+File "(?P<file>[^"]+)", line (?P<line>\d+) in `, do: show, most: 2},
				},
			},
			{tool: "python", weight: message, words: []string{"can't open file '", "No module named ", "can't find '__main__' module"}, match: `^(?:\S*/)?(?:python|pypy)[\w.]*(?:\.exe)?: `},

			// argparse, click, optparse.
			{tool: "usage", weight: message, words: []string{"error: "}, match: `^[\w./-]+(?: [\w-]+)*: error: (?:argument |unrecognized arguments|the following arguments|invalid choice|too few|too many|one of the arguments|ambiguous option|no such option|not allowed|.* option)`},
			{tool: "usage", weight: message, starts: []string{"Error: "}, match: `^Error: (?:No such (?:option|command)|Missing (?:option|argument|command)|Invalid value|Got unexpected extra|Option '|Could not (?:import|locate a Flask))`},

			{
				tool: "pip", starts: []string{"ERROR: "}, match: `^\s*ERROR: (?:Could not |Cannot (?:install|uninstall|set)|No matching |ResolutionImpossible|Failed |Invalid |Package |HTTP error|Directory |Command errored|Ignored the following|THESE PACKAGES|Double requirement|Can not |Exception:|Hash|\S+ is not a (?:supported|valid)|In --require-hashes|Error while checking|\S+ has an invalid|Links are not)`,
				before: []look{{like: `after connection broken by|^ERROR: Could not |^\s*(?:error|ERROR): .*: `, reach: 8, most: 1, do: show}}, within: 12,
				after: []rule{{like: `^The conflict is caused by`, do: pass}, {deeper: true, do: show, most: 4}},
			},
			{weight: never, starts: []string{"ERROR: pip's dependency resolver"}},
			{
				tool: "pip", starts: []string{"error: externally-managed-environment", "error: subprocess-exited-with-error", "error: resolution-too-deep", "error: invalid-", "error: uninstall-", "error: legacy-"}, head: show, within: 6, other: pass,
				after: []rule{
					{like: `^\s*× `, do: headline, most: 1},
					{like: `^\s*│? *exit code: `, do: more},
					{like: `^\s*╰─> \[`, do: pass, then: pipOutput, thenWithin: 2000},
					{like: `^\s*╰─> `, do: more, ends: true},
				},
			},
			{weight: never, starts: []string{"note: This error originates from a subprocess", "note: This is an issue with the package", "hint: See "}},
			{tool: "pip", weight: consequence, starts: []string{"error: metadata-generation-failed", "error: legacy-install-failure", "error: failed-wheel-build", "× Encountered error", "ERROR: Failed building wheel"}},
			{tool: "poetry", weight: message, words: []string{"version solving failed", "Because no versions of ", "pyproject.toml changed significantly", "poetry.lock was last generated"}},
			{
				tool: "uv", weight: message, starts: []string{"× No solution found", "× Failed to ", "× Distribution "}, within: 12,
				after: []rule{{like: `╰─▶|├─▶`, do: show, most: 4}, {deeper: true, do: show, most: 3}},
			},
			{tool: "pipenv", weight: message, starts: []string{"Your Pipfile.lock (", "ERROR:: Aborting deploy", "Pipfile.lock not found", "[ResolutionFailure]", "Locking Failed!"}, match: `^(?:Your Pipfile\.lock .* is out of date|ERROR::|Pipfile|\[Res|Locking)`},
			{
				tool: "conda", weight: message, starts: []string{"PackagesNotFoundError: ", "ResolvePackageNotFound:", "LibMambaUnsatisfiableError: ", "UnsatisfiableError: ", "CondaHTTPError: ", "EnvironmentNotWritableError: ", "CondaError: "}, within: 12,
				after: []rule{{like: `^\s*- \S|^\s*[└├│]`, do: show, most: 4}, {deeper: true, do: show, most: 3}},
			},
			{
				tool: "hatch", weight: message, starts: []string{"ERROR Missing dependencies", "ERROR Backend ", "ERROR: Backend "}, within: 4,
				after: []rule{{deeper: true, do: show}},
			},
			{
				tool: "tox", weight: message, starts: []string{"ERROR: "}, match: `^ERROR:\s+(?:(?P<name>[\w.-]+): (?:commands failed|could not install|InvocationError|InterpreterNotFound|parallel child exit)|(?:could not install deps|unknown environment|tox config file|MissingDirectory|InterpreterNotFound|missing tox))`,
			},
			{tool: "tox", weight: consequence, starts: []string{"ERROR: InvocationError"}},
			{tool: "tox", weight: consequence, words: []string{"exit "}, match: `^[\w.-]+: exit -?\d+ \([\d.]+ seconds\)`},
			{tool: "tox", weight: consequence, starts: []string{"evaluation failed :("}},
			{tool: "tox", weight: message, words: []string{"FAIL code ", "FAIL ✖"}, match: `^\s*[\w.-]+: (?:FAIL code \d+|FAIL ✖)`},
			{tool: "nox", weight: consequence, starts: []string{"nox > "}, match: `^nox > (?:Command .* failed|Session .* failed|\* .*: failed)`},
			{
				tool: "pre-commit", weight: message, starts: []string{"- hook id: "}, match: `^- hook id: (?P<name>\S+)`, head: show, within: 4, other: pass, confirm: `^- (?:exit code|files were modified)`,
				before: []look{{like: `\.{3,}(?:\(.*\))?Failed$`, reach: 1, most: 1, do: headline}},
				after:  []rule{{like: `^- (?:exit code|files were modified)`, do: show}},
			},
			{
				tool: "django", starts: []string{"SystemCheckError: "}, within: 40, other: pass, head: show,
				after: []rule{
					{like: `^\S+: \(\w+\.[EC]\d+\)|^\?: `, do: headline, most: 5},
					{like: `^\s+HINT`, do: more},
					{like: `^System check identified`, do: last},
				},
			},
			{tool: "django", weight: message, starts: []string{"CommandError: ", "Conflicting migrations detected", "Your models in app(s): "}},
			{
				tool: "django", weight: message, starts: []string{"Migrations for '"}, within: 20,
				after: []rule{{like: `^\s+(?P<file>\S+\.py)`, deeper: true, do: show, most: 2}, {deeper: true, do: more, most: 4}},
			},
			{tool: "alembic", weight: message, starts: []string{"ERROR [alembic", "FAILED: New upgrade operations", "FAILED: Target database", "FAILED: Can't locate", "FAILED: Multiple head"}},
		},
		harmless: []string{
			`^(?:python|py)\w*: .*: ok$`,
			`^\s*(?:DEBUG|INFO)[:\s]`,
		},
	}
}

// pipOutput are rules for the output of a build that pip quotes. Exceptions and errors
// in it are failures of their own, and the last lines say what is wrong.
var pipOutput = []rule{
	{like: `^\s+\[end of output\]`, do: pass, ends: true},
	{like: `^\s+(?:[Ee]rror: |ERROR: |fatal error: )`, do: show, most: 3},
}

const (
	// pythonLibrary matches the rest of a place in Python's own code, or in a package's.
	pythonLibrary = `(?:<|[^"]*(?:/lib/python|/site-packages/|/dist-packages/|\\Lib\\))`

	// pythonMessage is the line behind a traceback.
	pythonMessage = `^\s*(?:[A-Za-z_][\w.]*(?:\[.*\])?: |[\w.]*[A-Z]\w*$)`

	pythonSyntax = `^\s*(?:\w+\.)*(?:SyntaxError|IndentationError|TabError)(?:: |$)`
)

// tracebackRules are for what follows "Traceback". The message is the first line that
// is not indented. Some messages have several lines.
var tracebackRules = []rule{
	{like: `^\s*File "` + pythonLibrary, deeper: true, do: pass},
	{like: `^\s*File "(?P<file>[^"]+)", line (?P<line>\d+)`, deeper: true, do: more},
	{deeper: true, do: pass},
	{like: `^(?:subprocess\.)?CalledProcessError: `, do: headline, consequence: true, ends: true}, // what it ran has said why
	{like: `^\s*\w[\w.]*: (?:while |\d+ validation error|.*:$)`, do: headline, then: []rule{
		{like: `^(?:Traceback|During handling|The above exception)`, do: stop},
		{like: `^\s+For further information`, do: pass},
		{do: show},
	}, thenWithin: 5},
	{like: pythonMessage, do: headline, ends: true},
}
