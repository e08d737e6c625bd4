package joblog

// Tools that search for vulnerabilities and mistakes in code without running it: of
// infrastructure, SQL, images, dependencies and pages.
var auditFamily = family{
	facts: []fact{
		{
			tool: "checkov", starts: []string{"Check: CKV"}, within: 4, head: headline, confirm: `^\s+FAILED for resource`,
			after: []rule{{like: `^\s+(?:PASSED|SKIPPED) for`, do: stop}, {like: `^\s+FAILED for`, do: show}, {like: `^\s+File: /?(?P<file>[^\s:]+):(?P<line>\d+)`, do: show, ends: true}},
		},
		{tool: "hadolint", starts: []string{"Dockerfile"}, match: `^(?P<file>Dockerfile\S*?):(?P<line>\d+) (?:DL|SC)\d+ error: `},
		{tool: "hadolint", weight: mention, starts: []string{"Dockerfile"}, match: `^(?P<file>Dockerfile\S*?):(?P<line>\d+) (?:DL|SC)\d+ (?:warning|info|style): `},
		{
			tool: "sqlfluff", starts: []string{"== ["}, match: `^== \[(?P<file>[^\]]+)\] FAIL$`, within: 40,
			after: []rule{{like: `^== \[`, do: stop}, {like: `^L:\s+(?P<line>\d+) \|`, do: show, most: 4}, {like: `^\s+\|`, do: more, most: 2}, {like: `^L:|^\s+\|`, do: pass}},
		},
		{
			tool: "pip-audit", starts: []string{"Found #", "Found "}, match: `^Found \d+ known vulnerabilit`, within: 20,
			after: []rule{{like: `^(?:Name|-{3,})\b?`, do: pass}, {like: `^\S+\s+\d\S*\s+\S`, do: show, most: 4}, {do: pass}},
		},
		{
			tool: "safety", starts: []string{"-> Vulnerability found in "}, within: 6,
			after: []rule{{deeper: true, do: show, most: 2}},
		},
		{tool: "bundler-audit", weight: message, starts: []string{"Vulnerabilities found!"}},
		{
			tool: "brakeman", starts: []string{"Confidence: "}, match: `^Confidence: (?:High|Medium|Weak)$`, within: 8, head: more, confirm: `^Message: `,
			after: []rule{
				{like: `^Message: `, do: headline},
				{like: `^File: (?P<file>\S+)`, do: show},
				{like: `^Line: (?P<line>\d+)`, do: more, ends: true},
				{do: pass},
			},
		},
		{tool: "twine", weight: message, starts: []string{"ERROR    "}, match: `^ERROR    (?:HTTPError|InvalidDistribution|Cannot find file|UploadToDeprecated|ConnectionError)`},
		{tool: "mkdocs", weight: message, starts: []string{"Aborted with "}, match: `^Aborted with \d+ (?:warnings|errors|Configuration)`, before: []look{{like: `^(?:WARNING|ERROR)\s+-\s+`, reach: 10, most: 3, do: headline}}},
		{tool: "mkdocs", weight: message, starts: []string{"ERROR   -  ", "ERROR    -  ", "ERROR -  "}},
		{tool: "jekyll", weight: message, starts: []string{"Liquid Exception: ", "Conversion error: "}},
		{
			tool: "html-proofer", starts: []string{"* At "}, match: `^\* At (?P<file>[^\s:]+):(?P<line>\d+):$`, within: 2, head: show,
			after: []rule{{deeper: true, do: headline, ends: true}},
		},
		{tool: "html-proofer", weight: consequence, starts: []string{"HTML-Proofer found "}},
		{tool: "cocoapods", weight: message, starts: []string{"[!] "}, match: `^\[!\] (?:[A-Z].*)`},
		{tool: "luarocks", weight: message, starts: []string{"Error: No results matching query", "Error: Failed installing", "Error: Could not satisfy dependency", "Error: Build error"}},
		{tool: "cpanm", weight: message, starts: []string{"! Installing ", "! Couldn't find module", "! Bailing out", "! Testing ", "! Finding "}},
	},
}
