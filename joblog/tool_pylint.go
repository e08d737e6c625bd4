package joblog

// Linters and formatters of Python, and Sphinx.
var pylintFamily = family{
	facts: []fact{
		{
			// mypy, pyright.
			tool: "mypy", place: true, files: []string{".py", ".pyi"}, match: `^\s*(?P<file>[^\s:]+\.pyi?):(?P<line>\d+)(?::\d+)*(?: -)?:? error:`, within: 4,
			after: []rule{{like: `: (?:error|note|warning): `, do: stop}, {like: `^\s*[\^~]+`, do: pass}, {like: `^\S.*\[[\w-]+\]$`, do: show, ends: true}, {deeper: true, do: more, most: 1}},
		},
		{weight: never, place: true, files: []string{".py", ".pyi"}, match: `^\s*[^\s:]+\.pyi?:\d+(?::\d+)*(?: -)?:? (?:note|warning|information):`},
		{tool: "mypy", weight: consequence, starts: []string{"Found #", "Found "}, match: `^Found \d+ errors?\b`},

		// pylint: its errors say more than its warnings.
		{tool: "pylint", place: true, files: []string{".py", ".pyi"}, match: `^(?P<file>[^\s:]+\.pyi?):(?P<line>\d+):\d+: [EF]\d{4}: .* \([\w-]+\)$`},
		{tool: "pylint", weight: complaint, place: true, files: []string{".py", ".pyi"}, match: `^(?P<file>[^\s:]+\.pyi?):(?P<line>\d+):\d+: [CRWI]\d{4}: .* \([\w-]+\)$`},
		{tool: "pylint", place: true, files: []string{".py", ".pyi"}, match: `^(?P<file>[^\s:]+\.py):(?P<line>\d+): \[[EF]\d{4}`},
		{tool: "pylint", weight: complaint, place: true, files: []string{".py", ".pyi"}, match: `^(?P<file>[^\s:]+\.py):(?P<line>\d+): \[[CRWI]\d{4}`},
		{
			tool: "pydocstyle", place: true, files: []string{".py", ".pyi"}, match: `^(?P<file>[^\s:]+\.py):(?P<line>\d+) (?:at|in) .*:$`, within: 1, head: show,
			after: []rule{{deeper: true, do: headline}},
		},
		{tool: "pylint", weight: consequence, starts: []string{"Your code has been rated at"}},

		// flake8, ruff, pycodestyle, pydocstyle, vulture.
		{
			tool: "flake8", place: true, files: []string{".py", ".pyi", ".ipynb", ".toml"}, match: `^(?P<file>[^\s:]+):(?P<line>\d+):(?:\d+:)? (?:\[\w+\] )?[A-Z]{1,5}\d{2,5}\b`,
		},
		{
			tool: "ruff", starts: []string{"-->"}, match: `^\s*--> (?P<file>[^\s:]+\.(?:pyi?|ipynb|toml)):(?P<line>\d+):\d+$`, head: show,
			before: []look{{like: `^[A-Z]{1,5}\d{2,5} |^invalid-syntax|^\w+(?:\[[\w-]+\])?: `, reach: 1, most: 1, do: headline}},
		},
		{tool: "vulture", place: true, files: []string{".py", ".pyi"}, match: `^(?P<file>[^\s:]+\.py):(?P<line>\d+): (?:unused|unreachable) .* \(\d+% confidence`},
		{tool: "black", starts: []string{"would reformat ", "Would reformat: ", "error: cannot format ", "error: Failed to format "}, match: `(?:would reformat|Would reformat:|cannot format|Failed to (?:format|parse)) (?P<file>[^\s:]+)`},
		{tool: "black", weight: consequence, starts: []string{"Oh no!"}},
		{tool: "black", weight: consequence, starts: []string{"# file"}, match: `^\d+ files? would (?:be|fail)`},
		{tool: "isort", starts: []string{"ERROR: "}, match: `^ERROR: (?P<file>\S+) Imports are incorrectly sorted`},
		{
			tool: "bandit", starts: []string{">> Issue: "}, within: 5,
			after: []rule{{like: `^\s+Severity: `, do: more}, {like: `^\s+Location: (?P<file>[^\s:]+):(?P<line>\d+)`, do: show, ends: true}, {like: `^\s+CWE: `, do: pass}},
		},
		{tool: "codespell", words: []string{"==> "}, match: `^(?P<file>[^\s:]+):(?P<line>\d+): \S.* ==> \S`},
		{
			tool: "yamllint", words: []string{"error "}, match: `^\s+(?P<line>\d+):\d+\s+error\s.*\((?:[\w-]+)\)$`,
			before: []look{{like: `^(?P<file>[^\s:]+)$`, reach: 20, most: 1, do: headline}},
		},
		{tool: "yamllint", place: true, files: []string{".yml", ".yaml"}, match: `^(?P<file>[^\s:]+):(?P<line>\d+):\d+: \[error\] `},

		{
			tool: "sphinx", starts: []string{"Warning, treated as error:"}, head: show, within: 3,
			after: []rule{{like: `^(?P<file>[^\s:]+):(?P<line>\d+):`, do: headline, ends: true}, {do: headline, ends: true}},
		},
		{
			tool: "sphinx", starts: []string{"Extension error", "Theme error", "Configuration error", "Application error", "Sphinx error", "Exception occurred"}, match: `^\w+ (?:error(?: \(.*\))?|occurred):?$`, head: show, within: 4,
			after: []rule{{like: `^\s*File "(?P<file>[^"]+)", line (?P<line>\d+)`, do: more}, {do: headline, most: 1}},
		},
		{weight: never, sets: "sphinx", starts: []string{"Running Sphinx v"}},
		{tool: "sphinx", place: true, files: []string{".rst", ".md", ".txt", ".py"}, match: `^(?P<file>\S+\.\w+):(?P<line>\d+): (?:ERROR|CRITICAL|SEVERE): `},
		{tool: "sphinx", place: true, files: []string{".rst", ".md", ".txt", ".py"}, needs: "sphinx", match: `^(?P<file>\S+\.\w+):(?P<line>\d+): WARNING: `},
		{tool: "sphinx", weight: consequence, starts: []string{"build finished with problems"}},
	},
}
