package joblog

// The package managers of distributions.
var packagesFamily = family{
	facts: []fact{
		{tool: "apt", weight: consequence, starts: []string{"E: Sub-process ", "Errors were encountered while processing", "E: Some index files failed", "E: Failed to fetch some", "E: Unable to fetch some archives", "dpkg-buildpackage: ", "dh_auto_"}, match: `^(?:E|Err)|error: `},
		{tool: "apt", weight: never, starts: []string{"W: ", "N: "}},
		{
			tool: "apt", starts: []string{"The following packages have unmet dependencies"}, within: 12,
			after: []rule{{deeper: true, do: show, most: 6}},
		},
		{tool: "apt", weight: message, starts: []string{"E: ", "Err:#", "Err:"}, match: `^(?:E: |Err:\d)`, within: 2, after: []rule{{like: `^\s+\S`, do: show, most: 1}}},
		{
			tool: "dpkg", starts: []string{"dpkg: error", "dpkg-deb: error", "dpkg-checkbuilddeps: error", "dpkg-source: error", "dpkg: dependency problems"}, within: 6,
			after: []rule{{deeper: true, do: show, most: 4}},
		},
		{
			tool: "apk", weight: message, starts: []string{"ERROR: "}, match: `^ERROR: (?:unable to select packages|\S+: (?:No such package|temporary error|package mentioned|UNTRUSTED|BAD )|\d+ errors?)`, within: 8,
			after: []rule{{deeper: true, do: show, most: 6}},
		},
		{tool: "apk", weight: never, starts: []string{"WARNING: Ignoring ", "WARNING: opening from cache"}},
		{tool: "dnf", weight: message, starts: []string{"No match for argument: ", "Error: Unable to find a match", "Error: Failed to download metadata", "Error: Nothing to do", "No package ", "Error: GPG check FAILED", "Error: Transaction test error", "Errors during downloading metadata"}, match: `^(?:No match|Errors?|No package \S+ available)`},
		{tool: "dnf", weight: message, starts: []string{"Error: "}, match: `^Error:\s*$|^Error: \n?$|^Error: Problem`, within: 8, after: []rule{{deeper: true, do: show, most: 5}}},
		{tool: "zypper", weight: message, starts: []string{"No provider of '", "Package '"}, match: `^(?:No provider of|Package '.*' not found)`},
		{tool: "pacman", weight: message, starts: []string{"error: "}, match: `^error: (?:target not found|failed to (?:prepare|commit) transaction|failed retrieving file)`},
	},
}
