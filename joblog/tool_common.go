package joblog

// Facts that many tools have in common.
var commonFamily = family{
	facts: []fact{
		// A usage text says nothing but its first line.
		{
			weight: complaint, fold: true, words: []string{"usage: "}, match: `^(?i:usage: )`, within: 80, head: show,
			after: []rule{{deeper: true, do: hide}, {like: `^\s*[\[<(-]`, do: hide}, {like: usageHeader, do: hide}},
		},
		{
			weight: never, fold: true, starts: []string{"usage:"}, match: `^\s*(?i:usage:)\s*$`, within: 80,
			after: []rule{{like: `^\s`, do: pass}, {like: usageHeader, do: pass}},
		},
		{weight: never, starts: []string{"#% ", "#%\x00", "Progress (", "Receiving objects:", "Resolving deltas:", "Counting objects:", "Compressing objects:", "remote: Counting", "remote: Compressing", "remote: Enumerating", "Unpacking objects:"}},
		{weight: never, starts: []string{
			"Selecting previously unselected", "Preparing to unpack", "Unpacking ", "Setting up ", "Get:#", "Hit:#", "Processing triggers for",
			"(Reading database", "fetch https://", "Requirement already satisfied", "Collecting ",
		}},
		{weight: never, starts: []string{"Get:", "Hit:", "Ign:"}, match: `^(?:Get|Hit|Ign):\d+ `},
		{weight: never, words: []string{"Pulling fs layer", "Verifying Checksum", "Download complete", "Pull complete"}, match: `^[0-9a-f]{12}: `},
		{weight: never, starts: []string{"(#/"}, match: `^\(\d+/\d+\) `},
		// Tests that passed, with any names.
		{weight: never, starts: []string{"✓ ", "✔ ", "√ ", "PASS ", "PASS: ", "PASSED ", "[PASS]", "[  PASSED  ]", "[       OK ]", "ok - ", "ok #"}},
		{tool: "", starts: []string{"FAIL: ", "FAILED: ", "[FAIL] ", "✗ ", "✘ ", "not ok "}, match: `^\s*\S+ (?P<name>\S.*)$`},
	},
	harmless: []string{
		`(?i)(?:\.\.\.? ?|: |  |\t)(?:ok|pass(?:ed)?|success)\.?$`,
		` (?:OK|PASS|PASSED)(?: +\[.*\])?$`,
		`(?i)\b(?:0|no) (?:\w+ )?(?:errors?|failures?|failed)\b`,
		`(?i)^\s*(?:\S+ )?(?:debug|info|notice|warn|warning)\b`,
		`(?i)\bdeprecat`,
	},
}

const usageHeader = `^[A-Za-z][\w ]*:$`
